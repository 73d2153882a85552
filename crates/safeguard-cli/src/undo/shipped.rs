//! Records outside of the database: a file of JSON lines for each undo id, which ends with its own hash.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter};
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt as _;
use safeguard_api::UndoId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio_postgres::{Client, Error};

use super::failed;
use super::record::{Act, Record, Summary};
use crate::failure::Failure;

pub const API: &str = "safeguard.undo/1";
/// Rows that are sent to the database at once.
const BATCH_ROWS: usize = 5_000;
/// Bytes of rows that are sent to the database at once, unless one row alone has more.
const BATCH_BYTES: usize = 8 << 20;

/// One line. The last is `end`; its hash is of all bytes before it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    Begin { api: String, record: Record },
    Act(Act),
    Image(Image),
    End { lines: u64, sha256: String },
}

#[derive(Debug, Serialize, Deserialize)]
struct Image {
    act: i64,
    place: i64,
    side: Side,
    row: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Side {
    #[serde(rename = "-")]
    Gone,
    #[serde(rename = "+")]
    Come,
}

/// Why a file is not what was shipped.
#[derive(Debug, thiserror::Error)]
pub enum ShippedError {
    #[error("cannot read it")]
    Read(#[from] io::Error),
    #[error("line {line} is not understood")]
    Line {
        line: u64,
        #[source]
        source: serde_json::Error,
    },
    #[error("it ends early, after {lines} lines")]
    Short { lines: u64 },
    #[error("it was changed after it was written: its hash is another")]
    Changed,
    #[error("it is the file of another record")]
    Another,
}

pub fn path(folder: &Path, id: &UndoId) -> PathBuf {
    folder.join(format!("{id}.jsonl"))
}

/// Writes lines and hashes them.
struct Hashed<W: io::Write> {
    to: W,
    hash: Sha256,
    lines: u64,
}

impl<W: io::Write> Hashed<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.hash.update(&text);
        self.lines += 1;
        self.to.write_all(&text)
    }

    fn digest(&self) -> String {
        safeguard_api::Digest::from_bytes(self.hash.clone().finalize().into())
            .as_str()
            .to_owned()
    }
}

/// Why nothing was shipped: the disk, or the database.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("cannot write `{}`", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` is another file", path.display())]
    Other { path: PathBuf },
    #[error("cannot read the record")]
    Database(#[from] Error),
}

/// Writes the whole record of an open transaction, safe on the disk when this returns. Returns the hash of its lines.
pub async fn write(client: &Client, folder: &Path, record: &Record) -> Result<String, WriteError> {
    let path = path(folder, &record.id);
    let partial = folder.join(format!(".{}.partial", record.id));
    let written = write_to(client, &partial, record).await;
    let in_file = |source| WriteError::File {
        path: path.clone(),
        source,
    };
    let digest = match written {
        Ok(digest) => digest,
        Err(error) => {
            // What there is of it is no record; that it can not be removed either changes nothing.
            drop(std::fs::remove_file(&partial));
            return Err(error);
        }
    };
    // A file that is there is the same record, of a run that was ended before the database knew; or it is not ours to replace.
    let other = path.exists() && read(&path, |_| {}).map_or(true, |(_, there)| there != digest);
    if other {
        drop(std::fs::remove_file(&partial));
        return Err(WriteError::Other { path });
    }
    std::fs::rename(&partial, &path).map_err(in_file)?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(in_file)?;
    Ok(digest)
}

