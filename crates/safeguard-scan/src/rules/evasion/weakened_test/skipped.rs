//! Tests that ran before and run no more: skipped, set aside by name, left out by a tag, passed over for the one that alone runs.

use std::collections::BTreeSet;

use super::assertions::is_always;
use super::{is_marked, is_test};
use crate::analysis::functions::{by_name, called};
use crate::language::Language;
use crate::matching::Source;
use crate::rules::comparison::Both;
use crate::tree::{Kind, NodeId, Role, Tree};

/// A text that says no more than that the test fails, and leads nowhere.
fn is_excuse(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let leads_on = text.contains("http")
        || text
            .split(|char: char| !char.is_ascii_alphanumeric() && char != '-' && char != '#')
            .any(|word| {
                word.bytes().any(|byte| byte.is_ascii_digit())
                    && (word.starts_with('#')
                        || word.contains('-')
                        || word.bytes().all(|byte| byte.is_ascii_digit()))
            });
    !leads_on
        && [
            "flaky",
            "later",
            "todo",
            "fixme",
            "tempor",
            "broken",
            "fails",
            "failing",
            "for now",
            "wip",
            "unblock",
            "does not pass",
            "not passing",
        ]
        .iter()
        .any(|word| {
            lower
                .split(|char: char| !char.is_alphanumeric() && char != ' ')
                .any(|part| part.contains(word))
        })
}

/// Whether a test does not run: with a reason, or without one.
pub(super) fn skipped(tree: &Tree, test: NodeId, body: &[NodeId]) -> Option<bool> {
    let has_text = |id: NodeId| {
        tree.subtree(id)
            .any(|id| tree.kind(id) == Kind::Str && tree.name(id).len() > 3 && !is_excuse(tree.name(id)))
    };
    let class = crate::analysis::bodies::class_of(tree, test);
    let around = class
        .into_iter()
        .flat_map(|class| tree.children_in(class, Role::Decorator));
    for decorator in tree.children_in(test, Role::Decorator).chain(around) {
        // `@pytest.mark.parametrize("pair", [])`
        let of_nothing = tree.subtree(decorator).any(|id| {
            tree.kind(id) == Kind::Call
                && called(tree, id) == Some("parametrize")
                && tree.children_in(id, Role::Arg).nth(1).is_some_and(|values| {
                    matches!(tree.kind(values), Kind::List | Kind::Tuple)
                        && tree.children(values).next().is_none()
                })
        });
        if of_nothing {
            return Some(false);
        }
        let is_skip = tree.subtree(decorator).any(|id| {
            matches!(tree.kind(id), Kind::Name | Kind::Member)
                && matches!(
                    tree.name(id),
                    "skip" | "xfail" | "skipTest" | "Disabled" | "Ignore" | "ignore"
                )
                || tree.kind(id) == Kind::Call
                    && matches!(called(tree, id), Some("skipif" | "skipIf" | "xfail"))
                    && tree.child(id, Role::Arg).is_some_and(|arg| is_always(tree, arg))
        });
        if is_skip {
            return Some(has_text(decorator));
        }
    }
    // `it.skip('…', () => …)`, `xit('…')`
    let skips = std::iter::once(test)
        .chain(
            tree.ancestors(test)
                .filter(|around| tree.kind(*around) == Kind::Lambda),
        )
        .filter_map(|function| {
            tree.parent(function)
                .filter(|call| tree.kind(*call) == Kind::Call)
        })
        .filter_map(|call| tree.child(call, Role::Callee))
        .any(|callee| {
            matches!(
                tree.name(callee),
                "skip" | "xit" | "xtest" | "todo" | "fixme" | "xdescribe"
            )
        });
    if skips {
        return Some(false);
    }
    // `test('…', { skip: true }, () => …)`
    let options = tree
        .parent(test)
        .into_iter()
        .flat_map(|call| tree.children_in(call, Role::Arg));
    for pair in options
        .filter(|arg| tree.kind(*arg) == Kind::Object)
        .flat_map(|object| tree.children(object))
    {
        let key = tree.child(pair, Role::Key).map_or("", |key| tree.name(key));
        let value = tree.child(pair, Role::Value);
        let off = value.is_some_and(|value| match tree.kind(value) {
            Kind::Str => !tree.name(value).is_empty(),
            _ => is_always(tree, value),
        });
        if matches!(key, "skip" | "todo") && off {
            return Some(value.is_some_and(has_text));
        }
    }
    body.iter()
        .filter(|id| tree.kind(**id) == Kind::Call && runs_always(tree, test, **id))
        .find(|id| {
            let callee = tree
                .child(**id, Role::Callee)
                .map_or("", |callee| tree.source(callee));
            matches!(
                callee,
                "t.Skip"
                    | "t.Skipf"
                    | "t.SkipNow"
                    | "pytest.skip"
                    | "self.skipTest"
                    | "unittest.skip"
                    | "this.skip"
                    | "assumeTrue"
                    | "Assumptions.assumeTrue"
                    | "Assume.assumeTrue"
            ) && (!callee.ends_with("assumeTrue")
                || tree
                    .child(**id, Role::Arg)
                    .is_some_and(|arg| tree.name(arg) == "false"))
        })
        .map(|id| has_text(*id))
}

