//! Formats of dates of Java, of chrono in Rust, and of SQL's `to_char`, that name another part than is meant.

use super::date_format;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    languages: ALL_LANGUAGES,
    run,
    ..date_format::FORMAT
};

pub static SQL: Check = Check {
    languages: &[Language::Sql],
    run: sql,
    ..date_format::FORMAT
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let language = source.tree.language();
    for call in source.calls().iter().copied() {
        let pattern = |id: NodeId| code.text(id);
        let told = match language {
            Language::Java
                if matches!(
                    code.called(call),
                    "ofPattern" | "SimpleDateFormat" | "forPattern" | "getInstance"
                ) || code.tree.kind(call) == Kind::New
                    && code.tree.source(call).contains("SimpleDateFormat(") =>
            {
                code.args(call)
                    .into_iter()
                    .take(1)
                    .find_map(pattern)
                    .and_then(java_pattern)
            }
            Language::Rust
                if matches!(
                    code.called(call),
                    "format" | "parse_from_str" | "format_localized"
                ) =>
            {
                code.args(call)
                    .into_iter()
                    .find_map(pattern)
                    .and_then(date_format::percent_format)
            }
            Language::JavaScript | Language::TypeScript | Language::Tsx => code
                .args(call)
                .into_iter()
                .find_map(pattern)
                .filter(|_| {
                    code.path(call).starts_with("date-fns")
                        || code.called(call) == "toFormat" && code.imports("luxon")
                })
                .and_then(unicode_pattern),
            _ => None,
        };
        if let Some(told) = told
            && !undoes_or_tests(code, call)
        {
            reports.add(call, told);
        }
    }
    for text in source.of_kind(Kind::Str).iter().copied() {
        if let Some((_, told)) = in_sql(code.name(text)).first()
            && !undoes_or_tests(code, text)
        {
            reports.add(text, *told);
        }
    }
}

fn sql(source: &Source, _: &Project, reports: &mut Reports) {
    let text = source.tree.text();
    for (at, told) in in_sql(text) {
        let end = text[at..].find(')').map_or(text.len(), |end| at + end);
        reports.at(text, at..end, told, false);
    }
}

/// What date-fns and luxon take, which is written as in Java.
fn unicode_pattern(pattern: &str) -> Option<&'static str> {
    (pattern.contains("YYYY") || pattern.contains("MM") && pattern.contains("DD"))
        .then_some("the year is `yyyy` and the day of the month `dd` here: `YYYY` and `DD` are those of the week and of the year, or raise an error")
}

fn java_pattern(pattern: &str) -> Option<&'static str> {
    // What stands in quotes is text.
    let plain: String = pattern.split('\'').step_by(2).collect();
    let has = |part: &str| plain.contains(part);
    if has("YYYY") && !has("w") && !has("e") && (has("MM") || has("dd") || has("DD")) {
        return Some(
            "`YYYY` is the year that the week belongs to: the last days of December are in the next year (`yyyy`)",
        );
    }
    if has("DD") && has("MM") && !has("ddd") {
        return Some("`DD` is the day of the year, not of the month (`dd`)");
    }
    if [
        "yyyy-mm", "yyyy/mm", "yyyymm", "dd.mm.yy", "dd/mm/yy", "dd-mm-yy", "mm/dd/yy",
    ]
    .iter()
    .any(|part| has(part))
    {
        return Some("`mm` is the minute, not the month (`MM`)");
    }
    if has("HH:MM") || has("hh:MM") {
        return Some("`MM` is the month, not the minute (`mm`)");
    }
    if has("hh:mm") && !has("a") && !has("B") {
        return Some(
            "`hh` without `a` leaves out whether it is morning or afternoon; `HH` is the hour of 24",
        );
    }
    None
}

/// `to_char(at, 'YYYY-MM-DD HH24:MM')`: where each stands, and what is wrong.
fn in_sql(text: &str) -> Vec<(usize, &'static str)> {
    if !text.contains("to_char") && !text.contains("TO_CHAR") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let lower = text.to_ascii_lowercase();
    for (at, _) in lower.match_indices("to_char(") {
        // The pattern is the next text, within the call.
        let mut parts = lower[at..].splitn(3, '\'');
        let (Some(before), Some(pattern)) = (parts.next(), parts.next()) else {
            continue;
        };
        if before.contains(';')
            || before.len() > 200
            || before.contains('\n') && before.matches('\n').count() > 3
        {
            continue;
        }
        if pattern.contains("hh24:mm") || pattern.contains("hh:mm") || pattern.contains("hh12:mm") {
            found.push((at, "`MM` is the month, not the minute (`MI`)"));
        } else if pattern.contains("iyyy-mm") || pattern.contains("iyyy/mm") {
            found.push((
                at,
                "`IYYY` is the year that the week belongs to, not that of the month (`YYYY`)",
            ));
        } else if (pattern.contains("hh:mi") || pattern.contains("hh12:mi"))
            && !pattern.contains("am")
            && !pattern.contains("pm")
            && !pattern.contains("a.m.")
            && !pattern.contains("p.m.")
        {
            found.push((
                at,
                "`HH` is the hour of 12, and leaves out whether it is morning or afternoon (`HH24`)",
            ));
        }
    }
    found
}
