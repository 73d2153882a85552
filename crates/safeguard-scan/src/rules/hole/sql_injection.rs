//! Statements that are put together from values: what becomes of the parameters of a function, whose callers can not be seen.

mod execution;
mod statement;

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use crate::analysis::built::{Built, Hole, built};
use crate::analysis::outside::{is_text, outside, parameter};
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::taint;
use crate::tree::{Kind, NodeId, Role};
use execution::sinks;
use statement::{Place, place, speaks_sql};

const LANGUAGES: &[Language] = &[
    Language::Go,
    Language::JavaScript,
    Language::Python,
    Language::Rust,
    Language::Tsx,
    Language::TypeScript,
];

pub(in crate::rules) const CHECK: Check = Check {
    id: "sql-injection",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-89"],
    languages: LANGUAGES,
    run,
};

/// Where the value of a hole comes from.
#[derive(Debug, Clone, Copy)]
enum From {
    /// A client sent it.
    Outside,
    /// A parameter, whose values can not be seen.
    Param(NodeId),
    Unknown,
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for (hole, place, from) in dangers(source) {
        let is_certain = match (place, from) {
            (Place::Placeholder, _) | (_, From::Unknown) => false,
            (_, From::Outside) => true,
            (Place::Quoted, From::Param(_)) => !names_object(source, hole.node),
            (Place::Value, From::Param(param)) => is_itself(source, hole.node, param),
            (Place::Count | Place::Name | Place::None, From::Param(_)) => false,
        };
        // It depends on what can not be seen.
        let is_possible = match (place, from) {
            (_, From::Outside) | (Place::Placeholder | Place::None, _) => false,
            (Place::Quoted | Place::Value | Place::Count | Place::Name, From::Param(_))
            | (Place::Quoted, From::Unknown) => true,
            (Place::Value | Place::Count | Place::Name, From::Unknown) => false,
        };
        let filled = source.tree.source(hole.node);
        if is_certain {
            reports.add(
                hole.node,
                format!("`{filled}` is written into a statement as it is, so it can change what the statement does"),
            );
        } else if is_possible {
            reports.note(
                hole.node,
                format!("`{filled}` becomes part of a statement; nothing here shows that it is harmless"),
            );
        }
    }
}

/// The holes of texts that are executed as statements, and what each is filled from.
fn dangers(source: &Source) -> Vec<(Hole, Place, From)> {
    let tree = &source.tree;
    if source.is_test() {
        return Vec::new();
    }
    let sinks = sinks(source);
    if sinks.is_empty() {
        return Vec::new();
    }
    let texts: Vec<(Built, bool)> = built(source)
        .into_iter()
        .map(|one| {
            let speaks = speaks_sql(&one.text);
            (one, speaks)
        })
        .filter(|(one, speaks)| {
            *speaks
                || one
                    .holes
                    .iter()
                    .any(|hole| place(&one.text, hole.at) != Place::None)
        })
        .collect();
    // What is put together is a statement by what it says, or by what executes it, alone or beside a statement.
    if !texts.iter().any(|(_, speaks)| *speaks) && !sinks.values().any(|strong| *strong) {
        return Vec::new();
    }
    let nodes: Vec<NodeId> = texts.iter().map(|(one, _)| one.node).collect();
    let arguments: Vec<NodeId> = sinks.keys().copied().collect();
    let ways = taint::reaches(source, &nodes, &arguments, &[]);
    // What is executed together with a statement is a part of it.
    let speaking: BTreeSet<NodeId> = texts
        .iter()
        .filter(|(_, speaks)| *speaks)
        .map(|(one, _)| one.node)
        .collect();
    let statements: BTreeSet<NodeId> = ways
        .iter()
        .filter(|(_, text)| speaking.contains(text))
        .map(|(sink, _)| *sink)
        .collect();
    let mut executed: BTreeMap<NodeId, bool> = BTreeMap::new();
    for (sink, text) in ways {
        let strong = sinks.get(&sink).copied().unwrap_or(false) || statements.contains(&sink);
        *executed.entry(text).or_default() |= strong;
    }
    let mut holes: Vec<(Hole, Place)> = Vec::new();
    for (one, speaks) in &texts {
        let Some(strong) = executed.get(&one.node) else {
            continue;
        };
        for hole in &one.holes {
            let place = place(&one.text, hole.at);
            let is_part = *strong && place != Place::Name && !one.text.contains('<');
            if (*speaks || is_part) && !is_harmless(source, hole.node) {
                holes.push((hole.clone(), place));
            }
        }
    }
    if holes.is_empty() {
        return Vec::new();
    }
    let params: BTreeSet<NodeId> = holes
        .iter()
        .flat_map(|(hole, _)| functions_around(tree, hole.node).collect::<Vec<_>>())
        .flat_map(|function| tree.children_in(function, Role::Param).collect::<Vec<_>>())
        .filter(|param| is_text(source, *param) && !is_given(tree.name(*param)))
        .collect();
    let sent: BTreeSet<NodeId> = outside(source).into_iter().collect();
    let sources: Vec<NodeId> = params.union(&sent).copied().collect();
    let filled: Vec<NodeId> = holes.iter().map(|(hole, _)| hole.node).collect();
    let mut from: BTreeMap<NodeId, From> = BTreeMap::new();
    for (hole, by) in taint::reaches(source, &sources, &filled, &quoting(source)) {
        if sent.contains(&by) {
            from.insert(hole, From::Outside);
        } else {
            from.entry(hole).or_insert(From::Param(by));
        }
    }
    holes
        .into_iter()
        .map(|(hole, place)| {
            let from = from.get(&hole.node).copied().unwrap_or(From::Unknown);
            (hole, place, from)
        })
        .collect()
}

