//! What a store of objects deletes is chosen by a prefix that may be empty: every name begins with an empty one.

use safeguard_api::evidence::Severity;

use super::super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::{earlier_exits, undoes_or_tests};
use crate::analysis::settings::settings;
use crate::analysis::words::{has_word, words};
use crate::analysis::{bodies, loops, served};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static PREFIX: Check = Check {
    id: "delete-filter-may-be-empty",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: EVERY,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    let code = Code::of(source);
    for (node, value) in prefixes(code) {
        let Some(function) = bodies::enclosing(code.tree, node) else {
            continue;
        };
        if undoes_or_tests(code, node) || !deletes(code, function, node) {
            continue;
        }
        let value = unwrapped(code, value);
        let name = match code.kind(value) {
            Kind::Name => code.name(value),
            _ => "",
        };
        if !name.is_empty() && is_guarded(code, node, name) {
            continue;
        }
        let empty = if bodies::has_param(code.tree, function, name) {
            by_parameter(code, project, function, name)
        } else {
            let from = code.set_to(value).unwrap_or(value);
            let from = if code.kind(from) == Kind::Name {
                set_for_all(code, code.name(from)).unwrap_or(from)
            } else {
                from
            };
            may_be_empty(code, from)
        };
        if !empty {
            continue;
        }
        let told = format!(
            "`{}` may be empty, and everything begins with that: then all that the store holds is deleted",
            code.tree.source(value)
        );
        // What is there to empty a store says so.
        let meant = code.names_around(node).iter().any(|name| {
            has_word(
                name,
                &[
                    "empty",
                    "wipe",
                    "all",
                    "everything",
                    "bucket",
                    "reset",
                    "teardown",
                ],
            )
        });
        if meant {
            reports.note(node, told);
        } else {
            reports.add(node, told);
        }
    }
}

/// The prefixes that a store is asked to list by.
fn prefixes(code: Code<'_>) -> Vec<(NodeId, NodeId)> {
    let lists = |text: &str| {
        let lower = text.to_ascii_lowercase();
        [
            "list",
            "filter",
            "versions",
            "paginate",
            "getfiles",
            "deletefiles",
            "delete_files",
            "iter",
        ]
        .iter()
        .any(|part| lower.contains(part))
    };
    let mut found: Vec<(NodeId, NodeId)> = settings(code)
        .into_iter()
        .filter(|setting| matches!(setting.name, "Prefix" | "prefix"))
        .filter(|setting| {
            setting
                .within(code)
                .is_some_and(|within| match code.kind(within) {
                    Kind::Composite => lists(code.name(within)),
                    _ => lists(code.path(within)) || lists(code.called(within)),
                })
        })
        .map(|setting| (setting.node, setting.value))
        .collect();
    // minio: `listObjects(bucket, prefix, true)`
    for call in code.calls() {
        if matches!(
            code.called(call),
            "listObjects" | "listObjectsV2" | "list_blobs_with_prefix"
        ) && let Some(second) = code.arg(call, 1)
            && code.kind(second) == Kind::Name
        {
            found.push((call, second));
        }
    }
    // Redis: `scan_iter(match=f"{prefix}*")`, `keys(`${prefix}*`)`
    for call in code.calls() {
        let pattern = match code.called(call) {
            "scan_iter" => code.option(call, "match").or_else(|| code.arg(call, 0)),
            "keys" => code.arg(call, 0),
            _ => None,
        };
        if let Some(pattern) = pattern.filter(|pattern| code.kind(*pattern) == Kind::Interp) {
            let parts: Vec<NodeId> = code.tree.children(pattern).collect();
            if let [value, rest] = parts.as_slice()
                && code.kind(*value) == Kind::Name
                && code.name(*rest) == "*"
            {
                found.push((call, *value));
            }
        }
    }
    found
}

/// `aws.String(prefix)`, `` `${prefix}` ``, `prefix!`
fn unwrapped(code: Code<'_>, value: NodeId) -> NodeId {
    let value = code.bare(value);
    match code.kind(value) {
        Kind::Call if matches!(code.called(value), "String" | "str") => code.arg(value, 0).unwrap_or(value),
        Kind::Interp => {
            let mut parts = code.tree.children(value);
            match (parts.next(), parts.next()) {
                (Some(only), None) => only,
                _ => value,
            }
        }
        _ => value,
    }
}

