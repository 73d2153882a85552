//! A key that must be free is looked for, something else happens while others run, and then it is taken without another look.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::guarded::lock_call;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, calls, locks, typed};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "claimed-across-gap",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-367", "CWE-362"],
    languages: ALL_LANGUAGES,
    run,
};

/// A look at a collection, or a change of it: which one, under which key, and while which lock is held.
struct Touch {
    at: NodeId,
    of: String,
    key: String,
    /// Where the lock was taken under which it happens.
    lock: Option<NodeId>,
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    for function in source.of_kind(Kind::Function).iter().copied() {
        let nodes = bodies::body(tree, function);
        let writes: Vec<Touch> = nodes.iter().filter_map(|id| write(code, *id)).collect();
        if writes.is_empty() || undoes_or_tests(code, function) {
            continue;
        }
        let looks: Vec<Touch> = nodes.iter().filter_map(|id| look(code, *id)).collect();
        let held = match tree.language() {
            Language::Go => locks::held_in(source, function),
            _ => Vec::new(),
        };
        let section = |at: NodeId| held.iter().find(|held| held.covers(at)).map(|held| held.at);
        for decision in nodes.iter().copied().filter(|id| tree.kind(*id) == Kind::If) {
            let Some(condition) = tree.child(decision, Role::Condition) else {
                continue;
            };
            if !turns_away(code, decision) {
                continue;
            }
            let Some(first) = decided_by(code, condition, decision, &looks) else {
                continue;
            };
            let behind = tree.subtree(decision).last().unwrap_or(decision);
            let Some(taken) = writes
                .iter()
                .find(|write| write.at > behind && write.of == first.of && write.key == first.key)
            else {
                continue;
            };
            // The same statement may already have held it for us.
            let earlier = writes
                .iter()
                .any(|write| write.at < taken.at && write.of == first.of && write.at > first.at);
            let again = |from: NodeId| {
                looks.iter().any(|look| {
                    look.at > from && look.at < taken.at && look.of == first.of && look.key == first.key
                })
            };
            let between = || {
                nodes
                    .iter()
                    .copied()
                    .filter(|id| *id > first.at && *id < taken.at && tree.kind(*id) == Kind::Await)
            };
            let is_lock = |wait: NodeId| {
                tree.child(wait, Role::Value).is_some_and(|value| {
                    tree.kind(value) == Kind::Call
                        && matches!(calls::name(tree, value), "read" | "write" | "lock")
                })
            };
            let gap = match tree.language() {
                Language::Rust => match (first.lock, taken.lock) {
                    (Some(one), Some(other)) => one != other,
                    (None, None) => {
                        is_concurrent_map(code, &first.of) || between().any(|wait| !is_lock(wait))
                    }
                    _ => false,
                },
                Language::Go => match (section(first.at), section(taken.at)) {
                    (Some(one), Some(other)) => one != other,
                    (None, None) => is_concurrent_map(code, &first.of),
                    _ => false,
                },
                Language::Java => {
                    is_concurrent_map(code, &first.of) && !is_synchronized(code, taken.at, function)
                }
                _ => between().next().is_some() && !is_locked(code, function),
            };
            let from = between().last().unwrap_or(behind);
            if gap && !earlier && !again(from.max(behind)) {
                reports.add(
                    taken.at,
                    format!(
                        "whether it is free was asked at line {}, and others may have taken it since: two get the same one",
                        tree.line(tree.span(first.at).start)
                    ),
                );
            }
        }
    }
}

/// The look that a condition depends on, where it holds if the key is there.
fn decided_by<'l>(
    code: Code<'_>,
    condition: NodeId,
    decision: NodeId,
    looks: &'l [Touch],
) -> Option<&'l Touch> {
    let tree = code.tree;
    if let Some(look) = looks.iter().find(|look| tree.within(look.at, condition)) {
        return asks_presence(code, condition, look.at).then_some(look);
    }
    // `_, taken := m[key]`, `const taken = map.has(key)`: the last that the name was set to.
    if tree.kind(condition) != Kind::Name {
        return None;
    }
    let function = code.function(decision)?;
    let set = bodies::body(tree, function)
        .into_iter()
        .filter(|id| *id < condition && tree.kind(*id) == Kind::Assign)
        .filter(|id| {
            tree.children_in(*id, Role::Target).any(|target| {
                tree.subtree(target)
                    .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == tree.name(condition))
            })
        })
        .last()?;
    looks.iter().find(|look| {
        tree.within(look.at, set)
            && tree
                .child(set, Role::Value)
                .is_some_and(|value| asks_presence(code, value, look.at))
    })
}

