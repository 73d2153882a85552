//! `safeguard undo drop` and `purge`: a dropped table is moved into the trash, and comes back from there or is gone for good.

use clap::Args;
use safeguard_api::{Span, Timestamp, UndoId};
use serde::Serialize;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::install::{DEPENDENTS, OBJECTS};
use super::record::{self, Record};
use super::restore::{Conflict, Restored, RestoredTable};
use super::{Place, failed, shipped};
use crate::db::identifier;
use crate::failure::Failure;

const TRASH: &str = "safeguard_trash";
const BEGIN: &str =
    "BEGIN; SET LOCAL lock_timeout = '10s'; SELECT pg_catalog.set_config('safeguard.undo', '', true)";

#[derive(Debug, Args)]
pub struct DropArgs {
    #[command(flatten)]
    pub place: Place,
    /// The table, such as shop.carts
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// A table or view that depends on it, and is dropped with it; may be given again
    #[arg(long = "also", value_name = "NAME")]
    pub also: Vec<String>,
    /// How long it stays in the trash, such as 14d or 36h
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = keep)]
    pub keep: Span,
}

#[derive(Debug, Args)]
pub struct PurgeArgs {
    #[command(flatten)]
    pub place: Place,
    /// Drop it for good, rather than say what would be
    #[arg(long)]
    pub apply: bool,
}

#[derive(Debug, Serialize)]
pub struct Dropped {
    pub api: &'static str,
    pub id: UndoId,
    pub tables: Vec<String>,
    pub expires: Timestamp,
}

#[derive(Debug, Serialize)]
pub struct Purged {
    pub id: UndoId,
    pub tables: Vec<String>,
    pub purged: bool,
}

/// What was moved, as it was.
#[derive(Debug)]
struct Object {
    oid: u32,
    kind: char,
    schema: String,
    name: String,
    owner: String,
    /// What is run for the object under its own name: grants, or what makes a foreign key again.
    grants: Vec<String>,
}

/// Days, or what every other length of time is written as.
fn keep(text: &str) -> Result<Span, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    match days {
        Some(days) if days <= 3650 => Ok(Span::hours(24 * days)),
        Some(days) => Err(format!("{days} days (limit 3650)")),
        None => text.parse::<Span>().map_err(|error| error.to_string()),
    }
}

impl Object {
    /// As `ALTER` names it.
    fn word(&self) -> &'static str {
        match self.kind {
            'v' => "VIEW",
            'm' => "MATERIALIZED VIEW",
            'i' => "INDEX",
            'S' => "SEQUENCE",
            _ => "TABLE",
        }
    }

    /// Moved and owned by itself; indexes and sequences go along with their tables.
    fn is_relation(&self) -> bool {
        !matches!(self.kind, 'i' | 'S') && !self.is_foreign_key()
    }

    /// Of a table that stayed: dropped, and made again.
    fn is_foreign_key(&self) -> bool {
        self.kind == 'c'
    }

    fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

pub async fn drop_table(client: &Client, id: &UndoId, args: &DropArgs) -> Result<Dropped, Failure> {
    let refused = failed("nothing was dropped");
    record::must_be_installed(client).await?;
    client.batch_execute(BEGIN).await.map_err(&refused)?;
    let mut named = Vec::new();
    for name in std::iter::once(&args.table).chain(&args.also) {
        let found = client
            .query_one("SELECT pg_catalog.to_regclass($1)::oid", &[name])
            .await;
        let oid: Option<u32> = found.map_err(&refused)?.get(0);
        named.push(oid.ok_or_else(|| {
            Failure::refused(format!("there is no table `{}`", name.escape_debug()))
                .hint("write it as SCHEMA.TABLE, quoted as in SQL")
        })?);
    }
    client
        .batch_execute("SET LOCAL search_path = pg_catalog, pg_temp")
        .await
        .map_err(&refused)?;
    may_be_moved(client, &named).await?;
    let objects = objects(client, &named).await?;
    for object in objects.iter().filter(|object| matches!(object.kind, 'r' | 'p')) {
        let sql = format!(
            "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
            qualified(&object.schema, &object.name)
        );
        client.batch_execute(&sql).await.map_err(&refused)?;
    }
    let relations: Vec<u32> = objects
        .iter()
        .filter(|object| object.is_relation())
        .map(|object| object.oid)
        .collect();
    let dependents = client.query(DEPENDENTS, &[&relations]).await.map_err(&refused)?;
    if !dependents.is_empty() {
        let details = dependents.iter().map(|row| row.get(0)).collect();
        return Err(Failure::refused("nothing was dropped: other objects depend on it")
            .details(details)
            .hint("drop tables and views with it by `--also NAME`; constraints go with the table that they are of"));
    }
    let expires = client
        .query_one(
            r#"SELECT to_char(safeguard_undo.discard($1, $2, $3, false) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"#,
            &[
                &id.as_str(),
                &named,
                &i64::try_from(args.keep.ms()).unwrap_or(i64::MAX),
            ],
        )
        .await
        .map_err(discarding)?;
    client.batch_execute("COMMIT").await.map_err(&refused)?;
    let expires: &str = expires.get(0);
    let expires = expires.parse().map_err(anyhow::Error::from)?;
    let relations = objects.iter().filter(|object| object.is_relation());
    Ok(Dropped {
        api: shipped::API,
        id: id.clone(),
        tables: relations.map(Object::shown).collect(),
        expires,
    })
}

