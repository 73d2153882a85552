//! Functions that call themselves before anything can stop them.

use std::collections::{HashMap, HashSet};

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, change, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "endless-recursion",
    failure: "X2",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-674"],
    languages: EVERY_LANGUAGE,
    run,
};

/// Methods that the language calls for an operation on the object, and the function that asks for it.
const PYTHON_METHODS: &[(&str, &str)] = &[
    ("__str__", "str"),
    ("__repr__", "repr"),
    ("__len__", "len"),
    ("__bool__", "bool"),
    ("__hash__", "hash"),
    ("__iter__", "iter"),
    ("__int__", "int"),
    ("__float__", "float"),
    ("__bytes__", "bytes"),
    ("__dir__", "dir"),
    ("__getattr__", "getattr"),
    ("__getattribute__", "getattr"),
    ("__setattr__", "setattr"),
    ("__next__", "next"),
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let functions = source.of_kind(Kind::Function);
    // What each function always calls, among the functions of this file.
    let mut always: HashMap<NodeId, Vec<(NodeId, NodeId)>> = HashMap::new();
    let mut named: HashMap<(Option<NodeId>, &str), Vec<NodeId>> = HashMap::new();
    let given = Given::of(source);
    for function in functions {
        let class = class_key(tree, *function);
        named
            .entry((class, tree.name(*function)))
            .or_default()
            .push(*function);
    }
    for function in functions {
        if skipped(source, *function) {
            continue;
        }
        let first = before_leaving(source, *function);
        if let Some(at) = asks_for_itself(source, *function, &first) {
            reports.add(
                at,
                format!(
                    "this is what calls `{}`, so it calls itself without an end",
                    tree.name(*function)
                ),
            );
            continue;
        }
        let mut called = Vec::new();
        for call in first.iter().filter(|id| tree.kind(**id) == Kind::Call) {
            if let Some(target) = target(source, *call, *function, &named, &given) {
                called.push((target, *call));
            }
        }
        always.insert(*function, called);
    }
    for function in functions {
        let mut path = vec![*function];
        if let Some(call) = comes_back(&always, *function, &mut path) {
            let name = tree.name(*function);
            if path.len() == 1 {
                reports.add(
                    call,
                    format!("`{name}` always calls itself here; nothing before it ends the recursion"),
                );
            } else if path.iter().min() == Some(function) {
                let through: Vec<&str> = path[1..].iter().map(|id| tree.name(*id)).collect();
                reports.add(
                    call,
                    format!(
                        "`{name}` always calls `{}`, which always calls `{name}` again",
                        through.join("`, `")
                    ),
                );
            }
        }
    }
}

fn class_key(tree: &Tree, function: NodeId) -> Option<NodeId> {
    bodies::class_of(tree, function)
}

/// Whether the class says itself how it is formatted, and then not by its text.
fn formats_itself(source: &Source, function: NodeId) -> bool {
    let tree = &source.tree;
    source.of_kind(Kind::Function).iter().any(|other| {
        tree.name(*other) == "__format__" && class_key(tree, *other) == class_key(tree, function)
    })
}

/// What is decorated, overloaded or a generator is called in ways that are not seen here.
fn skipped(source: &Source, function: NodeId) -> bool {
    const PLAIN: &[&str] = &[
        "staticmethod",
        "classmethod",
        "property",
        "route",
        "get",
        "post",
        "lru_cache",
        "cache",
        "setter",
        "getter",
    ];
    let tree = &source.tree;
    let decorated = tree.children_in(function, Role::Decorator).any(|decorator| {
        let value = tree.child(decorator, Role::Value);
        let name = value.map_or("", |value| match tree.kind(value) {
            Kind::Call => calls::name(tree, value),
            _ => tree.name(value),
        });
        !PLAIN.contains(&name)
    });
    decorated || bodies::is_generator(tree, function) || tree.child(function, Role::Body).is_none()
}

