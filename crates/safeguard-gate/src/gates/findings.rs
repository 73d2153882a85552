//! Findings of scanners, for the two gates that judge them: only what the changes introduce refuses.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::Evidence;
use safeguard_api::config::{Approver, FindingsGate};
use safeguard_api::evidence::{Facts, Finding, FindingState, Findings, Format, Severity};
use safeguard_api::gate::Gate;

use super::opinion::Opinion;
use crate::approval::{hands_in, suppression_approver};
use crate::case::Case;
use crate::introduced::Introduced;

/// Findings that are named in a verdict; the rest is counted.
const NAMED_MAX: usize = 20;

/// What the reports of findings say together.
pub(super) struct Scans<'a> {
    reports: Vec<(&'a Evidence, &'a Findings)>,
}

impl<'a> Scans<'a> {
    pub(super) fn of(case: &Case<'a>, gate: Gate) -> Scans<'a> {
        let reports = case
            .current_for(gate)
            .filter_map(|evidence| match &evidence.facts {
                Facts::Findings(findings) => Some((evidence, findings)),
                Facts::Tests(_)
                | Facts::Coverage(_)
                | Facts::Load(_)
                | Facts::Components(_)
                | Facts::Resources(_)
                | Facts::Invariants(_)
                | Facts::Drill(_) => None,
            });
        Scans {
            reports: reports.collect(),
        }
    }

    /// The reports that can be believed, the newest first. One that can not be is made up for by a later one of the
    /// same tools that can.
    fn believed(&self, opinion: &mut Opinion<'_>) -> Vec<(&'a Evidence, &'a Findings)> {
        let mut healed: BTreeSet<&str> = BTreeSet::new();
        let mut believed = Vec::new();
        for (evidence, findings) in &self.reports {
            opinion.looked_at(evidence);
            let names = || findings.tools.iter().map(|tool| tool.name.as_str());
            if evidence.inconclusive.is_empty() && !findings.tools.is_empty() && findings.dropped == 0 {
                healed.extend(names());
                believed.push((*evidence, *findings));
                continue;
            }
            if !findings.tools.is_empty() && names().all(|name| healed.contains(name)) {
                continue;
            }
            let report = &evidence.id;
            match (evidence.inconclusive.first(), findings.dropped) {
                (Some(why), _) => opinion.miss(format!("report {report} can not be believed: {why}; run the scanner again")),
                (None, 0) => opinion.miss(format!("report {report} names no tool; run the scanner again")),
                (None, dropped) => opinion.refuse(format!(
                    "{dropped} results of report {report} are more than are kept (limit 0); scan less, or mend some first"
                )),
            }
        }
        believed
    }

    /// Judges the findings that `concerns` picks. Returns the names of the tools that ran.
    pub(super) fn judge(
        &self,
        case: &Case<'a>,
        settings: &FindingsGate,
        opinion: &mut Opinion<'a>,
        concerns: impl Fn(&Evidence, &Finding) -> bool,
    ) -> BTreeSet<String> {
        let believed = self.believed(opinion);
        let ran: BTreeSet<String> = believed
            .iter()
            .flat_map(|(_, findings)| findings.tools.iter().map(|tool| tool.name.clone()))
            .collect();
        let introduced = Introduced::of(case);
        for change in &introduced.without_diff {
            opinion.miss(format!(
                "change {change} has no diff: `safeguard change attach {change} diff FILE`"
            ));
        }
        if case.release.changes.is_empty() {
            opinion.miss("the release names no change, so that nobody knows what is new in it");
        }
        let new = newest(&believed).filter(|(evidence, finding)| {
            concerns(evidence, finding)
                && finding.severity >= settings.severity_min
                && is_new(finding, &introduced)
        });
        refuse(
            case,
            new.map(|(_, finding)| finding).collect(),
            settings.severity_min,
            opinion,
        );
        ran
    }
}

/// Says which of the required tools did not run.
pub(super) fn miss_tools(
    case: &Case<'_>,
    settings: &FindingsGate,
    ran: &BTreeSet<String>,
    opinion: &mut Opinion<'_>,
) {
    for tool in &settings.tools {
        let there = ran.iter().any(|name| name.eq_ignore_ascii_case(tool));
        opinion.figure(
            format!("`{tool}` ran"),
            if there { "yes" } else { "no" },
            "yes",
            there,
        );
        if !there {
            opinion.miss_report(
                &format!("no report of `{tool}` is about this release"),
                Format::Sarif,
            );
        }
    }
    if settings.tools.is_empty() && ran.is_empty() {
        let commit = case
            .commit()
            .map_or_else(String::new, |commit| format!(" {commit}"));
        opinion.miss_report(
            &format!("no scanner's report is about commit{commit}"),
            Format::Sarif,
        );
    }
}

/// Each finding as the newest report that has it says: so a finding that was dismissed after a scan is dismissed, and
/// one that another run of the same tool has not looked for is not lost.
fn newest<'a>(
    believed: &[(&'a Evidence, &'a Findings)],
) -> impl Iterator<Item = (&'a Evidence, &'a Finding)> {
    let mut said_by: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (at, (_, findings)) in believed.iter().enumerate() {
        for finding in &findings.findings {
            said_by.entry((&finding.tool, &finding.fingerprint)).or_insert(at);
        }
    }
    let all = believed
        .iter()
        .enumerate()
        .flat_map(|(at, (evidence, findings))| {
            findings
                .findings
                .iter()
                .map(move |finding| (at, *evidence, finding))
        });
    let all: Vec<_> = all.collect();
    all.into_iter().filter_map(move |(at, evidence, finding)| {
        let newest = said_by.get(&(finding.tool.as_str(), finding.fingerprint.as_str()));
        (newest == Some(&at)).then_some((evidence, finding))
    })
}

