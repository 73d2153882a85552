//! What is deleted depends on values that may be missing.

mod conditional_text;
mod narrowed;
mod optional;
mod prefix;

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::delete_everything::is_filled;
use super::sql_destroys_data::is_added_to;
use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::analysis::meant::{earlier_exits, undoes_or_tests};
use crate::analysis::sql_text;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub use conditional_text::{ADDED, IN_SQL, NOTHING_IS_ALL};
pub use narrowed::NARROWED;
pub use prefix::PREFIX;

pub static CHECK: Check = Check {
    id: "delete-filter-may-be-empty",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: EVERY,
    run,
};

const DELETES: &[&str] = &[
    "deleteMany",
    "delete_many",
    "DeleteMany",
    "destroy",
    "delete",
    "del",
    "updateMany",
    "update_many",
    "remove",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let name = code.called(call);
        if matches!(
            name,
            "execute" | "exec" | "Exec" | "ExecContext" | "query" | "run"
        ) {
            added_condition(code, call, reports);
            continue;
        }
        optional::undefined_condition(code, call, reports);
        if !DELETES.contains(&name) || code.receiver(call).is_none() || undoes_or_tests(code, call) {
            continue;
        }
        spread_filter(code, call, reports);
        let Some(filter) = filter(code, call) else {
            continue;
        };
        judge(code, call, filter, reports);
    }
}

/// The filter that a call deletes by.
fn filter(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let name = code.called(call);
    if let Some(filter) = code.option(call, "where") {
        return Some(filter);
    }
    match name {
        "deleteMany" | "delete_many" | "updateMany" | "update_many" | "remove" => code.arg(call, 0),
        "DeleteMany" => code.arg(call, 1),
        "del" | "delete" if code.args(call).is_empty() => {
            let chain = Chain::around(code, call);
            let condition = chain.called(&["where"])?;
            let only = chain
                .links
                .iter()
                .filter(|link| link.name.to_ascii_lowercase().contains("where"))
                .count()
                == 1;
            let first = code.arg(condition, 0)?;
            (only && matches!(code.kind(code.bare(first)), Kind::Object)).then_some(first)
        }
        "delete" => {
            let first = code.arg(call, 0)?;
            (code.kind(first) == Kind::Object && code.args(call).len() == 1).then_some(first)
        }
        _ => None,
    }
}

fn judge(code: Code<'_>, call: NodeId, filter: NodeId, reports: &mut Reports) {
    let bare = code.bare(filter);
    // The whole filter is what a client sent.
    let value = code.set_to(bare).unwrap_or(bare);
    if code.kind(value) != Kind::Object && is_whole_request(code, value) {
        let told = format!(
            "a client says what is deleted: `{}`; an empty one deletes everything",
            code.tree.source(filter)
        );
        // A service of the project's own may take a list of keys.
        let model = code.receiver(call).is_some_and(|of| {
            let name = code.last_name(of);
            name.starts_with(|first: char| first.is_ascii_uppercase())
                || has_word(name, &["collection", "model"])
                || matches!(code.called(of), "collection" | "model")
        });
        if model || code.option(call, "where").is_some() {
            reports.add(call, told);
        } else {
            reports.note(call, told);
        }
        return;
    }
    // A filter that begins empty, and gets entries only under conditions.
    if code.kind(bare) == Kind::Name {
        if code.kind(value) == Kind::Object
            && code.tree.children(value).next().is_none()
            && only_conditionally_filled(code, bare)
            && !is_guarded(code, call, code.name(bare))
        {
            reports.add(
                call,
                format!(
                    "`{}` is empty when no condition above holds, and then everything is deleted",
                    code.name(bare)
                ),
            );
        }
        return;
    }
    if code.kind(bare) != Kind::Object || code.tree.language() == Language::Python {
        return;
    }
    if let Some(condition) = only_conditional_spreads(code, bare)
        && !is_guarded(code, call, condition)
    {
        reports.add(
            call,
            format!(
                "`{}` is empty when `{condition}` is not there, and then everything is deleted",
                code.tree.source(bare)
            ),
        );
        return;
    }
    let values: Vec<NodeId> = code
        .tree
        .children(bare)
        .map(|pair| code.child(pair, Role::Value).unwrap_or(pair))
        .collect();
    if values.is_empty() || !values.iter().all(|value| may_be_undefined(code, call, *value)) {
        return;
    }
    let leaves_out = code.option(call, "where").is_some() && code.called(call) != "destroy"
        || code.called(call) == "delete";
    let told = format!(
        "`{}` may be undefined: then nothing limits what is deleted",
        code.tree.source(*values.first().unwrap_or(&bare))
    );
    if leaves_out {
        reports.add(call, told);
    } else {
        reports.note(call, told);
    }
}

