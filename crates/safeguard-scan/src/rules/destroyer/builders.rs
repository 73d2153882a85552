//! Deletions that a query builder puts together.

use super::delete_everything::{ALL_ROWS, ALL_VALUES, Found, is_empty, starts_upper};
use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::tree::{Kind, NodeId, Role};

/// Links that leave only some of the rows.
const LIMITS: &[&str] = &[
    "filter",
    "filter_by",
    "where",
    "Where",
    "exclude",
    "get",
    "first",
    "one",
    "limit",
    "Limit",
    "andWhere",
    "orWhere",
    "whereIn",
    "whereNot",
    "whereNull",
    "whereNotIn",
    "whereNotNull",
    "whereRaw",
    "whereBetween",
    "whereExists",
    "whereRef",
    "whereInIds",
    "findById",
    "deleteById",
    "by",
    "in_bulk",
    "eq",
    "in",
    "match",
    "lt",
    "lte",
    "gt",
    "like",
    "ilike",
    "is",
    "or",
    "filterBy",
    "contains",
    "WherePK",
    "using",
    "innerJoin",
    "join",
    "having",
    "whereNotExists",
    "select_from",
    "with_for_update",
    "for",
    "related",
    "$relatedQuery",
    "expired",
    "older_than",
    "modifyGraph",
    "modify",
    "slice",
    "Model",
];

/// `knex('users')…`, `db('users')…`
pub(super) fn is_table_call(code: Code<'_>, chain: &Chain<'_>) -> bool {
    chain.links.iter().any(|link| {
        matches!(
            link.name,
            "knex" | "db" | "trx" | "database" | "tx" | "from" | "table" | "into"
        ) && link
            .call
            .and_then(|call| code.arg(call, 0))
            .is_some_and(|arg| matches!(code.kind(arg), Kind::Str | Kind::Interp) || code.text(arg).is_some())
    })
}

/// A query that is built link by link, and deletes.
pub(super) fn builder(code: Code<'_>, call: NodeId, args: &[NodeId]) -> Option<Found> {
    let chain = Chain::around(code, call);
    let name = code.called(call);
    if is_sliced(code, &chain) {
        return None;
    }
    let names: Vec<&str> = chain.links.iter().map(|link| link.name).collect();
    let begins = names.first().copied().unwrap_or("");
    let python = code.tree.language() == Language::Python;
    if name == "delete"
        && chain.calls(&["from"])
        && is_table_call(code, &chain)
        && chain.calls(&["neq", "gte", "not"])
        && !chain.calls(LIMITS)
    {
        // The way around a client's guard against deletes without a condition.
        return Some(ALL_ROWS);
    }
    if chain.calls(LIMITS) || continues(code, &chain) {
        return None;
    }
    if name == "clear" {
        let receiver = code.receiver(call)?;
        let is_repository = has_word(code.last_name(receiver), &["repository", "repo"])
            || code.called(code.bare(receiver)) == "getRepository";
        return (is_repository && args.is_empty() && !python).then_some(ALL_ROWS);
    }
    if name == "deleteFrom" {
        return (args.len() == 1
            && code.receiver(call).is_some()
            && chain.calls(&["execute", "executeTakeFirst", "executeTakeFirstOrThrow"]))
        .then_some(ALL_ROWS);
    }
    if code.tree.language() == Language::Go {
        // ent: `client.User.Delete().Exec(ctx)`
        return (name == "Delete"
            && args.is_empty()
            && names.last() == Some(&"Exec")
            && chain.calls(&["Exec"]))
        .then_some(ALL_ROWS);
    }
    if python {
        return python_delete(code, call, args, &chain, &names, begins);
    }
    if name != "delete" && name != "del" {
        return None;
    }
    if args.is_empty() {
        let query = chain.calls(&["createQueryBuilder"]) && chain.calls(&["execute"]);
        let objection = chain.calls(&["query"]) && starts_upper(begins);
        let supabase = chain.calls(&["from"]) && is_table_call(code, &chain);
        return (query || objection || supabase || is_table_call(code, &chain)).then_some(ALL_ROWS);
    }
    let receiver = code.receiver(call)?;
    let of = code.last_name(receiver);
    let repository =
        has_word(of, &["repository", "repo"]) || code.called(code.bare(receiver)) == "getRepository";
    if repository && args.len() == 1 && is_empty(code, *args.first()?) {
        return Some(ALL_ROWS);
    }
    if matches!(of, "manager" | "em" | "entityManager") && args.len() == 2 && is_empty(code, *args.get(1)?) {
        return Some(ALL_ROWS);
    }
    let drizzle = code.imports("drizzle-orm")
        || code
            .source
            .of_kind(Kind::Import)
            .iter()
            .any(|import| code.name(*import).contains("schema"));
    let first = args.first()?;
    (drizzle
        && args.len() == 1
        && matches!(of, "db" | "tx" | "trx" | "database" | "drizzle" | "orm")
        && matches!(code.kind(*first), Kind::Name | Kind::Member)
        && code.imports("drizzle-orm")
        && !has_word(code.last_name(*first), &["key", "id", "k"]))
    .then_some(ALL_ROWS)
}