async fn write_to(client: &Client, partial: &Path, record: &Record) -> Result<String, WriteError> {
    let in_file = |source| WriteError::File {
        path: partial.to_owned(),
        source,
    };
    let file = File::create(partial).map_err(in_file)?;
    let mut lines = Hashed {
        to: BufWriter::new(file),
        hash: Sha256::new(),
        lines: 0,
    };
    let begin = Line::Begin {
        api: API.to_owned(),
        record: record.clone(),
    };
    lines.line(&begin).map_err(in_file)?;
    let undo = record.id.as_str();
    let acts = "SELECT id, operation, relation, schema_name, table_name, columns, types, key, removed, added, rows_so_far, bytes_so_far
        FROM safeguard_undo.act WHERE undo = $1 ORDER BY id";
    let mut acts = std::pin::pin!(client.query_raw(acts, [undo]).await?);
    while let Some(row) = acts.try_next().await? {
        let act = Act {
            id: row.get(0),
            operation: row.get(1),
            relation: row.get(2),
            schema: row.get(3),
            table: row.get(4),
            columns: row.get(5),
            types: row.get(6),
            key: row.get(7),
            removed: row.get(8),
            added: row.get(9),
            rows_so_far: row.get(10),
            bytes_so_far: row.get(11),
        };
        lines.line(&Line::Act(act)).map_err(in_file)?;
    }
    let images = "SELECT i.act, i.place, i.side = '-', i.row_text FROM safeguard_undo.image i
        JOIN safeguard_undo.act a ON a.id = i.act WHERE a.undo = $1 ORDER BY i.act, i.place, i.side";
    let mut images = std::pin::pin!(client.query_raw(images, [undo]).await?);
    while let Some(row) = images.try_next().await? {
        let image = Image {
            act: row.get(0),
            place: row.get(1),
            side: if row.get(2) { Side::Gone } else { Side::Come },
            row: row.get(3),
        };
        lines.line(&Line::Image(image)).map_err(in_file)?;
    }
    let digest = lines.digest();
    let end = Line::End {
        lines: lines.lines,
        sha256: digest.clone(),
    };
    lines.line(&end).map_err(in_file)?;
    let file = lines
        .to
        .into_inner()
        .map_err(|error| in_file(error.into_error()))?;
    file.sync_all().map_err(in_file)?;
    Ok(digest)
}

/// Reads a file to its end and checks it, line by line. `each` is given what is between begin and end.
fn read(path: &Path, mut each: impl FnMut(Line)) -> Result<(Record, String), ShippedError> {
    let mut file = BufReader::new(File::open(path)?);
    let mut hash = Sha256::new();
    let mut record = None;
    let mut text = String::new();
    let mut lines = 0;
    loop {
        text.clear();
        if file.read_line(&mut text)? == 0 {
            return Err(ShippedError::Short { lines });
        }
        let line = serde_json::from_str(&text).map_err(|source| ShippedError::Line {
            line: lines + 1,
            source,
        })?;
        match (line, &record) {
            (Line::Begin { api, record: begun }, None) if api == API => record = Some(begun),
            (Line::End { lines: said, sha256 }, Some(_)) => {
                let digest = safeguard_api::Digest::from_bytes(hash.finalize().into());
                let more = file.read_line(&mut text)? != 0;
                return match record {
                    Some(record) if said == lines && sha256 == digest.as_str() && !more => {
                        Ok((record, sha256))
                    }
                    _ => Err(ShippedError::Changed),
                };
            }
            (Line::Begin { .. }, _) | (_, None) => return Err(ShippedError::Changed),
            (line, Some(_)) => each(line),
        }
        hash.update(text.as_bytes());
        lines += 1;
    }
}

/// What lies in a folder, each file checked.
pub fn summaries(folder: &Path) -> Result<Vec<Summary>, Failure> {
    let unread =
        |error: io::Error| Failure::undecided(format!("cannot read `{}`: {error}", folder.display()));
    let mut summaries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let id = name
            .strip_suffix(".jsonl")
            .and_then(|id| id.parse::<UndoId>().ok());
        if let Some(id) = id {
            summaries.push(summary(folder, &id)?);
        }
    }
    Ok(summaries)
}

pub fn summary(folder: &Path, id: &UndoId) -> Result<Summary, Failure> {
    let path = path(folder, id);
    let mut acts = Vec::new();
    let (record, digest) = read(&path, |line| {
        if let Line::Act(act) = line {
            acts.push(act);
        }
    })
    .map_err(|error| unusable(&path, &error))?;
    let mut summary = Summary {
        record,
        tables: Vec::new(),
        file: Some(path.display().to_string()),
    };
    summary.record.digest = Some(digest);
    for act in acts {
        summary.add(&act.schema, &act.table, &act.operation, act.removed, act.added);
    }
    Ok(summary)
}

pub fn unusable(path: &Path, error: &ShippedError) -> Failure {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    Failure::undecided(format!(
        "`{}` can not be used: {error}{}",
        path.display(),
        source.unwrap_or_default()
    ))
    .hint("fetch the file again from where it was copied to")
}

