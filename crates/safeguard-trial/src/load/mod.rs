//! The background load: so many users at once, each with a request under way at every moment.

mod asks;
mod exchange;
mod tally;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub(crate) use asks::Asks;
pub(crate) use exchange::{Client, Ended};
pub(crate) use tally::{Blame, Elsewhere, Tally, Times, blame};

/// One request in so many is a write.
const WRITE_EVERY: usize = 10;
/// After a failure a user waits this long, so that a router that refuses is not flooded.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(20);

/// Users at work until they are told to stop.
pub(crate) struct Load {
    pub tally: Arc<Tally>,
    stop: watch::Sender<bool>,
    users: JoinSet<()>,
}

impl Load {
    /// Sends `users` users to `address`; each waits for an answer for `longest`.
    pub fn start(address: SocketAddr, users: u32, asks: &Asks, longest: Duration) -> Load {
        let tally = Arc::new(Tally::new(users as usize));
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for number in 0..users as usize {
            let user = User {
                number,
                asks: asks.clone(),
                client: Client::new(address),
                tally: Arc::clone(&tally),
                longest,
            };
            tasks.spawn(user.play(stopped.clone()));
        }
        Load {
            tally,
            stop,
            users: tasks,
        }
    }

    /// Lets every user have its last answer.
    pub async fn stop(mut self) -> Arc<Tally> {
        self.stop.send_replace(true);
        while self.users.join_next().await.is_some() {}
        self.tally
    }
}

struct User {
    number: usize,
    asks: Asks,
    client: Client,
    tally: Arc<Tally>,
    longest: Duration,
}

impl User {
    async fn play(mut self, stopped: watch::Receiver<bool>) {
        let mut turn = 0;
        while !*stopped.borrow() {
            turn += 1;
            let key = if self.asks.writes() && (self.number + turn).is_multiple_of(WRITE_EVERY) {
                let number = self.tally.next_write();
                number.map(|number| self.asks.write_key(number))
            } else {
                None
            };
            let ask = key.as_deref().and_then(|key| self.asks.write(key));
            let ask = ask.unwrap_or_else(|| self.asks.read(self.number, turn));
            let began = Instant::now();
            self.tally.begun(self.number, began);
            let ended = self.client.exchange(&ask, self.longest).await;
            self.tally.ended(self.number, began, &ended);
            match (ended, key) {
                (Ended::Answered { status, .. }, Some(key)) if (200..400).contains(&status) => {
                    self.tally.acknowledged(key);
                }
                (Ended::Answered { status, .. }, _) if status < 500 => {}
                (Ended::Answered { .. } | Ended::Lost { .. }, _) => {
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }
}
