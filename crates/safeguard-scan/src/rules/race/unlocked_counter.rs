//! Counters and flags that several change at once, in steps.

mod stores;

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, change, rows};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};
use stores::{is_lock_key, is_store};

pub static CHECK: Check = Check {
    id: "unlocked-counter",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-366"],
    languages: ALL_BUT_RUST,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions.copied() {
        let nodes = bodies::body(tree, function);
        if rows::is_protected(source, function) && !tree.source(function).contains("_lock\"") {
            // A key that is called a lock is none.
            stored_lock(source, function, &nodes, reports);
            continue;
        }
        stored_counter(source, function, &nodes, reports);
        stored_lock(source, function, &nodes, reports);
    }
    if tree.language() == Language::Python {
        threads(source, reports);
        handlers(source, reports);
    }
    if tree.language() == Language::Go {
        go_handlers(source, reports);
    }
}

/// `n = redis.get(key)`, `redis.set(key, n + 1)`.
fn stored_counter(source: &Source, function: NodeId, nodes: &[NodeId], reports: &mut Reports) {
    let tree = &source.tree;
    let text = tree.source(function);
    if ["WATCH", "watch(", "multi(", "MULTI", "eval(", "Watch("]
        .iter()
        .any(|word| text.contains(word))
    {
        return;
    }
    for set in nodes.iter().copied().filter(|id| tree.kind(*id) == Kind::Call) {
        if !matches!(
            calls::name(tree, set),
            "set" | "setex" | "Set" | "hset" | "put" | "SetEx"
        ) {
            continue;
        }
        let Some(receiver) = calls::receiver(tree, set).filter(|receiver| is_store(tree, *receiver)) else {
            continue;
        };
        let args: Vec<NodeId> = calls::args(tree, set).collect();
        let store = canonical(tree, receiver);
        for get in nodes
            .iter()
            .copied()
            .filter(|id| *id < set && tree.kind(*id) == Kind::Call)
        {
            let same = matches!(calls::name(tree, get), "get" | "Get" | "hget")
                && calls::receiver(tree, get).is_some_and(|receiver| canonical(tree, receiver) == store)
                && calls::args(tree, get).any(|key| {
                    args.iter().any(|arg| {
                        canonical(tree, *arg) == canonical(tree, key) && !tree.source(key).contains("ctx")
                    })
                });
            if !same {
                continue;
            }
            let sum = args.iter().any(|arg| {
                tree.subtree(*arg).any(|part| {
                    tree.kind(part) == Kind::Binary
                        && matches!(tree.name(part), "+" | "-")
                        && !tree
                            .subtree(part)
                            .any(|part| matches!(tree.kind(part), Kind::Str | Kind::Interp))
                        && (tree.within(get, part) || depends(tree, part, get, nodes, 0))
                }) || tree
                    .subtree(*arg)
                    .any(|part| tree.kind(part) == Kind::Name && stepped(tree, part, set, get, nodes))
            });
            if sum {
                reports.add(
                    set,
                    "this writes back what was read before and changed; what others wrote meanwhile is lost",
                );
                return;
            }
        }
    }
}

/// Whether an expression depends on what a call gave, by way of names.
fn depends(tree: &Tree, within: NodeId, call: NodeId, nodes: &[NodeId], depth: usize) -> bool {
    const DEPTH_MAX: usize = 3;
    depth <= DEPTH_MAX
        && tree
            .subtree(within)
            .filter(|part| tree.kind(*part) == Kind::Name)
            .any(|part| {
                nodes.iter().any(|assign| {
                    tree.kind(*assign) == Kind::Assign
                        && *assign < within
                        && tree.children_in(*assign, Role::Target).any(|target| {
                            tree.name(target) == tree.name(part)
                                || tree.kind(target) == Kind::Tuple
                                    && tree.children(target).any(|one| tree.name(one) == tree.name(part))
                        })
                        && tree.child(*assign, Role::Value).is_some_and(|value| {
                            tree.within(call, value)
                                || *assign > call && depends(tree, value, call, nodes, depth + 1)
                        })
                })
            })
}

