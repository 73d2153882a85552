//! The closed-form e-process on counts: a Beta mixture over shares above the null's. An oracle for the restarted one.

use statrs::function::beta::ln_beta;

/// Returns the log e-value of `k` events of group one among `n`, when its share is `share` under the null.
#[must_use]
pub fn log_e_one_sided(k: u64, n: u64, share: f64) -> f64 {
    let (a, b) = (share.max(0.5), (1.0 - share).max(0.5));
    let (k, rest) = (k as f64, n.saturating_sub(k) as f64);
    ln_beta(a + k, b + rest) - ln_beta(a, b) + log_beta_above(share, a + k, b + rest)
        - log_beta_above(share, a, b)
        - k * share.ln()
        - rest * (1.0 - share).ln()
}

/// Returns ln P(X > x) for X ~ Beta(a, b), exact in the far tail too.
#[must_use]
pub fn log_beta_above(x: f64, a: f64, b: f64) -> f64 {
    log_beta_below(1.0 - x, b, a)
}

/// Returns ln P(X ≤ x) for X ~ Beta(a, b): the continued fraction of the incomplete beta function, in logarithms.
fn log_beta_below(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let front = |x: f64, a: f64, b: f64| a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b) - a.ln();
    if x < (a + 1.0) / (a + b + 2.0) {
        front(x, a, b) + continued_fraction(x, a, b).ln()
    } else {
        let above = front(1.0 - x, b, a) + continued_fraction(1.0 - x, b, a).ln();
        (-above.exp().min(1.0)).ln_1p()
    }
}

/// Lentz's method.
fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    const STEPS_MAX: u32 = 10_000;
    const TINY: f64 = 1e-300;
    let floor = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / floor(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..=STEPS_MAX {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            d = 1.0 / floor(1.0 + term * d);
            c = floor(1.0 + term / c);
            value *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}