/// A partition would still be read through its parent, and so would a table that inherits.
async fn may_be_moved(client: &Client, named: &[u32]) -> Result<(), Failure> {
    let sql = "SELECT c.oid::regclass::text, c.relkind::text,
            EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
              OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid AND c.relkind <> 'p'),
            n.nspname ~ '^(pg_|safeguard_(undo|trash)$)' OR n.nspname = 'information_schema'
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1)";
    let rows = client.query(sql, &[&named]).await;
    for row in rows.map_err(failed("nothing was dropped"))? {
        let (name, kind): (&str, &str) = (row.get(0), row.get(1));
        if row.get(3) || !["r", "p", "v", "m"].contains(&kind) {
            return Err(Failure::refused(format!(
                "`{name}` is no table and no view of a user"
            )));
        }
        if row.get(2) {
            return Err(Failure::refused(format!(
                "`{name}` is a partition, or inherits, or is inherited from"
            ))
            .hint("detach it first: `ALTER TABLE … DETACH PARTITION …` or `… NO INHERIT …`"));
        }
    }
    Ok(())
}

async fn objects(client: &Client, named: &[u32]) -> Result<Vec<Object>, Failure> {
    let rows = client.query(OBJECTS, &[&named]).await;
    let objects = rows.map_err(failed("nothing was dropped"))?;
    let objects = objects.iter().map(|row| Object {
        oid: row.get(0),
        kind: char::from(row.get::<_, i8>(1).unsigned_abs()),
        schema: row.get(2),
        name: row.get(3),
        owner: row.get(4),
        grants: row.get(5),
    });
    Ok(objects.collect())
}

/// A database in which undo was installed before it had the function says so.
fn discarding(error: tokio_postgres::Error) -> Failure {
    let is_older = error.code() == Some(&SqlState::UNDEFINED_FUNCTION);
    let failure = failed("nothing was dropped")(error);
    match is_older {
        true => {
            failure.hint("undo was installed by an older version: `safeguard undo install --apply` again")
        }
        false => failure,
    }
}

/// Moves everything of a record back; or names what is in the way.
pub async fn back(client: &Client, record: &Record, dry_run: bool) -> Result<Restored, Failure> {
    let refused = failed("nothing was restored");
    client
        .batch_execute("SET LOCAL search_path = pg_catalog, pg_temp")
        .await
        .map_err(&refused)?;
    let sql = "SELECT t.object, t.kind, t.schema_name, t.name, t.owner, t.grants, t.trash_name,
            CASE WHEN t.kind = 'c' AND k.oid IS NULL THEN 'the table ' || t.trash_name || ' that it is of is gone'
              WHEN t.kind = 'c' AND EXISTS (SELECT FROM pg_constraint f WHERE f.conrelid = k.oid AND f.conname = t.name)
                THEN 'something has its name again'
              WHEN t.kind = 'c' THEN NULL
              WHEN c.oid IS NULL THEN 'it is not in the trash any more'
              WHEN n.oid IS NULL THEN 'its schema is gone'
              WHEN EXISTS (SELECT FROM pg_class o WHERE o.relnamespace = n.oid AND o.relname = t.name) THEN 'something has its name again'
              WHEN NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = t.owner) THEN 'its owner ' || t.owner || ' is gone' END
        FROM safeguard_undo.trash t LEFT JOIN pg_namespace n ON n.nspname = t.schema_name
          LEFT JOIN pg_class c ON c.oid = t.object AND c.relname = t.trash_name AND c.relnamespace = 'safeguard_trash'::regnamespace
          LEFT JOIN pg_class k ON t.kind = 'c' AND k.relnamespace = n.oid AND k.relname = t.trash_name AND k.relkind IN ('r', 'p')
        WHERE t.undo = $1 ORDER BY t.place";
    let rows = client
        .query(sql, &[&record.id.as_str()])
        .await
        .map_err(&refused)?;
    let mut conflicts = Vec::new();
    let mut objects = Vec::new();
    for row in &rows {
        let object = Object {
            oid: row.get(0),
            kind: char::from(row.get::<_, i8>(1).unsigned_abs()),
            schema: row.get(2),
            name: row.get(3),
            owner: row.get(4),
            grants: row.get(5),
        };
        if let Some(why) = row.get::<_, Option<String>>(7) {
            conflicts.push(Conflict {
                table: object.shown(),
                key: None,
                why,
            });
        }
        objects.push((object, row.get::<_, String>(6)));
    }
    let possible = conflicts.is_empty();
    let applied = !dry_run && possible;
    if applied {
        for (object, trash_name) in &objects {
            move_back(client, object, trash_name).await.map_err(&refused)?;
        }
    }
    let relations = objects.iter().filter(|(object, _)| object.is_relation());
    Ok(Restored {
        api: shipped::API,
        id: record.id.clone(),
        applied,
        possible,
        tables: relations
            .map(|(object, _)| RestoredTable::moved(object.shown()))
            .collect(),
        conflicts,
    })
}

