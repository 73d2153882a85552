//! Async functions of other files of the repository that are asked something, and nobody waits for the answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::missing_await::{self, used_as_value};
use crate::analysis::calls;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::elsewhere::path_of;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    languages: SCRIPT_LANGUAGES,
    run,
    ..missing_await::CHECK
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let mut files: BTreeMap<&str, Option<Arc<Source>>> = BTreeMap::new();
    for call in source.calls().iter().copied() {
        let Some((parent, callee)) = tree.parent(call).zip(tree.child(call, Role::Callee)) else {
            continue;
        };
        let Some(how) = used_as_value(tree, call, parent).filter(|how| *how != "a promise") else {
            continue;
        };
        // `users.matches(…)` of an object, `matches(…)` of a module.
        let (first, member) = match tree.kind(callee) {
            Kind::Name => (tree.name(callee), None),
            Kind::Member => match tree.child(callee, Role::Object) {
                Some(object) if tree.kind(object) == Kind::Name => {
                    (tree.name(object), Some(tree.name(callee)))
                }
                Some(object) if tree.kind(object) == Kind::Member => match injected(tree, object) {
                    Some(class) => {
                        let file = files
                            .entry(class)
                            .or_insert_with(|| file_with_async(source, project, class));
                        if source.names.imported(class).is_some()
                            && let Some(file) = file
                            && has_async_method(&file.tree, class, tree.name(callee))
                        {
                            reports.add(call, told(source, call, file, how));
                        }
                        continue;
                    }
                    None => continue,
                },
                _ => continue,
            },
            _ => continue,
        };
        if source.names.imported(first).is_none() || source.names.is_bound(tree, call, first) {
            continue;
        }
        let file = files
            .entry(first)
            .or_insert_with(|| file_with_async(source, project, first));
        let Some(file) = file else {
            continue;
        };
        if is_async(&file.tree, first, member) {
            reports.add(call, told(source, call, file, how));
        }
    }
}

fn told(source: &Source, call: NodeId, file: &Source, how: &str) -> String {
    format!(
        "`{}` of `{}` is async: without `await` this is {how}, not its result",
        calls::name(&source.tree, call),
        file.path
    )
}

/// The class that `this.users` is one of, where the constructor is given it: `constructor(private readonly users: UsersService)`.
fn injected(tree: &Tree, member: NodeId) -> Option<&str> {
    let of = tree.child(member, Role::Object)?;
    if tree.kind(of) != Kind::Name || tree.name(of) != "this" {
        return None;
    }
    let class = tree
        .ancestors(member)
        .find(|around| tree.kind(*around) == Kind::Class)?;
    let constructor = tree
        .children(tree.child(class, Role::Body)?)
        .find(|id| tree.kind(*id) == Kind::Function && tree.name(*id) == "constructor")?;
    let param = tree
        .children_in(constructor, Role::Param)
        .find(|param| tree.name(*param) == tree.name(member))?;
    tree.child(param, Role::Type).map(|written| tree.name(written))
}

/// Whether a class has a method of this name, and all of that name are async.
fn has_async_method(tree: &Tree, class: &str, method: &str) -> bool {
    let mut found = tree
        .all()
        .filter(|id| tree.kind(*id) == Kind::Class && tree.name(*id) == class)
        .filter_map(|id| tree.child(id, Role::Body))
        .flat_map(|body| tree.children(body))
        .filter(|id| tree.kind(*id) == Kind::Function && tree.name(*id) == method)
        .peekable();
    found.peek().is_some()
        && found.all(|id| {
            let flags = tree.flags(id);
            flags.has(Flags::ASYNC) && !flags.has(Flags::GENERATOR)
        })
}

/// The file that a name comes from. Most have nothing that is async, and need not be parsed to see that.
fn file_with_async(source: &Source, project: &Project, name: &str) -> Option<Arc<Source>> {
    let path = path_of(source, project, name)?;
    project
        .text(&path)
        .filter(|text| text.contains("async "))
        .and_then(|_| project.source(&path))
}

/// Whether all functions that a name may mean in a file are async, and there is one.
fn is_async(tree: &Tree, name: &str, member: Option<&str>) -> bool {
    let wanted = member.unwrap_or(name);
    let found: Vec<NodeId> = tree
        .all()
        .filter(|id| match tree.kind(*id) {
            Kind::Function => tree.name(*id) == wanted,
            Kind::Lambda => named(tree, *id) == Some(wanted),
            _ => false,
        })
        .filter(|id| member.is_none() || is_of(tree, *id, name))
        .collect();
    let scopes: BTreeSet<Option<NodeId>> = found.iter().map(|id| tree.parent(*id)).collect();
    !found.is_empty()
        && scopes.len() == found.len()
        && found.iter().all(|id| {
            let flags = tree.flags(*id);
            flags.has(Flags::ASYNC)
                && !flags.has(Flags::GENERATOR)
                && tree.child(*id, Role::Decorator).is_none()
        })
}

/// The name that a function without one is set to: `const f = async () => …`, `{ f: async () => … }`.
fn named(tree: &Tree, function: NodeId) -> Option<&str> {
    let parent = tree.parent(function)?;
    let by = match tree.kind(parent) {
        Kind::Assign => tree.child(parent, Role::Target)?,
        Kind::Pair => tree.child(parent, Role::Key)?,
        _ => return None,
    };
    matches!(tree.kind(by), Kind::Name | Kind::Str).then(|| tree.name(by))
}

/// Whether a function is one of the object that a name is set to, or of the module itself.
fn is_of(tree: &Tree, function: NodeId, name: &str) -> bool {
    let object = tree
        .ancestors(function)
        .take_while(|around| !matches!(tree.kind(*around), Kind::Function | Kind::Lambda | Kind::Class))
        .find(|around| tree.kind(*around) == Kind::Object);
    match object {
        Some(object) => tree.parent(object).is_some_and(|assign| {
            tree.kind(assign) == Kind::Assign
                && tree
                    .child(assign, Role::Target)
                    .is_some_and(|target| tree.name(target) == name)
        }),
        // A method counts if the name is the one object of its class.
        None => tree
            .ancestors(function)
            .find(|around| matches!(tree.kind(*around), Kind::Function | Kind::Lambda | Kind::Class))
            .is_none_or(|around| {
                tree.kind(around) == Kind::Class
                    && [" = new ", " = "].iter().any(|made| {
                        tree.text()
                            .contains(&format!("{name}{made}{}(", tree.name(around)))
                    })
            }),
    }
}
