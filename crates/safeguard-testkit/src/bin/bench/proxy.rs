//! The guard in front of PostgreSQL beside pgbouncer and nothing: pgbench, refusals, measured writes, idle sessions.

use std::time::Duration;

use crate::guarded::{Database, Front, LOGIN, ROLE, SESSIONS_ASKING};
use crate::pgbench::{Asks, MODES, Measured, Way};
use crate::report::{Row, median};
use crate::sessions;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const CLIENTS: &[u32] = &[1, 16, 64];

#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    p50s: Vec<f64>,
    p95s: Vec<f64>,
    cpus: Vec<f64>,
}

pub fn run() -> anyhow::Result<Vec<Row>> {
    sessions::make_room()?;
    let mut rows = Vec::new();
    {
        let database = Database::start(SESSIONS_ASKING)?;
        let safeguard = Front::safeguard(&database)?;
        let pgbouncer = Front::pgbouncer(&database)?;
        let ways = [
            Way {
                name: "direct",
                address: database.address(),
                login: ROLE,
                process: None,
            },
            Way {
                name: "pgbouncer",
                address: pgbouncer.address,
                login: ROLE,
                process: Some(&pgbouncer.process),
            },
            Way {
                name: "safeguard",
                address: safeguard.address,
                login: LOGIN,
                process: Some(&safeguard.process),
            },
        ];
        rows.extend(loads(&ways)?);
        rows.extend(sessions::refusals(safeguard.address)?);
    }
    // A server of its own, since what PostgreSQL does for a count of locks grows with the sessions that it has room for.
    let database = Database::start(sessions::IDLE + SESSIONS_ASKING)?;
    let safeguard = Front::safeguard(&database)?;
    rows.extend(sessions::idle(safeguard.address, &safeguard.process)?);
    Ok(rows)
}

/// Everything in rounds, so that what else the machine does hits all ways alike.
fn loads(ways: &[Way<'_>; 3]) -> anyhow::Result<Vec<Row>> {
    let mut loads: Vec<(Asks, &str, u32, [Figures; 3])> = Vec::new();
    for &clients in CLIENTS {
        for &mode in MODES {
            loads.push((Asks::Select, mode, clients, Default::default()));
        }
    }
    for clients in [1, 16] {
        loads.push((Asks::Update, "prepared", clients, Default::default()));
    }
    for round in 0..ROUNDS {
        eprintln!("    round {} of {ROUNDS}", round + 1);
        for (asks, mode, clients, figures) in &mut loads {
            for (way, figures) in ways.iter().zip(figures) {
                figures.add(way.measure(*asks, mode, *clients, ROUND)?);
            }
        }
    }
    Ok(loads
        .into_iter()
        .flat_map(|(asks, mode, clients, [direct, pgbouncer, own])| match asks {
            Asks::Select => selects(mode, clients, direct, pgbouncer, own),
            Asks::Update => updates(clients, direct, pgbouncer, own),
        })
        .collect())
}

fn selects(
    mode: &str,
    clients: u32,
    mut direct: Figures,
    mut pgbouncer: Figures,
    mut own: Figures,
) -> Vec<Row> {
    let name = format!("proxy SELECT by key, {mode}, {}", of_clients(clients));
    let rate = median(&mut own.rates);
    let cpu = median(&mut own.cpus);
    let latency = |quantile, value| Row::new(format!("{name}, {quantile}"), value, "ms");
    let (p50, p95) = (median(&mut own.p50s), median(&mut own.p95s));
    vec![
        Row::new(name.clone(), rate, "transactions/s")
            .beside("pgbouncer", median(&mut pgbouncer.rates))
            .at_least_of_peer(1.0),
        Row::new(name.clone(), rate, "transactions/s").beside("direct", median(&mut direct.rates)),
        latency("p50", p50).beside("pgbouncer", median(&mut pgbouncer.p50s)),
        latency("p50", p50).beside("direct", median(&mut direct.p50s)),
        latency("p95", p95).beside("pgbouncer", median(&mut pgbouncer.p95s)),
        latency("p95", p95).beside("direct", median(&mut direct.p95s)),
        Row::new(format!("{name}, the proxy's processor time"), cpu, "µs")
            .beside("pgbouncer", median(&mut pgbouncer.cpus)),
    ]
}

/// What stands in the way adds; what the proxy adds beyond pgbouncer is what it costs to measure.
fn updates(clients: u32, mut direct: Figures, mut pgbouncer: Figures, mut own: Figures) -> Vec<Row> {
    let name = format!("proxy measured UPDATE by key, {}", of_clients(clients));
    let rate = median(&mut own.rates);
    let base = median(&mut direct.p50s);
    let added = median(&mut own.p50s) - base;
    vec![
        Row::new(name.clone(), rate, "transactions/s").beside("pgbouncer", median(&mut pgbouncer.rates)),
        Row::new(name.clone(), rate, "transactions/s").beside("direct", median(&mut direct.rates)),
        Row::new(format!("{name}, p50"), base + added, "ms").beside("direct", base),
        Row::new(format!("{name}, added, p50"), added, "ms")
            .beside("pgbouncer", median(&mut pgbouncer.p50s) - base),
        Row::new(
            format!("{name}, the proxy's processor time"),
            median(&mut own.cpus),
            "µs",
        )
        .beside("pgbouncer", median(&mut pgbouncer.cpus)),
    ]
}

fn of_clients(clients: u32) -> String {
    let end = if clients == 1 { "" } else { "s" };
    format!("{clients} client{end}")
}

impl Figures {
    fn add(&mut self, measured: Measured) {
        self.rates.push(measured.per_second);
        self.p50s.push(measured.p50_ms);
        self.p95s.push(measured.p95_ms);
        self.cpus.extend(measured.cpu_us);
    }
}
