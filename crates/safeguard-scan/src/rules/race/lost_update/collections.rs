//! Rows that are read many at a time, and taken out one by one: from a dictionary by their key, from a list, in a loop.

use crate::analysis::code::Code;
use crate::analysis::rows::Row;
use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// The names that a function gives to single rows of those that it has read together.
pub(super) fn rows_of_many<'t>(source: &'t Source, function: NodeId) -> Vec<Row<'t>> {
    let tree = &source.tree;
    let nodes = bodies::body(tree, function);
    let mut many: Vec<(&str, NodeId)> = Vec::new();
    let mut rows = Vec::new();
    let gives_many = |id: NodeId, many: &[(&str, NodeId)]| {
        reads_many(source, id)
            || tree.subtree(id).any(|part| {
                tree.kind(part) == Kind::Name && many.iter().any(|(name, _)| *name == tree.name(part))
            })
    };
    for id in nodes {
        match tree.kind(id) {
            Kind::Assign => {
                let (Some(target), Some(value)) = (tree.child(id, Role::Target), tree.child(id, Role::Value))
                else {
                    continue;
                };
                if tree.kind(target) != Kind::Name {
                    continue;
                }
                let name = tree.name(target);
                if let Some(read) = taken_out(tree, value, &many) {
                    rows.push(Row { name, read });
                } else if is_collection(tree, value) && gives_many(value, &many) {
                    many.push((name, value));
                }
            }
            Kind::ForEach => {
                let (Some(iter), Some(target)) = (
                    tree.child(id, Role::Iter),
                    tree.children_in(id, Role::Target).last(),
                ) else {
                    continue;
                };
                if !is_collection(tree, iter) || !gives_many(iter, &many) {
                    continue;
                }
                // `for key, row in rows.items()`
                let row = match tree.kind(target) {
                    Kind::Tuple | Kind::List => tree.children(target).last(),
                    _ => Some(target),
                };
                if let Some(row) = row.filter(|row| tree.kind(*row) == Kind::Name) {
                    rows.push(Row {
                        name: tree.name(row),
                        read: iter,
                    });
                }
            }
            _ => {}
        }
    }
    rows
}

/// Whether a value is all of the rows in another form, and not something computed from them.
fn is_collection(tree: &Tree, id: NodeId) -> bool {
    match tree.kind(id) {
        Kind::Await | Kind::Cast | Kind::Unary => tree
            .child(id, Role::Value)
            .is_some_and(|value| is_collection(tree, value)),
        Kind::Name => true,
        // `{row.id: row for row in rows}`, `[row for row in rows if …]`
        Kind::Comprehension => {
            let bound = tree
                .children_in(id, Role::Item)
                .find_map(|clause| tree.child(clause, Role::Target))
                .map_or("", |target| tree.name(target));
            let element = tree.child(id, Role::Element);
            let given = element.map(|element| match tree.kind(element) {
                Kind::Pair => tree.child(element, Role::Value).unwrap_or(element),
                _ => element,
            });
            !bound.is_empty() && given.is_some_and(|given| tree.name(given) == bound)
        }
        // `new Map(rows.map((row) => [row.id, row]))`
        Kind::New => tree
            .child(id, Role::Callee)
            .is_some_and(|class| tree.name(class) == "Map"),
        Kind::Call => {
            !matches!(
                calls::name(tree, id),
                "count"
                    | "sum"
                    | "len"
                    | "values"
                    | "values_list"
                    | "aggregate"
                    | "map"
                    | "reduce"
                    | "join"
                    | "exists"
                    | "update"
                    | "delete"
                    | "keys"
            ) || calls::name(tree, id) == "values"
                && calls::args(tree, id).next().is_none()
                && !chain_has(tree, id, &["objects"])
        }
        _ => false,
    }
}

fn chain_has(tree: &Tree, id: NodeId, names: &[&str]) -> bool {
    tree.subtree(id)
        .any(|part| tree.kind(part) == Kind::Member && names.contains(&tree.name(part)))
}

/// `rows[key]`, `rows.get(key)`, `rows.find((row) => …)`
fn taken_out(tree: &Tree, value: NodeId, many: &[(&str, NodeId)]) -> Option<NodeId> {
    let of_many = |object: NodeId| {
        (tree.kind(object) == Kind::Name && many.iter().any(|(name, _)| *name == tree.name(object)))
            .then_some(value)
    };
    match tree.kind(value) {
        Kind::Index => of_many(tree.child(value, Role::Object)?),
        Kind::Call if matches!(calls::name(tree, value), "get" | "find" | "pop" | "at") => {
            of_many(calls::receiver(tree, value)?)
        }
        // `rows.get(key)!`, `rows.get(key) ?? fail()`
        Kind::Cast | Kind::Unary => taken_out(tree, tree.child(value, Role::Value)?, many),
        Kind::Binary if matches!(tree.name(value), "??" | "or" | "||") => {
            taken_out(tree, tree.child(value, Role::Left)?, many)
        }
        _ => None,
    }
}

/// Whether a call reads rows of a table, as objects that can be saved.
fn reads_many(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    let code = Code::of(source);
    tree.subtree(id).any(|part| {
        if tree.kind(part) != Kind::Call {
            return false;
        }
        let name = calls::name(tree, part);
        let path = calls::path(source, part);
        match tree.language() {
            Language::Python => {
                let django = path.contains(".objects.")
                    && matches!(name, "filter" | "all" | "exclude" | "in_bulk")
                    || name == "in_bulk";
                let alchemy = matches!(name, "scalars" | "all")
                    && tree.subtree(part).any(|inner| {
                        tree.kind(inner) == Kind::Call
                            && matches!(calls::name(tree, inner), "select" | "query")
                    });
                django || alchemy
            }
            Language::JavaScript | Language::TypeScript | Language::Tsx => {
                let of = code.receiver(part).map_or("", |of| code.last_name(of));
                match name {
                    "findAll" | "findMany" | "findByIds" | "findBy" => true,
                    // Mongoose's models and TypeORM's repositories; an array has `find` too.
                    "find" => {
                        of.starts_with(|first: char| first.is_ascii_uppercase())
                            || of.to_ascii_lowercase().contains("repo")
                            || matches!(of, "manager" | "em")
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    })
}
