//! What became of the requests, and whose fault it was.

use std::sync::{Mutex, MutexGuard, PoisonError};

use safeguard_api::drill::FaultKind;
use tokio::time::Instant;

use super::exchange::Ended;

/// Failures kept of one fault; many more can not come from a load of so many users.
const FAILURES_KEPT_MAX: usize = 100_000;
/// Acknowledged writes kept until they are looked for; beyond it no further write is made.
const WRITES_KEPT_MAX: usize = 20_000;

/// What all users of a load share.
#[derive(Debug)]
pub struct Tally {
    /// All users are tasks of one thread; the lock only says so to the compiler, and is never held across an await.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the request began that each user waits for.
    under_way: Vec<Option<Instant>>,
    requests: u64,
    /// Whole answers below 500 in this round, by the release that gave them.
    answered: Vec<(String, u64)>,
    failures: Vec<Failure>,
    writes_begun: u64,
    /// Keys of writes that were acknowledged and not yet looked for.
    writes: Vec<String>,
}

/// A request that did not end well.
#[derive(Debug, Clone)]
pub struct Failure {
    pub began: Instant,
    pub ended: Instant,
    pub how: Ended,
}

/// When the parts of one round were, as far as they have been.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub injected: Option<Instant>,
    /// From then on the router may have taken the users away.
    pub ordered: Option<Instant>,
    /// From then on no request is sent to the candidate.
    pub noticed: Option<Instant>,
}

/// What is served besides the candidate.
#[derive(Debug, Clone, Copy)]
pub enum Elsewhere<'a> {
    Stable(&'a str),
    /// Nothing: after the rollback users are told so.
    Nothing,
}

/// Who is to blame for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The fault that was made on purpose.
    Fault,
    /// The service answered 5xx itself.
    Service,
    /// Nothing excuses it: the request was lost.
    Rollback,
    /// Nothing is left to serve, and the user was told so.
    Nobody,
}

/// Judges one failure of the round of `kind`.
#[must_use]
pub fn blame(failure: &Failure, kind: FaultKind, times: Times, elsewhere: Elsewhere<'_>) -> Blame {
    let release = match &failure.how {
        Ended::Answered { injected: true, .. } => return Blame::Fault,
        Ended::Answered { release: Some(_), .. } => return Blame::Service,
        Ended::Answered {
            release: None,
            status,
            ..
        } => {
            let over = times.ordered.is_some_and(|ordered| ordered <= failure.ended);
            if matches!(elsewhere, Elsewhere::Nothing) && *status == 503 && over {
                return Blame::Nobody;
            }
            // An instance that nothing was done to did not answer in time: that is slow, and no rollback makes it so.
            let untouched = times.injected.is_none_or(|injected| failure.ended < injected);
            if *status == 504 && (untouched || !kind.kills()) {
                return Blame::Service;
            }
            None
        }
        Ended::Lost { release } => release.as_deref(),
    };
    let by_stable =
        matches!((elsewhere, release), (Elsewhere::Stable(stable), Some(release)) if stable == release);
    let within = times.injected.is_some_and(|injected| injected <= failure.ended)
        && times.noticed.is_none_or(|noticed| failure.began < noticed);
    if kind.kills() && within && !by_stable {
        Blame::Fault
    } else {
        Blame::Rollback
    }
}

impl Tally {
    pub fn new(users: usize) -> Tally {
        let state = State {
            under_way: vec![None; users],
            ..State::default()
        };
        Tally {
            state: Mutex::new(state),
        }
    }

    pub fn begun(&self, user: usize, at: Instant) {
        let mut state = self.state();
        state.requests += 1;
        if let Some(place) = state.under_way.get_mut(user) {
            *place = Some(at);
        }
    }

    pub fn ended(&self, user: usize, began: Instant, how: &Ended) {
        let mut state = self.state();
        if let Some(place) = state.under_way.get_mut(user) {
            *place = None;
        }
        match how {
            Ended::Answered { status, release, .. } if *status < 500 => {
                let name = release.as_deref().unwrap_or("");
                match state.answered.iter_mut().find(|(known, _)| known == name) {
                    Some((_, count)) => *count += 1,
                    None => state.answered.push((name.to_owned(), 1)),
                }
            }
            Ended::Answered { .. } | Ended::Lost { .. } => {
                if state.failures.len() < FAILURES_KEPT_MAX {
                    let ended = Instant::now();
                    let how = match how {
                        // The body is not needed any more.
                        Ended::Answered {
                            status,
                            release,
                            injected,
                            ..
                        } => Ended::Answered {
                            status: *status,
                            release: release.clone(),
                            injected: *injected,
                            body: bytes::Bytes::new(),
                        },
                        Ended::Lost { release } => Ended::Lost {
                            release: release.clone(),
                        },
                    };
                    state.failures.push(Failure { began, ended, how });
                }
            }
        }
    }

