//! How long to wait before the next start: doubling, without chance, and forgotten after a minute of health.

use std::time::Duration;

const FIRST_MS: u64 = 200;
const LONGEST_MS: u64 = 30_000;
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct BackOff {
    ends: u32,
}

impl BackOff {
    /// Returns the wait after an end that followed `health` in a row.
    pub fn after(&mut self, health: Duration) -> Duration {
        if health >= FORGOTTEN_AFTER {
            self.ends = 0;
        }
        let doubled = FIRST_MS.saturating_mul(1 << self.ends.min(16));
        self.ends = self.ends.saturating_add(1);
        Duration::from_millis(doubled.min(LONGEST_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_thirty_seconds_and_are_forgotten() {
        let mut waits = BackOff::default();
        let ms: Vec<u128> = (0..10).map(|_| waits.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(
            ms,
            [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]
        );
        assert_eq!(waits.after(Duration::from_secs(61)).as_millis(), 200);
        assert_eq!(waits.after(Duration::from_secs(59)).as_millis(), 400);
    }
}
