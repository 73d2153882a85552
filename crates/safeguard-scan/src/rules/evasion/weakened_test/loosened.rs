//! Assertions that ask for less: whether there is a value where they asked for the value, any exception where they asked for one, a wider tolerance.

use super::assertions::assertions;
use crate::analysis::functions::called;
use crate::matching::canonical;
use crate::tree::{Kind, NodeId, Role, Tree};

/// Assertions that compare with a value.
const STRICT: &[&str] = &[
    "toBe",
    "toEqual",
    "toStrictEqual",
    "toHaveLength",
    "toMatchObject",
    "toHaveBeenCalledWith",
    "toHaveBeenCalledTimes",
    "assertEqual",
    "assertEquals",
    "assertCountEqual",
    "assertListEqual",
    "assertDictEqual",
    "assertSame",
    "assert_eq!",
    "Equal",
    "EqualValues",
    "Len",
    "strictEqual",
    "deepEqual",
    "deepStrictEqual",
    "equal",
    "eql",
    "isEqualTo",
    "isEqualByComparingTo",
    "containsExactly",
    "containsExactlyInAnyOrder",
    "hasSize",
];

/// Assertions that ask whether there is something.
const LOOSE: &[&str] = &[
    "toBeDefined",
    "toBeTruthy",
    "toHaveBeenCalled",
    "toBeNull",
    "toBeUndefined",
    "toBeInstanceOf",
    "toBeGreaterThan",
    "toBeGreaterThanOrEqual",
    "assertTrue",
    "assertIsNotNone",
    "assertIsInstance",
    "assertNotNull",
    "assertGreater",
    "assertInstanceOf",
    "NotNil",
    "NotEmpty",
    "NotZero",
    "True",
    "Greater",
    "ok",
    "assert",
    "assert!",
    "exist",
    "isNotNull",
    "isNotEmpty",
    "isNotBlank",
    "isNotZero",
    "isPositive",
    "isNotNegative",
    "isGreaterThan",
    "isInstanceOf",
];

/// What an assertion compares with a value.
pub(super) fn strict(tree: &Tree, assertion: NodeId) -> Vec<String> {
    if tree.kind(assertion) == Kind::Assert {
        let condition = tree.child(assertion, Role::Condition);
        return condition.map_or_else(Vec::new, |condition| compared(tree, condition));
    }
    let chain = chain(tree, assertion);
    let Some(call) = chain.iter().find(|call| is_one_of(tree, **call, STRICT)) else {
        return Vec::new();
    };
    let anything = tree
        .children_in(*call, Role::Arg)
        .next()
        .is_some_and(|arg| is_anything(tree, arg));
    match subject(tree, assertion) {
        _ if anything => Vec::new(),
        Some(subject) => parts(tree, subject),
        None => {
            let values = arguments(tree, assertion).into_iter().take(2);
            values
                .filter(|value| !is_literal(tree, *value))
                .flat_map(|value| parts(tree, value))
                .collect()
        }
    }
}

/// What an assertion only asks to be there.
pub(super) fn loose(tree: &Tree, assertion: NodeId) -> Vec<String> {
    if tree.kind(assertion) == Kind::Assert {
        let condition = tree.child(assertion, Role::Condition);
        return condition.map_or_else(Vec::new, |condition| there(tree, condition));
    }
    let chain = chain(tree, assertion);
    let anything = |call: &NodeId| {
        is_one_of(tree, *call, STRICT)
            && tree
                .children_in(*call, Role::Arg)
                .next()
                .is_some_and(|arg| is_anything(tree, arg))
    };
    // `expect(x).to.exist` of chai is no call.
    let exists = tree.kind(assertion) == Kind::Member && matches!(tree.name(assertion), "exist" | "ok");
    let is_loose = exists
        || chain
            .iter()
            .any(|call| is_one_of(tree, *call, LOOSE) || anything(call));
    if !is_loose
        || chain
            .iter()
            .any(|call| is_one_of(tree, *call, STRICT) && !anything(call))
    {
        return Vec::new();
    }
    match subject(tree, assertion) {
        Some(subject) => parts(tree, subject),
        None => {
            let first = arguments(tree, assertion).into_iter().next();
            first.map_or_else(Vec::new, |first| {
                let there = there(tree, first);
                match there.is_empty() && !is_condition(tree, first) {
                    true => parts(tree, first),
                    false => there,
                }
            })
        }
    }
}

