//! A default that is made once is changed.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role};

pub static ELEMENT: Check = Check {
    id: "shared-element",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1108"],
    languages: SCRIPT_LANGUAGES,
    run: element,
};

pub static DEFAULT: Check = Check {
    id: "mutable-default",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1108"],
    languages: &[Language::Python],
    run: default,
};

const CHANGES: &[&str] = &[
    "append",
    "extend",
    "insert",
    "remove",
    "pop",
    "clear",
    "add",
    "update",
    "setdefault",
    "discard",
    "push",
    "unshift",
    "splice",
    "shift",
    "appendleft",
];

pub(super) fn is_container(code: Code<'_>, id: NodeId) -> bool {
    match code.kind(id) {
        Kind::List | Kind::Object | Kind::Set => true,
        Kind::Call => {
            matches!(code.path(id), "list" | "dict" | "set" | "collections.defaultdict")
                && code.args(id).len() <= 1
        }
        Kind::New => matches!(code.path(id), "Map" | "Set" | "Array") && code.args(id).is_empty(),
        _ => false,
    }
}

/// `[[]] * n`, `dict.fromkeys(keys, [])`, `new Array(n).fill([])`: one element under many names.
fn element(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let python = code.tree.language() == Language::Python;
    if python {
        for binary in source
            .of_kind(Kind::Binary)
            .iter()
            .copied()
            .filter(|binary| code.name(*binary) == "*")
        {
            let sides = [code.child(binary, Role::Left), code.child(binary, Role::Right)];
            let repeats = sides.into_iter().flatten().any(|side| {
                code.kind(side) == Kind::List
                    && code.tree.children(side).count() == 1
                    && code.tree.children(side).any(|inner| {
                        is_container(code, inner)
                            || code.kind(inner) == Kind::Binary
                                && code.name(inner) == "*"
                                && code
                                    .tree
                                    .children(inner)
                                    .any(|part| code.kind(part) == Kind::List)
                    })
            });
            // What is only read, as the arguments of a call or one side of a comparison, is not changed.
            let kept = code.tree.parent(binary).is_some_and(|parent| {
                matches!(code.kind(parent), Kind::Assign | Kind::Return | Kind::Keyword)
            });
            if repeats && kept && is_changed_later(code, binary) && !undoes_or_tests(code, binary) {
                reports.add(
                    binary,
                    "every row is the same list: a change of one is a change of all",
                );
            }
        }
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        let shared = match code.called(call) {
            "fromkeys" if python => code.arg(call, 1),
            "fill"
                if !python
                    && !is_mapped(code, call)
                    && code.args(call).len() == 1
                    && is_array(code, call) =>
            {
                code.arg(call, 0)
            }
            _ => None,
        };
        if let Some(shared) = shared
            && is_container(code, shared)
            && !undoes_or_tests(code, call)
        {
            reports.add(
                call,
                format!(
                    "every entry is the same `{}`: a change of one is a change of all",
                    code.tree.source(shared)
                ),
            );
        }
    }
}

/// `Array(n).fill({}).map(…)`: each is made anew from the one.
fn is_mapped(code: Code<'_>, call: NodeId) -> bool {
    code.tree
        .parent(call)
        .is_some_and(|parent| code.kind(parent) == Kind::Member)
}

/// Whether an element of what is kept is changed in the function; what is returned may be.
fn is_changed_later(code: Code<'_>, value: NodeId) -> bool {
    let Some(assign) = code
        .tree
        .parent(value)
        .filter(|parent| code.kind(*parent) == Kind::Assign)
    else {
        return true;
    };
    let Some(target) = code.child(assign, Role::Target) else {
        return true;
    };
    if code.kind(target) != Kind::Name {
        return true;
    }
    let scope = code.function(value).unwrap_or(NodeId::ROOT);
    let of_element = |id: NodeId| {
        code.kind(id) == Kind::Index
            && code
                .child(id, Role::Object)
                .is_some_and(|of| code.kind(of) == Kind::Name && code.name(of) == code.name(target))
    };
    code.tree.subtree(scope).any(|id| match code.kind(id) {
        Kind::Call => CHANGES.contains(&code.called(id)) && code.receiver(id).is_some_and(of_element),
        Kind::Assign => code.tree.children_in(id, Role::Target).any(|target| {
            code.kind(target) == Kind::Index && code.child(target, Role::Object).is_some_and(of_element)
        }),
        _ => false,
    })
}

fn is_array(code: Code<'_>, call: NodeId) -> bool {
    code.receiver(call).is_some_and(|of| {
        matches!(code.kind(of), Kind::New | Kind::Call | Kind::List)
            && (code.path(of) == "Array" || code.kind(of) == Kind::List)
    })
}

