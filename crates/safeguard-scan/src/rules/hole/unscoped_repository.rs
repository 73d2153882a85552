//! Spring and JAX-RS: a method of a controller fetches a row by the number that was sent, where those beside it ask the same repository only for
//! rows of the caller.

use safeguard_api::evidence::Severity;

use super::unscoped_viewset::PRIVATE;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::{has_word, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "object-without-owner",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-639", "CWE-284"],
    languages: &[Language::Java],
    run,
};

/// Words of names that say who asks, or what one may.
const WHO: &[&str] = &[
    "principal",
    "user",
    "username",
    "owner",
    "authentication",
    "auth",
    "jwt",
    "caller",
    "session",
    "tenant",
    "role",
    "roles",
    "access",
    "permission",
    "permissions",
    "authorize",
    "authorized",
    "secured",
    "admin",
    "staff",
    "internal",
    "policy",
    "customer",
    "member",
    "token",
    "signature",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    let handlers: Vec<NodeId> = source
        .of_kind(Kind::Function)
        .iter()
        .copied()
        .filter(|function| bodies::is_handler(source, *function))
        .collect();
    for handler in handlers.iter().copied() {
        let Some(class) = bodies::class_of(tree, handler) else {
            continue;
        };
        if undoes_or_tests(code, handler) || asks(code, handler) || marked(code, class) {
            continue;
        }
        let Some((call, repository)) = fetch(code, handler) else {
            continue;
        };
        let private = words(repository)
            .iter()
            .any(|word| PRIVATE.contains(&word.strip_suffix('s').unwrap_or(word)));
        let beside = handlers.iter().copied().find(|other| {
            *other != handler
                && bodies::class_of(tree, *other) == Some(class)
                && asks(code, *other)
                && scoped(code, *other, repository)
        });
        if let Some(beside) = beside.filter(|_| private) {
            reports.add(
                call,
                format!(
                    "fetches any row of `{repository}` by the number that the client sends, whoever it belongs to; `{}` beside it asks whose it is",
                    code.function_name(beside)
                ),
            );
        }
    }
}

/// Whether a method knows who asks, by anything that it names.
fn asks(code: Code<'_>, handler: NodeId) -> bool {
    code.tree.subtree(handler).any(|id| match code.kind(id) {
        Kind::Name | Kind::Member | Kind::Param | Kind::Type => has_word(code.name(id), WHO),
        _ => false,
    })
}

/// Whether a class says who may call it.
fn marked(code: Code<'_>, class: NodeId) -> bool {
    has_word(code.name(class), WHO)
        || code.tree.children_in(class, Role::Decorator).any(|decorator| {
            code.mentions(decorator, |name| has_word(name, WHO))
                || code.texts_in(decorator).any(|text| has_word(text, WHO))
        })
}

/// `invoices.findById(id)` of a parameter.
fn fetch<'s>(code: Code<'s>, handler: NodeId) -> Option<(NodeId, &'s str)> {
    code.tree.subtree(handler).find_map(|call| {
        let by_number = code.kind(call) == Kind::Call
            && matches!(
                code.called(call),
                "findById" | "getReferenceById" | "getById" | "getOne" | "deleteById"
            );
        let given = code.arg(call, 0).filter(|_| by_number)?;
        let repository = code.last_name(code.receiver(call)?);
        bodies::has_param(code.tree, handler, code.first_name(given)).then_some((call, repository))
    })
}

/// Whether a method asks a repository by whose the rows are: `invoices.findByIdAndOwner(id, principal.getName())`.
fn scoped(code: Code<'_>, handler: NodeId, repository: &str) -> bool {
    const WHOSE: &[&str] = &[
        "owner", "user", "username", "customer", "member", "tenant", "account", "email", "login", "holder",
        "patient",
    ];
    code.tree.subtree(handler).any(|call| {
        code.kind(call) == Kind::Call
            && code
                .receiver(call)
                .is_some_and(|of| code.last_name(of) == repository)
            && code
                .called(call)
                .split_once("By")
                .is_some_and(|(_, by)| has_word(by, WHOSE))
            && code
                .args(call)
                .iter()
                .any(|arg| code.mentions(*arg, |name| has_word(name, WHO)))
    })
}