/// Whether a call of a test runs whenever the test does: under no condition, or one that always holds.
fn runs_always(tree: &Tree, test: NodeId, call: NodeId) -> bool {
    tree.ancestors(call)
        .take_while(|around| *around != test)
        .all(|around| match tree.kind(around) {
            Kind::ExprStmt | Kind::Block => true,
            Kind::If => tree
                .child(around, Role::Condition)
                .is_some_and(|condition| is_always(tree, condition)),
            _ => false,
        })
}

/// What keeps tests of a file from running that no test says of itself: the place, whether it is certain, and what is said of it.
pub(super) fn set_aside(both: &Both<'_>) -> Vec<(NodeId, bool, String)> {
    let mut found = Vec::new();
    found.extend(alone(both));
    found.extend(left_out(both));
    found.extend(whole_file(both));
    found.extend(not_collected(both));
    found.extend(commented_out(both));
    found
}

/// A test that stands in a comment now.
fn commented_out(both: &Both<'_>) -> Option<(NodeId, bool, String)> {
    let (before, after) = (by_name(both.base), by_name(both.head));
    let tree = &both.head.tree;
    let was = comments(both.base);
    let now = comments(both.head);
    let gone = before.iter().filter(|(name, test)| {
        !after.contains_key(*name) && (is_test(name) || is_marked(&both.base.tree, **test))
    });
    for (name, _) in gone {
        let last = name.rsplit('.').next().unwrap_or(name);
        // `it: refuses more`, `refusesMore/0`
        let (title, quoted) = match last.split_once(": ") {
            Some((_, title)) => (title, true),
            None => (last.split('/').next().unwrap_or(last), false),
        };
        let stands = |text: &str| {
            text.match_indices(title).any(|(at, found)| {
                let (begin, end) = (&text[..at], &text[at + found.len()..]);
                match quoted {
                    true => begin.ends_with(['\'', '"', '`']) && begin.contains('('),
                    false => {
                        end.starts_with('(')
                            && begin.trim_end().ends_with(|last: char| last.is_alphanumeric())
                    }
                }
            })
        };
        if title.len() > 3 && stands(&now) && !stands(&was) {
            let node = tree.children(NodeId::ROOT).next()?;
            return Some((
                node,
                true,
                format!("`{title}` is commented out: nothing runs it any more"),
            ));
        }
    }
    None
}

/// All comments of a file, one after another.
fn comments(source: &Source) -> String {
    let text = source.tree.text();
    let all = source
        .tree
        .comments()
        .iter()
        .filter_map(|span| text.get(span.clone()));
    all.collect::<Vec<_>>().join("\n")
}

/// `it.only(…)`, `fdescribe(…)`: what alone runs now.
fn alone(both: &Both<'_>) -> Option<(NodeId, bool, String)> {
    let only = |source: &Source| -> Option<NodeId> {
        let tree = &source.tree;
        source.of_kind(Kind::Call).iter().copied().find(|call| {
            let callee = tree
                .child(*call, Role::Callee)
                .map_or("", |callee| tree.source(callee));
            matches!(
                callee,
                "it.only"
                    | "test.describe.only"
                    | "test.only"
                    | "describe.only"
                    | "suite.only"
                    | "context.only"
                    | "fit"
                    | "fdescribe"
            ) && tree
                .child(*call, Role::Arg)
                .is_some_and(|arg| tree.kind(arg) == Kind::Str)
        })
    };
    let node = only(both.head).filter(|_| only(both.base).is_none())?;
    let tests = both.head.of_kind(Kind::Call).iter().filter(|call| {
        matches!(
            called(&both.head.tree, **call),
            Some("it" | "test" | "only" | "fit")
        )
    });
    (tests.count() > 1).then(|| {
        let message = "this one alone runs now: every other test of the file is passed over".to_owned();
        (node, true, message)
    })
}

