//! Shares of few cases, with how little they say.

use safeguard_stats::count::log_beta_above;

const ALPHA: f64 = 0.05;
const STEPS: u32 = 60;

/// The exact interval of Clopper and Pearson for `hits` of `cases`, at 95 %.
pub fn of(hits: u64, cases: u64) -> (f64, f64) {
    if cases == 0 || hits > cases {
        return (0.0, 1.0);
    }
    let (k, n) = (hits as f64, cases as f64);
    let low = if hits == 0 {
        0.0
    } else {
        quantile(ALPHA / 2.0, k, n - k + 1.0)
    };
    let high = if hits == cases {
        1.0
    } else {
        quantile(1.0 - ALPHA / 2.0, k + 1.0, n - k)
    };
    (low, high)
}

/// The x that a Beta(a, b) does not exceed with this chance, by halving.
fn quantile(chance: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        if log_beta_above(middle, a, b).exp() > 1.0 - chance {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// `22 of 24, 92 % (73–99)`.
pub fn text(hits: u64, cases: u64) -> String {
    if cases == 0 {
        return "none".to_owned();
    }
    let (low, high) = of(hits, cases);
    let percent = |share: f64| (share * 100.0).round();
    format!(
        "{hits} of {cases}, {} % ({}–{})",
        percent(hits as f64 / cases as f64),
        percent(low),
        percent(high)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_published_tables_have_it() {
        let near = |found: (f64, f64), low: f64, high: f64| {
            assert!(
                (found.0 - low).abs() < 5e-4 && (found.1 - high).abs() < 5e-4,
                "{found:?}"
            );
        };
        // Clopper and Pearson 1934: 0 of 10, 5 of 10, 10 of 10.
        near(of(0, 10), 0.0, 0.3085);
        near(of(5, 10), 0.1871, 0.8129);
        near(of(10, 10), 0.6915, 1.0);
        assert_eq!(text(24, 24), "24 of 24, 100 % (86–100)");
    }
}
