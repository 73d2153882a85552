//! A migration on a copy of the data: what it locks, rewrites and loses, and whether its way down leads back.

mod catalog;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use safeguard_api::migration::{LockHeld, Rehearsal, RowsLost, TypeChanged, ValuesLost};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::clock;
use catalog::Catalog;

/// What runs longer on a copy is not for a migration.
const STATEMENT_LONGEST: Duration = Duration::from_secs(600);

#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    #[error("the copy can not be read")]
    Read(#[source] tokio_postgres::Error),
    #[error("the way {way} fails")]
    Fails {
        way: &'static str,
        #[source]
        source: tokio_postgres::Error,
    },
}

/// A way up or down.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    pub text: &'a str,
    /// The same, for where they have to be run one at a time.
    pub statements: &'a [&'a str],
}

/// What was there before the way up, which the way down has to lead back to.
pub struct Before(Catalog);

/// Runs the way up, in a database that nobody else uses and that is thrown away afterwards.
pub async fn rehearse_up(client: &Client, up: Way<'_>) -> Result<(Rehearsal, Before), RehearsalError> {
    limit(client).await?;
    let before = Catalog::read(client).await.map_err(RehearsalError::Read)?;
    let ran = run(client, up, "up", &before).await?;
    let after = Catalog::read(client).await.map_err(RehearsalError::Read)?;
    let mut rehearsal = compared(&before, &after);
    rehearsal.took = clock::span(ran.took);
    rehearsal.in_transaction = ran.in_transaction;
    rehearsal.locks = ran.locks;
    Ok((rehearsal, Before(before)))
}

/// Runs the way down, in a copy of what the way up has left, and says what differs from before.
pub async fn rehearse_down(
    client: &Client,
    down: Way<'_>,
    before: &Before,
) -> Result<Vec<String>, RehearsalError> {
    limit(client).await?;
    run(client, down, "down", &before.0).await?;
    let restored = Catalog::read(client).await.map_err(RehearsalError::Read)?;
    Ok(before.0.differences(&restored))
}

async fn limit(client: &Client) -> Result<(), RehearsalError> {
    let limit = format!("SET statement_timeout = {}", STATEMENT_LONGEST.as_millis());
    client.batch_execute(&limit).await.map_err(RehearsalError::Read)
}

struct Ran {
    took: Duration,
    in_transaction: bool,
    locks: Vec<LockHeld>,
}

/// In one transaction, whose locks are looked at before it commits; or one statement at a time where that can not be.
async fn run(
    client: &Client,
    sql: Way<'_>,
    way: &'static str,
    before: &Catalog,
) -> Result<Ran, RehearsalError> {
    let fails = |source| RehearsalError::Fails { way, source };
    let begun = Instant::now();
    client.batch_execute("BEGIN").await.map_err(fails)?;
    match client.batch_execute(sql.text).await {
        Ok(()) => {
            let locks = locks(client, before).await.map_err(fails)?;
            client.batch_execute("COMMIT").await.map_err(fails)?;
            Ok(Ran {
                took: begun.elapsed(),
                in_transaction: true,
                locks,
            })
        }
        Err(error) if error.code() == Some(&SqlState::ACTIVE_SQL_TRANSACTION) => {
            client.batch_execute("ROLLBACK").await.map_err(fails)?;
            let begun = Instant::now();
            for statement in sql.statements {
                client.batch_execute(statement).await.map_err(fails)?;
            }
            Ok(Ran {
                took: begun.elapsed(),
                in_transaction: false,
                locks: Vec::new(),
            })
        }
        Err(error) => Err(fails(error)),
    }
}

/// The strongest lock on each table that was there before. Weaker ones than `ShareLock` stop no writer
/// (PostgreSQL manual, "Explicit Locking").
async fn locks(client: &Client, before: &Catalog) -> Result<Vec<LockHeld>, tokio_postgres::Error> {
    let rows = client
        .query(
            "SELECT relation::int8, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
               AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')",
            &[],
        )
        .await?;
    let strength = |mode: &str| match mode {
        "AccessExclusiveLock" => 4,
        "ExclusiveLock" => 3,
        "ShareRowExclusiveLock" => 2,
        _ => 1,
    };
    let mut held: BTreeMap<String, LockHeld> = BTreeMap::new();
    for row in rows {
        let (relation, mode): (i64, String) = (row.get(0), row.get(1));
        let Some((name, table)) = before.tables.iter().find(|(_, table)| table.oid == relation) else {
            continue;
        };
        let is_stronger = |known: &LockHeld| strength(&known.mode) < strength(&mode);
        if held.get(name).is_none_or(is_stronger) {
            let lock = LockHeld {
                table: name.clone(),
                mode,
                rows: table.rows,
            };
            held.insert(name.clone(), lock);
        }
    }
    Ok(held.into_values().collect())
}

/// Tables and columns are followed by their numbers: what is renamed is not lost.
fn compared(before: &Catalog, after: &Catalog) -> Rehearsal {
    let mut found = Rehearsal {
        rows_before: before.tables.values().map(|table| table.rows).sum(),
        ..Rehearsal::default()
    };
    for (name, was) in &before.tables {
        let now = after.tables.values().find(|table| table.oid == was.oid);
        let rows = now.map_or(0, |now| now.rows);
        if rows < was.rows {
            found.rows_lost.push(RowsLost {
                table: name.clone(),
                before: was.rows,
                after: rows,
            });
        }
        let Some(now) = now else { continue };
        if now.file != was.file && was.rows > 0 {
            found.rewritten.push(name.clone());
        }
        for (number, column) in &was.columns {
            match now.columns.get(number) {
                None if column.values > 0 => found.values_lost.push(ValuesLost {
                    table: name.clone(),
                    column: column.name.clone(),
                    values: column.values,
                }),
                Some(same) if same.kind != column.kind => found.types_changed.push(TypeChanged {
                    table: name.clone(),
                    column: column.name.clone(),
                    from: column.kind.clone(),
                    to: same.kind.clone(),
                    values_differ: same.sum != column.sum,
                }),
                None | Some(_) => {}
            }
        }
    }
    let lost: u64 = found.rows_lost.iter().map(|lost| lost.before - lost.after).sum();
    found.rows_after = found.rows_before - lost;
    found
}
