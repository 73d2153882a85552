//! A lock that keeps nobody out: made anew for each call, or held for reading while something is written.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::locks::{self, Held};
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "lock-without-effect",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-667", "CWE-413"],
    languages: ALL_BUT_RUST,
    run,
};

pub static READING: Check = Check {
    languages: &[Language::Go, Language::Java],
    run: reading,
    ..CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let functions = source.of_kind(Kind::Function).iter();
    for function in functions.chain(source.of_kind(Kind::Lambda)).copied() {
        for (object, at) in taken(source, function) {
            let own = match code.kind(object) {
                Kind::Name => made_here(code, function, object),
                Kind::Call | Kind::New => makes_lock(code, object),
                _ => false,
            };
            if own && !undoes_or_tests(code, at) {
                reports.add(
                    at,
                    format!(
                        "`{}` is made anew by each call: nobody else ever waits for this lock",
                        code.tree.source(object)
                    ),
                );
            }
        }
    }
}

/// What a function locks, and where.
fn taken(source: &Source, function: NodeId) -> Vec<(NodeId, NodeId)> {
    let code = Code::of(source);
    let tree = code.tree;
    let mut found: Vec<(NodeId, NodeId)> = Vec::new();
    for id in bodies::body(tree, function) {
        match code.kind(id) {
            Kind::WithItem => {
                let synchronized = tree
                    .parent(id)
                    .is_some_and(|with| code.name(with) == "synchronized");
                if let Some(value) = code.child(id, Role::Value)
                    && (synchronized || tree.language() == Language::Python)
                {
                    found.push((value, id));
                }
            }
            // `mutex.runExclusive(…)`
            Kind::Call
                if matches!(
                    code.called(id),
                    "runExclusive" | "acquire" | "lock" | "Lock" | "RLock"
                ) =>
            {
                if let Some(of) = code.receiver(id) {
                    found.push((of, id));
                }
            }
            _ => {}
        }
    }
    found
}

fn makes_lock(code: Code<'_>, value: NodeId) -> bool {
    let value = code.bare(value);
    match code.kind(value) {
        Kind::Call => matches!(
            code.path(value),
            "threading.Lock" | "threading.RLock" | "asyncio.Lock" | "multiprocessing.Lock" | "anyio.Lock"
        ),
        Kind::New => code.child(value, Role::Callee).is_some_and(|class| {
            matches!(
                code.name(class),
                "Object" | "ReentrantLock" | "ReentrantReadWriteLock" | "Mutex" | "AsyncLock"
            )
        }),
        Kind::Composite => matches!(code.name(value), "sync.Mutex" | "sync.RWMutex"),
        _ => false,
    }
}

/// Whether a name's lock is made in the function itself, and everything that knows it runs in this very call.
fn made_here(code: Code<'_>, function: NodeId, object: NodeId) -> bool {
    let tree = code.tree;
    let name = code.name(object);
    let declared = bodies::body(tree, function).into_iter().any(|id| {
        let names_it = |id| {
            tree.children_in(id, Role::Target)
                .any(|target| code.kind(target) == Kind::Name && code.name(target) == name)
        };
        code.kind(id) == Kind::Assign
            && names_it(id)
            && match code.child(id, Role::Value) {
                Some(value) => makes_lock(code, value),
                // Go: `var mu sync.Mutex`
                None => code
                    .child(id, Role::Type)
                    .is_some_and(|of| matches!(code.name(of), "sync.Mutex" | "sync.RWMutex")),
            }
    });
    declared
        && code.child(function, Role::Body).is_some_and(|body| {
            tree.subtree(body)
                .filter(|id| code.kind(*id) == Kind::Name && code.name(*id) == name)
                .all(|id| stays(code, function, id))
        })
}

