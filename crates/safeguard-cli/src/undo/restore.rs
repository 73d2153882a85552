//! `safeguard undo restore`: rows come back in one transaction, each conflict named, or not at all.

mod order;
mod plan;
mod table;

use safeguard_api::UndoId;
use safeguard_api::guard::RowBudget;
use serde::Serialize;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use super::record::{self, Kind, Record};
use super::{RestoreOptions, failed, shipped, trash};
use crate::failure::Failure;
use table::Table;

/// What decides how values are written; the triggers that keep rows set the same.
const READING: &str = "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL extra_float_digits = 1;
SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL timezone = 'UTC';
SET LOCAL bytea_output = 'hex'; SET LOCAL lc_monetary = 'C'; SET LOCAL xmloption = 'content'";
/// The application's triggers run under the settings that they know.
const WRITING: &str = "SET LOCAL search_path TO DEFAULT; SET LOCAL extra_float_digits TO DEFAULT;
SET LOCAL datestyle TO DEFAULT; SET LOCAL intervalstyle TO DEFAULT; SET LOCAL timezone TO DEFAULT;
SET LOCAL bytea_output TO DEFAULT; SET LOCAL lc_monetary TO DEFAULT; SET LOCAL xmloption TO DEFAULT";
/// A restoration leaves no record itself; a policy that hides rows is an error; whoever writes for long is not waited for.
const BEGIN: &str =
    "BEGIN; SET LOCAL row_security = off; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = 0;
SELECT pg_catalog.set_config('safeguard.undo', '', true); SET CONSTRAINTS ALL DEFERRED";
/// What the transaction did to rows, but for those of the records themselves.
const EFFECT: &str = "SELECT pg_catalog.current_setting('track_counts') = 'on',
coalesce(sum(pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)), 0)::bigint,
coalesce(sum(pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)), 0)::bigint
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't'
AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'safeguard_undo')";
const NOTHING: &str = "nothing was restored";

#[derive(Debug, Serialize)]
pub struct Restored {
    pub api: &'static str,
    pub id: UndoId,
    /// Whether it was done.
    pub applied: bool,
    /// Whether it was done, or would be if this were no dry run.
    pub possible: bool,
    pub tables: Vec<RestoredTable>,
    pub conflicts: Vec<Conflict>,
}

#[derive(Debug, Serialize)]
pub struct RestoredTable {
    pub table: String,
    /// Rows that are there again.
    pub inserted: i64,
    /// Rows that have their old values again.
    pub set_back: i64,
    /// Rows that the transaction added, and that stay.
    pub added_stay: i64,
    /// Rows that triggers made different from what they were.
    pub altered_by_triggers: i64,
    /// The whole table came back from the trash.
    pub from_trash: bool,
}

impl RestoredTable {
    pub fn has_rows(&self) -> bool {
        self.inserted + self.set_back > 0
    }

