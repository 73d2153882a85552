//! A confidence sequence for a rate: bounds that hold at every look at once.
//!
//! For each rate p the Beta(½, ½) mixture of likelihoods over the likelihood of p is a martingale if p is true; by
//! Ville's inequality the rates where it stays below 1/α contain the true one, at all times together, with
//! probability 1 − α.

use statrs::function::beta::ln_beta;

const BISECTIONS: u32 = 60;
/// More than this is answered as "not with any number".
const MORE_MAX: u64 = 1 << 40;

/// `hits` out of `trials`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    pub hits: u64,
    pub trials: u64,
}

impl Rate {
    /// Returns the upper end of the confidence sequence.
    #[must_use]
    pub fn upper(self, alpha: f64) -> f64 {
        self.bound(1.0, alpha)
    }

    /// Returns the lower end of the confidence sequence.
    #[must_use]
    pub fn lower(self, alpha: f64) -> f64 {
        self.bound(0.0, alpha)
    }

    /// Returns the log of the mixture martingale for the rate `p`.
    #[must_use]
    pub fn log_e(self, p: f64) -> f64 {
        self.log_mixture() - self.log_likelihood(p)
    }

    /// Says whether the upper end is at most `p`, without looking for it: the martingale only grows above the observed
    /// rate.
    fn upper_is_at_most(self, p: f64, alpha: f64) -> bool {
        let (hits, _) = self.split();
        1.0 <= p || (hits < p * self.trials as f64 && -alpha.ln() <= self.log_e(p))
    }

    fn log_mixture(self) -> f64 {
        let (hits, rest) = self.split();
        ln_beta(0.5 + hits, 0.5 + rest) - ln_beta(0.5, 0.5)
    }

    fn log_likelihood(self, p: f64) -> f64 {
        let (hits, rest) = self.split();
        let log_p = if hits > 0.0 { hits * p.ln() } else { 0.0 };
        let log_q = if rest > 0.0 { rest * (-p).ln_1p() } else { 0.0 };
        log_p + log_q
    }

    fn split(self) -> (f64, f64) {
        let hits = self.hits.min(self.trials);
        (hits as f64, (self.trials - hits) as f64)
    }

    /// Bisects between the observed rate, which is inside, and `end`; returns the side that is outside.
    fn bound(self, end: f64, alpha: f64) -> f64 {
        if self.trials == 0 {
            return end;
        }
        // The mixture does not depend on the rate that is looked for, and costs far more than the likelihood.
        let likelihood_least = self.log_mixture() + alpha.ln();
        let is_inside = |p: f64| likelihood_least < self.log_likelihood(p);
        let (hits, rest) = self.split();
        let mut inside = hits / (hits + rest);
        let mut outside = end;
        if is_inside(end) {
            return end;
        }
        for _ in 0..BISECTIONS {
            let middle = f64::midpoint(inside, outside);
            if is_inside(middle) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        outside
    }
}

/// Returns about how many more trials without a hit `ours` needs until upper(ours) − lower(theirs) ≤ `margin`, each
/// bound at half of `alpha`; none when no number does.
#[must_use]
pub fn trials_needed(ours: Rate, theirs: Rate, margin: f64, alpha: f64) -> Option<u64> {
    let floor = theirs.lower(alpha / 2.0);
    let enough = |more: u64| {
        let then = Rate {
            hits: ours.hits,
            trials: ours.trials.saturating_add(more),
        };
        then.upper_is_at_most(floor + margin, alpha / 2.0)
    };
    if enough(0) {
        return Some(0);
    }
    let mut high = 1;
    while !enough(high) {
        high *= 2;
        if high > MORE_MAX {
            return None;
        }
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = u64::midpoint(low, high);
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}