/// `count += 1` between the reading and the writing, or `count = int(n) + 1`.
fn stepped(tree: &Tree, name: NodeId, set: NodeId, get: NodeId, nodes: &[NodeId]) -> bool {
    nodes.iter().any(|assign| {
        *assign > get
            && *assign < set
            && tree.kind(*assign) == Kind::Assign
            && tree
                .child(*assign, Role::Target)
                .is_some_and(|target| tree.kind(target) == Kind::Name && tree.name(target) == tree.name(name))
            && tree.child(*assign, Role::Value).is_some_and(|value| {
                let adds = matches!(tree.name(*assign), "+=" | "-=") && tree.kind(value) != Kind::Str;
                let sum = tree.kind(value) == Kind::Binary
                    && matches!(tree.name(value), "+" | "-")
                    && !tree
                        .subtree(value)
                        .any(|part| matches!(tree.kind(part), Kind::Str | Kind::Interp))
                    && depends(tree, value, get, nodes, 0);
                adds && depends(tree, name, get, nodes, 0) || sum
            })
    })
}

/// `if not redis.get(lock): redis.set(lock, 1)`.
fn stored_lock(source: &Source, function: NodeId, nodes: &[NodeId], reports: &mut Reports) {
    let tree = &source.tree;
    for set in nodes.iter().copied().filter(|id| tree.kind(*id) == Kind::Call) {
        if !matches!(calls::name(tree, set), "set" | "setex" | "Set" | "SetEx") {
            continue;
        }
        let Some(receiver) = calls::receiver(tree, set).filter(|receiver| is_store(tree, *receiver)) else {
            continue;
        };
        let only_if_new = tree.subtree(set).any(|id| {
            matches!(tree.name(id), "nx" | "NX" | "setnx" | "SetNX" | "xx" | "XX")
                && !tree.name(id).is_empty()
        });
        let store = canonical(tree, receiver);
        let Some(key) = calls::args(tree, set).find(|key| is_lock_key(source, *key)) else {
            continue;
        };
        let key = canonical(tree, key);
        let looked = nodes.iter().any(|get| {
            *get < set
                && tree.kind(*get) == Kind::Call
                && matches!(
                    calls::name(tree, *get),
                    "get" | "exists" | "Get" | "Exists" | "has" | "has_key" | "hasKey"
                )
                && calls::receiver(tree, *get).is_some_and(|receiver| {
                    // Java: `redis.hasKey(key)`, `redis.opsForValue().set(key, …)`
                    canonical(tree, receiver) == store
                        || calls::receiver(tree, set)
                            .and_then(|of| calls::receiver(tree, of))
                            .is_some_and(|of| canonical(tree, receiver) == canonical(tree, of))
                })
                && calls::args(tree, *get).any(|arg| canonical(tree, arg) == key)
        });
        if looked && !only_if_new && tree.within(set, function) {
            reports.add(
                set,
                "this lock is taken in two steps: two at once both find it free",
            );
            return;
        }
    }
}

/// What threads run, and changes what they share.
fn threads(source: &Source, reports: &mut Reports) {
    let tree = &source.tree;
    let mut targets: BTreeSet<&str> = BTreeSet::new();
    for call in source.of_kind(Kind::Call).iter().copied() {
        let path = calls::path(source, call);
        let target = if matches!(path.as_str(), "threading.Thread" | "Thread") {
            calls::keyword(tree, call, "target")
        } else if matches!(calls::name(tree, call), "submit" | "map")
            && calls::receiver(tree, call).is_some_and(|receiver| {
                let name = tree.name(receiver).to_ascii_lowercase();
                name.contains("executor")
                    || name.contains("pool") && !tree.text().contains("ProcessPoolExecutor")
            })
        {
            calls::arg(tree, call, 0)
        } else {
            None
        };
        if let Some(target) = target.filter(|target| matches!(tree.kind(*target), Kind::Name | Kind::Member))
        {
            targets.insert(tree.name(target));
        }
    }
    for function in source.of_kind(Kind::Function).iter().copied() {
        if !targets.contains(tree.name(function)) || rows::is_protected(source, function) {
            continue;
        }
        for id in bodies::body(tree, function) {
            if tree.kind(id) != Kind::Assign
                || !steps(tree, id) && !steps_by_name(tree, id, &bodies::body(tree, function))
            {
                continue;
            }
            let Some(target) = tree.child(id, Role::Target) else {
                continue;
            };
            let shared = match tree.kind(target) {
                Kind::Name => is_global(tree, function, tree.name(target)),
                // An object's own member: only if several threads run the same object's method.
                Kind::Member => {
                    bodies::own_object(tree, function)
                        .is_some_and(|own| tree.source(target).starts_with(&format!("{own}.")))
                        && started_in_loop(source, tree.name(function))
                }
                _ => false,
            };
            if shared {
                let name = tree.source(target);
                reports.add(
                    id,
                    format!(
                        "several threads run this; `{name}` is read and written in two steps without a lock"
                    ),
                );
            }
        }
    }
}

