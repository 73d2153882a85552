//! The shop's users: thousands in each environment, who come when they like and not when the shop is ready.

pub mod arrivals;
pub mod counts;
pub mod exchange;
pub mod visits;

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use safeguard_api::{Environment, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use arrivals::Arrivals;
use counts::{Counts, Tally};
use exchange::{Connections, Outcome};
use visits::{Users, Visit};

/// Requests without an answer at one time, in one environment; what would be more is counted as not sent.
const OUTSTANDING_MAX: u64 = 2000;
/// How often an environment is asked whether it serves anything, before it ever has.
const PROBE_EVERY: Duration = Duration::from_millis(200);
const STOP_LONGEST: Duration = Duration::from_secs(10);
const CALLS_QUEUED_MAX: usize = 16;

#[derive(Debug, Clone)]
pub struct Options {
    pub seed: u64,
    pub users: u32,
    /// A page that takes longer is called slow.
    pub slow_over: Duration,
    /// The targets are shops that stand alone, so that no answer names a release.
    pub alone: bool,
    pub targets: Vec<Target>,
}

/// One environment and its rate, written `production=127.0.0.1:7414,500`.
#[derive(Debug, Clone)]
pub struct Target {
    pub environment: Environment,
    pub address: SocketAddr,
    pub per_second: f64,
}

impl FromStr for Target {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> anyhow::Result<Target> {
        let read = || {
            let (environment, rest) = text.split_once('=')?;
            let (address, rate) = rest.split_once(',')?;
            let per_second: f64 = rate.parse().ok()?;
            let target = Target {
                environment: environment.parse().ok()?,
                address: address.parse().ok()?,
                per_second,
            };
            (per_second > 0.0 && per_second <= 10_000.0).then_some(target)
        };
        read().with_context(|| {
            format!("`{text}` is not `environment=address:port,rate` with a rate up to 10000")
        })
    }
}

/// What can be asked of the running load, a JSON line each on standard input; each answer is a line of [`Counts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// The counts since the last mark.
    Counts,
    /// The same, and counting starts anew.
    Mark,
    /// No more requests are sent; the counts come when the last answer has.
    Stop,
}

/// Plays all users until it is told to stop, or nobody is there to tell it.
///
/// # Errors
/// The runtime can not be made.
pub fn run(options: &Options) -> anyhow::Result<()> {
    if options.targets.is_empty() || options.users == 0 {
        bail!("there is nobody to play: name a target and at least one user");
    }
    let (tell, mut told) = mpsc::channel(CALLS_QUEUED_MAX);
    std::thread::spawn(move || read_calls(&tell));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        let mut tallies = BTreeMap::new();
        let mut plays = Vec::new();
        for (number, target) in (1u64..).zip(&options.targets) {
            let tally = Arc::new(Tally::new(options.users, options.slow_over));
            tallies.insert(target.environment, Arc::clone(&tally));
            let seed = options.seed.wrapping_mul(1000).wrapping_add(number);
            let player = Player {
                target: target.clone(),
                users: options.users,
                alone: options.alone,
                tally,
            };
            plays.push(tokio::spawn(player.play(seed, stopped.clone())));
        }
        loop {
            match told.recv().await {
                Some(Call::Counts) => answer(&tallies, Tally::counts)?,
                Some(Call::Mark) => answer(&tallies, Tally::mark)?,
                Some(Call::Stop) | None => break,
            }
        }
        stop.send_replace(true);
        for one in plays {
            one.await?;
        }
        let until = Instant::now() + STOP_LONGEST;
        while Instant::now() < until && tallies.values().any(|tally| tally.outstanding() > 0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        answer(&tallies, Tally::counts)
    })
}

fn read_calls(tell: &mpsc::Sender<Call>) {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        match serde_json::from_str(&line) {
            Ok(call) => {
                if tell.blocking_send(call).is_err() {
                    return;
                }
            }
            Err(error) => eprintln!("not a call: {error}"),
        }
    }
}

fn answer(
    tallies: &BTreeMap<Environment, Arc<Tally>>,
    ask: fn(&Tally) -> counts::EnvironmentCounts,
) -> anyhow::Result<()> {
    let environments = tallies
        .iter()
        .map(|(environment, tally)| (*environment, ask(tally)))
        .collect();
    let line = serde_json::to_string(&Counts {
        at: wall(),
        environments,
    })?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// All users of one environment.
struct Player {
    target: Target,
    users: u32,
    alone: bool,
    tally: Arc<Tally>,
}

impl Player {
    async fn play(self, seed: u64, mut stopped: watch::Receiver<bool>) {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let environment = self.target.environment;
        let users = Arc::new(Users::new(environment, self.users));
        let connections = Arc::new(Connections::new(self.target.address));
        // Nobody visits a shop that has never opened.
        while !self.opened(&connections, &users).await {
            self.tally.waited();
            tokio::select! {
                () = tokio::time::sleep(PROBE_EVERY) => {}
                _ = stopped.changed() => return,
            }
        }
        let mut arrivals = Arrivals::new(self.target.per_second);
        let begin = Instant::now();
        loop {
            let due = begin + arrivals.next(chance.random());
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                _ = stopped.changed() => return,
            }
            let user = chance.random_range(0..users.count());
            let visit = Visit::choose(environment, &mut chance);
            if self.tally.outstanding() >= OUTSTANDING_MAX {
                self.tally.skipped();
                continue;
            }
            self.tally.sent();
            let (users, connections) = (Arc::clone(&users), Arc::clone(&connections));
            let tally = Arc::clone(&self.tally);
            tokio::spawn(async move {
                let outcome = connections.exchange(&visit, &users.cookies(user)).await;
                if let Outcome::Answered { cookies, .. } = &outcome {
                    users.keep(user, cookies);
                }
                tally.ended(&outcome, due.elapsed(), wall());
            });
        }
    }

    async fn opened(&self, connections: &Connections, users: &Users) -> bool {
        match connections
            .exchange(&Visit::to_catalogue(), &users.cookies(0))
            .await
        {
            Outcome::Answered { release, .. } => release.is_some() || self.alone,
            Outcome::Lost { .. } => false,
        }
    }
}

/// The wall clock, for times that are compared with the router's.
#[must_use]
pub fn wall() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}
