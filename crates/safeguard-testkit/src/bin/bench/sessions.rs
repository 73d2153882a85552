//! Sessions through the proxy, one statement at a time: how long a refusal takes, and what idle ones cost.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

use crate::guarded::{DATABASE, LOGIN, PASSWORD};
use crate::processes::{Running, memory_bytes};
use crate::report::{Row, median, quantile};

pub const IDLE: usize = 5_000;
/// Of an idle session, in the proxy.
const KIBIBYTES_MAX: f64 = 64.0;
/// Logins at once.
const OPENING: usize = 16;
const STATEMENTS: u32 = 2_000;
/// Of a server's session, with what it knows of the catalog.
const SERVER_SESSION_BYTES: u64 = 2 << 20;
/// SQLSTATE `insufficient_privilege`: refused by policy.
const REFUSED: &str = "42501";
/// Allocators and the kernel give back late.
const SETTLED: Duration = Duration::from_secs(2);

/// How long a refused statement takes against one that is let through. Each has another text: nothing that is kept of texts helps.
pub fn refusals(proxy: SocketAddr) -> anyhow::Result<Vec<Row>> {
    runtime()?.block_on(async {
        let client = connect(proxy).await?;
        let (mut refused, mut allowed) = (Vec::new(), Vec::new());
        for number in 0..STATEMENTS {
            let began = Instant::now();
            let answer = client
                .simple_query(&format!("DELETE FROM pgbench_accounts WHERE aid = {number}"))
                .await;
            refused.push(milliseconds(began));
            match answer {
                Err(error) if error.code().is_some_and(|code| code.code() == REFUSED) => {}
                other => bail!("a service's DELETE was not refused by the policy: {other:?}"),
            }
            let began = Instant::now();
            client.simple_query(&format!("SELECT {number}")).await?;
            allowed.push(milliseconds(began));
        }
        let row = |quantile: &str, refused, allowed| {
            Row::new(format!("proxy refused statement, {quantile}"), refused, "ms")
                .beside("SELECT 1", allowed)
        };
        Ok(vec![
            row("p50", median(&mut refused), median(&mut allowed)),
            row("p95", quantile(&mut refused, 0.95), quantile(&mut allowed, 0.95)),
        ])
    })
}

/// What the proxy keeps for each idle session, and how another session fares beside them.
pub fn idle(proxy: SocketAddr, process: &Running) -> anyhow::Result<Vec<Row>> {
    runtime()?.block_on(async {
        let asking = connect(proxy).await?;
        let mut alone = ask(&asking).await?;
        std::thread::sleep(SETTLED);
        let before = memory_bytes(process.id())? as f64;
        let mut opening = JoinSet::new();
        let mut idle = Vec::new();
        for number in 0..IDLE {
            if opening.len() == OPENING {
                idle.extend(opened(&mut opening).await?);
            }
            opening.spawn(async move {
                let client = connect(proxy)
                    .await
                    .with_context(|| format!("session {number}"))?;
                // Idle is who has asked once.
                ask_once(&client, 1).await?;
                anyhow::Ok(client)
            });
        }
        while let Some(client) = opened(&mut opening).await? {
            idle.push(client);
        }
        std::thread::sleep(SETTLED);
        let each = (memory_bytes(process.id())? as f64 - before) / IDLE as f64 / 1024.0;
        let mut beside = ask(&asking).await?;
        let still_open = idle.iter().filter(|client| !client.is_closed()).count();
        ensure!(
            still_open == IDLE,
            "only {still_open} of {IDLE} sessions are still open"
        );
        let row = |quantile: &str, beside, alone| {
            Row::new(
                format!("proxy SELECT by key beside 5,000 idle sessions, {quantile}"),
                beside,
                "ms",
            )
            .beside("no other", alone)
        };
        Ok(vec![
            Row::new("proxy memory of an idle session, of 5,000", each, "KiB").at_most(KIBIBYTES_MAX),
            row("p50", median(&mut beside), median(&mut alone)),
            row("p95", quantile(&mut beside, 0.95), quantile(&mut alone, 0.95)),
        ])
    })
}

async fn opened(opening: &mut JoinSet<anyhow::Result<Client>>) -> anyhow::Result<Option<Client>> {
    opening.join_next().await.transpose()?.transpose()
}

/// Milliseconds of each of many statements.
async fn ask(client: &Client) -> anyhow::Result<Vec<f64>> {
    let mut taken = Vec::new();
    for number in 1..=STATEMENTS {
        let began = Instant::now();
        ask_once(client, number).await?;
        taken.push(milliseconds(began));
    }
    Ok(taken)
}

async fn ask_once(client: &Client, key: u32) -> anyhow::Result<()> {
    let sql = format!("SELECT abalance FROM pgbench_accounts WHERE aid = {key}");
    client.simple_query(&sql).await?;
    Ok(())
}

async fn connect(proxy: SocketAddr) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::Config::new()
        .host(proxy.ip().to_string())
        .port(proxy.port())
        .user(LOGIN)
        .password(PASSWORD)
        .dbname(DATABASE)
        .connect(NoTls)
        .await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("a session ended: {error}");
        }
    });
    Ok(client)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Ok(builder.enable_all().build()?)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

/// Raises the limit of open files as far as this process may, for the proxy that is started after it, and checks that the machine can hold so many sessions at all.
pub fn make_room() -> anyhow::Result<()> {
    // The proxy has two connections for each session, and it inherits the limit of this process.
    let needed = 2 * IDLE as u64 + 500;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
        ensure!(
            raised == needed,
            "a process may open {raised} files here, and {IDLE} idle sessions take {needed}"
        );
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(raised),
                ..limit
            },
        )?;
    }
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let available = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .context("the kernel does not say how much memory is available")?
        << 10;
    let taken = SERVER_SESSION_BYTES * IDLE as u64;
    ensure!(
        available > taken,
        "PostgreSQL needs about {} GiB for {IDLE} sessions, and {} GiB are available",
        taken >> 30,
        available >> 30
    );
    Ok(())
}
