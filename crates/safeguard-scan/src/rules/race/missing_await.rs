//! Promises and coroutines that nobody waits for.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "missing-await",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-820"],
    languages: SCRIPT_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let known = async_functions(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let python = tree.language() == Language::Python;
        let name = calls::name(tree, call).to_owned();
        let lazy = !python && is_prisma_write(source, call);
        let sleeps = python && calls::path(source, call) == "asyncio.sleep";
        if !lazy && !sleeps && !is_async_call(source, call, &known) {
            continue;
        }
        let Some(parent) = tree.parent(call) else {
            continue;
        };
        if let Some(how) = used_as_value(tree, call, parent) {
            reports.add(
                call,
                format!("`{name}` is async: without `await` this is {how}, not its result"),
            );
        } else if tree.kind(parent) == Kind::ExprStmt {
            if python {
                reports.add(
                    call,
                    format!("`{name}` is a coroutine: without `await` nothing of it runs"),
                );
            } else if lazy {
                reports.add(call, format!("`{name}` does nothing until it is awaited"));
            } else if in_try(tree, call) {
                reports.add(
                    call,
                    format!("nothing waits for `{name}`: this `catch` never sees its errors"),
                );
            } else if bodies::handler_around(source, call).is_some() && writes_rows(source, &name) {
                reports.add(
                    call,
                    format!("nothing waits for `{name}`: the answer goes out before its rows are written, and when that fails nobody hears of it"),
                );
            } else if bodies::in_async(tree, call) {
                reports.note(
                    call,
                    format!("nothing waits for `{name}`, and nothing sees its errors"),
                );
            }
        }
    }
}

/// Whether the function of that name waits for rows that it writes, and deals with no errors itself.
fn writes_rows(source: &Source, name: &str) -> bool {
    let tree = &source.tree;
    let mut found = source
        .of_kind(Kind::Function)
        .iter()
        .copied()
        .filter(|function| tree.name(*function) == name);
    found.next().is_some_and(|function| {
        let nodes = bodies::body(tree, function);
        !nodes.iter().any(|id| tree.kind(*id) == Kind::Try)
            && nodes.iter().any(|id| {
                let writes = tree.kind(*id) == Kind::Call
                    && (is_prisma_write(source, *id)
                        || matches!(
                            calls::name(tree, *id),
                            "save" | "insertOne" | "updateOne" | "updateMany" | "insertMany"
                        ));
                writes
                    && tree
                        .parent(*id)
                        .is_some_and(|parent| tree.kind(parent) == Kind::Await)
            })
    })
}

/// The async functions of this file, by the class they are methods of and their name; those of which there is one.
fn async_functions(source: &Source) -> BTreeMap<(Option<NodeId>, &str), bool> {
    let tree = &source.tree;
    let mut known = BTreeMap::new();
    for function in source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda))
        .copied()
    {
        let assigned = tree
            .parent(function)
            .filter(|parent| {
                tree.kind(*parent) == Kind::Assign && tree.child(*parent, Role::Value) == Some(function)
            })
            .and_then(|assign| tree.child(assign, Role::Target))
            .filter(|target| tree.kind(*target) == Kind::Name);
        let name = match assigned {
            Some(target) => tree.name(target),
            None if tree.kind(function) == Kind::Function => tree.name(function),
            None => continue,
        };
        let decorated = tree.children_in(function, Role::Decorator).any(|decorator| {
            tree.child(decorator, Role::Value)
                .is_none_or(|value| !matches!(tree.name(value), "staticmethod" | "classmethod"))
        });
        let plain =
            tree.flags(function).has(Flags::ASYNC) && !bodies::is_generator(tree, function) && !decorated;
        known
            .entry((bodies::class_of(tree, function), name))
            .and_modify(|one: &mut bool| *one = *one && plain)
            .or_insert(plain);
    }
    known
}

fn is_async_call(source: &Source, call: NodeId, known: &BTreeMap<(Option<NodeId>, &str), bool>) -> bool {
    let tree = &source.tree;
    let name = calls::name(tree, call);
    match calls::receiver(tree, call) {
        None => {
            let hidden = functions_around(tree, call).any(|function| bodies::has_param(tree, function, name))
                || source.names.imported(name).is_some();
            !hidden && known.get(&(None, name)) == Some(&true)
        }
        Some(receiver) => {
            let Some(class) = tree
                .ancestors(call)
                .find(|around| tree.kind(*around) == Kind::Class)
            else {
                return false;
            };
            tree.kind(receiver) == Kind::Name
                && matches!(tree.name(receiver), "self" | "this")
                && known.get(&(Some(class), name)) == Some(&true)
        }
    }
}

/// A Prisma query is only sent once somebody waits for it.
fn is_prisma_write(source: &Source, call: NodeId) -> bool {
    let path = calls::path(source, call);
    let mut parts = path.split('.').rev();
    let write = matches!(
        parts.next(),
        Some("create" | "createMany" | "update" | "updateMany" | "upsert" | "delete" | "deleteMany")
    );
    write && parts.next().is_some() && parts.any(|part| part == "prisma" || part == "prismaClient")
}

/// What a promise or coroutine is taken for by what is done with it.
pub(super) fn used_as_value(tree: &Tree, call: NodeId, parent: NodeId) -> Option<&'static str> {
    let role = tree.role(call);
    match tree.kind(parent) {
        Kind::If | Kind::While | Kind::DoWhile | Kind::Conditional if role == Role::Condition => {
            Some("always true")
        }
        Kind::Unary if tree.name(parent) == "not" => Some("never false"),
        Kind::Binary => match tree.name(parent) {
            "and" if role == Role::Left => Some("always true"),
            "and" | "or" if is_condition(tree, parent) => Some("always true"),
            "==" | "===" | "!=" | "!==" | ">" | "<" | ">=" | "<=" | "+" | "-" | "*" | "/" => {
                Some("a promise")
            }
            _ => None,
        },
        Kind::Compare => Some("a coroutine"),
        Kind::Member if role == Role::Object => {
            let plain = !matches!(
                tree.name(parent),
                "__await__"
                    | "then"
                    | "catch"
                    | "finally"
                    | "close"
                    | "send"
                    | "throw"
                    | "cr_frame"
                    | "cancel"
                    | "unsubscribe"
                    | "abort"
                    | "pipe"
                    | "subscribe"
            );
            // Only what is a plain object's member for certain: something is read from it, or called on it.
            plain.then_some("a promise")
        }
        Kind::Index if role == Role::Object => Some("a promise"),
        _ => None,
    }
}

fn is_condition(tree: &Tree, id: NodeId) -> bool {
    tree.parent(id).is_some_and(|parent| {
        tree.role(id) == Role::Condition
            || matches!(tree.kind(parent), Kind::Binary)
                && matches!(tree.name(parent), "and" | "or")
                && is_condition(tree, parent)
    })
}

fn in_try(tree: &Tree, call: NodeId) -> bool {
    let function = bodies::enclosing(tree, call);
    tree.ancestors(call)
        .take_while(|around| Some(*around) != function)
        .any(|around| {
            tree.kind(around) == Kind::Try
                && tree.children_in(around, Role::Handler).next().is_some()
                && tree
                    .child(around, Role::Body)
                    .is_some_and(|body| tree.within(call, body))
        })
        && function.is_some_and(|function| tree.flags(function).has(Flags::ASYNC))
}
