//! A test that says less than it did: skipped, without its assertions, or with weaker ones.

mod assertions;
mod loosened;
mod skipped;

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::functions::{called, head};
use crate::language::Language;
use crate::rule::Confidence;
use crate::rules::ALL_LANGUAGES;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::tree::{Kind, NodeId, Role, Tree};
use assertions::{assertions, can_fail};
use loosened::loosened;
use skipped::{set_aside, skipped};

pub static COMPARISON: Comparison = Comparison {
    id: "weakened-test",
    failure: "",
    cwe: &[],
    languages: ALL_LANGUAGES,
    run,
    gone: None,
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    // Rust's tests stand beside what they test.
    if !both.head.is_test() && both.head.tree.language() != Language::Rust {
        return;
    }
    let (was, is) = (&both.base.tree, &both.head.tree);
    for (node, sure, message) in set_aside(both) {
        taken.push(Taken::high(node, sure, message));
    }
    let asserting: BTreeSet<&str> = both
        .head
        .of_kind(Kind::Function)
        .iter()
        .filter(|function| {
            let inside: Vec<NodeId> = is.subtree(**function).collect();
            !assertions(is, &inside).is_empty()
        })
        .map(|function| is.name(*function))
        .collect();
    for (name, base, now) in pairs(both) {
        if !is_test(&name) && !is_marked(is, now) || is_helper(is, now) {
            continue;
        }
        // What a function within the test asserts, the test asserts.
        let before: Vec<NodeId> = was.subtree(base).collect();
        let after: Vec<NodeId> = is.subtree(now).collect();
        let mut told = |severity, confidence, message: String| {
            taken.push(Taken {
                node: head(is, now),
                severity,
                confidence,
                message,
            });
        };
        if let Some(reason) = skipped(is, now, &after)
            && skipped(was, base, &before).is_none()
        {
            let confidence = if reason {
                Confidence::Medium
            } else {
                Confidence::High
            };
            told(
                Severity::High,
                confidence,
                format!("`{name}` ran before, and this change has it skipped"),
            );
            continue;
        }
        if was.source(base) == is.source(now) {
            continue;
        }
        let asserted = assertions(was, &before);
        let asserts = assertions(is, &after);
        // What was imported is there.
        let of_import = |id: NodeId| {
            let condition = was.child(id, Role::Condition);
            condition.is_some_and(|condition| {
                was.kind(condition) == Kind::Name && both.base.names.imported(was.name(condition)).is_some()
            })
        };
        let said = expects_failure(was, base)
            || asserted
                .iter()
                .any(|id| can_fail(was, base, *id) && !of_import(*id));
        if said && !expects_failure(is, now) && !asserts.iter().any(|id| can_fail(is, now, *id)) {
            // What a helper asserts is not seen here.
            let helpers = after.iter().any(|id| {
                is.kind(*id) == Kind::Call
                    && !asserts.contains(id)
                    && called(is, *id).is_some_and(|name| {
                        ["check", "assert", "verify"]
                            .iter()
                            .any(|begin| name.trim_start_matches('_').starts_with(begin))
                            || asserting.contains(name)
                    })
            });
            let confidence = if helpers {
                Confidence::Medium
            } else {
                Confidence::High
            };
            let message = match asserts.is_empty() {
                true => format!(
                    "`{name}` made {} assertions, and after this change makes none",
                    asserted.len().max(1)
                ),
                false => format!("`{name}` could fail, and none of its assertions can fail it now"),
            };
            told(Severity::High, confidence, message);
            continue;
        }
        for (node, sure, message) in loosened((was, &before), (is, &after), &name) {
            taken.push(Taken::high(node, sure, message));
        }
        if asserts.len() < asserted.len() {
            taken.push(Taken {
                node: head(is, now),
                severity: Severity::Medium,
                confidence: Confidence::Medium,
                message: format!(
                    "`{name}` made {} assertions, and makes {} now",
                    asserted.len(),
                    asserts.len()
                ),
            });
        }
    }
}

fn is_test(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.starts_with("test")
        || last.starts_with("Test")
        || last.starts_with("it") && last.contains(": ")
        || name.contains("test: ")
        || name.contains("it: ")
}

/// Whether a function lies in one that is no test: no framework collects it.
fn is_helper(tree: &Tree, function: NodeId) -> bool {
    tree.language() == Language::Python
        && tree.kind(function) == Kind::Function
        && tree
            .ancestors(function)
            .any(|around| tree.kind(around) == Kind::Function && !is_test(tree.name(around)))
}

/// Java's `@Test`, Rust's `#[test]` and `#[tokio::test]`.
fn is_marked(tree: &Tree, function: NodeId) -> bool {
    matches!(tree.language(), Language::Java | Language::Rust)
        && tree.children_in(function, Role::Decorator).any(|decorator| {
            let value = tree.child(decorator, Role::Value);
            let name = value.map(|value| tree.child(value, Role::Callee).unwrap_or(value));
            name.is_some_and(|name| {
                matches!(
                    tree.name(name),
                    "Test" | "ParameterizedTest" | "RepeatedTest" | "TestFactory" | "test" | "rstest"
                )
            })
        })
}

/// `#[should_panic]`, `@Test(expected = X.class)`
fn expects_failure(tree: &Tree, function: NodeId) -> bool {
    tree.children_in(function, Role::Decorator).any(|decorator| {
        tree.subtree(decorator).any(|id| {
            matches!(tree.kind(id), Kind::Name | Kind::Member) && tree.name(id) == "should_panic"
                || tree.kind(id) == Kind::Keyword && tree.name(id) == "expected"
        })
    })
}
