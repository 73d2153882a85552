//! What always runs, and what leaves.

use super::bodies::running;
use super::calls;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// Whether a node runs whenever the one around it does, as long as nothing before it leaves.
pub fn always(tree: &Tree, id: NodeId, within: NodeId) -> bool {
    let mut at = id;
    while at != within {
        let Some(parent) = tree.parent(at) else {
            return false;
        };
        let role = tree.role(at);
        let runs = match tree.kind(parent) {
            Kind::If | Kind::Conditional => matches!(role, Role::Condition | Role::Init),
            Kind::Binary if matches!(tree.name(parent), "and" | "or" | "??") => role == Role::Left,
            Kind::Assign if matches!(tree.name(parent), "??=" | "||=" | "&&=") => role == Role::Target,
            Kind::While | Kind::For | Kind::ForEach => {
                matches!(role, Role::Iter | Role::Init | Role::Condition)
            }
            Kind::DoWhile => true,
            Kind::Try => role == Role::Finally,
            Kind::Catch | Kind::Case | Kind::Select | Kind::Comprehension | Kind::Clause => false,
            Kind::Switch => matches!(role, Role::Subject | Role::Init),
            Kind::Function | Kind::Lambda | Kind::Class => parent == within,
            Kind::Param | Kind::Decorator => false,
            // `a?.b()` may not run.
            Kind::Member | Kind::Index | Kind::Call => {
                !tree.flags(parent).has(crate::tree::Flags::OPTIONAL)
                    || matches!(role, Role::Object | Role::Callee)
            }
            _ => true,
        };
        if !runs {
            return false;
        }
        at = parent;
    }
    true
}

/// Whether something among the nodes leaves the function: by its end, an error, or the end of the program.
pub fn leaves(source: &Source, nodes: &[NodeId]) -> bool {
    let tree = &source.tree;
    nodes.iter().any(|id| match tree.kind(*id) {
        Kind::Return | Kind::Raise | Kind::Yield => true,
        Kind::Unary => tree.name(*id) == "?",
        Kind::Call => ends_program(source, *id),
        Kind::Other => tree.source(*id).trim_start().starts_with("goto"),
        _ => false,
    })
}

/// Whether a call never comes back.
pub fn ends_program(source: &Source, call: NodeId) -> bool {
    let path = calls::path(source, call);
    matches!(
        path.as_str(),
        "sys.exit"
            | "os._exit"
            | "os.abort"
            | "exit"
            | "quit"
            | "os.Exit"
            | "process.exit"
            | "process.abort"
            | "panic"
            | "panic!"
            | "unreachable!"
            | "unimplemented!"
            | "std.process.exit"
            | "std.process.abort"
            | "System.exit"
            | "os.execv"
            | "os.execvp"
            | "os.execve"
            | "os.execl"
            | "os.execlp"
            | "syscall.Exec"
            | "runtime.Goexit"
            | "Deno.exit"
            | "notFound"
            | "redirect"
            | "abort"
            | "flask.abort"
    ) || matches!(
        path.rsplit('.').next(),
        Some(
            "Fatal"
                | "Fatalf"
                | "Fatalln"
                | "FailNow"
                | "SkipNow"
                | "Skip"
                | "Skipf"
                | "skipTest"
                | "fail"
                | "Panic"
                | "Panicf"
                | "Panicln"
        )
    )
}

/// The statement directly in a block that a node lies in.
pub fn statement(tree: &Tree, id: NodeId) -> NodeId {
    let mut at = id;
    while let Some(parent) = tree.parent(at) {
        if matches!(tree.kind(parent), Kind::Block | Kind::Module) {
            break;
        }
        at = parent;
    }
    at
}

/// Whether a node stands in a part that catches what is thrown.
pub fn in_try(tree: &Tree, id: NodeId, within: NodeId) -> bool {
    let mut at = id;
    while at != within {
        let Some(parent) = tree.parent(at) else {
            return false;
        };
        if tree.kind(parent) == Kind::Try
            && tree.role(at) == Role::Body
            && tree.children_in(parent, Role::Handler).next().is_some()
        {
            return true;
        }
        at = parent;
    }
    false
}

/// Whether a call waits: for time, for a queue, for a connection.
pub fn waits(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    match tree.kind(id) {
        Kind::Call => {
            let name = calls::name(tree, id);
            // A task of Celery is queued by its `delay`.
            if name == "delay" && tree.language() == crate::language::Language::Python {
                return false;
            }
            let lower = name.to_ascii_lowercase();
            ["sleep", "delay", "wait", "backoff", "pause"]
                .iter()
                .any(|part| lower.contains(part))
                || name == "setTimeout"
                || matches!(calls::path(source, id).as_str(), "time.After" | "time.Tick")
        }
        _ => false,
    }
}

/// Whether one of the nodes waits.
pub fn any_waits(source: &Source, within: NodeId) -> bool {
    running(&source.tree, within).iter().any(|id| waits(source, *id))
        // `await new Promise(resolve => setTimeout(resolve, 1000))`
        || source.tree.subtree(within).any(|id| source.tree.kind(id) == Kind::Name && source.tree.name(id) == "setTimeout")
}
