//! A request waits until something is done, and looks again and again: what fails, or is never done, keeps it for ever.

use safeguard_api::evidence::Severity;

use super::retry_without_limit::{counts, is_far, watches_the_clock};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::{has_word, words};
use crate::analysis::{bodies, change, loops, reach, served};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "poll-without-limit",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835", "CWE-400"],
    languages: ALL_LANGUAGES,
    run,
};

/// What a thing is called that came to a good end.
const DONE: &[&str] = &[
    "done",
    "complete",
    "completed",
    "success",
    "successful",
    "succeeded",
    "succeed",
    "finished",
    "ready",
    "ok",
    "available",
    "active",
    "running",
    "paid",
    "processed",
    "ended",
    "closed",
    "delivered",
    "approved",
    "confirmed",
    "settled",
    "healthy",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for id in loops::conditional(source) {
        let Some(body) = code.child(id, Role::Body) else {
            continue;
        };
        let Some(wanted) = waits_for(code, id) else {
            continue;
        };
        if !reach::any_waits(source, id)
            || counts(source, id, body)
            || watches_the_clock(source, id)
            || undoes_or_tests(code, id)
            || is_timed(code, id)
            || tells_in_between(code, id)
        {
            continue;
        }
        let told = format!(
            "this looks again and again until `{wanted}`: what fails, or is never done, keeps it for ever"
        );
        let function = bodies::enclosing(code.tree, id);
        // Who is far away also says that it failed, and nothing here listens for it.
        let far = loops::round(code.tree, id)
            .iter()
            .any(|node| is_far(source, *node));
        if far || function.is_some_and(|function| served::is_served(source, project, function)) {
            reports.add(id, told);
        } else {
            reports.note(id, told);
        }
    }
}

/// The one comparison that ends a loop: that what was asked for in the round is done.
fn waits_for<'s>(code: Code<'s>, id: NodeId) -> Option<&'s str> {
    let tree = code.tree;
    let round = loops::round(tree, id);
    let set = change::set(tree, &round);
    let asked = |value: NodeId| {
        let name = code.first_name(value);
        set.contains(name) || tree.subtree(value).any(|part| code.is_call(part))
    };
    let mut found: Option<NodeId> = None;
    if !loops::is_endless(tree, id) {
        // `while job.status != "done"`
        let condition = code.child(id, Role::Condition)?;
        let (value, done) = done(code, condition, false)?;
        (done && asked(value)).then(|| found = Some(condition))?;
    }
    for exit in loops::exits(code.source, id) {
        // An error of the look itself ends it, and says nothing of what is waited for.
        let around = tree
            .ancestors(exit)
            .take_while(|around| *around != id)
            .collect::<Vec<_>>();
        let in_handler = around.iter().any(|around| code.kind(*around) == Kind::Catch);
        let raised = code.kind(exit) == Kind::Unary;
        if in_handler || raised {
            continue;
        }
        let (at, branch) = around.iter().enumerate().find(|(_, around)| {
            matches!(
                code.kind(**around),
                Kind::If | Kind::Case | Kind::Conditional | Kind::Switch | Kind::Select
            )
        })?;
        if code.kind(*branch) != Kind::If {
            return None;
        }
        // Where the exit stands: not in `else`.
        let inner = if at == 0 { exit } else { *around.get(at - 1)? };
        let condition = code.child(*branch, Role::Condition)?;
        if is_about_nothing(code, condition) {
            continue;
        }
        let (value, done) = done(code, condition, tree.role(inner) != Role::Else)?;
        if !done || !asked(value) {
            return None;
        }
        found = Some(condition);
    }
    found.map(|condition| tree.source(condition))
}

/// Whether a condition asks only whether there is anything, or an error: `!job`, `job is None`, `err != nil`.
fn is_about_nothing(code: Code<'_>, condition: NodeId) -> bool {
    match code.kind(condition) {
        Kind::Unary if code.name(condition) == "not" => code
            .child(condition, Role::Value)
            .is_some_and(|value| code.kind(value) == Kind::Name),
        Kind::Binary => code
            .comparison(condition)
            .is_some_and(|(_, left, right)| code.is_null(left) || code.is_null(right)),
        _ => false,
    }
}

