//! A load on base and change at the same time, each on data as grown as production's: what differs is the change.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokio::task::LocalSet;

use crate::child;
use crate::corpus::{Case, Corpus};
use crate::load::description::Description;
use crate::load::journey::{Town, User};

/// What it takes to show that a 95th percentile is not 5 % worse, as wide as these services' times are spread, where it is hardly worse.
pub const ROUNDS: u64 = 6;
/// What a team measures for that is told to measure for longer.
pub const ROUNDS_AGAIN: u64 = 16;
/// In a round, which has processes of its own: two of the same code differ by some percent, for as long as they live.
const REQUESTS: u64 = 8_000;
/// On a slow machine there are fewer requests, and the gate says whether they are enough.
const ROUND_LONGEST: Duration = Duration::from_secs(12);
/// Users at once, each of whom does the same in both towns, one after the other.
const LANES: u64 = 4;
const START_LONGEST: Duration = Duration::from_secs(20);
const SEED_LONGEST: Duration = Duration::from_secs(60);
const SEED: u64 = 7;

pub enum Measured {
    /// Both loads are written, and the change has worked on this database.
    Both {
        database: PathBuf,
    },
    DoesNotStart {
        why: String,
    },
}

struct Service {
    process: Child,
    address: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        if child::end(&mut self.process).is_err() {
            eprintln!("a measured service could not be ended");
        }
    }
}

pub fn side_by_side(
    corpus: &Corpus,
    case: &Case,
    base: &Path,
    changed: &Path,
    folder: &Path,
    rounds: u64,
) -> anyhow::Result<Measured> {
    let service = &case.told.service;
    // The load that the team has: what the change brings is not in it yet.
    let description = Rc::new(Description::load(&corpus.service(case), &corpus.service(case))?);
    let measured = folder.join("measured");
    std::fs::create_dir_all(&measured)?;
    let databases = ["base.db", "change.db"].map(|name| measured.join(name));
    for database in &databases {
        seed(&base.join("seed.py"), database, "production")?;
    }
    let measuring = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut seen = [Seen::default(), Seen::default()];
    for round in 0..rounds {
        let before = start(service, base, &databases[0])?
            .with_context(|| format!("{service} as it is does not start"))?;
        let Some(after) = start(service, changed, &databases[1])? else {
            let why = "the service does not become healthy".to_owned();
            return Ok(Measured::DoesNotStart { why });
        };
        let towns = [before.address, after.address].map(|address| Rc::new(Town::at(address)));
        let took = load(&towns, &description, round)?;
        for (seen, town) in seen.iter_mut().zip(&towns) {
            seen.add(town, took);
        }
    }
    drop(measuring);
    for (seen, name) in seen.into_iter().zip(["load-base.json", "load-change.json"]) {
        std::fs::write(folder.join(name), serde_json::to_vec_pretty(&seen.report())?)?;
    }
    let [_, database] = databases;
    Ok(Measured::Both { database })
}

/// Starts the service; none when it does not become healthy.
fn start(service: &str, code: &Path, database: &Path) -> anyhow::Result<Option<Service>> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let said = File::create(database.with_extension("log"))?;
    let process = child::command("python3")
        .arg(code.join("bin").join(service))
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("HOST", "127.0.0.1")
        // Else each process orders its dictionaries by chance, and is faster or slower by it.
        .env("PYTHONHASHSEED", "0")
        .env("PORT", address.port().to_string())
        .envs(variables(service, database))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .context("cannot run python3")?;
    let mut service = Service { process, address };
    let deadline = Instant::now() + START_LONGEST;
    while Instant::now() < deadline && service.process.try_wait()?.is_none() {
        if TcpStream::connect(address).is_ok() {
            return Ok(Some(service));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(None)
}

/// Makes the data of an environment by a service's own `seed.py`.
pub fn seed(script: &Path, database: &Path, scale: &str) -> anyhow::Result<()> {
    let mut command = child::command("python3");
    command.arg(script).arg(database).args(["--scale", scale]);
    let seeded = child::output(&mut command, SEED_LONGEST)?;
    let said = String::from_utf8_lossy(&seeded.stderr);
    ensure!(
        seeded.status.success(),
        "{} could not be made: {said}",
        database.display()
    );
    Ok(())
}

/// What a service of the corpus is told of its surroundings.
pub fn variables(service: &str, database: &Path) -> BTreeMap<String, String> {
    BTreeMap::from([
        (
            format!("{}_DATABASE", service.to_uppercase()),
            database.display().to_string(),
        ),
        (
            "STOREFRONT_STAFF_TOKEN".to_owned(),
            "staff-of-the-shop".to_owned(),
        ),
    ])
}

/// Two loads at once would measure each other; held while one goes on.
static MEASURING: Mutex<()> = Mutex::new(());

/// One round, which takes as long as it says.
fn load(towns: &[Rc<Town>; 2], description: &Rc<Description>, round: u64) -> anyhow::Result<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let begun = Instant::now();
    LocalSet::new().block_on(&runtime, async {
        let lanes = (0..LANES).map(|lane| {
            let (towns, description) = (towns.clone(), Rc::clone(description));
            let seed = SEED + round * LANES + lane;
            tokio::task::spawn_local(walk_lane(towns, description, seed, begun + ROUND_LONGEST))
        });
        for lane in lanes.collect::<Vec<_>>() {
            lane.await?;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(begun.elapsed())
}

/// Journey after journey, in both towns: what differs is the town, which is first as often as second.
async fn walk_lane(towns: [Rc<Town>; 2], description: Rc<Description>, seed: u64, deadline: Instant) {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    while Instant::now() < deadline && towns.iter().any(|town| town.counts().requests < REQUESTS) {
        let Some(journey) = description.journey(chance.random_range(0..description.weight())) else {
            continue;
        };
        let (number, seed) = (chance.random_range(1..=description.users), chance.random());
        let first = chance.random_range(0..2);
        for town in [&towns[first], &towns[1 - first]] {
            let chance = ChaCha8Rng::seed_from_u64(seed);
            town.travel(&description, journey, User { number, chance }).await;
        }
    }
}

/// All rounds together.
#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    failed: u64,
    took: Duration,
}

impl Seen {
    fn add(&mut self, town: &Town, took: Duration) {
        let counts = town.counts();
        self.times.extend(town.times());
        self.failed += counts.failed + counts.unexpected + counts.lost;
        self.took += took;
    }

    /// `safeguard.evidence/1`.
    fn report(mut self) -> serde_json::Value {
        self.times.sort();
        let requests = self.times.len() as u64 + self.failed;
        let times: Vec<f64> = self
            .times
            .iter()
            .map(|time| time.as_secs_f64() * 1000.0)
            .collect();
        let series = json!({
            "requests": requests,
            "failed": self.failed,
            "requests_per_second": requests as f64 / self.took.as_secs_f64(),
            "p50_ms": quantile(&times, 0.5),
            "p95_ms": quantile(&times, 0.95),
            "p99_ms": quantile(&times, 0.99),
        });
        json!({
            "api": "safeguard.evidence/1",
            "tool": { "name": "side-by-side-load", "version": env!("CARGO_PKG_VERSION") },
            "facts": { "kind": "load", "series": { "all": series } },
        })
    }
}

fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_what_was_seen() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(&sorted, 0.5), Some(50.0));
        assert_eq!(quantile(&sorted, 0.99), Some(99.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
