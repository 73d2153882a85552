//! A test that says less than it did: skipped, without its assertions, or with weaker ones.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::functions::{called, head};
use crate::language::Language;
use crate::matching::canonical;
use crate::rule::Confidence;
use crate::rules::ALL_LANGUAGES;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::tree::{Kind, NodeId, Role, Tree};

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
        let said = asserted.iter().any(|id| !is_vacuous(was, *id) && !of_import(*id));
        if said && asserts.iter().all(|id| is_vacuous(is, *id)) {
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
            told(
                Severity::High,
                confidence,
                format!(
                    "`{name}` made {} assertions, and after this change makes none",
                    asserted.len()
                ),
            );
            continue;
        }
        let strict_now: BTreeSet<String> = asserts.iter().filter_map(|id| subject(is, *id, true)).collect();
        let loose_before: BTreeSet<String> = asserted
            .iter()
            .filter_map(|id| subject(was, *id, false))
            .collect();
        for id in &asserts {
            let Some(loose) = subject(is, *id, false) else {
                continue;
            };
            let was_strict = asserted
                .iter()
                .any(|id| subject(was, *id, true).as_ref() == Some(&loose));
            if was_strict && !strict_now.contains(&loose) && !loose_before.contains(&loose) {
                taken.push(Taken {
                    node: *id,
                    severity: Severity::High,
                    confidence: Confidence::High,
                    message: format!("`{name}` asked for a value, and now only whether there is one"),
                });
            }
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
fn skipped(tree: &Tree, test: NodeId, body: &[NodeId]) -> Option<bool> {
    let has_text = |id: NodeId| {
        tree.subtree(id)
            .any(|id| tree.kind(id) == Kind::Str && tree.name(id).len() > 3 && !is_excuse(tree.name(id)))
    };
    let class = crate::analysis::bodies::class_of(tree, test);
    let around = class
        .into_iter()
        .flat_map(|class| tree.children_in(class, Role::Decorator));
    for decorator in tree.children_in(test, Role::Decorator).chain(around) {
        let is_skip = tree.subtree(decorator).any(|id| {
            matches!(tree.kind(id), Kind::Name | Kind::Member)
                && matches!(
                    tree.name(id),
                    "skip" | "xfail" | "skipTest" | "Disabled" | "Ignore" | "ignore"
                )
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
        .any(|callee| matches!(tree.name(callee), "skip" | "xit" | "xtest" | "todo" | "xdescribe"));
    if skips {
        return Some(false);
    }
    body.iter()
        .filter(|id| {
            tree.kind(**id) == Kind::Call
                && tree.ancestors(**id).take_while(|around| *around != test).count() <= 3
        })
        .find(|id| {
            let callee = tree
                .child(**id, Role::Callee)
                .map_or("", |callee| tree.source(callee));
            matches!(
                callee,
                "t.Skip" | "t.Skipf" | "t.SkipNow" | "pytest.skip" | "self.skipTest" | "unittest.skip"
            )
        })
        .map(|id| has_text(*id))
}

fn assertions(tree: &Tree, body: &[NodeId]) -> Vec<NodeId> {
    body.iter()
        .copied()
        .filter(|id| match tree.kind(*id) {
            Kind::Assert => true,
            Kind::Call => {
                let callee = tree
                    .child(*id, Role::Callee)
                    .map_or("", |callee| tree.source(callee));
                let name = called(tree, *id).unwrap_or("");
                let is_assertion = name.trim_start_matches('_').starts_with("assert")
                    || matches!(
                        name,
                        "failureResultOf" | "successResultOf" | "failUnless" | "failIf"
                    )
                    || name.starts_with("to") && callee.starts_with("expect")
                    || callee.starts_with("assert.")
                    || callee.starts_with("assertThat")
                    || callee.starts_with("verify(")
                    || name == "andExpect"
                    || callee.starts_with("require.")
                    || matches!(
                        callee,
                        "t.Error"
                            | "t.Errorf"
                            | "t.Fatal"
                            | "t.Fatalf"
                            | "self.fail"
                            | "pytest.raises"
                            | "pytest.fail"
                            | "t.Fail"
                            | "t.FailNow"
                    );
                // `expect(x).not.toBe(y)` is one, not one for each part.
                is_assertion
                    && tree
                        .parent(*id)
                        .is_none_or(|parent| tree.kind(parent) != Kind::Member)
            }
            _ => false,
        })
        .collect()
}

/// `assert True`, `expect(true).toBe(true)`, `assert 1 == 1`: nothing that could fail.
fn is_vacuous(tree: &Tree, assertion: NodeId) -> bool {
    let varies = |id: NodeId| {
        tree.subtree(id).any(|id| match tree.kind(id) {
            Kind::Name => !matches!(tree.name(id), "t" | "True" | "undefined"),
            Kind::Member | Kind::Call | Kind::New | Kind::Await => true,
            _ => false,
        })
    };
    if says_itself(tree, assertion) {
        return true;
    }
    if tree.kind(assertion) == Kind::Assert {
        let condition = tree.child(assertion, Role::Condition);
        // What is false of itself stands where nobody should come.
        return condition.is_some_and(|condition| {
            !varies(condition) && !matches!(tree.name(condition), "False" | "false" | "0")
        });
    }
    const COMPARE: &[&str] = &[
        "assertTrue",
        "assertFalse",
        "assertEqual",
        "assertEquals",
        "assertIs",
        "assertIn",
        "Equal",
        "True",
        "ok",
        "equal",
        "strictEqual",
        "deepEqual",
        "NoError",
        "Nil",
        "NotNil",
        "assert",
        "assert_eq",
        "assert_ne",
        "assertThat",
    ];
    let name = called(tree, assertion).unwrap_or("").trim_end_matches('!');
    let arguments: Vec<NodeId> = tree.children_in(assertion, Role::Arg).collect();
    let expected = tree
        .child(assertion, Role::Callee)
        .into_iter()
        .flat_map(|callee| {
            let calls = tree.subtree(callee).filter(|id| tree.kind(*id) == Kind::Call);
            calls
                .flat_map(|call| tree.children_in(call, Role::Arg).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        });
    let all: Vec<NodeId> = arguments.into_iter().chain(expected).collect();
    (COMPARE.contains(&name) || name.starts_with("to")) && !all.is_empty() && !all.into_iter().any(varies)
}

/// `expect(total(a)).toBe(total(a))`, `assert f(x) == f(x)`, `assertEqual(f(x), f(x))`
fn says_itself(tree: &Tree, assertion: NodeId) -> bool {
    let same = |left: Option<NodeId>, right: Option<NodeId>| {
        left.zip(right)
            .is_some_and(|(left, right)| canonical(tree, left) == canonical(tree, right))
    };
    if tree.kind(assertion) == Kind::Assert {
        return tree.child(assertion, Role::Condition).is_some_and(|condition| {
            tree.kind(condition) == Kind::Binary
                && tree.name(condition) == "=="
                && same(
                    tree.child(condition, Role::Left),
                    tree.child(condition, Role::Right),
                )
        });
    }
    let mut args = tree.children_in(assertion, Role::Arg);
    let (first, second) = (args.next(), args.next());
    match called(tree, assertion).unwrap_or("") {
        "toBe" | "toEqual" | "toStrictEqual" => {
            let expected = tree
                .child(assertion, Role::Callee)
                .and_then(|callee| tree.child(callee, Role::Object))
                .filter(|of| tree.kind(*of) == Kind::Call && called(tree, *of) == Some("expect"))
                .and_then(|of| tree.child(of, Role::Arg));
            same(expected, first)
        }
        "assertEqual" | "assertEquals" | "strictEqual" | "deepEqual" => same(first, second),
        _ => false,
    }
}

/// What an assertion is about, if it is strict (asks for a value) or loose (asks whether there is one).
fn subject(tree: &Tree, assertion: NodeId, strict: bool) -> Option<String> {
    match tree.kind(assertion) {
        Kind::Assert => {
            let condition = tree.child(assertion, Role::Condition)?;
            match (tree.kind(condition), tree.name(condition)) {
                (Kind::Binary, "==") if strict => Some(canonical(tree, tree.child(condition, Role::Left)?)),
                (Kind::Binary, "is not" | "!=") if !strict => {
                    let right = tree.child(condition, Role::Right)?;
                    (tree.kind(right) == Kind::Null)
                        .then(|| Some(canonical(tree, tree.child(condition, Role::Left)?)))?
                }
                // `len(parts) > 0`, `isinstance(parts, list)`
                (Kind::Binary, ">" | ">=") if !strict => {
                    let left = tree.child(condition, Role::Left)?;
                    let few = matches!(tree.name(tree.child(condition, Role::Right)?), "0" | "1");
                    let measured = tree.kind(left) == Kind::Call && called(tree, left) == Some("len");
                    (few && measured).then(|| Some(canonical(tree, tree.child(left, Role::Arg)?)))?
                }
                (Kind::Call, _) if !strict && called(tree, condition) == Some("isinstance") => {
                    Some(canonical(tree, tree.child(condition, Role::Arg)?))
                }
                (Kind::Name | Kind::Member | Kind::Call | Kind::Index, _) if !strict => {
                    Some(canonical(tree, condition))
                }
                _ => None,
            }
        }
        Kind::Call => {
            let callee = tree.child(assertion, Role::Callee)?;
            let name = called(tree, assertion)?;
            let is_strict = matches!(
                name,
                "toBe"
                    | "toEqual"
                    | "toStrictEqual"
                    | "toHaveLength"
                    | "toMatchObject"
                    | "assertEqual"
                    | "Equal"
                    | "assertEquals"
                    | "strictEqual"
                    | "deepEqual"
                    | "EqualValues"
                    | "toHaveBeenCalledWith"
            );
            let is_loose = matches!(
                name,
                "toBeDefined"
                    | "toBeTruthy"
                    | "assertTrue"
                    | "assertIsNotNone"
                    | "NotNil"
                    | "ok"
                    | "toHaveBeenCalled"
                    | "NotEmpty"
                    | "toBeNull"
                    | "toBeUndefined"
                    | "toBeInstanceOf"
                    | "toBeGreaterThan"
                    | "assertIsInstance"
                    | "assertNotNull"
            );
            if strict != is_strict || !strict && !is_loose {
                return None;
            }
            // `expect(x).toBe(…)`: x; `assertEqual(x, …)`: its first argument; testify's first is `t`, its second what is expected.
            let expect = tree
                .subtree(callee)
                .find(|id| tree.kind(*id) == Kind::Call && called(tree, *id) == Some("expect"));
            let subject = match expect {
                Some(expect) => tree.child(expect, Role::Arg)?,
                None => {
                    let arguments: Vec<NodeId> = tree.children_in(assertion, Role::Arg).collect();
                    let is_testify = arguments.first().is_some_and(|first| tree.source(*first) == "t");
                    match (is_testify, name) {
                        (true, "Equal" | "EqualValues") => *arguments.get(2)?,
                        (true, _) => *arguments.get(1)?,
                        (false, _) => *arguments.first()?,
                    }
                }
            };
            Some(canonical(tree, subject))
        }
        _ => None,
    }
}
