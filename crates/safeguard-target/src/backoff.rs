//! How long to wait before the next start: doubling, without chance, and forgotten after a time of health.

use std::time::Duration;

pub(crate) struct BackOff {
    first: Duration,
    longest: Duration,
    forgotten_after: Duration,
    ends: u32,
}

impl BackOff {
    /// For apps: a program that ends again and again must not eat the machine.
    pub const fn of_an_app() -> BackOff {
        BackOff {
            first: Duration::from_millis(200),
            longest: Duration::from_secs(30),
            forgotten_after: Duration::from_secs(60),
            ends: 0,
        }
    }

    /// For the server and the router: users' connections queue while one of them is down.
    pub const fn of_a_role() -> BackOff {
        BackOff {
            first: Duration::from_millis(20),
            longest: Duration::from_secs(1),
            forgotten_after: Duration::from_secs(1),
            ends: 0,
        }
    }

    /// Returns the wait after an end that followed `health` in a row.
    pub fn after(&mut self, health: Duration) -> Duration {
        if health >= self.forgotten_after {
            self.ends = 0;
        }
        let doubled = self.first.saturating_mul(1 << self.ends.min(16));
        self.ends = self.ends.saturating_add(1);
        doubled.min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_thirty_seconds_and_are_forgotten() {
        let mut waits = BackOff::of_an_app();
        let ms: Vec<u128> = (0..10).map(|_| waits.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(
            ms,
            [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]
        );
        assert_eq!(waits.after(Duration::from_secs(61)).as_millis(), 200);
        assert_eq!(waits.after(Duration::from_secs(59)).as_millis(), 400);

        let mut waits = BackOff::of_a_role();
        let ms: Vec<u128> = (0..8).map(|_| waits.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(ms, [20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(waits.after(Duration::from_secs(1)).as_millis(), 20);
    }
}
