//! Loops of scripts that never end, or ask again without a pause and without a bound.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::WITH_COMMANDS;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "shell-loop",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835", "CWE-400"],
    languages: WITH_COMMANDS,
    run,
};

/// What asks, and comes back at once.
const ASKS: &[&str] = &[
    "[",
    "test",
    "curl",
    "wget",
    "grep",
    "nc",
    "pg_isready",
    "kubectl",
    "docker",
    "aws",
    "gcloud",
    "echo",
    "ping",
    "redis-cli",
    "mysqladmin",
    "pgrep",
    "ls",
    "cat",
    "stat",
    "true",
    ":",
    "printf",
    "date",
    "jq",
    "ps",
    "kill",
    "az",
    "gh",
    "git",
    "nslookup",
    "dig",
    "mysql",
    "psql",
    "local",
    "ssh",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in source.of_kind(Kind::While) {
        let (Some(condition), Some(body)) = (tree.child(*id, Role::Condition), tree.child(*id, Role::Body))
        else {
            continue;
        };
        let called = calls(tree, body);
        let pauses = called.iter().any(|name| {
            matches!(
                *name,
                "sleep"
                    | "usleep"
                    | "read"
                    | "wait"
                    | "inotifywait"
                    | "pause"
                    | "nanosleep"
                    | "select"
                    | "tail"
            )
        }) || calls(tree, condition).iter().any(|name| {
            matches!(
                *name,
                "sleep" | "read" | "wait" | "inotifywait" | "shift" | "getopts" | "timeout"
            )
        });
        let leaves = called
            .iter()
            .any(|name| matches!(*name, "exit" | "return" | "exec" | "shift" | "kill"))
            || tree
                .subtree(body)
                .any(|inner| matches!(tree.kind(inner), Kind::Break | Kind::Return))
            || called.contains(&"break");
        let only_asks = called.iter().all(|name| ASKS.contains(name));
        if is_always(tree, condition) {
            if !pauses && !leaves && only_asks {
                reports.add(
                    *id,
                    "this loop has no end and no pause: it takes a whole processor for good",
                );
            } else if !pauses && !leaves {
                reports.note(
                    *id,
                    "this loop has no end, and starts again at once when what it runs fails",
                );
            }
            continue;
        }
        let polls = polls(tree, condition);
        if !polls || bounded(tree, *id, condition, body) {
            continue;
        }
        if !pauses && !leaves && !changes_condition(tree, condition, body) {
            reports.note(
                *id,
                "this asks again and again without a pause, for ever if the answer never comes",
            );
        } else if pauses && !leaves {
            reports.note(
                *id,
                "this waits for ever if the answer never comes: nothing counts the tries",
            );
        }
    }
}

fn calls(tree: &Tree, within: NodeId) -> Vec<&str> {
    tree.subtree(within)
        .filter(|id| tree.kind(*id) == Kind::Call)
        .filter_map(|call| tree.child(call, Role::Callee))
        .map(|callee| tree.name(callee).rsplit('/').next().unwrap_or(""))
        .collect()
}

fn is_always(tree: &Tree, condition: NodeId) -> bool {
    let (not, call) = match tree.kind(condition) {
        Kind::Unary => (true, tree.children(condition).next()),
        _ => (false, Some(condition)),
    };
    let Some(call) = call else { return false };
    let words: Vec<&str> = tree.children(call).map(|part| tree.name(part)).collect();
    matches!(
        (not, words.as_slice()),
        (false, ["true" | ":"]) | (true, ["false"]) | (false, ["[" | "test", "1"]) | (false, ["[", "true"])
    )
}

/// Whether a condition asks something outside of the script.
fn polls(tree: &Tree, condition: NodeId) -> bool {
    calls(tree, condition).iter().any(|name| {
        matches!(
            *name,
            "curl"
                | "wget"
                | "nc"
                | "pg_isready"
                | "kubectl"
                | "docker"
                | "ping"
                | "mysqladmin"
                | "redis-cli"
                | "aws"
                | "gcloud"
                | "az"
                | "gh"
                | "psql"
                | "mysql"
                | "nslookup"
                | "ssh"
                | "dig"
                | "docker-compose"
                | "mongosh"
        )
    })
}

/// Whether something counts: a number that grows, a time that is looked at, `timeout` around it.
fn bounded(tree: &Tree, id: NodeId, condition: NodeId, body: NodeId) -> bool {
    let counts = |within: NodeId| {
        tree.subtree(within).any(|inner| match tree.kind(inner) {
            Kind::Other => true,
            Kind::Name => matches!(
                tree.name(inner),
                "SECONDS" | "RETRIES" | "retries" | "tries" | "attempts"
            ),
            Kind::Call => tree.child(inner, Role::Callee).is_some_and(|callee| {
                matches!(tree.name(callee), "let" | "expr" | "timeout" | "seq" | "date")
            }),
            _ => false,
        })
    };
    counts(condition)
        || counts(body)
        || tree
            .ancestors(id)
            .any(|around| tree.kind(around) == Kind::Str || tree.kind(around) == Kind::ForEach)
        || tree.text().contains("timeout-minutes")
        || tree.text().contains("timeout ")
}

/// Whether the body sets what the condition looks at.
fn changes_condition(tree: &Tree, condition: NodeId, body: NodeId) -> bool {
    let names: Vec<&str> = tree
        .subtree(condition)
        .filter(|id| tree.kind(*id) == Kind::Name)
        .map(|id| tree.name(id))
        .collect();
    tree.subtree(body).any(|id| {
        tree.kind(id) == Kind::Assign
            && tree
                .child(id, Role::Target)
                .is_some_and(|target| names.contains(&tree.name(target)))
    })
}