/// What is compared, and whether with what says that it is done; `equal` is whether the comparison is to hold.
fn done(code: Code<'_>, condition: NodeId, equal: bool) -> Option<(NodeId, bool)> {
    let condition = code.bare(condition);
    match code.kind(condition) {
        Kind::Unary if code.name(condition) == "not" => {
            done(code, code.child(condition, Role::Value)?, !equal)
        }
        Kind::Binary => {
            let (operator, left, right) = code.comparison(condition)?;
            // `job && job.status === 'done'`
            if operator == "and" && equal {
                let (first, second) = (done(code, left, equal), done(code, right, equal));
                return match (first, second) {
                    (Some(found), None) | (None, Some(found)) => Some(found),
                    _ => None,
                };
            }
            let holds = match operator {
                "==" | "===" | "is" => true,
                "!=" | "!==" | "is not" => false,
                _ => return None,
            };
            let (value, constant) = if is_constant(code, right) {
                (left, right)
            } else if is_constant(code, left) {
                (right, left)
            } else {
                return None;
            };
            (holds == equal).then(|| (value, says_done(code, constant)))
        }
        // `"DONE".equals(job.status())`, `job.status().equals("DONE")`
        Kind::Call
            if equal
                && matches!(
                    code.called(condition),
                    "equals" | "equalsIgnoreCase" | "EqualFold"
                ) =>
        {
            let (of, given) = (code.receiver(condition)?, code.arg(condition, 0)?);
            let given = code.arg(condition, 1).unwrap_or(given);
            if is_constant(code, of) {
                Some((given, says_done(code, of)))
            } else {
                is_constant(code, given).then(|| (of, says_done(code, given)))
            }
        }
        _ => None,
    }
}

fn is_constant(code: Code<'_>, value: NodeId) -> bool {
    if code.text(value).is_some() {
        return true;
    }
    // `Status.DONE`, `JobStatus::Done`, `types.StatusDone`
    code.kind(value) == Kind::Member
        && code
            .first_name(value)
            .starts_with(|first: char| first.is_ascii_uppercase())
        || matches!(code.kind(value), Kind::Name | Kind::Member)
            && code
                .name(value)
                .starts_with(|first: char| first.is_ascii_uppercase())
}

fn says_done(code: Code<'_>, constant: NodeId) -> bool {
    let name = code.text(constant).unwrap_or_else(|| code.last_name(constant));
    words(name)
        .last()
        .is_some_and(|word| DONE.contains(&word.as_str()))
        && !has_word(name, &["not", "failed", "error"])
}

/// Whether somebody else ends the wait: a limit of time around it, here or where the function is handed over.
fn is_timed(code: Code<'_>, id: NodeId) -> bool {
    const LIMITS: &[&str] = &[
        "timeout",
        "wait_for",
        "move_on_after",
        "fail_after",
        "withTimeout",
        "pTimeout",
        "race",
        "AbortSignal",
        "AbortController",
        "signal",
        "WithTimeout",
        "WithDeadline",
        "orTimeout",
        "completeOnTimeout",
        "cancelled",
        "isInterrupted",
        "is_cancelled",
        "is_disconnected",
    ];
    let function = bodies::enclosing(code.tree, id);
    let within = function.is_some_and(|function| {
        // `timeout=10` of one request limits that one.
        code.tree.subtree(function).any(|id| {
            let name = code.name(id);
            matches!(code.kind(id), Kind::Name | Kind::Member)
                && (LIMITS.contains(&name)
                    || !matches!(name, "setTimeout" | "clearTimeout")
                        && has_word(
                            name,
                            &["deadline", "attempts", "timeout", "tries", "cancel", "aborted"],
                        ))
        })
    });
    let name = function.map_or("", |function| code.function_name(function));
    let handed = !name.is_empty()
        && code.calls().iter().any(|call| {
            LIMITS.contains(&code.called(*call))
                && code
                    .tree
                    .children_in(*call, Role::Arg)
                    .any(|arg| code.mentions(arg, |part| part == name))
        });
    within || handed
}

/// Whether each round tells somebody: a stream of events that ends with its reader.
fn tells_in_between(code: Code<'_>, id: NodeId) -> bool {
    loops::round(code.tree, id).iter().any(|node| {
        matches!(code.kind(*node), Kind::Yield | Kind::Send)
            || code.kind(*node) == Kind::Call
                && matches!(
                    code.called(*node),
                    "write"
                        | "Write"
                        | "Fprintf"
                        | "Flush"
                        | "flush"
                        | "emit"
                        | "send_text"
                        | "send_json"
                        | "sendEvent"
                )
    })
}
