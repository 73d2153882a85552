//! A call of an ORM or a driver takes everything.

use super::builders::{builder, is_table_call, updates};
use safeguard_api::evidence::Severity;

use super::EVERY;
use super::sql_destroys_data::holds_records;
use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::analysis::meant::{asks_first, is_migration, named_so, undoes_or_tests};
use crate::analysis::sql_text;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "delete-everything",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let migration = is_migration(code);
    for call in code.calls() {
        let Some(found) = found(code, call) else {
            continue;
        };
        if undoes_or_tests(code, call) {
            continue;
        }
        let chain = Chain::around(code, call);
        let target = chain
            .links
            .iter()
            .map(|link| link.name)
            .collect::<Vec<_>>()
            .join(".");
        let passing = [
            "tmp",
            "temp",
            "temporary",
            "scratch",
            "test",
            "mock",
            "fake",
            "cache",
            "cached",
            "session",
            "sessions",
        ];
        let in_cache = code
            .names_around(call)
            .into_iter()
            .any(|name| has_word(name, &["cache", "caching"]));
        if has_word(&target, &passing) && !target.contains("session.") || in_cache {
            continue;
        }
        let told = format!("{} {}", code_of(code, call), found.what);
        // A migration may fill a table anew; persons look at that.
        let filled_anew = migration
            && found.what == ALL_ROWS.what
            && !holds_records(&target)
            && !code.args(call).iter().any(|arg| holds_records(code.name(*arg)));
        // Whoever is given an id means one row.
        let forgets_which = found.what == ALL_VALUES.what && forgotten_id(code, call);
        if (found.sure || forgets_which) && !filled_anew && !asks_first(code, call) && !named_so(code, call) {
            reports.add(call, told);
        } else {
            reports.note(call, told);
        }
    }
}

/// Whether a function is given the id of what it changes, and the statement does not ask for it.
fn forgotten_id(code: Code<'_>, call: NodeId) -> bool {
    let end = Chain::around(code, call).end;
    code.function(call).is_some_and(|function| {
        code.tree.children_in(function, Role::Param).any(|param| {
            let name = code.name(param);
            has_word(name, &["id", "uuid", "pk"]) && !code.mentions(end, |used| used == name)
        })
    })
}

pub(super) struct Found {
    what: &'static str,
    sure: bool,
}

fn code_of(code: Code<'_>, call: NodeId) -> String {
    let text = code
        .tree
        .source(call)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        format!("`{short}…`")
    } else {
        format!("`{short}`")
    }
}

pub(super) const ALL_ROWS: Found = Found {
    what: "deletes everything: nothing says which",
    sure: true,
};
pub(super) const ALL_VALUES: Found = Found {
    what: "overwrites all rows: nothing says which",
    sure: false,
};
const DROPS: Found = Found {
    what: "drops what the database holds",
    sure: true,
};
const MAYBE_DROPS: Found = Found {
    what: "drops what it is called on",
    sure: false,
};
const FLUSHES: Found = Found {
    what: "deletes every key of the server",
    sure: true,
};

