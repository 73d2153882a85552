//! Go's `break` that leaves a `select` or `switch`, where the loop around it was meant.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::loops;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "break-leaves-select",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: &[Language::Go],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for exit in source.of_kind(Kind::Break).iter().copied() {
        if !code.name(exit).is_empty() {
            continue;
        }
        let Some((case, asks)) = case_of(code, exit) else {
            continue;
        };
        let Some(choice) = code.tree.parent(case) else {
            continue;
        };
        let Some(around) = endless_around(code, choice) else {
            continue;
        };
        if left_below(source, choice, around) {
            continue;
        }
        let told = match code.kind(choice) {
            Kind::Select => {
                "this leaves the `select` only: the loop goes on, and what is closed is ready again at once, for ever"
            }
            _ => "this leaves the `switch` only: the loop goes on with the same end of its input, for ever",
        };
        match (code.kind(choice), asks) {
            (Kind::Select, Asks::Nothing) if ends(code, case) => reports.add(exit, told),
            (Kind::Select, Asks::Closed) if !set_to_nil(code, exit) => reports.add(exit, told),
            (Kind::Switch, Asks::Nothing) if end_of_input(code, case) => reports.add(exit, told),
            _ => {}
        }
    }
}

/// What stands between a `break` and its case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// It is the case's last statement.
    Nothing,
    /// `if !ok { break }`: the channel is closed.
    Closed,
}

/// The case that a `break` ends.
fn case_of(code: Code<'_>, exit: NodeId) -> Option<(NodeId, Asks)> {
    let tree = code.tree;
    let block = tree.parent(exit)?;
    let around = tree.parent(block)?;
    match code.kind(around) {
        Kind::Case => (tree.children(block).last() == Some(exit)).then_some((around, Asks::Nothing)),
        Kind::If if tree.role(block) == Role::Body => {
            let case = tree
                .parent(around)
                .and_then(|block| tree.parent(block))
                .filter(|case| code.kind(*case) == Kind::Case)?;
            let condition = code.child(around, Role::Condition)?;
            let value = code.child(condition, Role::Value)?;
            let negated = code.kind(condition) == Kind::Unary && code.name(condition) == "not";
            let test = code.child(case, Role::Test)?;
            // `case job, more := <-jobs`: the second name.
            let second = code
                .child(test, Role::Target)
                .filter(|target| code.kind(*target) == Kind::Tuple)
                .and_then(|target| tree.children(target).nth(1))?;
            (negated && receives(code, test) && code.name(second) == code.name(value))
                .then_some((case, Asks::Closed))
        }
        _ => None,
    }
}

/// The loop that a `select` or `switch` stands in, if it has no condition and nothing between them leaves.
fn endless_around(code: Code<'_>, choice: NodeId) -> Option<NodeId> {
    let around = code
        .tree
        .ancestors(choice)
        .take_while(|around| !matches!(code.kind(*around), Kind::Function | Kind::Lambda))
        .find(|around| {
            loops::is_loop(code.kind(*around)) || matches!(code.kind(*around), Kind::Select | Kind::Switch)
        })?;
    (code.kind(around) == Kind::For && loops::is_endless(code.tree, around)).then_some(around)
}

/// Whether something behind the choice leaves the loop: `if ctx.Err() != nil { return }`.
fn left_below(source: &Source, choice: NodeId, around: NodeId) -> bool {
    let end = source.tree.span(choice).end;
    loops::exits(source, around)
        .into_iter()
        .any(|exit| source.tree.span(exit).start >= end)
}

fn receives(code: Code<'_>, test: NodeId) -> bool {
    code.tree
        .subtree(test)
        .any(|id| code.kind(id) == Kind::Unary && code.name(id) == "<-")
}

/// Whether a case waits for the end: `<-ctx.Done()`, `<-stop`, `<-s.quit`.
fn ends(code: Code<'_>, case: NodeId) -> bool {
    let Some(test) = code.child(case, Role::Test) else {
        return false;
    };
    code.tree.subtree(test).any(|id| {
        if code.kind(id) != Kind::Unary || code.name(id) != "<-" {
            return false;
        }
        let Some(from) = code.child(id, Role::Value) else {
            return false;
        };
        let name = match code.kind(from) {
            Kind::Call => code.called(from),
            _ => code.last_name(from),
        };
        let lower = name.to_ascii_lowercase();
        const ENDS: &[&str] = &[
            "done",
            "stop",
            "quit",
            "exit",
            "close",
            "closed",
            "closing",
            "shutdown",
            "term",
            "cancel",
            "stopped",
            "dying",
            "halt",
            "kill",
            "interrupt",
            "sigterm",
            "finish",
        ];
        ENDS.iter().any(|word| {
            lower == *word
                || [
                    format!("{word}ch"),
                    format!("{word}chan"),
                    format!("{word}c"),
                    format!("ch{word}"),
                ]
                .contains(&lower)
        }) || crate::analysis::words::has_word(name, ENDS)
    })
}

/// Whether the channel is taken out of the choice: `jobs = nil`.
fn set_to_nil(code: Code<'_>, exit: NodeId) -> bool {
    code.tree.parent(exit).is_some_and(|block| {
        code.tree.children(block).any(|statement| {
            code.kind(statement) == Kind::Assign
                && code
                    .child(statement, Role::Value)
                    .is_some_and(|value| code.is_null(value))
        })
    })
}

/// `case io.EOF:`, `case err == io.EOF:`, `case errors.Is(err, io.EOF):`
fn end_of_input(code: Code<'_>, case: NodeId) -> bool {
    code.tree.children_in(case, Role::Test).any(|test| {
        code.tree
            .subtree(test)
            .any(|id| matches!(code.kind(id), Kind::Member) && code.path_of(id) == "io.EOF")
    })
}
