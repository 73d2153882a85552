//! What is meant to delete the old deletes the new: a comparison with the limit of age that is the wrong way round.

use safeguard_api::evidence::Severity;

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
    id: "newest-deleted",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-697", "CWE-1057"],
    languages: crate::rules::ALL_LANGUAGES,
    run,
};

/// Functions of these names are about what is old.
const OLD: &[&str] = &[
    "cleanup",
    "expire",
    "expired",
    "gc",
    "housekeeping",
    "old",
    "older",
    "outdated",
    "prune",
    "purge",
    "retention",
    "stale",
    "sweep",
];
/// And of these not.
const NEW: &[&str] = &[
    "duplicate",
    "future",
    "last",
    "latest",
    "new",
    "newest",
    "recent",
    "today",
    "undo",
];
const DELETES: &[&str] = &[
    "DeleteMany",
    "del",
    "delete",
    "deleteMany",
    "delete_many",
    "destroy",
    "remove",
];
/// Of statements, blanks as one.
const NEWER: &[&str] = &[
    "> now() - interval",
    ">= now() - interval",
    "> current_timestamp - interval",
    ">= current_timestamp - interval",
    "> current_date - ",
    ">= current_date - ",
    "> date_sub(now()",
    ">= date_sub(now()",
    "> datetime('now', '-",
    ">= datetime('now', '-",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        let deletes = DELETES.contains(&code.called(call)) && code.receiver(call).is_some();
        let newer = if derived(code, call) {
            Some(call)
        } else if deletes {
            code.tree
                .subtree(whole(code, call))
                .find(|id| keeps_older(code, *id))
        } else {
            code.args(call).into_iter().find(|arg| {
                let text = code.text(*arg).unwrap_or("");
                text.len() < 4_000 && is_statement(text)
            })
        };
        let Some(newer) = newer.filter(|_| !undoes_or_tests(code, call)) else {
            continue;
        };
        let names = code.names_around(call);
        let about = |words: &[&str]| names.iter().any(|name| has_word(name, words));
        if about(OLD) && !about(NEW) {
            reports.add(
                call,
                format!(
                    "`{}` is true of what is newer than the limit: the old stays, and the new is deleted",
                    shown(code, newer)
                ),
            );
        }
    }
}

/// Spring Data: `deleteByCreatedAtAfter(limit)`, with a limit that lies back from now.
fn derived(code: Code<'_>, call: NodeId) -> bool {
    let name = code.called(call);
    let newer = ["After", "GreaterThan", "GreaterThanEqual"]
        .iter()
        .any(|ending| name.ends_with(ending));
    let back = || {
        code.args(call).last().is_some_and(|limit| {
            let from = code.set_to(*limit).unwrap_or(*limit);
            code.tree.source(from).contains("minus")
        })
    };
    code.tree.language() == Language::Java
        && newer
        && ["deleteBy", "removeBy", "deleteAllBy"]
            .iter()
            .any(|begin| name.starts_with(begin))
        && back()
}

/// The whole expression that a call stands in.
fn whole(code: Code<'_>, call: NodeId) -> NodeId {
    let mut at = call;
    while let Some(parent) = code
        .tree
        .parent(at)
        .filter(|parent| matches!(code.kind(*parent), Kind::Call | Kind::Member | Kind::Await))
    {
        at = parent;
    }
    at
}

/// `created > limit`, `limit < created`, `created__gt=limit`, `{ gt: limit }`, with a limit that lies back from now.
fn keeps_older(code: Code<'_>, id: NodeId) -> bool {
    if let Some((operator, left, right)) = code.comparison(id) {
        return match operator {
            ">" | ">=" => is_back_from_now(code, right) && !is_back_from_now(code, left),
            "<" | "<=" => is_back_from_now(code, left) && !is_back_from_now(code, right),
            _ => false,
        };
    }
    let newer = match code.kind(id) {
        Kind::Keyword => code.name(id).ends_with("__gt") || code.name(id).ends_with("__gte"),
        Kind::Pair => matches!(code.key(id), Some("gt" | "gte" | "$gt" | "$gte")),
        _ => false,
    };
    newer
        && code
            .child(id, Role::Value)
            .is_some_and(|value| is_back_from_now(code, value))
}

/// `now() - timedelta(days=30)`, `new Date(Date.now() - MONTH)`, `subDays(new Date(), 30)`, or a name that was set to it.
fn is_back_from_now(code: Code<'_>, value: NodeId) -> bool {
    let bare = code.bare(value);
    let value = code.bare(code.set_to(bare).unwrap_or(bare));
    let is_now = |id: NodeId| {
        code.tree.subtree(id).any(|inner| match code.kind(inner) {
            Kind::Call => matches!(code.called(inner), "now" | "utcnow" | "today" | "localtime"),
            Kind::New => code.path(inner) == "Date" && code.args(inner).is_empty(),
            _ => false,
        })
    };
    code.tree.subtree(value).any(|id| match code.kind(id) {
        Kind::Binary => code.name(id) == "-" && code.child(id, Role::Left).is_some_and(is_now),
        Kind::Call => {
            matches!(
                code.called(id),
                "subDays" | "subHours" | "subMonths" | "subWeeks" | "subYears" | "subtract"
            ) && is_now(id)
        }
        _ => false,
    })
}

fn is_statement(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ").to_lowercase();
    text.starts_with("delete from ") && NEWER.iter().any(|newer| text.contains(newer))
}

fn shown<'s>(code: Code<'s>, id: NodeId) -> &'s str {
    let source = code.tree.source(id);
    source.get(..80).unwrap_or(source)
}
