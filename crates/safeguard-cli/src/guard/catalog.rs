//! What a database's catalog adds to a judgement: what the names stand for, what else they reach, and what the planner expects.
//!
//! It is knowledge beside the answer, and never changes it: whoever asks the database runs with another search path and
//! another moment than whoever was asked about.

mod plan;
mod shown;

use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardDecision, StatementClass as Class};
use serde::Serialize;
use tokio_postgres::types::Oid;
use tokio_postgres::{Client, Error, Row};

use crate::db::connect::{self, DatabaseArgs, told};
use crate::failure::Failure;
pub use plan::Plan;
pub use shown::shown;

/// Names beyond this many are not looked up, and relations beyond this many are not listed for each.
const NAMES_MAX: usize = 32;
/// How far cascades are followed.
const CASCADES_DEEP_MAX: i32 = 16;
const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'";

/// What the catalog says of the names in a text.
#[derive(Debug, Serialize)]
pub struct Catalog {
    pub relations: Vec<Relation>,
    /// Functions that are not PostgreSQL's own, each with every signature that the name may stand for.
    pub functions: Vec<Function>,
    pub plan: Plan,
}

#[derive(Debug, Serialize)]
pub struct Relation {
    /// As the text names it.
    pub named: String,
    /// None where nothing of that name is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
}

#[derive(Debug, Serialize)]
pub struct Found {
    /// With its schema.
    pub name: String,
    pub kind: &'static str,
    /// As it was last analyzed; none where it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_about: Option<u64>,
    /// Partitions and tables that inherit from it.
    pub children: u64,
    /// Relations behind a view, or that rules lead to.
    pub through: Vec<String>,
    /// Functions that a view or a rule calls, without asking whoever reads or writes it.
    pub calls: Vec<Function>,
    /// That fire when it is changed as the text changes it.
    pub triggers: Vec<Trigger>,
    /// What a deletion takes along by foreign keys.
    pub cascades: Vec<Cascade>,
}

#[derive(Debug, Serialize)]
pub struct Function {
    /// With its schema and the types of its arguments.
    pub name: String,
    pub language: String,
    pub volatility: &'static str,
    /// It runs with the rights of its owner.
    pub security_definer: bool,
    /// PostgreSQL has a function of that name as well.
    pub hides_built_in: bool,
}

#[derive(Debug, Serialize)]
pub struct Trigger {
    pub name: String,
    pub table: String,
    pub events: String,
    pub function: String,
}

#[derive(Debug, Serialize)]
pub struct Cascade {
    pub table: String,
    /// What becomes of its rows: `deleted`, `set to null`, `set to default`.
    pub rows: &'static str,
}

/// Asks the catalog about a decision that is made already.
pub fn ask(
    database: &DatabaseArgs,
    sql: &str,
    decision: &GuardDecision,
    asker: Asker,
    policy: &GuardPolicy,
) -> Result<Catalog, Failure> {
    connect::with(database, &database.parsed()?, async |client| {
        let failed =
            |error: Error| Failure::undecided(format!("the catalog can not be read: {}", told(&error)));
        client.batch_execute(BEGIN).await.map_err(failed)?;
        let relations = relations(client, decision).await.map_err(failed)?;
        let functions = called(client, decision).await.map_err(failed)?;
        let plan = match plan::left_out(decision, &relations, &functions) {
            Some(why) => Plan::LeftOut(why.to_owned()),
            None => plan::ask(client, sql, asker, policy).await,
        };
        client.batch_execute("ROLLBACK").await.map_err(failed)?;
        Ok(Catalog {
            relations,
            functions,
            plan,
        })
    })
}

async fn relations(client: &Client, decision: &GuardDecision) -> Result<Vec<Relation>, Error> {
    let mut relations = Vec::new();
    for relation in decision.relations.iter().take(NAMES_MAX) {
        let found = match parts(&relation.name) {
            Some((schema, name)) => {
                let changed = relation.target.then_some(decision.classes.as_slice());
                relation_of(client, schema.as_deref(), &name, changed).await?
            }
            None => None,
        };
        relations.push(Relation {
            named: relation.name.clone(),
            found,
        });
    }
    Ok(relations)
}

async fn called(client: &Client, decision: &GuardDecision) -> Result<Vec<Function>, Error> {
    let mut functions = Vec::new();
    for function in decision.functions.iter().take(NAMES_MAX) {
        if let Some((schema, name)) = parts(function) {
            functions.extend(functions_of(client, schema.as_deref(), &name).await?);
        }
    }
    Ok(functions)
}