    /// A table that came back as a whole.
    pub fn moved(table: String) -> RestoredTable {
        RestoredTable {
            table,
            inserted: 0,
            set_back: 0,
            added_stay: 0,
            altered_by_triggers: 0,
            from_trash: true,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Conflict {
    pub table: String,
    /// None where the whole table is in conflict.
    pub key: Option<String>,
    pub why: String,
}

/// Everything in one transaction, which is committed unless there is a conflict, this is a dry run, or its true effect is over the
/// budget.
pub async fn restore(
    client: &Client,
    id: &UndoId,
    options: &RestoreOptions,
    budget: Option<RowBudget>,
) -> Result<Restored, Failure> {
    let refused = failed(NOTHING);
    client.batch_execute(BEGIN).await.map_err(&refused)?;
    record::must_be_installed(client).await?;
    let mut known = record::locked(client, id).await?;
    let in_this_cluster = known.is_some();
    let mut loaded = None;
    if known
        .as_ref()
        .is_none_or(|record| record.shipped_at.is_some() && record.restored_at.is_none())
    {
        let Some(folder) = &options.sources.from else {
            return Err(not_here(id, known.as_ref()));
        };
        let digest = known.as_ref().and_then(|record| record.digest.clone());
        let acts = shipped::load(client, folder, id, digest.as_deref(), !in_this_cluster).await?;
        loaded = Some(acts);
        known = record::locked(client, id).await?;
    }
    let Some(record) = known else {
        return Err(not_here(id, None));
    };
    if let Some(at) = record.restored_at {
        return Err(Failure::refused(format!("`{id}` was restored already, at {at}"))
            .hint("a record is restored once; what was changed since is under undo ids of its own"));
    }
    let restored = match record.kind {
        Kind::Drop => trash::back(client, &record, options.dry_run).await?,
        Kind::Rows => rows(client, id, options, in_this_cluster).await?,
    };
    if !restored.applied {
        client.batch_execute("ROLLBACK").await.map_err(&refused)?;
        return Ok(restored);
    }
    if let Some(acts) = loaded {
        shipped::unload(client, &acts).await.map_err(&refused)?;
    }
    if let Some(budget) = budget {
        within(client, budget).await?;
    }
    let mark = "UPDATE safeguard_undo.record SET restored_at = statement_timestamp(), restored_by = session_user WHERE id = $1";
    client.execute(mark, &[&id.as_str()]).await.map_err(&refused)?;
    client.batch_execute("COMMIT").await.map_err(&refused)?;
    Ok(restored)
}

/// Counts what the transaction did, by triggers and cascades too; deferred ones are run before.
async fn within(client: &Client, budget: RowBudget) -> Result<(), Failure> {
    let refused = failed(NOTHING);
    let settled = client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await;
    settled.map_err(&refused)?;
    let row = client.query_one(EFFECT, &[]).await.map_err(&refused)?;
    let (counts, changed, deleted): (bool, i64, i64) = (row.get(0), row.get(1), row.get(2));
    if !counts {
        return Err(Failure::undecided(
            "nothing was restored: the server does not count rows, so that nothing can be measured",
        )
        .hint("set `track_counts = on` on the server"));
    }
    let figures = [
        ("change", changed, budget.rows_changed_max),
        ("delete", deleted, budget.rows_deleted_max),
    ];
    for (verb, figure, limit) in figures {
        if figure.unsigned_abs() > limit {
            let message = format!("nothing was restored: it would {verb} {figure} rows (limit {limit})");
            return Err(Failure::refused(message).hint(
                "`[guard.budgets]` has the limits; a person restores more with `safeguard undo restore`",
            ));
        }
    }
    Ok(())
}

fn not_here(id: &UndoId, known: Option<&Record>) -> Failure {
    match known {
        Some(_) => Failure::undecided(format!("the rows of `{id}` were shipped out of the database"))
            .hint("name the folder that they were shipped to: `--from FOLDER`"),
        None => Failure::undecided(format!("there is no undo record `{id}`"))
            .hint("`safeguard undo list` shows what there is; `--from FOLDER` reads what was shipped"),
    }
}

async fn rows(
    client: &Client,
    id: &UndoId,
    options: &RestoreOptions,
    same_cluster: bool,
) -> Result<Restored, Failure> {
    let refused = failed(NOTHING);
    client.batch_execute(READING).await.map_err(&refused)?;
    let mut conflicts = Vec::new();
    let mut tables = Vec::new();
    for recorded in table::recorded(client, id.as_str()).await.map_err(&refused)? {
        let number = tables.len();
        let found = table::find(client, number, recorded, same_cluster)
            .await
            .map_err(&refused)?;
        match found {
            Err((recorded, why)) => conflicts.push(Conflict {
                table: recorded.shown(),
                key: None,
                why,
            }),
            Ok(table) => match prepared(client, &table, id).await? {
                Some(why) => conflicts.push(Conflict {
                    table: table.recorded.shown(),
                    key: None,
                    why,
                }),
                None => tables.push(table),
            },
        }
    }
    until_no_more(client, &tables).await.map_err(&refused)?;
    for table in &tables {
        let rows = client.query(&table.conflicts(), &[]).await.map_err(&refused)?;
        conflicts.extend(rows.iter().map(|row| Conflict {
            table: table.recorded.shown(),
            key: Some(row.get(0)),
            why: row.get(1),
        }));
    }
    let mut report = Restored {
        api: shipped::API,
        id: id.clone(),
        applied: false,
        possible: false,
        tables: Vec::new(),
        conflicts,
    };
    for table in &tables {
        let counts = client.query_one(&table.counts(), &[]).await.map_err(&refused)?;
        let stay = count(client, &table.unpaired()).await.map_err(&refused)?;
        report.tables.push(RestoredTable {
            table: table.recorded.shown(),
            inserted: counts.get(0),
            set_back: counts.get(1),
            added_stay: stay,
            altered_by_triggers: 0,
            from_trash: false,
        });
    }
    // A record is restored once: where everything is in conflict it is kept for another time.
    let some = options.skip_conflicts && report.tables.iter().any(RestoredTable::has_rows);
    report.possible = report.conflicts.is_empty() || some;
    report.applied = report.possible && !options.dry_run;
    if report.applied {
        let altered = apply(client, &tables).await?;
        for (table, altered) in report.tables.iter_mut().zip(altered) {
            table.altered_by_triggers = altered;
        }
    }
    Ok(report)
}

/// Works out what one table is to get back; or says why that can not be.
async fn prepared(client: &Client, table: &Table, id: &UndoId) -> Result<Option<String>, Failure> {
    let refused = failed(NOTHING);
    let undo = id.as_str();
    client
        .batch_execute("SAVEPOINT reading")
        .await
        .map_err(&refused)?;
    if let Err(error) = client.batch_execute(&table.images(undo)).await {
        // A label of an enumeration that is gone, a domain that is narrower, a type that is gone.
        client
            .batch_execute("ROLLBACK TO SAVEPOINT reading")
            .await
            .map_err(&refused)?;
        let why = crate::db::connect::told(&error);
        return Ok(Some(format!("its columns do not hold what was in them: {why}")));
    }
    let lossy: i64 = count(client, &table.lossy()).await.map_err(&refused)?;
    if lossy > 0 {
        return Ok(Some(format!(
            "its columns changed, and {lossy} rows do not fit them without loss"
        )));
    }
    let paired = pair(client, table, undo).await.map_err(&refused)?;
    if paired > 0 {
        return Ok(Some(format!(
            "{paired} rows that the transaction gave another key can not be told from those that it added"
        )));
    }
    client.batch_execute(&table.present()).await.map_err(&refused)?;
    Ok(None)
}

/// Returns how many rows are left over that no row can be set back from.
async fn pair(client: &Client, table: &Table, undo: &str) -> Result<i64, Error> {
    client.batch_execute(&table.pair_by_key()).await?;
    if count(client, &table.unpaired()).await? == 0 {
        return Ok(0);
    }
    client.batch_execute(&table.pair_by_updates(undo)).await?;
    let [take, left] = table.pair_the_rest(undo);
    client.batch_execute(&take).await?;
    count(client, &left).await
}

async fn count(client: &Client, sql: &str) -> Result<i64, Error> {
    Ok(client.query_one(sql, &[]).await?.get(0))
}

/// A row that stays away may keep another away: until a round finds nothing.
async fn until_no_more(client: &Client, tables: &[Table]) -> Result<(), Error> {
    loop {
        let mut found = 0;
        for table in tables {
            for unique in &table.uniques {
                found += client.execute(&table.taken(unique), &[]).await?;
            }
            for reference in &table.references {
                let parent = tables.iter().find(|parent| parent.oid == reference.parent);
                found += client.execute(&table.orphaned(reference, parent), &[]).await?;
            }
        }
        if found == 0 {
            return Ok(());
        }
    }
}

/// Parents first. Returns for each table how many rows triggers made different.
async fn apply(client: &Client, tables: &[Table]) -> Result<Vec<i64>, Failure> {
    let refused = failed(NOTHING);
    client.batch_execute(WRITING).await.map_err(&refused)?;
    let number = |oid: u32| tables.iter().position(|table| table.oid == oid);
    let refers: Vec<(usize, usize)> = tables
        .iter()
        .enumerate()
        .flat_map(|(child, table)| {
            let parents = table
                .references
                .iter()
                .filter_map(|reference| number(reference.parent));
            parents.map(move |parent| (child, parent)).collect::<Vec<_>>()
        })
        .collect();
    for group in order::groups(tables.len(), &refers) {
        let group: Vec<&Table> = group.into_iter().map(|number| &tables[number]).collect();
        write(client, &group).await.map_err(&refused)?;
    }
    client
        .batch_execute("SET CONSTRAINTS ALL IMMEDIATE")
        .await
        .map_err(&refused)?;
    client.batch_execute(READING).await.map_err(&refused)?;
    let mut altered = Vec::new();
    for table in tables {
        let checked = client.query_one(&table.checked(), &[]).await.map_err(&refused)?;
        let missing: i64 = checked.get(0);
        if missing > 0 {
            return Err(Failure::refused(format!(
                "{NOTHING}: {missing} rows of {} did not come back when they were written",
                table.recorded.shown()
            ))
            .hint("a trigger or a rule of the table keeps them away or changes their key"));
        }
        altered.push(checked.get(1));
    }
    Ok(altered)
}

/// At once; and where rows passed a unique value on from one to the next, row by row in the order that lets them.
async fn write(client: &Client, group: &[&Table]) -> Result<(), Error> {
    let all = plan::restore(group);
    client.batch_execute("SAVEPOINT writing").await?;
    match client.batch_execute(&all).await {
        Ok(()) => {}
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            client.batch_execute("ROLLBACK TO SAVEPOINT writing").await?;
            for table in group {
                if let Some(round) = table.set_back_a_round() {
                    while client.execute(&round, &[]).await? > 0 {}
                }
            }
            client.batch_execute(&all).await?;
        }
        Err(error) => return Err(error),
    }
    for table in group {
        if let Some(moved) = table.set_back_moved() {
            client.batch_execute(&moved).await?;
        }
    }
    Ok(())
}