/// Whether it says more than that there is something.
fn is_condition(tree: &Tree, id: NodeId) -> bool {
    matches!(tree.kind(id), Kind::Binary | Kind::Unary | Kind::Compare)
}

/// The calls of a chain, from the last: `isEqualTo` and `assertThat` of `assertThat(x).isEqualTo(y)`.
fn chain(tree: &Tree, assertion: NodeId) -> Vec<NodeId> {
    let mut found = vec![assertion];
    let mut at = match tree.kind(assertion) {
        Kind::Member => tree.child(assertion, Role::Object),
        _ => tree.child(assertion, Role::Callee),
    };
    while let Some(id) = at {
        if tree.kind(id) == Kind::Call {
            found.push(id);
        }
        at = match tree.kind(id) {
            Kind::Member => tree.child(id, Role::Object),
            Kind::Call => tree.child(id, Role::Callee),
            _ => None,
        };
    }
    found
}

fn is_one_of(tree: &Tree, call: NodeId, names: &[&str]) -> bool {
    called(tree, call).is_some_and(|name| names.contains(&name))
}

/// What `expect(x)` and `assertThat(x)` begin with.
fn subject(tree: &Tree, assertion: NodeId) -> Option<NodeId> {
    let chain = chain(tree, assertion);
    let begin = chain
        .into_iter()
        .skip(1)
        .find(|call| matches!(called(tree, *call), Some("expect" | "assertThat")))?;
    tree.child(begin, Role::Arg)
}

/// The arguments; testify's first is the test itself.
fn arguments(tree: &Tree, assertion: NodeId) -> Vec<NodeId> {
    let mut all: Vec<NodeId> = tree.children_in(assertion, Role::Arg).collect();
    if all.first().is_some_and(|first| tree.source(*first) == "t") {
        all.remove(0);
    }
    all
}

/// `expect.anything()`, `expect.any(Object)`
fn is_anything(tree: &Tree, id: NodeId) -> bool {
    tree.kind(id) == Kind::Call
        && matches!(called(tree, id), Some("anything" | "any"))
        && tree.source(id).starts_with("expect.")
}

fn is_literal(tree: &Tree, id: NodeId) -> bool {
    match tree.kind(id) {
        Kind::Str | Kind::Num | Kind::Bool | Kind::Null | Kind::Interp => true,
        Kind::Unary => tree
            .child(id, Role::Value)
            .is_some_and(|value| is_literal(tree, value)),
        _ => false,
    }
}

/// A value, and what it measures: `x` of `len(x)` and `x.len()`.
fn parts(tree: &Tree, id: NodeId) -> Vec<String> {
    let mut found = vec![canonical(tree, id)];
    let measured = match tree.kind(id) {
        Kind::Call if matches!(called(tree, id), Some("len" | "size" | "length" | "count")) => tree
            .child(id, Role::Arg)
            .or_else(|| tree.child(tree.child(id, Role::Callee)?, Role::Object)),
        Kind::Member if matches!(tree.name(id), "length" | "size") => tree.child(id, Role::Object),
        _ => None,
    };
    found.extend(measured.map(|measured| canonical(tree, measured)));
    found
}

/// What a condition compares with a value.
fn compared(tree: &Tree, condition: NodeId) -> Vec<String> {
    let is_equal = tree.kind(condition) == Kind::Binary && matches!(tree.name(condition), "==" | "===");
    let (Some(left), Some(right)) = (
        tree.child(condition, Role::Left).filter(|_| is_equal),
        tree.child(condition, Role::Right),
    ) else {
        return Vec::new();
    };
    // `assert f() == True` says what `assert f()` says.
    if tree.kind(right) == Kind::Bool {
        return Vec::new();
    }
    let sides = [left, right].into_iter().filter(|side| !is_literal(tree, *side));
    sides.flat_map(|side| parts(tree, side)).collect()
}