    /// The number of the next write, or none while enough wait to be looked for.
    pub fn next_write(&self) -> Option<u64> {
        let mut state = self.state();
        if state.writes.len() >= WRITES_KEPT_MAX {
            return None;
        }
        state.writes_begun += 1;
        Some(state.writes_begun)
    }

    pub fn acknowledged(&self, key: String) {
        self.state().writes.push(key);
    }

    pub fn take_writes(&self) -> Vec<String> {
        std::mem::take(&mut self.state().writes)
    }

    pub fn under_way(&self) -> u32 {
        let state = self.state();
        let count = state.under_way.iter().flatten().count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Whether a request that began before `at` has not ended.
    pub fn is_under_way_since(&self, at: Instant) -> bool {
        self.state().under_way.iter().flatten().any(|began| *began < at)
    }

    pub fn requests(&self) -> u64 {
        self.state().requests
    }

    /// Whole answers of one release in this round.
    pub fn answered_by(&self, release: &str) -> u64 {
        let state = self.state();
        let found = state.answered.iter().find(|(known, _)| known == release);
        found.map_or(0, |(_, count)| *count)
    }

    /// Ends a round: returns its failures, and counts anew.
    pub fn take_failures(&self) -> Vec<Failure> {
        let mut state = self.state();
        state.answered.clear();
        std::mem::take(&mut state.failures)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Injected after 10 s, ordered after 11 s, in force after 12 s.
    fn blamed(kind: FaultKind, began_s: u64, ended_s: u64, how: Ended, elsewhere: Elsewhere<'_>) -> Blame {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let failure = Failure {
            began: at(began_s),
            ended: at(ended_s),
            how,
        };
        let times = Times {
            injected: Some(at(10)),
            ordered: Some(at(11)),
            noticed: Some(at(12)),
        };
        blame(&failure, kind, times, elsewhere)
    }

    fn answered(status: u16, release: Option<&str>, injected: bool) -> Ended {
        Ended::Answered {
            status,
            release: release.map(str::to_owned),
            injected,
            body: bytes::Bytes::new(),
        }
    }

    #[test]
    fn a_fault_is_to_blame_for_what_it_killed_and_for_nothing_else() {
        use Blame::{Fault, Nobody, Rollback, Service};
        use FaultKind::{Errors, Sigkill, Sigstop};
        let stable = Elsewhere::Stable("s");
        let lost = |release: Option<&str>| Ended::Lost {
            release: release.map(str::to_owned),
        };
        for (kind, began, ended, how, elsewhere, wanted) in [
            (Sigkill, 9, 11, lost(Some("c")), stable, Fault),
            (Sigkill, 11, 11, answered(502, None, false), stable, Fault),
            // A request that hangs on a stopped process ends long after everything is over.
            (Sigstop, 11, 40, answered(504, None, false), stable, Fault),
            (Sigkill, 9, 9, lost(None), stable, Rollback),
            // Too slow, before or beside a fault that stops nothing; users of a stopped instance were sent away too late.
            (Sigkill, 8, 9, answered(504, None, false), stable, Service),
            (Errors, 8, 11, answered(504, None, false), stable, Service),
            (Sigstop, 13, 40, answered(504, None, false), stable, Rollback),
            (Sigkill, 13, 13, lost(None), stable, Rollback),
            (Sigkill, 11, 11, lost(Some("s")), stable, Rollback),
            (Errors, 11, 11, answered(500, Some("c"), true), stable, Fault),
            (Errors, 11, 11, lost(Some("c")), stable, Rollback),
            (Errors, 11, 11, answered(502, None, false), stable, Rollback),
            (Errors, 11, 11, answered(500, Some("s"), false), stable, Service),
            (
                Sigkill,
                13,
                13,
                answered(503, None, false),
                Elsewhere::Nothing,
                Nobody,
            ),
            (Sigkill, 13, 13, answered(503, None, false), stable, Rollback),
            (
                Errors,
                10,
                10,
                answered(503, None, false),
                Elsewhere::Nothing,
                Rollback,
            ),
        ] {
            let text = format!("{kind} {began} {ended} {how:?} {elsewhere:?}");
            assert_eq!(blamed(kind, began, ended, how, elsewhere), wanted, "{text}");
        }
    }
}
