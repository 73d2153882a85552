//! A migration drops a table or a column.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::audit_removal::is_audit;
use super::sql_destroys_data::holds_records;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::{has_word, words};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "migration-drops",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        let Some((what, table)) = dropped(code, call) else {
            continue;
        };
        if undoes_or_tests(code, call)
            || has_word(
                &table,
                &["tmp", "temp", "temporary", "old", "new", "staging", "test"],
            )
        {
            continue;
        }
        let told = format!("drops {what} with all it holds");
        if let Some(successor) = successor(code, call, &what)
            && !copies(code)
        {
            reports.add(
                call,
                format!("{told}: `{successor}` takes its place, and nothing copies the values"),
            );
            continue;
        }
        // What the way back makes again is thought of; a table of records is lost all the same.
        let whole = !what.contains("the column");
        if is_of_records(&table) && (whole || one_way(code)) && !copies_first(code, call) {
            reports.add(call, told);
        } else {
            reports.note(
                call,
                format!("{told}: the release before this one must no longer use it"),
            );
        }
    }
}

fn text(code: Code<'_>, call: NodeId, at: usize, name: &str) -> Option<String> {
    let arg = code.arg(call, at).or_else(|| code.option(call, name))?;
    code.text(arg).map(str::to_owned)
}

/// What a call of a migration drops, and the name of the table.
fn dropped(code: Code<'_>, call: NodeId) -> Option<(String, String)> {
    let path = code.path(call);
    let receiver = code.receiver(call).map_or("", |of| code.last_name(of));
    let alembic = receiver == "op" || path.starts_with("alembic.op.") || receiver == "batch_op";
    let builder = matches!(
        receiver,
        "queryInterface"
            | "queryRunner"
            | "schema"
            | "pgm"
            | "knex"
            | "trx"
            | "table"
            | "t"
            | "builder"
            | "schemaBuilder"
    );
    match code.called(call) {
        "drop_table" if alembic => {
            let table = text(code, call, 0, "table_name")?;
            Some((format!("the table `{table}`"), table))
        }
        "drop_column" if alembic => {
            let (table, column) = if receiver == "batch_op" {
                (batch_table(code, call)?, text(code, call, 0, "column_name")?)
            } else {
                (
                    text(code, call, 0, "table_name")?,
                    text(code, call, 1, "column_name")?,
                )
            };
            Some((format!("the column `{column}` of `{table}`"), table))
        }
        "DeleteModel" if path.ends_with("migrations.DeleteModel") => {
            let table = text(code, call, 0, "name")?;
            Some((format!("the table of `{table}`"), table))
        }
        "RemoveField" if path.ends_with("migrations.RemoveField") => {
            let table = text(code, call, 0, "model_name")?;
            let column = text(code, call, 1, "name")?;
            Some((format!("the column `{column}` of `{table}`"), table))
        }
        "dropTable" | "dropTableIfExists" | "dropTableCascade" if builder => {
            let table = text(code, call, 0, "")?;
            Some((format!("the table `{table}`"), table))
        }
        "removeColumn" | "dropColumn" | "dropColumns" if builder => {
            match (text(code, call, 0, ""), text(code, call, 1, "")) {
                (Some(table), Some(column)) => Some((format!("the column `{column}` of `{table}`"), table)),
                (Some(column), None) => {
                    let table = altered(code, call)?;
                    Some((format!("the column `{column}` of `{table}`"), table))
                }
                (None, _) => None,
            }
        }
        "DropColumn" | "DropTable"
            if code
                .receiver(call)
                .is_some_and(|of| code.called(of) == "Migrator")
                && code.called(call) == "DropColumn" =>
        {
            let column = text(code, call, 1, "")?;
            let table = code
                .arg(call, 0)
                .map(|model| code.tree.source(model).to_owned())?;
            Some((format!("the column `{column}` of `{table}`"), table))
        }
        _ => None,
    }
}

/// The column that the same migration adds instead: it has a word of the dropped one's name.
fn successor(code: Code<'_>, call: NodeId, what: &str) -> Option<String> {
    const TOO_COMMON: &[&str] = &[
        "id", "is", "at", "has", "name", "date", "time", "type", "status", "state", "code", "key", "user",
        "data", "flag", "count", "on", "by", "no", "new", "old", "can", "to", "of", "url",
    ];
    let mut quoted = what.split('`').skip(1).step_by(2);
    let column = quoted.next()?;
    let table = quoted.next()?.to_ascii_lowercase();
    let parts = words(column);
    let own = |id: NodeId| code.functions(id).last();
    code.calls().into_iter().find_map(|other| {
        if own(other) != own(call) {
            return None;
        }
        let (to, added) = added(code, other)?;
        let shares = words(&added)
            .iter()
            .any(|word| parts.contains(word) && (!TOO_COMMON.contains(&word.as_str()) || parts.len() == 1));
        (to.to_ascii_lowercase() == table && added != column && shares).then_some(added)
    })
}

