//! The audit log inside a transaction: append, look, prove, export.

use std::io;
use std::sync::Arc;

use rusqlite::{Row, params};
use safeguard_api::audit::{Entry, EntryProof, Event};
use safeguard_audit::hash::leaf_hash;
use safeguard_audit::tile::{TileError, TileNodes, push_entry};
use safeguard_audit::{Checkpoint, ENTRY_BYTES_MAX, Hash, Tile, TlogPath, Tree, hash, note, proof};

use crate::error::StoreError;
use crate::tx::{Tx, sql_limit};

const TILE_LEVEL_SHIFT: u32 = 56;

impl Tx<'_> {
    /// Appends an event to the log as its RFC 8785 JSON, and returns its index.
    ///
    /// # Errors
    /// When it is too long or is not kept.
    pub fn append(&mut self, event: &Event) -> Result<u64, StoreError> {
        let body = serde_json_canonicalizer::to_vec(event).map_err(|source| StoreError::Write {
            what: event.kind.clone(),
            source: Arc::new(source),
        })?;
        self.append_bytes(&event.subject, &body)
    }

    /// Appends bytes that are an event's canonical JSON already.
    pub(crate) fn append_bytes(&mut self, subjects: &[String], body: &[u8]) -> Result<u64, StoreError> {
        if body.len() > ENTRY_BYTES_MAX {
            return Err(StoreError::EntryTooLong { bytes: body.len() });
        }
        let index = self.size + self.leaves.len() as u64;
        self.change(
            "INSERT INTO entry (idx, body) VALUES (?1, ?2)",
            params![sql_index(index), body],
        )?;
        for subject in subjects {
            self.change(
                "INSERT OR IGNORE INTO entry_subject (subject, idx) VALUES (?1, ?2)",
                params![subject, sql_index(index)],
            )?;
        }
        self.leaves.push(leaf_hash(body));
        Ok(index)
    }

    /// Returns at most `limit` entries, all of them or those about one subject.
    ///
    /// # Errors
    /// When the database or an entry cannot be read.
    pub fn entries(
        &self,
        subject: Option<&str>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let limit = sql_limit(limit);
        let rows = match (subject, newest_first) {
            (None, true) => self.many(
                "SELECT idx, body FROM entry ORDER BY idx DESC LIMIT ?1",
                params![limit],
                bytes,
            )?,
            (None, false) => self.many(
                "SELECT idx, body FROM entry ORDER BY idx LIMIT ?1",
                params![limit],
                bytes,
            )?,
            (Some(subject), true) => self.many(
                "SELECT idx, body FROM entry_subject JOIN entry USING (idx)
                 WHERE subject = ?1 ORDER BY entry_subject.idx DESC LIMIT ?2",
                params![subject, limit],
                bytes,
            )?,
            (Some(subject), false) => self.many(
                "SELECT idx, body FROM entry_subject JOIN entry USING (idx)
                 WHERE subject = ?1 ORDER BY entry_subject.idx LIMIT ?2",
                params![subject, limit],
                bytes,
            )?,
        };
        rows.into_iter()
            .map(|(index, body)| {
                let event = serde_json::from_slice(&body).map_err(|source| StoreError::Read {
                    what: format!("log entry {index}"),
                    source: Arc::new(source),
                })?;
                Ok(Entry { index, event })
            })
            .collect()
    }

    /// Returns the bytes of an entry as its hash was taken of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.one(
            "SELECT body FROM entry WHERE idx = ?1",
            params![sql_index(index)],
            |row| row.get(0),
        )
    }

    /// Returns the newest signed checkpoint; entries that this very commit appends are not in it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn checkpoint(&self) -> Result<String, StoreError> {
        self.one("SELECT note FROM checkpoint WHERE id = 1", [], |row| row.get(0))?
            .ok_or_else(|| StoreError::Damaged {
                what: "it has no checkpoint".to_owned(),
            })
    }

    /// Returns what the newest checkpoint says. Its signature was checked when the database was opened.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn head(&self) -> Result<Checkpoint, StoreError> {
        note::parse_unverified(self.checkpoint()?.as_bytes()).map_err(|error| StoreError::Damaged {
            what: error.to_string(),
        })
    }

    /// Returns the bytes of a tile of hashes, none if the log does not have it in that width.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(id) = tile_id(&tile) else { return Ok(None) };
        let stored: Option<Vec<u8>> =
            self.one("SELECT hashes FROM tile WHERE id = ?1", params![id], |row| {
                row.get(0)
            })?;
        let bytes = usize::from(tile.width) * hash::HASH_BYTES;
        Ok(stored.and_then(|stored| stored.get(..bytes).map(<[u8]>::to_vec)))
    }

    /// Returns the bytes of a bundle of entries, none if the log does not have it in that width.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn bundle(&self, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(first) = tile.index.checked_mul(256).filter(|_| tile.level == 0) else {
            return Ok(None);
        };
        let end = first.saturating_add(u64::from(tile.width));
        if end > self.head()?.size {
            return Ok(None);
        }
        let rows = self.many(
            "SELECT idx, body FROM entry WHERE idx >= ?1 AND idx < ?2 ORDER BY idx",
            params![sql_index(first), sql_index(end)],
            bytes,
        )?;
        if rows.len() != usize::from(tile.width) {
            return Err(StoreError::Damaged {
                what: format!("entries of `{}` are missing", tile.entries_path()),
            });
        }
        let mut bundle = Vec::new();
        for (_, body) in rows {
            push_entry(&mut bundle, &body).map_err(|bytes| StoreError::EntryTooLong { bytes })?;
        }
        Ok(Some(bundle))
    }

    /// Returns a file of the tlog-tiles layout by its path, such as `checkpoint` or `tile/entries/000.p/3`.
    ///
    /// # Errors
    /// When the database cannot be read; a path that names nothing is none.
    pub fn tlog_file(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match TlogPath::parse(path) {
            Some(TlogPath::Checkpoint) => Ok(Some(self.checkpoint()?.into_bytes())),
            Some(TlogPath::Hashes(tile)) => self.tile(tile),
            Some(TlogPath::Entries(tile)) => self.bundle(tile),
            None => Ok(None),
        }
    }

    /// Returns an entry with the proof that the newest checkpoint covers it, none if it does not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn prove(&self, index: u64) -> Result<Option<EntryProof>, StoreError> {
        let head = self.head()?;
        let Some(leaf) = self.leaf(index)?.filter(|_| index < head.size) else {
            return Ok(None);
        };
        let leaf = String::from_utf8(leaf).map_err(|_| StoreError::Damaged {
            what: format!("entry {index} is not UTF-8"),
        })?;
        let mut nodes = self.nodes(head.size);
        let path = proof::inclusion(index, head.size, &mut |level, index| nodes.node(level, index));
        let path = path.map_err(tile_error)?.iter().map(Hash::to_string).collect();
        let (checkpoint, vkey) = (self.checkpoint()?, self.vkey.to_owned());
        Ok(Some(EntryProof {
            index,
            leaf,
            path,
            checkpoint,
            vkey,
        }))
    }

    /// Hands every file of the log to `sink`, a path and its bytes: an export verifies with nothing else present.
    ///
    /// # Errors
    /// When the database cannot be read or `sink` refuses.
    pub fn export(&self, sink: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>) -> Result<(), StoreError> {
        let mut write =
            |path: &str, bytes: &[u8]| sink(path, bytes).map_err(|error| StoreError::Export(Arc::new(error)));
        let missing = |path: String| {
            move || StoreError::Damaged {
                what: format!("`{path}` is missing"),
            }
        };
        let size = self.head()?.size;
        write("checkpoint", self.checkpoint()?.as_bytes())?;
        write("vkey", format!("{}\n", self.vkey).as_bytes())?;
        for tile in Tile::all(size) {
            write(&tile.path(), &self.tile(tile)?.ok_or_else(missing(tile.path()))?)?;
        }
        for tile in Tile::of_level(0, size) {
            let path = tile.entries_path();
            write(&path, &self.bundle(tile)?.ok_or_else(missing(path.clone()))?)?;
        }
        Ok(())
    }

    /// Returns the root that the log had at an earlier size.
    pub(crate) fn root_at(&self, size: u64, head_size: u64) -> Result<Hash, StoreError> {
        let mut nodes = self.nodes(head_size);
        proof::range_root(0, size, &mut |level, index| nodes.node(level, index)).map_err(tile_error)
    }

    pub(crate) fn tree(&self, size: u64) -> Result<Tree, StoreError> {
        Tree::open(size, |tile| self.tile_or_error(tile)).map_err(tile_error)
    }

    pub(crate) fn put_tile(&mut self, tile: Tile, hashes: &[Hash]) -> Result<(), StoreError> {
        let id = tile_id(&tile).ok_or_else(|| StoreError::Damaged {
            what: "it is too large".to_owned(),
        })?;
        self.change(
            "INSERT INTO tile (id, hashes) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET hashes = excluded.hashes",
            params![id, hash::to_bytes(hashes)],
        )?;
        Ok(())
    }

    pub(crate) fn put_checkpoint(&mut self, size: u64, note: &str) -> Result<(), StoreError> {
        self.change(
            "INSERT INTO checkpoint (id, size, note) VALUES (1, ?1, ?2)
             ON CONFLICT (id) DO UPDATE SET size = excluded.size, note = excluded.note",
            params![sql_index(size), note],
        )?;
        Ok(())
    }

    fn nodes(&self, size: u64) -> TileNodes<impl FnMut(Tile) -> Result<Vec<u8>, StoreError>> {
        TileNodes::new(size, |tile| self.tile_or_error(tile))
    }

    fn tile_or_error(&self, tile: Tile) -> Result<Vec<u8>, StoreError> {
        self.tile(tile)?.ok_or_else(|| StoreError::Damaged {
            what: format!("`{}` is missing", tile.path()),
        })
    }
}

fn bytes(row: &Row<'_>) -> rusqlite::Result<(u64, Vec<u8>)> {
    let index: i64 = row.get(0)?;
    Ok((index.cast_unsigned(), row.get(1)?))
}

fn tile_id(tile: &Tile) -> Option<i64> {
    let index = i64::try_from(tile.index)
        .ok()
        .filter(|index| index >> TILE_LEVEL_SHIFT == 0)?;
    (tile.level < 8).then_some(i64::from(tile.level) << TILE_LEVEL_SHIFT | index)
}

fn tile_error(error: TileError<StoreError>) -> StoreError {
    match error {
        TileError::Read(error) => error,
        TileError::Short { .. } => StoreError::Damaged {
            what: error.to_string(),
        },
    }
}

// SQLite's integers are signed; an index beyond them names no entry.
fn sql_index(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
