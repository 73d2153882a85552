//! Gate 4: data is as it must be, and a migration was rehearsed and lost nothing.

use safeguard_api::Evidence;
use safeguard_api::evidence::{Facts, Format, InvariantCheck, Invariants, MigrationRehearsal};
use safeguard_api::gate::{Gate, GateVerdict};

use super::GateRule;
use super::opinion::Opinion;
use crate::case::Case;
use crate::introduced::touched;
use crate::paths::is_migration;

pub(super) static RULE: GateRule = GateRule {
    gate: Gate::DataIntegrity,
    page: include_str!("data_integrity.md"),
    judge,
};

fn judge(case: &Case<'_>) -> GateVerdict {
    let mut opinion = Opinion::new(case, RULE.gate);
    let all: Vec<(&Evidence, &Invariants)> = case.current_for(RULE.gate).filter_map(invariants).collect();
    for (evidence, _) in &all {
        opinion.looked_at(evidence);
        if let Some(why) = evidence.inconclusive.first() {
            opinion.miss(format!(
                "report {} can not be believed: {why}; count again",
                evidence.id
            ));
        }
    }
    let reports = || {
        all.iter()
            .filter(|(evidence, _)| evidence.inconclusive.is_empty())
    };
    let checks = newest(reports().flat_map(|(_, report)| &report.checks), |check| {
        &check.name
    });
    let rehearsals = newest(
        reports().flat_map(|(_, report)| &report.migrations),
        |rehearsal| &rehearsal.name,
    );
    check_all(&checks, &mut opinion);
    rehearse_all(case, &rehearsals, &mut opinion);
    let looked_at: u64 = checks
        .iter()
        .fold(0, |sum, check| sum.saturating_add(check.checked));
    opinion.verdict(format!(
        "{} checks hold for {looked_at} rows, {} migrations rehearsed",
        checks.len(),
        rehearsals.len()
    ))
}

fn invariants(evidence: &Evidence) -> Option<(&Evidence, &Invariants)> {
    match &evidence.facts {
        Facts::Invariants(invariants) => Some((evidence, invariants)),
        Facts::Findings(_)
        | Facts::Tests(_)
        | Facts::Coverage(_)
        | Facts::Load(_)
        | Facts::Components(_)
        | Facts::Resources(_)
        | Facts::Drill(_) => None,
    }
}

/// Of those with one name the first, which the newest report has.
fn newest<'a, T>(all: impl Iterator<Item = &'a T>, name: impl Fn(&T) -> &String) -> Vec<&'a T> {
    let mut newest: Vec<&T> = Vec::new();
    for one in all {
        if newest.iter().all(|known| name(known) != name(one)) {
            newest.push(one);
        }
    }
    newest
}

fn check_all(checks: &[&InvariantCheck], opinion: &mut Opinion<'_>) {
    if checks.is_empty() {
        opinion.miss_report("no check of the data is about this release", Format::Safeguard);
    }
    for check in checks {
        let held = check.violations == 0 && check.checked > 0;
        opinion.figure(
            format!("`{}`: violations", check.name),
            format!("{} of {} rows", check.violations, check.checked),
            "0 of at least 1 row",
            held,
        );
        if check.violations > 0 {
            opinion.refuse(format!(
                "`{}` is violated by {} of {} rows (limit 0)",
                check.name, check.violations, check.checked
            ));
        } else if check.checked == 0 {
            opinion.miss(format!(
                "`{}` looked at no row; run it on a copy that has data",
                check.name
            ));
        }
    }
}

fn rehearse_all(case: &Case<'_>, rehearsals: &[&MigrationRehearsal], opinion: &mut Opinion<'_>) {
    for change in case.changes.iter().filter(|change| change.diff.is_none()) {
        let id = &change.change.id;
        opinion.miss(format!("change {id} has no diff, so that nobody knows whether it migrates data: `safeguard change attach {id} diff FILE`"));
    }
    for file in touched(case).filter(|file| is_migration(&file.path)) {
        let rehearsed = rehearsals
            .iter()
            .any(|rehearsal| names(&rehearsal.name, &file.path));
        if !rehearsed {
            let what = format!("migration `{}` was not rehearsed", file.path);
            opinion.miss_report(&what, Format::Safeguard);
        }
    }
    for rehearsal in rehearsals {
        judge_rehearsal(rehearsal, opinion);
    }
}

/// A rehearsal names a migration by its path, its file, or the folder that it is, with or without the ending.
fn names(name: &str, path: &str) -> bool {
    path == name
        || path
            .split('/')
            .any(|part| part == name || part.split('.').next() == Some(name))
}

fn judge_rehearsal(rehearsal: &MigrationRehearsal, opinion: &mut Opinion<'_>) {
    let name = &rehearsal.name;
    let lost = rehearsal.rows_before.saturating_sub(rehearsal.rows_after);
    let beyond = lost.saturating_sub(rehearsal.rows_removed_intended);
    opinion.figure(
        format!("`{name}`: rows lost"),
        format!("{lost} of {}", rehearsal.rows_before),
        format!("{} intended", rehearsal.rows_removed_intended),
        beyond == 0,
    );
    opinion.figure(
        format!("`{name}`: taken back"),
        if rehearsal.reversed { "yes" } else { "no" },
        "yes",
        rehearsal.reversed,
    );
    if beyond > 0 {
        opinion.refuse(format!(
            "migration `{name}` lost {lost} of {} rows, {beyond} more than the {} intended",
            rehearsal.rows_before, rehearsal.rows_removed_intended
        ));
    }
    if !rehearsal.reversed {
        opinion.refuse(format!(
            "migration `{name}` could not be taken back with everything as before"
        ));
    }
    if rehearsal.rows_before == 0 {
        opinion.miss(format!(
            "migration `{name}` was rehearsed on no row; rehearse it on a copy that has data"
        ));
    }
}
