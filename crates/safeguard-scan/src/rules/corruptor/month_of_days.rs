//! A month that is 30 days, a year that is 365: the next invoice is sent on another day each time.

use super::time;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: ALL_LANGUAGES,
    run,
    ..time::MONTH
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let days = match (source.tree.language(), code.called(call)) {
            (Language::Python, "timedelta") => code.option(call, "days").or_else(|| code.arg(call, 0)),
            (Language::Go, "AddDate") => code.arg(call, 2),
            (Language::Java, "plusDays" | "minusDays") | (Language::Rust, "days") => code.arg(call, 0),
            (_, "addDays" | "subDays") => code.arg(call, 1).or_else(|| code.arg(call, 0)),
            _ => None,
        };
        let Some(days) = days.filter(|days| is_thirty(code, *days)) else {
            continue;
        };
        let named = code
            .function(call)
            .map_or("", |function| code.function_name(function));
        if adds_months(named) && !undoes_or_tests(code, call) {
            reports.add(
                days,
                format!(
                    "a month has 28 to 31 days: `{named}` comes out on another day of the month each time"
                ),
            );
        }
    }
    // `(today - born).days // 365`
    for division in source.of_kind(Kind::Binary).iter().copied() {
        let by_year = code.name(division) == "//"
            && code
                .child(division, Role::Right)
                .and_then(|right| code.number(right))
                == Some(365)
            && code
                .child(division, Role::Left)
                .is_some_and(|left| code.kind(left) == Kind::Member && code.name(left) == "days");
        let named = code
            .function(division)
            .map_or("", |function| code.function_name(function));
        let set = code
            .tree
            .parent(division)
            .and_then(|parent| code.child(parent, Role::Target))
            .map_or("", |target| code.last_name(target));
        let is_age = |name: &str| words(name).iter().any(|word| word == "age");
        if by_year && (is_age(named) || is_age(set)) && !undoes_or_tests(code, division) {
            reports.add(
                division,
                "with a leap day for every four years somebody is a year older some days before the birthday",
            );
        }
    }
}

/// `30`, `30 * count`
fn is_thirty(code: Code<'_>, id: NodeId) -> bool {
    let is = |id: NodeId| matches!(code.number(id), Some(30 | 31));
    is(id)
        || code.kind(id) == Kind::Binary
            && code.name(id) == "*"
            && [Role::Left, Role::Right]
                .into_iter()
                .any(|side| code.child(id, side).is_some_and(is))
}

/// Whether a function is there to go from one month to another.
fn adds_months(name: &str) -> bool {
    let words = words(name);
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    has(&["month", "months"])
        && has(&[
            "add",
            "next",
            "plus",
            "advance",
            "shift",
            "increment",
            "previous",
            "subtract",
            "minus",
        ])
}
