//! Money is moved by a function that swallows its error, and its caller goes on as if it had worked.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::writes::writes;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::analysis::{bodies, place, rows};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::{Project, folder};
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::scan;
use crate::tree::{Kind, NodeId, Role};

check!(CHECK, "unheeded-failure", "CWE-252", EVERY, run);

const FILES_MAX: usize = 200;
const PARSED_MAX: usize = 8;
const MOVES: &[&str] = &[
    "capture",
    "charge",
    "refund",
    "pay",
    "payout",
    "transfer",
    "debit",
    "withdraw",
    "settle",
    "authorize",
    "authorise",
    "payment",
    "credit",
];
const DONE: &[&str] = &[
    "paid",
    "shipped",
    "captured",
    "charged",
    "refunded",
    "settled",
    "completed",
    "complete",
    "done",
    "fulfilled",
    "confirmed",
    "sent",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let name = code.called(call);
        if !has_word(name, MOVES) || undoes_or_tests(code, call) {
            continue;
        }
        let Some(function) = code.function(call) else {
            continue;
        };
        if !goes_on(code, function, call) {
            continue;
        }
        let here = source
            .of_kind(Kind::Function)
            .iter()
            .copied()
            .find(|helper| code.name(*helper) == name);
        let swallows = match here {
            Some(helper) => helper != function && is_swallowed(code, helper),
            None => elsewhere(code, project, name),
        };
        if swallows {
            reports.add(
                call,
                format!("`{name}` answers with nothing when it fails; that is not looked at here, and the success is written down all the same"),
            );
        }
    }
}

/// Whether the result is not looked at, and the function then writes that all is done.
fn goes_on(code: Code<'_>, function: NodeId, call: NodeId) -> bool {
    let tree = code.tree;
    let mut at = call;
    while let Some(parent) = tree.parent(at).filter(|parent| code.kind(*parent) == Kind::Await) {
        at = parent;
    }
    let kept = match tree.parent(at).map(|parent| (parent, code.kind(parent))) {
        Some((_, Kind::ExprStmt)) => None,
        Some((assign, Kind::Assign)) if tree.role(at) == Role::Value => {
            match code.child(assign, Role::Target) {
                Some(target) if matches!(code.kind(target), Kind::Name | Kind::Member | Kind::Index) => {
                    Some(canonical(tree, target))
                }
                _ => return false,
            }
        }
        _ => return false,
    };
    let nodes = bodies::body(tree, function);
    if let Some(kept) = kept {
        // Any look at it may be the check: a condition, a call that it is given to alone.
        let looked_at = nodes.iter().any(|id| {
            let condition = match code.kind(*id) {
                Kind::If | Kind::While | Kind::Conditional | Kind::Assert => code.child(*id, Role::Condition),
                Kind::Binary
                    if matches!(
                        code.name(*id),
                        "or" | "and" | "??" | "==" | "!=" | "===" | "!==" | "is" | "is not"
                    ) =>
                {
                    Some(*id)
                }
                Kind::Unary if code.name(*id) == "not" => Some(*id),
                Kind::Switch => code.child(*id, Role::Subject),
                Kind::Call if *id > call && !tree.within(call, *id) && code.receiver(*id).is_none() => {
                    Some(*id)
                }
                Kind::Return => Some(*id),
                _ => None,
            };
            condition.is_some_and(|condition| {
                *id > call
                    && tree.subtree(condition).any(|part| {
                        matches!(code.kind(part), Kind::Name | Kind::Member | Kind::Index)
                            && canonical(tree, part) == kept
                    })
            })
        });
        if looked_at {
            return false;
        }
    }
    let stored = nodes.iter().any(|id| {
        *id > call
            && code.kind(*id) == Kind::Call
            && (rows::is_save(tree, *id) || writes(code, *id) == Some(true))
    });
    let told = nodes.iter().any(|id| *id > call && says_done(code, *id));
    stored && told
}

