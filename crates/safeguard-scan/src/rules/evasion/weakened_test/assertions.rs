//! What a test asserts, and which of it can fail: an assertion whose failure is caught, or that nothing comes to, can not.

use crate::analysis::functions::called;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::canonical;
use crate::tree::{Kind, NodeId, Role, Tree};

pub(super) fn assertions(tree: &Tree, body: &[NodeId]) -> Vec<NodeId> {
    body.iter()
        .copied()
        .filter(|id| match tree.kind(*id) {
            Kind::Assert => true,
            Kind::Raise => tree.source(*id).contains("Assertion"),
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
                    // `expect(x).to.equal(y)` of chai, `.expect(403)` of supertest
                    || callee.starts_with("expect(")
                    || name == "expect" && callee != "expect"
                    || callee.starts_with("require.")
                    // `with raises(ValueError):`, `pytest.raises(ValueError, parse, text).match("…")`
                    || callee.starts_with("pytest.raises(")
                    || tree.language() == Language::Python && has_word(name, &["raised", "raises"])
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
            // `expect(x).to.be.true` of chai
            Kind::Member => {
                tree.source(*id).starts_with("expect(")
                    && tree
                        .parent(*id)
                        .is_some_and(|parent| tree.kind(parent) == Kind::ExprStmt)
            }
            _ => false,
        })
        .collect()
}

/// Whether an assertion of a test can fail it.
pub(super) fn can_fail(tree: &Tree, test: NodeId, assertion: NodeId) -> bool {
    let around: Vec<NodeId> = tree
        .ancestors(assertion)
        .take_while(|around| *around != test)
        .collect();
    let mut below = assertion;
    for around in around {
        let caught = match tree.kind(around) {
            Kind::Try => {
                tree.role(below) == Role::Body
                    && tree
                        .children_in(around, Role::Handler)
                        .any(|handler| swallows(tree, handler))
            }
            Kind::With => tree
                .children_in(around, Role::Item)
                .any(|item| suppresses(tree, item)),
            Kind::If => {
                let condition = tree.child(around, Role::Condition);
                tree.role(below) == Role::Body && condition.is_some_and(|condition| is_never(tree, condition))
            }
            Kind::Block => tree
                .children(around)
                .take_while(|sibling| *sibling != below)
                .any(|sibling| tree.kind(sibling) == Kind::Return),
            _ => false,
        };
        if caught {
            return false;
        }
        below = around;
    }
    !is_vacuous(tree, assertion)
}

/// Whether what fails an assertion is caught here, and nothing comes of it.
fn swallows(tree: &Tree, handler: NodeId) -> bool {
    let types: Vec<&str> = tree
        .children_in(handler, Role::Type)
        .flat_map(|ty| tree.source(ty).split([',', '|', '(', ')', ' ']))
        .filter(|name| !name.is_empty())
        .collect();
    let catches = match tree.language() {
        Language::Python => {
            types.is_empty()
                || types
                    .iter()
                    .any(|name| matches!(*name, "Exception" | "BaseException" | "AssertionError"))
        }
        Language::Java => types.iter().any(|name| {
            matches!(
                *name,
                "Throwable" | "Error" | "AssertionError" | "AssertionFailedError"
            )
        }),
        _ => true,
    };
    let Some(body) = tree.child(handler, Role::Body).filter(|_| catches) else {
        return false;
    };
    let inside: Vec<NodeId> = tree.subtree(body).collect();
    let says_so = inside.iter().any(|id| {
        tree.kind(*id) == Kind::Raise
            || tree.kind(*id) == Kind::Call
                && called(tree, *id).is_some_and(|name| {
                    let lower = name.to_ascii_lowercase();
                    ["fail", "done", "skip", "next", "assume", "exit", "reject", "abort", "assert", "check"]
                        .iter()
                        .any(|word| lower.contains(word))
                })
            // What is kept is asserted elsewhere.
            || tree.kind(*id) == Kind::Assign
            || matches!(tree.kind(*id), Kind::Continue | Kind::Break)
    });
    !says_so && assertions(tree, &inside).is_empty()
}

/// `with suppress(AssertionError):`
fn suppresses(tree: &Tree, item: NodeId) -> bool {
    tree.child(item, Role::Value).is_some_and(|value| {
        tree.kind(value) == Kind::Call
            && called(tree, value) == Some("suppress")
            && tree
                .children_in(value, Role::Arg)
                .any(|arg| matches!(tree.source(arg), "Exception" | "BaseException" | "AssertionError"))
    })
}

/// Whether a condition holds whatever is.
pub(super) fn is_always(tree: &Tree, condition: NodeId) -> bool {
    let sides = || {
        [Role::Left, Role::Right]
            .into_iter()
            .filter_map(|side| tree.child(condition, side))
    };
    match (tree.kind(condition), tree.name(condition)) {
        (Kind::Bool, "true") | (Kind::Num, "1") => true,
        (Kind::Unary, "not") => tree
            .child(condition, Role::Value)
            .is_some_and(|value| is_never(tree, value)),
        (Kind::Binary, "or") => sides().any(|side| is_always(tree, side)),
        (Kind::Binary, "and") => sides().all(|side| is_always(tree, side)),
        _ => false,
    }
}

/// Whether a condition never holds.
fn is_never(tree: &Tree, condition: NodeId) -> bool {
    let mut sides = [Role::Left, Role::Right]
        .into_iter()
        .filter_map(|side| tree.child(condition, side));
    match (tree.kind(condition), tree.name(condition)) {
        (Kind::Bool, "false") | (Kind::Num, "0") => true,
        (Kind::Binary, "and") => sides.any(|side| is_never(tree, side)),
        _ => false,
    }
}

/// `assert True`, `expect(true).toBe(true)`, `assert 1 == 1`: nothing that could fail.
pub(super) fn is_vacuous(tree: &Tree, assertion: NodeId) -> bool {
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
    // `assert x or True`
    let claimed = match tree.kind(assertion) {
        Kind::Assert => tree.child(assertion, Role::Condition),
        _ => tree
            .children_in(assertion, Role::Arg)
            .find(|arg| tree.kind(*arg) == Kind::Binary),
    };
    if claimed.is_some_and(|claimed| tree.name(claimed) == "or" && is_always(tree, claimed)) {
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
