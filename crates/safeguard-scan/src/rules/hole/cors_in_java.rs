//! Spring: every website may use what the visitor is signed in to, by an annotation or by a configuration in code.

use super::cors_too_open;
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Java],
    run,
    ..cors_too_open::CHECK
};

const MESSAGE: &str = "every website may send requests with the visitor's own cookies, and read the answers";

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    let code = Code::of(source);
    for decorator in source.of_kind(Kind::Decorator).iter().copied() {
        let text: String = code.tree.source(decorator).split_whitespace().collect();
        let is_it = text.starts_with("@CrossOrigin(") && text.contains("allowCredentials=\"true\"");
        if is_it && (text.contains("originPatterns=\"*\"") || text.contains("originPatterns={\"*\"}")) {
            reports.add(decorator, MESSAGE);
        }
    }
    for call in code.calls() {
        let opens = matches!(
            code.called(call),
            "allowedOriginPatterns" | "addAllowedOriginPattern" | "setAllowedOriginPatterns"
        ) && is_all(code, call);
        let Some(function) = code.function(call).filter(|_| opens) else {
            continue;
        };
        let with_cookies = code.tree.subtree(function).any(|id| {
            code.is_call(id)
                && matches!(code.called(id), "allowCredentials" | "setAllowCredentials")
                && code
                    .arg(id, 0)
                    .is_some_and(|on| code.last_name(on) == "TRUE" || code.boolean(on) == Some(true))
        });
        if with_cookies {
            reports.add(call, MESSAGE);
        }
    }
}

/// `"*"`, also in a list of its own.
fn is_all(code: Code<'_>, call: NodeId) -> bool {
    code.tree.children_in(call, Role::Arg).any(|arg| {
        code.texts_in(arg)
            .any(|text| matches!(text, "*" | "http://*" | "https://*"))
    })
}
