//! Gate 2: no hole that the changes introduce, and no known vulnerability in what the artifact is made of.

use std::collections::BTreeSet;

use safeguard_api::config::FindingsGate;
use safeguard_api::evidence::{Components, Facts, Format, Severity, Vulnerability};
use safeguard_api::gate::{Gate, GateVerdict};
use safeguard_api::id::Digest;

use super::GateRule;
use super::findings::{Scans, miss_tools};
use super::opinion::Opinion;
use crate::case::Case;

/// Vulnerabilities that are named in a verdict; the rest is counted.
const NAMED_MAX: usize = 20;

pub(super) static RULE: GateRule = GateRule {
    gate: Gate::SecurityScan,
    page: include_str!("security_scan.md"),
    judge,
};

fn judge(case: &Case<'_>) -> GateVerdict {
    let settings = &case.policy.gates.security_scan;
    let mut opinion = Opinion::new(case, RULE.gate);
    let scans = Scans::of(case, RULE.gate);
    let mut ran = scans.judge(case, settings, &mut opinion, |evidence, finding| {
        finding.security || evidence.spec.gate == Some(RULE.gate)
    });
    ran.extend(components(case, settings, &mut opinion));
    miss_tools(case, settings, &ran, &mut opinion);
    let tools: Vec<String> = ran.into_iter().collect();
    opinion.verdict(format!(
        "{}: nothing new of severity {} or above",
        tools.join(", "),
        settings.severity_min
    ))
}

/// Judges the newest list of components that was scanned. A vulnerability refuses also where no change brought it: what
/// is known to be broken does not go out again. Returns the tools that looked for vulnerabilities.
fn components(case: &Case<'_>, settings: &FindingsGate, opinion: &mut Opinion<'_>) -> BTreeSet<String> {
    let mut lists = case
        .current_for(RULE.gate)
        .filter_map(|evidence| match &evidence.facts {
            Facts::Components(components) => Some((evidence, components)),
            Facts::Findings(_)
            | Facts::Tests(_)
            | Facts::Coverage(_)
            | Facts::Load(_)
            | Facts::Resources(_)
            | Facts::Invariants(_)
            | Facts::Drill(_) => None,
        });
    let Some((evidence, components)) = lists.find(|(_, components)| components.scanned) else {
        return BTreeSet::new();
    };
    opinion.looked_at(evidence);
    if let Some(why) = evidence.inconclusive.first() {
        opinion.miss(format!(
            "report {} can not be believed: {why}; run the scanner again",
            evidence.id
        ));
        return BTreeSet::new();
    }
    if components.components == 0 {
        opinion.miss_report("the list of components has none", Format::Cyclonedx);
    }
    refuse(case, components, settings.severity_min, opinion);
    components.tools.iter().map(|tool| tool.name.clone()).collect()
}

fn refuse(case: &Case<'_>, components: &Components, severity_min: Severity, opinion: &mut Opinion<'_>) {
    let known = components.vulnerabilities.iter();
    let known = known.filter(|one| one.severity >= severity_min && !one.excused);
    let (waived, refused): (Vec<&Vulnerability>, Vec<&Vulnerability>) =
        known.partition(|one| is_waived(case, one, opinion));
    let count = refused.len();
    let name = format!(
        "vulnerabilities of severity {severity_min} and above in {} components",
        components.components
    );
    opinion.figure(name, count, 0, count == 0);
    if !waived.is_empty() {
        opinion.figure("vulnerabilities waived by two people", waived.len(), "any", true);
    }
    // The worst first.
    for one in refused.iter().rev().take(NAMED_MAX) {
        let places = one.affects.join(", ");
        opinion.refuse(format!(
            "{} {} in {places} (fingerprint {})",
            one.severity,
            one.id,
            fingerprint(one)
        ));
    }
    if let Some(more) = count.checked_sub(NAMED_MAX).filter(|more| *more > 0) {
        opinion.refuse(format!("{more} vulnerabilities more"));
    }
}

fn is_waived(case: &Case<'_>, vulnerability: &Vulnerability, opinion: &mut Opinion<'_>) -> bool {
    if vulnerability.severity == Severity::Critical {
        return false;
    }
    let fingerprint = fingerprint(vulnerability);
    let waiver = case.waivers.iter().find(|waiver| {
        waiver.statement.gate == RULE.gate
            && waiver.statement.findings.contains(&fingerprint)
            && waiver.in_force(&case.release.id, case.now)
    });
    if let Some(waiver) = waiver {
        opinion.waived_by(&waiver.id);
    }
    waiver.is_some()
}

/// Of the vulnerability and where it is: the same one in another component is another finding.
#[must_use]
pub fn fingerprint(vulnerability: &Vulnerability) -> String {
    let text = format!("{}\n{}", vulnerability.id, vulnerability.affects.join("\n"));
    Digest::of(text.as_bytes()).hex()[..16].to_owned()
}
