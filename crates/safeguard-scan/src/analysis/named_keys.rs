//! Python: functions that fill a dictionary of their own with keys that are written out. Whoever sends the values does not choose what is set.

use std::collections::BTreeSet;

use super::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role};

/// The calls of a file that give back such a dictionary.
pub fn named_keys(source: &Source) -> Vec<NodeId> {
    if source.tree.language() != Language::Python {
        return Vec::new();
    }
    let code = Code::of(source);
    let functions = source.of_kind(Kind::Function).iter().copied();
    let names: BTreeSet<&str> = functions
        .filter(|function| gives_named(code, *function))
        .map(|function| code.name(function))
        .collect();
    let calls = source.of_kind(Kind::Call).iter().copied();
    // What they are given becomes values; the calls themselves, and what they are given, are harmless as keys.
    calls
        .filter(|call| names.contains(code.called(*call)))
        .flat_map(|call| std::iter::once(call).chain(code.tree.children_in(call, Role::Arg)))
        .collect()
}

/// Whether each dictionary that a function returns, alone or first of a tuple, is its own and has no other keys.
fn gives_named(code: Code<'_>, function: NodeId) -> bool {
    let mut dictionaries = 0;
    for returned in code
        .own(function)
        .into_iter()
        .filter(|id| code.kind(*id) == Kind::Return)
    {
        let Some(value) = code.child(returned, Role::Value) else {
            continue;
        };
        let first = match code.kind(value) {
            Kind::Tuple => code.tree.children(value).next().unwrap_or(value),
            _ => value,
        };
        match code.kind(first) {
            Kind::Null => {}
            Kind::Object if has_named(code, first) => dictionaries += 1,
            Kind::Name if is_filled_by_name(code, function, first) => dictionaries += 1,
            _ => return false,
        }
    }
    dictionaries > 0
}

/// `{"a": 1, "b": 2}`
fn has_named(code: Code<'_>, object: NodeId) -> bool {
    code.tree.children(object).all(|pair| {
        code.kind(pair) == Kind::Pair
            && code
                .child(pair, Role::Key)
                .is_some_and(|key| code.kind(key) == Kind::Str)
    })
}

/// `kwargs = {}` and then only `kwargs["name"] = …`, never `kwargs[key]` or `kwargs.update(…)`.
fn is_filled_by_name(code: Code<'_>, function: NodeId, name: NodeId) -> bool {
    let wanted = code.name(name);
    let mut begun = false;
    for id in code.own(function) {
        match code.kind(id) {
            Kind::Assign => {
                for target in code.tree.children_in(id, Role::Target) {
                    let is_it = match code.kind(target) {
                        Kind::Name => code.name(target) == wanted,
                        Kind::Index => code
                            .child(target, Role::Object)
                            .is_some_and(|of| code.name(of) == wanted),
                        _ => false,
                    };
                    let named = match code.kind(target) {
                        Kind::Index => code
                            .child(target, Role::Index)
                            .is_some_and(|key| code.text(key).is_some()),
                        _ => code
                            .child(id, Role::Value)
                            .is_some_and(|value| code.kind(value) == Kind::Object && has_named(code, value)),
                    };
                    if is_it && !named {
                        return false;
                    }
                    begun |= is_it && code.kind(target) == Kind::Name;
                }
            }
            Kind::Call => {
                let on_it = code
                    .receiver(id)
                    .is_some_and(|of| code.kind(of) == Kind::Name && code.name(of) == wanted);
                if on_it && matches!(code.called(id), "update" | "setdefault" | "__setitem__") {
                    return false;
                }
            }
            _ => {}
        }
    }
    begun
}
