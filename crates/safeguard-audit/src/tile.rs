//! Tiles: where hashes and entries lie, as C2SP tlog-tiles says.

use std::collections::HashMap;

use crate::hash::{self, HASH_BYTES, Hash, node_hash};

/// Tree levels in one tile.
pub const LEVEL_BITS: u8 = 8;
/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_HASHES: usize = 1 << LEVEL_BITS;

/// One tile of a log of a given size. Level 0 holds the hashes of entries, level L hashes of nodes of tree level 8L.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    pub level: u8,
    pub index: u64,
    /// How many hashes it has, 1 to 256.
    pub width: u16,
}

/// What a path of the layout names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlogPath {
    Checkpoint,
    Hashes(Tile),
    /// A bundle of entries; its tile has level 0.
    Entries(Tile),
}

/// Says why a hash can not be taken from a tile.
#[derive(Debug, thiserror::Error)]
pub enum TileError<E> {
    #[error("cannot read a tile")]
    Read(#[source] E),
    #[error("tile `{path}` has {bytes} bytes (needs {bytes_min})")]
    Short {
        path: String,
        bytes: usize,
        bytes_min: usize,
    },
}

impl Tile {
    #[must_use]
    pub fn full(level: u8, index: u64) -> Tile {
        Tile {
            level,
            index,
            width: 256,
        }
    }

    /// Returns the tile at that place in a log of `size` entries; none if it would be empty.
    #[must_use]
    pub fn at(level: u8, index: u64, size: u64) -> Option<Tile> {
        let shift = u32::from(level) * u32::from(LEVEL_BITS);
        let hashes = size.checked_shr(shift).unwrap_or(0);
        let before = index.checked_mul(256)?;
        let width = u16::try_from(hashes.checked_sub(before)?.min(256)).ok()?;
        (width > 0).then_some(Tile { level, index, width })
    }

    /// Returns the tiles of a log of `size` entries that are neither full nor empty, the lowest level first.
    pub fn edge(size: u64) -> impl Iterator<Item = Tile> {
        (0..LEVEL_BITS).filter_map(move |level| {
            let hashes = size >> (u32::from(level) * u32::from(LEVEL_BITS));
            Tile::at(level, hashes / 256, size).filter(|tile| tile.width < 256)
        })
    }

    /// Returns every tile of hashes of a log of `size` entries.
    pub fn all(size: u64) -> impl Iterator<Item = Tile> {
        (0..LEVEL_BITS).flat_map(move |level| Tile::of_level(level, size))
    }

    /// Returns the tiles of one level.
    pub fn of_level(level: u8, size: u64) -> impl Iterator<Item = Tile> {
        let hashes = size >> (u32::from(level) * u32::from(LEVEL_BITS));
        (0..hashes.div_ceil(256)).filter_map(move |index| Tile::at(level, index, size))
    }

    /// The first entry under the tile, and the first after it.
    #[must_use]
    pub fn entries(&self) -> (u64, u64) {
        let shift = u32::from(self.level) * u32::from(LEVEL_BITS);
        let first = self.index * 256;
        (first << shift, (first + u64::from(self.width)) << shift)
    }

    /// Such as `tile/0/x001/234.p/5`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, self.rest())
    }

    /// Where the entries lie whose hashes the tile has; it must be of level 0.
    #[must_use]
    pub fn entries_path(&self) -> String {
        format!("tile/entries/{}", self.rest())
    }

    fn rest(&self) -> String {
        let mut text = format!("{:03}", self.index % 1000);
        let mut index = self.index / 1000;
        while index > 0 {
            text = format!("x{:03}/{text}", index % 1000);
            index /= 1000;
        }
        if self.width < 256 {
            text.push_str(&format!(".p/{}", self.width));
        }
        text
    }

    /// Splits the tile's bytes; bytes of a wider tile of the same place do as well.
    ///
    /// # Errors
    /// When there are too few.
    pub fn hashes<E>(&self, bytes: &[u8]) -> Result<Vec<Hash>, TileError<E>> {
        let bytes_min = usize::from(self.width) * HASH_BYTES;
        bytes
            .get(..bytes_min)
            .and_then(hash::from_bytes)
            .ok_or_else(|| TileError::Short {
                path: self.path(),
                bytes: bytes.len(),
                bytes_min,
            })
    }
}