async fn move_back(client: &Client, object: &Object, trash_name: &str) -> Result<(), tokio_postgres::Error> {
    let word = object.word();
    let mut sql = String::new();
    if object.is_relation() {
        sql.push_str(&format!(
            "ALTER {word} {} SET SCHEMA {};",
            qualified(TRASH, trash_name),
            identifier(&object.schema)
        ));
    }
    let here = qualified(&object.schema, trash_name);
    if !object.is_foreign_key() {
        sql.push_str(&format!(
            "ALTER {word} {here} RENAME TO {};",
            identifier(&object.name)
        ));
    }
    if object.is_relation() {
        sql.push_str(&format!(
            "ALTER {word} {} OWNER TO {};",
            qualified(&object.schema, &object.name),
            identifier(&object.owner)
        ));
    }
    for grant in &object.grants {
        sql.push_str(grant);
        sql.push(';');
    }
    client.batch_execute(&sql).await
}

/// What is past its time by the database's clock; with `apply` it is dropped, each id in a transaction of its own.
pub async fn purge(client: &Client, apply: bool) -> Result<Vec<Purged>, Failure> {
    let refused = failed("nothing more was purged");
    record::must_be_installed(client).await?;
    let sql = "SELECT r.id FROM safeguard_undo.record r WHERE r.kind = 'drop' AND r.expires <= statement_timestamp()
          AND r.purged_at IS NULL AND r.restored_at IS NULL ORDER BY r.expires, r.id";
    let ids = client.query(sql, &[]).await.map_err(&refused)?;
    let mut purged = Vec::new();
    for row in ids {
        let id: UndoId = row.get::<_, &str>(0).parse().map_err(anyhow::Error::from)?;
        client.batch_execute(BEGIN).await.map_err(&refused)?;
        // Again, under the lock: it may have been restored meanwhile.
        let still = format!("{sql} FOR UPDATE").replace("ORDER BY", "AND r.id = $1 ORDER BY");
        let still = client.query(&still, &[&id.as_str()]).await.map_err(&refused)?;
        if !still.is_empty() {
            let tables = purge_one(client, &id, apply).await.map_err(&refused)?;
            purged.push(Purged {
                id,
                tables,
                purged: apply,
            });
        }
        client
            .batch_execute(if apply { "COMMIT" } else { "ROLLBACK" })
            .await
            .map_err(&refused)?;
    }
    Ok(purged)
}

async fn purge_one(client: &Client, id: &UndoId, apply: bool) -> Result<Vec<String>, tokio_postgres::Error> {
    let sql = "SELECT t.kind::text, t.trash_name, t.schema_name || '.' || t.name, c.oid IS NOT NULL FROM safeguard_undo.trash t
          LEFT JOIN pg_class c ON c.oid = t.object AND c.relname = t.trash_name AND c.relnamespace = 'safeguard_trash'::regnamespace
        WHERE t.undo = $1 AND t.kind NOT IN ('i', 'S', 'c') ORDER BY t.place";
    let rows = client.query(sql, &[&id.as_str()]).await?;
    if apply {
        // Views read tables, and tables refer to each other: together, and nothing that is not of this id.
        for (kinds, word) in [
            (["v", "v"], "VIEW"),
            (["m", "m"], "MATERIALIZED VIEW"),
            (["r", "p"], "TABLE"),
        ] {
            let names: Vec<String> = rows
                .iter()
                .filter(|row| row.get(3) && kinds.contains(&row.get(0)))
                .map(|row| qualified(TRASH, row.get(1)))
                .collect();
            if !names.is_empty() {
                let drop = format!("DROP {word} IF EXISTS {}", names.join(", "));
                client.batch_execute(&drop).await?;
            }
        }
        let mark = "UPDATE safeguard_undo.record SET purged_at = statement_timestamp() WHERE id = $1";
        client.execute(mark, &[&id.as_str()]).await?;
    }
    Ok(rows.iter().map(|row| row.get(2)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_understood() {
        assert_eq!(keep("14d"), Ok(Span::hours(336)));
        assert_eq!(keep("36h"), Ok(Span::hours(36)));
        assert!(keep("5000d").is_err());
        assert!(keep("soon").is_err());
    }
}
