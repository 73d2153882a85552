//! One user's journey: step after step, keeping what later steps need.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rand_chacha::ChaCha8Rng;

use super::client::{Answer, Client};
use super::counts::{Counts, Seen};
use super::description::{Description, Journey, Step};
use super::template::fill;

pub struct User {
    pub number: u32,
    pub chance: ChaCha8Rng,
}

/// A service and the people who are on their way in it.
pub struct Town {
    client: Client,
    counts: RefCell<Counts>,
    under_way: Cell<usize>,
    /// How long requests took that were answered as expected, of journeys that are timed.
    times: RefCell<Vec<Duration>>,
}

impl Town {
    pub fn at(address: SocketAddr) -> Town {
        Town {
            client: Client::new(address),
            counts: RefCell::default(),
            under_way: Cell::new(0),
            times: RefCell::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        self.counts.borrow().clone()
    }

    pub fn times(&self) -> Vec<Duration> {
        self.times.borrow().clone()
    }

    pub fn under_way(&self) -> usize {
        self.under_way.get()
    }

    /// A user who could not even ask.
    pub fn turn_away(&self, journey: &str) {
        self.counts.borrow_mut().count(journey, Seen::Lost);
    }

    pub async fn travel(&self, description: &Description, journey: &Journey, mut user: User) {
        self.under_way.set(self.under_way.get() + 1);
        let mut kept = BTreeMap::from([("user".to_owned(), user.number.to_string())]);
        for step in &journey.steps {
            let staff = journey.staff || step.staff;
            if !self
                .step(description, journey, step, staff, &mut kept, &mut user)
                .await
            {
                break;
            }
        }
        self.under_way.set(self.under_way.get() - 1);
    }

    /// Takes one step, and returns whether the journey goes on.
    async fn step(
        &self,
        description: &Description,
        journey: &Journey,
        step: &Step,
        staff: bool,
        kept: &mut BTreeMap<String, String>,
        user: &mut User,
    ) -> bool {
        let Ok((method, path)) = step.line() else {
            return false;
        };
        let headers = if staff {
            &description.staff_headers
        } else {
            &description.headers
        };
        let mut requests = Vec::new();
        for _ in 0..step.times {
            let path = fill(path, kept, &mut user.chance);
            let body = step.json.as_ref().map(|json| fill(json, kept, &mut user.chance));
            let headers: Option<BTreeMap<String, String>> = headers
                .iter()
                .map(|(name, value)| Some((name.clone(), fill(value, kept, &mut user.chance)?)))
                .collect();
            // Something that an earlier step should have kept is not there: that answer was counted already.
            let (Some(path), Some(headers), Some(body)) =
                (path, headers, body.map_or(Some(None), |b| b.map(Some)))
            else {
                return false;
            };
            requests.push(async move {
                let begun = Instant::now();
                let answer = self.client.send(method, &path, &headers, body).await;
                (answer, begun.elapsed())
            });
        }
        let mut goes_on = true;
        for (answer, took) in join_all(requests).await {
            let seen = match &answer {
                Err(_) => Seen::Lost,
                Ok(answer) if step.expect.contains(&answer.status) => Seen::Expected,
                Ok(answer) => Seen::Unexpected(answer.status),
            };
            self.counts.borrow_mut().count(&journey.name, seen);
            if seen == Seen::Expected && !journey.untimed {
                self.times.borrow_mut().push(took);
            }
            goes_on &= matches!(answer, Ok(answer) if seen == Seen::Expected && keep(step, &answer, kept));
        }
        goes_on
    }
}

/// Keeps what the step names; an answer without it, such as an expected refusal, ends the journey.
fn keep(step: &Step, answer: &Answer, kept: &mut BTreeMap<String, String>) -> bool {
    if step.keep.is_empty() {
        return true;
    }
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&answer.body) else {
        return false;
    };
    for (name, key) in &step.keep {
        let text = match &value[key] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(number) => number.to_string(),
            _ => return false,
        };
        kept.insert(name.clone(), text);
    }
    true
}
