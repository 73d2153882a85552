//! What was stopped where: per pattern, per case and per gate, for people and as JSON.

use std::collections::BTreeMap;

use serde_json::json;

use crate::corpus::Pattern;
use crate::interval;
use crate::outcome::{Column, Walked};
use crate::table;

const WHY_LENGTH_MAX: usize = 100;
const BAD: [Pattern; 6] = [
    Pattern::X1,
    Pattern::X2,
    Pattern::X3,
    Pattern::X4,
    Pattern::X5,
    Pattern::X6,
];

/// All tables: cases, patterns, the three figures, misses by name, and what each gate was good for.
pub fn render(walks: &[Walked], ablations: &[Walked]) -> String {
    let mut text = cases(walks);
    text.push('\n');
    text.push_str(&patterns(walks));
    text.push('\n');
    text.push_str(&figures(walks));
    text.push_str(&names("misses", &misses(walks)));
    text.push_str(&names("good changes that were stopped", &stopped(walks)));
    if !ablations.is_empty() {
        text.push('\n');
        text.push_str(&gates(ablations));
    }
    text
}

fn cases(walks: &[Walked]) -> String {
    let row = |walk: &Walked| {
        vec![
            walk.case.clone(),
            walk.told().to_owned(),
            walk.stage.to_string(),
            walk.candidate_requests.to_string(),
            format!("{:.0}", walk.pipeline_seconds),
            format!("{:.0}", walk.walk_seconds),
            format!("{:.0}", walk.case_seconds),
            table::shortened(&why(walk), WHY_LENGTH_MAX),
        ]
    };
    let headings = [
        "case",
        "outcome",
        "stage",
        "requests",
        "pipeline s",
        "walk s",
        "all s",
        "why",
    ];
    table::render(&headings, &walks.iter().map(row).collect::<Vec<_>>())
}

fn why(walk: &Walked) -> String {
    let parts = [
        walk.pipeline_stopped
            .as_ref()
            .map(|step| format!("the pipeline stopped: {step}"))
            .unwrap_or_default(),
        walk.stopped_by(),
        walk.data.why().to_owned(),
    ];
    let told: Vec<&str> = parts
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    told.join("; ")
}

fn patterns(walks: &[Walked]) -> String {
    let row = |pattern: Pattern| {
        let of: Vec<&Walked> = walks.iter().filter(|walk| walk.pattern == pattern).collect();
        let counted = |column| {
            of.iter()
                .filter(|walk| walk.column() == column)
                .count()
                .to_string()
        };
        let mut row = vec![pattern.name().to_owned(), of.len().to_string()];
        row.extend(Column::ALL.map(counted));
        row
    };
    let mut headings = vec!["pattern", "cases"];
    headings.extend(Column::ALL.map(Column::heading));
    table::render(&headings, &BAD.map(row))
}

fn figures(walks: &[Walked]) -> String {
    let bad: Vec<&Walked> = walks.iter().filter(|walk| walk.is_bad()).collect();
    let good: Vec<&Walked> = walks.iter().filter(|walk| !walk.is_bad()).collect();
    let at = |column| bad.iter().filter(|walk| walk.column() == column).count() as u64;
    let (refused, contained) = (at(Column::Refused), at(Column::Contained));
    let wrong = good.iter().filter(|walk| !walk.is_live()).count() as u64;
    let (bad, good) = (bad.len() as u64, good.len() as u64);
    format!(
        "refused before the first request of a user: {}\nrefused, or contained with no damaged row:   {}\ngood changes stopped by mistake:              {}\n",
        interval::text(refused, bad),
        interval::text(refused + contained, bad),
        interval::text(wrong, good),
    )
}

fn misses(walks: &[Walked]) -> Vec<&str> {
    let missed = |walk: &&Walked| walk.is_bad() && walk.column() == Column::ReachedUsers;
    walks
        .iter()
        .filter(missed)
        .map(|walk| walk.case.as_str())
        .collect()
}

fn stopped(walks: &[Walked]) -> Vec<&str> {
    let stopped = |walk: &&Walked| !walk.is_bad() && !walk.is_live();
    walks
        .iter()
        .filter(stopped)
        .map(|walk| walk.case.as_str())
        .collect()
}