/// Puts what is in a file back among the records, within the open transaction. Returns the acts, for [`unload`].
///
/// `digest` is what the database knows of the file; without it, the file's record is `new` to this database.
pub async fn load(
    client: &Client,
    folder: &Path,
    id: &UndoId,
    digest: Option<&str>,
    new: bool,
) -> Result<Vec<i64>, Failure> {
    let path = path(folder, id);
    let refused = failed("cannot load the record");
    // First to its end: of a file that was changed nothing gets into the database.
    let (record, found) = read(&path, |_| {}).map_err(|error| unusable(&path, &error))?;
    if record.id != *id || digest.is_some_and(|digest| digest != found) {
        return Err(unusable(&path, &ShippedError::Another));
    }
    if new {
        let sql =
            "INSERT INTO safeguard_undo.record (id, transaction, at, who, application, shipped_at, digest)
            VALUES ($1, $2::text::xid8, $3::text::timestamptz, $4, $5, statement_timestamp(), $6)";
        let (transaction, at) = (&record.transaction, record.at.to_string());
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [
            &id.as_str(),
            transaction,
            &at,
            &record.who,
            &record.application,
            &found,
        ];
        client.execute(sql, &values).await.map_err(&refused)?;
    }
    let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
    let reading = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || {
            let mut batch = Batch::default();
            let read = read(&path, |line| {
                batch.add(line);
                if batch.is_full() {
                    // Who takes them is gone when the database refused one; then the rest is of no use.
                    drop(sender.blocking_send(std::mem::take(&mut batch)));
                }
            });
            drop(sender.blocking_send(batch));
            read
        })
    };
    let mut acts = BTreeMap::new();
    while let Some(batch) = receiver.recv().await {
        batch.load(client, id, &mut acts).await.map_err(&refused)?;
    }
    let read = reading
        .await
        .map_err(|_| Failure::undecided("reading the file ended early"))?;
    let (_, again) = read.map_err(|error| unusable(&path, &error))?;
    match again == found {
        true => Ok(acts.into_values().collect()),
        false => Err(unusable(&path, &ShippedError::Changed)),
    }
}

/// Takes out again what [`load`] put there.
pub async fn unload(client: &Client, acts: &[i64]) -> Result<(), Error> {
    client
        .execute("DELETE FROM safeguard_undo.image WHERE act = ANY ($1)", &[&acts])
        .await?;
    client
        .execute("DELETE FROM safeguard_undo.act WHERE id = ANY ($1)", &[&acts])
        .await?;
    Ok(())
}

#[derive(Debug, Default)]
struct Batch {
    acts: Vec<Act>,
    images: Vec<Image>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, line: Line) {
        match line {
            Line::Act(act) => self.acts.push(act),
            Line::Image(image) => {
                self.bytes += image.row.len();
                self.images.push(image);
            }
            Line::Begin { .. } | Line::End { .. } => {}
        }
    }

    fn is_full(&self) -> bool {
        BATCH_ROWS <= self.acts.len() + self.images.len() || BATCH_BYTES <= self.bytes
    }

    /// The acts get ids of this database, and the images follow them; `acts` keeps which became which.
    async fn load(self, client: &Client, id: &UndoId, acts: &mut BTreeMap<i64, i64>) -> Result<(), Error> {
        let insert = "INSERT INTO safeguard_undo.act (undo, operation, relation, schema_name, table_name, columns, types, key,
              removed, added, rows_so_far, bytes_so_far)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id";
        let insert = client.prepare(insert).await?;
        for act in &self.acts {
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 12] = [
                &id.as_str(),
                &act.operation,
                &act.relation,
                &act.schema,
                &act.table,
                &act.columns,
                &act.types,
                &act.key,
                &act.removed,
                &act.added,
                &act.rows_so_far,
                &act.bytes_so_far,
            ];
            let row = client.query_one(&insert, &values).await?;
            acts.insert(act.id, row.get(0));
        }
        // An image of no act belongs to nothing, and finds no place in the table.
        let act: Vec<Option<i64>> = self
            .images
            .iter()
            .map(|image| acts.get(&image.act).copied())
            .collect();
        let place: Vec<i64> = self.images.iter().map(|image| image.place).collect();
        let gone: Vec<bool> = self
            .images
            .iter()
            .map(|image| matches!(image.side, Side::Gone))
            .collect();
        let rows: Vec<&str> = self.images.iter().map(|image| image.row.as_str()).collect();
        let insert = "INSERT INTO safeguard_undo.image (act, place, side, row_text)
            SELECT act, place, CASE WHEN gone THEN '-' ELSE '+' END::\"char\", row_text
            FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::text[]) u(act, place, gone, row_text)";
        client.execute(insert, &[&act, &place, &gone, &rows]).await?;
        Ok(())
    }
}