fn found(code: Code<'_>, call: NodeId) -> Option<Found> {
    let args = code.args(call);
    let name = code.called(call);
    match name {
        "flushall" | "flushAll" | "FlushAll" | "flushdb" | "flushDb" | "flushDB" | "FlushDB" => {
            return (code.receiver(call).is_some() && args.len() <= 1).then_some(FLUSHES);
        }
        // Some tables, by name, are those that the code itself has made.
        "drop_all" if code.option(call, "tables").is_some() => return Some(MAYBE_DROPS),
        "drop_all" => return (code.receiver(call).is_some()).then_some(DROPS),
        "drop_tables" => {
            let database = code.receiver(call).is_some_and(|of| {
                has_word(code.last_name(of), &["db", "database", "connection"])
                    && !has_word(code.last_name(of), &["manager"])
            });
            return database.then_some(DROPS);
        }
        "DropAll" => return (code.imports("github.com/dgraph-io/badger")).then_some(DROPS),
        "dropDatabase" | "drop_database" | "DropDatabase" | "dropAllTables" | "dropAllSchemas"
        | "dropCollection" | "drop_collection" | "refreshDatabase" => {
            return (code.receiver(call).is_some()).then_some(DROPS);
        }
        "DropTable" => {
            let by_name = || {
                let made = code.receiver(call).and_then(|of| code.set_to(of));
                made.is_some_and(|made| code.is_call(made) && code.called(made) == "Migrator")
            };
            return (has_called(code, call, "Migrator") || by_name()).then_some(DROPS);
        }
        "sync" => {
            let force = code.option(call, "force").and_then(|force| code.boolean(force));
            return (force == Some(true)
                && code.tree.language() != Language::Python
                && code.receiver(call).is_some())
            .then_some(Found {
                what: "drops every table and makes it anew, empty",
                sure: true,
            });
        }
        "synchronize" => {
            let drops = args.first().and_then(|first| code.boolean(*first)) == Some(true);
            return (drops && code.receiver(call).is_some()).then_some(DROPS);
        }
        "DataSource" | "createConnection" | "forRoot" | "MikroORM" => {
            let drops = code
                .option(call, "dropSchema")
                .and_then(|drops| code.boolean(drops))
                == Some(true);
            return drops.then_some(Found {
                what: "drops the whole schema each time the program starts",
                sure: true,
            });
        }
        "call_command" => {
            let command = args.first().and_then(|first| code.text(*first))?;
            return matches!(command, "flush" | "reset_db" | "sqlflush").then_some(DROPS);
        }
        "Drop" | "drop" => return mongo_drop(code, call),
        "truncate_table" => {
            let model = code
                .receiver(call)
                .is_some_and(|of| starts_upper(code.last_name(of)));
            return model.then_some(ALL_ROWS);
        }
        // `indices.delete(index="*")` of Elasticsearch, also where it is what stands for nothing.
        "delete"
            if code
                .receiver(call)
                .is_some_and(|of| code.last_name(of) == "indices") =>
        {
            let index = code.option(call, "index").or_else(|| args.first().copied())?;
            let value = code.set_to(index).unwrap_or(index);
            let all = code.texts_in(value).any(|text| matches!(text, "*" | "_all"));
            let named = code.text(value).is_some() || code.kind(value) == Kind::Conditional;
            return (all && named).then_some(DROPS);
        }
        "delete_by_query" | "deleteByQuery" => {
            return code.mentions_text(call, "match_all").then_some(ALL_ROWS);
        }
        _ => {}
    }
    if let Some(sure) = always_true_condition(code, call) {
        return Some(sure);
    }
    match name {
        "deleteMany" | "delete_many" | "DeleteMany" | "remove" | "deleteAll" | "nativeDelete" => {
            delete_many(code, call, &args)
        }
        "updateMany" | "update_many" | "UpdateMany" => {
            let first = args.iter().find(|arg| !is_context(code, **arg))?;
            let all = match code.option(call, "where") {
                Some(filter) => is_empty(code, filter),
                None if code.option(call, "data").is_some() => true,
                None => args.len() > 1 && is_empty(code, *first),
            };
            all.then_some(ALL_VALUES)
        }
        "destroy" | "truncate" | "bulkDelete" => sequelize(code, call, &args),
        "delete" | "del" | "Delete" | "deleteFrom" | "NewDelete" | "clear" => builder(code, call, &args),
        "update" | "updateTable" => updates(code, call),
        _ => None,
    }
}

fn has_called(code: Code<'_>, call: NodeId, name: &str) -> bool {
    Chain::around(code, call).calls(&[name])
}

fn is_context(code: Code<'_>, arg: NodeId) -> bool {
    code.kind(arg) == Kind::Name && matches!(code.name(arg), "ctx" | "context" | "c")
        || code.kind(arg) == Kind::Call && (matches!(code.called(arg), "Background" | "TODO" | "Context"))
}

/// `{}`, `bson.D{}`, `dict()`, `Q()`, also when a name was set to it and never filled.
pub(super) fn is_empty(code: Code<'_>, id: NodeId) -> bool {
    let id = code.bare(id);
    match code.kind(id) {
        Kind::Object | Kind::Composite => code.tree.children_in(id, Role::Item).next().is_none(),
        Kind::Call => {
            matches!(code.called(id), "dict" | "Q")
                && code.args(id).is_empty()
                && code.tree.children_in(id, Role::Arg).next().is_none()
        }
        Kind::Null => true,
        _ => false,
    }
}

fn mongo_drop(code: Code<'_>, call: NodeId) -> Option<Found> {
    let receiver = code.bare(code.receiver(call)?);
    let name = code.last_name(receiver);
    let collection = matches!(
        code.called(receiver),
        "collection" | "Collection" | "get_collection" | "Database"
    );
    let go = code.tree.language() == Language::Go && code.imports("go.mongodb.org/mongo-driver");
    let sequelize = name == "sequelize" && code.args(call).is_empty();
    if collection || go && code.called(call) == "Drop" || sequelize || name == "__table__" {
        return Some(DROPS);
    }
    (has_word(name, &["collection", "coll"]) && code.args(call).len() <= 1).then_some(MAYBE_DROPS)
}

