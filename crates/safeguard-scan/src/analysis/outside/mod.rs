//! What a client of a service sends, where patterns can not say it: the parameters of handlers, and the parts of requests.
//!
//! A name says little by itself (`req`, `ctx`, `event`), so it counts only where it is a parameter, and only by those members that hold what was
//! sent. A parameter that its type or its route makes a number, a date or one of known values is no text.

mod go;
mod java;
mod javascript;
mod python;
mod rust;

use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::tree::{Kind, NodeId, Role, Tree};

pub use java::{decorators as java_decorators, is_handler as is_java_handler};
pub use rust::is_handler as is_rust_handler;

/// The nodes that are what a client sent, in the order of the text: parameters, members and entries of patterns that take apart.
pub fn outside(source: &Source) -> Vec<NodeId> {
    let mut found = match source.tree.language() {
        Language::Go => go::outside(source),
        Language::Java => java::outside(source),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript::outside(source),
        Language::Python => python::outside(source),
        Language::Rust => rust::outside(source),
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => Vec::new(),
    };
    found.sort();
    found.dedup();
    found
}

/// The parameters of functions that can hold a text, whoever calls them.
pub fn parameters(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    let mut found: Vec<NodeId> = source
        .of_kind(Kind::Param)
        .iter()
        .copied()
        .filter(|param| {
            tree.role(*param) == Role::Param
                && !matches!(tree.name(*param), "self" | "cls" | "args" | "argv")
                && is_text(source, *param)
        })
        .collect();
    found.sort();
    found
}

/// Whether a type, as written, can hold a text.
pub fn is_text_type(source: &Source, written: &str) -> bool {
    match source.tree.language() {
        Language::Go => go::is_text_type(written),
        Language::Java => java::is_text_type(written),
        Language::Rust => rust::is_text_type(written),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript::is_text_type(written),
        Language::Python => python::is_text_type(source, written),
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => false,
    }
}

/// Whether a parameter can hold a text, by its type and its default.
pub fn is_text(source: &Source, param: NodeId) -> bool {
    let tree = &source.tree;
    let written = type_of(tree, param);
    match tree.language() {
        Language::Go => go::is_text_type(written),
        Language::Java => java::is_text_type(written),
        Language::Rust => rust::is_text_type(written),
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            javascript::is_text_type(written) && !has_number(tree, param)
        }
        Language::Python => python::may_be_text(source, param),
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => false,
    }
}

fn has_number(tree: &Tree, param: NodeId) -> bool {
    tree.child(param, Role::Default)
        .is_some_and(|default| matches!(tree.kind(default), Kind::Num | Kind::Bool))
}

/// The parameter that a name is, where it is one of a function around it.
pub fn parameter(tree: &Tree, id: NodeId) -> Option<NodeId> {
    let name = tree.name(id);
    functions_around(tree, id).find_map(|function| {
        tree.children_in(function, Role::Param)
            .chain(tree.children_in(function, Role::Receiver))
            .find(|param| {
                tree.name(*param) == name
                    || tree.child(*param, Role::Target).is_some_and(|target| {
                        tree.subtree(target)
                            .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == name)
                    })
            })
    })
}

/// The type that a parameter, a field or an assignment says, as written.
pub fn type_of(tree: &Tree, id: NodeId) -> &str {
    tree.child(id, Role::Type)
        .map_or("", |written| tree.name(written))
}

/// The text of a call's first argument, if it is a literal.
fn first_text(tree: &Tree, call: NodeId) -> Option<&str> {
    let first = tree.child(call, Role::Arg)?;
    (tree.kind(first) == Kind::Str).then(|| tree.name(first))
}

/// The last part of the name of what is called.
fn called(tree: &Tree, call: NodeId) -> &str {
    tree.child(call, Role::Callee)
        .filter(|callee| matches!(tree.kind(*callee), Kind::Name | Kind::Member))
        .map_or("", |callee| tree.name(callee))
}
