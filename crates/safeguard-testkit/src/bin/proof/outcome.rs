//! How a walk ended, in the words of the promise.

use safeguard_api::{Gate, Stage, Verdict as GateSays};
use serde::{Deserialize, Serialize};

use crate::corpus::Pattern;
use crate::load::counts::Counts;
use crate::oracle::Verdict;

/// Where a walk ended, as it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// A gate said that it fails; none where it was the layers of tests.
    Refused {
        gate: Option<Gate>,
        reason: String,
    },
    /// It came back by itself, before or after users met it.
    RolledBack {
        reason: String,
    },
    Live,
    /// Nothing moved any more within the time, or a person would have to decide.
    Held {
        reason: String,
    },
}

/// What is known of one walk of one change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Walked {
    pub case: String,
    pub pattern: Pattern,
    /// The gate that was left out, in an ablation.
    pub without: Option<Gate>,
    pub end: End,
    pub stage: Stage,
    /// Whether users of production met the candidate.
    pub exposed: bool,
    /// Of them, as the router counted.
    pub candidate_requests: u64,
    /// What all users of production saw meanwhile, whichever version answered, as the load process counted.
    pub users: Counts,
    /// Production's data afterwards.
    pub data: Verdict,
    /// What the gates said last.
    pub gates: Vec<(Gate, GateSays, String)>,
    /// The step at which the pipeline stopped, if it did.
    pub pipeline_stopped: Option<String>,
    pub pipeline_seconds: f64,
    pub walk_seconds: f64,
    /// All that the case took, with its installation.
    pub case_seconds: f64,
}

/// The column that a change is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// Before the first request of a user.
    Refused,
    /// In the canary, with no damaged row.
    Contained,
    ReachedUsers,
    HeldForEver,
}

impl Column {
    pub const ALL: [Column; 4] = [
        Column::Refused,
        Column::Contained,
        Column::ReachedUsers,
        Column::HeldForEver,
    ];

    pub fn heading(self) -> &'static str {
        match self {
            Column::Refused => "refused before users",
            Column::Contained => "contained",
            Column::ReachedUsers => "reached users",
            Column::HeldForEver => "held for ever",
        }
    }
}

impl Walked {
    /// Damaged rows are users' rows, whoever was stopped when. Of data that nobody could judge, the worst is believed.
    pub fn column(&self) -> Column {
        if self.data != Verdict::Good {
            return Column::ReachedUsers;
        }
        match (&self.end, self.exposed) {
            (End::Live, _) => Column::ReachedUsers,
            (End::Held { .. }, _) => Column::HeldForEver,
            (End::Refused { .. } | End::RolledBack { .. }, false) => Column::Refused,
            // There it has left the canary, and serves everyone.
            (End::Refused { .. } | End::RolledBack { .. }, true) if self.stage == Stage::Production => {
                Column::ReachedUsers
            }
            (End::Refused { .. } | End::RolledBack { .. }, true) => Column::Contained,
        }
    }

    pub fn is_bad(&self) -> bool {
        self.pattern != Pattern::Good
    }

    /// The word for where it ended.
    pub fn told(&self) -> &'static str {
        match (self.is_bad(), self.is_live()) {
            (true, _) => self.column().heading(),
            (false, true) => "live",
            (false, false) => "STOPPED",
        }
    }

    /// Whether a good change is where it belongs.
    pub fn is_live(&self) -> bool {
        self.end == End::Live
    }

    pub fn stopped_by(&self) -> String {
        match &self.end {
            End::Refused {
                gate: Some(gate),
                reason,
            } => format!("{gate}: {reason}"),
            End::Refused { gate: None, reason } => format!("tests: {reason}"),
            End::RolledBack { reason } => format!("rolled back: {reason}"),
            End::Held { reason } => format!("held: {reason}"),
            End::Live => String::new(),
        }
    }

    /// The gate that stopped it, if one did.
    pub fn gate(&self) -> Option<Gate> {
        match &self.end {
            End::Refused { gate, .. } => *gate,
            End::Held { .. } => self
                .gates
                .iter()
                .find(|(_, said, _)| *said != GateSays::Pass)
                .map(|(gate, _, _)| *gate),
            End::RolledBack { .. } | End::Live => None,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn walked(case: &str, pattern: Pattern, end: End, exposed: bool) -> Walked {
        Walked {
            case: case.to_owned(),
            pattern,
            without: None,
            end,
            stage: Stage::Canary,
            exposed,
            candidate_requests: u64::from(exposed),
            users: Counts::default(),
            data: Verdict::Good,
            gates: Vec::new(),
            pipeline_stopped: None,
            pipeline_seconds: 0.0,
            walk_seconds: 0.0,
            case_seconds: 0.0,
        }
    }

    pub fn refused() -> End {
        End::Refused {
            gate: Some(Gate::DataIntegrity),
            reason: "it lost rows".to_owned(),
        }
    }

    #[test]
    fn damaged_rows_count_as_reached_whoever_stopped_it() {
        let mut walk = walked("x1-a", Pattern::X1, refused(), false);
        assert_eq!(walk.column(), Column::Refused);
        walk.data = Verdict::Bad("gone".to_owned());
        assert_eq!(walk.column(), Column::ReachedUsers);
        walk.data = Verdict::CouldNotTell("unreadable".to_owned());
        assert_eq!(walk.column(), Column::ReachedUsers);
    }

    #[test]
    fn what_users_met_is_contained_at_best() {
        let reason = || "the judge".to_owned();
        let back = |exposed| walked("x4-a", Pattern::X4, End::RolledBack { reason: reason() }, exposed);
        assert_eq!(back(false).column(), Column::Refused);
        assert_eq!(back(true).column(), Column::Contained);
        let mut everyone = back(true);
        everyone.stage = Stage::Production;
        assert_eq!(everyone.column(), Column::ReachedUsers);
        let held = walked("x4-a", Pattern::X4, End::Held { reason: reason() }, false);
        assert_eq!(held.column(), Column::HeldForEver);
        assert_eq!(
            walked("x4-a", Pattern::X4, End::Live, true).column(),
            Column::ReachedUsers
        );
    }
}