fn python_delete(
    code: Code<'_>,
    call: NodeId,
    args: &[NodeId],
    chain: &Chain<'_>,
    names: &[&str],
    begins: &str,
) -> Option<Found> {
    if code.called(call) != "delete" {
        return None;
    }
    let manager = names.iter().any(|name| {
        matches!(
            *name,
            "objects" | "_default_manager" | "_base_manager" | "all_objects"
        )
    });
    let by_name = code
        .tree
        .children_in(call, Role::Arg)
        .any(|arg| code.kind(arg) == Kind::Keyword && code.name(arg) != "synchronize_session");
    let called_manager = chain.calls(&["objects"]) && !starts_upper(begins);
    if args.is_empty() && !by_name && !called_manager && manager && names.last() == Some(&"delete") {
        let only_manager = chain.links.iter().all(|link| {
            link.call.is_none()
                || matches!(
                    link.name,
                    "delete"
                        | "all"
                        | "objects"
                        | "order_by"
                        | "using"
                        | "all_objects"
                        | "distinct"
                        | "only"
                        | "iterator"
                )
        });
        return only_manager.then_some(ALL_ROWS);
    }
    if args.is_empty() && chain.calls(&["query"]) && names.last() == Some(&"delete") {
        let asked = chain
            .called(&["query"])
            .is_some_and(|query| !code.args(query).is_empty());
        let only = chain.links.iter().all(|link| {
            link.call.is_none() || matches!(link.name, "query" | "delete" | "options" | "execution_options")
        });
        return (asked && only).then_some(ALL_ROWS);
    }
    // Flask-SQLAlchemy: `User.query.delete()`
    if names.len() == 3
        && names.get(1) == Some(&"query")
        && starts_upper(begins)
        && chain.links.get(1).is_some_and(|link| link.call.is_none())
    {
        return Some(ALL_ROWS);
    }
    // Tortoise, Beanie: `User.all().delete()`, `User.find_all().delete()`
    if args.is_empty()
        && starts_upper(begins)
        && names.len() == 3
        && matches!(names.get(1), Some(&"all" | &"find_all"))
    {
        return Some(ALL_ROWS);
    }
    // Peewee: `User.delete().execute()`
    if args.is_empty() && starts_upper(begins) && names.len() == 3 && names.last() == Some(&"execute") {
        return Some(ALL_ROWS);
    }
    // SQLAlchemy's core: `delete(User)`, `execute(users.delete())`
    let path = code.path(call);
    let core = matches!(
        path,
        "sqlalchemy.delete"
            | "sqlalchemy.sql.delete"
            | "sqlmodel.delete"
            | "sqlalchemy.future.delete"
            | "sa.delete"
            | "sqlalchemy.sql.expression.delete"
    ) && args.len() == 1;
    let table =
        args.is_empty() && !by_name && names.len() == 2 && begins != "table" && is_executed(code, chain.end);
    (core && !has_word(code.name(*args.first().unwrap_or(&call)), &["obj", "instance"]) || table)
        .then_some(ALL_ROWS)
}

fn is_executed(code: Code<'_>, id: NodeId) -> bool {
    code.tree.parent(id).is_some_and(|parent| {
        code.kind(parent) == Kind::Call
            && matches!(code.called(parent), "execute" | "fetch_all" | "run")
            && code.tree.role(id) == Role::Arg
    })
}

/// Whether a part of what is asked for is taken: `[:100]`.
fn is_sliced(code: Code<'_>, chain: &Chain<'_>) -> bool {
    code.tree
        .subtree(chain.end)
        .any(|id| code.kind(id) == Kind::Index && code.tree.within(chain.begin, id))
}

/// Whether the query is kept under a name that gets its condition later, or begins with a name that has one.
fn continues(code: Code<'_>, chain: &Chain<'_>) -> bool {
    let mut names: Vec<NodeId> = Vec::new();
    let mut around = chain.end;
    while let Some(parent) = code.tree.parent(around) {
        if !matches!(code.kind(parent), Kind::Await | Kind::Cast) {
            if code.kind(parent) == Kind::Assign {
                names.extend(code.tree.children_in(parent, Role::Target));
            }
            break;
        }
        around = parent;
    }
    if code.kind(chain.begin) == Kind::Name && !starts_upper(code.name(chain.begin)) {
        names.push(chain.begin);
    }
    names.iter().any(|name| {
        let scope = code.function(*name).unwrap_or(NodeId::ROOT);
        code.kind(*name) == Kind::Name
            && code.tree.subtree(scope).any(|id| {
                code.kind(id) == Kind::Member
                    && LIMITS.contains(&code.name(id))
                    && !matches!(
                        code.name(id),
                        "get" | "match" | "is" | "in" | "or" | "Model" | "first" | "join" | "one"
                    )
                    && code.child(id, Role::Object).is_some_and(|object| {
                        code.first_name(object) == code.name(*name)
                            && code.kind(code.bare(object)) == Kind::Name
                    })
            })
    })
}

/// `update(User).values(…)`, `Model.objects.all().update(…)`, `updateTable('x').set(…).execute()`
pub(super) fn updates(code: Code<'_>, call: NodeId) -> Option<Found> {
    let chain = Chain::around(code, call);
    if chain.calls(LIMITS) || continues(code, &chain) || is_sliced(code, &chain) {
        return None;
    }
    let names: Vec<&str> = chain.links.iter().map(|link| link.name).collect();
    let django = names.contains(&"objects")
        && names.last() == Some(&"update")
        && chain
            .links
            .iter()
            .all(|link| link.call.is_none() || matches!(link.name, "update" | "all"));
    let core = matches!(
        code.path(call),
        "sqlalchemy.update" | "sqlalchemy.sql.update" | "sqlmodel.update" | "sa.update"
    ) && chain.calls(&["values"]);
    let kysely = code.called(call) == "updateTable" && chain.calls(&["set"]) && chain.calls(&["execute"]);
    let query = chain
        .called(&["query"])
        .is_some_and(|query| !code.args(query).is_empty())
        && code.tree.language() == Language::Python
        && names.last() == Some(&"update")
        && chain
            .links
            .iter()
            .all(|link| link.call.is_none() || matches!(link.name, "query" | "update"));
    (django || core || kysely || query).then_some(ALL_VALUES)
}
