//! Pages that are counted from 1, and an offset as if they were counted from 0: the first page is never read.

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{calls, served};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

check!(CHECK, "first-page-skipped", "CWE-193", EVERY, run);

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for product in source.of_kind(Kind::Binary).iter().copied() {
        if code.name(product) != "*" || undoes_or_tests(code, product) || !is_offset(code, product) {
            continue;
        }
        let Some(page) = code.tree.children(product).find(|part| {
            code.kind(*part) == Kind::Name && {
                let lower = code.name(*part).to_ascii_lowercase();
                lower.contains("page")
                    && !lower.contains("size")
                    && !lower.contains("per")
                    && !lower.contains("limit")
                    || matches!(lower.as_str(), "number" | "num" | "p" | "nr" | "index" | "n")
            }
        }) else {
            continue;
        };
        if begins_at_one(code, page, project) {
            reports.add(
                product,
                format!("`{}` begins at 1 and is multiplied as if it began at 0: the rows of the first page are left out", code.name(page)),
            );
        }
    }
}

/// Whether a product says how many rows are passed over: `skip:`, `offset=`, `.offset(…)`, `offset := …`.
fn is_offset(code: Code<'_>, product: NodeId) -> bool {
    let says = |name: &str| {
        matches!(
            name.trim_start_matches('$').to_ascii_lowercase().as_str(),
            "skip" | "offset"
        )
    };
    let tree = code.tree;
    let mut at = product;
    while let Some(parent) = tree.parent(at) {
        match code.kind(parent) {
            Kind::Pair => return code.key(parent).is_some_and(says),
            Kind::Keyword => return says(code.name(parent)),
            Kind::Assign => {
                return tree.role(at) == Role::Value
                    && code
                        .child(parent, Role::Target)
                        .is_some_and(|target| code.kind(target) == Kind::Name && says(code.name(target)));
            }
            Kind::Call if tree.role(at) == Role::Arg => {
                if says(code.called(parent)) {
                    return true;
                }
                if !matches!(
                    code.called(parent),
                    "int" | "int64" | "String" | "str" | "Number" | "SetSkip"
                ) {
                    return false;
                }
                if code.called(parent) == "SetSkip" {
                    return true;
                }
                at = parent;
            }
            _ => return false,
        }
    }
    false
}

fn is_one(code: Code<'_>, id: NodeId) -> bool {
    match code.kind(id) {
        Kind::Num => code.name(id) == "1",
        Kind::Str => code.name(id) == "1",
        _ => false,
    }
}

/// Whether a page's number begins at 1: by its default, by what a client that gives none gets, or by who calls.
fn begins_at_one(code: Code<'_>, page: NodeId, project: &Project) -> bool {
    let tree = code.tree;
    let Some(function) = code.function(page) else {
        return false;
    };
    let name = code.name(page);
    let body = tree.subtree(function);
    let sets: Vec<NodeId> = body
        .filter(|id| {
            code.kind(*id) == Kind::Assign
                && tree.children_in(*id, Role::Target).any(|target| {
                    code.kind(target) == Kind::Name && code.name(target) == name
                        || matches!(code.kind(target), Kind::Tuple)
                            && tree
                                .children(target)
                                .next()
                                .is_some_and(|first| code.name(first) == name)
                })
        })
        .collect();
    // Taken back to 0 before, or somewhere else.
    let taken_back = sets.iter().any(|set| {
        matches!(code.name(*set), "-=")
            || code.child(*set, Role::Value).is_some_and(|value| {
                code.kind(value) == Kind::Num && code.name(value) == "0"
                    || tree
                        .subtree(value)
                        .any(|part| code.kind(part) == Kind::Binary && code.name(part) == "-")
            })
    });
    if taken_back {
        return false;
    }
    if let Some(at) = tree.children_in(function, Role::Param).position(|param| {
        code.name(param) == name
            || tree
                .subtree(param)
                .any(|part| code.kind(part) == Kind::Name && code.name(part) == name)
    }) {
        let param = tree.children_in(function, Role::Param).nth(at);
        let by_default = param.is_some_and(|param| {
            code.child(param, Role::Default)
                .is_some_and(|value| is_one(code, value) || query_default(code, value))
                || tree.subtree(param).any(|part| {
                    code.kind(part) == Kind::Assign
                        && code
                            .child(part, Role::Value)
                            .is_some_and(|value| is_one(code, value))
                })
        });
        return by_default || called_from_one(code, function, at, project);
    }
    sets.first().is_some_and(|set| {
        *set < page
            && code.child(*set, Role::Value).is_some_and(|value| {
                asked_with_one(code, value) || is_one(code, value) && counts_all(code, function, page, &sets)
            })
    })
}

