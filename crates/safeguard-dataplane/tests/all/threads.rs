//! The router on more than one thread: requests of both arms are judged at once, and weights change under them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use safeguard_api::traffic::JournalEvent;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::town::{Client, Town, percent};

const CLIENTS: usize = 8;
const FLIPS: u64 = 60;

/// Clients that come again and again, each with a connection of its own and always other users.
struct Crowd {
    tasks: JoinSet<Tally>,
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Tally {
    stable: u64,
    candidate: u64,
    /// What was neither.
    other: Vec<String>,
}

impl Crowd {
    /// Who lands on the candidate asks it for this path.
    fn start(town: &Town, path_on_candidate: &'static str) -> Crowd {
        let mut crowd = Crowd {
            tasks: JoinSet::new(),
            stop: Arc::default(),
            asked: Arc::default(),
        };
        for number in 0..CLIENTS {
            let connected = TcpStream::connect(town.address);
            let (stop, asked) = (Arc::clone(&crowd.stop), Arc::clone(&crowd.asked));
            crowd.tasks.spawn(async move {
                let mut client = Client {
                    stream: connected.await.unwrap(),
                    bytes: Vec::new(),
                };
                let mut tally = Tally::default();
                for user in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let user = format!("user-{number}-{user}");
                    let answer = client.get("/", &user).await;
                    match answer.body.as_str() {
                        "stable" => tally.stable += 1,
                        "candidate" => {
                            tally.candidate += 1;
                            client.get(path_on_candidate, &user).await;
                        }
                        _ => tally.other.push(answer.head),
                    }
                    asked.fetch_add(1, Ordering::SeqCst);
                }
                tally
            });
        }
        crowd
    }

    /// Waits until each client has got some more answers, on average.
    async fn goes_on(&self) {
        let enough = self.asked.load(Ordering::SeqCst) + 2 * CLIENTS as u64;
        while self.asked.load(Ordering::SeqCst) < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Tally::default();
        while let Some(tally) = self.tasks.join_next().await {
            let tally = tally.unwrap();
            all.stable += tally.stable;
            all.candidate += tally.candidate;
            all.other.extend(tally.other);
        }
        all
    }
}

async fn nobody_reaches_the_candidate(town: &Town) {
    let mut client = town.connect().await;
    for user in 0..20 {
        let answer = client.get("/", &format!("late-{user}")).await;
        assert_eq!(answer.body, "stable");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_flip_under_load_and_nothing_is_lost() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(50));
    town.apply(table).await;
    let crowd = Crowd::start(&town, "/");
    for flip in 0..FLIPS {
        let weight = [10, 50, 90, 0][usize::try_from(flip % 4).unwrap()];
        let table = town.table(3 + flip, Some(weight));
        assert_eq!(town.apply(table).await.routes[0].weight, percent(weight));
        if weight == 0 {
            nobody_reaches_the_candidate(&town).await;
        }
        crowd.goes_on().await;
    }
    let tally = crowd.stop().await;
    assert!(tally.other.is_empty(), "{tally:?}");
    assert!(tally.stable > 0 && tally.candidate > 0, "{tally:?}");
    assert!(town.journal().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_candidate_is_taken_down_once_by_whichever_thread_sees_it() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(50));
    town.apply(table).await;
    let crowd = Crowd::start(&town, "/500");
    let report = town.reported("down", |report| report.weight == percent(0)).await;
    assert_eq!(report.epoch, 2);
    nobody_reaches_the_candidate(&town).await;
    let before = town.candidate.seen.lock().unwrap().len();
    crowd.goes_on().await;
    let tally = crowd.stop().await;
    assert!(tally.other.is_empty(), "{tally:?}");
    // Who was routed there before the trip may still ask once; nobody comes anew.
    let after = town.candidate.seen.lock().unwrap().len();
    assert!(after <= before + CLIENTS, "{before} requests became {after}");
    let journal = town.journal().await;
    assert_eq!(journal.len(), 1, "{journal:?}");
    assert!(matches!(journal[0].event, JournalEvent::Tripped { .. }));
}