/// The last condition, where all entries of a filter come under one: `{ ...(id ? { id } : {}) }`, `{ ...(id && { id }) }`.
fn only_conditional_spreads<'s>(code: Code<'s>, filter: NodeId) -> Option<&'s str> {
    let mut condition = None;
    for entry in code.tree.children(filter) {
        if code.kind(entry) != Kind::Spread {
            return None;
        }
        let value = code.bare(code.child(entry, Role::Value)?);
        let asked = match code.kind(value) {
            Kind::Conditional => {
                let empty = [Role::Value, Role::Else]
                    .into_iter()
                    .filter_map(|role| code.child(value, role))
                    .any(|side| {
                        let side = code.bare(side);
                        code.kind(side) == Kind::Object && code.tree.children(side).next().is_none()
                    });
                code.child(value, Role::Condition).filter(|_| empty)?
            }
            Kind::Binary if matches!(code.name(value), "and" | "&&") => code.child(value, Role::Left)?,
            _ => return None,
        };
        condition = Some(code.last_name(asked)).filter(|name| !name.is_empty());
        condition?;
    }
    condition
}

/// `req.body`, `req.query`, `request.json`, `request.get_json()`
fn is_whole_request(code: Code<'_>, value: NodeId) -> bool {
    let of_request = |id: NodeId| {
        code.child(id, Role::Object)
            .is_some_and(|of| matches!(code.last_name(of), "req" | "request" | "ctx"))
    };
    match code.kind(value) {
        Kind::Member => matches!(code.name(value), "body" | "query" | "json" | "args") && of_request(value),
        // `req.body.filter`
        Kind::Call => {
            code.called(value) == "get_json"
                && code
                    .receiver(value)
                    .is_some_and(|of| matches!(code.last_name(of), "request" | "req"))
        }
        _ => false,
    }
}

fn is_request_value(code: Code<'_>, value: NodeId) -> bool {
    match code.kind(value) {
        Kind::Member => {
            let Some(of) = code.child(value, Role::Object) else {
                return false;
            };
            matches!(code.last_name(of), "query" | "body")
                && code
                    .child(of, Role::Object)
                    .is_some_and(|of| matches!(code.last_name(of), "req" | "request"))
        }
        _ => false,
    }
}

/// Whether a value may be undefined, and nothing has asked before.
fn may_be_undefined(code: Code<'_>, call: NodeId, value: NodeId) -> bool {
    let value = code.bare(value);
    let name = match code.kind(value) {
        Kind::Member
            if code
                .tree
                .subtree(value)
                .any(|id| code.tree.flags(id).has(Flags::OPTIONAL)) =>
        {
            code.name(value)
        }
        Kind::Member
            if is_request_value(code, value)
                || optional_member(code, value)
                || optional::by_schema(code, value) =>
        {
            code.name(value)
        }
        Kind::Name => {
            let taken = taken_from_request(code, value)
                || optional_param(code, value)
                || optional_part(code, value)
                || optional::by_schema(code, value);
            let from = code.set_to(value).unwrap_or(value);
            if !taken
                && (from == value
                    || !(is_request_value(code, from)
                        || code.kind(from) == Kind::Member && code.tree.flags(from).has(Flags::OPTIONAL)))
            {
                return false;
            }
            code.name(value)
        }
        _ => return false,
    };
    !is_guarded(code, call, name)
}

