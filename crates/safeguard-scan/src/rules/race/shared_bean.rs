//! Java: what a bean that there is one of keeps in its fields, where all requests use it: collections that are for one thread at a time,
//! and the user or the tenant of one request.

use safeguard_api::evidence::Severity;

use super::request_state_in_global::{self, is_of_request};
use super::unsafe_shared_object::{is_local, is_one_for_all, runs_alone};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::java_decorators;
use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static COLLECTION: Check = Check {
    id: "unlocked-map",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-366"],
    languages: &[Language::Java],
    run: collections,
};

pub static STATE: Check = Check {
    languages: &[Language::Java],
    run: state,
    ..request_state_in_global::CHECK
};

/// Collections that break when two threads change them.
const PLAIN: &[&str] = &[
    "HashMap",
    "LinkedHashMap",
    "TreeMap",
    "WeakHashMap",
    "HashSet",
    "LinkedHashSet",
    "TreeSet",
    "ArrayList",
    "LinkedList",
    "ArrayDeque",
    "PriorityQueue",
];
const CHANGES: &[&str] = &[
    "put",
    "putAll",
    "putIfAbsent",
    "computeIfAbsent",
    "compute",
    "computeIfPresent",
    "merge",
    "remove",
    "clear",
    "add",
    "addAll",
    "addFirst",
    "addLast",
    "push",
    "pop",
    "poll",
    "offer",
];

/// The classes of a file that there is one object of.
pub(super) fn beans(source: &Source) -> impl Iterator<Item = NodeId> + '_ {
    source
        .of_kind(Kind::Class)
        .iter()
        .copied()
        .filter(|class| is_one_for_all(&source.tree, *class))
}

/// The fields of a class.
pub(super) fn fields(tree: &Tree, class: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    tree.child(class, Role::Body)
        .into_iter()
        .flat_map(|body| tree.children(body))
        .filter(|field| tree.kind(*field) == Kind::Assign)
}

fn collections(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    for class in beans(source) {
        if undoes_or_tests(code, class) {
            continue;
        }
        for field in fields(tree, class) {
            let Some(made) = tree
                .child(field, Role::Value)
                .filter(|value| tree.kind(*value) == Kind::New)
            else {
                continue;
            };
            let of = tree.child(made, Role::Callee).map_or("", |of| tree.name(of));
            let of = of.split('<').next().unwrap_or(of);
            let of = of.rsplit('.').next().unwrap_or(of);
            if !PLAIN.contains(&of) || tree.child(made, Role::Body).is_some() {
                continue;
            }
            let Some(name) = tree.child(field, Role::Target).map(|target| tree.name(target)) else {
                continue;
            };
            let changes: Vec<(NodeId, NodeId)> = source
                .calls()
                .iter()
                .copied()
                .filter(|call| CHANGES.contains(&calls::name(tree, *call)) && is_on(tree, *call, name, class))
                .filter_map(|call| Some((call, method(tree, call, class)?)))
                .filter(|(call, method)| !runs_alone(tree, *call, *method, class) && !sets_up(tree, *method))
                .collect();
            let Some((at, _)) = changes.first().copied() else {
                continue;
            };
            let told = format!(
                "`{name}` is a `{of}` of a bean that all requests share, and is changed here without a lock: entries are lost, or the map breaks"
            );
            // Where it is asked first, and filled then, it is filled by whoever comes.
            let by_request = changes.iter().any(|(call, method)| {
                bodies::is_handler(source, *method) || fills_itself(source, *call, *method, name)
            });
            if by_request {
                reports.add(at, told);
            } else {
                reports.note(at, told);
            }
        }
    }
}

/// The method of the class that a call is in, through lambdas.
pub(super) fn method(tree: &Tree, call: NodeId, class: NodeId) -> Option<NodeId> {
    tree.ancestors(call)
        .take_while(|around| *around != class)
        .filter(|around| tree.kind(*around) == Kind::Function)
        .last()
}

fn is_on(tree: &Tree, call: NodeId, name: &str, class: NodeId) -> bool {
    let Some(of) = calls::receiver(tree, call).filter(|_| tree.within(call, class)) else {
        return false;
    };
    match tree.kind(of) {
        Kind::Name => tree.name(of) == name && !is_local(tree, of, name),
        Kind::Member => {
            tree.name(of) == name
                && tree
                    .child(of, Role::Object)
                    .is_some_and(|object| tree.name(object) == "this")
        }
        _ => false,
    }
}

