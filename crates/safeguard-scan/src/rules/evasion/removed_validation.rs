//! What clients send was checked before, or proved to come from whom it says, and is used as it comes now.

mod guards;
mod loosened;

use safeguard_api::evidence::Severity;

use crate::analysis::functions::{called, head};
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static COMPARISON: Comparison = Comparison {
    id: "removed-validation",
    failure: "X3",
    cwe: &["CWE-20", "CWE-345"],
    languages: &[
        Language::Go,
        Language::Java,
        Language::JavaScript,
        Language::Python,
        Language::Rust,
        Language::TypeScript,
    ],
    run,
    gone: None,
};

/// Calls that look at what was sent, and turn it away.
const CHECKS: &[&str] = &[
    "safeParse",
    "safeParseAsync",
    "validationResult",
    "validateAsync",
    "validateOrReject",
    "validateSync",
    "model_validate",
    "parse_obj",
    "validate_python",
    "is_valid",
    "full_clean",
    "validate_on_submit",
];
/// Those that only count with a schema before them.
const BY_SCHEMA: &[&str] = &["parse", "parseAsync", "validate", "load"];
/// Calls that prove who sent it.
const PROOFS: &[&str] = &[
    "timingSafeEqual",
    "compare_digest",
    "constructEvent",
    "construct_event",
    "ConstructEvent",
    "ConstantTimeCompare",
    "isEqual",
    "verifySignature",
    "verify_signature",
    "VerifySignature",
    "validateSignature",
    "verifyWebhook",
];
/// How what was sent is read.
const SENT: &[&str] = &[
    "req.body",
    "request.body",
    "request.json",
    "request.get_json",
    "request.data",
    "request.form",
    "request.POST",
    "req.query",
    "r.Body",
    "@RequestBody",
    "payload",
    "ctx.request.body",
    "c.req.json",
];

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.is_test() {
        return;
    }
    if both.head.tree.language() == Language::Rust {
        return of_extractors(both, taken);
    }
    loosened::run(both, taken);
    guards::run(both, taken);
    for (what, is_one) in [
        ("checked", is_check as fn(&Source, NodeId) -> bool),
        ("proved", is_proof),
    ] {
        let before: Vec<NodeId> = found(both.base, is_one);
        let Some(first) = before.first().copied() else {
            continue;
        };
        let name = called(&both.base.tree, first).unwrap_or("");
        let still = !found(both.head, is_one).is_empty();
        let text = both.head.tree.text();
        let sent = SENT.iter().find(|sent| text.contains(*sent));
        // Whoever checks elsewhere now says so in what is added.
        let moved = both.moved.added().any(|added| {
            let lower = added.to_ascii_lowercase();
            [
                "valid",
                "schema",
                "verify",
                "signature",
                "hmac",
                "safeparse",
                "guard",
                "pipe",
                "parse",
            ]
            .iter()
            .any(|word| lower.contains(word))
        });
        let (false, Some(sent), false) = (still, sent, moved) else {
            continue;
        };
        // At the first place that takes what was sent.
        let head = &both.head.tree;
        let at = head
            .all()
            .find(|id| {
                matches!(head.kind(*id), Kind::ExprStmt | Kind::Assign) && head.source(*id).contains(sent)
            })
            .or_else(|| head.children(NodeId::ROOT).next());
        if let Some(node) = at {
            taken.push(Taken {
                node,
                severity: Severity::High,
                confidence: Confidence::High,
                message: format!("what is sent was {what} with `{name}`, and is used as it comes now"),
            });
        }
    }
}

/// axum's and actix's `Json<T>`, whose `validate()` was called, or which was a `ValidatedJson<T>`.
fn of_extractors(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, is) = (&both.base.tree, &both.head.tree);
    let checks = |tree: &Tree, function: NodeId| {
        let by_call = tree.subtree(function).any(|id| {
            tree.kind(id) == Kind::Call
                && matches!(
                    called(tree, id),
                    Some("validate" | "validate_with" | "validate_args")
                )
        });
        by_call || extractors(tree, function).iter().any(|ty| ty.contains("Valid"))
    };
    for (name, base, now) in pairs(both) {
        let takes = extractors(is, now);
        let Some(sent) = takes.first().filter(|_| checks(was, base) && !checks(is, now)) else {
            continue;
        };
        if both.moved.mentions("validate") || both.moved.mentions("Valid") {
            continue;
        }
        taken.push(Taken {
            node: head(is, now),
            severity: Severity::High,
            confidence: Confidence::High,
            message: format!(
                "`{name}` checked what is sent before it took it, and takes `{sent}` as it comes now"
            ),
        });
    }
}

/// The types of parameters that hold what a client sent.
fn extractors(tree: &Tree, function: NodeId) -> Vec<&str> {
    let types = tree
        .children_in(function, Role::Param)
        .filter_map(|param| tree.child(param, Role::Type))
        .map(|ty| tree.name(ty));
    types
        .filter(|ty| {
            let name = ty.split('<').next().unwrap_or("");
            let last = name.rsplit(':').next().unwrap_or("");
            ["Json", "Form", "Query", "Valid"]
                .iter()
                .any(|part| last.contains(part))
        })
        .collect()
}

fn found(source: &Source, is_one: fn(&Source, NodeId) -> bool) -> Vec<NodeId> {
    source
        .calls()
        .iter()
        .copied()
        .filter(|call| is_one(source, *call))
        .collect()
}

fn is_check(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    let name = called(tree, call).unwrap_or("");
    let by_schema = BY_SCHEMA.contains(&name)
        && tree
            .child(call, Role::Callee)
            .and_then(|callee| tree.child(callee, Role::Object))
            .is_some_and(|object| {
                let of = tree.source(object).to_ascii_lowercase();
                of.contains("schema") || of.contains("validator")
            });
    (CHECKS.contains(&name) || by_schema) && takes_sent(source, call)
}

/// Whether a call is given what was sent; `is_valid()` is asked of what was made of it.
fn takes_sent(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    let text = tree.source(call);
    SENT.iter().any(|sent| text.contains(sent))
        || tree
            .child(call, Role::Arg)
            .is_none_or(|first| matches!(tree.name(first), "req" | "body" | "data" | "input"))
            && SENT.iter().any(|sent| tree.text().contains(sent))
        || text.contains("raise_exception")
}

fn is_proof(source: &Source, call: NodeId) -> bool {
    let name = called(&source.tree, call).unwrap_or("");
    let about = source.tree.text().to_ascii_lowercase();
    PROOFS.contains(&name)
        && (about.contains("signature") || about.contains("hmac"))
        && (name != "isEqual" || source.tree.source(call).starts_with("MessageDigest"))
}
