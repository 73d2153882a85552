//! A loop sets its own variable to something new, and nobody reads it: what it goes through stays as it was.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "copy-changed",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-563"],
    languages: ALL_LANGUAGES,
    run,
};

/// Calls that give a copy of all elements.
const COPIES: &[&str] = &["clone", "cloned", "copied", "to_vec", "to_owned"];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for each in source.of_kind(Kind::ForEach).iter().copied() {
        let (Some(iter), Some(body)) = (code.child(each, Role::Iter), code.child(each, Role::Body)) else {
            continue;
        };
        let Some(variable) = variable(code, each) else {
            continue;
        };
        let name = code.name(variable);
        if name.len() < 2 && name == "_" || undoes_or_tests(code, each) {
            continue;
        }
        let found = match code.tree.language() {
            Language::Rust => copied(code, each, iter, body, name),
            _ => lost(code, each, body, name),
        };
        if let Some(at) = found {
            reports.add(
                at,
                format!(
                    "`{name}` is the loop's own: nobody reads what it is set to here, and `{}` stays as it was",
                    code.tree.source(iter)
                ),
            );
        }
    }
}

/// The one variable that a loop sets to each element; in Go the second one.
fn variable(code: Code<'_>, each: NodeId) -> Option<NodeId> {
    let targets: Vec<NodeId> = code.tree.children_in(each, Role::Target).collect();
    let [target] = targets.as_slice() else {
        return (code.tree.language() == Language::Go)
            .then(|| targets.get(1).copied())
            .flatten();
    };
    match code.kind(*target) {
        Kind::Name => (code.tree.language() != Language::Go).then_some(*target),
        Kind::Tuple if code.tree.language() == Language::Go => code
            .tree
            .children(*target)
            .nth(1)
            .filter(|second| code.kind(*second) == Kind::Name),
        Kind::Assign => code
            .child(*target, Role::Target)
            .filter(|inner| code.kind(*inner) == Kind::Name),
        _ => None,
    }
}

/// `for line in lines: line = line.strip()`, the last step of the loop, or one after which the variable is not read.
fn lost(code: Code<'_>, each: NodeId, body: NodeId, name: &str) -> Option<NodeId> {
    let tree = code.tree;
    let is_it = |id: NodeId| tree.kind(id) == Kind::Name && tree.name(id) == name;
    let sets: Vec<NodeId> = tree
        .subtree(body)
        .filter(|id| tree.kind(*id) == Kind::Assign && tree.children_in(*id, Role::Target).any(is_it))
        .collect();
    let [set] = sets.as_slice() else {
        return None;
    };
    let value = tree.child(*set, Role::Value)?;
    // What is made from the element, and not a start for something else.
    let from_it = tree.name(*set) != "=" || tree.subtree(value).any(is_it);
    let declared = tree.flags(*set).has(crate::tree::Flags::DECLARATION) || tree.name(*set) == ":=";
    let end = tree.span(*set).end;
    let scope = code.function(each).unwrap_or(NodeId::ROOT);
    let read_after = tree
        .subtree(scope)
        .any(|id| is_it(id) && tree.span(id).start >= end && is_seen(code, id, each));
    // In an inner loop, what stands before it is read after it.
    let in_loop = tree
        .ancestors(*set)
        .take_while(|around| *around != each)
        .any(|around| {
            matches!(
                tree.kind(around),
                Kind::While
                    | Kind::DoWhile
                    | Kind::For
                    | Kind::ForEach
                    | Kind::Function
                    | Kind::Lambda
                    | Kind::Try
                    | Kind::With
                    | Kind::Class
            )
        });
    let captured = tree.subtree(body).any(|id| {
        is_it(id)
            && tree
                .ancestors(id)
                .take_while(|around| *around != each)
                .any(|around| matches!(tree.kind(around), Kind::Function | Kind::Lambda))
    });
    let text = tree.source(scope);
    let reads_all = ["locals()", "eval(", "exec("]
        .iter()
        .any(|word| text.contains(word));
    let is_value = matches!(tree.kind(value), Kind::Call | Kind::Binary | Kind::Conditional | Kind::Interp | Kind::Num | Kind::Index | Kind::Cast)
        // `element += other` changes a list of Python in place.
        && (tree.name(*set) == "=" || !matches!(tree.language(), Language::Python) || is_plainly_new(code, value));
    (from_it && is_value && !declared && !read_after && !in_loop && !captured && !reads_all).then_some(*set)
}

/// Python's variable lives on behind the loop; the others do not.
fn is_seen(code: Code<'_>, id: NodeId, each: NodeId) -> bool {
    code.tree.language() == Language::Python || code.tree.within(id, each)
}

/// A number or a text: adding one makes a new value.
fn is_plainly_new(code: Code<'_>, value: NodeId) -> bool {
    matches!(code.kind(value), Kind::Num | Kind::Interp)
        || code.kind(value) == Kind::Str
        || code.kind(value) == Kind::Binary && code.tree.subtree(value).any(|id| code.kind(id) == Kind::Num)
}

/// Rust: `for mut item in items.clone() { item.done = true; }`, where each `item` is dropped.
fn copied(code: Code<'_>, each: NodeId, iter: NodeId, body: NodeId, name: &str) -> Option<NodeId> {
    let tree = code.tree;
    // A copy that nobody has, of what somebody has.
    let of_copies = tree.subtree(iter).any(|id| {
        tree.kind(id) == Kind::Call && COPIES.contains(&code.called(id)) && code.receiver(id).is_some()
    }) && !tree.subtree(iter).any(|id| matches!(tree.kind(id), Kind::Lambda));
    if !of_copies || !tree.source(each).contains("mut ") {
        return None;
    }
    let is_it = |id: NodeId| tree.kind(id) == Kind::Name && tree.name(id) == name;
    let is_field =
        |id: NodeId| tree.kind(id) == Kind::Member && tree.child(id, Role::Object).is_some_and(is_it);
    let sets: Vec<NodeId> = tree
        .subtree(body)
        .filter(|id| tree.kind(*id) == Kind::Assign && tree.children_in(*id, Role::Target).any(is_field))
        .collect();
    let first = sets.first().copied()?;
    let read = tree.subtree(body).any(|id| {
        is_it(id)
            && tree.span(id).start > tree.span(first).start
            && !sets.iter().any(|set| tree.within(id, *set))
    });
    (!read).then_some(first)
}