/// Whether the function deletes what it has listed.
fn deletes(code: Code<'_>, function: NodeId, from: NodeId) -> bool {
    let tree = code.tree;
    code.body(function).is_some_and(|body| {
        tree.subtree(body).filter(|id| code.is_call(*id)).any(|call| {
            let name = words(code.called(call)).join("");
            let many = matches!(
                name.as_str(),
                "deleteobjects"
                    | "deleteobjectscommand"
                    | "removeobjects"
                    | "deletefiles"
                    | "deleteblobs"
                    | "deletemulti"
            );
            let one = matches!(
                name.as_str(),
                "deleteobject"
                    | "deleteobjectcommand"
                    | "removeobject"
                    | "deleteblob"
                    | "delete"
                    | "deleteifexists"
            );
            let in_loop = || {
                tree.ancestors(call)
                    .take_while(|around| *around != function)
                    .any(|around| {
                        loops::is_loop(code.kind(around))
                            || code.is_call(around)
                                && matches!(code.called(around), "map" | "forEach" | "all")
                    })
            };
            // `bucket.objects.filter(Prefix=prefix).delete()`
            let on_list = || code.receiver(call).is_some_and(|of| tree.within(from, of));
            many || one && (on_list() || in_loop())
        })
    })
}

fn is_guarded(code: Code<'_>, node: NodeId, name: &str) -> bool {
    let asks = |condition: NodeId| code.mentions(condition, |used| used == name);
    code.conditions_around(node).into_iter().any(asks) || earlier_exits(code, node).into_iter().any(asks)
}

/// Whether a value may be empty: a variable of the environment that nobody asked for, or an empty text where there is none.
fn may_be_empty(code: Code<'_>, value: NodeId) -> bool {
    let value = unwrapped(code, value);
    let is_empty = |id: NodeId| code.text(id) == Some("");
    match code.kind(value) {
        Kind::Str => code.name(value).is_empty(),
        Kind::Member | Kind::Index => {
            code.tree.language() != Language::Python && code.tree.source(value).starts_with("process.env")
        }
        Kind::Call => match code.path(value) {
            "os.Getenv" => true,
            "os.getenv" | "os.environ.get" => code.arg(value, 1).is_some_and(is_empty),
            _ => false,
        },
        // `process.env.X ?? ''`, `os.environ.get("X") or ""`
        Kind::Binary if matches!(code.name(value), "??" | "or" | "||") => code
            .child(value, Role::Right)
            .is_some_and(|right| may_be_empty(code, right)),
        _ => false,
    }
}

/// What a name of the whole file is set to.
fn set_for_all(code: Code<'_>, name: &str) -> Option<NodeId> {
    let mut set = code
        .source
        .of_kind(Kind::Assign)
        .iter()
        .copied()
        .filter(|assign| {
            bodies::enclosing(code.tree, *assign).is_none()
                && code
                    .child(*assign, Role::Target)
                    .is_some_and(|target| code.kind(target) == Kind::Name && code.name(target) == name)
        });
    match (set.next(), set.next()) {
        (Some(only), None) => code.child(only, Role::Value),
        _ => None,
    }
}

/// Whether a parameter is empty where nothing is given, or somebody gives what may be.
fn by_parameter(code: Code<'_>, project: &Project, function: NodeId, name: &str) -> bool {
    let tree = code.tree;
    let params: Vec<NodeId> = bodies::params(tree, function)
        .filter(|param| !matches!(code.name(*param), "self" | "cls"))
        .collect();
    let Some(at) = params.iter().position(|param| code.name(*param) == name) else {
        return false;
    };
    let Some(param) = params.get(at).copied() else {
        return false;
    };
    let by_default = code.child(param, Role::Default).is_some_and(|default| {
        code.text(default) == Some("")
            // Left out of the question, it is no limit.
            || code.tree.language() != Language::Python && code.is_null(default)
    });
    if by_default || tree.flags(param).has(Flags::OPTIONAL) {
        return true;
    }
    let own = code.function_name(function);
    let gives = |other: &Source, call: NodeId| {
        let other = Code::of(other);
        let given = other.option(call, name).or_else(|| other.arg(call, at));
        given.is_some_and(|given| {
            let from = other.set_to(given).unwrap_or(given);
            may_be_empty(other, from)
        })
    };
    own.len() > 2
        && (code
            .calls()
            .into_iter()
            .any(|call| code.called(call) == own && gives(code.source, call))
            || served::callers(code.source, project, own, &mut |other, call| gives(other, call)))
}
