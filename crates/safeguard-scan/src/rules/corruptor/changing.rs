//! A list loses elements while a loop goes through it.

use safeguard_api::evidence::Severity;

use super::shared::is_container;
use super::{EVERY, SCRIPT};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static DEFAULTS_CHANGED: Check = Check {
    id: "shared-defaults-changed",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1108"],
    languages: SCRIPT_LANGUAGES,
    run: defaults_changed,
};

pub static ITERATING: Check = Check {
    id: "changed-while-iterating",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1322"],
    languages: EVERY,
    run: iterating,
};

/// `DEFAULTS.update(…)`, `Object.assign(DEFAULTS, …)` in a function; `config = DEFAULTS; config["a"] = …`
fn defaults_changed(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let is_default = |id: NodeId| {
        let id = code.bare(id);
        matches!(code.kind(id), Kind::Name | Kind::Member) && {
            let name = code.name(id).to_ascii_lowercase();
            (name == "defaults"
                || name.starts_with("default")
                    && (name.contains("config")
                        || name.contains("options")
                        || name.contains("settings")
                        || name.contains("params")
                        || name.contains("headers"))
                || name.ends_with("defaults"))
                && code.kind(id) == Kind::Name
                && is_of_file(code, id)
        }
    };
    for call in source.of_kind(Kind::Call).iter().copied() {
        if code.function(call).is_none() || undoes_or_tests(code, call) {
            continue;
        }
        let changed = match (code.tree.language(), code.path(call)) {
            (Language::Python, _) => (code.called(call) == "update")
                .then(|| code.receiver(call))
                .flatten(),
            (
                _,
                "Object.assign" | "_.merge" | "lodash.merge" | "_.extend" | "_.assign" | "$.extend" | "merge"
                | "_.defaultsDeep",
            ) if code.args(call).len() > 1 => code.arg(call, 0),
            _ => None,
        };
        if let Some(changed) = changed {
            let alias = alias_of(code, changed).filter(|from| is_default(*from));
            if is_default(changed) || alias.is_some() {
                let of = code.tree.source(alias.unwrap_or(changed));
                reports.add(
                    call,
                    format!("changes `{of}` itself: what one caller sets, all others get"),
                );
            }
        }
    }
    // `options = DEFAULTS` and then `options["a"] = …`
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        let Some(target) = code.child(assign, Role::Target) else {
            continue;
        };
        if !matches!(code.kind(target), Kind::Index | Kind::Member)
            || code.function(assign).is_none()
            || undoes_or_tests(code, assign)
        {
            continue;
        }
        let Some(object) = code
            .child(target, Role::Object)
            .filter(|object| code.kind(*object) == Kind::Name)
        else {
            continue;
        };
        if let Some(from) = alias_of(code, object)
            && is_default(from)
        {
            reports.add(
                assign,
                format!(
                    "`{}` is `{}` itself: what one caller sets, all others get",
                    code.name(object),
                    code.name(from)
                ),
            );
        }
    }
}

/// The name that a name was set to, one step back.
fn alias_of(code: Code<'_>, name: NodeId) -> Option<NodeId> {
    if code.kind(name) != Kind::Name {
        return None;
    }
    let function = code.function(name)?;
    let begin = code.tree.span(name).start;
    let assign = code
        .tree
        .subtree(function)
        .filter(|id| {
            code.kind(*id) == Kind::Assign && code.tree.span(*id).end <= begin && code.name(*id) != "+="
        })
        .filter(|id| {
            code.child(*id, Role::Target)
                .is_some_and(|target| code.kind(target) == Kind::Name && code.name(target) == code.name(name))
        })
        .last()?;
    code.child(assign, Role::Value)
        .filter(|value| code.kind(*value) == Kind::Name)
}

/// Whether a name is set in the file itself, outside of functions, to an object.
fn is_of_file(code: Code<'_>, name: NodeId) -> bool {
    let local = functions_around(code.tree, name).any(|function| {
        code.tree
            .children_in(function, Role::Param)
            .any(|param| code.name(param) == code.name(name))
            || code.tree.subtree(function).any(|id| {
                code.kind(id) == Kind::Assign
                    && code.child(id, Role::Target).is_some_and(|target| {
                        code.kind(target) == Kind::Name && code.name(target) == code.name(name)
                    })
            })
    });
    !local
        && code.source.of_kind(Kind::Assign).iter().any(|assign| {
            code.function(*assign).is_none()
                && code
                    .child(*assign, Role::Target)
                    .is_some_and(|target| code.name(target) == code.name(name))
                && code
                    .child(*assign, Role::Value)
                    .is_some_and(|value| is_container(code, value))
        })
}