/// The table and the name of a column that a call of a migration adds.
fn added(code: Code<'_>, call: NodeId) -> Option<(String, String)> {
    let path = code.path(call);
    let receiver = code.receiver(call).map_or("", |of| code.last_name(of));
    match code.called(call) {
        "AddField" if path.ends_with("migrations.AddField") => {
            Some((text(code, call, 0, "model_name")?, text(code, call, 1, "name")?))
        }
        "add_column" if receiver == "op" || path.starts_with("alembic.op.") => {
            let column = code.arg(call, 1)?;
            Some((text(code, call, 0, "table_name")?, text(code, column, 0, "name")?))
        }
        "add_column" if receiver == "batch_op" => {
            let column = code.arg(call, 0)?;
            Some((batch_table(code, call)?, text(code, column, 0, "name")?))
        }
        "addColumn" => Some((text(code, call, 0, "")?, text(code, call, 1, "")?)),
        "string" | "text" | "integer" | "bigInteger" | "decimal" | "float" | "boolean" | "timestamp"
        | "date" | "datetime" | "json" | "jsonb" | "uuid" | "specificType" | "enu" | "binary" => {
            let around = code.tree.ancestors(call).find(|around| {
                code.kind(*around) == Kind::Call && matches!(code.called(*around), "alterTable" | "table")
            })?;
            Some((text(code, around, 0, "")?, text(code, call, 0, "")?))
        }
        _ => None,
    }
}

/// Whether the file does anything with rows: a function of its own, an update, a statement.
fn copies(code: Code<'_>) -> bool {
    code.calls().into_iter().any(|call| {
        matches!(
            code.called(call),
            "RunPython"
                | "RunSQL"
                | "execute"
                | "raw"
                | "update"
                | "query"
                | "sql"
                | "bulkUpdate"
                | "bulk_update"
                | "SeparateDatabaseAndState"
                | "select"
                | "increment"
                | "Exec"
                | "renameColumn"
                | "RenameField"
        )
    })
}

/// Whether the table's name ends in what holds records: `invoice_history`, not `order_labels`; `users`, not `sl_dataset_users`, which joins two others.
pub fn is_of_records(table: &str) -> bool {
    if is_audit(table) {
        return true;
    }
    let words = words(table);
    let joins = words.len() > 2
        && words
            .last()
            .is_some_and(|last| matches!(last.as_str(), "user" | "users" | "account" | "accounts"));
    if joins {
        return false;
    }
    words
        .last()
        .is_some_and(|last| holds_records(last) && !matches!(last.as_str(), "event" | "events"))
}

/// Whether the migration has a way back, and it is empty.
fn one_way(code: Code<'_>) -> bool {
    let mut functions = code.source.of_kind(Kind::Function).to_vec();
    functions.extend_from_slice(code.source.of_kind(Kind::Lambda));
    functions.into_iter().any(|function| {
        matches!(code.function_name(function), "down" | "downgrade" | "Down")
            && code.child(function, Role::Body).is_some_and(|body| {
                code.kind(body) == Kind::Block
                    && code.tree.children(body).all(|statement| {
                        matches!(code.kind(statement), Kind::Pass | Kind::Raise | Kind::Return)
                            || code.kind(statement) == Kind::ExprStmt
                                && code
                                    .child(statement, Role::Value)
                                    .is_some_and(|value| code.kind(value) == Kind::Str)
                    })
            })
    })
}

/// The table of `with op.batch_alter_table("users") as batch_op:`.
fn batch_table(code: Code<'_>, call: NodeId) -> Option<String> {
    let with = code
        .tree
        .ancestors(call)
        .find(|around| code.kind(*around) == Kind::With)?;
    let item = code.child(with, Role::Item)?;
    let value = code.child(item, Role::Value)?;
    text(code, value, 0, "table_name")
}

/// The table of `knex.schema.alterTable('users', (table) => …)`.
fn altered(code: Code<'_>, call: NodeId) -> Option<String> {
    code.tree
        .ancestors(call)
        .find(|around| {
            code.kind(*around) == Kind::Call
                && matches!(code.called(*around), "alterTable" | "table" | "createTable")
        })
        .and_then(|around| text(code, around, 0, ""))
}

/// Whether the function moves rows elsewhere before: `INSERT INTO … SELECT`.
fn copies_first(code: Code<'_>, call: NodeId) -> bool {
    let Some(function) = code.function(call) else {
        return false;
    };
    let begin = code.tree.span(call).start;
    code.tree
        .subtree(function)
        .take_while(|id| code.tree.span(*id).start < begin)
        .any(|id| {
            code.kind(id) == Kind::Str && {
                let text = code.name(id).to_ascii_lowercase();
                text.contains("insert into") && text.contains("select")
                    || text.contains("update ") && text.contains(" set ")
            }
        })
}
