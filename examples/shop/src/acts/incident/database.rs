//! A PostgreSQL of the act's own, in a temporary folder, gone when the act is over, however it ends.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::Instant;

const START_LONGEST: Duration = Duration::from_secs(60);
const STOP_LONGEST: Duration = Duration::from_secs(15);
const STATEMENT_LONGEST: Duration = Duration::from_secs(20);
/// Debian keeps the programs of each version in a folder of its own.
const VERSIONS: &str = "/usr/lib/postgresql";
/// PostgreSQL does not run as root, and its package makes this user.
const USER: &str = "postgres";

pub struct Database {
    shell: Child,
    /// The server ends when this closes.
    input: Option<ChildStdin>,
    folder: PathBuf,
    programs: PathBuf,
    pub port: u16,
}

/// Where the programs of the newest installed server lie; none where there is none.
#[must_use]
pub fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let numbered = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        Some((number, version.path().join("bin")))
    });
    let usable = numbered.filter(|(_, bin)| bin.join("initdb").is_file() && bin.join("psql").is_file());
    usable.max().map(|(_, bin)| bin)
}

impl Database {
    /// Starts a server that listens on a free port of this machine, and asks everybody there for a password.
    ///
    /// # Errors
    /// It does not start in time.
    pub async fn start(programs: PathBuf) -> anyhow::Result<Database> {
        let folder = tempfile::Builder::new()
            .prefix("safeguard-run-postgres-")
            .tempdir()?
            .keep();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        // One shell makes the cluster, runs the server, and takes both away when its input ends.
        let script = format!(
            "cd '{folder}' && PATH='{bin}':$PATH
             initdb -D data -A trust -U postgres -E UTF8 --no-sync --locale=C >initdb.log 2>&1 &&
             printf 'local all all trust\\nhost all all 127.0.0.1/32 scram-sha-256\\n' >data/pg_hba.conf &&
             {{ postgres -D data -p {port} -k '{folder}' -c listen_addresses=127.0.0.1 -c fsync=off >server.log 2>&1 & }}
             server=$!
             read -r rest
             kill -QUIT $server; wait $server; rm -rf '{folder}'",
            folder = folder.display(),
            bin = programs.display(),
        );
        let mut command = if rustix::process::geteuid().is_root() {
            let owner = std::process::Command::new("chown")
                .arg(USER)
                .arg(&folder)
                .status()?;
            ensure!(
                owner.success(),
                "there is no user `{USER}`, whom PostgreSQL runs as"
            );
            let mut command = Command::new("setpriv");
            command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        let mut shell = command
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for us; we then end it in order.
            .process_group(0)
            .spawn()
            .context("cannot run `sh`")?;
        let input = shell.stdin.take();
        let database = Database {
            shell,
            input,
            folder,
            programs,
            port,
        };
        let begun = Instant::now();
        while let Err(error) = database.run("postgres", "SELECT 1").await {
            if begun.elapsed() > START_LONGEST {
                let log = database.log();
                database.stop().await;
                bail!("PostgreSQL did not start: {error:#}; {log}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(database)
    }

    /// Runs SQL as the superuser, past everybody who stands in front, and returns what it says.
    ///
    /// # Errors
    /// It fails.
    pub async fn run(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let socket = self.folder.display().to_string();
        let place = format!("host={socket} port={} user=postgres dbname={database}", self.port);
        let output = self.psql(&[&place], sql, "").await?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Runs SQL with psql, whoever answers there.
    ///
    /// # Errors
    /// psql can not be run, or takes too long.
    pub async fn psql(&self, arguments: &[&str], sql: &str, password: &str) -> anyhow::Result<Output> {
        let run = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-w", "-c", sql])
            .args(arguments)
            .env("PGPASSWORD", password)
            .current_dir("/")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(STATEMENT_LONGEST, run).await;
        Ok(output.context("psql took too long")??)
    }

    /// Ends it, and takes everything away.
    pub async fn stop(mut self) {
        drop(self.input.take());
        if tokio::time::timeout(STOP_LONGEST, self.shell.wait())
            .await
            .is_err()
        {
            eprintln!("PostgreSQL did not end: see {}", self.folder.display());
        }
    }

    /// The last words of whoever failed.
    fn log(&self) -> String {
        let logs = ["server.log", "initdb.log"].map(|name| std::fs::read_to_string(self.folder.join(name)));
        let said = logs.into_iter().flatten().find(|log| !log.is_empty());
        let said = said.unwrap_or_else(|| "it said nothing".to_owned());
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(3)..].join("; ")
    }
}