/// `const { userId } = req.query`
fn taken_from_request(code: Code<'_>, name: NodeId) -> bool {
    let scope = code.function(name).unwrap_or(NodeId::ROOT);
    code.tree.subtree(scope).any(|id| {
        code.kind(id) == Kind::Assign
            && code.child(id, Role::Target).is_some_and(|target| {
                code.kind(target) == Kind::Object
                    && code.tree.children(target).any(|pair| {
                        code.child(pair, Role::Value).is_some_and(|value| {
                            code.kind(value) == Kind::Name && code.name(value) == code.name(name)
                        })
                    })
            })
            && code.child(id, Role::Value).is_some_and(|value| {
                code.kind(value) == Kind::Member
                    && matches!(code.name(value), "query" | "body")
                    && code
                        .child(value, Role::Object)
                        .is_some_and(|of| matches!(code.last_name(of), "req" | "request"))
            })
    })
}

fn optional_param(code: Code<'_>, name: NodeId) -> bool {
    code.function(name).is_some_and(|function| {
        code.tree
            .children_in(function, Role::Param)
            .any(|param| code.name(param) == code.name(name) && code.tree.flags(param).has(Flags::OPTIONAL))
    })
}

/// `options.userId` where `options: Options` and `interface Options { userId?: string }`
fn optional_member(code: Code<'_>, member: NodeId) -> bool {
    let Some(object) = code
        .child(member, Role::Object)
        .filter(|of| code.kind(*of) == Kind::Name)
    else {
        return false;
    };
    let mut params = code
        .functions(object)
        .flat_map(|function| code.tree.children_in(function, Role::Param));
    params
        .find(|param| code.name(*param) == code.name(object))
        .and_then(|param| code.child(param, Role::Type))
        .is_some_and(|written| type_leaves_out(code, written, code.name(member)))
}

/// `({ userId }: Options)`, `const { userId } = options`
fn optional_part(code: Code<'_>, name: NodeId) -> bool {
    let takes = |target: NodeId| {
        code.kind(target) == Kind::Object
            && code.tree.children(target).any(|pair| {
                code.child(pair, Role::Value).is_some_and(|value| {
                    code.kind(value) == Kind::Name && code.name(value) == code.name(name)
                })
            })
    };
    code.functions(name).any(|function| {
        code.tree.children_in(function, Role::Param).any(|param| {
            let written = code.child(param, Role::Type);
            code.child(param, Role::Target).is_some_and(takes)
                && written.is_some_and(|written| type_leaves_out(code, written, code.name(name)))
        })
    })
}

/// Whether a type of the file says that a member may be left out.
fn type_leaves_out(code: Code<'_>, written: NodeId, member: &str) -> bool {
    let says = |text: &str| {
        let mut at = text.match_indices(member);
        at.any(|(begin, _)| {
            let before = text[..begin].chars().next_back();
            let after = text[begin + member.len()..].trim_start();
            before.is_none_or(|char| !char.is_alphanumeric() && char != '_') && after.starts_with("?:")
        })
    };
    let name = code.name(written);
    if name.starts_with("Partial<") || says(name) {
        return true;
    }
    let plain = |id: &NodeId| {
        let declares = ["interface ", "type "].iter().any(|word| {
            code.tree.source(*id).split(word).nth(1).is_some_and(|rest| {
                rest.split(|char: char| !char.is_alphanumeric() && char != '_')
                    .next()
                    == Some(name)
            })
        });
        code.name(*id) == name || declares
    };
    let classes = code.source.of_kind(Kind::Class).iter();
    let mut types = classes.chain(code.source.of_kind(Kind::Other));
    types.any(|id| plain(id) && says(code.tree.source(*id)))
}

/// Whether a condition before or around asks about the name, or a schema has parsed what it comes from.
fn is_guarded(code: Code<'_>, call: NodeId, name: &str) -> bool {
    let asks = |condition: NodeId| code.mentions(condition, |other| other == name);
    // `if (id) { …; if (!found) return; }` says nothing of what happens without `id`.
    let leaves_without =
        |condition: NodeId| asks(condition) && !optional::holds_only_with(code, condition, name);
    code.conditions_around(call).into_iter().any(asks)
        || earlier_exits(code, call).into_iter().any(leaves_without)
}

