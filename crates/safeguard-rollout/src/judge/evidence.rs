//! The evidence: one restarted e-process for each class, and the looks they were made from.

use safeguard_api::config::JudgePolicy;
use safeguard_api::traffic::{BadClass, Evaluation};
use safeguard_stats::restarted::{Look, Restarted, Schedule, log_sum};

/// Looks kept for recomputing. When they are full the older half is dropped, and with it the evidence that began
/// before it: a sum with fewer terms, each at least 0, is as valid.
pub const LOOKS_MAX: usize = 8192;

/// What a list of looks says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    pub log_evidence: f64,
    pub log_evidence_max: f64,
    /// The class that weighs most, when the limit is reached.
    pub tripped: Option<BadClass>,
}

/// Computes the verdict anew, bit for bit, from the looks that a judge kept.
#[must_use]
pub fn recompute(policy: &JudgePolicy, evaluations: &[Evaluation]) -> Verdict {
    let mut evidence = Evidence::new(policy);
    for evaluation in evaluations {
        evidence.apply(evaluation);
    }
    Verdict {
        log_evidence: evidence.log_e(),
        log_evidence_max: evidence.log_e_max(),
        tripped: evidence.exceeded(),
    }
}

#[derive(Debug, Clone)]
pub(super) struct Evidence {
    schedule: Schedule,
    log_e_max: f64,
    processes: [Restarted; BadClass::ALL.len()],
    /// ln(v·E) of each class, as of its last look.
    weighted: [f64; BadClass::ALL.len()],
    log_e: f64,
    looks: Vec<Evaluation>,
}

impl Evidence {
    pub(super) fn new(policy: &JudgePolicy) -> Evidence {
        Evidence {
            schedule: Schedule::new(policy.planned.ms() / 1000),
            log_e_max: -policy.alpha.ln(),
            processes: Default::default(),
            weighted: [f64::NEG_INFINITY; BadClass::ALL.len()],
            log_e: f64::NEG_INFINITY,
            looks: Vec::new(),
        }
    }

    pub(super) fn log_e(&self) -> f64 {
        self.log_e
    }

    pub(super) fn log_e_max(&self) -> f64 {
        self.log_e_max
    }

    pub(super) fn looks(&self) -> &[Evaluation] {
        &self.looks
    }

    pub(super) fn look(&mut self, evaluation: Evaluation) {
        if self.looks.len() == LOOKS_MAX {
            self.forget_older_half();
        }
        self.looks.push(evaluation);
        self.apply(&evaluation);
    }

    /// The class that weighs most, if the sum has reached 1/α.
    pub(super) fn exceeded(&self) -> Option<BadClass> {
        // Written so that a limit that is no number takes the candidate down instead of never being reached.
        if self.log_e < self.log_e_max {
            return None;
        }
        BadClass::ALL
            .into_iter()
            .max_by(|a, b| self.weighted[index(*a)].total_cmp(&self.weighted[index(*b)]))
    }

    /// A look with `n` = 0 says that everything before it is left out.
    fn apply(&mut self, evaluation: &Evaluation) {
        let second = evaluation.at_ms / 1000 + 1;
        if evaluation.n == 0 {
            self.processes = std::array::from_fn(|_| Restarted::after(second));
            self.weighted = [f64::NEG_INFINITY; BadClass::ALL.len()];
        } else {
            let (canary, stable) = (
                f64::from(evaluation.sessions_canary),
                f64::from(evaluation.sessions_stable),
            );
            let seen = Look {
                n: evaluation.n,
                k: evaluation.k,
                share: canary / (canary + stable),
            };
            let process = &mut self.processes[index(evaluation.class)];
            process.look(self.schedule, second, seen);
            self.weighted[index(evaluation.class)] = weight(evaluation.class).ln() + process.log_e();
        }
        self.log_e = log_sum(&self.weighted);
    }

    fn forget_older_half(&mut self) {
        let dropped = LOOKS_MAX / 2;
        let at_ms = self.looks[dropped - 1].at_ms;
        self.looks.drain(..dropped - 1);
        self.looks[0] = Evaluation {
            at_ms,
            class: BadClass::Error,
            n: 0,
            k: 0,
            sessions_canary: 0,
            sessions_stable: 0,
        };
        let kept = std::mem::take(&mut self.looks);
        for evaluation in &kept {
            self.apply(evaluation);
        }
        self.looks = kept;
    }
}

/// The classes' shares of the chance of a false alarm.
fn weight(class: BadClass) -> f64 {
    match class {
        BadClass::Error => 0.4,
        BadClass::Slow => 0.3,
        BadClass::NewKind => 0.2,
        BadClass::ClientError => 0.1,
    }
}

pub(super) fn index(class: BadClass) -> usize {
    match class {
        BadClass::Error => 0,
        BadClass::Slow => 1,
        BadClass::NewKind => 2,
        BadClass::ClientError => 3,
    }
}
