//! What can be had once is given away when a look at it said that it is free, and is marked only afterwards.

use super::claim_without_lock;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::JavaScript, Language::TypeScript, Language::Python],
    run,
    ..claim_without_lock::CHECK
};

/// Words of a field that says that one has it.
const HAD: &[&str] = &[
    "booked", "claimed", "redeemed", "reserved", "sold", "consumed", "spent", "used",
];

/// What lets only one through.
const KEPT_APART: &[&str] = &[
    "for_update",
    "FOR UPDATE",
    "for update",
    "lock",
    "Lock",
    "synchronized",
    "updateMany",
    "Serializable",
    "SERIALIZABLE",
    "findOneAndUpdate",
    "semaphore",
    "mutex",
    "version",
    "atomic_",
    "F(",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions.copied() {
        if undoes_or_tests(code, function) {
            continue;
        }
        let text = source.tree.source(function);
        let may_be_had =
            HAD.iter().any(|word| text.contains(word)) || text.contains("_id") || text.contains("Id");
        if !may_be_had || KEPT_APART.iter().any(|word| text.contains(word)) {
            continue;
        }
        let nodes = bodies::body(&source.tree, function);
        for decision in nodes.iter().copied().filter(|id| code.kind(*id) == Kind::If) {
            let Some((row, field)) = free(code, decision) else {
                continue;
            };
            if !read_from_rows(code, &nodes, row, decision) {
                continue;
            }
            let marked = nodes.iter().copied().find(|id| {
                *id > decision && !code.tree.within(*id, decision) && marks(code, &nodes, *id, row, field)
            });
            if let Some(at) = marked {
                reports.add(
                    at,
                    format!("`{row}.{field}` was free when it was read: two requests at once both find it so, and both get it"),
                );
                break;
            }
        }
    }
}

/// `if (seat.bookedBy) return …`: the row and the field that turn away.
fn free<'s>(code: Code<'s>, decision: NodeId) -> Option<(&'s str, &'s str)> {
    let condition = code.child(decision, Role::Condition)?;
    let body = code.child(decision, Role::Body)?;
    let turns_away = code
        .tree
        .children(body)
        .last()
        .is_some_and(|last| matches!(code.kind(last), Kind::Return | Kind::Raise));
    let member = code.tree.subtree(condition).find(|id| {
        code.kind(*id) == Kind::Member
            && (words(code.name(*id))
                .iter()
                .any(|word| HAD.contains(&word.as_str()))
                || is_free_if_empty(code, *id))
            && code
                .child(*id, Role::Object)
                .is_some_and(|of| code.kind(of) == Kind::Name)
    })?;
    // A count that is compared is no mark.
    let compared = code.tree.parent(member).is_some_and(|parent| {
        code.kind(parent) == Kind::Binary && matches!(code.name(parent), "<" | ">" | "<=" | ">=" | "+" | "-")
    });
    (turns_away && !compared)
        .then(|| Some((code.name(code.child(member, Role::Object)?), code.name(member))))?
}

/// `seat.customer_id is not None`: whose it is, asked for nobody.
fn is_free_if_empty(code: Code<'_>, member: NodeId) -> bool {
    let holder = [
        "customer_id",
        "user_id",
        "owner_id",
        "assignee_id",
        "holder_id",
        "driver_id",
        "guest_id",
        "customerId",
        "userId",
        "assigneeId",
        "driverId",
        "ownerId",
    ]
    .contains(&code.name(member));
    holder
        && code
            .tree
            .parent(member)
            .is_some_and(|parent| match code.kind(parent) {
                Kind::Binary => {
                    matches!(code.name(parent), "is not" | "!=" | "!==")
                        && code
                            .child(parent, Role::Right)
                            .is_some_and(|right| code.is_null(right))
                }
                Kind::If => true,
                _ => false,
            })
}

/// Whether the row was read from a database before.
fn read_from_rows(code: Code<'_>, nodes: &[NodeId], row: &str, before: NodeId) -> bool {
    nodes.iter().copied().any(|id| {
        id < before
            && code.kind(id) == Kind::Assign
            && code
                .child(id, Role::Target)
                .is_some_and(|target| code.name(target) == row)
            && code.child(id, Role::Value).is_some_and(|value| {
                let call = code.bare(value);
                code.kind(call) == Kind::Call
                    && matches!(
                        code.called(call),
                        "findUnique"
                            | "findUniqueOrThrow"
                            | "findFirst"
                            | "findFirstOrThrow"
                            | "findOne"
                            | "findById"
                            | "findByPk"
                            | "findOneBy"
                            | "get_object_or_404"
                            | "first"
                            | "one"
                            | "one_or_none"
                            | "scalar"
                            | "scalar_one"
                            | "scalar_one_or_none"
                            | "get"
                    )
                    && (code.called(call) != "get"
                        || code.tree.source(call).contains("objects")
                        || code.tree.source(call).contains("session"))
            })
    })
}

/// `seat.bookedBy = …` that is saved, `prisma.seat.update({ where: { id }, data: { bookedBy } })`
fn marks(code: Code<'_>, nodes: &[NodeId], id: NodeId, row: &str, field: &str) -> bool {
    match code.kind(id) {
        Kind::Assign => {
            let sets = code.tree.children_in(id, Role::Target).any(|target| {
                code.kind(target) == Kind::Member
                    && code.name(target) == field
                    && code
                        .child(target, Role::Object)
                        .is_some_and(|of| code.name(of) == row)
            });
            sets && nodes.iter().copied().any(|later| {
                later > id
                    && code.kind(later) == Kind::Call
                    && (code.called(later) == "save" && code.tree.source(later).contains(row)
                        || code.called(later) == "commit")
            })
        }
        Kind::Call if matches!(code.called(id), "update" | "updateOne") => {
            let data = code.option(id, "data").or_else(|| code.arg(id, 0));
            let sets = data.is_some_and(|data| code.entry(data, field).is_some());
            let asks_again = code
                .option(id, "where")
                .is_some_and(|by| code.tree.source(by).contains(field));
            sets && !asks_again && code.option(id, "where").is_some()
        }
        _ => false,
    }
}