/// `//go:build ignore` at the head of a file of tests.
fn left_out(both: &Both<'_>) -> Option<(NodeId, bool, String)> {
    let tag = |source: &Source| -> Option<String> {
        let is_go = source.tree.language() == Language::Go;
        let mut head = source
            .tree
            .text()
            .lines()
            .take_while(|line| !line.starts_with("package "));
        let line = head.find_map(|line| line.strip_prefix("//go:build "));
        line.map(|line| line.trim().to_owned()).filter(|_| is_go)
    };
    let now = tag(both.head).filter(|now| tag(both.base).as_ref() != Some(now))?;
    let never = ["ignore", "never", "skip", "disabled", "todo", "broken", "flaky"];
    let node = both.head.tree.children(NodeId::ROOT).next()?;
    let message = format!("the tests of this file run only where `{now}` is asked for");
    Some((node, never.contains(&now.as_str()), message))
}

/// `pytestmark = pytest.mark.skip`, `__test__ = False`, `pytest.skip(allow_module_level=True)`
fn whole_file(both: &Both<'_>) -> Option<(NodeId, bool, String)> {
    let off = |source: &Source| -> Option<(NodeId, bool)> {
        let tree = &source.tree;
        if tree.language() != Language::Python {
            return None;
        }
        tree.children(NodeId::ROOT).find_map(|statement| {
            let value = tree.child(statement, Role::Value)?;
            let named = tree
                .child(statement, Role::Target)
                .map_or("", |target| tree.name(target));
            let is_off = match tree.kind(statement) {
                Kind::Assign if named == "__test__" => tree.name(value) == "false",
                Kind::Assign if named == "pytestmark" => tree
                    .subtree(value)
                    .any(|id| tree.kind(id) == Kind::Member && tree.name(id) == "skip"),
                Kind::ExprStmt => {
                    tree.kind(value) == Kind::Call && tree.source(value).starts_with("pytest.skip(")
                }
                _ => false,
            };
            let reason = tree
                .subtree(value)
                .any(|id| tree.kind(id) == Kind::Str && tree.name(id).len() > 3 && !is_excuse(tree.name(id)));
            is_off.then_some((statement, reason))
        })
    };
    let (node, reason) = off(both.head).filter(|_| off(both.base).is_none())?;
    Some((node, !reason, "no test of this file runs any more".to_owned()))
}

/// Tests that no framework finds any more: without their mark, or under another name.
fn not_collected(both: &Both<'_>) -> Vec<(NodeId, bool, String)> {
    let (was, is) = (&both.base.tree, &both.head.tree);
    let (before, after) = (by_name(both.base), by_name(both.head));
    let mut found = Vec::new();
    let new: BTreeSet<&String> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    for (name, old) in &before {
        if let Some(now) = after.get(name) {
            if is_marked(was, *old) && !is_marked(is, *now) && !is_called(is, *now) {
                found.push((
                    *now,
                    true,
                    format!("`{name}` was a test, and is none any more: nothing runs it"),
                ));
            }
            continue;
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        if !is_test(name) || !matches!(was.language(), Language::Python | Language::Go) {
            continue;
        }
        let renamed = new.iter().copied().find(|other| {
            let other_last = other.rsplit('.').next().unwrap_or(other);
            let prefix = other_last.strip_suffix(last).or_else(|| {
                let (first, rest) = last.split_at_checked(1)?;
                (other_last == format!("{}{rest}", first.to_ascii_lowercase())).then_some("")
            });
            !is_test(other)
                && prefix.is_some_and(|prefix| {
                    let prefix = prefix.trim_matches('_').to_ascii_lowercase();
                    matches!(
                        prefix.as_str(),
                        "" | "x"
                            | "no"
                            | "skip"
                            | "skipped"
                            | "disabled"
                            | "disable"
                            | "broken"
                            | "todo"
                            | "off"
                            | "old"
                    )
                })
        });
        if let Some(now) = renamed
            .and_then(|renamed| after.get(renamed))
            .filter(|now| !is_called(is, **now))
        {
            found.push((
                *now,
                true,
                format!("`{last}` was a test, and under this name nothing runs it"),
            ));
        }
    }
    found
}

/// Whether a function of the file is called in it: by a test that took it in.
fn is_called(tree: &Tree, function: NodeId) -> bool {
    tree.all()
        .any(|id| tree.kind(id) == Kind::Call && called(tree, id) == Some(tree.name(function)))
}