const RELATION: &str = "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind::pg_catalog.text, c.relispartition,
    c.reltuples::pg_catalog.float8
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname::pg_catalog.text = $2 AND c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')
    AND CASE WHEN $1::pg_catalog.text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname::pg_catalog.text = $1 END";
/// Itself, what rules and views lead to, and what inherits from any of it.
const REACHED: &str =
    "WITH RECURSIVE reached(oid) AS (SELECT $1::pg_catalog.oid UNION SELECT next.oid FROM reached, LATERAL (
      SELECT d.refobjid AS oid FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d ON d.objid = r.oid
        WHERE r.ev_class = reached.oid AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = reached.oid) next)";

async fn relation_of(
    client: &Client,
    schema: Option<&str>,
    name: &str,
    changed: Option<&[Class]>,
) -> Result<Option<Found>, Error> {
    let Some(row) = client.query_opt(RELATION, &[&schema, &name]).await? else {
        return Ok(None);
    };
    let oid: Oid = row.get(0);
    let children = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits WHERE inhparent = $1";
    let children: i64 = client.query_one(children, &[&oid]).await?.get(0);
    let mut found = Found {
        name: row.get(1),
        kind: kind(row.get(2), row.get(3)),
        rows_about: rows(row.get(4)),
        children: u64::try_from(children).unwrap_or(0),
        through: through(client, oid).await?,
        calls: calls(client, oid).await?,
        triggers: Vec::new(),
        cascades: Vec::new(),
    };
    if let Some(classes) = changed {
        found.triggers = triggers(client, oid, events(classes)).await?;
        if classes.contains(&Class::Delete) {
            found.cascades = cascades(client, oid).await?;
        }
    }
    Ok(Some(found))
}

fn kind(kind: &str, is_partition: bool) -> &'static str {
    match (kind, is_partition) {
        ("r" | "p" | "f", true) => "partition",
        ("r", false) => "table",
        ("p", false) => "partitioned table",
        ("f", false) => "foreign table",
        ("v", _) => "view",
        ("m", _) => "materialized view",
        ("S", _) => "sequence",
        _ => "relation",
    }
}

/// A negative figure is that of a table that was never analyzed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a figure below zero is taken out before, and one that is too large is cut off"
)]
fn rows(about: f64) -> Option<u64> {
    (about >= 0.0).then_some(about.round() as u64)
}

async fn through(client: &Client, oid: Oid) -> Result<Vec<String>, Error> {
    let sql = format!(
        "{REACHED} SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM reached JOIN pg_catalog.pg_class c ON c.oid = reached.oid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE c.oid <> $1 AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) ORDER BY 1 LIMIT {NAMES_MAX}"
    );
    let rows = client.query(&sql, &[&oid]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

const FUNCTION: &str = "pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)),
    l.lanname::pg_catalog.text, p.provolatile::pg_catalog.text, p.prosecdef,
    EXISTS (SELECT FROM pg_catalog.pg_proc o WHERE o.proname = p.proname AND o.pronamespace = 'pg_catalog'::pg_catalog.regnamespace)
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')";

/// What the rules of everything that a relation leads to call, also by operators.
async fn calls(client: &Client, oid: Oid) -> Result<Vec<Function>, Error> {
    let sql = format!(
        "{REACHED} SELECT DISTINCT {FUNCTION} AND p.oid IN (
           SELECT CASE d.refclassid WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.refobjid ELSE o.oprcode::pg_catalog.oid END
           FROM reached JOIN pg_catalog.pg_rewrite r ON r.ev_class = reached.oid
             JOIN pg_catalog.pg_depend d ON d.objid = r.oid AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
             LEFT JOIN pg_catalog.pg_operator o ON o.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
           WHERE d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass))
         ORDER BY 1 LIMIT {NAMES_MAX}"
    );
    let rows = client.query(&sql, &[&oid]).await?;
    Ok(rows.iter().map(function).collect())
}

async fn functions_of(client: &Client, schema: Option<&str>, name: &str) -> Result<Vec<Function>, Error> {
    let sql = format!(
        "SELECT {FUNCTION} AND p.proname::pg_catalog.text = $2
           AND CASE WHEN $1::pg_catalog.text IS NULL THEN n.nspname = ANY (pg_catalog.current_schemas(false)) ELSE n.nspname::pg_catalog.text = $1 END
         ORDER BY 1 LIMIT {NAMES_MAX}"
    );
    let rows = client.query(&sql, &[&schema, &name]).await?;
    Ok(rows.iter().map(function).collect())
}