/// What runs whenever the function is called, up to where it may leave for the first time.
fn before_leaving(source: &Source, function: NodeId) -> Vec<NodeId> {
    let tree = &source.tree;
    let mut first = Vec::new();
    let Some(body) = tree.child(function, Role::Body) else {
        return first;
    };
    if tree.kind(body) != Kind::Block {
        first.extend(
            bodies::running(tree, body)
                .into_iter()
                .filter(|id| reach::always(tree, *id, body)),
        );
        return first;
    }
    for statement in tree.children(body) {
        let nodes = bodies::running(tree, statement);
        let runs = nodes.iter().copied().filter(|id| reach::always(tree, *id, body));
        first.extend(runs);
        if reach::leaves(source, &nodes) || matches!(tree.kind(statement), Kind::Return | Kind::Raise) {
            break;
        }
        // Within a loop that may never end, or a test that may fail, anything may have been thrown.
        if matches!(tree.kind(statement), Kind::Assert | Kind::Select) {
            break;
        }
    }
    first
}

/// The function of this file that a call calls for certain.
fn target(
    source: &Source,
    call: NodeId,
    from: NodeId,
    named: &HashMap<(Option<NodeId>, &str), Vec<NodeId>>,
    given: &Given<'_>,
) -> Option<NodeId> {
    let tree = &source.tree;
    let name = calls::name(tree, call);
    let class = class_key(tree, from);
    let only = |key: (Option<NodeId>, &str)| match named.get(&key).map(Vec::as_slice) {
        Some([only]) => Some(*only),
        _ => None,
    };
    match calls::receiver(tree, call) {
        Some(receiver) => {
            let own = tree.kind(receiver) == Kind::Name
                && bodies::own_object(tree, from) == Some(tree.name(receiver));
            if !own || given.members.contains(name) {
                return None;
            }
            if tree.language() == Language::Go {
                let type_ = |function: NodeId| {
                    let receiver = tree.child(function, Role::Receiver)?;
                    let type_ = tree.child(receiver, Role::Type)?;
                    Some(tree.name(type_).trim_start_matches('*').to_owned())
                };
                let wanted = type_(from)?;
                let all = named.get(&(None, name))?;
                return all
                    .iter()
                    .copied()
                    .find(|function| type_(*function).as_deref() == Some(wanted.as_str()));
            }
            let found = only((Some(class?), name))?;
            // What is read is no method; it is called after all by its object's class.
            (tree.kind(found) == Kind::Function && !is_property(tree, found)).then_some(found)
        }
        None => {
            let callee = tree.child(call, Role::Callee)?;
            let found = only((None, name))?;
            if tree.language() == Language::Go && tree.child(found, Role::Receiver).is_some() {
                return None;
            }
            let visible = bodies::enclosing(tree, found).is_none_or(|outer| tree.within(call, outer));
            let hidden = bodies::has_param(tree, from, name)
                || source.names.imported(name).is_some()
                || change::set(tree, &bodies::body(tree, from)).contains(name)
                || given.rebinds(tree, name, found);
            (tree.kind(callee) == Kind::Name && visible && !hidden).then_some(found)
        }
    }
}

/// What the file gives values to, besides by defining it.
struct Given<'t> {
    names: HashMap<&'t str, Vec<NodeId>>,
    members: HashSet<&'t str>,
}