/// What a condition only asks to be there.
fn there(tree: &Tree, condition: NodeId) -> Vec<String> {
    let name = tree.name(condition);
    match tree.kind(condition) {
        Kind::Binary => {
            let (Some(left), Some(right)) = (
                tree.child(condition, Role::Left),
                tree.child(condition, Role::Right),
            ) else {
                return Vec::new();
            };
            let right_name = tree.name(right);
            let is_nothing = tree.kind(right) == Kind::Null || right_name == "undefined";
            let empty = tree.kind(right) == Kind::Str && right_name.is_empty();
            let few = tree.kind(right) == Kind::Num && matches!(right_name, "0" | "1" | "0.0");
            let loose = match name {
                "is not" | "!=" | "!==" => is_nothing || empty || few,
                ">" | ">=" => few,
                _ => false,
            };
            match loose {
                true => parts(tree, left),
                false => Vec::new(),
            }
        }
        Kind::Unary if name == "not" => {
            let Some(value) = tree.child(condition, Role::Value) else {
                return Vec::new();
            };
            match called(tree, value) {
                Some("is_empty" | "isEmpty" | "isBlank" | "is_none" | "is_null") => of_receiver(tree, value),
                _ => Vec::new(),
            }
        }
        Kind::Call => match called(tree, condition) {
            Some("isinstance") => {
                let first = tree.child(condition, Role::Arg);
                first.map_or_else(Vec::new, |first| parts(tree, first))
            }
            Some("is_some" | "is_ok" | "isPresent") => of_receiver(tree, condition),
            _ if may_be_anything(tree) => parts(tree, condition),
            _ => Vec::new(),
        },
        Kind::Name | Kind::Member | Kind::Index if may_be_anything(tree) => parts(tree, condition),
        _ => Vec::new(),
    }
}

/// Whether a value that is no truth value may be asserted.
fn may_be_anything(tree: &Tree) -> bool {
    use crate::language::Language;
    matches!(
        tree.language(),
        Language::Python | Language::JavaScript | Language::TypeScript | Language::Tsx
    )
}

fn of_receiver(tree: &Tree, call: NodeId) -> Vec<String> {
    let receiver = tree
        .child(call, Role::Callee)
        .and_then(|callee| tree.child(callee, Role::Object));
    receiver.map_or_else(Vec::new, |receiver| parts(tree, receiver))
}

/// The exceptions that a test asks for: how many are any exception, and which are one.
pub(super) fn raised(tree: &Tree, body: &[NodeId]) -> (Vec<NodeId>, usize) {
    let (mut any, mut one) = (Vec::new(), 0);
    for id in body.iter().copied().filter(|id| tree.kind(*id) == Kind::Call) {
        let asks = matches!(
            called(tree, id),
            Some(
                "raises"
                    | "assertRaises"
                    | "assertThrows"
                    | "assertThrowsExactly"
                    | "toThrow"
                    | "toThrowError"
            )
        );
        let first = tree.child(id, Role::Arg).filter(|_| asks);
        // A text says which one it is as well as the others do.
        let says_which = tree
            .children_in(id, Role::Arg)
            .any(|arg| tree.kind(arg) == Kind::Keyword);
        let Some(first) = first.filter(|_| !says_which) else {
            continue;
        };
        let name = tree.source(first).trim_end_matches(".class");
        match name.rsplit('.').next().unwrap_or(name) {
            "Exception" | "BaseException" | "Throwable" | "Error" => any.push(id),
            _ => one += 1,
        }
    }
    (any, one)
}

/// A comparison that lets a value be off by some.
pub(super) struct Near {
    pub node: NodeId,
    pub of: String,
    pub by: f64,
    /// By which part of the expected value, where that is a number.
    pub share: Option<f64>,
}

