//! A request that is answered only when another service has answered, however long that takes.

use super::CHECK as ANYWHERE;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};
use safeguard_api::evidence::Severity;

/// Clients that have no limit of their own, in code that a client of ours waits for.
pub static IN_HANDLER: Check = Check {
    severity: Severity::High,
    confidence: Confidence::High,
    languages: &[Language::Go, Language::Java, Language::Python],
    run,
    ..ANYWHERE
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if source.is_test() {
        return;
    }
    for call in source.calls().iter().copied() {
        let waits = match code.tree.language() {
            Language::Python => requests(code, call),
            Language::Go => matches!(
                code.path(call),
                "http.Get" | "http.Post" | "http.PostForm" | "http.Head"
            ),
            Language::Java => never(code, call),
            _ => false,
        };
        if !waits {
            continue;
        }
        let told = "nothing limits how long this waits: when the other side does not answer, the workers here are all waiting soon, and nobody is answered";
        let in_handler = bodies::handler_around(source, call).is_some();
        if in_handler || code.tree.language() == Language::Java {
            reports.add(call, told);
        } else if code.receiver(call).is_some_and(|of| is_session(code, of)) {
            reports.note(call, told);
        }
    }
}

/// `requests.get(url)`, `session.post(url)` of a `requests.Session()`, without a timeout.
fn requests(code: Code<'_>, call: NodeId) -> bool {
    let asks = matches!(
        code.called(call),
        "get" | "post" | "put" | "patch" | "delete" | "head" | "request"
    );
    let by_module = code.path(call).strip_prefix("requests.") == Some(code.called(call));
    asks && (by_module || code.receiver(call).is_some_and(|of| is_session(code, of)))
        && code.option(call, "timeout").is_none_or(|timeout| code.is_null(timeout))
        && !code
            .tree
            .children(call)
            .any(|arg| code.kind(arg) == Kind::Spread)
        // What is mounted, or set for the whole process, may limit it.
        && !["HTTPAdapter", "setdefaulttimeout", "functools.partial", "TimeoutSession"]
            .iter()
            .any(|word| code.tree.text().contains(word))
}

fn is_session(code: Code<'_>, of: NodeId) -> bool {
    let name = match code.kind(of) {
        Kind::Name | Kind::Member => code.name(of),
        _ => return false,
    };
    code.tree.language() == Language::Python
        && code.source.assignments(name).iter().any(|assign| {
            code.child(*assign, crate::tree::Role::Value)
                .is_some_and(|value| {
                    code.is_call(value) && matches!(code.path(value), "requests.Session" | "requests.session")
                })
        })
}

/// OkHttp: `readTimeout(0, …)`: zero is for ever.
fn never(code: Code<'_>, call: NodeId) -> bool {
    matches!(code.called(call), "readTimeout" | "callTimeout")
        && code.arg(call, 0).and_then(|time| code.number(time)) == Some(0)
        && code.arg(call, 1).is_some_and(|unit| code.tree.source(unit).contains("TimeUnit") || code.last_name(unit).ends_with('S'))
        // What is pushed comes when it comes, and a whole call has a limit of its own.
        && !["EventSource", "WebSocket", "callTimeout(", "Streaming"]
            .iter()
            .any(|word| code.tree.text().contains(word) && code.called(call) != "callTimeout")
}
