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
                Language::Go | Language::Java | Language::Rust => is_number(written),
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
    matches!(
        plain,
        "bool"
            | "time.Time"
            | "time.Duration"
            | "uuid.UUID"
            | "boolean"
            | "long"
            | "short"
            | "double"
            | "char"
            | "usize"
            | "isize"
            | "Boolean"
            | "Integer"
            | "Long"
            | "Short"
            | "Double"
            | "Float"
            | "BigDecimal"
            | "BigInteger"
            | "UUID"
            | "Uuid"
            | "Instant"
            | "LocalDate"
            | "LocalDateTime"
    ) || ["int", "uint", "float", "i", "u", "f"].iter().any(|kind| {
        plain.strip_prefix(kind).is_some_and(|bits| {
            bits.bytes().all(|byte| byte.is_ascii_digit()) && (kind.len() > 1 || !bits.is_empty())
        })
    })
}

/// The type of a name, without what it is of: by its parameter, its declaration, or what it is made as. In Java also by the field of that name.
pub fn declared_type(source: &Source, name: NodeId) -> Option<&str> {
    let tree = &source.tree;
    let written = match tree.kind(name) {
        Kind::Name => declared(source, name).or_else(|| field(source, tree.name(name))),
        // `this.field`
        Kind::Member => {
            let object = tree.child(name, Role::Object)?;
            matches!(tree.name(object), "this" | "self")
                .then(|| field(source, tree.name(name)))
                .flatten()
        }
        Kind::New => return made(tree, name),
        Kind::Call => return given(tree, name),
        _ => None,
    }?;
    Some(without_generics(written))
}

/// The class that a name's value is made of, whatever type the name is declared with: `Random r = new SecureRandom()`.
pub fn made_type(source: &Source, name: NodeId) -> Option<&str> {
    let tree = &source.tree;
    let wanted = match tree.kind(name) {
        Kind::Name | Kind::Member => tree.name(name),
        _ => return None,
    };
    let assigns = source.of_kind(Kind::Assign);
    assigns
        .iter()
        .rev()
        .filter(|assign| {
            tree.child(**assign, Role::Target)
                .is_some_and(|target| tree.name(target) == wanted)
        })
        .find_map(|assign| made(tree, tree.child(*assign, Role::Value)?))
}

/// What methods of the standard libraries give, by their name.
fn given(tree: &Tree, call: NodeId) -> Option<&'static str> {
    let callee = tree.child(call, Role::Callee)?;
    Some(match tree.name(callee) {
        "createStatement" => "Statement",
        "prepareStatement" => "PreparedStatement",
        "getConnection" => "Connection",
        "getRuntime" => "Runtime",
        "getEntityManager" | "createEntityManager" => "EntityManager",
        "getCurrentSession" | "openSession" => "Session",
        "getWriter" => "PrintWriter",
        _ => return None,
    })
}

/// `Map<K, V>` is a `Map`, `java.util.Map` too.
fn without_generics(written: &str) -> &str {
    let plain = written.split('<').next().unwrap_or(written);
    if plain.len() < written.len() && written.ends_with("[]") {
        return written;
    }
    plain.rsplit(['.', ':']).next().unwrap_or(plain)
}

/// The type of a field of one of the file's classes, if all of that name have the same.
fn field<'s>(source: &'s Source, name: &str) -> Option<&'s str> {
    let tree = &source.tree;
    let mut types = source
        .of_kind(Kind::Assign)
        .iter()
        .chain(source.of_kind(Kind::Field))
        .filter(|id| {
            tree.parent(**id)
                .and_then(|body| tree.parent(body))
                .is_some_and(|class| tree.kind(class) == Kind::Class)
        })
        .filter(|id| {
            let own = match tree.kind(**id) {
                Kind::Field => tree.name(**id),
                _ => tree
                    .child(**id, Role::Target)
                    .map_or("", |target| tree.name(target)),
            };
            own == name
        })
        .map(|id| type_of(tree, *id));
    let first = types.next().filter(|first| !first.is_empty())?;
    types.all(|other| other == first).then_some(first)
}

/// The class of a name, by its parameter or its declaration.
fn declared(source: &Source, name: NodeId) -> Option<&str> {
    let tree = &source.tree;
    if let Some(param) = parameter(tree, name) {
        return Some(plain(type_of(tree, param)));
    }
    if let Some(written) = looped(source, name) {
        return Some(written);
    }
    let assigns = source.of_kind(Kind::Assign);
    let before = assigns.partition_point(|assign| *assign < name);
    // A function within another sees what is declared around it.
    let assign = functions_around(tree, name).find_map(|function| {
        assigns[..before]
            .iter()
            .rev()
            .take_while(|assign| tree.within(**assign, function))
            .find(|assign| {
                let is_of_name = tree.child(**assign, Role::Target).is_some_and(|target| {
                    tree.kind(target) == Kind::Name && tree.name(target) == tree.name(name)
                });
                is_of_name
                    && (tree.child(**assign, Role::Type).is_some()
                        || tree
                            .child(**assign, Role::Value)
                            .is_some_and(|value| made(tree, value).is_some()))
            })
    });
    let Some(assign) = assign else {
        return opened(source, name);
    };
    let written = type_of(tree, *assign);
    if !written.is_empty() {
        return Some(plain(written));
    }
    made(tree, tree.child(*assign, Role::Value)?)
}

/// The type of Java's `try (T name = …)` around a name.
fn opened(source: &Source, name: NodeId) -> Option<&str> {
    let tree = &source.tree;
    let item = tree
        .ancestors(name)
        .filter(|id| tree.kind(*id) == Kind::With)
        .flat_map(|with| tree.children_in(with, Role::Item))
        .find(|item| {
            tree.child(*item, Role::Target)
                .is_some_and(|target| tree.name(target) == tree.name(name))
        })?;
    let written = type_of(tree, item);
    if !written.is_empty() {
        return Some(written);
    }
    made(tree, tree.child(item, Role::Value)?)
}

/// The type of Java's `for (T name : …)` around a name.
fn looped(source: &Source, name: NodeId) -> Option<&str> {
    let tree = &source.tree;
    let around = tree.ancestors(name).find(|id| {
        tree.kind(*id) == Kind::ForEach
            && tree
                .child(*id, Role::Target)
                .is_some_and(|target| tree.name(target) == tree.name(name))
    })?;
    Some(type_of(tree, around)).filter(|written| !written.is_empty())
}

/// `Item{}`, `&Item{}`, `new Item()`
fn made(tree: &Tree, value: NodeId) -> Option<&str> {
    match tree.kind(value) {
        Kind::Unary => made(tree, tree.child(value, Role::Value)?),
        Kind::Composite => Some(type_of(tree, value)),
        Kind::New => tree.child(value, Role::Callee).map(|class| tree.name(class)),
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
