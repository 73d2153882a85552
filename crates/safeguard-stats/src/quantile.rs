//! How well a quantile is known when only a summary is left of a sample: its size and a few of its quantiles.
//!
//! On a log scale latencies are close to normal, with a longer tail. The slope between two quantiles is the spread near
//! them, and the error of a sample's quantile q is slope · √(q (1 − q) / n) / φ(z), where z is the normal quantile of q
//! and φ the normal density.

const Z_95: f64 = 1.644_853_626_951_472;
const Z_99: f64 = 2.326_347_874_040_841;
const PHI_50: f64 = 0.398_942_280_401_432_7;
const PHI_95: f64 = 0.103_135_640_375_371_8;
const PHI_99: f64 = 0.026_652_142_203_457_4;
/// Clocks are coarse: equal quantiles do not mean that there is no spread.
const SLOPE_MIN: f64 = 0.05;

/// What is left of a sample of positive values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    pub count: u64,
    pub p50: f64,
    pub p95: f64,
    pub p99: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    P50,
    P95,
    P99,
}

/// How many times larger one quantile is than another, with the bounds of a one-sided 95 % confidence each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    pub seen: f64,
    pub lower: f64,
    pub upper: f64,
}

impl Summary {
    #[must_use]
    pub fn value(&self, quantile: Quantile) -> Option<f64> {
        match quantile {
            Quantile::P50 => Some(self.p50),
            Quantile::P95 => Some(self.p95),
            Quantile::P99 => self.p99,
        }
    }

    /// Returns the standard error of the quantile's logarithm.
    #[must_use]
    pub fn log_error(&self, quantile: Quantile) -> f64 {
        let body = (self.p95 / self.p50).ln() / Z_95;
        let tail = self.p99.map_or(body, |p99| (p99 / self.p95).ln() / (Z_99 - Z_95));
        let (q, density, slope) = match quantile {
            Quantile::P50 => (0.50, PHI_50, body),
            Quantile::P95 => (0.95, PHI_95, body.max(tail)),
            Quantile::P99 => (0.99, PHI_99, body.max(tail)),
        };
        slope.max(SLOPE_MIN) * (q * (1.0 - q) / self.count as f64).sqrt() / density
    }

    /// Compares one quantile of two samples; none where a value is missing or not positive.
    #[must_use]
    pub fn ratio(&self, base: &Summary, quantile: Quantile) -> Option<Ratio> {
        let (ours, theirs) = (self.value(quantile)?, base.value(quantile)?);
        if !self.is_sound() || !base.is_sound() {
            return None;
        }
        let seen = (ours / theirs).ln();
        let half = Z_95 * self.log_error(quantile).hypot(base.log_error(quantile));
        Some(Ratio {
            seen: seen.exp(),
            lower: (seen - half).exp(),
            upper: (seen + half).exp(),
        })
    }

    fn is_sound(&self) -> bool {
        let values = [Some(self.p50), Some(self.p95), self.p99];
        let values: Vec<f64> = values.into_iter().flatten().collect();
        self.count > 0 && values.iter().all(|value| value.is_finite() && *value > 0.0) && values.is_sorted()
    }
}

impl Ratio {
    /// Returns about how many times more values both samples need until the upper bound is at most `limit`, if what is
    /// seen is the truth; none if no number does.
    #[must_use]
    pub fn times_needed(&self, limit: f64) -> Option<f64> {
        let room = (limit / self.seen).ln();
        (room > 0.0).then(|| ((self.upper / self.seen).ln() / room).powi(2))
    }
}
