//! Values that a schema of the file lets a client leave out, and conditions that are made of them.

use super::{earlier_exits, undoes_or_tests};
use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::rules::Reports;
use crate::tree::{Flags, Kind, NodeId, Role};

/// Whether a condition holds only where there is a value: `id`, `id !== undefined`, `id && other`.
pub(super) fn holds_only_with(code: Code<'_>, condition: NodeId, name: &str) -> bool {
    let is_it = |id: NodeId| matches!(code.kind(id), Kind::Name | Kind::Member) && code.name(id) == name;
    match code.kind(condition) {
        Kind::Name | Kind::Member => is_it(condition),
        Kind::Binary if matches!(code.name(condition), "!=" | "!==") => {
            let sides = [
                code.child(condition, Role::Left),
                code.child(condition, Role::Right),
            ];
            sides.into_iter().flatten().any(is_it)
                && sides.into_iter().flatten().any(|side| code.is_null(side))
        }
        Kind::Binary if code.name(condition) == "and" => [Role::Left, Role::Right]
            .into_iter()
            .filter_map(|role| code.child(condition, role))
            .any(|side| holds_only_with(code, side, name)),
        _ => false,
    }
}

/// Whether a value is part of what a schema has parsed, which says that it may be left out: `const { id } = schema.parse(req.body)`.
pub(super) fn by_schema(code: Code<'_>, value: NodeId) -> bool {
    let (member, from) = match code.kind(value) {
        // `input.ticketId`
        Kind::Member => {
            let Some(object) = code.child(value, Role::Object) else {
                return false;
            };
            (code.name(value), object)
        }
        Kind::Name => match taken_apart(code, value) {
            Some((key, from)) => (key, from),
            None => match code.set_to(value).filter(|from| code.kind(*from) == Kind::Member) {
                Some(from) => {
                    let Some(object) = code.child(from, Role::Object) else {
                        return false;
                    };
                    (code.name(from), object)
                }
                None => return false,
            },
        },
        _ => return false,
    };
    parsed_by(code, from, 0).is_some_and(|schema| leaves_out(code, schema, member))
        || typed_by(code, from).is_some_and(|schema| leaves_out(code, schema, member))
}

/// The key that a name was taken from, and what it was taken from: `const { ticketId: id } = parsed.data`.
fn taken_apart<'s>(code: Code<'s>, name: NodeId) -> Option<(&'s str, NodeId)> {
    let scope = code.function(name).unwrap_or(NodeId::ROOT);
    code.tree.subtree(scope).find_map(|id| {
        let target = code
            .child(id, Role::Target)
            .filter(|target| code.kind(id) == Kind::Assign && code.kind(*target) == Kind::Object)?;
        let key = code.tree.children(target).find_map(|pair| {
            let to = code.child(pair, Role::Value)?;
            (code.kind(to) == Kind::Name && code.name(to) == code.name(name)).then(|| code.key(pair))?
        })?;
        Some((key, code.child(id, Role::Value)?))
    })
}

/// The schema whose `parse` gave a value: `schema.parse(x)`, `schema.safeParse(x).data`, `await schema.validate(x)`.
fn parsed_by<'s>(code: Code<'s>, from: NodeId, depth: usize) -> Option<&'s str> {
    const DEPTH_MAX: usize = 5;
    let value = code.bare(from);
    if depth > DEPTH_MAX {
        return None;
    }
    match code.kind(value) {
        Kind::Call => {
            let parses = matches!(
                code.called(value),
                "parse"
                    | "safeParse"
                    | "parseAsync"
                    | "safeParseAsync"
                    | "validate"
                    | "validateSync"
                    | "validateAsync"
                    | "cast"
            );
            code.receiver(value)
                .filter(|of| parses && code.kind(*of) == Kind::Name)
                .map(|of| code.name(of))
        }
        Kind::Member if matches!(code.name(value), "data" | "value" | "output") => {
            parsed_by(code, code.child(value, Role::Object)?, depth + 1)
        }
        Kind::Name => parsed_by(code, code.set_to(value).filter(|set| *set != value)?, depth + 1),
        _ => None,
    }
}

