//! The exact binomial quantile.

use statrs::distribution::{Binomial, DiscreteCDF};

/// Returns the least `k` with P(X ≤ k) ≥ `q` for X ~ Binomial(`trials`, `p`); none when `p` or `q` is no probability.
#[must_use]
pub fn quantile(trials: u64, p: f64, q: f64) -> Option<u64> {
    let binomial = Binomial::new(p, trials).ok()?;
    if !(0.0..=1.0).contains(&q) {
        return None;
    }
    let (mut low, mut high) = (0, trials);
    while low < high {
        let middle = u64::midpoint(low, high);
        if binomial.cdf(middle) >= q {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}
