//! Members that hold no text by what the file declares: `item.count` where `item: Item` and `class Item: count: int`.

use std::collections::{BTreeMap, BTreeSet};

use super::outside::{is_text_type, parameter, type_of};
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::tree::{Kind, NodeId, Role, Tree};

/// The members of a file that are numbers, dates or the like.
pub fn no_texts(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    let mut fields: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for class in source.of_kind(Kind::Class) {
        let Some(body) = tree.child(*class, Role::Body) else {
            continue;
        };
        for field in tree.children(body) {
            let name = match tree.kind(field) {
                Kind::Field => tree.name(field),
                Kind::Assign => tree
                    .child(field, Role::Target)
                    .map_or("", |target| tree.name(target)),
                _ => continue,
            };
            let written = type_of(tree, field);
            let is_plain = match tree.language() {
                // A struct in a struct may hold texts again.
                Language::Go => is_number(written),
                Language::JavaScript | Language::TypeScript | Language::Tsx | Language::Python => {
                    !is_text_type(source, written)
                }
                Language::Dockerfile
                | Language::Hcl
                | Language::Settings
                | Language::Shell
                | Language::Sql
                | Language::Yaml => false,
            };
            if !name.is_empty() && !written.is_empty() && is_plain {
                fields.entry(tree.name(*class)).or_default().insert(name);
            }
        }
    }
    if fields.is_empty() {
        return Vec::new();
    }
    source
        .of_kind(Kind::Member)
        .iter()
        .copied()
        .filter(|member| {
            tree.child(*member, Role::Object)
                .filter(|object| tree.kind(*object) == Kind::Name)
                .and_then(|object| declared(source, object))
                .and_then(|class| fields.get(class))
                .is_some_and(|fields| fields.contains(tree.name(*member)))
        })
        .collect()
}

fn is_number(written: &str) -> bool {
    let plain = written.trim_start_matches('*');
    matches!(plain, "bool" | "time.Time" | "time.Duration" | "uuid.UUID")
        || ["int", "uint", "float"].iter().any(|kind| {
            plain
                .strip_prefix(kind)
                .is_some_and(|bits| bits.bytes().all(|byte| byte.is_ascii_digit()))
        })
}

/// The class of a name, by its parameter or its declaration.
fn declared(source: &Source, name: NodeId) -> Option<&str> {
    let tree = &source.tree;
    if let Some(param) = parameter(tree, name) {
        return Some(plain(type_of(tree, param)));
    }
    let function = functions_around(tree, name).next()?;
    let assigns = source.of_kind(Kind::Assign);
    let before = assigns.partition_point(|assign| *assign < name);
    let assign = assigns[..before]
        .iter()
        .rev()
        .take_while(|assign| tree.within(**assign, function))
        .find(|assign| {
            tree.child(**assign, Role::Target)
                .is_some_and(|target| tree.kind(target) == Kind::Name && tree.name(target) == tree.name(name))
        })?;
    let written = type_of(tree, *assign);
    if !written.is_empty() {
        return Some(plain(written));
    }
    made(tree, tree.child(*assign, Role::Value)?)
}

/// `Item{}`, `&Item{}`
fn made(tree: &Tree, value: NodeId) -> Option<&str> {
    match tree.kind(value) {
        Kind::Unary => made(tree, tree.child(value, Role::Value)?),
        Kind::Composite => Some(type_of(tree, value)),
        _ => None,
    }
}

/// A type without what says that it is a pointer or may be none.
fn plain(written: &str) -> &str {
    let written = written.trim_start_matches('*').trim_matches(['"', '\'']);
    let written = written.strip_suffix("|None").unwrap_or(written);
    written
        .strip_prefix("Optional[")
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(written)
}

/// `amount: Decimal`, as a parameter, a variable or a field.
pub fn is_decimal(code: Code<'_>, id: NodeId) -> bool {
    let name = code.last_name(id);
    !name.is_empty()
        && code.tree.all().any(|other| {
            let named = match code.kind(other) {
                Kind::Param | Kind::Field => code.name(other) == name,
                Kind::Assign => code
                    .child(other, Role::Target)
                    .is_some_and(|target| code.name(target) == name),
                _ => false,
            };
            named
                && code
                    .child(other, Role::Type)
                    .is_some_and(|ty| code.name(ty).contains("Decimal"))
        })
}
