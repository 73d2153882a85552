//! The users: a process of its own that sends what a description says and counts what comes back.

mod client;
pub mod counts;
pub mod description;
pub mod journey;
mod template;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use counts::Counts;
use description::Description;
use journey::{Town, User};

/// Journeys under way at once in one town; whoever would be one more stays at home, and is counted as lost.
const AT_ONCE_MAX: usize = 400;
/// Questions that wait for an answer.
const ASKED_MAX: usize = 8;

/// What a load process is told, as one line on its standard input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub service: PathBuf,
    pub case: PathBuf,
    pub seed: u64,
    pub places: BTreeMap<String, Place>,
}

/// Somewhere that users come to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    pub address: SocketAddr,
    pub requests_per_second: f64,
    /// How many different people; the description says what they are called.
    pub users: u32,
}

/// Reads an order, sends requests, answers each further line with the counts so far, and ends with its standard input.
pub fn run() -> anyhow::Result<()> {
    let mut lines = BufReader::new(std::io::stdin()).lines();
    let order = lines.next().context("there is no order")??;
    let order: Order = serde_json::from_str(&order).context("the order can not be read")?;
    let (ask, asked) = mpsc::channel(ASKED_MAX);
    // It ends with standard input, and with it the whole process.
    std::thread::spawn(move || {
        for _ in lines.map_while(Result::ok) {
            if ask.blocking_send(()).is_err() {
                return;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, serve(order, asked))
}

async fn serve(order: Order, mut asked: mpsc::Receiver<()>) -> anyhow::Result<()> {
    let description = Rc::new(Description::load(&order.service, &order.case)?);
    let mut towns = BTreeMap::new();
    for (at, (name, place)) in order.places.iter().enumerate() {
        let town = Rc::new(Town::at(place.address));
        let seed = order.seed.wrapping_add(at as u64);
        tokio::task::spawn_local(live(
            Rc::clone(&town),
            Rc::clone(&description),
            place.clone(),
            ChaCha8Rng::seed_from_u64(seed),
        ));
        towns.insert(name.clone(), town);
    }
    while asked.recv().await.is_some() {
        let counts: BTreeMap<&String, Counts> =
            towns.iter().map(|(name, town)| (name, town.counts())).collect();
        println!("{}", serde_json::to_string(&counts)?);
    }
    Ok(())
}

/// People set out when they like: a Poisson process, whatever becomes of those before them.
async fn live(town: Rc<Town>, description: Rc<Description>, place: Place, mut chance: ChaCha8Rng) {
    let journeys_per_second = place.requests_per_second / description.steps_mean();
    let mut next = tokio::time::Instant::now();
    loop {
        let pause: f64 = -(1.0 - chance.random::<f64>()).ln() / journeys_per_second;
        next += Duration::from_secs_f64(pause);
        tokio::time::sleep_until(next).await;
        let user = User {
            number: chance.random_range(1..=place.users),
            chance: ChaCha8Rng::seed_from_u64(chance.random()),
        };
        let at = chance.random_range(0..description.weight());
        let Some(journey) = description.journey(at) else {
            continue;
        };
        if town.under_way() >= AT_ONCE_MAX {
            town.turn_away(&journey.name);
            continue;
        }
        let (town, description, journey) = (Rc::clone(&town), Rc::clone(&description), journey.clone());
        tokio::task::spawn_local(async move { town.travel(&description, &journey, user).await });
    }
}
