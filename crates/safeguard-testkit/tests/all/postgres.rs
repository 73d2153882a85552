//! A PostgreSQL server of its own, in a temporary folder, without anybody's data; stopped when it is dropped.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::live::up::binary;

const START_LONGEST: Duration = Duration::from_secs(60);
/// PostgreSQL does not run as root, and Debian's package makes this user.
const USER: &str = "postgres";

pub struct Postgres {
    server: Child,
    folder: tempfile::TempDir,
    pub port: u16,
}

impl Postgres {
    pub fn start() -> Postgres {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        if is_root() {
            run(Command::new("chown").arg(USER).arg(folder.path()));
        }
        run(program("initdb")
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(&data));
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a free port")
            .port();
        let mut command = program("postgres");
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", folder.path().display()));
        let server = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres starts");
        let postgres = Postgres { server, folder, port };
        let begun = Instant::now();
        while !postgres.psql("postgres", "postgres", "SELECT 1").status.success() {
            assert!(begun.elapsed() < START_LONGEST, "PostgreSQL does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        postgres
    }

    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as somebody, until the first error.
    pub fn psql(&self, user: &str, database: &str, sql: &str) -> Output {
        psql(&self.url(user, database), "", sql)
    }

    /// What it answers, and it must.
    pub fn must(&self, user: &str, database: &str, sql: &str) -> String {
        let output = self.psql(user, database, sql);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{user}: {sql}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What it is refused with, and it must be.
    pub fn refused(&self, user: &str, database: &str, sql: &str) -> String {
        let output = self.psql(user, database, sql);
        assert!(!output.status.success(), "{user} may: {sql}");
        String::from_utf8_lossy(&output.stderr).trim().to_owned()
    }

    /// Runs safeguard in this server's folder.
    pub fn safeguard(&self, words: &[&str]) -> Output {
        Command::new(binary("safeguard"))
            .args(words)
            .current_dir(self.folder())
            .env("NO_COLOR", "1")
            .output()
            .expect("safeguard runs")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT ends the server and all its sessions at once; a kill would leave its children.
        let pid = i32::try_from(self.server.id()).expect("a pid");
        let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
        rustix::process::kill_process(pid, rustix::process::Signal::QUIT).expect("it can be ended");
        self.server.wait().expect("it has ended");
    }
}

/// Runs SQL at an address, until the first error.
pub fn psql(url: &str, password: &str, sql: &str) -> Output {
    let mut psql = Command::new("psql")
        .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", url])
        .env("PGPASSWORD", password)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql runs");
    let mut input = psql.stdin.take().expect("a pipe");
    // Whoever is refused may have left before it reads.
    drop(input.write_all(sql.as_bytes()));
    drop(input);
    psql.wait_with_output().expect("psql ends")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `exec`s keep the pid, so that the signal reaches the server itself.
fn program(name: &str) -> Command {
    let path = installed(name);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    let user = [format!("--reuid={USER}"), format!("--regid={USER}")];
    command.args(user).arg("--clear-groups").arg(path);
    // The folder that the test was started in may be closed to that user.
    command.current_dir("/");
    command
}

/// Debian keeps the programs of each version in a folder of its own; the newest counts where none is asked for.
fn installed(name: &str) -> PathBuf {
    if let Some(asked) = std::env::var_os("SAFEGUARD_POSTGRES_PROGRAMS") {
        return PathBuf::from(asked).join(name);
    }
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed: `./test` does it");
    let mut versions: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)))
        .filter(|path| path.is_file())
        .collect();
    versions.sort();
    versions
        .pop()
        .expect("PostgreSQL's server is installed: `./test` does it")
}

fn run(command: &mut Command) {
    let output = command.output().expect("it runs");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
