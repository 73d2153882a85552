//! A condition that reads like a check, and has the same answer for everybody.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::words::{has_word, is_about_access};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "check-always-true",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-570", "CWE-571", "CWE-863"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for condition in conditions(code) {
        part(code, condition, reports);
    }
    for binary in source.of_kind(Kind::Binary) {
        both(code, *binary, reports);
        substring(code, *binary, reports);
    }
}

/// What is asked for its truth.
fn conditions(code: Code<'_>) -> Vec<NodeId> {
    let mut found = Vec::new();
    for kind in [Kind::If, Kind::While, Kind::Conditional, Kind::Assert, Kind::For] {
        for id in code.source.of_kind(kind) {
            found.extend(code.child(*id, Role::Condition));
        }
    }
    // What a function that decides returns.
    for id in code.source.of_kind(Kind::Return) {
        let decides = code.function(*id).is_some_and(|function| {
            has_word(
                code.function_name(function),
                &[
                    "is",
                    "has",
                    "can",
                    "may",
                    "check",
                    "verify",
                    "validate",
                    "allowed",
                    "require",
                    "authorize",
                    "should",
                ],
            )
        });
        if let Some(value) = code.child(*id, Role::Value)
            && decides
            && code.kind(value) == Kind::Binary
        {
            found.push(value);
        }
    }
    found
}

/// The parts of a condition, each by itself.
fn part(code: Code<'_>, id: NodeId, reports: &mut Reports) {
    match code.kind(id) {
        Kind::Binary if matches!(code.name(id), "and" | "or") => {
            let (Some(left), Some(right)) = (code.child(id, Role::Left), code.child(id, Role::Right)) else {
                return;
            };
            // `role == "admin" or "owner"`
            if code.name(id) == "or" && is_truthy_text(code, right) && compares(code, left) {
                reports.add(
                    id,
                    format!(
                        "`{}` holds for everybody: `{}` by itself is always true",
                        short(code, id),
                        short(code, right)
                    ),
                );
                return;
            }
            if code.name(id) == "or"
                && is_access(code, left, right)
                && (is_true(code, left) || is_true(code, right))
            {
                reports.add(id, format!("`{}` holds for everybody", short(code, id)));
                return;
            }
            part(code, left, reports);
            part(code, right, reports);
        }
        Kind::Unary if code.name(id) == "not" => {
            if let Some(value) = code.child(id, Role::Value) {
                part(code, value, reports);
            }
        }
        // `if (user.role = "admin")`
        Kind::Assign if code.name(id) == "=" && code.tree.language() != Language::Python => {
            let sets_literal = code
                .child(id, Role::Value)
                .is_some_and(|value| matches!(code.kind(value), Kind::Str | Kind::Bool | Kind::Num));
            let member = code.child(id, Role::Target).is_some_and(|target| {
                code.kind(target) == Kind::Member
                    || has_word(
                        code.last_name(target),
                        &[
                            "role",
                            "admin",
                            "user",
                            "permission",
                            "allowed",
                            "authorized",
                            "authenticated",
                        ],
                    )
            });
            if sets_literal && member {
                reports.add(
                    id,
                    format!("`{}` sets the value instead of comparing it", short(code, id)),
                );
            }
        }
        Kind::Member if never_called(code, id) => {
            reports.add(
                id,
                format!(
                    "`{}` is the function itself, which is always true; it is not called",
                    short(code, id)
                ),
            );
        }
        // `if (roles.indexOf(role))` holds where it is not found: -1.
        Kind::Call
            if code.called(id) == "indexOf"
                && code.tree.language() != Language::Python
                && code.receiver(id).is_some() =>
        {
            let is_access = code.mentions(id, |name| {
                has_word(
                    name,
                    &[
                        "role",
                        "roles",
                        "permission",
                        "permissions",
                        "scope",
                        "scopes",
                        "allowed",
                        "admin",
                        "admins",
                        "origin",
                        "origins",
                        "whitelist",
                    ],
                )
            }) || code
                .texts_in(id)
                .any(|text| has_word(text, &["admin", "write", "owner"]));
            if is_access {
                reports.add(
                    id,
                    format!(
                        "`{}` is -1 where nothing is found, which counts as true",
                        short(code, id)
                    ),
                );
            }
        }
        _ => {}
    }
}