fn function(row: &Row) -> Function {
    Function {
        name: row.get(0),
        language: row.get(1),
        volatility: match row.get(2) {
            "i" => "immutable",
            "s" => "stable",
            _ => "volatile",
        },
        security_definer: row.get(3),
        hides_built_in: row.get(4),
    }
}

/// Bits of `pg_trigger.tgtype`.
const INSERT: i16 = 4;
const DELETE: i16 = 8;
const UPDATE: i16 = 16;
const TRUNCATE: i16 = 32;

/// The events of the triggers that may fire.
fn events(classes: &[Class]) -> i16 {
    let of = |class: &Class| match class {
        Class::Write => INSERT | UPDATE,
        Class::BulkWrite => UPDATE,
        Class::Delete => DELETE,
        Class::Truncate => TRUNCATE,
        _ => 0,
    };
    classes.iter().map(of).fold(0, |all, one| all | one)
}

async fn triggers(client: &Client, oid: Oid, events: i16) -> Result<Vec<Trigger>, Error> {
    let sql = format!(
        "{REACHED} SELECT DISTINCT ON (t.tgname, t.tgfoid) t.tgname::pg_catalog.text, pg_catalog.format('%I.%I', n.nspname, c.relname), t.tgtype,
           pg_catalog.format('%I.%I', f.nspname, p.proname)
         FROM reached JOIN pg_catalog.pg_trigger t ON t.tgrelid = reached.oid JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
           JOIN pg_catalog.pg_namespace f ON f.oid = p.pronamespace
         WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & $2 <> 0 ORDER BY t.tgname, t.tgfoid, t.tgrelid LIMIT {NAMES_MAX}"
    );
    let rows = client.query(&sql, &[&oid, &events]).await?;
    let trigger = |row: &Row| {
        let kind: i16 = row.get(2);
        let named = [
            (INSERT, "insert"),
            (UPDATE, "update"),
            (DELETE, "delete"),
            (TRUNCATE, "truncate"),
        ];
        let names: Vec<&str> = named
            .iter()
            .filter(|(bit, _)| kind & bit != 0)
            .map(|(_, name)| *name)
            .collect();
        let when = match kind {
            kind if kind & 64 != 0 => "instead of",
            kind if kind & 2 != 0 => "before",
            _ => "after",
        };
        Trigger {
            name: row.get(0),
            table: row.get(1),
            events: format!("{when} {}", names.join(" or ")),
            function: row.get(3),
        }
    };
    Ok(rows.iter().map(trigger).collect())
}

/// Deletions go on where a key says so; what a key empties is changed and not deleted, and goes no further.
async fn cascades(client: &Client, oid: Oid) -> Result<Vec<Cascade>, Error> {
    let sql = format!(
        "{REACHED}, cascaded(oid, action, deep) AS (
           SELECT reached.oid, 'c', 0 FROM reached
           UNION SELECT k.conrelid, k.confdeltype::pg_catalog.text, deep + 1 FROM cascaded JOIN pg_catalog.pg_constraint k ON k.confrelid = cascaded.oid
             WHERE cascaded.action = 'c' AND k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd') AND deep < {CASCADES_DEEP_MAX})
         SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.min(action) FROM cascaded JOIN pg_catalog.pg_class c ON c.oid = cascaded.oid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE deep > 0 AND NOT c.relispartition GROUP BY 1 ORDER BY 1 LIMIT {NAMES_MAX}"
    );
    let rows = client.query(&sql, &[&oid]).await?;
    let cascade = |row: &Row| Cascade {
        table: row.get(0),
        rows: match row.get(1) {
            "c" => "deleted",
            "n" => "set to null",
            _ => "set to default",
        },
    };
    Ok(rows.iter().map(cascade).collect())
}

/// A name as the guard writes it, in its schema and itself; none for one with the name of a database, or with letters that
/// were made readable.
fn parts(written: &str) -> Option<(Option<String>, String)> {
    if written.contains('\\') {
        return None;
    }
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for letter in written.chars() {
        match letter {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            letter => parts.last_mut()?.push(letter),
        }
    }
    let name = parts.pop()?;
    let schema = parts.pop();
    parts.is_empty().then_some((schema, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_as_they_were_written() {
        let of = |written| parts(written).map(|(schema, name)| (schema.unwrap_or_default(), name));
        let text = |schema: &str, name: &str| Some((schema.to_owned(), name.to_owned()));
        assert_eq!(of("users"), text("", "users"));
        assert_eq!(of("app.\"Odd.Name\""), text("app", "Odd.Name"));
        assert_eq!(of("shop.app.users"), None);
        assert_eq!(of("\"a\\\"b\""), None);
    }
}
