//! A limit of the time to wait that was there, and is gone.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::rule::Confidence;
use crate::rules::ALL_BUT_RUST;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "missing-timeout",
    failure: "X2",
    cwe: &["CWE-400", "CWE-1088"],
    languages: ALL_BUT_RUST,
    run,
    gone: None,
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    if both.head.is_test() {
        return;
    }
    let before = limits(was);
    if before.is_empty() {
        return;
    }
    let now = limits(is);
    for call in is
        .calls()
        .into_iter()
        .chain(is.source.of_kind(Kind::Composite).iter().copied())
    {
        let name = name_of(is, call);
        let of_name = |limits: &[(&str, Limit)]| {
            let limited = limits
                .iter()
                .filter(|(of, limit)| *of == name && *limit == Limit::Some);
            limited.count()
        };
        // Most calls never had one.
        if of_name(&before) <= of_name(&now) {
            continue;
        }
        let switched_off = limit(is, call) == Some(Limit::None);
        // The same call in the same place, without what it had.
        let calls_of = |code: Code<'_>| {
            code.calls()
                .into_iter()
                .filter(|other| name_of(code, *other) == name)
                .count()
        };
        let left_out = limit(is, call).is_none()
            && !spreads(is, call)
            && asks(is, call)
            && calls_of(was) == calls_of(is)
            && !both.moved.mentions("imeout");
        if switched_off || left_out {
            taken.push(Taken {
                node: call,
                severity: Severity::High,
                confidence: Confidence::High,
                message: format!("`{name}` had a limit of the time that it waits, and has none: a server that does not answer holds it for ever"),
            });
            return;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Some,
    None,
}

fn limits<'s>(code: Code<'s>) -> Vec<(&'s str, Limit)> {
    code.calls()
        .into_iter()
        .chain(code.source.of_kind(Kind::Composite).iter().copied())
        .filter_map(|call| Some((name_of(code, call), limit(code, call)?)))
        .collect()
}

fn name_of<'s>(code: Code<'s>, call: NodeId) -> &'s str {
    match code.kind(call) {
        Kind::Composite => code.name(call),
        _ => code
            .child(call, Role::Callee)
            .map_or("", |callee| code.tree.source(callee)),
    }
}

/// What a call says of the time: a limit, or that there is none.
fn limit(code: Code<'_>, call: NodeId) -> Option<Limit> {
    let given = match code.kind(call) {
        Kind::Composite => code.entry(call, "Timeout"),
        _ => code.option(call, "timeout").or_else(|| {
            matches!(code.called(call), "readTimeout" | "callTimeout")
                .then(|| code.arg(call, 0))
                .flatten()
        }),
    }?;
    let none = code.is_null(given) || code.number(given) == Some(0) || code.boolean(given) == Some(false);
    Some(match none {
        true => Limit::None,
        false => Limit::Some,
    })
}

fn spreads(code: Code<'_>, call: NodeId) -> bool {
    code.tree
        .subtree(call)
        .any(|part| code.kind(part) == Kind::Spread)
}

/// Whether it is a client that waits, and not something else that may have a limit.
fn asks(code: Code<'_>, call: NodeId) -> bool {
    let name = name_of(code, call);
    [
        "requests.",
        "httpx.",
        "axios",
        "http.Client",
        "aiohttp.",
        "urlopen",
        "session.",
        "client.",
    ]
    .iter()
    .any(|part| name.contains(part))
}
