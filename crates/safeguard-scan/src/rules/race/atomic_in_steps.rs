//! An atomic value, or a map that many may use, is read and written in two steps.

use std::collections::BTreeSet;

use super::unlocked_counter;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::typed::declared_type;
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Go, Language::Java, Language::Rust],
    run,
    ..unlocked_counter::CHECK
};

const HOPS_MAX: usize = 3;

/// One half of a step: what is read or written, the key if it is an entry, and the value that is written.
struct Half {
    /// Whether it is an entry of a map, which a cache fills with what it had not found.
    entry: bool,
    call: NodeId,
    of: String,
    value: Option<NodeId>,
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let functions = source.of_kind(Kind::Function).iter();
    for function in functions.chain(source.of_kind(Kind::Lambda)).copied() {
        let nodes = bodies::body(code.tree, function);
        let writes: Vec<Half> = nodes.iter().filter_map(|id| write(code, *id)).collect();
        if writes.is_empty() || lets_one_in(code, function) || undoes_or_tests(code, function) {
            continue;
        }
        let reads: Vec<Half> = nodes.iter().filter_map(|id| read(code, *id)).collect();
        for write in writes {
            let Some(value) = write
                .value
                .filter(|value| !write.entry || computes(code, &nodes, *value))
            else {
                continue;
            };
            let from = reads.iter().find(|read| {
                read.of == write.of
                    && (read.call < write.call || code.tree.within(read.call, write.call))
                    && depends(code, &nodes, value, read.call)
            });
            if let Some(from) = from {
                reports.add(
                    write.call,
                    format!(
                        "what is written was computed from `{}`: whoever writes between the two is overwritten, or both pass the same limit",
                        code.tree.source(from.call)
                    ),
                );
                break;
            }
        }
    }
}

/// Whether a function holds a lock, tries again where another was faster, or has the value for itself.
fn lets_one_in(code: Code<'_>, function: NodeId) -> bool {
    code.tree.subtree(function).any(|id| match code.kind(id) {
        Kind::Call => {
            let name = code.called(id);
            name.to_ascii_lowercase().contains("lock")
                || name.starts_with("compare_exchange")
                || name.starts_with("compareAndSet")
                || name.starts_with("CompareAndSwap")
                || matches!(name, "swap" | "Swap" | "getAndSet" | "fetch_update" | "replace")
        }
        Kind::With => code.name(id) == "synchronized",
        _ => false,
    }) || code
        .tree
        .source(function)
        .split('{')
        .next()
        .is_some_and(|head| head.contains("synchronized ") || head.contains("&mut self"))
}

fn read(code: Code<'_>, call: NodeId) -> Option<Half> {
    let of = half(
        code,
        call,
        &["load", "Load", "get"],
        &["Load"],
        &["get", "getOrDefault", "containsKey"],
    )?;
    Some(Half {
        entry: false,
        call,
        of,
        value: None,
    })
}

fn write(code: Code<'_>, call: NodeId) -> Option<Half> {
    let of = half(
        code,
        call,
        &["store", "Store", "set", "lazySet"],
        &["Store"],
        &["put"],
    )?;
    let entry = code.called(call) == "put";
    let at = if entry || code.path(call).starts_with("atomic.") {
        1
    } else {
        0
    };
    Some(Half {
        entry,
        call,
        of,
        value: code.arg(call, at),
    })
}

/// What a call of one of these names is about: an atomic value by its methods, Go's functions over one, and an entry of a map.
fn half(
    code: Code<'_>,
    call: NodeId,
    values: &[&str],
    functions: &[&str],
    entries: &[&str],
) -> Option<String> {
    if code.kind(call) != Kind::Call {
        return None;
    }
    let name = code.called(call);
    let path = code.path(call);
    if let Some(function) = path.strip_prefix("atomic.") {
        let is_one = functions.iter().any(|begin| function.starts_with(begin));
        return is_one
            .then(|| code.arg(call, 0))
            .flatten()
            .map(|of| canonical(code.tree, code.bare(of)));
    }
    let of = code.receiver(call)?;
    match code.tree.language() {
        Language::Java => {
            let written = declared_type(code.source, of)?;
            let atomic = matches!(written, "AtomicInteger" | "AtomicLong" | "AtomicReference")
                || written.starts_with("AtomicReference<");
            if atomic && values.contains(&name) {
                return Some(canonical(code.tree, of));
            }
            let map = written.starts_with("ConcurrentHashMap") || written.starts_with("ConcurrentMap");
            let key = code.arg(call, 0).filter(|_| map && entries.contains(&name))?;
            Some(format!(
                "{} {}",
                canonical(code.tree, of),
                canonical(code.tree, key)
            ))
        }
        Language::Go => {
            let is_field = code.kind(of) == Kind::Member && code.tree.text().contains("atomic.");
            (is_field && values.contains(&name) && is_atomic(code, code.name(of)))
                .then(|| canonical(code.tree, of))
        }
        Language::Rust => {
            // Rust's methods of atomic values take how strict they are.
            let last = code.args(call).last().copied()?;
            let ordered = matches!(
                code.last_name(last),
                "Relaxed" | "Acquire" | "Release" | "AcqRel" | "SeqCst"
            );
            let shared = code.kind(of) == Kind::Member
                || code
                    .name(of)
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            (ordered && shared && values.contains(&name)).then(|| canonical(code.tree, of))
        }
        _ => None,
    }
}

/// Go: whether a field of this name is declared as a number of `sync/atomic`.
fn is_atomic(code: Code<'_>, field: &str) -> bool {
    code.source.of_kind(Kind::Field).iter().any(|id| {
        code.name(*id) == field
            && code
                .child(*id, Role::Type)
                .is_some_and(|of| code.name(of).starts_with("atomic."))
    })
}

/// Whether a value is computed from what a call gave, also through names.
fn depends(code: Code<'_>, nodes: &[NodeId], value: NodeId, call: NodeId) -> bool {
    let mut from: BTreeSet<&str> = BTreeSet::new();
    for _ in 0..HOPS_MAX {
        let before = from.len();
        for id in nodes {
            let Some(set) = code
                .child(*id, Role::Value)
                .filter(|_| code.kind(*id) == Kind::Assign)
            else {
                continue;
            };
            let comes = code.tree.within(call, set) || code.names_in(set).any(|name| from.contains(name));
            if comes {
                let targets = code.tree.children_in(*id, Role::Target);
                from.extend(
                    targets
                        .filter(|target| code.kind(*target) == Kind::Name)
                        .map(|target| code.name(target)),
                );
            }
        }
        if from.len() == before {
            break;
        }
    }
    code.tree.within(call, value) || code.names_in(value).any(|name| from.contains(name))
}

/// Whether a value is reckoned, also through names: `known + 1`.
fn computes(code: Code<'_>, nodes: &[NodeId], value: NodeId) -> bool {
    let reckons = |id: NodeId| {
        code.tree
            .subtree(id)
            .any(|part| code.kind(part) == Kind::Binary && matches!(code.name(part), "+" | "-" | "*" | "/"))
    };
    let named: BTreeSet<&str> = code.names_in(value).collect();
    reckons(value)
        || nodes.iter().any(|id| {
            code.kind(*id) == Kind::Assign
                && code
                    .child(*id, Role::Target)
                    .is_some_and(|target| named.contains(code.name(target)))
                && code.child(*id, Role::Value).is_some_and(reckons)
        })
}
