//! The acts, and what must become of each.

use safeguard_api::Gate;
use serde::Serialize;

use crate::versions::{Version, v1_1, v1_2, v1_3, v1_4, v1_5, v1_6};

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It serves everyone.
    Promoted,
    /// It came back.
    RolledBack,
    /// Its promotion was refused, and it came back by hand.
    Refused,
    /// Anything else.
    Unfinished,
}

impl Outcome {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Promoted => "promoted",
            Outcome::RolledBack => "rolled_back",
            Outcome::Refused => "refused",
            Outcome::Unfinished => "unfinished",
        }
    }
}

/// What refuses a promotion in an act that ends so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refuser {
    Freeze,
    Drill,
    /// The gate has no evidence, and can not be waived.
    Waiver(Gate),
}

impl Refuser {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Refuser::Freeze => "freeze",
            Refuser::Drill => "rollback drill",
            Refuser::Waiver(_) => "no waiver",
        }
    }
}

pub struct Act {
    pub number: u32,
    pub version: &'static Version,
    pub title: &'static str,
    pub expected: Outcome,
    /// What leaving staging asks for from this act on; none: as before.
    pub gates: Option<&'static [Gate]>,
    /// Where a refusal is expected.
    pub refuser: Option<Refuser>,
}

pub static ACTS: [Act; 7] = [
    Act {
        number: 1,
        version: &v1_1::VERSION,
        title: "a good version passes all seven gates and goes all the way",
        expected: Outcome::Promoted,
        gates: Some(&Gate::ALL),
        refuser: None,
    },
    Act {
        number: 2,
        version: &v1_2::VERSION,
        title: "a pool of connections that only production exhausts",
        expected: Outcome::RolledBack,
        gates: Some(&[]),
        refuser: None,
    },
    Act {
        number: 3,
        version: &v1_3::VERSION,
        title: "an abort on what only customers write",
        expected: Outcome::RolledBack,
        gates: None,
        refuser: None,
    },
    Act {
        number: 4,
        version: &v1_4::VERSION,
        title: "one query for each article: twice as slow",
        expected: Outcome::RolledBack,
        gates: None,
        refuser: None,
    },
    Act {
        number: 5,
        version: &v1_5::VERSION,
        title: "a freeze opens while a good version is in the canary",
        expected: Outcome::Refused,
        gates: None,
        refuser: Some(Refuser::Freeze),
    },
    Act {
        number: 6,
        version: &v1_6::VERSION,
        title: "it answers before it has written, and its drill finds out",
        expected: Outcome::Refused,
        gates: Some(&[Gate::RollbackTest]),
        refuser: Some(Refuser::Drill),
    },
    Act {
        number: 7,
        version: &v1_5::VERSION,
        title: "the frozen version comes again; nobody has shown that it leaves data whole, and nobody may waive that",
        expected: Outcome::Refused,
        gates: Some(&[Gate::DataIntegrity]),
        refuser: Some(Refuser::Waiver(Gate::DataIntegrity)),
    },
];

/// What became of an act.
#[derive(Debug, Clone)]
pub struct Result {
    pub number: u32,
    pub version: &'static str,
    pub expected: Outcome,
    pub outcome: Outcome,
    /// Why it is not as it must be, beside the outcome.
    pub faults: Vec<String>,
    pub stopped_by: Option<String>,
    /// From the first bad answer that production's users had from the version to the last.
    pub seconds_to_safe: Option<f64>,
    /// By all users of all environments, from any version, while the act lasted.
    pub failed: u64,
    pub lost: u64,
    /// Bad answers of the version in production, as its users counted them, and the router.
    pub bad_by_load: u64,
    pub bad_by_router: Option<u64>,
    /// The log entry that decided.
    pub evidence: Option<u64>,
}

/// The same for programs.
#[derive(Serialize)]
struct Line<'a> {
    act: u32,
    version: &'a str,
    outcome: Outcome,
    expected: Outcome,
    stopped_by: &'a Option<String>,
    seconds_to_safe: Option<f64>,
    failed_requests: u64,
    lost_requests: u64,
    evidence: Option<u64>,
    bad_by_load: u64,
    bad_by_router: Option<u64>,
    faults: &'a [String],
}

impl Result {
    #[must_use]
    pub fn as_it_must(&self) -> bool {
        self.outcome == self.expected && self.faults.is_empty()
    }

    /// One JSON object.
    ///
    /// # Errors
    /// None that can happen: all its parts are JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Line {
            act: self.number,
            version: self.version,
            outcome: self.outcome,
            expected: self.expected,
            stopped_by: &self.stopped_by,
            seconds_to_safe: self.seconds_to_safe,
            failed_requests: self.failed,
            lost_requests: self.lost,
            evidence: self.evidence,
            bad_by_load: self.bad_by_load,
            bad_by_router: self.bad_by_router,
            faults: &self.faults,
        })
    }
}
