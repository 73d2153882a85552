//! What the sessions of one user use together: opening more of them gains nothing, and neither does another credential.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use safeguard_api::config::Quota;
use safeguard_api::credential::user_of;

use super::quota::{LastSecond, Limit, Over};

/// With more logins than this, those that nobody uses are forgotten.
const LOGINS_KEPT_MAX: usize = 1_000;

/// By the name of the user, for all sessions of a proxy.
pub struct Usages {
    begun: Instant,
    // Guards that a name has one account.
    known: Mutex<HashMap<String, Arc<Usage>>>,
}

impl Default for Usages {
    fn default() -> Self {
        Usages {
            begun: Instant::now(),
            known: Mutex::default(),
        }
    }
}

impl Usages {
    /// Of a user, whichever credential was issued for the login.
    pub fn of(&self, login: &str) -> Arc<Usage> {
        let user = user_of(login);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= LOGINS_KEPT_MAX {
            known.retain(|_, usage| Arc::strong_count(usage) > 1 || !usage.is_quiet());
        }
        let usage = known.entry(user.to_owned()).or_insert_with(|| {
            Arc::new(Usage {
                begun: self.begun,
                second: Mutex::default(),
                running: AtomicU32::new(0),
            })
        });
        Arc::clone(usage)
    }
}

/// What a login uses at the moment.
pub struct Usage {
    begun: Instant,
    // Guards that what is admitted is counted before the next asks.
    second: Mutex<LastSecond>,
    running: AtomicU32,
}

/// A place among what runs, given back when it is dropped.
pub struct Running(Arc<Usage>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Usage {
    /// Counts statements that begin, if that is within the limit.
    pub fn begin(&self, statements: u32, quota: &Quota) -> Result<(), Over> {
        let Some(max) = quota.statements_per_second else {
            return Ok(());
        };
        let now = self.begun.elapsed();
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        second.admit(now, statements, max)
    }

    /// Counts statements that begin, also over the limit.
    pub fn begin_anyway(&self, statements: u32, quota: &Quota) {
        if quota.statements_per_second.is_some() {
            let now = self.begun.elapsed();
            let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
            second.add(now, statements);
        }
    }

    /// Takes a place among what runs, if there is one.
    pub fn run(self: &Arc<Self>, quota: &Quota) -> Result<Running, Over> {
        let max = quota.statements_running_max.unwrap_or(u32::MAX);
        let more = |running: u32| running.checked_add(1).filter(|running| *running <= max);
        match self
            .running
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
        {
            Ok(_) => Ok(Running(Arc::clone(self))),
            Err(running) => Err(Over {
                limit: Limit::Running,
                figure: u64::from(running) + 1,
                max: u64::from(max),
            }),
        }
    }

    /// Takes a place, also over the limit.
    pub fn run_anyway(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::AcqRel);
        Running(Arc::clone(self))
    }

    fn is_quiet(&self) -> bool {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        second.count(self.begun.elapsed()) == 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const QUOTA: Quota = Quota {
        statements_per_second: Some(2),
        statements_running_max: Some(1),
        statement_longest: None,
        rows_returned_max: None,
        bytes_returned_max: None,
        idle_in_transaction_longest: None,
        transaction_longest: None,
        cost_max: None,
    };

    #[test]
    fn sessions_of_one_login_share_and_others_do_not() {
        let usages = Usages::default();
        let (one, same, other) = (
            usages.of("coder~k7f3q2ab"),
            usages.of("coder"),
            usages.of("checkout"),
        );
        let place = one.run(&QUOTA).unwrap();
        assert_eq!(
            same.run(&QUOTA).err().map(|over| (over.figure, over.max)),
            Some((2, 1))
        );
        let anyway = same.run_anyway();
        drop(other.run(&QUOTA).unwrap());
        drop(place);
        assert!(one.run(&QUOTA).is_err(), "what must run has the place");
        drop(anyway);
        drop(one.run(&QUOTA).unwrap());
        one.begin(1, &QUOTA).unwrap();
        same.begin(1, &QUOTA).unwrap();
        assert!(one.begin(1, &QUOTA).is_err());
        other.begin(2, &QUOTA).unwrap();
        one.begin(9, &Quota::default()).unwrap();
    }

    #[test]
    fn logins_that_nobody_uses_are_forgotten_and_busy_ones_are_not() {
        let usages = Usages::default();
        let held = usages.of("held");
        usages.of("busy").begin(1, &QUOTA).unwrap();
        for number in 0..LOGINS_KEPT_MAX + 5 {
            drop(usages.of(&number.to_string()));
        }
        let known = usages.known.lock().unwrap();
        assert!(known.len() <= LOGINS_KEPT_MAX);
        assert!(Arc::ptr_eq(&known["held"], &held) && known.contains_key("busy"));
    }
}
