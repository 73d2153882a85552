//! Searches that find the same again and again: a regular expression that begins anew each time, halves that stop getting smaller.

use super::unchanging_condition;
use crate::analysis::code::Code;
use crate::analysis::loops;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: ALL_BUT_RUST,
    run,
    ..unchanging_condition::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for id in loops::conditional(source) {
        let Some(condition) = code.child(id, Role::Condition) else {
            continue;
        };
        if let Some(search) = code.tree.subtree(condition).find(|part| begins_anew(code, *part)) {
            if loops::exits(source, id).is_empty() {
                reports.add(
                    search,
                    "without the flag `g` this finds the first place again and again: the loop never ends where there is one",
                );
            }
        } else if let Some(half) = keeps_its_half(code, id, condition) {
            reports.add(
                half,
                "when two are left, the middle is the lower one: this sets it to what it is, for ever",
            );
        }
    }
}

/// `PATTERN.exec(text)` of an expression that does not remember where it was.
fn begins_anew(code: Code<'_>, call: NodeId) -> bool {
    if code.kind(call) != Kind::Call
        || code.called(call) != "exec"
        || code.tree.language() == Language::Python
    {
        return false;
    }
    let Some(of) = code.receiver(call) else {
        return false;
    };
    // The text may get shorter in the loop.
    let text_changes = code.arg(call, 0).is_none_or(|text| {
        let text = code.name(text);
        code.tree
            .ancestors(call)
            .find(|around| loops::is_loop(code.kind(*around)))
            .is_none_or(|around| {
                code.tree.subtree(around).any(|id| {
                    code.kind(id) == Kind::Assign
                        && code
                            .child(id, Role::Target)
                            .is_some_and(|target| code.name(target) == text)
                })
            })
    });
    if text_changes {
        return false;
    }
    let pattern = match code.kind(of) {
        Kind::Name => made_of(code, of),
        _ => Some(of),
    };
    pattern.is_some_and(|pattern| match code.kind(pattern) {
        Kind::Regex => {
            let written = code.name(pattern);
            let flags = written.rsplit('/').next().unwrap_or("");
            // An expression that is written in the condition is made anew by each round.
            !flags.contains(['g', 'y']) || pattern == of
        }
        Kind::New => {
            let is_regex = code
                .child(pattern, Role::Callee)
                .is_some_and(|of| code.name(of) == "RegExp");
            let flags = code.arg(pattern, 1);
            is_regex
                && flags.is_none_or(|flags| code.text(flags).is_some_and(|flags| !flags.contains(['g', 'y'])))
        }
        _ => false,
    })
}

/// What a name is set to, once, here or at the top of the file.
fn made_of(code: Code<'_>, name: NodeId) -> Option<NodeId> {
    let mut sets = code.sets(code.name(name));
    let (Some(set), None) = (sets.next(), sets.next()) else {
        return None;
    };
    code.child(set, Role::Value)
}

/// `while (low < high) { middle = (low + high) / 2; … low = middle; }`
fn keeps_its_half(code: Code<'_>, id: NodeId, condition: NodeId) -> Option<NodeId> {
    let (operator, low, high) = code.comparison(condition)?;
    if !matches!(operator, "<" | "<=") || code.kind(low) != Kind::Name || code.kind(high) != Kind::Name {
        return None;
    }
    let sets = |name: &str| -> Vec<NodeId> {
        code.tree
            .subtree(id)
            .filter(|part| {
                code.kind(*part) == Kind::Assign
                    && code
                        .child(*part, Role::Target)
                        .is_some_and(|target| code.kind(target) == Kind::Name && code.name(target) == name)
            })
            .collect()
    };
    let body = code.child(id, Role::Body)?;
    let (low_name, high_name) = (code.name(low), code.name(high));
    let middle = code.tree.subtree(body).find(|part| {
        code.kind(*part) == Kind::Assign
            && code
                .child(*part, Role::Value)
                .is_some_and(|value| is_lower_middle(code, value, low_name, high_name))
    })?;
    let middle = code.name(code.child(middle, Role::Target)?);
    if sets(middle).len() != 1 {
        return None;
    }
    // Where a round can leave for another reason, it may not come to this.
    let stops = loops::exits(code.source, id).into_iter().any(|exit| {
        code.conditions_around(exit).into_iter().any(|condition| {
            code.comparison(condition).is_some_and(|(operator, left, right)| {
                !matches!(operator, "==" | "===")
                    || [left, right].iter().all(|side| {
                        matches!(code.kind(*side), Kind::Name)
                            && [low_name, high_name, middle].contains(&code.name(*side))
                    })
            })
        })
    });
    sets(low_name).into_iter().find(|set| {
        code.name(*set) == "="
            && code
                .child(*set, Role::Value)
                .is_some_and(|value| code.kind(value) == Kind::Name && code.name(value) == middle)
            && !stops
    })
}

/// `(low + high) / 2`, `low + (high - low) / 2`, `(low + high) >> 1`; rounded up it is another one.
fn is_lower_middle(code: Code<'_>, value: NodeId, low: &str, high: &str) -> bool {
    let names: Vec<&str> = code
        .names_in(value)
        .filter(|name| !matches!(*name, "Math" | "floor" | "int"))
        .collect();
    let both = names.contains(&low)
        && names.contains(&high)
        && names.iter().all(|name| *name == low || *name == high);
    let numbers: Vec<&str> = code
        .tree
        .subtree(value)
        .filter(|id| code.kind(*id) == Kind::Num)
        .map(|id| code.name(id))
        .collect();
    let halves = code
        .tree
        .subtree(value)
        .any(|id| code.kind(id) == Kind::Binary && matches!(code.name(id), "/" | "//" | ">>" | ">>>"));
    both && halves
        && matches!(numbers.as_slice(), ["2"] | ["1"])
        && (numbers != ["1"] || code.tree.source(value).contains(">>"))
}
