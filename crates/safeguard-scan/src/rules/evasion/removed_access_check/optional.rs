//! A middleware that asked for a token, and lets those without one through now: `passthrough: true`, `credentialsRequired: false`.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::language::Language;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::NodeId;

/// The middleware, and its option with the value that makes a token optional.
const OPTIONS: &[(&str, &str, bool)] = &[
    ("jwt", "passthrough", true),
    ("koaJwt", "passthrough", true),
    ("jwt", "credentialsRequired", false),
    ("expressjwt", "credentialsRequired", false),
    ("expressJwt", "credentialsRequired", false),
    ("auth", "authRequired", false),
];

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if !matches!(
        both.head.tree.language(),
        Language::JavaScript | Language::TypeScript
    ) {
        return;
    }
    let optional = |code: Code<'_>, call: NodeId| {
        OPTIONS.iter().find(|(name, option, value)| {
            code.called(call) == *name
                && code
                    .option(call, option)
                    .is_some_and(|set| code.boolean(set) == Some(*value))
        })
    };
    let was = Code::of(both.base);
    let (mut asked, mut open) = (BTreeSet::new(), BTreeSet::new());
    for call in was.calls() {
        match optional(was, call) {
            Some(_) => open.insert(was.called(call)),
            None => asked.insert(was.called(call)),
        };
    }
    let is = Code::of(both.head);
    for call in is.calls() {
        let name = is.called(call);
        if let Some((_, option, value)) =
            optional(is, call).filter(|_| asked.contains(name) && !open.contains(name))
        {
            taken.push(Taken {
                node: call,
                severity: Severity::Critical,
                confidence: Confidence::High,
                message: format!("`{name}` turned away whoever has no token, and with `{option}: {value}` lets them through"),
            });
        }
    }
}