/// Whether a value is no text of anybody's choice, by what it is or what it is called.
fn is_harmless(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    match tree.kind(node) {
        Kind::Num | Kind::Bool | Kind::Null => true,
        Kind::Name | Kind::Member => {
            let name = tree.name(node);
            let lower = name.to_ascii_lowercase();
            source.names.constant(tree, node).is_some()
                || !name.is_empty()
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
                || matches!(name, "length" | "size" | "i" | "idx" | "index" | "n")
                || ["placeholder", "param_", "bind", "marks"]
                    .iter()
                    .any(|part| lower.contains(part))
        }
        Kind::Call => {
            let name = tree.name_of_callee(node);
            let doubles = name == "replace" && tree.source(node).contains("''");
            is_quoting(name)
                || doubles
                || matches!(
                    name,
                    "len"
                        | "int"
                        | "float"
                        | "Number"
                        | "parseInt"
                        | "parseFloat"
                        | "Itoa"
                        | "FormatInt"
                        | "count"
                        | "hex"
                        | "hexdigest"
                        | "isoformat"
                        | "strftime"
                        | "toISOString"
                )
        }
        Kind::Conditional => [Role::Value, Role::Else].iter().all(|role| {
            tree.child(node, *role)
                .is_some_and(|part| tree.kind(part) == Kind::Str || is_harmless(source, part))
        }),
        _ => false,
    }
}

/// Whether a value is called after a table or the like, which mostly the program itself names.
fn names_object(source: &Source, node: NodeId) -> bool {
    let lower = source.tree.source(node).to_ascii_lowercase();
    [
        "table",
        "column",
        "schema",
        "database",
        "dbname",
        "index",
        "encoding",
        "sequence",
        "constraint",
        "collation",
    ]
    .iter()
    .any(|part| lower.contains(part))
}

fn is_quoting(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    [
        "quote",
        "escape",
        "sanit",
        "ident",
        "literal",
        "placeholder",
        "validate",
        "allow",
        "safe",
    ]
    .iter()
    .any(|part| lower.contains(part))
}

/// Calls that quote or check what they are given.
fn quoting(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    source
        .of_kind(Kind::Call)
        .iter()
        .copied()
        .filter(|call| is_quoting(tree.name_of_callee(*call)))
        .collect()
}

/// Whether a value is a parameter, or such a one after a method of texts: not a member of it, whose kind can not be seen.
fn is_itself(source: &Source, node: NodeId, param: NodeId) -> bool {
    let tree = &source.tree;
    match tree.kind(node) {
        Kind::Name => {
            // A name that was given another value of the parameter: `order.id`.
            parameter(tree, node) == Some(param)
        }
        Kind::Call => {
            let name = tree.name_of_callee(node);
            let object = tree
                .child(node, Role::Callee)
                .and_then(|callee| tree.child(callee, Role::Object));
            match name {
                "str" | "String" => tree
                    .child(node, Role::Arg)
                    .is_some_and(|inner| is_itself(source, inner, param)),
                "strip" | "lower" | "upper" | "trim" | "toLowerCase" | "toUpperCase" | "title" => {
                    object.is_some_and(|inner| is_itself(source, inner, param))
                }
                _ => false,
            }
        }
        Kind::Interp | Kind::Binary => tree.children(node).any(|part| is_itself(source, part, param)),
        _ => false,
    }
}

/// Parameters that are no values by custom.
fn is_given(name: &str) -> bool {
    matches!(
        name,
        "self"
            | "cls"
            | "db"
            | "conn"
            | "connection"
            | "cursor"
            | "cur"
            | "engine"
            | "session"
            | "client"
            | "pool"
            | "ctx"
            | "schema_editor"
            | "apps"
            | "knex"
            | "queryRunner"
            | "op"
            | "tx"
            | "trx"
            | "compiler"
            | "req"
            | "res"
            | "request"
    )
}