/// FastAPI's `Query(1, ge=1)`.
fn query_default(code: Code<'_>, value: NodeId) -> bool {
    code.kind(value) == Kind::Call
        && code.called(value) == "Query"
        && (code.arg(value, 0).is_some_and(|first| is_one(code, first))
            || code
                .option(value, "default")
                .is_some_and(|first| is_one(code, first)))
}

/// `int(request.args.get("page", 1))`, `Number(req.query.page) || 1`, `c.DefaultQuery("page", "1")`.
fn asked_with_one(code: Code<'_>, value: NodeId) -> bool {
    code.tree.subtree(value).any(|part| match code.kind(part) {
        Kind::Call => {
            matches!(
                code.called(part),
                "get" | "DefaultQuery" | "QueryDefault" | "query" | "QueryInt"
            ) && code.args(part).len() >= 2
                && code.args(part).last().is_some_and(|last| is_one(code, *last))
        }
        Kind::Binary => {
            matches!(code.name(part), "or" | "??")
                && code
                    .child(part, Role::Right)
                    .is_some_and(|right| is_one(code, right))
        }
        _ => false,
    })
}

/// A loop that reads all pages, and nothing that reads the first one before it.
fn counts_all(code: Code<'_>, function: NodeId, page: NodeId, sets: &[NodeId]) -> bool {
    let tree = code.tree;
    let around = tree
        .ancestors(page)
        .take_while(|around| *around != function)
        .find(|around| matches!(code.kind(*around), Kind::While | Kind::For | Kind::DoWhile));
    let Some(around) = around else {
        return false;
    };
    let steps = sets
        .iter()
        .any(|set| code.name(*set) == "+=" && tree.within(*set, around));
    let asks_before = code.calls().into_iter().any(|call| {
        tree.within(call, function)
            && call < around
            && !tree.within(call, around)
            && ["fetch", "find", "get", "query", "list", "execute", "page", "load"]
                .iter()
                .any(|start| code.called(call).to_ascii_lowercase().starts_with(start))
    });
    steps && !asks_before
}

/// Whether all who call the function begin with page 1.
fn called_from_one(code: Code<'_>, function: NodeId, at: usize, project: &Project) -> bool {
    let name = code.function_name(function);
    if name.is_empty() {
        return false;
    }
    let (mut ones, mut others) = (0, 0);
    let mut look =
        |other: Code<'_>, call: NodeId| match other.arg(call, at).map(|arg| first_value(other, arg)) {
            Some(Some(true)) => ones += 1,
            Some(Some(false)) => others += 1,
            _ => {}
        };
    for call in code.calls() {
        if calls::name(code.tree, call) == name {
            look(code, call);
        }
    }
    served::callers(code.source, project, name, &mut |other, call| {
        look(Code::of(other), call);
        false
    });
    ones > 0 && others == 0
}

/// Whether a value is 1, or a name that begins at 1 and is only ever made larger; `None` if it is neither that nor another number.
fn first_value(code: Code<'_>, id: NodeId) -> Option<bool> {
    match code.kind(id) {
        Kind::Num => Some(code.name(id) == "1"),
        Kind::Binary => Some(false),
        Kind::Name => {
            let function = code.function(id).unwrap_or(NodeId::ROOT);
            let set = code.tree.subtree(function).find(|set| {
                code.kind(*set) == Kind::Assign
                    && code.child(*set, Role::Target).is_some_and(|target| {
                        code.kind(target) == Kind::Name && code.name(target) == code.name(id)
                    })
            })?;
            let value = code.child(set, Role::Value)?;
            if code.kind(value) == Kind::Num {
                Some(code.name(value) == "1")
            } else {
                asked_with_one(code, value).then_some(true)
            }
        }
        _ => None,
    }
}
