//! `safeguard proxy run` in front of a database `shop`, ended when it is dropped.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::live::up::binary;
use crate::ports::free_address;
use crate::postgres::{Postgres, psql};

const START_LONGEST: Duration = Duration::from_secs(30);
/// Of every login.
pub const PASSWORD: &str = "correct horse";

pub struct Proxy {
    process: Child,
    address: SocketAddr,
}

impl Proxy {
    /// In production, with logins and their principals. Behind it is a role that may do everything: what is refused here, the
    /// proxy refuses.
    pub fn start(postgres: &Postgres, logins: &[(&str, &str)], words: &[&str]) -> Proxy {
        let address = free_address();
        let mut config = format!(
            "mode = \"enforce\"\n[proxies.shop]\nlisten = \"{address}\"\nenvironment = \"production\"\n\
            [proxies.shop.upstream]\nhost = \"127.0.0.1\"\nport = {}\ndatabase = \"shop\"\nuser = \"postgres\"\n",
            postgres.port
        );
        for (login, principal) in logins {
            let verifier = verifier(postgres);
            config.push_str(&format!(
                "[proxies.shop.users.{login}]\nprincipal = \"{principal}\"\nverifier = \"{verifier}\"\n"
            ));
        }
        let file = postgres.folder().join("proxy.toml");
        std::fs::write(&file, config).expect("a configuration");
        let process = Command::new(binary("safeguard"))
            .args(["proxy", "run", "--config"])
            .arg(&file)
            .args(words)
            .current_dir(postgres.folder())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the proxy runs");
        let proxy = Proxy { process, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begun.elapsed() < START_LONGEST, "the proxy does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        proxy
    }

    pub fn psql(&self, login: &str, sql: &str) -> Output {
        psql(&self.url(login), PASSWORD, sql)
    }

    pub fn url(&self, login: &str) -> String {
        format!("postgres://{login}@{}/shop", self.address)
    }

    pub fn refused(&self, login: &str, sql: &str) -> String {
        let output = self.psql(login, sql);
        assert!(!output.status.success(), "{login} may: {sql}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    pub fn answered(&self, login: &str, sql: &str) -> String {
        let output = self.psql(login, sql);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{login}: {sql}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it has ended");
    }
}

pub fn verifier(postgres: &Postgres) -> String {
    let mut child = Command::new(binary("safeguard"))
        .args(["proxy", "verifier"])
        .current_dir(postgres.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("safeguard runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(PASSWORD.as_bytes()).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
