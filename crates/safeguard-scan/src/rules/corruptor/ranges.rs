//! A range ends one too early or too late.

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "last-one-lost",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-193"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for counted in source.of_kind(Kind::For).iter().copied() {
        past_end(code, counted, reports);
    }
    for each in source.of_kind(Kind::ForEach).iter().copied() {
        if code.tree.language() == Language::Python && !undoes_or_tests(code, each) {
            python_range(code, each, reports);
        }
    }
    for at in source
        .of_kind(Kind::Assign)
        .iter()
        .chain(source.of_kind(Kind::Keyword))
        .chain(source.of_kind(Kind::Pair))
        .copied()
    {
        pages(code, at, reports);
    }
}

/// `for (let i = 0; i <= list.length; i++) … list[i]`
fn past_end(code: Code<'_>, counted: NodeId, reports: &mut Reports) {
    let (Some(condition), Some(body)) = (
        code.child(counted, Role::Condition),
        code.child(counted, Role::Body),
    ) else {
        return;
    };
    let Some(("<=", index, length)) = code.comparison(condition) else {
        return;
    };
    let list = match code.kind(length) {
        Kind::Member if code.name(length) == "length" => code.child(length, Role::Object),
        Kind::Call if code.path(length) == "len" => code.arg(length, 0),
        _ => None,
    };
    let Some(list) = list else {
        return;
    };
    let read = code.tree.subtree(body).any(|id| {
        code.kind(id) == Kind::Index
            && code.child(id, Role::Object).is_some_and(|of| code.same(of, list))
            && code.child(id, Role::Index).is_some_and(|at| code.same(at, index))
    });
    // With a condition of its own about the end it is meant: `i < n ? xs[i] : last`.
    let asked = code.tree.subtree(body).any(|id| {
        matches!(code.kind(id), Kind::Binary)
            && matches!(code.name(id), "<" | "===" | "==" | ">=" | "!==")
            && code.tree.children(id).any(|side| code.same(side, index))
    });
    if read && !asked && !undoes_or_tests(code, counted) {
        reports.add(
            condition,
            format!(
                "`{}` goes one past the end of `{}`",
                code.tree.source(index),
                code.tree.source(list)
            ),
        );
    }
}

/// Ranges that end before the last page, month, or batch.
fn python_range(code: Code<'_>, each: NodeId, reports: &mut Reports) {
    let (Some(iter), Some(target)) = (code.child(each, Role::Iter), code.child(each, Role::Target)) else {
        return;
    };
    if code.kind(iter) != Kind::Call || code.path(iter) != "range" {
        return;
    }
    let args = code.args(iter);
    let name = code.name(target);
    match args.as_slice() {
        [begin, end] => {
            let from_one = code.number(*begin) == Some(1);
            let pages = has_word(name, &["page", "pages", "p"])
                && matches!(code.kind(*end), Kind::Name | Kind::Member)
                && has_word(code.name(*end), &["pages"])
                && has_word(
                    code.name(*end),
                    &["total", "num", "number", "last", "max", "n", "count", "pages"],
                );
            if from_one && pages {
                reports.add(
                    iter,
                    format!(
                        "ends before the last page: `{}` itself is left out",
                        code.tree.source(*end)
                    ),
                );
            }
            if from_one && has_word(name, &["month", "months"]) && code.number(*end) == Some(12) {
                reports.add(iter, "ends in November: the end of a range is left out");
            }
        }
        [end] => {
            // `for i in range(len(items) // size): batch = items[i * size:(i + 1) * size]`
            if code.kind(*end) == Kind::Binary
                && code.name(*end) == "//"
                && let (Some(length), Some(size)) =
                    (code.child(*end, Role::Left), code.child(*end, Role::Right))
                && code.kind(length) == Kind::Call
                && code.path(length) == "len"
                && code.kind(size) != Kind::Num
                && let Some(list) = code.arg(length, 0)
                && let Some(body) = code.child(each, Role::Body)
            {
                let sliced = code.tree.subtree(body).any(|id| {
                    code.kind(id) == Kind::Index
                        && code.child(id, Role::Object).is_some_and(|of| code.same(of, list))
                        && code.child(id, Role::Index).is_some_and(|index| {
                            code.kind(index) == Kind::Slice
                                && code.mentions(index, |other| other == code.last_name(size))
                        })
                });
                if sliced
                    && code.function(each).is_none_or(|function| {
                        !code.tree.subtree(function).any(|id| {
                            code.kind(id) == Kind::Binary
                                && code.name(id) == "%"
                                && code.mentions(id, |other| other == code.last_name(size))
                        })
                    })
                {
                    reports.add(
                        iter,
                        format!(
                            "the rest of `{}` that fills no whole batch is left out",
                            code.tree.source(list)
                        ),
                    );
                }
            }
            // `range(len(items) + 1)` with `items[i]`
            if code.kind(*end) == Kind::Binary
                && code.name(*end) == "+"
                && code.child(*end, Role::Right).and_then(|one| code.number(one)) == Some(1)
                && let Some(length) = code.child(*end, Role::Left)
                && code.kind(length) == Kind::Call
                && code.path(length) == "len"
                && let (Some(list), Some(body)) = (code.arg(length, 0), code.child(each, Role::Body))
            {
                let read = code.tree.subtree(body).any(|id| {
                    code.kind(id) == Kind::Index
                        && code.child(id, Role::Object).is_some_and(|of| code.same(of, list))
                        && code
                            .child(id, Role::Index)
                            .is_some_and(|at| code.same(at, target))
                });
                let asked = code
                    .tree
                    .subtree(body)
                    .any(|id| matches!(code.kind(id), Kind::If | Kind::Conditional | Kind::Try));
                if read && !asked {
                    reports.add(
                        iter,
                        format!("`{name}` goes one past the end of `{}`", code.tree.source(list)),
                    );
                }
            }
        }
        _ => {}
    }
}

