//! pgbench: what it asks, and what it and its log say.

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use safeguard_testkit::postgres::installed;

use crate::guarded::{DATABASE, PASSWORD};
use crate::processes::Running;
use crate::report::quantile;

/// Until everybody has logged in, which is no part of a transaction.
const LOGIN_LONGEST: Duration = Duration::from_secs(1);
/// So much of its log is written: enough for a tail, too little to slow it.
const LOGGED: &str = "0.1";

/// Which messages carry a statement.
pub const MODES: &[&str] = &["simple", "extended", "prepared"];

/// What each client does again and again.
#[derive(Debug, Clone, Copy)]
pub enum Asks {
    /// pgbench's own: a row by its key.
    Select,
    /// One row is changed by its key: what a service may do, measured.
    Update,
}

const UPDATE: &str = "\\set aid random(1, 100000)
UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid = :aid;
";

/// A way to the database.
pub struct Way<'w> {
    pub name: &'static str,
    pub address: SocketAddr,
    pub login: &'static str,
    /// What stands in the way.
    pub process: Option<&'w Running>,
}

pub struct Measured {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    /// Processor time of what stands in the way, for each transaction.
    pub cpu_us: Option<f64>,
}

impl Way<'_> {
    /// Has so many clients ask for so long.
    pub fn measure(
        &self,
        asks: Asks,
        mode: &str,
        clients: u32,
        length: Duration,
    ) -> anyhow::Result<Measured> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("update.sql");
        fs::write(&script, UPDATE)?;
        let mut command = Command::new(installed("pgbench")?);
        command
            .args(["--no-vacuum", "--log", "--sampling-rate", LOGGED])
            .arg(format!(
                "--log-prefix={}",
                folder.path().join("transactions").display()
            ))
            .arg(format!("--protocol={mode}"))
            .arg(format!("--client={clients}"))
            .arg(format!("--time={}", length.as_secs()))
            .arg(format!("--host={}", self.address.ip()))
            .arg(format!("--port={}", self.address.port()))
            .arg(format!("--username={}", self.login));
        match asks {
            Asks::Select => command.arg("--select-only"),
            Asks::Update => command.arg("--file").arg(&script),
        };
        let child = command
            .arg(DATABASE)
            .env("PGPASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start pgbench")?;
        let busy = self
            .process
            .map(|process| busy_share(process, length))
            .transpose();
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "pgbench, {}: {}",
            self.name,
            complained.trim()
        );
        let per_second = per_second(&said).with_context(|| format!("pgbench says something else: {said}"))?;
        let mut latencies = Vec::new();
        for entry in fs::read_dir(folder.path())? {
            let path = entry?.path();
            if path != script {
                latencies.extend(latencies_ms(&fs::read_to_string(path)?));
            }
        }
        ensure!(
            !latencies.is_empty(),
            "pgbench, {}: nothing was logged",
            self.name
        );
        Ok(Measured {
            per_second,
            p50_ms: quantile(&mut latencies, 0.5),
            p95_ms: quantile(&mut latencies, 0.95),
            cpu_us: busy?.map(|share| share * 1e6 / per_second),
        })
    }
}

/// How much of a core a process uses while nobody logs in any more and nobody has left.
fn busy_share(process: &Running, length: Duration) -> anyhow::Result<f64> {
    std::thread::sleep(LOGIN_LONGEST);
    let (began, cpu) = (Instant::now(), process.cpu()?);
    std::thread::sleep(length.saturating_sub(LOGIN_LONGEST));
    let busy = process.cpu()? - cpu;
    Ok(busy.as_secs_f64() / began.elapsed().as_secs_f64())
}

/// The last figure is the one without the time to connect.
fn per_second(said: &str) -> Option<f64> {
    let line = said.lines().rfind(|line| line.starts_with("tps = "))?;
    line.split(' ').nth(2)?.parse().ok()
}

/// Client, number, microseconds, and more.
fn latencies_ms(log: &str) -> impl Iterator<Item = f64> {
    log.lines()
        .filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok())
        .map(|microseconds| microseconds / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pgbench_says_is_read() {
        let said = "latency average = 0.05 ms\ntps = 18000.5 (including connections establishing)\ntps = 18012.734506 (without initial connection time)\n";
        assert_eq!(per_second(said), Some(18012.734506));
        assert_eq!(per_second("pgbench (15.18)\n"), None);
        let log = "0 199 2241 0 1175850568 995598\n0 200 500 0 1175850568 998079\n";
        assert_eq!(latencies_ms(log).collect::<Vec<_>>(), [2.241, 0.5]);
    }
}
