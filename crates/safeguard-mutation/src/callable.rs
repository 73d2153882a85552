//! Functions that a change touches and that can be called as they were and as they are: by their text they read and write nothing else.

use std::ops::Range;

use safeguard_scan::analysis::place;
use safeguard_scan::language::Language;
use safeguard_scan::matching::{Source, canonical};
use safeguard_scan::tree::{Flags, Kind, NodeId, Role, Tree};

use crate::probe::head;
use crate::purity;
use crate::shape::Shape;

/// A function at the top of a file, in both versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callable {
    pub name: String,
    pub parameters: Vec<Parameter>,
    /// Where its head is in the newer file.
    pub head: Range<usize>,
}

/// What it is called with. In Python the annotations say what, at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub shape: Option<Shape>,
}

/// A changed function that is not called, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCalled {
    pub name: String,
    pub why: String,
}

/// The functions that differ between the two files, in the order of the newer one. New ones are none of them.
pub fn changed_functions(base: &Source, now: &Source) -> Vec<Result<Callable, NotCalled>> {
    if place::is_test(&now.path) || now.tree.language() == Language::Go {
        return Vec::new();
    }
    let before = at_the_top(&base.tree);
    let loads = purity::loads_alone(now).and_then(|()| purity::loads_alone(base));
    let mut found = Vec::new();
    for (name, function) in at_the_top(&now.tree) {
        let Some((_, old)) = before.iter().find(|(other, _)| *other == name) else {
            continue;
        };
        if canonical(&base.tree, *old) == canonical(&now.tree, function) {
            continue;
        }
        let checked = loads
            .clone()
            .and_then(|()| purity::of(now, function))
            .and_then(|()| purity::of(base, *old).map_err(|why| format!("before the change, it {why}")))
            .and_then(|()| parameters(now, function))
            .and_then(|parameters| {
                let older = self::parameters(base, *old)?;
                let names = |parameters: &[Parameter]| {
                    parameters.iter().map(|one| one.name.clone()).collect::<Vec<_>>()
                };
                match names(&older) == names(&parameters) {
                    true => Ok(parameters),
                    false => Err("takes other arguments than before".to_owned()),
                }
            });
        found.push(match checked {
            Ok(parameters) => Ok(Callable {
                head: now
                    .tree
                    .child(function, Role::Body)
                    .map_or(now.tree.span(function), |body| head(now, function, body)),
                name,
                parameters,
            }),
            Err(why) => Err(NotCalled { name, why }),
        });
    }
    found
}

/// Functions that can be reached from outside by their name.
fn at_the_top(tree: &Tree) -> Vec<(String, NodeId)> {
    let mut found = Vec::new();
    for statement in tree.children(NodeId::ROOT) {
        match tree.kind(statement) {
            Kind::Function => found.push((tree.name(statement).to_owned(), statement)),
            // `const f = (a) => …`
            Kind::Assign => {
                if let (Some(target), Some(value)) = (
                    tree.child(statement, Role::Target),
                    tree.child(statement, Role::Value),
                ) && tree.kind(target) == Kind::Name
                    && tree.kind(value) == Kind::Lambda
                {
                    found.push((tree.name(target).to_owned(), value));
                }
            }
            _ => {}
        }
    }
    found
}

fn parameters(source: &Source, function: NodeId) -> Result<Vec<Parameter>, String> {
    let tree = &source.tree;
    let is_python = tree.language() == Language::Python;
    let mut found = Vec::new();
    for parameter in tree.children_in(function, Role::Param) {
        let flags = tree.flags(parameter);
        if flags.has(Flags::REST) || flags.has(Flags::KEYWORD_REST) {
            continue;
        }
        let name = tree.name(parameter).to_owned();
        let default = tree.child(parameter, Role::Default);
        let written = tree
            .child(parameter, Role::Type)
            .map(|kind| tree.name(kind).trim_start_matches(':').to_owned());
        let shape = match is_python {
            true => None,
            false => {
                let of_type = written
                    .or_else(|| documented(source, function, &name))
                    .and_then(|text| Shape::read(&text));
                let of_default = || default.and_then(|default| Shape::of_literal(tree, default));
                of_type.or_else(of_default)
            }
        };
        let says_nothing = match is_python {
            true => tree.child(parameter, Role::Type).is_none() && default.is_none(),
            false => shape.is_none() && default.is_none(),
        };
        if says_nothing {
            return Err(match name.is_empty() {
                true => "takes its argument apart, and nothing says what that is".to_owned(),
                false => format!("has no type that is understood for `{name}`"),
            });
        }
        // A parameter that keeps its default is not given, nor any after it.
        if !is_python && shape.is_none() {
            break;
        }
        let shape = shape.map(|shape| match flags.has(Flags::OPTIONAL) || default.is_some() {
            true => Shape::OneOf(vec![Shape::Undefined, shape]),
            false => shape,
        });
        found.push(Parameter { name, shape });
    }
    Ok(found)
}

/// The type that a comment before the function gives: `@param {number} quantity`.
fn documented(source: &Source, function: NodeId, name: &str) -> Option<String> {
    let tree = &source.tree;
    let statement = std::iter::once(function)
        .chain(tree.ancestors(function))
        .take_while(|id| *id != NodeId::ROOT)
        .last()?;
    let start = tree.span(statement).start;
    let comment = tree.comments().iter().rfind(|comment| comment.end <= start)?;
    let between = tree.text().get(comment.end..start)?;
    let is_next = between
        .split_whitespace()
        .all(|word| matches!(word, "export" | "default" | "async" | "const"));
    let text = tree.text().get(comment.clone()).filter(|_| is_next)?;
    text.split("@param").skip(1).find_map(|rest| {
        let (kind, rest) = rest.trim_start().strip_prefix('{')?.split_once('}')?;
        let named = rest.trim_start().trim_start_matches('[');
        let named: String = named
            .chars()
            .take_while(|char| char.is_alphanumeric() || matches!(char, '_' | '$'))
            .collect();
        (named == name).then(|| kind.split_whitespace().collect())
    })
}