fn names(what: &str, cases: &[&str]) -> String {
    match cases {
        [] => String::new(),
        cases => format!("{what}: {}\n", cases.join(", ")),
    }
}

/// The same walks again, each without the gate that had stopped it.
fn gates(ablations: &[Walked]) -> String {
    let mut by_gate: BTreeMap<String, Vec<&Walked>> = BTreeMap::new();
    for walk in ablations {
        let gate = walk.without.map(|gate| gate.to_string()).unwrap_or_default();
        by_gate.entry(gate).or_default().push(walk);
    }
    let row = |(gate, walks): (String, Vec<&Walked>)| {
        let named = |wanted: &dyn Fn(&Walked) -> bool| {
            let found: Vec<&str> = walks
                .iter()
                .filter(|walk| wanted(walk))
                .map(|walk| walk.case.as_str())
                .collect();
            found.join(" ")
        };
        vec![
            gate,
            walks.len().to_string(),
            named(&|walk| walk.is_bad() && walk.column() == Column::ReachedUsers),
            named(&|walk| walk.is_bad() && walk.column() == Column::Contained),
            named(&|walk| !walk.is_bad() && walk.is_live()),
        ]
    };
    let headings = [
        "without the gate",
        "stopped by it",
        "bad that then reach users",
        "bad that are then contained",
        "good that are then spared",
    ];
    table::render(&headings, &by_gate.into_iter().map(row).collect::<Vec<_>>())
}

pub fn json(walks: &[Walked], ablations: &[Walked]) -> serde_json::Value {
    let bad = walks.iter().filter(|walk| walk.is_bad()).count() as u64;
    let good = walks.len() as u64 - bad;
    let share = |hits: u64, cases: u64| {
        let (low, high) = interval::of(hits, cases);
        json!({ "hits": hits, "cases": cases, "low": low, "high": high })
    };
    let at = |column| {
        let counted = walks
            .iter()
            .filter(|walk| walk.is_bad() && walk.column() == column);
        counted.count() as u64
    };
    json!({
        "refused_before_users": share(at(Column::Refused), bad),
        "refused_or_contained": share(at(Column::Refused) + at(Column::Contained), bad),
        "good_stopped": share(stopped(walks).len() as u64, good),
        "misses": misses(walks),
        "cases": walks.iter().map(|walk| {
            let mut told = json!(walk);
            told["column"] = json!(walk.column());
            told
        }).collect::<Vec<_>>(),
        "ablations": ablations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::End;
    use crate::outcome::tests::{refused, walked};

    #[test]
    fn misses_and_stopped_good_changes_are_named() {
        let walks = [
            walked("x1-drop", Pattern::X1, refused(), false),
            walked("x4-race", Pattern::X4, End::Live, true),
            walked("good-one", Pattern::Good, End::Live, true),
            walked("good-other", Pattern::Good, refused(), false),
        ];
        let text = render(&walks, &[]);
        insta::assert_snapshot!(text.split_once("\n\n").unwrap().1, @r"
        pattern  cases  refused before users  contained  reached users  held for ever
        X1       1      1                     0          0              0
        X2       0      0                     0          0              0
        X3       0      0                     0          0              0
        X4       1      0                     0          1              0
        X5       0      0                     0          0              0
        X6       0      0                     0          0              0

        refused before the first request of a user: 1 of 2, 50 % (1–99)
        refused, or contained with no damaged row:   1 of 2, 50 % (1–99)
        good changes stopped by mistake:              1 of 2, 50 % (1–99)
        misses: x4-race
        good changes that were stopped: good-other
        ");
        assert_eq!(json(&walks, &[])["misses"], json!(["x4-race"]));
    }

    #[test]
    fn an_ablation_says_what_a_gate_was_good_for() {
        let mut walk = walked("x1-drop", Pattern::X1, End::Live, true);
        walk.without = Some(safeguard_api::Gate::DataIntegrity);
        insta::assert_snapshot!(gates(&[walk]), @r"
        without the gate  stopped by it  bad that then reach users  bad that are then contained  good that are then spared
        data-integrity    1              x1-drop
        ");
    }
}
