//! SQL: moments between two days, of which the last one counts at midnight alone.

use super::ranges;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: ALL_LANGUAGES,
    run,
    ..ranges::CHECK
};

pub static SQL: Check = Check {
    languages: &[Language::Sql],
    run: sql,
    ..ranges::CHECK
};

const TOLD: &str = "moments of the last day are left out, but for its midnight: a day without a time is its beginning (`>= first AND < day after`)";

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for text in source.of_kind(Kind::Str).iter().copied() {
        let written = code.name(text);
        if between(written).is_some() && !undoes_or_tests(code, text) {
            reports.add(text, TOLD);
        }
    }
    if source.tree.language() != Language::Python {
        return;
    }
    // `Order.objects.filter(created_at__range=(first, last))`, `Order.created_at.between(first, last)`
    for keyword in source.of_kind(Kind::Keyword).iter().copied() {
        let field = code.name(keyword).strip_suffix("__range").unwrap_or("");
        let last = code
            .child(keyword, Role::Value)
            .filter(|_| is_moment(field))
            .and_then(|value| code.tree.children(value).nth(1));
        if last.is_some_and(|last| is_day(code, last)) && !undoes_or_tests(code, keyword) {
            reports.add(keyword, TOLD);
        }
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        let of = code.receiver(call).filter(|_| code.called(call) == "between");
        let is_of_moment = of.is_some_and(|of| code.kind(of) == Kind::Member && is_moment(code.name(of)));
        if is_of_moment
            && code.arg(call, 1).is_some_and(|last| is_day(code, last))
            && !undoes_or_tests(code, call)
        {
            reports.add(call, TOLD);
        }
    }
    // The statement names the moments, and what is bound to it are days.
    for call in source.of_kind(Kind::Call).iter().copied() {
        let bound = code
            .arg(call, 0)
            .and_then(|statement| code.text(statement))
            .filter(|text| {
                let lower = text.to_ascii_lowercase();
                lower.find(" between ").is_some_and(|at| {
                    let before = lower[..at].trim_end();
                    let name = before.rsplit([' ', '.', '(', '"']).next().unwrap_or("");
                    let rest = lower[at + 9..].trim_start();
                    is_moment(name)
                        && rest.starts_with(['%', '?', ':'])
                        && lower.matches(" between ").count() == 1
                })
            });
        let Some(params) = code.arg(call, 1).filter(|_| bound.is_some()) else {
            continue;
        };
        let days = code
            .tree
            .children(params)
            .filter(|param| is_day(code, *param))
            .count();
        if days >= 2 && !undoes_or_tests(code, call) {
            reports.add(call, TOLD);
        }
    }
}

fn sql(source: &Source, _: &Project, reports: &mut Reports) {
    let text = source.tree.text();
    let mut from = 0;
    while let Some((at, length)) = text.get(from..).and_then(between) {
        let begin = from + at;
        reports.at(text, begin..begin + length, TOLD, false);
        from = begin + length;
    }
}

/// `created_at BETWEEN '2024-05-01' AND '2024-05-31'`: where it stands, and how long it is.
fn between(text: &str) -> Option<(usize, usize)> {
    if !text.contains("BETWEEN") && !text.contains("between") {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    lower.match_indices(" between ").find_map(|(at, found)| {
        let before = lower[..at].trim_end();
        let name = before
            .rsplit([' ', '.', '(', '"', '\n', '\t', '`'])
            .find(|word| !word.is_empty())?;
        let rest = &lower[at + found.len()..];
        let (first, last) = rest.split_once(" and ")?;
        let day = |written: &str| {
            let written = written.trim_start().trim_start_matches("date ").trim_start();
            let inner = written.strip_prefix('\'')?.split('\'').next()?.to_owned();
            (inner.len() == 10 && inner.bytes().filter(|byte| byte.is_ascii_digit()).count() == 8)
                .then_some(inner)
        };
        let (first, last) = (day(first)?, day(last)?);
        // The first of a month as the end is meant as a bound that is not reached.
        let ends = !last.ends_with("-01") && last > first;
        let begin = at - name.len();
        (is_moment(name) && ends).then_some((begin, name.len() + found.len()))
    })
}

/// Whether a column holds moments, by how it is called.
fn is_moment(name: &str) -> bool {
    let name = name.trim_matches(['"', '`', ')']);
    name.ends_with("_at")
        || name.ends_with("timestamp")
        || name.ends_with("datetime")
        || name.ends_with("_time")
}

/// How far a day is followed through what is computed of it.
const HOPS_MAX: usize = 6;

/// Whether a value of Python is a day without a time.
fn is_day(code: Code<'_>, id: NodeId) -> bool {
    let text = code.text(code.set_to(id).unwrap_or(id));
    match text {
        Some(text) => {
            text.len() == 10
                && text.bytes().filter(|byte| byte.is_ascii_digit()).count() == 8
                && !text.ends_with("-01")
        }
        None => is_date(code, id, HOPS_MAX),
    }
}

/// `date(…)`, `date.today() - timedelta(days=1)`, `first.replace(day=31)`
fn is_date(code: Code<'_>, id: NodeId, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else {
        return false;
    };
    let value = code.set_to(id).unwrap_or(id);
    match code.kind(value) {
        Kind::Call if code.called(value) == "replace" => {
            code.receiver(value).is_some_and(|of| is_date(code, of, left))
        }
        Kind::Call => matches!(
            code.path(value),
            "datetime.date" | "datetime.date.today" | "datetime.date.fromisoformat"
        ),
        Kind::Binary if matches!(code.name(value), "+" | "-") => code
            .child(value, Role::Left)
            .is_some_and(|side| is_date(code, side, left)),
        _ => false,
    }
}
