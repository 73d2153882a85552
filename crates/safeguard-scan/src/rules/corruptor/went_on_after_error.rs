//! A handler answers with an error, does not leave, and goes on to do what it has just refused.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "went-on-after-error",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-705", "CWE-754"],
    languages: &[
        Language::Go,
        Language::JavaScript,
        Language::Tsx,
        Language::TypeScript,
    ],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for statement in source.of_kind(Kind::ExprStmt).iter().copied() {
        let Some(call) = code.child(statement, Role::Value).map(|value| code.bare(value)) else {
            continue;
        };
        if code.kind(call) != Kind::Call || !answers_with_error(code, call) || undoes_or_tests(code, call) {
            continue;
        }
        let Some(handler) = code.function(statement) else {
            continue;
        };
        if let Some(next) = goes_on(code, statement, handler) {
            reports.add(
                call,
                format!(
                    "the error is answered, and the function goes on all the same: `{}` still runs",
                    shown(code, next)
                ),
            );
        }
    }
}

fn shown(code: Code<'_>, statement: NodeId) -> String {
    let text = code.tree.source(statement);
    text.lines().next().unwrap_or(text).chars().take(60).collect()
}

/// `http.Error(w, …)`, `c.JSON(400, …)`, `res.status(409).json(…)`.
fn answers_with_error(code: Code<'_>, call: NodeId) -> bool {
    match code.tree.language() {
        Language::Go => {
            let path = code.path(call);
            if matches!(path, "http.Error" | "http.NotFound") {
                return true;
            }
            let answers = matches!(
                code.called(call),
                "JSON"
                    | "String"
                    | "AbortWithStatus"
                    | "AbortWithStatusJSON"
                    | "AbortWithError"
                    | "IndentedJSON"
            );
            answers
                && code.receiver(call).is_some_and(|of| is_gin(code, of))
                && code.arg(call, 0).is_some_and(|status| is_error(code, status))
        }
        _ => {
            let ends = matches!(
                code.called(call),
                "json" | "send" | "end" | "sendStatus" | "render"
            );
            let own = code
                .first_name_of_call(call)
                .is_some_and(|name| matches!(name, "res" | "response" | "reply"));
            let mut at = Some(call);
            let mut status = None;
            while let Some(link) = at.filter(|link| code.kind(*link) == Kind::Call) {
                if matches!(code.called(link), "status" | "code" | "sendStatus") {
                    status = code.arg(link, 0);
                }
                at = code.receiver(link);
            }
            ends && own && status.is_some_and(|status| is_error(code, status))
        }
    }
}

fn is_gin(code: Code<'_>, of: NodeId) -> bool {
    code.kind(of) == Kind::Name
        && code.functions(of).any(|function| {
            bodies::params(code.tree, function).any(|param| {
                code.name(param) == code.name(of)
                    && code
                        .child(param, Role::Type)
                        .is_some_and(|written| code.name(written) == "*gin.Context")
            })
        })
}

/// A status from 400 on, by number or by Go's names of them.
fn is_error(code: Code<'_>, status: NodeId) -> bool {
    if let Some(number) = code.number(status) {
        return (400..600).contains(&number);
    }
    let name = code.last_name(status);
    name.strip_prefix("Status").is_some_and(|name| {
        [
            "Bad",
            "Unauthorized",
            "Forbidden",
            "NotFound",
            "Conflict",
            "Unprocessable",
            "TooMany",
            "Internal",
            "NotAllowed",
            "Gone",
            "Payment",
            "Precondition",
            "ServiceUnavailable",
        ]
        .iter()
        .any(|begin| name.starts_with(begin))
    })
}

/// What runs behind an `if` that ends with the statement, if something is done there.
fn goes_on(code: Code<'_>, statement: NodeId, handler: NodeId) -> Option<NodeId> {
    let tree = code.tree;
    let mut at = statement;
    let mut under_condition = false;
    loop {
        let block = tree.parent(at)?;
        if code.kind(block) != Kind::Block {
            return None;
        }
        let rest: Vec<NodeId> = tree.children(block).filter(|other| *other > at).collect();
        if let Some(first) = rest.first() {
            let leaves = matches!(
                code.kind(*first),
                Kind::Return | Kind::Break | Kind::Continue | Kind::Raise
            );
            let does = rest.iter().copied().find(|other| is_deed(code, *other));
            return does.filter(|_| {
                under_condition && !leaves && !rest.iter().any(|other| tree.kind(*other) == Kind::Case)
            });
        }
        let around = tree.parent(block)?;
        if around == handler || code.kind(around) != Kind::If || reach::statement(tree, around) != around {
            return None;
        }
        under_condition = true;
        at = around;
    }
}

/// A statement that does more than to log, to count or to answer.
fn is_deed(code: Code<'_>, statement: NodeId) -> bool {
    let logs = |call: NodeId| {
        let root = code.first_name_of_call(call).unwrap_or("");
        matches!(
            root,
            "log" | "logger" | "console" | "slog" | "metrics" | "span" | "fmt" | "errors"
        )
    };
    bodies::running(code.tree, statement).into_iter().any(|id| {
        code.kind(id) == Kind::Call
            && !logs(id)
            && !code
                .tree
                .ancestors(id)
                .take_while(|around| *around != statement)
                .any(|around| code.kind(around) == Kind::Call && logs(around))
            && !matches!(code.called(id), "Error" | "String" | "len" | "append" | "next")
    })
}
