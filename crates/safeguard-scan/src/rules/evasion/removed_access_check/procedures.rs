//! tRPC: a procedure that was built on one that asks, and is built on one that lets everybody in.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role};

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if !matches!(
        both.head.tree.language(),
        Language::JavaScript | Language::TypeScript | Language::Tsx
    ) {
        return;
    }
    let before = procedures(both.base);
    for (name, (node, now)) in procedures(both.head) {
        let Some((_, was)) = before.get(&name) else {
            continue;
        };
        let is_open = |built: &str| {
            words(built)
                .iter()
                .any(|word| matches!(word.as_str(), "public" | "open" | "base" | "anonymous"))
        };
        if is_open(&now) && !is_open(was) {
            taken.push(Taken {
                node,
                severity: Severity::Critical,
                confidence: Confidence::High,
                message: format!("`{name}` was a `{was}`, and is a `{now}`: everybody may call it now"),
            });
        }
    }
}

/// The procedures of a file by name, and what each is built on: `protectedProcedure` of `protectedProcedure.input(…).mutation(…)`.
fn procedures(source: &Source) -> BTreeMap<String, (NodeId, String)> {
    let code = Code::of(source);
    let mut found = BTreeMap::new();
    let mut twice = Vec::new();
    for pair in source.of_kind(Kind::Pair).iter().copied() {
        let (Some(name), Some(value)) = (code.key(pair), code.child(pair, Role::Value)) else {
            continue;
        };
        let answers =
            code.is_call(value) && matches!(code.called(value), "query" | "mutation" | "subscription");
        let built = code.first_name(value);
        if answers
            && built.ends_with("rocedure")
            && found.insert(name.to_owned(), (pair, built.to_owned())).is_some()
        {
            twice.push(name.to_owned());
        }
    }
    found.retain(|name, _| !twice.contains(name));
    found
}