fn only_conditionally_filled(code: Code<'_>, name: NodeId) -> bool {
    if !is_filled(code, name) {
        return false;
    }
    let scope = code.function(name).unwrap_or(NodeId::ROOT);
    let same = |id: NodeId| code.kind(id) == Kind::Name && code.name(id) == code.name(name);
    let mut fills = code.tree.subtree(scope).filter(|id| match code.kind(*id) {
        Kind::Assign => code.tree.children_in(*id, Role::Target).any(|target| {
            matches!(code.kind(target), Kind::Index | Kind::Member)
                && code.child(target, Role::Object).is_some_and(same)
        }),
        Kind::Call => {
            matches!(code.called(*id), "update" | "setdefault" | "assign")
                && (code.receiver(*id).is_some_and(same) || code.arg(*id, 0).is_some_and(same))
        }
        _ => false,
    });
    fills.all(|fill| {
        code.tree
            .ancestors(fill)
            .take_while(|around| *around != scope)
            .any(|around| {
                // An `if` without another way; with one, one of them is taken.
                code.kind(around) == Kind::If && code.child(around, Role::Else).is_none()
            })
    })
}

/// `.filter(**filters).delete()`, `.filter_by(**filters).delete()`
fn spread_filter(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if !code.args(call).is_empty() || code.called(call) != "delete" {
        return;
    }
    let chain = Chain::around(code, call);
    let filters: Vec<NodeId> = chain
        .links
        .iter()
        .filter(|link| matches!(link.name, "filter" | "filter_by" | "where" | "exclude"))
        .filter_map(|link| link.call)
        .collect();
    let [only] = filters.as_slice() else {
        return;
    };
    let args: Vec<NodeId> = code.tree.children_in(*only, Role::Arg).collect();
    let [spread] = args.as_slice() else {
        return;
    };
    if code.kind(*spread) != Kind::Spread || code.name(*spread) != "**" {
        return;
    }
    let Some(name) = code.child(*spread, Role::Value) else {
        return;
    };
    if code.kind(name) == Kind::Name && is_guarded(code, call, code.name(name)) {
        return;
    }
    let told = format!(
        "`{}` may be empty, and then everything is deleted",
        code.tree.source(name)
    );
    let begins_empty = code
        .set_to(name)
        .is_some_and(|value| code.kind(value) == Kind::Object && code.tree.children(value).next().is_none());
    if begins_empty && only_conditionally_filled(code, name) {
        reports.add(call, told);
    } else if code.kind(code.set_to(name).unwrap_or(name)) != Kind::Object {
        reports.note(call, told);
    }
}

/// `query = "DELETE FROM t"`, `if x: query += " WHERE …"`, `execute(query)`
fn added_condition(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    for arg in code.args(call).into_iter().take(2) {
        if code.kind(arg) != Kind::Name || !is_added_to(code, arg) {
            continue;
        }
        let Some(begins) = code.set_to(arg) else {
            continue;
        };
        let Some(text) = sql_text::text_of(code, begins) else {
            continue;
        };
        if sql_text::destroys(&text).is_empty() || undoes_or_tests(code, call) {
            continue;
        }
        let scope = code.function(arg).unwrap_or(NodeId::ROOT);
        let always = code.tree.subtree(scope).any(|id| {
            code.kind(id) == Kind::Assign
                && code.name(id) == "+="
                && code
                    .child(id, Role::Target)
                    .is_some_and(|target| code.name(target) == code.name(arg))
                && !code
                    .tree
                    .ancestors(id)
                    .take_while(|around| *around != scope)
                    .any(|around| {
                        matches!(code.kind(around), Kind::If | Kind::ForEach)
                            && code.child(around, Role::Else).is_none()
                    })
        });
        if !always {
            reports.add(
                call,
                format!(
                    "`{}` has no condition when none of those above holds, and then everything is deleted",
                    code.name(arg)
                ),
            );
        }
    }
}