/// Whether a condition holds where the key is there: `has(key)`, and not `!has(key)` or `get(key) === undefined`.
fn asks_presence(code: Code<'_>, condition: NodeId, look: NodeId) -> bool {
    let tree = code.tree;
    std::iter::once(look)
        .chain(tree.ancestors(look))
        .take_while(|around| tree.within(*around, condition))
        .all(|around| match tree.kind(around) {
            Kind::Unary => tree.name(around) != "not",
            Kind::Binary => {
                let absent = tree
                    .child(around, Role::Right)
                    .is_some_and(|right| code.is_null(right));
                !(absent && matches!(tree.name(around), "==" | "===" | "is"))
            }
            Kind::Call => !matches!(code.called(around), "is_none" | "isEmpty" | "is_none_or"),
            _ => true,
        })
}

/// Whether somebody is refused where the key is there: an error is given back or thrown, not the value that was found.
fn turns_away(code: Code<'_>, decision: NodeId) -> bool {
    let tree = code.tree;
    let Some(body) = tree.child(decision, Role::Body) else {
        return false;
    };
    let last = match tree.kind(body) {
        Kind::Block => tree.children(body).last(),
        _ => Some(body),
    };
    last.is_some_and(|last| match tree.kind(last) {
        Kind::Raise => true,
        Kind::Return => {
            let given = tree.source(last).to_ascii_lowercase();
            given.contains("err")
                || [
                    "conflict",
                    "taken",
                    "exists",
                    "already",
                    "false",
                    "409",
                    "duplicate",
                ]
                .iter()
                .any(|word| given.contains(word))
        }
        Kind::ExprStmt => {
            let text = tree.source(last);
            text.starts_with("bail!") || text.starts_with("return Err")
        }
        _ => false,
    })
}

/// `contains_key(&key)`, `key in taken`, `taken.has(key)`, `m[key]`
fn look(code: Code<'_>, id: NodeId) -> Option<Touch> {
    let tree = code.tree;
    match tree.kind(id) {
        Kind::Call => {
            let asks = match tree.language() {
                Language::Rust => matches!(code.called(id), "contains_key" | "contains" | "get"),
                Language::Java => matches!(code.called(id), "containsKey" | "contains" | "get"),
                Language::JavaScript | Language::TypeScript | Language::Tsx => {
                    matches!(code.called(id), "has" | "get")
                }
                Language::Go => matches!(code.called(id), "Load"),
                Language::Python => code.called(id) == "get",
                _ => false,
            };
            touch(code, id, code.receiver(id).filter(|_| asks)?, code.arg(id, 0)?)
        }
        Kind::Binary if tree.name(id) == "in" && tree.language() == Language::Python => touch(
            code,
            id,
            code.child(id, Role::Right)?,
            code.child(id, Role::Left)?,
        ),
        Kind::Index if tree.language() == Language::Go && tree.role(id) != Role::Target => touch(
            code,
            id,
            code.child(id, Role::Object)?,
            code.child(id, Role::Index)?,
        ),
        _ => None,
    }
}

/// `insert(key, value)` whose answer nobody looks at, `taken.set(key, value)`, `m[key] = value`
fn write(code: Code<'_>, id: NodeId) -> Option<Touch> {
    let tree = code.tree;
    match tree.kind(id) {
        Kind::Call => {
            let writes = match tree.language() {
                Language::Rust => code.called(id) == "insert",
                Language::Java => matches!(code.called(id), "put" | "add"),
                Language::JavaScript | Language::TypeScript | Language::Tsx => {
                    matches!(code.called(id), "set" | "add")
                }
                Language::Go => code.called(id) == "Store",
                Language::Python => code.called(id) == "add",
                _ => false,
            };
            let alone = tree
                .parent(id)
                .is_some_and(|parent| tree.kind(parent) == Kind::ExprStmt);
            touch(
                code,
                id,
                code.receiver(id).filter(|_| writes && alone)?,
                code.arg(id, 0)?,
            )
        }
        Kind::Assign if tree.language() == Language::Go => {
            let target = code
                .child(id, Role::Target)
                .filter(|target| tree.kind(*target) == Kind::Index)?;
            touch(
                code,
                id,
                code.child(target, Role::Object)?,
                code.child(target, Role::Index)?,
            )
        }
        _ => None,
    }
}

