//! The proxy in front of the database, with a login for the agent and one for migrations.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::database::Database;
use crate::acts::StageOfActs;
use crate::acts::installation::terminate;

const START_LONGEST: Duration = Duration::from_secs(30);

pub struct Proxy {
    process: Child,
    address: SocketAddr,
    /// Of the logins at the proxy. That of the proxy's own role is another, which nobody else has.
    password: String,
}

impl Proxy {
    /// Makes the database and the role behind, which owns everything: what is refused here, the proxy refuses.
    pub(super) async fn start(stage: &StageOfActs<'_>, database: &Database) -> anyhow::Result<Proxy> {
        let (password, own) = (secret()?, secret()?);
        let role = format!("CREATE ROLE shop LOGIN PASSWORD '{own}'");
        for sql in [role.as_str(), "CREATE DATABASE shop OWNER shop"] {
            database.run("postgres", sql).await?;
        }
        let binary = &stage.options.safeguard;
        let verifier = verifier(binary, &password).await?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut config = format!(
            "mode = \"enforce\"\n\n[proxies.shop]\nlisten = \"{address}\"\nenvironment = \"production\"\n\n\
             [proxies.shop.upstream]\nhost = \"127.0.0.1\"\nport = {}\ndatabase = \"shop\"\nuser = \"shop\"\n\
             password_variable = \"SHOP_PASSWORD\"\n",
            database.port
        );
        for (login, principal) in [("coder", "agent"), ("migrations", "migration")] {
            config.push_str(&format!(
                "\n[proxies.shop.users.{login}]\nprincipal = \"{principal}\"\nverifier = \"{verifier}\"\n"
            ));
        }
        let file = stage.place.config().with_file_name("proxy.toml");
        std::fs::write(&file, config)?;
        let process = Command::new(binary)
            .args(["proxy", "run", "--with-server", "--config"])
            .arg(&file)
            .env("SAFEGUARD_STATE", stage.place.state())
            .env("SHOP_PASSWORD", own)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(file.with_extension("log"))?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run `{}`", binary.display()))?;
        let proxy = Proxy {
            process,
            address,
            password,
        };
        let begun = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            if begun.elapsed() > START_LONGEST {
                let said = std::fs::read_to_string(file.with_extension("log"))?;
                bail!("the proxy does not listen; it said: {said}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(proxy)
    }

    /// What a statement is refused with; none when it is not.
    pub async fn refusal(
        &self,
        database: &Database,
        login: &str,
        sql: &str,
    ) -> anyhow::Result<Option<String>> {
        let at = self.address;
        let place = format!("host={} port={} user={login} dbname=shop", at.ip(), at.port());
        let output = database.psql(&[&place], sql, &self.password).await?;
        let refusal = refused_with(&output);
        if let Some(why) = &refusal {
            ensure!(why.contains("rule `"), "no rule refuses `{sql}`: {why}");
        }
        Ok(refusal)
    }

    /// The same login at the database itself.
    pub async fn past(&self, database: &Database) -> anyhow::Result<Option<String>> {
        let place = format!("host=127.0.0.1 port={} user=coder dbname=shop", database.port);
        let output = database
            .psql(&[&place], "DROP TABLE audit_log", &self.password)
            .await?;
        Ok(refused_with(&output))
    }

    pub async fn stop(mut self) {
        terminate(&mut self.process).await;
    }
}

/// The sentence, then the hint; what stands between is for the log.
fn refused_with(output: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said.lines().filter(|line| !line.starts_with("DETAIL:"));
    let words = lines.map(|line| {
        let line = line.trim_start_matches("ERROR:").trim();
        line.replacen("HINT: ", "hint:", 1)
    });
    (!output.status.success()).then(|| words.collect::<Vec<_>>().join("\n"))
}

async fn verifier(binary: &Path, password: &str) -> anyhow::Result<String> {
    let mut child = Command::new(binary)
        .args(["proxy", "verifier"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child.stdin.take().context("standard input was not piped")?;
    input.write_all(password.as_bytes()).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "`safeguard proxy verifier` makes none");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A password for the length of an act.
fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
