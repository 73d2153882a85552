//! Arrivals of people who do not know of each other: a Poisson process.

use std::time::Duration;

pub struct Arrivals {
    per_second: f64,
    at_seconds: f64,
}

impl Arrivals {
    #[must_use]
    pub fn new(per_second: f64) -> Arrivals {
        Arrivals {
            per_second,
            at_seconds: 0.0,
        }
    }

    /// Returns when the next one comes, from the beginning; `chance` is in 0..1.
    pub fn next(&mut self, chance: f64) -> Duration {
        self.at_seconds -= (1.0 - chance).ln() / self.per_second;
        Duration::from_secs_f64(self.at_seconds)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn arrivals_keep_the_rate_and_are_as_scattered_as_chance_makes_them() {
        let mut chance = ChaCha8Rng::seed_from_u64(1);
        let mut arrivals = Arrivals::new(500.0);
        let mut in_second = [0u32; 200];
        loop {
            let at = arrivals.next(chance.random());
            let Some(count) = in_second.get_mut(usize::try_from(at.as_secs()).unwrap()) else {
                break;
            };
            *count += 1;
        }
        let mean = in_second.iter().sum::<u32>() as f64 / 200.0;
        let variance = in_second
            .iter()
            .map(|n| (f64::from(*n) - mean).powi(2))
            .sum::<f64>()
            / 200.0;
        assert!((mean - 500.0).abs() < 8.0, "mean {mean}");
        assert!(
            (0.7..1.4).contains(&(variance / mean)),
            "variance over mean {}",
            variance / mean
        );
    }
}