/// Whether the changes introduce the finding: as its report says, else as the diff does. What can not be placed is new.
fn is_new(finding: &Finding, introduced: &Introduced<'_>) -> bool {
    let lies_on_new_lines = || {
        let Some(path) = &finding.path else { return true };
        let lines = finding.line.map(|line| (line, finding.end_line.unwrap_or(line)));
        let through_new_lines =
            |step: &safeguard_api::evidence::Spot| introduced.has(&step.path, Some((step.line, step.line)));
        introduced.has(path, lines) || finding.steps.iter().any(through_new_lines)
    };
    match finding.state {
        FindingState::New => true,
        FindingState::Unchanged | FindingState::Absent | FindingState::Suppressed => false,
        // Who writes the line also writes the comment that silences it: that takes two other people.
        FindingState::Unsaid | FindingState::Silenced => lies_on_new_lines(),
    }
}

fn refuse(case: &Case<'_>, new: Vec<&Finding>, severity_min: Severity, opinion: &mut Opinion<'_>) {
    let (waived, refused): (Vec<&Finding>, Vec<&Finding>) = new.into_iter().partition(|finding| {
        let waiver = waiver_of(case, finding, opinion);
        waiver.is_some()
    });
    let (approved, refused): (Vec<&Finding>, Vec<&Finding>) = refused
        .into_iter()
        .partition(|finding| comment_counts(case, finding).is_ok());
    let (waiting, refused): (Vec<&Finding>, Vec<&Finding>) = refused.into_iter().partition(|finding| {
        finding.severity == Severity::Critical
            && comment_counts(case, finding).is_err_and(|why| why.is_some())
    });
    let count = refused.len();
    opinion.figure(
        format!("new findings of severity {severity_min} and above"),
        count,
        0,
        count == 0,
    );
    if !waived.is_empty() {
        opinion.figure("of these waived by two people", waived.len(), "any", true);
    }
    if !approved.is_empty() {
        opinion.figure(
            "of these let pass by a comment that somebody else approved",
            approved.len(),
            "any",
            true,
        );
    }
    if !waiting.is_empty() {
        opinion.figure(
            "of these with a comment that nobody else has approved",
            waiting.len(),
            0,
            false,
        );
    }
    for finding in &waiting {
        if let (Some(comment), Err(Some(why))) = (&finding.comment, comment_counts(case, finding)) {
            let short: String = comment.statement.finding.chars().take(12).collect();
            opinion.miss(format!(
                "{} waits for somebody else to approve the comment that would let it pass: {why}; `safeguard suppression approve {short}`, then add the report anew",
                described(finding)
            ));
        }
    }
    for finding in refused.iter().take(NAMED_MAX) {
        opinion.refuse(described(finding));
    }
    if let Some(more) = count.checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        opinion.refuse(format!("{more} new findings more"));
    }
}

fn described(finding: &Finding) -> String {
    let place = match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("{path}:{line}"),
        (Some(path), None) => path.clone(),
        (None, _) => "an unknown place".to_owned(),
    };
    let silenced = match finding.state {
        FindingState::Silenced => ", silenced by the change itself",
        FindingState::Unsaid
        | FindingState::New
        | FindingState::Unchanged
        | FindingState::Absent
        | FindingState::Suppressed => "",
    };
    format!(
        "{} {}[{}] at {place}{silenced} (fingerprint {})",
        finding.severity, finding.tool, finding.rule, finding.fingerprint
    )
}

/// The waiver that names the finding. Critical findings of security can not be waived, by whichever gate they are read.
fn waiver_of<'a>(
    case: &Case<'a>,
    finding: &Finding,
    opinion: &mut Opinion<'_>,
) -> Option<&'a safeguard_api::Waiver> {
    if finding.security && finding.severity == Severity::Critical {
        return None;
    }
    let names = |waiver: &&safeguard_api::Waiver| {
        matches!(waiver.statement.gate, Gate::StaticAnalysis | Gate::SecurityScan)
            && waiver.statement.findings.contains(&finding.fingerprint)
            && waiver.in_force(&case.release.id, case.now)
    };
    let waiver = case.waivers.iter().find(names)?;
    opinion.waived_by(&waiver.id);
    Some(waiver)
}

/// Whether the comment in the source that silences the finding counts: it holds today, and an approver without a hand in the changes signed
/// it. Without a comment there is no reason.
fn comment_counts(case: &Case<'_>, finding: &Finding) -> Result<(), Option<String>> {
    let comment = finding.comment.as_ref().ok_or(None)?;
    let statement = &comment.statement;
    let today = case.now.to_string();
    let is_day =
        |text: &str| text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !is_day(&statement.until)
        || today
            .get(..10)
            .is_none_or(|today| statement.until.as_str() < today)
    {
        return Err(Some(format!("it held until {}", statement.until)));
    }
    let line = comment
        .approval
        .as_deref()
        .ok_or_else(|| Some("nobody has signed it".to_owned()))?;
    // A key counts when the policy of the release and the policy in force both give it to this person.
    let mut people = Vec::new();
    for approvers in [&case.policy.approvers, &case.in_force.approvers] {
        let hands = |approver: &Approver| hands_in(approver, case.changes.iter().map(|change| change.change));
        let approver = suppression_approver(statement, line, approvers, case.passkeys, hands);
        people.push(approver.map_err(|why| Some(why.to_string()))?.person.as_str());
    }
    people.dedup();
    match people.len() {
        1 => Ok(()),
        _ => Err(Some("two policies give its key to two people".to_owned())),
    }
}