/// Methods that run before requests come, or for one at a time.
pub(super) fn sets_up(tree: &Tree, method: NodeId) -> bool {
    const STARTS: &[&str] = &[
        "init",
        "load",
        "register",
        "configure",
        "setup",
        "set",
        "start",
        "stop",
        "destroy",
        "reload",
        "refresh",
        "close",
        "build",
        "bootstrap",
        "shutdown",
        "on",
        "add",
        "customize",
        "initialize",
    ];
    let name = tree.name(method);
    let first = crate::analysis::words::words(name)
        .into_iter()
        .next()
        .unwrap_or_default();
    let marks = java_decorators(tree, method);
    STARTS.contains(&first.as_str())
        || marks.iter().any(|mark| {
            matches!(
                *mark,
                "Bean" | "Autowired" | "Inject" | "EventListener" | "Scheduled" | "PreDestroy" | "BeforeEach"
            )
        })
}

/// A method that reads a collection and fills it: `if (!rates.containsKey(key)) rates.put(…)`, `computeIfAbsent`.
fn fills_itself(source: &Source, call: NodeId, method: NodeId, name: &str) -> bool {
    let tree = &source.tree;
    if matches!(
        calls::name(tree, call),
        "computeIfAbsent" | "putIfAbsent" | "merge" | "compute"
    ) {
        return true;
    }
    source.calls().iter().any(|other| {
        *other != call
            && tree.within(*other, method)
            && matches!(
                calls::name(tree, *other),
                "get" | "containsKey" | "contains" | "getOrDefault" | "isEmpty" | "size"
            )
            && calls::receiver(tree, *other).is_some_and(|of| tree.name(of) == name)
    })
}

/// `this.currentUser = …` in a bean.
fn state(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    for class in beans(source) {
        if undoes_or_tests(code, class) {
            continue;
        }
        let names: Vec<&str> = fields(tree, class)
            .filter(|field| {
                let text = tree.source(*field);
                !tree.flags(*field).has(Flags::CONST)
                    && !text.contains("ThreadLocal")
                    && !text.contains("Provider<")
                    && !java_decorators(tree, *field).iter().any(|mark| {
                        matches!(*mark, "Autowired" | "Inject" | "Value" | "Resource" | "Context")
                    })
            })
            .filter_map(|field| tree.child(field, Role::Target).map(|target| tree.name(target)))
            .filter(|name| is_of_request(name) || name.starts_with("current"))
            .collect();
        for set in source.of_kind(Kind::Assign).iter().copied() {
            if !tree.within(set, class) || tree.flags(set).has(Flags::DECLARATION) || tree.name(set) != "=" {
                continue;
            }
            let Some(method) = method(tree, set, class) else {
                continue;
            };
            let Some(name) = tree
                .children_in(set, Role::Target)
                .find_map(|target| match tree.kind(target) {
                    Kind::Name => (!is_local(tree, target, tree.name(target))).then(|| tree.name(target)),
                    Kind::Member => tree
                        .child(target, Role::Object)
                        .filter(|object| tree.name(*object) == "this")
                        .map(|_| tree.name(target)),
                    _ => None,
                })
            else {
                continue;
            };
            let given = tree.child(set, Role::Value).is_some_and(|value| {
                !matches!(tree.kind(value), Kind::Null | Kind::Bool | Kind::Str | Kind::Num)
            });
            if names.contains(&name)
                && given
                && !runs_alone(tree, set, method, class)
                && !sets_up(tree, method)
                && (bodies::is_handler(source, method)
                    || is_given(tree, set, method) && is_read(tree, class, name, set))
            {
                reports.add(
                    set,
                    format!("there is one object of this class, and `{name}` is one for all requests: while one uses it, another one sets it to its own"),
                );
            }
        }
    }
}

/// `this.currentCustomer = customer`, where the caller gives it: each call has another one.
fn is_given(tree: &Tree, set: NodeId, method: NodeId) -> bool {
    let name = tree
        .child(set, Role::Value)
        .map_or("", |value| match tree.kind(value) {
            Kind::Name => tree.name(value),
            _ => "",
        });
    !name.is_empty()
        && !tree.name(method).starts_with("set")
        && !matches!(
            tree.name(method),
            "login" | "logout" | "switchTo" | "select" | "use"
        )
        && tree
            .children_in(method, Role::Param)
            .any(|param| tree.name(param) == name)
}

/// Whether the class reads a field after it set it.
fn is_read(tree: &Tree, class: NodeId, name: &str, set: NodeId) -> bool {
    tree.subtree(class).any(|id| {
        id > set
            && matches!(tree.kind(id), Kind::Name | Kind::Member)
            && tree.name(id) == name
            && tree.role(id) != Role::Target
            && !tree.within(id, set)
    })
}
