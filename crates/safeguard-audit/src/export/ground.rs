//! The lowest level: each bundle of entries against its tile, on all cores.

use std::fmt;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::{FINDINGS_MAX, Finding, file};
use crate::hash::{self, Hash, leaf_hash};
use crate::tile::{TILE_HASHES, Tile, entries_of, perfect_root};

const THREADS_MAX: usize = 16;

/// What one tile of level 0 and its bundle say.
pub(super) struct Ground {
    pub tile: Tile,
    /// The tile's hashes, if the file is as long as it must be; dropped when the tile is full and agrees.
    pub stored: Option<Vec<Hash>>,
    pub stored_root: Option<Hash>,
    /// The hashes of the bundle's entries, if it has as many as it must.
    pub hashed: Option<Vec<Hash>>,
    pub hashed_root: Option<Hash>,
    /// What is wrong with the tile's file itself.
    pub tile_fault: Option<Finding>,
    /// What is wrong with the bundle, should the tile prove to be right.
    pub bundle_faults: Vec<Finding>,
}

/// Reads all bundles and tiles of level 0, in order. It gives up when too many files are missing.
pub(super) fn survey<E: fmt::Display>(
    size: u64,
    read: &(impl Fn(&str) -> Result<Option<Vec<u8>>, E> + Sync),
) -> Vec<Ground> {
    let next = AtomicU64::new(0);
    let faults = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while faults.load(Ordering::Relaxed) <= FINDINGS_MAX {
            let Some(tile) = Tile::at(0, next.fetch_add(1, Ordering::Relaxed), size) else {
                break;
            };
            let ground = look(tile, read);
            let faults_here = ground.bundle_faults.iter().chain(&ground.tile_fault);
            let missing = faults_here
                .filter(|fault| matches!(fault, Finding::Missing { .. }))
                .count();
            faults.fetch_add(missing, Ordering::Relaxed);
            done.push(ground);
        }
        done
    };
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(THREADS_MAX);
    let mut all: Vec<Ground> = thread::scope(|scope| {
        let threads: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for thread in threads {
            match thread.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|ground| ground.tile.index);
    all
}

pub(super) fn look<E: fmt::Display>(
    tile: Tile,
    read: &impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
) -> Ground {
    let (stored, tile_fault) = match stored(tile, read) {
        Ok(hashes) => (Some(hashes), None),
        Err(finding) => (None, Some(finding)),
    };
    let path = tile.entries_path();
    let (hashed, fault) = match file(&path, read) {
        Ok(bundle) => hash_bundle(tile, &path, &bundle),
        Err(finding) => (Vec::new(), Some(finding)),
    };
    let first = tile.index * TILE_HASHES as u64;
    let pairs = stored.iter().flatten().zip(&hashed);
    let mut wrong = (first..)
        .zip(pairs)
        .filter(|(_, (stored, hashed))| stored != hashed)
        .map(|(at, _)| at);
    let bundle_faults = match fault {
        // Lengths tell entries apart, so after the first wrong one of a broken bundle nothing is known.
        Some(Finding::Bundle { path, from, to, why }) => {
            vec![Finding::Bundle {
                path,
                from: wrong.next().unwrap_or(from),
                to,
                why,
            }]
        }
        Some(missing) => vec![missing],
        None => wrong
            .map(|index| Finding::Entry {
                index,
                path: path.clone(),
            })
            .collect(),
    };
    let whole = bundle_faults
        .iter()
        .all(|fault| matches!(fault, Finding::Entry { .. }));
    let hashed = whole.then_some(hashed);
    let root = |hashes: &Vec<Hash>| (hashes.len() == TILE_HASHES).then(|| perfect_root(hashes));
    let hashed_root = hashed.as_ref().and_then(root);
    let agree = stored.is_some() && stored == hashed;
    let stored_root = if agree {
        hashed_root
    } else {
        stored.as_ref().and_then(root)
    };
    let drop = agree && hashed_root.is_some();
    Ground {
        tile,
        stored: stored.filter(|_| !drop),
        stored_root,
        hashed: hashed.filter(|_| !drop),
        hashed_root,
        tile_fault,
        bundle_faults,
    }
}

/// Reads a tile that must be exactly as long as its name says.
pub(super) fn stored<E: fmt::Display>(
    tile: Tile,
    read: &impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
) -> Result<Vec<Hash>, Finding> {
    let path = tile.path();
    let bytes = file(&path, read)?;
    let hashes = hash::from_bytes(&bytes).filter(|hashes| hashes.len() == usize::from(tile.width));
    hashes.ok_or_else(|| Finding::Tile {
        path,
        why: format!(
            "it has {} bytes (needs {})",
            bytes.len(),
            usize::from(tile.width) * hash::HASH_BYTES
        ),
    })
}

fn hash_bundle(tile: Tile, path: &str, bundle: &[u8]) -> (Vec<Hash>, Option<Finding>) {
    let (first, end) = tile.entries();
    let mut hashes = Vec::with_capacity(usize::from(tile.width));
    let broken = |from, why: &str| {
        Some(Finding::Bundle {
            path: path.to_owned(),
            from,
            to: end,
            why: why.to_owned(),
        })
    };
    let mut fault = None;
    for entry in entries_of(bundle) {
        match entry {
            _ if hashes.len() == usize::from(tile.width) => {
                fault = broken(end, "there are bytes after the last entry");
                break;
            }
            Ok(entry) => hashes.push(leaf_hash(entry)),
            Err(error) => fault = broken(first + error.entries as u64, "an entry is cut off"),
        }
    }
    if fault.is_none() && hashes.len() < usize::from(tile.width) {
        fault = broken(first + hashes.len() as u64, "entries are missing");
    }
    (hashes, fault)
}
