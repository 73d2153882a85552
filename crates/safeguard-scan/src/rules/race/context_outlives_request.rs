//! Go: the context of a request is used by a goroutine that goes on when the request is answered.

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "context-outlives-request",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-416"],
    languages: &[Language::Go],
    run,
};

/// What frameworks take back when the handler returns, and give to the next request.
const TAKEN_BACK: &[&str] = &[
    "*gin.Context",
    "echo.Context",
    "*fiber.Ctx",
    "fiber.Ctx",
    "http.ResponseWriter",
    "*fasthttp.RequestCtx",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for go in source.of_kind(Kind::Go).iter().copied() {
        if undoes_or_tests(code, go) {
            continue;
        }
        let Some(handler) = bodies::handler_around(source, go) else {
            continue;
        };
        let param = bodies::params(code.tree, handler).find(|param| {
            code.child(*param, Role::Type)
                .is_some_and(|of| TAKEN_BACK.contains(&code.name(of)))
        });
        let Some(name) = param
            .map(|param| code.name(param))
            .filter(|name| !name.is_empty() && *name != "_")
        else {
            continue;
        };
        if waits_after(code, handler, go) {
            continue;
        }
        let used = code.tree.subtree(go).find(|id| {
            code.kind(*id) == Kind::Name
                && code.name(*id) == name
                && !is_copied(code, *id)
                && !is_hidden(code, *id, go, name)
                && !runs_before(code, *id, go)
        });
        if let Some(used) = used {
            reports.add(
                used,
                format!("`{name}` belongs to the next request as soon as this one is answered, and the goroutine goes on using it"),
            );
        }
    }
}

/// Whether the handler waits for goroutines behind this one: a group, a channel.
fn waits_after(code: Code<'_>, handler: NodeId, go: NodeId) -> bool {
    bodies::body(code.tree, handler).into_iter().any(|id| {
        id > go
            && match code.kind(id) {
                Kind::Call => code.called(id) == "Wait",
                Kind::Unary => code.name(id) == "<-",
                Kind::Select => true,
                Kind::ForEach => code.child(id, Role::Iter).is_some(),
                _ => false,
            }
            && !code.tree.within(id, go)
    })
}

/// `c.Copy()`
fn is_copied(code: Code<'_>, id: NodeId) -> bool {
    code.tree.parent(id).is_some_and(|member| {
        code.kind(member) == Kind::Member && matches!(code.name(member), "Copy" | "Clone")
    })
}

/// Whether a function within the goroutine has a parameter of its own with this name.
fn is_hidden(code: Code<'_>, id: NodeId, go: NodeId, name: &str) -> bool {
    code.functions(id)
        .take_while(|function| code.tree.within(*function, go))
        .any(|function| bodies::has_param(code.tree, function, name))
}

/// Go works out the arguments of what `go` calls before it goes on: `go send(c.ClientIP())`.
fn runs_before(code: Code<'_>, id: NodeId, go: NodeId) -> bool {
    let within_function = code
        .functions(id)
        .next()
        .is_some_and(|function| code.tree.within(function, go));
    !within_function && code.tree.role(id) != Role::Arg
}