/// Whether a use of a lock gives it to nobody: what is set to it, what locks it and what gives it back.
fn stays(code: Code<'_>, function: NodeId, id: NodeId) -> bool {
    let tree = code.tree;
    if code.function(id) != Some(function) {
        return false;
    }
    match code.tree.role(id) {
        Role::Target => true,
        Role::Object => tree.parent(id).is_some_and(|member| {
            tree.role(member) == Role::Callee
                && matches!(
                    code.name(member),
                    "Lock"
                        | "Unlock"
                        | "RLock"
                        | "RUnlock"
                        | "lock"
                        | "unlock"
                        | "acquire"
                        | "release"
                        | "runExclusive"
                )
        }),
        Role::Value => tree
            .parent(id)
            .is_some_and(|parent| code.kind(parent) == Kind::WithItem),
        _ => false,
    }
}

/// What is written while a lock is held that others hold for reading at the same time.
fn reading(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for function in source.of_kind(Kind::Function).iter().copied() {
        let Some(own) = bodies::own_object(code.tree, function) else {
            continue;
        };
        let held = locks::held_in(source, function);
        if !held.iter().any(|held| is_for_reading(code, held)) || undoes_or_tests(code, function) {
            continue;
        }
        for id in bodies::body(code.tree, function) {
            let covered: Vec<&Held> = held.iter().filter(|held| held.covers(id)).collect();
            let only_reads = !covered.is_empty() && covered.iter().all(|held| is_for_reading(code, held));
            if only_reads
                && let Some(target) = written(code, id)
                && belongs_to(code, target, own)
            {
                reports.add(
                    id,
                    format!(
                        "`{}` is written under a lock for reading, which others hold at the same time",
                        code.tree.source(target)
                    ),
                );
                break;
            }
        }
    }
}

fn is_for_reading(code: Code<'_>, held: &Held) -> bool {
    held.shared
        || code.kind(held.object) == Kind::Call && code.called(held.object) == "readLock"
        || code.last_name(held.object) == "readLock"
}

/// What a node changes: the target of an assignment, a map that loses or takes in a key.
fn written(code: Code<'_>, id: NodeId) -> Option<NodeId> {
    match code.kind(id) {
        Kind::Assign if !code.tree.flags(id).has(Flags::DECLARATION) => code
            .child(id, Role::Target)
            .filter(|target| matches!(code.kind(*target), Kind::Member | Kind::Index | Kind::Name)),
        Kind::Call if code.tree.language() == Language::Go => (code.called(id) == "delete"
            && code.receiver(id).is_none())
        .then(|| calls::arg(code.tree, id, 0))
        .flatten(),
        Kind::Call => code
            .receiver(id)
            .filter(|_| {
                matches!(
                    code.called(id),
                    "put"
                        | "putIfAbsent"
                        | "remove"
                        | "add"
                        | "addLast"
                        | "addFirst"
                        | "clear"
                        | "computeIfAbsent"
                        | "merge"
                )
            })
            .filter(|of| is_plain_collection(code, *of)),
        _ => None,
    }
}

/// A collection that itself lets one thread in at a time needs no lock.
fn is_plain_collection(code: Code<'_>, of: NodeId) -> bool {
    crate::analysis::typed::declared_type(code.source, of).is_some_and(|written| {
        [
            "Map",
            "HashMap",
            "TreeMap",
            "LinkedHashMap",
            "List",
            "ArrayList",
            "Set",
            "HashSet",
            "Deque",
            "ArrayDeque",
        ]
        .iter()
        .any(|plain| written == *plain || written.starts_with(&format!("{plain}<")))
    }) && !code.tree.text().contains("Concurrent")
}

/// Whether a value is part of the object that the method belongs to: `b.hits[key]`, Java's plain field.
fn belongs_to(code: Code<'_>, target: NodeId, own: &str) -> bool {
    if code.kind(target) == Kind::Name {
        let name = code.name(target);
        return code.tree.language() == Language::Java
            && code.function(target).is_some_and(|function| {
                !super::unsafe_shared_object::is_local(code.tree, target, name)
                    && !bodies::has_param(code.tree, function, name)
            });
    }
    code.first_name(target) == own
        || code.kind(target) == Kind::Member
            && code
                .child(target, Role::Object)
                .is_some_and(|object| code.tree.source(object) == own)
}
