//! Failures in a row on the canary while stable succeeds.

use super::Side;

/// One user whose every request fails is no proof against a version.
const SESSIONS_MIN: usize = 3;
/// Stable must have answered so many requests since the first of the failures, with at most a tenth of them failed.
const STABLE_MIN: u32 = 10;

#[derive(Debug, Clone)]
pub(super) struct Streak {
    count_max: u32,
    count: u32,
    sessions: [Option<u64>; SESSIONS_MIN],
    stable_requests: u32,
    stable_failed: u32,
}

impl Streak {
    pub(super) fn new(count_max: u32) -> Streak {
        Streak {
            count_max: count_max.max(1),
            count: 0,
            sessions: [None; SESSIONS_MIN],
            stable_requests: 0,
            stable_failed: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Streak::new(self.count_max);
    }

    pub(super) fn note(&mut self, arm: Side, session: u64, failed: bool) {
        match arm {
            Side::Canary if failed => {
                self.count = self.count.saturating_add(1);
                if !self.sessions.contains(&Some(session))
                    && let Some(free) = self.sessions.iter_mut().find(|place| place.is_none())
                {
                    *free = Some(session);
                }
            }
            Side::Canary if self.count > 0 => self.clear(),
            Side::Stable if self.count > 0 => {
                self.stable_requests = self.stable_requests.saturating_add(1);
                self.stable_failed = self.stable_failed.saturating_add(u32::from(failed));
            }
            Side::Canary | Side::Stable => {}
        }
    }

    pub(super) fn exceeded(&self) -> Option<u32> {
        let stable_succeeds =
            self.stable_requests >= STABLE_MIN && self.stable_failed <= self.stable_requests / 10;
        let many = self.count >= self.count_max && self.sessions.iter().all(Option::is_some);
        (many && stable_succeeds).then_some(self.count)
    }
}
