//! As much at once as somebody else asks for.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unbounded-concurrency",
    failure: "X2",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-770"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in source.of_kind(Kind::Call).iter().copied() {
        let path = calls::path(source, id);
        let name = calls::name(tree, id);
        match path.as_str() {
            "Promise.all" | "Promise.allSettled" if starts_one_for_each(source, id) => {
                reports.add(id, "this starts as many requests at once as the list has entries");
            }
            "asyncio.gather" if gathers_all(tree, id) => {
                reports.add(id, "this starts as many tasks at once as the list has entries");
            }
            _ => {}
        }
        let threads = matches!(
            path.as_str(),
            "threading.Thread"
                | "Thread"
                | "concurrent.futures.ThreadPoolExecutor"
                | "ThreadPoolExecutor"
                | "multiprocessing.Process"
                | "multiprocessing.Pool"
                | "ProcessPoolExecutor"
                | "concurrent.futures.ProcessPoolExecutor"
        );
        if threads && bodies::handler_around(source, id).is_some() {
            reports.add(
                id,
                format!("every request starts threads or processes of its own here (`{name}`)"),
            );
        } else if matches!(path.as_str(), "threading.Thread" | "Thread" | "os.fork")
            && loops::around(tree, id)
                .iter()
                .any(|around| loops::is_endless(tree, *around))
        {
            reports.add(
                id,
                format!("every round of this loop starts another one (`{name}`), however many there are"),
            );
        }
    }
    for id in source.of_kind(Kind::Go).iter().copied() {
        let Some(around) = loops::around(tree, id)
            .into_iter()
            .find(|around| tree.kind(*around) == Kind::ForEach)
        else {
            continue;
        };
        let known = tree.child(around, Role::Iter).is_some_and(|iter| {
            matches!(tree.kind(iter), Kind::Composite | Kind::Num)
                || source.names.constant(tree, iter).is_some()
        });
        if !known && !limits(source, around, id) {
            reports.add(
                id,
                "this starts a goroutine for each entry, however many there are",
            );
        }
    }
}

/// `Promise.all(list.map(async …))` over a list that is not written out.
fn starts_one_for_each(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    let Some(map) = calls::arg(tree, id, 0)
        .filter(|arg| tree.kind(*arg) == Kind::Call && calls::name(tree, *arg) == "map")
    else {
        return false;
    };
    let asks = calls::arg(tree, map, 0).is_some_and(|callback| {
        tree.subtree(callback).any(|id| {
            tree.kind(id) == Kind::Call
                && (matches!(
                    calls::path(source, id).split('.').next(),
                    Some("fetch" | "axios" | "got" | "http" | "https")
                ) || matches!(
                    calls::name(tree, id),
                    "query"
                        | "create"
                        | "save"
                        | "update"
                        | "send"
                        | "post"
                        | "findOne"
                        | "findUnique"
                        | "sendMail"
                        | "upload"
                ))
        })
    });
    let Some(list) = calls::receiver(tree, map) else {
        return false;
    };
    let known = tree.kind(list) == Kind::List
        || source.names.constant(tree, list).is_some()
        || calls::chain(tree, list)
            .iter()
            .any(|name| matches!(*name, "slice" | "splice"))
        || tree.subtree(list).any(|id| {
            let name = tree.name(id).to_ascii_lowercase();
            ["chunk", "batch", "page", "slice"]
                .iter()
                .any(|part| name.contains(part))
        });
    let limited = tree.subtree(map).any(|id| {
        tree.kind(id) == Kind::Call
            && tree
                .name(calls::root(tree, id).unwrap_or(id))
                .to_ascii_lowercase()
                .contains("limit")
    });
    asks && !known && !limited
}

/// `asyncio.gather(*[f(x) for x in xs])`.
fn gathers_all(tree: &Tree, id: NodeId) -> bool {
    tree.children_in(id, Role::Arg).any(|arg| {
        tree.kind(arg) == Kind::Spread
            && tree.child(arg, Role::Value).is_some_and(|value| {
                tree.kind(value) == Kind::Comprehension
                    && !tree.source(value).contains("range(")
                    && !["limit", "sem", "bounded", "chunk", "batch"]
                        .iter()
                        .any(|word| tree.source(value).to_ascii_lowercase().contains(word))
            })
    })
}

/// Whether something in the loop waits for a place: a channel, a semaphore, a group with a limit.
fn limits(source: &Source, around: NodeId, go: NodeId) -> bool {
    let tree = &source.tree;
    debug_assert!(tree.language() == Language::Go, "only Go has `go`");
    bodies::running(tree, around).iter().any(|id| {
        !tree.within(*id, go)
            && (tree.kind(*id) == Kind::Send
                || tree.kind(*id) == Kind::Select
                || tree.kind(*id) == Kind::Unary && tree.name(*id) == "<-"
                || tree.kind(*id) == Kind::Call
                    && matches!(calls::name(tree, *id), "Acquire" | "SetLimit" | "Wait"))
    })
}
