//! `safeguard undo ship`: records leave the database for a folder, and only what is safe there is removed here.

use std::path::{Path, PathBuf};

use clap::Args;
use safeguard_api::UndoId;
use serde::Serialize;
use tokio_postgres::Client;

use super::record::{self, Kind};
use super::shipped::{self, WriteError};
use super::{Place, failed};
use crate::failure::Failure;

#[derive(Debug, Args)]
pub struct ShipArgs {
    #[command(flatten)]
    pub place: Place,
    /// The folder, on another machine's disk if possible; a file is written for each undo id
    #[arg(long, value_name = "FOLDER")]
    pub to: PathBuf,
}

#[derive(Debug, Serialize)]
pub struct Shipped {
    pub id: UndoId,
    pub file: String,
    pub digest: String,
}

/// Each record in a transaction of its own. What was shipped before one fails stays shipped.
pub async fn ship(client: &Client, folder: &Path) -> Result<Vec<Shipped>, Failure> {
    let mut shipped = Vec::new();
    for summary in record::summaries(client, None).await?.into_iter().rev() {
        let record = summary.record;
        if record.kind == Kind::Rows && record.shipped_at.is_none() {
            shipped.extend(ship_one(client, folder, &record.id).await?);
        }
    }
    Ok(shipped)
}

async fn ship_one(client: &Client, folder: &Path, id: &UndoId) -> Result<Option<Shipped>, Failure> {
    let kept = format!("`{id}` stays in the database");
    let refused = failed(&kept);
    // What is written and what is removed afterwards are the same rows.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = '10s'; SET LOCAL search_path = pg_catalog, pg_temp";
    client.batch_execute(begin).await.map_err(&refused)?;
    let record = record::locked(client, id).await?;
    let Some(record) = record.filter(|record| record.shipped_at.is_none()) else {
        client.batch_execute("ROLLBACK").await.map_err(&refused)?;
        return Ok(None);
    };
    let written = shipped::write(client, folder, &record).await;
    let digest = written.map_err(|error| match error {
        WriteError::Database(error) => failed(&kept)(error),
        WriteError::File { path, source } => {
            Failure::undecided(format!("{kept}: cannot write `{}`: {source}", path.display()))
                .hint("make room, or name another folder; nothing was removed")
        }
        WriteError::Other { path } => Failure::refused(format!(
            "{kept}: `{}` is there already, and is another file",
            path.display()
        ))
        .hint("look what it is, and name another folder"),
    })?;
    for sql in [
        "DELETE FROM safeguard_undo.image i USING safeguard_undo.act a WHERE a.id = i.act AND a.undo = $1",
        "DELETE FROM safeguard_undo.act WHERE undo = $1",
    ] {
        client.execute(sql, &[&id.as_str()]).await.map_err(&refused)?;
    }
    let mark =
        "UPDATE safeguard_undo.record SET shipped_at = statement_timestamp(), digest = $2 WHERE id = $1";
    client
        .execute(mark, &[&id.as_str(), &digest])
        .await
        .map_err(&refused)?;
    client.batch_execute("COMMIT").await.map_err(&refused)?;
    Ok(Some(Shipped {
        id: id.clone(),
        file: shipped::path(folder, id).display().to_string(),
        digest,
    }))
}
