//! A PostgreSQL server of its own, in a temporary folder, without anybody's data; stopped when it is dropped.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

const START_LONGEST: Duration = Duration::from_secs(60);
/// PostgreSQL does not run as root, and Debian's package makes this user.
const USER: &str = "postgres";

pub struct Server {
    process: Child,
    folder: tempfile::TempDir,
    pub port: u16,
}

impl Server {
    /// Makes a cluster that trusts whoever is on this machine, and starts it with these settings, each as `name=value`.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not answer within a minute.
    pub fn start(settings: &[&str]) -> anyhow::Result<Server> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let data = folder.path().join("data");
        if is_root() {
            must(Command::new("chown").arg(USER).arg(folder.path()))?;
        }
        must(
            program("initdb")?
                .args([
                    "--auth=trust",
                    "--username=postgres",
                    "--encoding=UTF8",
                    "--no-sync",
                    "-D",
                ])
                .arg(&data),
        )?;
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .context("there is no free port")?
            .port();
        let mut command = program("postgres")?;
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", folder.path().display()));
        for setting in settings {
            command.args(["-c", setting]);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start PostgreSQL")?;
        let mut server = Server {
            process,
            folder,
            port,
        };
        let begun = Instant::now();
        while !server.psql("postgres", "postgres", "SELECT 1")?.status.success() {
            let ended = server.process.try_wait()?;
            ensure!(ended.is_none(), "PostgreSQL ended while it started: {ended:?}");
            ensure!(begun.elapsed() < START_LONGEST, "PostgreSQL does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as somebody, until the first error.
    ///
    /// # Errors
    /// When psql can not be run.
    pub fn psql(&self, user: &str, database: &str, sql: &str) -> anyhow::Result<Output> {
        psql(&self.url(user, database), "", sql)
    }

    /// Everything of the server lies in it; the cluster itself in `data`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        // SIGQUIT ends the server and all its sessions at once; a kill would leave its children.
        if let Some(id) = Pid::from_raw(self.process.id().cast_signed())
            && let Err(error) = kill_process(id, Signal::QUIT)
        {
            eprintln!("cannot end PostgreSQL: {error}");
        }
        if let Err(error) = self.process.wait() {
            eprintln!("cannot wait for PostgreSQL's end: {error}");
        }
    }
}

/// Runs SQL at an address, until the first error.
///
/// # Errors
/// When psql can not be run.
pub fn psql(url: &str, password: &str, sql: &str) -> anyhow::Result<Output> {
    let mut psql = Command::new("psql")
        .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", url])
        .env("PGPASSWORD", password)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start psql")?;
    let mut input = psql.stdin.take().context("psql has no input")?;
    // Whoever is refused may have left before it reads.
    drop(input.write_all(sql.as_bytes()));
    drop(input);
    psql.wait_with_output().context("cannot wait for psql")
}

/// One of PostgreSQL's programs, as the user that the server runs as.
///
/// # Errors
/// When it is not installed.
pub fn program(name: &str) -> anyhow::Result<Command> {
    Ok(as_user(&installed(name)?))
}

/// Whatever will not run as root, as the user that the server runs as. `exec`s keep the pid, so that a signal reaches the
/// program itself.
pub fn as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let user = [format!("--reuid={USER}"), format!("--regid={USER}")];
    command.args(user).arg("--clear-groups").arg(program);
    // The folder that this was started in may be closed to that user.
    command.current_dir("/");
    command
}

/// Debian keeps the programs of each version in a folder of its own; the newest counts where none is asked for.
///
/// # Errors
/// When it is not installed.
pub fn installed(name: &str) -> anyhow::Result<PathBuf> {
    if let Some(asked) = std::env::var_os("SAFEGUARD_POSTGRES_PROGRAMS") {
        return Ok(PathBuf::from(asked).join(name));
    }
    let missing =
        || format!("PostgreSQL's server is not installed, or without `{name}`: `./test` installs it");
    let versions = std::fs::read_dir("/usr/lib/postgresql").with_context(missing)?;
    let mut versions: Vec<PathBuf> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)))
        .filter(|path| path.is_file())
        .collect();
    versions.sort();
    versions.pop().with_context(missing)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn must(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", said.trim());
    Ok(())
}
