//! A candidate's weight goes from 0 to 100 and back under load: how soon does no new request see the old arm?

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use safeguard_api::id::ReleaseId;

use crate::backend::Backend;
use crate::load::{Load, Outcome, Seen};
use crate::processes::cores;
use crate::report::{Row, median, quantile};
use crate::router_process::{Router, Share};

const USERS: u32 = 32;
/// Short of the most that it can carry: else what is measured is the queue of the load itself.
const PAUSE: Duration = Duration::from_millis(2);
const FLIPS: u32 = 40;
const BETWEEN: Duration = Duration::from_millis(100);
const STABLE: &str = "stable";
const CANDIDATE: &str = "candidate";
const ANY_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

pub fn run() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (seen, flips) = runtime.block_on(flip_under_load())?;
    let mut milliseconds = Vec::new();
    for (place, flip) in flips.iter().enumerate() {
        let end = flips.get(place + 1).map(|next| next.at);
        milliseconds.push(last_of_old_arm(&seen, flip, end));
    }
    let errors = seen
        .iter()
        .filter(|request| !matches!(request.outcome, Outcome::Good(_)))
        .count();
    eprintln!("    {} requests over {FLIPS} changes", seen.len());
    Ok(vec![
        Row::new("weight flip, median", median(&mut milliseconds), "ms").at_most(5.0),
        Row::new("weight flip, p95", quantile(&mut milliseconds, 0.95), "ms"),
        Row::new("weight flip, errors", errors as f64, "requests").at_most(0.0),
    ])
}

struct Flip {
    at: Instant,
    old: &'static str,
}

async fn flip_under_load() -> anyhow::Result<(Vec<Seen>, Vec<Flip>)> {
    let (core, _) = cores();
    let stable = Backend::new(STABLE).spawn(ANY_ADDRESS).await?;
    let candidate = Backend::new(CANDIDATE).spawn(ANY_ADDRESS).await?;
    let mut router = Router::start(core, 1).await?;
    let share = |weight: u8, epoch: u32| Share {
        release: ReleaseId::new(2, 0),
        address: candidate,
        weight,
        epoch,
        judged: false,
    };
    router.apply(&[(stable, Some(share(0, 0)))]).await?;
    let load = Load::start(*router.addresses.first().context("no route")?, USERS, PAUSE);
    tokio::time::sleep(BETWEEN).await;
    let mut flips = Vec::new();
    for flip in 0..FLIPS {
        let up = flip % 2 == 0;
        // On the way down the epoch grows, as in a rollback: tokens that keep users on the candidate are void.
        let (weight, old) = if up { (100, STABLE) } else { (0, CANDIDATE) };
        flips.push(Flip {
            at: Instant::now(),
            old,
        });
        router
            .apply(&[(stable, Some(share(weight, flip.div_ceil(2))))])
            .await?;
        tokio::time::sleep(BETWEEN).await;
    }
    let seen = load.finish().await;
    if !seen
        .iter()
        .any(|request| request.outcome == Outcome::Good(CANDIDATE.into()))
    {
        bail!("no request reached the candidate");
    }
    Ok((seen, flips))
}

/// From the call to the last answer of the old arm, in milliseconds; later than that only the new arm answers.
fn last_of_old_arm(seen: &[Seen], flip: &Flip, end: Option<Instant>) -> f64 {
    seen.iter()
        .filter(|request| flip.at < request.ended && end.is_none_or(|end| request.ended < end))
        .filter(|request| request.outcome == Outcome::Good(flip.old.into()))
        .map(|request| (request.ended - flip.at).as_secs_f64() * 1000.0)
        .fold(0.0, f64::max)
}