/// Whether threads of a function are started in a loop, or more than one.
fn started_in_loop(source: &Source, name: &str) -> bool {
    let tree = &source.tree;
    let mut starts = source.of_kind(Kind::Call).iter().copied().filter(|call| {
        matches!(calls::path(source, *call).as_str(), "threading.Thread" | "Thread")
            && calls::keyword(tree, *call, "target").is_some_and(|target| tree.name(target) == name)
    });
    let in_loop = |call: NodeId| {
        tree.ancestors(call).any(|around| {
            matches!(
                tree.kind(around),
                Kind::ForEach | Kind::While | Kind::Comprehension
            )
        })
    };
    match (starts.next(), starts.next()) {
        (Some(_), Some(_)) => true,
        (Some(only), None) => in_loop(only),
        _ => source.of_kind(Kind::Call).iter().any(|call| {
            matches!(calls::name(tree, *call), "submit" | "map")
                && calls::arg(tree, *call, 0).is_some_and(|target| tree.name(target) == name)
        }),
    }
}

fn steps(tree: &Tree, id: NodeId) -> bool {
    let (Some(target), Some(value)) = (tree.child(id, Role::Target), tree.child(id, Role::Value)) else {
        return false;
    };
    matches!(tree.name(id), "+=" | "-=") && !matches!(tree.kind(value), Kind::Str | Kind::List)
        || tree.name(id) == "="
            && tree.kind(value) == Kind::Binary
            && matches!(tree.name(value), "+" | "-")
            && tree
                .children(value)
                .any(|part| canonical(tree, part) == canonical(tree, target))
}

fn is_global(tree: &Tree, function: NodeId, name: &str) -> bool {
    bodies::body(tree, function)
        .iter()
        .any(|id| tree.kind(*id) == Kind::Global && tree.children(*id).any(|item| tree.name(item) == name))
}

/// Requests run in threads too, and in several processes.
fn handlers(source: &Source, reports: &mut Reports) {
    let tree = &source.tree;
    for function in source.of_kind(Kind::Function).iter().copied() {
        if !bodies::is_handler(source, function) || rows::is_protected(source, function) {
            continue;
        }
        let nodes = bodies::body(tree, function);
        for id in nodes.iter().copied() {
            let Some(target) = tree.child(id, Role::Target) else {
                continue;
            };
            if let Some(name) = takes_what_is_left(tree, function, id, target, &nodes) {
                reports.add(id, format!("`{name}` is looked at and then changed without a lock: requests in two threads both find enough"));
                continue;
            }
            if tree.kind(id) == Kind::Assign
                && steps(tree, id)
                && tree.kind(target) == Kind::Name
                && is_global(tree, function, tree.name(target))
            {
                let name = tree.name(target);
                reports.note(id, format!("requests at the same time lose each other's changes of `{name}`, and each process has its own"));
            }
        }
    }
}

/// `if stock[item] > 0: stock[item] -= 1` of a list or map of the file, in a handler that runs in threads.
fn takes_what_is_left<'t>(
    tree: &'t Tree,
    function: NodeId,
    id: NodeId,
    target: NodeId,
    nodes: &[NodeId],
) -> Option<&'t str> {
    if tree.kind(id) != Kind::Assign || !steps(tree, id) || tree.flags(function).has(Flags::ASYNC) {
        return None;
    }
    let root = tree.name(calls::root(tree, target)?);
    let of_file = tree.children(NodeId::ROOT).any(|statement| {
        tree.kind(statement) == Kind::Assign
            && tree
                .children_in(statement, Role::Target)
                .any(|target| tree.kind(target) == Kind::Name && tree.name(target) == root)
    });
    let own = bodies::has_param(tree, function, root)
        || change::set(tree, nodes).contains(root) && !is_global(tree, function, root);
    let checked = nodes.iter().any(|other| {
        tree.kind(*other) == Kind::If
            && *other < id
            && (tree.within(id, *other) || leaves(tree, *other))
            && tree.child(*other, Role::Condition).is_some_and(|condition| {
                tree.subtree(condition)
                    .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == root)
                    && tree.subtree(condition).any(|part| {
                        tree.kind(part) == Kind::Binary && matches!(tree.name(part), "<" | "<=" | ">" | ">=")
                    })
            })
    });
    (of_file && !own && checked).then(|| tree.source(target))
}

