//! Fields that their type makes binary fractions, in Java and Rust, and whether they are stored.

use crate::analysis::code::Code;
use crate::analysis::outside::java_decorators;
use crate::tree::{Kind, NodeId, Role};

/// Whether a field that is a `double` or `float` is stored; `None` if it is none.
pub(super) fn java(code: Code<'_>, field: NodeId, in_class: bool) -> Option<bool> {
    let ty = code.child(field, Role::Type).map_or("", |ty| code.name(ty));
    let is_kept = |mark: &&str| {
        matches!(
            *mark,
            "Entity" | "Table" | "Document" | "Embeddable" | "MappedSuperclass"
        )
    };
    let stored = class_of(code, field)
        .is_some_and(|class| java_decorators(code.tree, class).iter().any(is_kept))
        || java_decorators(code.tree, field).contains(&"Column");
    (in_class && matches!(ty, "double" | "float" | "Double" | "Float")).then_some(stored)
}

/// The same for `f64` and `f32`.
pub(super) fn rust(code: Code<'_>, field: NodeId) -> Option<bool> {
    let ty = code.child(field, Role::Type).map_or("", |ty| code.name(ty));
    let stored = class_of(code, field).is_some_and(|class| {
        code.tree.children_in(class, Role::Decorator).any(|decorator| {
            code.mentions(decorator, |name| {
                matches!(
                    name,
                    "FromRow"
                        | "Queryable"
                        | "Insertable"
                        | "Selectable"
                        | "DeriveEntityModel"
                        | "AsChangeset"
                )
            })
        })
    });
    let is_float = matches!(ty, "f64" | "f32" | "Option<f64>" | "Option<f32>");
    (code.kind(field) == Kind::Field && is_float).then_some(stored)
}

fn class_of(code: Code<'_>, field: NodeId) -> Option<NodeId> {
    code.tree
        .ancestors(field)
        .find(|around| code.kind(*around) == Kind::Class)
}