impl<'t> Given<'t> {
    fn of(source: &'t Source) -> Given<'t> {
        let tree = &source.tree;
        let mut names: HashMap<&str, Vec<NodeId>> = HashMap::new();
        for assign in source.of_kind(Kind::Assign) {
            for target in tree.children_in(*assign, Role::Target) {
                if tree.kind(target) == Kind::Name {
                    names.entry(tree.name(target)).or_default().push(*assign);
                }
            }
        }
        let members = source
            .of_kind(Kind::Member)
            .iter()
            .filter(|member| tree.role(**member) == Role::Target)
            .map(|member| tree.name(*member))
            .collect();
        Given { names, members }
    }

    /// Whether another value than the function is given to its name somewhere.
    fn rebinds(&self, tree: &Tree, name: &str, found: NodeId) -> bool {
        self.names
            .get(name)
            .is_some_and(|all| all.iter().any(|assign| !tree.within(*assign, found)))
    }
}

fn is_property(tree: &Tree, function: NodeId) -> bool {
    tree.children_in(function, Role::Decorator).any(|decorator| {
        tree.child(decorator, Role::Value).is_some_and(|value| {
            matches!(
                tree.name(value),
                "property" | "cached_property" | "setter" | "getter"
            )
        })
    })
}

/// The call by which a function always comes back to itself.
fn comes_back(
    always: &HashMap<NodeId, Vec<(NodeId, NodeId)>>,
    function: NodeId,
    path: &mut Vec<NodeId>,
) -> Option<NodeId> {
    const PATH_MAX: usize = 4;
    let at = *path.last()?;
    for (target, call) in always.get(&at)? {
        if *target == function {
            return Some(*call);
        }
        if path.len() < PATH_MAX && !path.contains(target) {
            path.push(*target);
            if comes_back(always, function, path).is_some() {
                return Some(*call);
            }
            path.pop();
        }
    }
    None
}

/// A method that does to its object what the language calls the method for.
fn asks_for_itself(source: &Source, function: NodeId, first: &[NodeId]) -> Option<NodeId> {
    let tree = &source.tree;
    let own = bodies::own_object(tree, function)?;
    let is_own = |id: NodeId| tree.kind(id) == Kind::Name && tree.name(id) == own;
    let name = tree.name(function);
    match tree.language() {
        Language::Python => {
            if is_property(tree, function) {
                return first.iter().copied().find(|id| {
                    tree.kind(*id) == Kind::Member
                        && tree.name(*id) == name
                        && tree.child(*id, Role::Object).is_some_and(is_own)
                        && tree.role(*id) != Role::Callee
                        && is_setter(tree, function) == (tree.role(*id) == Role::Target)
                });
            }
            let (_, asks) = PYTHON_METHODS.iter().find(|(method, _)| *method == name)?;
            first.iter().copied().find(|id| match tree.kind(*id) {
                Kind::Call => {
                    calls::path(source, *id) == *asks && calls::arg(tree, *id, 0).is_some_and(is_own) && {
                        let named = calls::arg(tree, *id, 1);
                        !asks.ends_with("attr")
                            || named.is_some_and(|named| tree.kind(named) == Kind::Name)
                                && calls::arg(tree, *id, if *asks == "getattr" { 2 } else { 3 }).is_none()
                    }
                }
                // `f"{self}"` is `str(self)`.
                Kind::Interp => {
                    matches!(name, "__str__")
                        && !formats_itself(source, function)
                        && tree.children(*id).any(is_own)
                        && !tree.source(*id).contains("!r")
                }
                _ => false,
            })
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            first.iter().copied().find(|id| match tree.kind(*id) {
                Kind::Call => {
                    name == "toJSON"
                        && calls::path(source, *id) == "JSON.stringify"
                        && calls::arg(tree, *id, 0).is_some_and(is_own)
                }
                Kind::Interp => name == "toString" && tree.children(*id).any(is_own),
                _ => false,
            })
        }
        Language::Go => first.iter().copied().find(|id| {
            let called = calls::path(source, *id);
            let passes = calls::args(tree, *id).any(is_own);
            tree.kind(*id) == Kind::Call
                && passes
                && match name {
                    "String" | "Error" => {
                        let format =
                            calls::arg(tree, *id, 0).filter(|format| tree.kind(*format) == Kind::Str);
                        called == "fmt.Sprint"
                            || called == "fmt.Sprintf"
                                && bodies::params(tree, function).next().is_none()
                                && format.is_some_and(|format| {
                                    let text = tree.name(format);
                                    (text.contains("%s") || text.contains("%v"))
                                        && !text.contains("%d")
                                        && text.matches('%').count() == 1
                                })
                    }
                    "MarshalJSON" => called == "json.Marshal",
                    _ => false,
                }
        }),
        Language::Dockerfile
        | Language::Hcl
        | Language::Java
        | Language::Rust
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => None,
    }
}

fn is_setter(tree: &Tree, function: NodeId) -> bool {
    tree.children_in(function, Role::Decorator).any(|decorator| {
        tree.child(decorator, Role::Value)
            .is_some_and(|value| tree.name(value) == "setter")
    })
}
