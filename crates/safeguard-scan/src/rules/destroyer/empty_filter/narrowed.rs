//! A query begins with all rows and is narrowed only under conditions, and what it then finds is deleted.

use super::{CHECK, is_guarded};
use crate::analysis::bodies;
use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::analysis::meant::{earlier_exits, undoes_or_tests};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static NARROWED: Check = Check { run, ..CHECK };

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        if modified(code, call) && !undoes_or_tests(code, call) {
            reports.add(
                call,
                "nothing limits what is deleted when no condition of the callback holds",
            );
        }
        if let Some(name) = query(code, call)
            && !undoes_or_tests(code, call)
        {
            reports.add(
                call,
                format!(
                    "`{name}` is everything when no condition above holds, and then everything is deleted"
                ),
            );
        }
    }
}

/// Knex: `knex('files').modify((query) => { if (owner) query.where(…); }).del()`, and no condition besides.
fn modified(code: Code<'_>, call: NodeId) -> bool {
    if !matches!(code.called(call), "del" | "delete") {
        return false;
    }
    let chain = Chain::around(code, call);
    let mut conditions = chain
        .links
        .iter()
        .filter(|link| link.name.to_ascii_lowercase().contains("where") || link.name == "modify");
    let Some(callback) = conditions
        .next()
        .filter(|link| link.name == "modify")
        .and_then(|link| code.arg(link.call?, 0))
    else {
        return false;
    };
    let body = code.body(callback).filter(|body| code.kind(*body) == Kind::Block);
    conditions.next().is_none()
        && body.is_some_and(|body| {
            code.tree.children(body).all(|statement| {
                code.kind(statement) == Kind::If && code.child(statement, Role::Else).is_none()
            })
        })
}

/// Calls that narrow a query.
const NARROWS: &[&str] = &[
    "filter",
    "filter_by",
    "where",
    "andWhere",
    "exclude",
    "Where",
    "eq",
    "in",
    "match",
    "limit",
    "Limit",
    "whereIn",
    "lt",
    "gt",
    "lte",
    "gte",
];

/// The query that a call deletes all of, if no condition above it holds.
fn query<'s>(code: Code<'s>, call: NodeId) -> Option<&'s str> {
    let tree = code.tree;
    let deletes = matches!(
        code.called(call),
        "delete" | "del" | "Delete" | "update" | "_raw_delete"
    );
    let runs = matches!(code.called(call), "execute" | "exec");
    // `session.execute(statement)`, where the statement is `delete(Model)`.
    let of = match (deletes, runs) {
        (true, _) if code.called(call) != "update" => code.receiver(call)?,
        (_, true) => code.arg(call, 0)?,
        _ => return None,
    };
    if code.kind(of) != Kind::Name {
        return None;
    }
    let name = code.name(of);
    let function = bodies::enclosing(tree, call)?;
    let sets: Vec<NodeId> = tree
        .subtree(function)
        .filter(|id| {
            *id < call
                && code.kind(*id) == Kind::Assign
                && bodies::enclosing(tree, *id) == Some(function)
                && code
                    .child(*id, Role::Target)
                    .is_some_and(|target| code.kind(target) == Kind::Name && code.name(target) == name)
        })
        .collect();
    let (first, later) = sets.split_first()?;
    let value = code.bare(code.child(*first, Role::Value)?);
    let under = |id: NodeId| {
        tree.ancestors(id)
            .take_while(|around| *around != function)
            .find(|around| code.kind(*around) == Kind::If)
    };
    // Builders of JavaScript are changed by what is called on them: `query.where('owner', owner)`.
    let mut narrowed: Vec<NodeId> = Vec::new();
    if matches!(
        tree.language(),
        Language::JavaScript | Language::TypeScript | Language::Tsx
    ) {
        narrowed.extend(tree.subtree(function).filter(|id| {
            *id > *first
                && *id < call
                && code.kind(*id) == Kind::ExprStmt
                && code.child(*id, Role::Value).is_some_and(|value| {
                    code.kind(value) == Kind::Call
                        && NARROWS.contains(&code.called(value))
                        && code.first_name(value) == name
                })
        }));
    }
    if later.is_empty() && narrowed.is_empty() || under(*first).is_some() || !is_whole(code, value, runs) {
        return None;
    }
    let always_narrowed = narrowed
        .iter()
        .any(|id| under(*id).is_none_or(|branch| code.child(branch, Role::Else).is_some()));
    if always_narrowed {
        return None;
    }
    let only_narrowed = later.iter().all(|set| {
        let narrows = code.child(*set, Role::Value).is_some_and(|value| {
            let value = code.bare(value);
            code.kind(value) == Kind::Call
                && NARROWS.contains(&code.called(value))
                && code.first_name(value) == name
        });
        // With an `else`, one of the ways is always taken.
        narrows && under(*set).is_some_and(|branch| code.child(branch, Role::Else).is_none())
    });
    // `if (!tenant && !before) throw …`
    let asked: Vec<&str> = later
        .iter()
        .chain(&narrowed)
        .filter_map(|set| code.child(under(*set)?, Role::Condition))
        .flat_map(|condition| code.names_in(condition))
        .collect();
    let exits = earlier_exits(code, call)
        .into_iter()
        .any(|condition| code.mentions(condition, |name| asked.contains(&name)));
    (only_narrowed && !exits && !is_guarded(code, call, name)).then_some(name)
}

/// `Document.query`, `Document.objects.all()`, `session.query(Document)`, `knex('documents')`, `db.Model(&Document{})`, `delete(Document)`
fn is_whole(code: Code<'_>, value: NodeId, statement: bool) -> bool {
    match code.kind(value) {
        Kind::Member => {
            !statement
                && matches!(code.name(value), "query" | "objects")
                && code
                    .last_name_of_object(value)
                    .starts_with(|first: char| first.is_ascii_uppercase())
        }
        Kind::Call if statement => {
            code.called(value) == "delete" && code.receiver(value).is_none() && code.args(value).len() == 1
        }
        Kind::Call => match code.called(value) {
            "all" => code
                .receiver(value)
                .is_some_and(|of| matches!(code.last_name(of), "objects" | "query")),
            "query" => {
                code.args(value).len() == 1
                    && code.arg(value, 0).is_some_and(|model| {
                        code.last_name(model)
                            .starts_with(|first: char| first.is_ascii_uppercase())
                    })
            }
            "knex" | "trx" | "db" | "from" | "table" => {
                code.args(value).len() == 1 && code.arg(value, 0).and_then(|table| code.text(table)).is_some()
            }
            "Model" => code.args(value).len() == 1 && code.tree.source(value).contains("&"),
            _ => false,
        },
        _ => false,
    }
}
