//! The proof that a promotion needs: the canary's error rate is not worse than stable's by more than a margin.

use serde::{Deserialize, Serialize};

use safeguard_stats::rate::{Rate, trials_needed};

use crate::observe::Sample;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Proof {
    Shown,
    /// Not enough is known. The canary may be worse by up to `bound_permille`.
    NotYet {
        bound_permille: f64,
        /// About how many more requests without an error would show it; `u64::MAX` when no number would.
        requests_more: u64,
    },
    /// It is worse by more than the margin.
    Worse {
        at_least_permille: f64,
    },
}

/// Compares two samples by confidence sequences, each at half of `alpha`, so it holds at every look together.
#[must_use]
pub fn non_inferior(canary: Sample, stable: Sample, margin_permille: f64, alpha: f64) -> Proof {
    let rate = |sample: Sample| Rate {
        hits: sample.errors,
        trials: sample.requests,
    };
    let (ours, theirs) = (rate(canary), rate(stable));
    let at_most = (ours.upper(alpha / 2.0) - theirs.lower(alpha / 2.0)) * 1000.0;
    let at_least = (ours.lower(alpha / 2.0) - theirs.upper(alpha / 2.0)) * 1000.0;
    if at_most <= margin_permille {
        Proof::Shown
    } else if at_least > margin_permille {
        Proof::Worse {
            at_least_permille: at_least,
        }
    } else {
        let more = trials_needed(ours, theirs, margin_permille / 1000.0, alpha);
        Proof::NotYet {
            bound_permille: at_most,
            requests_more: more.unwrap_or(u64::MAX),
        }
    }
}