/// Methods that answer only when they are called.
fn never_called(code: Code<'_>, member: NodeId) -> bool {
    match code.name(member) {
        "has_perm" | "has_perms" | "check_password" | "has_usable_password" => true,
        "isAuthenticated" | "isUnauthenticated" => {
            code.child(member, Role::Object)
                .is_some_and(|object| matches!(code.last_name(object), "req" | "request"))
                && code.tree.language() != Language::Python
        }
        _ => false,
    }
}

fn is_truthy_text(code: Code<'_>, id: NodeId) -> bool {
    code.kind(id) == Kind::Str && !code.name(id).is_empty()
}

fn is_true(code: Code<'_>, id: NodeId) -> bool {
    code.kind(id) == Kind::Bool && code.name(id) == "true"
}

fn is_access(code: Code<'_>, left: NodeId, right: NodeId) -> bool {
    let about = |name: &str| {
        is_about_access(name)
            || has_word(
                name,
                &[
                    "role",
                    "admin",
                    "owner",
                    "user",
                    "permission",
                    "scope",
                    "staff",
                    "token",
                    "valid",
                    "signature",
                ],
            )
    };
    code.mentions(left, about) || code.mentions(right, about)
}

/// Whether a value is compared with a text: `x == "a"`, also at the end of `… or x == "a"`.
fn compares(code: Code<'_>, id: NodeId) -> bool {
    match code.comparison(id) {
        Some(("==" | "===" | "!=" | "!==", left, right)) => {
            is_truthy_text(code, left) || is_truthy_text(code, right)
        }
        Some(("or", left, right)) => {
            is_truthy_text(code, right) && compares(code, left) || compares(code, right)
        }
        _ => false,
    }
}

/// `x != "a" or x != "b"` always holds, `x == "a" and x == "b"` never.
fn both(code: Code<'_>, id: NodeId, reports: &mut Reports) {
    let wanted: &[&str] = match code.name(id) {
        "or" => &["!=", "!=="],
        "and" => &["==", "==="],
        _ => return,
    };
    let mut operands = Vec::new();
    flatten(code, id, code.name(id), &mut operands);
    // The whole chain is looked at once, at its outermost.
    if code
        .tree
        .parent(id)
        .is_some_and(|parent| code.kind(parent) == Kind::Binary && code.name(parent) == code.name(id))
    {
        return;
    }
    let mut seen: Vec<(NodeId, NodeId)> = Vec::new();
    for operand in operands {
        let Some((operator, left, right)) = code.comparison(operand) else {
            continue;
        };
        if !wanted.contains(&operator) || !matches!(code.kind(right), Kind::Str | Kind::Num) {
            continue;
        }
        // A call may answer differently each time.
        if code.tree.subtree(left).any(|inner| code.is_call(inner)) {
            continue;
        }
        let clashes = seen.iter().any(|(value, literal)| {
            code.same(*value, left)
                && code.kind(*literal) == code.kind(right)
                && code.name(*literal) != code.name(right)
        });
        if clashes {
            let answer = if code.name(id) == "or" {
                "always holds"
            } else {
                "never holds"
            };
            reports.add(
                id,
                format!("`{}` {answer}, as one value is not two at once", short(code, id)),
            );
            return;
        }
        seen.push((left, right));
    }
}

fn flatten(code: Code<'_>, id: NodeId, operator: &str, operands: &mut Vec<NodeId>) {
    if code.kind(id) == Kind::Binary && code.name(id) == operator {
        for side in code.tree.children(id) {
            flatten(code, side, operator, operands);
        }
    } else {
        operands.push(id);
    }
}

/// `role in ("admin")` looks for a part of the text.
fn substring(code: Code<'_>, id: NodeId, reports: &mut Reports) {
    if code.tree.language() != Language::Python {
        return;
    }
    let Some(("in" | "not in", left, right)) = code.comparison(id) else {
        return;
    };
    let about = |name: &str| {
        has_word(
            name,
            &[
                "role",
                "permission",
                "scope",
                "user",
                "username",
                "group",
                "method",
            ],
        )
    };
    if code.kind(right) == Kind::Str && about(code.last_name(left)) && code.tree.source(right).len() > 3 {
        let in_parentheses = code
            .tree
            .text()
            .get(..code.tree.span(right).start)
            .is_some_and(|before| before.trim_end().ends_with('('));
        let message = format!(
            "`{}` also holds for a part of the text, and for the empty one",
            short(code, id)
        );
        if in_parentheses || has_word(code.last_name(left), &["role", "permission"]) {
            reports.add(id, message);
        } else {
            reports.note(id, message);
        }
    }
}