/// `Where("1 = 1").Delete(…)`, `where(sql`true`)`, and permission to do without a condition.
fn always_true_condition(code: Code<'_>, call: NodeId) -> Option<Found> {
    if !matches!(
        code.called(call),
        "Delete" | "delete" | "del" | "Update" | "Updates" | "execute" | "Exec"
    ) {
        return None;
    }
    let chain = Chain::around(code, call);
    let deletes = chain.calls(&["Delete", "delete", "del", "deleteFrom", "NewDelete"]);
    let conditions: Vec<NodeId> = chain
        .links
        .iter()
        .filter(|link| matches!(link.name, "Where" | "where" | "whereRaw" | "filter"))
        .filter_map(|link| link.call)
        .collect();
    let global = chain.links.iter().filter_map(|link| link.call).any(|call| {
        code.called(call) == "Session" && code.mentions(call, |name| name == "AllowGlobalUpdate")
            || code.texts_in(call).any(|text| text == "AllowGlobalUpdate")
    });
    if global && conditions.is_empty() {
        return Some(if deletes { ALL_ROWS } else { ALL_VALUES });
    }
    let [condition] = conditions.as_slice() else {
        return None;
    };
    let first = code.arg(*condition, 0)?;
    let truth = code.boolean(first) == Some(true)
        || sql_text::text_of(code, first).is_some_and(|text| {
            code.args(*condition).len() == 1
                && sql_text::destroys(&format!("DELETE FROM t WHERE {text}")).len() == 1
        });
    truth.then_some(if deletes { ALL_ROWS } else { ALL_VALUES })
}

fn delete_many(code: Code<'_>, call: NodeId, args: &[NodeId]) -> Option<Found> {
    let receiver = code.receiver(call)?;
    let name = code.called(call);
    let filters: Vec<NodeId> = args
        .iter()
        .copied()
        .filter(|arg| !is_context(code, *arg))
        .collect();
    let keyword = code
        .tree
        .children_in(call, Role::Arg)
        .any(|arg| matches!(code.kind(arg), Kind::Keyword | Kind::Spread));
    let filters: &[NodeId] = if name == "nativeDelete" {
        filters.get(1..)?
    } else {
        &filters
    };
    let Some(first) = filters.first() else {
        let all = match name {
            "deleteMany" => !keyword,
            "deleteAll" => false,
            // `delete_many()` of the drivers needs a filter; an ORM's own takes none for all.
            _ => false,
        };
        return all.then_some(ALL_ROWS);
    };
    if code
        .entry(code.bare(*first), "where")
        .is_some_and(|filter| is_empty(code, filter))
    {
        return Some(ALL_ROWS);
    }
    if name == "remove"
        && !has_word(
            code.last_name(receiver),
            &["collection", "coll", "model", "repository", "users"],
        )
        && !starts_upper(code.last_name(receiver))
        && code.called(code.bare(receiver)) != "collection"
    {
        return None;
    }
    let value = code
        .set_to(*first)
        .filter(|_| !is_filled(code, *first))
        .unwrap_or(*first);
    (is_empty(code, *first) || is_empty(code, value) && code.kind(value) != Kind::Null).then_some(ALL_ROWS)
}

/// Whether a name gets entries after it was set: `query["a"] = …`, `query.update(…)`.
pub fn is_filled(code: Code<'_>, name: NodeId) -> bool {
    if code.kind(name) != Kind::Name {
        return false;
    }
    let scope = code.function(name).unwrap_or(NodeId::ROOT);
    let same = |id: NodeId| code.kind(id) == Kind::Name && code.name(id) == code.name(name);
    code.tree.subtree(scope).any(|id| match code.kind(id) {
        Kind::Assign => code.tree.children_in(id, Role::Target).any(|target| {
            matches!(code.kind(target), Kind::Index | Kind::Member)
                && code.child(target, Role::Object).is_some_and(same)
        }),
        Kind::Call => {
            code.receiver(id).is_some_and(same)
                || matches!(code.called(id), "assign" | "append" | "merge")
                    && code.arg(id, 0).is_some_and(same)
        }
        _ => false,
    })
}

fn sequelize(code: Code<'_>, call: NodeId, args: &[NodeId]) -> Option<Found> {
    let receiver = code.receiver(call)?;
    let truncates = code
        .option(call, "truncate")
        .and_then(|value| code.boolean(value))
        == Some(true);
    if truncates {
        return Some(ALL_ROWS);
    }
    if code
        .option(call, "where")
        .is_some_and(|filter| is_empty(code, filter))
    {
        return Some(ALL_ROWS);
    }
    match code.called(call) {
        "truncate" => {
            let chain = Chain::around(code, call);
            let table = is_table_call(code, &chain)
                || chain.calls(&["query", "queryBuilder", "knex", "from", "getRepository"]);
            let model = code.kind(receiver) == Kind::Name
                && starts_upper(code.name(receiver))
                && code.tree.language() != Language::Python;
            (table || model && args.len() <= 1).then_some(ALL_ROWS)
        }
        "bulkDelete" => {
            let filter = args.get(1);
            (args.len() >= 2 && filter.is_some_and(|filter| is_empty(code, *filter))).then_some(ALL_ROWS)
        }
        _ => None,
    }
}

pub(super) fn starts_upper(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().any(|char| char.is_ascii_lowercase())
}