/// The comparisons of a test that let a value be off by some.
pub(super) fn near(tree: &Tree, body: &[NodeId]) -> Vec<Near> {
    let number = |id: NodeId| -> Option<f64> { tree.source(id).replace('_', "").parse().ok() };
    let mut found = Vec::new();
    for id in body.iter().copied().filter(|id| tree.kind(*id) == Kind::Call) {
        let name = called(tree, id).unwrap_or("");
        let args = arguments(tree, id);
        let plain: Vec<NodeId> = args
            .iter()
            .copied()
            .filter(|arg| tree.kind(*arg) != Kind::Keyword)
            .collect();
        let option = |names: &[&str]| {
            let keyword = args
                .iter()
                .find(|arg| tree.kind(**arg) == Kind::Keyword && names.contains(&tree.name(**arg)))?;
            number(tree.child(*keyword, Role::Value)?)
        };
        let places = |digits: f64| 10_f64.powf(-digits);
        let (of, by, is_share) = match name {
            "approx" => match (option(&["abs"]), option(&["rel"])) {
                (Some(by), _) => (plain.first(), Some(by), false),
                (None, by) => (plain.first(), by, true),
            },
            "assertAlmostEqual" => {
                let by = option(&["delta"]).or_else(|| option(&["places"]).map(places));
                (plain.first(), by, false)
            }
            "assert_allclose" => match (option(&["atol"]), option(&["rtol"])) {
                (Some(by), _) => (plain.first(), Some(by), false),
                (None, by) => (plain.first(), by, true),
            },
            "toBeCloseTo" => (
                plain.first(),
                plain.get(1).and_then(|digits| number(*digits)).map(places),
                false,
            ),
            "assertEquals" | "InDelta" => (plain.first(), plain.get(2).and_then(|by| number(*by)), false),
            _ => continue,
        };
        let (Some(of), Some(by)) = (of.copied(), by) else {
            continue;
        };
        let expected = plain.iter().take(2).find_map(|value| number(*value));
        let share = match is_share {
            true => Some(by),
            false => expected
                .filter(|expected| *expected != 0.0)
                .map(|expected| by / expected.abs()),
        };
        found.push(Near {
            node: id,
            of: canonical(tree, of),
            by,
            share,
        });
    }
    found
}

/// Whether an expression is another one, or has it in it.
fn is_within(text: &str, part: &str) -> bool {
    let is_of_name = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
    text.match_indices(part).any(|(at, _)| {
        !is_of_name(text[..at].chars().next_back()) && !is_of_name(text[at + part.len()..].chars().next())
    })
}

/// What asks for less than before: the place, and what is said of it.
pub(super) fn loosened(
    (was, before): (&Tree, &[NodeId]),
    (is, after): (&Tree, &[NodeId]),
    name: &str,
) -> Vec<(NodeId, bool, String)> {
    let mut found = Vec::new();
    let (asserted, asserts) = (assertions(was, before), assertions(is, after));
    let strict_now: Vec<String> = asserts.iter().flat_map(|id| strict(is, *id)).collect();
    let strict_before: Vec<String> = asserted.iter().flat_map(|id| strict(was, *id)).collect();
    let loose_before: Vec<String> = asserted.iter().flat_map(|id| loose(was, *id)).collect();
    for id in &asserts {
        let now = loose(is, *id);
        let is_weaker = now.iter().any(|one| strict_before.contains(one))
            && !now.iter().any(|one| {
                // `list(value)` is asked for what it is as well.
                strict_now.iter().any(|strict| is_within(strict, one)) || loose_before.contains(one)
            });
        if is_weaker {
            found.push((
                *id,
                true,
                format!("`{name}` asked for a value, and now only whether there is one"),
            ));
        }
    }
    let ((any_before, one_before), (any, one)) = (raised(was, before), raised(is, after));
    if let Some(node) = any
        .first()
        .filter(|_| any.len() > any_before.len() && one < one_before)
    {
        found.push((
            *node,
            true,
            format!("`{name}` asked for one exception, and takes any of them now, also those of a mistake"),
        ));
    }
    let tolerated = near(was, before);
    for now in near(is, after) {
        // How far off a value may be grew tenfold, and is more than rounding makes it.
        let same = tolerated.iter().filter(|old| old.of == now.of);
        let widened = same.map(|old| now.by / old.by).fold(f64::INFINITY, f64::min);
        if widened.is_finite() && widened >= 9.99 {
            let much = now.share.is_some_and(|share| share >= 0.01);
            found.push((
                now.node,
                much,
                format!("`{name}` lets the value be off by {} now", now.by),
            ));
        }
    }
    found
}
