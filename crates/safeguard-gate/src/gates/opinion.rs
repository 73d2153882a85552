//! What a gate has found so far, and the verdict that follows from it.

use safeguard_api::Evidence;
use safeguard_api::evidence::Format;
use safeguard_api::gate::{Figure, Gate, GateVerdict, Verdict};
use safeguard_api::id::{EvidenceId, WaiverId};

use crate::case::Case;

/// Figures, refusals and what is missing, in the order in which they are found.
pub(super) struct Opinion<'a> {
    case: Case<'a>,
    gate: Gate,
    figures: Vec<Figure>,
    refusals: Vec<String>,
    missing: Vec<String>,
    evidence: Vec<EvidenceId>,
    waivers: Vec<WaiverId>,
}

impl<'a> Opinion<'a> {
    pub(super) fn new(case: &Case<'a>, gate: Gate) -> Opinion<'a> {
        Opinion {
            case: *case,
            gate,
            figures: Vec::new(),
            refusals: Vec::new(),
            missing: Vec::new(),
            evidence: Vec::new(),
            waivers: Vec::new(),
        }
    }

    pub(super) fn looked_at(&mut self, evidence: &Evidence) {
        if !self.evidence.contains(&evidence.id) {
            self.evidence.push(evidence.id.clone());
        }
    }

    pub(super) fn waived_by(&mut self, waiver: &WaiverId) {
        if !self.waivers.contains(waiver) {
            self.waivers.push(waiver.clone());
        }
    }

    /// A figure that is shown beside its limit; whether it refuses is said apart.
    pub(super) fn figure(
        &mut self,
        name: impl Into<String>,
        value: impl ToString,
        limit: impl ToString,
        met: bool,
    ) {
        self.figures.push(Figure {
            name: name.into(),
            value: value.to_string(),
            limit: limit.to_string(),
            met,
        });
    }

    pub(super) fn refuse(&mut self, why: impl Into<String>) {
        self.refusals.push(why.into());
    }

    /// Something without which the gate can not pass, and how to bring it.
    pub(super) fn miss(&mut self, what: impl Into<String>) {
        self.missing.push(what.into());
    }

    /// Says that there is no report to judge by, why those that are there do not count, and what to type.
    pub(super) fn miss_report(&mut self, what: &str, format: Format) {
        let mut sentence = format!("{what}; {}", add_command(&self.case, self.gate, format));
        if let Some(ignored) = self.case.ignored(self.gate) {
            sentence.push_str(&format!(" ({ignored})"));
        }
        self.miss(sentence);
    }

    /// A refusal is a failure, whatever is missing besides; what is missing is no verdict; the rest passes.
    pub(super) fn verdict(self, passes: impl Into<String>) -> GateVerdict {
        let (verdict, reason) = match (self.refusals.split_first(), self.missing.first()) {
            (Some((first, rest)), _) => (Verdict::Fail, with_more(first, rest.len())),
            (None, Some(first)) => (Verdict::Inconclusive, with_more(first, self.missing.len() - 1)),
            (None, None) => (Verdict::Pass, passes.into()),
        };
        GateVerdict {
            figures: self.figures,
            missing: self.missing,
            evidence: self.evidence,
            waivers: self.waivers,
            ..GateVerdict::new(self.gate, verdict, reason)
        }
    }
}

fn with_more(first: &str, more: usize) -> String {
    match more {
        0 => first.to_owned(),
        more => format!("{first} (and {more} more)"),
    }
}

/// The command that adds a report about the release: about its artifact where the artifact was running, else about its
/// commit.
pub(crate) fn add_command(case: &Case<'_>, gate: Gate, format: Format) -> String {
    let of_running = matches!(
        gate,
        Gate::PerformanceBaseline | Gate::ResourceLimits | Gate::RollbackTest
    );
    let about = match case.commit() {
        Some(commit) if !of_running => format!("--commit {commit}"),
        Some(_) | None => format!("--artifact {}", case.release.artifact),
    };
    format!(
        "`safeguard evidence add --service {} --format {format} {about} REPORT`",
        case.release.service
    )
}