fn touch(code: Code<'_>, at: NodeId, of: NodeId, key: NodeId) -> Option<Touch> {
    let tree = code.tree;
    let mut lock = None;
    let mut whole = of;
    if tree.language() == Language::Rust {
        // `self.taken.read().await.contains_key(…)`, and a guard by its name.
        let guarded = match tree.kind(of) {
            Kind::Name => set_here(code, of),
            _ => Some(of),
        };
        if let Some((call, _)) = guarded.and_then(|value| lock_call(code, value)) {
            whole = code.receiver(call)?;
            lock = Some(call);
        }
    }
    if !outlives(code, whole) {
        return None;
    }
    let key = canonical(tree, plain_key(code, key));
    Some(Touch {
        at,
        of: canonical(tree, whole),
        key,
        lock,
    })
}

/// What a name was last set to before, as it is written: `let taken = self.taken.read().await`.
fn set_here(code: Code<'_>, name: NodeId) -> Option<NodeId> {
    let tree = code.tree;
    let function = code.function(name)?;
    bodies::body(tree, function)
        .into_iter()
        .filter(|id| *id < name && tree.kind(*id) == Kind::Assign)
        .filter(|id| {
            // A block that has ended has taken its names along.
            tree.parent(*id).is_some_and(|block| tree.within(name, block))
                && tree
                    .child(*id, Role::Target)
                    .is_some_and(|target| tree.name(target) == tree.name(name))
        })
        .last()
        .and_then(|assign| tree.child(assign, Role::Value))
}

/// A key without what only passes it: `&key`, `key.clone()`, `key.to_owned()`.
fn plain_key(code: Code<'_>, key: NodeId) -> NodeId {
    let key = code.bare(key);
    match code.kind(key) {
        Kind::Call
            if matches!(
                code.called(key),
                "clone" | "to_owned" | "to_string" | "as_str" | "into" | "as_ref" | "borrow"
            ) =>
        {
            code.receiver(key).map_or(key, |of| plain_key(code, of))
        }
        _ => key,
    }
}

/// Whether a collection is there for others too: a field, or one of the file.
fn outlives(code: Code<'_>, id: NodeId) -> bool {
    let tree = code.tree;
    match tree.kind(id) {
        Kind::Member => true,
        Kind::Name => {
            let of_file = tree.children(NodeId::ROOT).any(|statement| {
                tree.kind(statement) == Kind::Assign
                    && tree
                        .child(statement, Role::Target)
                        .is_some_and(|target| tree.name(target) == tree.name(id))
            });
            let of_class =
                tree.language() == Language::Java && typed::declared_type(code.source, id).is_some();
            let own = code
                .source
                .names
                .binder(tree, id, tree.name(id))
                .is_some_and(|(scope, _)| scope.is_some());
            (of_file || of_class) && !own
        }
        _ => false,
    }
}

/// Whether a field of this name is declared as a map that keeps itself whole, so that nobody locks it.
fn is_concurrent_map(code: Code<'_>, of: &str) -> bool {
    let tree = code.tree;
    code.source
        .of_kind(Kind::Field)
        .iter()
        .chain(code.source.of_kind(Kind::Assign))
        .any(|field| {
            let name = match tree.kind(*field) {
                Kind::Field => tree.name(*field),
                _ => tree
                    .child(*field, Role::Target)
                    .map_or("", |target| tree.name(target)),
            };
            let ty = tree.child(*field, Role::Type).map_or("", |ty| tree.name(ty));
            let made = tree
                .child(*field, Role::Value)
                .map_or("", |value| tree.source(value));
            !name.is_empty()
                && of
                    .split(|char: char| !char.is_alphanumeric() && char != '_')
                    .any(|part| part == name)
                && [
                    "DashMap",
                    "DashSet",
                    "sync.Map",
                    "ConcurrentHashMap",
                    "ConcurrentMap",
                    "ConcurrentSkipListMap",
                ]
                .iter()
                .any(|kind| ty.contains(kind) || made.contains(&format!("new {kind}")))
        })
}

fn is_synchronized(code: Code<'_>, at: NodeId, function: NodeId) -> bool {
    let tree = code.tree;
    let text = tree.source(function);
    text.split('{').next().unwrap_or("").contains("synchronized")
        || text.contains(".lock()")
        || tree
            .ancestors(at)
            .any(|around| tree.kind(around) == Kind::With && tree.name(around) == "synchronized")
}

fn is_locked(code: Code<'_>, function: NodeId) -> bool {
    code.mentions(function, |name| {
        locks::is_lock_name(name) || name.to_ascii_lowercase().contains("exclusive")
    })
}
