//! What there is to undo: the records of a database, and how they are shown.

use anyhow::Context;
use safeguard_api::{Timestamp, UndoId};
use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Row};

use super::failed;
use crate::failure::Failure;

/// Times as the wire has them; more digits than milliseconds are cut.
const SELECT: &str = r#"SELECT r.id, r.kind, r.transaction::text, r.who, r.application, r.digest,
    to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    to_char(r.shipped_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    to_char(r.restored_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    to_char(r.expires AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    to_char(r.purged_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  FROM safeguard_undo.record r"#;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Rows that a transaction removed or changed.
    Rows,
    /// A table that was dropped into the trash.
    Drop,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub id: UndoId,
    pub kind: Kind,
    pub transaction: String,
    pub at: Timestamp,
    /// The role that logged in.
    pub who: String,
    pub application: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_at: Option<Timestamp>,
    /// Of the file that it was shipped to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged_at: Option<Timestamp>,
}

/// What one statement did to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub id: i64,
    pub operation: String,
    pub relation: u32,
    pub schema: String,
    pub table: String,
    pub columns: Vec<String>,
    pub types: Vec<String>,
    pub key: Vec<String>,
    pub removed: i64,
    pub added: i64,
    pub rows_so_far: i64,
    pub bytes_so_far: i64,
}

/// A record and what it holds, in short.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    #[serde(flatten)]
    pub record: Record,
    pub tables: Vec<SummaryTable>,
    /// The file that it is in, where it is in no database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SummaryTable {
    pub table: String,
    pub deleted: i64,
    pub updated: i64,
    pub truncated: i64,
    pub inserted: i64,
}

impl Summary {
    pub fn add(&mut self, schema: &str, table: &str, operation: &str, removed: i64, added: i64) {
        let name = format!("{schema}.{table}");
        let at = match self.tables.iter().position(|known| known.table == name) {
            Some(at) => at,
            None => {
                self.tables.push(SummaryTable {
                    table: name,
                    deleted: 0,
                    updated: 0,
                    truncated: 0,
                    inserted: 0,
                });
                self.tables.len() - 1
            }
        };
        let entry = &mut self.tables[at];
        match operation {
            "delete" => entry.deleted += removed,
            "update" => entry.updated += removed,
            "truncate" => entry.truncated += removed,
            _ => entry.inserted += added,
        }
    }

    /// Where it stands, in a word or two.
    pub fn state(&self) -> String {
        let record = &self.record;
        match (
            &record.restored_at,
            &record.purged_at,
            &record.expires,
            &record.shipped_at,
        ) {
            (Some(_), _, _, _) => "restored".to_owned(),
            (None, Some(_), _, _) => "purged".to_owned(),
            (None, None, Some(expires), _) => format!("in the trash until {expires}"),
            (None, None, None, Some(_)) => "shipped".to_owned(),
            (None, None, None, None) => "in the database".to_owned(),
        }
    }

    pub fn in_short(&self) -> String {
        let tables = self.tables.iter().map(|table| {
            let counts = [
                (table.deleted, "deleted"),
                (table.updated, "updated"),
                (table.truncated, "truncated"),
                (table.inserted, "inserted"),
            ];
            let counts = counts.iter().filter(|(count, _)| *count > 0);
            let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
            match counts.is_empty() {
                true => table.table.clone(),
                false => format!("{}: {}", table.table, counts.join(", ")),
            }
        });
        tables.collect::<Vec<_>>().join("; ")
    }
}

pub async fn must_be_installed(client: &Client) -> Result<(), Failure> {
    let sql = "SELECT pg_catalog.to_regclass('safeguard_undo.record') IS NOT NULL";
    let there = client
        .query_one(sql, &[])
        .await
        .map_err(failed("cannot read the records"))?;
    match there.get(0) {
        true => Ok(()),
        false => Err(Failure::undecided("undo is not installed in this database")
            .hint("`safeguard undo install --url URL --apply`")),
    }
}

/// The record, which nobody else restores or ships until the transaction is over.
pub async fn locked(client: &Client, id: &UndoId) -> Result<Option<Record>, Failure> {
    let sql = format!("{SELECT} WHERE r.id = $1 FOR UPDATE");
    let row = client.query_opt(&sql, &[&id.as_str()]).await;
    let row = row.map_err(failed("cannot read the record"))?;
    row.as_ref().map(read).transpose()
}

/// Of all records, or of one, the newest first.
pub async fn summaries(client: &Client, only: Option<&UndoId>) -> Result<Vec<Summary>, Failure> {
    let failed = failed("cannot read the records");
    must_be_installed(client).await?;
    let sql = format!("{SELECT} WHERE $1::text IS NULL OR r.id = $1 ORDER BY r.at DESC, r.id DESC");
    let only = only.map(UndoId::as_str);
    let rows = client.query(&sql, &[&only]).await.map_err(&failed)?;
    let mut summaries = Vec::new();
    for row in &rows {
        summaries.push(Summary {
            record: read(row)?,
            tables: Vec::new(),
            file: None,
        });
    }
    let sql = "SELECT undo, schema_name, table_name, operation, sum(removed)::bigint, sum(added)::bigint FROM safeguard_undo.act
          WHERE $1::text IS NULL OR undo = $1 GROUP BY 1, 2, 3, 4
        UNION ALL SELECT undo, schema_name, name, 'drop', 0, 0 FROM safeguard_undo.trash
          WHERE kind NOT IN ('i', 'S', 'c') AND ($1::text IS NULL OR undo = $1)
        ORDER BY 1, 2, 3, 4";
    for row in client.query(sql, &[&only]).await.map_err(&failed)? {
        let undo: &str = row.get(0);
        let summary = summaries
            .iter_mut()
            .find(|summary| summary.record.id.as_str() == undo);
        if let Some(summary) = summary {
            summary.add(row.get(1), row.get(2), row.get(3), row.get(4), row.get(5));
        }
    }
    Ok(summaries)
}

fn read(row: &Row) -> Result<Record, Failure> {
    let time = |text: Option<&str>| -> Result<Option<Timestamp>, Failure> {
        let parsed = text.map(str::parse::<Timestamp>).transpose();
        Ok(parsed.context("the database told a time that is none")?)
    };
    let kind = match row.get::<_, &str>(1) {
        "drop" => Kind::Drop,
        _ => Kind::Rows,
    };
    let id: &str = row.get(0);
    Ok(Record {
        id: id.parse().context("the database holds an id that is none")?,
        kind,
        transaction: row.get(2),
        at: time(row.get(6))?.context("a record has no time")?,
        who: row.get(3),
        application: row.get(4),
        shipped_at: time(row.get(7))?,
        digest: row.get(5),
        restored_at: time(row.get(8))?,
        expires: time(row.get(9))?,
        purged_at: time(row.get(10))?,
    })
}
