//! A restarted e-process on "from which of two groups did this event come".
//!
//! Under the null hypothesis an event comes from group one with probability `share`. Against it stand the rate ratios
//! [`RATIOS`]. Each second a new product begins with a small part of one unit of mass, so the process hears a change
//! that comes after hours of nothing; the parts add up to at most 1, so by Ville's inequality the chance that the
//! process ever reaches 1/α under the null is at most α.

/// How much more often group one may have events than group two.
pub const RATIOS: [f64; 10] = [1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0];

const UNIFORM: f64 = 0.6;
const EARLY: f64 = 0.3;
const TAIL: f64 = 0.1;

/// Spreads one unit of mass over time: most of it evenly over the planned length, some of it early, and a rest over
/// whatever comes after the plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    planned_s: f64,
}

/// What one look saw: `n` events, `k` of them from group one, whose share of the candidates was `share`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    pub n: u32,
    pub k: u32,
    pub share: f64,
}

/// The logarithm of one running product for each ratio.
#[derive(Debug, Clone, PartialEq)]
pub struct Restarted {
    log_m: [f64; RATIOS.len()],
    /// Mass was given up to and including this second; seconds count from 1.
    given_s: u64,
}

impl Schedule {
    #[must_use]
    pub fn new(planned_s: u64) -> Schedule {
        Schedule {
            planned_s: planned_s.max(1) as f64,
        }
    }

    /// Returns the mass of the seconds after `from_s` up to and including `to_s`.
    #[must_use]
    pub fn mass(self, from_s: u64, to_s: u64) -> f64 {
        let (from, to) = (from_s as f64, to_s.max(from_s) as f64);
        let uniform = (to.min(self.planned_s) - from.min(self.planned_s)) / self.planned_s;
        // The sum of 1/(j(j+1)).
        let early = (to - from) / ((from + 1.0) * (to + 1.0));
        let over = |s: f64| (s - self.planned_s).max(0.0) / self.planned_s;
        let tail = (over(to) - over(from)) / ((1.0 + over(from)) * (1.0 + over(to)));
        UNIFORM * uniform + EARLY * early + TAIL * tail
    }
}

impl Default for Restarted {
    fn default() -> Self {
        Restarted::after(0)
    }
}

impl Restarted {
    /// A process that leaves out the mass of the first `second` seconds. Leaving mass out never makes it invalid.
    #[must_use]
    pub fn after(second: u64) -> Restarted {
        Restarted {
            log_m: [f64::NEG_INFINITY; RATIOS.len()],
            given_s: second,
        }
    }

    /// Gives the mass due up to `second`, then weighs what was seen. A share of 0 or 1 says nothing and is passed over.
    pub fn look(&mut self, schedule: Schedule, second: u64, seen: Look) {
        if !(seen.share > 0.0 && seen.share < 1.0) || seen.n == 0 {
            return;
        }
        if second > self.given_s {
            let mass = schedule.mass(self.given_s, second).ln();
            self.given_s = second;
            for log_m in &mut self.log_m {
                *log_m = log_add(*log_m, mass);
            }
        }
        let (n, k) = (f64::from(seen.n), f64::from(seen.k.min(seen.n)));
        for (log_m, ratio) in self.log_m.iter_mut().zip(RATIOS) {
            *log_m += log_likelihood_ratio(n, k, seen.share, ratio);
        }
    }

    /// Returns the logarithm of the e-value: the mean over the ratios.
    #[must_use]
    pub fn log_e(&self) -> f64 {
        log_sum(&self.log_m) - (RATIOS.len() as f64).ln()
    }
}

/// With θρ = ρθ / (1 − θ + ρθ), the terms k ln(θρ/θ) + (n − k) ln((1 − θρ)/(1 − θ)) shorten to this.
fn log_likelihood_ratio(n: f64, k: f64, share: f64, ratio: f64) -> f64 {
    k * ratio.ln() - n * (1.0 - share + ratio * share).ln()
}

/// Returns ln(eᵃ + eᵇ).
#[must_use]
pub fn log_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a < b { (b, a) } else { (a, b) };
    if high == f64::NEG_INFINITY {
        high
    } else {
        high + (low - high).exp().ln_1p()
    }
}

/// Returns the logarithm of the sum of exponentials.
#[must_use]
pub fn log_sum(logs: &[f64]) -> f64 {
    let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high == f64::NEG_INFINITY {
        return high;
    }
    high + logs.iter().map(|log| (log - high).exp()).sum::<f64>().ln()
}