fn leaves(tree: &Tree, id: NodeId) -> bool {
    tree.child(id, Role::Body).is_some_and(|body| {
        tree.children(body)
            .last()
            .is_some_and(|last| matches!(tree.kind(last), Kind::Return | Kind::Raise))
    })
}

/// `left = balance - amount`, `balance = left`.
fn steps_by_name(tree: &Tree, id: NodeId, nodes: &[NodeId]) -> bool {
    let (Some(target), Some(value)) = (tree.child(id, Role::Target), tree.child(id, Role::Value)) else {
        return false;
    };
    let own = canonical(tree, target);
    tree.name(id) == "="
        && tree
            .subtree(value)
            .filter(|part| tree.kind(*part) == Kind::Name)
            .any(|part| {
                nodes.iter().any(|assign| {
                    *assign < id
                        && tree.kind(*assign) == Kind::Assign
                        && tree.child(*assign, Role::Target).is_some_and(|kept| {
                            tree.kind(kept) == Kind::Name
                                && tree.name(kept) == tree.name(part)
                                && canonical(tree, kept) != own
                        })
                        && tree.child(*assign, Role::Value).is_some_and(|read| {
                            let reads = tree.subtree(read).any(|part| canonical(tree, part) == own);
                            reads && (tree.kind(read) == Kind::Binary || tree.kind(value) == Kind::Binary)
                        })
                })
            })
}

/// Go runs each request in a goroutine of its own.
fn go_handlers(source: &Source, reports: &mut Reports) {
    let tree = &source.tree;
    let globals: BTreeSet<&str> = tree
        .children(NodeId::ROOT)
        .filter(|id| tree.kind(*id) == Kind::Assign)
        .flat_map(|id| tree.children_in(id, Role::Target).collect::<Vec<_>>())
        .filter(|target| tree.kind(*target) == Kind::Name)
        .map(|target| tree.name(target))
        .collect();
    let handlers = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in handlers
        .copied()
        .filter(|function| bodies::is_handler(source, *function))
    {
        let nodes = bodies::body(tree, function);
        let locks = nodes
            .iter()
            .any(|id| tree.kind(*id) == Kind::Call && matches!(calls::name(tree, *id), "Lock" | "RLock"));
        if locks {
            continue;
        }
        let local: BTreeSet<&str> = nodes
            .iter()
            .filter(|id| tree.kind(**id) == Kind::Assign && tree.name(**id) == ":=")
            .flat_map(|id| {
                tree.children_in(*id, Role::Target)
                    .map(|target| tree.name(target))
                    .collect::<Vec<_>>()
            })
            .collect();
        for id in nodes
            .iter()
            .copied()
            .filter(|id| tree.kind(*id) == Kind::Assign && tree.name(*id) != ":=")
        {
            let Some(target) = tree.child(id, Role::Target) else {
                continue;
            };
            let owner = match tree.kind(target) {
                Kind::Name => target,
                Kind::Index => match tree.child(target, Role::Object) {
                    Some(object) if tree.kind(object) == Kind::Name => object,
                    _ => continue,
                },
                _ => continue,
            };
            let name = tree.name(owner);
            let appends = tree
                .child(id, Role::Value)
                .is_some_and(|value| calls::name(tree, value) == "append");
            let changes = tree.kind(target) == Kind::Index || steps(tree, id) || appends;
            if globals.contains(name)
                && !local.contains(name)
                && !bodies::has_param(tree, function, name)
                && changes
            {
                reports.add(
                    id,
                    format!(
                        "each request runs in its own goroutine; `{name}` is changed here without a lock"
                    ),
                );
            }
        }
    }
}
