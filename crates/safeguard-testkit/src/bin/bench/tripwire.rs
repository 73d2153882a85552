//! A candidate begins to fail behind a real router: from the first failed answer to the last one that a user saw.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use safeguard_api::id::ReleaseId;

use crate::backend::Backend;
use crate::load::{Load, Outcome, Seen};
use crate::processes::cores;
use crate::report::{Row, quantile};
use crate::router_process::{Router, Share};

const ANY_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Services at the same time, each with its own candidate, judge and users.
const SERVICES: usize = 6;
const ROUNDS: u32 = 8;
/// 500 requests a second for each service, a tenth of them on the candidate.
const USERS: u32 = 500;
const PAUSE: Duration = Duration::from_secs(1);
const WEIGHT: u8 = 10;
const HEALTHY: Duration = Duration::from_millis(2500);
const FAILING: Duration = Duration::from_millis(2500);

pub fn run() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut seconds, mut failed) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        eprintln!("    round {} of {ROUNDS}", round + 1);
        for (off, bad) in runtime.block_on(fail(round))? {
            seconds.push(off);
            failed.push(bad);
        }
    }
    Ok(vec![
        Row::new(
            "tripwire total failure, fault to off, median",
            quantile(&mut seconds, 0.5),
            "s",
        ),
        Row::new(
            "tripwire total failure, fault to off, p95",
            quantile(&mut seconds, 0.95),
            "s",
        )
        .at_most(0.5),
        Row::new(
            "tripwire total failure, failed requests, median",
            quantile(&mut failed, 0.5),
            "requests",
        )
        .at_most(10.0),
        Row::new(
            "tripwire total failure, failed requests, p95",
            quantile(&mut failed, 0.95),
            "requests",
        )
        .at_most(30.0),
    ])
}

/// Lets every service's candidate fail at once; returns the seconds and the failed requests of each, as users saw them.
async fn fail(round: u32) -> anyhow::Result<Vec<(f64, f64)>> {
    let (core, _) = cores();
    let mut router = Router::start(core, SERVICES).await?;
    let mut arms = Vec::new();
    let mut candidates: Vec<Arc<Backend>> = Vec::new();
    for service in 0..SERVICES {
        let candidate = Backend::new("candidate");
        let share = Share {
            release: ReleaseId::new(2, round << 8 | service as u32),
            address: candidate.spawn(ANY_ADDRESS).await?,
            weight: WEIGHT,
            epoch: 1,
            judged: true,
        };
        arms.push((Backend::new("stable").spawn(ANY_ADDRESS).await?, Some(share)));
        candidates.push(candidate);
    }
    router.apply(&arms).await?;
    let loads: Vec<Load> = router
        .addresses
        .iter()
        .map(|address| Load::start(*address, USERS, PAUSE))
        .collect();
    tokio::time::sleep(HEALTHY).await;
    let fault = Instant::now();
    for candidate in &candidates {
        candidate.fail(true);
    }
    tokio::time::sleep(FAILING).await;
    loads.iter().for_each(Load::stop);
    let mut found = Vec::new();
    for load in loads {
        found.push(harm(&load.finish().await, fault)?);
    }
    for route in router.report().await?.routes {
        if route.weight.get() != 0 {
            bail!(
                "{} still has {} of its users on the failing candidate",
                route.service,
                route.weight
            );
        }
    }
    Ok(found)
}

/// Seconds from the fault to the last failed answer, and how many there were.
fn harm(seen: &[Seen], fault: Instant) -> anyhow::Result<(f64, f64)> {
    let mut failed = 0;
    let mut last = fault;
    for request in seen {
        match &request.outcome {
            Outcome::Good(_) => {}
            Outcome::Bad(_) if request.ended >= fault => {
                failed += 1;
                last = request.ended;
            }
            other => bail!("a request failed that should not have: {other:?}"),
        }
    }
    if failed == 0 {
        bail!("nobody saw the fault");
    }
    Ok(((last - fault).as_secs_f64(), f64::from(failed)))
}