/// The schema that a parameter's type is made from: `input: z.infer<typeof schema>`.
fn typed_by<'s>(code: Code<'s>, from: NodeId) -> Option<&'s str> {
    if code.kind(from) != Kind::Name {
        return None;
    }
    let mut params = code
        .functions(from)
        .flat_map(|function| code.tree.children_in(function, Role::Param));
    let param = params.find(|param| code.name(*param) == code.name(from))?;
    let written = code.name(code.child(param, Role::Type)?);
    let (_, rest) = written.split_once("typeof")?;
    let schema = rest.trim_matches(|char: char| !char.is_alphanumeric() && char != '_');
    Some(
        schema
            .split(|char: char| !char.is_alphanumeric() && char != '_')
            .next()
            .unwrap_or(schema),
    )
}

/// Whether a schema of the file lets a member be left out: `.optional()`, `.nullish()`, `.partial()`.
fn leaves_out(code: Code<'_>, schema: &str, member: &str) -> bool {
    let set = code.source.of_kind(Kind::Assign).iter().find_map(|assign| {
        let target = code.child(*assign, Role::Target)?;
        (code.kind(target) == Kind::Name && code.name(target) == schema)
            .then(|| code.child(*assign, Role::Value))?
    });
    let Some(value) = set else {
        return false;
    };
    let whole = code
        .tree
        .subtree(value)
        .any(|id| code.kind(id) == Kind::Call && matches!(code.called(id), "partial" | "deepPartial"));
    whole
        || code.tree.subtree(value).any(|pair| {
            code.kind(pair) == Kind::Pair
                && code.key(pair) == Some(member)
                && code.child(pair, Role::Value).is_some_and(|field| {
                    let calls = || code.tree.subtree(field).filter(|id| code.kind(*id) == Kind::Call);
                    calls().any(|call| {
                        matches!(
                            code.called(call),
                            "optional" | "nullish" | "notRequired" | "exactOptional"
                        )
                    }) && !calls().any(|call| matches!(code.called(call), "default" | "catch" | "transform"))
                })
        })
}

/// Query builders: `db.delete(files).where(id ? eq(files.id, id) : undefined)`; no condition is every row.
pub(super) fn undefined_condition(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if code.called(call) != "where" || undoes_or_tests(code, call) {
        return;
    }
    let chain = Chain::around(code, call);
    let deletes = chain
        .links
        .iter()
        .any(|link| matches!(link.name, "delete" | "deleteFrom") && link.call.is_some());
    let [only] = code.args(call)[..] else {
        return;
    };
    if !deletes || chain.links.iter().filter(|link| link.name == "where").count() > 1 {
        return;
    }
    let parts = match code.kind(only) {
        Kind::Call if matches!(code.called(only), "and" | "or") => code.args(only),
        _ => vec![only],
    };
    let may_be_none = |part: &NodeId| {
        let name = match code.kind(*part) {
            Kind::Conditional => {
                let ends = [code.child(*part, Role::Value), code.child(*part, Role::Else)];
                let none = ends.into_iter().flatten().any(|end| code.is_null(end));
                code.child(*part, Role::Condition).filter(|_| none)
            }
            Kind::Binary if code.name(*part) == "and" => code.child(*part, Role::Left),
            _ => None,
        };
        name.is_some_and(|name| {
            let asked = code.last_name(name);
            !earlier_exits(code, call)
                .into_iter()
                .chain(code.conditions_around(call))
                .any(|condition| {
                    !asked.is_empty() && code.mentions(condition, |other| other == asked) && condition != name
                })
        })
    };
    if !parts.is_empty() && parts.iter().all(may_be_none) && !code.tree.flags(call).has(Flags::OPTIONAL) {
        reports.add(
            call,
            "every condition here may be left out, and without one all rows are deleted",
        );
    }
}