/// A list that loses or gets elements while a loop goes through it.
fn iterating(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for each in source.of_kind(Kind::ForEach).iter().copied() {
        let (Some(iter), Some(body)) = (code.child(each, Role::Iter), code.child(each, Role::Body)) else {
            continue;
        };
        if undoes_or_tests(code, each) {
            continue;
        }
        let language = code.tree.language();
        let over = match (language, code.kind(iter)) {
            (Language::Python, Kind::Call)
                if matches!(code.called(iter), "keys" | "items" | "values") && code.args(iter).is_empty() =>
            {
                match code.receiver(iter) {
                    Some(of) => of,
                    None => continue,
                }
            }
            (Language::Python, Kind::Call) if code.path(iter) == "enumerate" => match code.arg(iter, 0) {
                Some(of) => of,
                None => continue,
            },
            _ => iter,
        };
        // Headers of messages are gone through in a list of their own.
        if !matches!(code.kind(over), Kind::Name | Kind::Member)
            || language == Language::Go
            || code.last_name(over) == "headers"
        {
            continue;
        }
        let same = |id: NodeId| code.same(id, over);
        let changed = code
            .tree
            .subtree(body)
            .find(|id| match (language, code.kind(*id)) {
                (Language::Python, Kind::Call) => {
                    matches!(
                        code.called(*id),
                        "remove" | "pop" | "append" | "insert" | "discard" | "add" | "popitem" | "clear"
                    ) && code.receiver(*id).is_some_and(same)
                }
                (Language::Python, Kind::Delete) => code.tree.children_in(*id, Role::Target).any(|target| {
                    code.kind(target) == Kind::Index && code.child(target, Role::Object).is_some_and(same)
                }),
                (_, Kind::Call) => {
                    matches!(code.called(*id), "splice" | "shift" | "unshift")
                        && code.receiver(*id).is_some_and(same)
                }
                _ => false,
            });
        if let Some(changed) = changed
            && !leaves_after(code, changed, each)
            && !rebound(code, over, body)
        {
            // Growing a list while going through it is a way to work off a queue.
            let grows = matches!(code.called(changed), "append" | "push" | "insert" | "add")
                && code.kind(changed) == Kind::Call;
            let told = format!(
                "`{}` changes while the loop goes through it: elements are passed over",
                code.tree.source(over)
            );
            if grows {
                reports.note(changed, told);
            } else {
                reports.add(changed, told);
            }
        }
    }
    // `list.forEach((x, i) => list.splice(i, 1))`
    for call in source.of_kind(Kind::Call).iter().copied() {
        if code.called(call) != "forEach" || undoes_or_tests(code, call) {
            continue;
        }
        let (Some(of), Some(callback)) = (code.receiver(call), code.arg(call, 0)) else {
            continue;
        };
        if !matches!(code.kind(of), Kind::Name | Kind::Member) {
            continue;
        }
        let changed = code.tree.subtree(callback).find(|id| {
            code.kind(*id) == Kind::Call
                && matches!(code.called(*id), "splice" | "shift")
                && code.receiver(*id).is_some_and(|receiver| code.same(receiver, of))
        });
        if let Some(changed) = changed {
            reports.add(
                changed,
                format!(
                    "`{}` changes while `forEach` goes through it: elements are passed over",
                    code.tree.source(of)
                ),
            );
        }
    }
    // `for (let i = 0; i < list.length; i++) { … list.splice(i, 1) }` without stepping back.
    for counted in source.of_kind(Kind::For).iter().copied() {
        let (Some(condition), Some(body), Some(update)) = (
            code.child(counted, Role::Condition),
            code.child(counted, Role::Body),
            code.child(counted, Role::Update),
        ) else {
            continue;
        };
        if !SCRIPT.contains(&code.tree.language())
            || undoes_or_tests(code, counted)
            || !code.tree.source(update).contains("++")
        {
            continue;
        }
        let Some((_, index, _)) = code.comparison(condition) else {
            continue;
        };
        let changed = code.tree.subtree(body).find(|id| {
            code.kind(*id) == Kind::Call
                && code.called(*id) == "splice"
                && code.arg(*id, 0).is_some_and(|at| code.same(at, index))
                && code.args(*id).len() == 2
                && code.arg(*id, 1).and_then(|count| code.number(count)) == Some(1)
                && code.receiver(*id).is_some_and(|of| {
                    code.mentions(condition, |name| name == "length")
                        && code.tree.source(condition).contains(code.tree.source(of))
                })
        });
        if let Some(changed) = changed {
            let back = code.tree.subtree(body).any(|id| {
                code.kind(id) == Kind::Assign
                    && code
                        .child(id, Role::Target)
                        .is_some_and(|target| code.same(target, index))
                    || code.kind(id) == Kind::Call
                        && code
                            .tree
                            .source(id)
                            .contains(&format!("{}--", code.tree.source(index)))
            });
            if !back && !leaves_after(code, changed, counted) {
                reports.add(
                    changed,
                    "the element behind the one that is taken out is passed over",
                );
            }
        }
    }
}

/// Whether the loop is left in the same block.
fn leaves_after(code: Code<'_>, id: NodeId, each: NodeId) -> bool {
    let mut at = id;
    while let Some(parent) = code.tree.parent(at) {
        if parent == each {
            return false;
        }
        if matches!(code.kind(parent), Kind::Block) {
            let leaves = code
                .tree
                .children(parent)
                .filter(|statement| code.tree.span(*statement).start >= code.tree.span(at).start)
                .any(|statement| matches!(code.kind(statement), Kind::Break | Kind::Return | Kind::Raise));
            if leaves {
                return true;
            }
        }
        if code.kind(parent) == Kind::Return {
            return true;
        }
        at = parent;
    }
    false
}

fn rebound(code: Code<'_>, over: NodeId, body: NodeId) -> bool {
    code.tree.subtree(body).any(|id| {
        code.kind(id) == Kind::Assign
            && code.name(id) != "+="
            && code
                .tree
                .children_in(id, Role::Target)
                .any(|target| code.same(target, over))
    }) || code.tree.flags(over).has(Flags::COMPUTED)
}
