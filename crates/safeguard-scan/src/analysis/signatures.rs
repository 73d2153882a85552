//! Which arguments functions of Python take.

use std::collections::BTreeMap;

use crate::tree::{Flags, Kind, NodeId, Role, Tree};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub parameters: Vec<Parameter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub has_default: bool,
    pub by_position: bool,
    pub by_name: bool,
}

/// What is wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    Unknown {
        argument: NodeId,
        name: String,
    },
    TooMany {
        argument: NodeId,
        given: usize,
        taken: usize,
    },
    Missing {
        names: Vec<String>,
    },
}

/// Functions, and classes by their `__init__`, that stand once at the top of a file, and that nothing wraps or sets anew.
pub fn of_file(tree: &Tree) -> BTreeMap<String, Signature> {
    let mut found: BTreeMap<String, Option<Signature>> = BTreeMap::new();
    for id in tree.all() {
        let name = match tree.kind(id) {
            Kind::Function | Kind::Class => tree.name(id),
            // A name that is set, imported or made global somewhere is not surely the function.
            Kind::Name
                if tree.role(id) == Role::Target
                    || tree
                        .parent(id)
                        .is_some_and(|parent| tree.kind(parent) == Kind::Global) =>
            {
                found.insert(tree.name(id).to_owned(), None);
                continue;
            }
            Kind::Member if tree.role(id) == Role::Target => {
                // `f.__signature__ = …`
                if let Some(object) = tree.child(id, Role::Object) {
                    found.insert(tree.name(object).to_owned(), None);
                }
                continue;
            }
            _ => continue,
        };
        let signature = match tree.kind(id) {
            Kind::Function if is_top(tree, id) => of_function(tree, id, false),
            Kind::Class if is_top(tree, id) => of_class(tree, id),
            // A function in a function or class does not hide the one of the file, but it may be what is meant.
            _ => None,
        };
        let again = found.contains_key(name);
        found.insert(name.to_owned(), signature.filter(|_| !again));
    }
    found
        .into_iter()
        .filter_map(|(name, signature)| Some((name, signature?)))
        .collect()
}

fn is_top(tree: &Tree, id: NodeId) -> bool {
    tree.parent(id)
        .is_some_and(|parent| tree.kind(parent) == Kind::Module)
}

/// A class without bases and decorators is called as its `__init__` is.
fn of_class(tree: &Tree, class: NodeId) -> Option<Signature> {
    let plain = tree.child(class, Role::Decorator).is_none()
        && tree
            .children_in(class, Role::Base)
            .all(|base| tree.source(base) == "object");
    let body = tree.child(class, Role::Body)?;
    let named = |name: &'static str| tree.children(body).filter(move |id| tree.name(*id) == name);
    if !plain || named("__new__").next().is_some() || tree.source(class).contains("__init__ =") {
        return None;
    }
    let mut inits = named("__init__").filter(|id| tree.kind(*id) == Kind::Function);
    match (inits.next(), inits.next()) {
        (Some(init), None) => of_function(tree, init, true),
        _ => None,
    }
}

/// `None` if it takes any arguments, or something wraps it.
pub fn of_function(tree: &Tree, function: NodeId, is_method: bool) -> Option<Signature> {
    if tree.child(function, Role::Decorator).is_some() {
        return None;
    }
    let mut parameters: Vec<Parameter> = Vec::new();
    let (mut end, mut by_position) = (None, true);
    for id in tree.children_in(function, Role::Param) {
        let flags = tree.flags(id);
        if flags.has(Flags::REST) || flags.has(Flags::KEYWORD_REST) {
            return None;
        }
        let span = tree.span(id);
        let begin = end.unwrap_or_else(|| tree.span(function).start);
        let between = without_comments(tree, begin, span.start);
        if between.contains('/') {
            parameters.iter_mut().for_each(|before| before.by_name = false);
        }
        by_position &= !between.contains('*');
        end = Some(span.end);
        parameters.push(Parameter {
            name: tree.name(id).to_owned(),
            has_default: tree.child(id, Role::Default).is_some(),
            by_position,
            by_name: true,
        });
    }
    // What follows the last one.
    if let (Some(end), Some(body)) = (end, tree.child(function, Role::Body)) {
        let rest = without_comments(tree, end, tree.span(body).start);
        if rest.split(')').next().is_some_and(|rest| rest.contains('/')) {
            parameters.iter_mut().for_each(|before| before.by_name = false);
        }
    }
    if is_method {
        if parameters.is_empty() {
            return None;
        }
        parameters.remove(0);
    }
    Some(Signature { parameters })
}

fn without_comments(tree: &Tree, from: usize, to: usize) -> String {
    let mut text = String::new();
    let mut at = from;
    for comment in tree
        .comments()
        .iter()
        .filter(|comment| comment.start >= from && comment.end <= to)
    {
        text.push_str(tree.text().get(at..comment.start).unwrap_or(""));
        at = comment.end;
    }
    text.push_str(tree.text().get(at..to).unwrap_or(""));
    text
}

/// How a call does not fit what is called.
pub fn misfits(tree: &Tree, call: NodeId, signature: &Signature) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    let (mut positions, mut names, mut spread) = (Vec::new(), Vec::new(), false);
    for argument in tree.children_in(call, Role::Arg) {
        match tree.kind(argument) {
            Kind::Spread => spread = true,
            Kind::Keyword => names.push(argument),
            _ => positions.push(argument),
        }
    }
    for argument in &names {
        let name = tree.name(*argument);
        if !signature
            .parameters
            .iter()
            .any(|parameter| parameter.by_name && parameter.name == name)
        {
            misfits.push(Misfit::Unknown {
                argument: *argument,
                name: name.to_owned(),
            });
        }
    }
    let taken = signature
        .parameters
        .iter()
        .filter(|parameter| parameter.by_position)
        .count();
    if let Some(argument) = positions.get(taken) {
        misfits.push(Misfit::TooMany {
            argument: *argument,
            given: positions.len(),
            taken,
        });
    }
    if !spread && misfits.is_empty() {
        let missing: Vec<String> = signature
            .parameters
            .iter()
            .enumerate()
            .filter(|(at, parameter)| {
                let given = parameter.by_position && *at < positions.len();
                !given
                    && !parameter.has_default
                    && !names
                        .iter()
                        .any(|argument| tree.name(*argument) == parameter.name)
            })
            .map(|(_, parameter)| parameter.name.clone())
            .collect();
        if !missing.is_empty() {
            misfits.push(Misfit::Missing { names: missing });
        }
    }
    misfits
}
