//! What limits a number that a client sends.

use crate::analysis::code::Code;
use crate::tree::{Kind, NodeId, Role};

/// Whether something in the handler compares it with more than nothing, or takes the smaller of two.
pub(super) fn is_limited(code: Code<'_>, handler: NodeId, sink: NodeId, names: &[&str]) -> bool {
    let of_names = |id: NodeId| {
        code.mentions(id, |name| names.contains(&name)) || code.texts_in(id).any(|text| names.contains(&text))
    };
    let own_condition = code.child(sink, Role::Condition);
    code.tree.subtree(handler).any(|id| match code.kind(id) {
        Kind::Binary
            if matches!(
                code.name(id),
                "<" | "<=" | ">" | ">=" | "==" | "===" | "in" | "not in"
            ) =>
        {
            Some(id) != own_condition
                && code.comparison(id).is_some_and(|(_, left, right)| {
                    let limits = |of: NodeId, by: NodeId| of_names(of) && !is_nothing(code, by);
                    limits(left, right) || limits(right, left)
                })
        }
        Kind::Compare => code.tree.children(id).count() > 2 && of_names(id),
        Kind::Call => {
            let called = code.called(id).to_ascii_lowercase();
            const LIMITS: &[&str] = &[
                "min", "clamp", "limit", "bound", "cap", "check", "ensure", "valid", "assert", "require",
                "between", "contains", "includes", "max",
            ];
            id != sink
                && LIMITS.iter().any(|word| called.contains(word))
                && !matches!(
                    called.as_str(),
                    "limit" | "with_capacity" | "setmaxresults" | "max"
                )
                && (code.args(id).into_iter().any(of_names) || code.receiver(id).is_some_and(of_names))
        }
        // Rust's and Python's `match`
        Kind::Switch => code.child(id, Role::Subject).is_some_and(of_names),
        _ => false,
    })
}

/// `0`, `1`, nothing: what is compared with these is not limited.
fn is_nothing(code: Code<'_>, id: NodeId) -> bool {
    code.is_null(id) || matches!(code.name(code.bare(id)), "0" | "1") && code.kind(code.bare(id)) == Kind::Num
}

/// `Query(50, le=200)`, `@Max(100) int size`, `#[validate(range(max = 100))]`, `Annotated[int, Query(le=100)]`, an entry of a list of known values.
pub(super) fn declares_limit(code: Code<'_>, declared: NodeId) -> bool {
    let text = code.tree.source(declared);
    let before = code
        .tree
        .children_in(declared, Role::Decorator)
        .map(|mark| code.tree.source(mark))
        .collect::<String>();
    [
        "le=", "lt=", "Max", "max", "Range", "Literal", "range", "Pipe", "Size",
    ]
    .iter()
    .any(|word| text.contains(word) || before.contains(word))
}

/// Whether what is sent is looked at by a schema, here or before the handler.
pub(super) fn validates_elsewhere(code: Code<'_>, handler: NodeId) -> bool {
    let is_schema = |name: &str| {
        let name = name.to_ascii_lowercase();
        [
            "valid",
            "schema",
            "celebrate",
            "joi",
            "zod",
            "sanitiz",
            "serializer",
            "cleaned",
        ]
        .iter()
        .any(|word| name.contains(word))
    };
    let within = code.tree.subtree(handler).any(|id| match code.kind(id) {
        Kind::Name | Kind::Member => is_schema(code.name(id)),
        Kind::Call => matches!(code.called(id), "safeParse" | "parseAsync"),
        _ => false,
    });
    let marks = code
        .tree
        .children_in(handler, Role::Decorator)
        .any(|mark| code.mentions(mark, is_schema));
    // `router.get('/x', validate(…), handler)`
    let route = code
        .tree
        .parent(handler)
        .filter(|around| code.is_call(*around) && code.tree.role(handler) == Role::Arg);
    let beside = route.is_some_and(|route| {
        code.args(route)
            .into_iter()
            .filter(|arg| *arg != handler)
            .any(|arg| {
                code.mentions(arg, |name| {
                    is_schema(name) || matches!(name, "isInt" | "check" | "query" | "body")
                })
            })
    });
    within || marks || beside
}