/// `def f(items=[])` where `items` is changed, or a list of a class that its methods change; columns with a shared default.
fn default(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for param in source.of_kind(Kind::Param).iter().copied() {
        let Some(value) = code
            .child(param, Role::Default)
            .filter(|value| is_container(code, *value))
        else {
            continue;
        };
        let Some(function) = functions_around(code.tree, param).next() else {
            continue;
        };
        let name = code.name(param);
        let rebound = code.tree.subtree(function).any(|id| {
            code.kind(id) == Kind::Assign
                && code.name(id) == "="
                && code
                    .tree
                    .children_in(id, Role::Target)
                    .any(|target| code.kind(target) == Kind::Name && code.name(target) == name)
        });
        let is_it = |id: NodeId| code.kind(id) == Kind::Name && code.name(id) == name;
        let changed = code.tree.subtree(function).find(|id| match code.kind(*id) {
            Kind::Call => CHANGES.contains(&code.called(*id)) && code.receiver(*id).is_some_and(is_it),
            Kind::Assign => code.tree.children_in(*id, Role::Target).any(|target| {
                code.kind(target) == Kind::Index && code.child(target, Role::Object).is_some_and(is_it)
                    || code.name(*id) == "+=" && is_it(target)
            }),
            _ => false,
        });
        if changed.is_some() && !rebound && !undoes_or_tests(code, param) && !is_memo(name) {
            reports.add(
                param,
                format!(
                    "`{name}` is one `{}` for all calls, and this function changes it",
                    code.tree.source(value)
                ),
            );
        }
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        if matches!(code.called(call), "JSONField" | "ArrayField" | "HStoreField")
            && let Some(value) = code.option(call, "default")
            && matches!(code.kind(value), Kind::List | Kind::Object)
            && !undoes_or_tests(code, call)
        {
            reports.add(
                value,
                format!(
                    "all rows get the same `{}`: a default that is called is made anew for each",
                    code.tree.source(value)
                ),
            );
        }
    }
    class_attributes(code, reports);
}

/// A cache of the function itself is shared on purpose.
fn is_memo(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.contains("cache") || lower.contains("memo") || lower.starts_with('_') || lower.contains("seen")
}

fn class_attributes(code: Code<'_>, reports: &mut Reports) {
    for class in code.source.of_kind(Kind::Class).iter().copied() {
        let Some(body) = code.child(class, Role::Body) else {
            continue;
        };
        let is_data = code.tree.children_in(class, Role::Decorator).any(|decorator| {
            code.mentions(decorator, |name| {
                name.contains("dataclass") || name == "define" || name == "attrs"
            })
        }) || code.tree.children_in(class, Role::Base).any(|base| {
            matches!(
                code.name(base),
                "BaseModel"
                    | "Enum"
                    | "TypedDict"
                    | "NamedTuple"
                    | "SQLModel"
                    | "Schema"
                    | "BaseSettings"
                    | "Document"
                    | "Model"
            )
        });
        if is_data
            || code
                .tree
                .children(class)
                .any(|part| code.kind(part) == Kind::Keyword)
        {
            continue;
        }
        for field in code
            .tree
            .children(body)
            .filter(|field| matches!(code.kind(*field), Kind::Assign | Kind::Field))
        {
            let name = match code.kind(field) {
                Kind::Field => code.name(field),
                _ => code
                    .child(field, Role::Target)
                    .map_or("", |target| code.name(target)),
            };
            let Some(value) = code.child(field, Role::Value) else {
                continue;
            };
            let empty = matches!(code.kind(value), Kind::List | Kind::Object)
                && code.tree.children(value).next().is_none();
            if !empty
                || name.is_empty()
                || name.starts_with('_')
                || name.chars().all(|char| char.is_ascii_uppercase() || char == '_')
            {
                continue;
            }
            let of_self = |id: NodeId| {
                code.kind(id) == Kind::Member
                    && code.name(id) == name
                    && code
                        .child(id, Role::Object)
                        .is_some_and(|of| code.kind(of) == Kind::Name && code.name(of) == "self")
            };
            let set = code.tree.subtree(class).any(|id| {
                code.kind(id) == Kind::Assign
                    && code.name(id) == "="
                    && code.tree.children_in(id, Role::Target).any(of_self)
            });
            let changed = code.tree.subtree(class).any(|id| match code.kind(id) {
                Kind::Call => {
                    matches!(code.called(id), "append" | "extend" | "add" | "update" | "insert")
                        && code.receiver(id).is_some_and(of_self)
                }
                Kind::Assign => code.tree.children_in(id, Role::Target).any(|target| {
                    code.kind(target) == Kind::Index && code.child(target, Role::Object).is_some_and(of_self)
                }),
                _ => false,
            });
            // Registries are shared on purpose, and say so by their methods of the class.
            let registry = has_registry(name);
            if changed && !set && !undoes_or_tests(code, field) {
                let told = format!(
                    "`{name}` is one `{}` for all objects of `{}`, and its methods change it",
                    code.tree.source(value),
                    code.name(class)
                );
                if registry || code.tree.children_in(class, Role::Base).next().is_some() {
                    reports.note(field, told);
                } else {
                    reports.add(field, told);
                }
            }
        }
    }
}

fn has_registry(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    [
        "cache",
        "registry",
        "instances",
        "shared",
        "pool",
        "memo",
        "handlers",
        "plugins",
        "registered",
    ]
    .iter()
    .any(|word| lower.contains(word))
}
