//! Looks for acknowledged writes after a rollback.

use std::net::SocketAddr;
use std::time::Duration;

use safeguard_api::drill::Writes;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::load::{Asks, Client, Ended};

const READERS: usize = 32;
/// A service may need a moment until a write can be read.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// All of a round together.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// What was found of all writes so far.
#[derive(Debug, Default)]
pub(super) struct Checked {
    shown: u64,
    unread: u64,
    pub lost: Vec<String>,
}

enum Found {
    Shown,
    Missing,
    Unread,
}

impl Checked {
    pub fn add(&mut self, other: Checked) {
        self.shown += other.shown;
        self.unread += other.unread;
        self.lost.extend(other.lost);
    }

    pub fn writes(&self) -> Writes {
        let lost = self.lost.len() as u64;
        Writes::Tried {
            acknowledged: self.shown + self.unread + lost,
            lost,
            unread: self.unread,
        }
    }
}

/// Looks for each of `keys`; what is not looked at in time counts as unread.
pub(super) async fn check(address: SocketAddr, asks: &Asks, keys: Vec<String>, longest: Duration) -> Checked {
    let by = Instant::now() + LONGEST;
    let mut parts: Vec<Vec<String>> = vec![Vec::new(); READERS];
    for (number, key) in keys.into_iter().enumerate() {
        if let Some(part) = parts.get_mut(number % READERS) {
            part.push(key);
        }
    }
    let mut readers = JoinSet::new();
    for part in parts {
        readers.spawn(read(Client::new(address), asks.clone(), part, longest, by));
    }
    let mut checked = Checked::default();
    for part in readers.join_all().await {
        checked.add(part);
    }
    checked
}

async fn read(mut client: Client, asks: Asks, keys: Vec<String>, longest: Duration, by: Instant) -> Checked {
    let mut checked = Checked::default();
    for key in keys {
        match find(&mut client, &asks, &key, longest, by).await {
            Found::Shown => checked.shown += 1,
            Found::Missing => checked.lost.push(key),
            Found::Unread => checked.unread += 1,
        }
    }
    checked
}

async fn find(client: &mut Client, asks: &Asks, key: &str, longest: Duration, by: Instant) -> Found {
    let Some((ask, shows)) = asks.verify(key) else {
        return Found::Unread;
    };
    let until = by.min(Instant::now() + SHOWN_WITHIN);
    loop {
        let found = match client.exchange(&ask, longest).await {
            Ended::Answered { status, body, .. } if (200..300).contains(&status) => {
                let shown = body
                    .windows(shows.len().max(1))
                    .any(|part| part == shows.as_bytes());
                if shown { Found::Shown } else { Found::Missing }
            }
            // It says that there is no such thing.
            Ended::Answered {
                status: 404 | 410, ..
            } => Found::Missing,
            Ended::Answered { .. } | Ended::Lost { .. } => Found::Unread,
        };
        if matches!(found, Found::Shown) || until <= Instant::now() {
            return found;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}
