//! An interceptor that sends a request again when it is refused, and meets its own request again.

use super::retry_without_limit;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::JavaScript, Language::Tsx, Language::TypeScript],
    run,
    ..retry_without_limit::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let intercepts = code.called(call) == "use"
            && code
                .receiver(call)
                .is_some_and(|of| code.tree.source(of).ends_with("interceptors.response"));
        let Some(handler) = code
            .arg(call, 1)
            .filter(|_| intercepts && !undoes_or_tests(code, call))
        else {
            continue;
        };
        let handler = match code.kind(handler) {
            Kind::Lambda => Some(handler),
            // `use(undefined, onError)`
            Kind::Name => source
                .of_kind(Kind::Function)
                .iter()
                .copied()
                .find(|function| code.name(*function) == code.name(handler)),
            _ => None,
        };
        if let Some(handler) = handler
            && let Some(again) = sends_again(code, handler)
            && !remembers(code, handler)
        {
            reports.add(
                again,
                "what is sent here comes back to this very function when it is refused again: without end, and each time with a new token",
            );
        }
    }
}

/// The call that sends what has failed once more: `client(error.config)`, `axios.request(config)`.
fn sends_again(code: Code<'_>, handler: NodeId) -> Option<NodeId> {
    code.tree.subtree(handler).find(|id| {
        code.kind(*id) == Kind::Call
            && (code.receiver(*id).is_none() || code.called(*id) == "request")
            && code.arg(*id, 0).is_some_and(|arg| {
                let text = code.tree.source(arg);
                let named = code.kind(arg) == Kind::Name
                    && code
                        .set_to(arg)
                        .is_some_and(|value| code.tree.source(value).ends_with(".config"));
                // A client without this interceptor does not come back.
                (text.ends_with(".config") || named || text.contains(".config,"))
                    && !is_other_client(code, *id)
            })
    })
}

fn is_other_client(code: Code<'_>, call: NodeId) -> bool {
    let name = code.first_name_of_call(call).unwrap_or("");
    name == "fetch" || has_word(name, &["plain", "raw", "bare"])
}

/// Whether the handler marks the request, or counts how often it was sent.
fn remembers(code: Code<'_>, handler: NodeId) -> bool {
    code.tree.subtree(handler).any(|id| match code.kind(id) {
        Kind::Name | Kind::Member | Kind::Str => {
            let name = code.name(id).to_ascii_lowercase();
            [
                "retr",
                "attempt",
                "count",
                "tries",
                "again",
                "_sent",
                "refreshed",
                "isrefresh",
                "skip",
            ]
            .iter()
            .any(|word| name.contains(word))
        }
        Kind::Assign => code
            .child(id, Role::Value)
            .is_some_and(|value| matches!(code.kind(value), Kind::Bool)),
        _ => false,
    })
}