/// `order.state = "paid"`, `{ status: 'shipped' }`, `order.paid_at = now()`.
fn says_done(code: Code<'_>, id: NodeId) -> bool {
    let text = |value: NodeId| {
        code.text(value).is_some_and(|text| {
            let lower = text.to_ascii_lowercase();
            DONE.contains(&lower.as_str())
                || lower.starts_with("update ")
                    && DONE.iter().any(|word| lower.contains(&format!("'{word}'")))
        })
    };
    match code.kind(id) {
        Kind::Assign => {
            code.child(id, Role::Value).is_some_and(|value| {
                text(value)
                    || code.kind(value) == Kind::Member
                        && DONE.contains(&code.name(value).to_ascii_lowercase().as_str())
            }) || code.child(id, Role::Target).is_some_and(|target| {
                code.kind(target) == Kind::Member
                    && DONE.iter().any(|word| {
                        let lower = code.name(target).to_ascii_lowercase();
                        lower == format!("{word}_at")
                            || lower == format!("{word}at")
                            || lower == format!("is_{word}")
                    })
            })
        }
        Kind::Pair | Kind::Keyword => code.child(id, Role::Value).is_some_and(text),
        Kind::Call => code.args(id).into_iter().any(text),
        _ => false,
    }
}

/// Whether a function catches every error of what it does, and answers with nothing.
fn is_swallowed(code: Code<'_>, function: NodeId) -> bool {
    let tree = code.tree;
    if tree.language() == Language::Go {
        return false;
    }
    bodies::body(tree, function).into_iter().any(|attempt| {
        if code.kind(attempt) != Kind::Try {
            return false;
        }
        let works = code
            .child(attempt, Role::Body)
            .is_some_and(|body| tree.subtree(body).any(|id| code.is_call(id)));
        works
            && tree.children_in(attempt, Role::Handler).any(|handler| {
                let broad = tree.language() != Language::Python
                    || tree.children_in(handler, Role::Type).next().is_none()
                    || tree.children_in(handler, Role::Type).any(|class| {
                        tree.source(class).contains("Exception") || tree.source(class).ends_with("Error")
                    });
                let nodes = bodies::running(tree, handler);
                let raises = nodes.iter().any(|id| code.kind(*id) == Kind::Raise);
                let answers: Vec<NodeId> = nodes
                    .iter()
                    .copied()
                    .filter(|id| code.kind(*id) == Kind::Return)
                    .collect();
                let nothing = answers
                    .iter()
                    .all(|answer| match code.child(*answer, Role::Value) {
                        None => true,
                        Some(value) => {
                            code.is_null(value)
                                || code.boolean(value) == Some(false)
                                || matches!(
                                    code.kind(value),
                                    Kind::Str | Kind::List | Kind::Object | Kind::Num
                                ) && (code.name(value).is_empty() || code.name(value) == "0")
                                    && tree.children(value).next().is_none()
                        }
                    });
                // What is kept for later is no silence.
                let kept = nodes.iter().any(|id| {
                    code.kind(*id) == Kind::Call
                        && (writes(code, *id).is_some()
                            || has_word(
                                code.called(*id),
                                &["retry", "enqueue", "schedule", "abort", "exit"],
                            ))
                });
                broad && !raises && nothing && !kept
            })
    })
}

/// Whether the function of this name that the file imports swallows its errors.
fn elsewhere(code: Code<'_>, project: &Project, name: &str) -> bool {
    let own = folder(&code.source.path);
    let defines = [
        format!("def {name}("),
        format!("function {name}("),
        format!("const {name} ="),
        format!("{name}("),
    ];
    let mut parsed = 0;
    for path in project
        .below(own)
        .chain(project.below(folder(own)))
        .take(FILES_MAX)
    {
        if path == code.source.path || place::is_test(path) {
            continue;
        }
        let stem = crate::project::stem(path);
        let Some(language) = Language::of(path) else {
            continue;
        };
        if !code.tree.text().contains(stem) {
            continue;
        }
        let Some(text) = project
            .text(path)
            .filter(|text| defines.iter().any(|define| text.contains(define)))
        else {
            continue;
        };
        parsed += 1;
        if parsed > PARSED_MAX {
            return false;
        }
        let Ok(other) = scan::read(path, language, &text) else {
            continue;
        };
        let there = Code::of(&other);
        let helper = other
            .of_kind(Kind::Function)
            .iter()
            .chain(other.of_kind(Kind::Lambda))
            .copied()
            .find(|helper| there.function_name(*helper) == name);
        if let Some(helper) = helper {
            return is_swallowed(there, helper);
        }
    }
    false
}
