//! A file is read, changed and written as a whole, while others do the same.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, served};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "file-rewritten",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-366"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let functions: Vec<NodeId> = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda))
        .copied()
        .collect();
    let helpers: BTreeMap<&str, NodeId> = functions
        .iter()
        .filter(|function| functions_around(code.tree, **function).next().is_none())
        .map(|function| (code.function_name(*function), *function))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    for function in functions {
        if undoes_or_tests(code, function) {
            continue;
        }
        let nodes = bodies::body(code.tree, function);
        let touches: Vec<(NodeId, Touch, String)> = nodes
            .iter()
            .copied()
            .filter(|id| matches!(code.kind(*id), Kind::Call | Kind::WithItem))
            .filter_map(|id| touch(code, id, &helpers))
            .collect();
        let found = touches.iter().find(|(write, touch, path)| {
            *touch == Touch::Writes
                && touches.iter().any(|(read, other, from)| {
                    *other == Touch::Reads
                        && read < write
                        && from == path
                        && changes_between(code, &nodes, *read, *write)
                })
        });
        if let Some((write, _, _)) = found
            && served::is_served(source, project, function)
            && !one_at_a_time(code, function)
        {
            reports.add(
                *write,
                "the file was read before and is written back as a whole: what another request wrote meanwhile is lost",
            );
        }
    }
}

/// What is run by a lock or a queue stands in a function that speaks of it.
fn one_at_a_time(code: Code<'_>, function: NodeId) -> bool {
    std::iter::once(function)
        .chain(functions_around(code.tree, function))
        .any(|around| speaks_of_turns(code.tree.source(around)))
}

/// Whether code speaks of anything that lets one at a time in.
fn speaks_of_turns(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let others = text.matches("block").count() + text.matches("clock").count();
    text.matches("lock").count() > others
        || ["mutex", "queue", "semaphore", "serialize", "runexclusive"]
            .iter()
            .any(|word| text.contains(word))
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Touch {
    Reads,
    Writes,
}

/// What a call does with a file, and the file's path; a helper of the file that does it with what it is given, too.
fn touch(code: Code<'_>, call: NodeId, helpers: &BTreeMap<&str, NodeId>) -> Option<(NodeId, Touch, String)> {
    if code.kind(call) != Kind::Call {
        return None;
    }
    if let Some((touch, path)) = direct(code, call) {
        return Some((call, touch, canonical(code.tree, path)));
    }
    if code.receiver(call).is_some() {
        return None;
    }
    let helper = *helpers.get(code.called(call))?;
    let params: Vec<&str> = bodies::params(code.tree, helper)
        .map(|param| code.name(param))
        .collect();
    for inner in bodies::body(code.tree, helper) {
        if code.kind(inner) != Kind::Call {
            continue;
        }
        let Some((touch, path)) = direct(code, inner) else {
            continue;
        };
        // `file(id)` in the helper is `file(id)` here, if `id` is what it is called with.
        let given: Vec<NodeId> = code.args(call);
        let same = code.tree.subtree(path).all(|part| {
            code.kind(part) != Kind::Name
                || params
                    .iter()
                    .position(|param| *param == code.name(part))
                    .is_none_or(|at| {
                        given.get(at).is_some_and(|arg| {
                            code.kind(*arg) == Kind::Name && code.name(*arg) == code.name(part)
                        })
                    })
        });
        if same {
            return Some((call, touch, canonical(code.tree, path)));
        }
    }
    None
}

fn direct(code: Code<'_>, call: NodeId) -> Option<(Touch, NodeId)> {
    let path = code.arg(call, 0);
    match code.tree.language() {
        Language::Python => match code.called(call) {
            "open" if code.receiver(call).is_none() => {
                let mode = code
                    .arg(call, 1)
                    .or_else(|| code.option(call, "mode"))
                    .and_then(|mode| code.text(mode))
                    .unwrap_or("r");
                let touch = match mode.trim_end_matches(['b', 't']) {
                    "w" => Touch::Writes,
                    "r" | "" => Touch::Reads,
                    _ => return None,
                };
                Some((touch, path?))
            }
            "read_text" | "read_bytes" => Some((Touch::Reads, code.receiver(call)?)),
            "write_text" | "write_bytes" => Some((Touch::Writes, code.receiver(call)?)),
            _ => None,
        },
        Language::Go => match code.path(call) {
            "os.ReadFile" | "ioutil.ReadFile" => Some((Touch::Reads, path?)),
            "os.WriteFile" | "ioutil.WriteFile" => Some((Touch::Writes, path?)),
            _ => None,
        },
        // What does not wait lets nobody in between.
        _ => {
            let awaited = code
                .tree
                .ancestors(call)
                .take_while(|around| !matches!(code.kind(*around), Kind::Block))
                .any(|around| code.kind(around) == Kind::Await)
                || code
                    .tree
                    .parent(call)
                    .is_some_and(|parent| code.kind(parent) == Kind::Return);
            match code.called(call) {
                "readFile" | "readJson" | "readJSON" if awaited => Some((Touch::Reads, path?)),
                "writeFile" | "writeJson" | "writeJSON" | "outputJson" if awaited => {
                    Some((Touch::Writes, path?))
                }
                _ => None,
            }
        }
    }
}

/// Whether what was read is changed before it is written: a value is set, added or taken out.
fn changes_between(code: Code<'_>, nodes: &[NodeId], read: NodeId, write: NodeId) -> bool {
    let read_names: Vec<&str> = nodes
        .iter()
        .copied()
        .filter(|id| {
            code.kind(*id) == Kind::Assign
                && *id < write
                && code.tree.span(*id).end >= code.tree.span(read).start
        })
        .flat_map(|assign| code.tree.children_in(assign, Role::Target).collect::<Vec<_>>())
        .filter(|target| code.kind(*target) == Kind::Name)
        .map(|target| code.name(target))
        .collect();
    nodes
        .iter()
        .copied()
        .filter(|id| *id > read && *id < write || code.tree.within(*id, write))
        .any(|id| {
            match code.kind(id) {
                Kind::Assign => {
                    !code.tree.flags(id).has(Flags::DECLARATION)
                        && code.child(id, Role::Target).is_some_and(|target| {
                            matches!(code.kind(target), Kind::Member | Kind::Index)
                                && read_names.contains(&code.first_name(target))
                        })
                        || code.child(id, Role::Value).is_some_and(|value| {
                            code.kind(value) == Kind::Call
                                && code.called(value) == "append"
                                && code.mentions(value, |name| read_names.contains(&name))
                        })
                }
                Kind::Call => {
                    matches!(
                        code.called(id),
                        "push"
                            | "append"
                            | "add"
                            | "update"
                            | "pop"
                            | "splice"
                            | "unshift"
                            | "remove"
                            | "extend"
                            | "delete"
                            | "setdefault"
                            | "insert"
                            | "assign"
                    ) && (read_names.contains(&code.receiver(id).map_or("", |of| code.first_name(of)))
                        || code
                            .arg(id, 0)
                            .is_some_and(|arg| read_names.contains(&code.first_name(arg))))
                }
                Kind::Delete => code
                    .tree
                    .children(id)
                    .any(|target| read_names.contains(&code.first_name(target))),
                // `[...votes, vote]`
                Kind::Spread => code
                    .child(id, Role::Value)
                    .is_some_and(|value| read_names.contains(&code.first_name(value))),
                _ => false,
            }
        })
}