impl TlogPath {
    /// Reads a path relative to the log's root; only the one spelling of each is taken.
    #[must_use]
    pub fn parse(path: &str) -> Option<TlogPath> {
        if path == "checkpoint" {
            return Some(TlogPath::Checkpoint);
        }
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => (
                place,
                width.parse().ok().filter(|width| (1..256).contains(width))?,
            ),
            None => (rest, 256),
        };
        let mut index: u64 = 0;
        for group in place.split('/') {
            let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(digits)?;
        }
        let of_entries = level == "entries";
        let level = if of_entries {
            0
        } else {
            level.parse().ok().filter(|level| *level < 64)?
        };
        let tile = Tile { level, index, width };
        let parsed = if of_entries {
            TlogPath::Entries(tile)
        } else {
            TlogPath::Hashes(tile)
        };
        (parsed.to_string() == path).then_some(parsed)
    }
}

impl std::fmt::Display for TlogPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TlogPath::Checkpoint => f.write_str("checkpoint"),
            TlogPath::Hashes(tile) => f.write_str(&tile.path()),
            TlogPath::Entries(tile) => f.write_str(&tile.entries_path()),
        }
    }
}

/// Takes hashes of tree nodes out of tiles, and keeps the tiles it has read.
pub struct TileNodes<F> {
    size: u64,
    read: F,
    tiles: HashMap<(u8, u64), Vec<Hash>>,
}

impl<F, E> TileNodes<F>
where
    F: FnMut(Tile) -> Result<Vec<u8>, E>,
{
    pub fn new(size: u64, read: F) -> TileNodes<F> {
        TileNodes {
            size,
            read,
            tiles: HashMap::new(),
        }
    }

    /// Returns the root of the perfect subtree number `index` of 2^`level` entries.
    ///
    /// # Errors
    /// What the reader says, or a tile that is too short.
    pub fn node(&mut self, level: u8, index: u64) -> Result<Hash, TileError<E>> {
        let rest = level % LEVEL_BITS;
        let (level, first) = (level / LEVEL_BITS, index << rest);
        let (index, first) = (first / 256, (first % 256) as usize);
        let last = first + (1 << rest);
        if !self.tiles.contains_key(&(level, index)) {
            let tile = Tile::at(level, index, self.size).unwrap_or(Tile::full(level, index));
            let bytes = (self.read)(tile).map_err(TileError::Read)?;
            self.tiles.insert((level, index), tile.hashes(&bytes)?);
        }
        let hashes = &self.tiles[&(level, index)];
        let tile = Tile {
            level,
            index,
            width: u16::try_from(last).unwrap_or(256),
        };
        hashes
            .get(first..last)
            .map(perfect_root)
            .ok_or_else(|| TileError::Short {
                path: tile.path(),
                bytes: hashes.len() * HASH_BYTES,
                bytes_min: last * HASH_BYTES,
            })
    }
}

/// Returns the root over hashes whose number is a power of two.
#[must_use]
pub fn perfect_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        [left, right] => node_hash(left, right),
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node_hash(&perfect_root(left), &perfect_root(right))
        }
    }
}

/// Says why a bundle of entries can not be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleError {
    /// Entries that could be taken out before it broke.
    pub entries: usize,
}

/// Appends an entry to a bundle: its length in two bytes, the high one first, then its bytes.
///
/// # Errors
/// The length, when it does not fit.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), usize> {
    let length = u16::try_from(entry.len()).map_err(|_| entry.len())?;
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
    Ok(())
}

/// Takes the entries of a bundle one after the other; the last item is an error when bytes are left that are no entry.
pub fn entries_of(bundle: &[u8]) -> impl Iterator<Item = Result<&[u8], BundleError>> {
    let mut rest = Some(bundle);
    let mut taken = 0;
    std::iter::from_fn(move || {
        let bytes = rest.take().filter(|bytes| !bytes.is_empty())?;
        let split = bytes
            .split_first_chunk()
            .and_then(|(length, bytes)| bytes.split_at_checked(usize::from(u16::from_be_bytes(*length))));
        Some(match split {
            Some((entry, after)) => {
                taken += 1;
                rest = Some(after);
                Ok(entry)
            }
            None => Err(BundleError { entries: taken }),
        })
    })
}
