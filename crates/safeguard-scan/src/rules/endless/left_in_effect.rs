//! React: what an effect begins, and nobody ends when the component is gone or the effect runs again.

use super::left_running;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::JavaScript, Language::Tsx, Language::TypeScript],
    run,
    ..left_running::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = code.tree;
    let text = tree.text();
    for effect in source.calls().iter().copied() {
        if !matches!(code.called(effect), "useEffect" | "useLayoutEffect") || undoes_or_tests(code, effect) {
            continue;
        }
        let Some(callback) = code.arg(effect, 0).filter(|arg| code.kind(*arg) == Kind::Lambda) else {
            continue;
        };
        // What it gives back ends it; an expression may be just that.
        let gives_back = code.body(callback).is_none_or(|body| {
            code.kind(body) != Kind::Block
                || tree.subtree(body).any(|id| {
                    code.kind(id) == Kind::Return
                        && code.function(id) == Some(callback)
                        && code.child(id, Role::Value).is_some()
                })
        });
        if gives_back {
            continue;
        }
        let begun = tree
            .subtree(callback)
            .filter(|id| code.function(*id) == Some(callback))
            .find_map(|id| begins(code, id, text));
        if let Some((at, what)) = begun {
            reports.add(
                at,
                format!("{what}, and nothing ends it: each time that the effect runs there is one more, also after the component is gone"),
            );
        }
    }
}

/// What a call begins that goes on, where the file has nothing that ends it.
fn begins(code: Code<'_>, id: NodeId, text: &str) -> Option<(NodeId, &'static str)> {
    if !code.is_call(id) {
        return None;
    }
    let ends = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let of_window = code
        .receiver(id)
        .is_none_or(|of| matches!(code.tree.source(of), "window" | "document" | "globalThis"));
    match code.called(id) {
        "setInterval" if of_window && !ends(&["clearInterval"]) => Some((id, "a timer begins here")),
        "addEventListener"
            if code.receiver(id).is_some()
                && of_window
                && !ends(&["removeEventListener", "signal", "once: true"]) =>
        {
            Some((id, "a listener is added here"))
        }
        "WebSocket" | "EventSource" if code.kind(id) == Kind::New && !ends(&[".close("]) => {
            Some((id, "a connection is opened here"))
        }
        _ => None,
    }
}