/// `total_pages = total // page_size`, `Math.floor(total / pageSize)`
fn pages(code: Code<'_>, at: NodeId, reports: &mut Reports) {
    let name = match code.kind(at) {
        Kind::Assign => match code.child(at, Role::Target) {
            Some(target) => code.last_name(target),
            None => return,
        },
        Kind::Keyword => code.name(at),
        _ => code.key(at).unwrap_or(""),
    };
    if !has_word(name, &["pages", "batches", "chunks"])
        && !matches!(name, "pageCount" | "page_count" | "lastPage" | "last_page")
    {
        return;
    }
    let Some(value) = code.child(at, Role::Value) else {
        return;
    };
    let division = match code.kind(value) {
        Kind::Binary
            if code.name(value) == "//"
                || code.name(value) == "/" && code.tree.language() == Language::Go =>
        {
            Some(value)
        }
        Kind::Call
            if matches!(
                code.path(value),
                "Math.floor" | "math.floor" | "int" | "Math.trunc" | "parseInt"
            ) =>
        {
            code.arg(value, 0)
                .filter(|inner| code.kind(*inner) == Kind::Binary && code.name(*inner) == "/")
        }
        _ => None,
    };
    let Some(division) = division else {
        return;
    };
    let (Some(whole), Some(size)) = (
        code.child(division, Role::Left),
        code.child(division, Role::Right),
    ) else {
        return;
    };
    // `(total + size - 1) // size` and `-(-total // size)` round up.
    let plain = matches!(code.kind(whole), Kind::Name | Kind::Member | Kind::Call)
        && matches!(code.kind(size), Kind::Name | Kind::Member | Kind::Num);
    let of_rows = (has_word(
        code.last_name(whole),
        &[
            "total", "count", "length", "rows", "items", "n", "num", "records", "results",
        ],
    ) || code.kind(whole) == Kind::Call
        && matches!(code.called(whole), "len" | "count" | "Count"))
        && (code.kind(size) == Kind::Num && code.name(size) != "1"
            || has_word(code.last_name(size), &["size", "limit", "per", "batch", "take"]));
    // `if total % size: pages += 1`
    let rest = code.function(at).is_some_and(|function| {
        code.tree
            .subtree(function)
            .any(|id| code.kind(id) == Kind::Binary && code.name(id) == "%")
    });
    // `total // size + 1` of all that is used later.
    let later = code.kind(at) == Kind::Assign
        && code
            .tree
            .subtree(code.function(at).unwrap_or(NodeId::ROOT))
            .any(|id| {
                code.kind(id) == Kind::Binary
                    && code.name(id) == "+"
                    && code.mentions(id, |other| other == name)
            });
    if plain && of_rows && !rest && !later && !undoes_or_tests(code, at) {
        reports.add(
            at,
            format!("`{name}` leaves out the last page that is not full: the quotient is rounded down"),
        );
    }
}
