//! Inclusion and consistency proofs, made and checked as RFC 9162 says, sections 2.1.3 and 2.1.4.

use crate::hash::{self, Hash, leaf_hash, node_hash};
use crate::note::{Checkpoint, NoteError, Vkey};

/// Says why a proof does not prove.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("entry {index} is not in a log of {size} entries")]
    Outside { index: u64, size: u64 },
    #[error("a log of {newer} entries is not newer than one of {older}")]
    Shrunk { older: u64, newer: u64 },
    #[error("the proof has {have} hashes (needs {need})")]
    Length { have: usize, need: usize },
    #[error("the proof leads to root {have}, not to {want}")]
    Root { have: Hash, want: Hash },
    #[error("the checkpoint is not to be trusted")]
    Checkpoint(#[source] NoteError),
}

/// Returns the root over the entries from `start` to before `end`, where `start` is a multiple of the largest power of
/// two below the length; `node` returns the root of perfect subtree number `index` of 2^`level` entries.
///
/// # Errors
/// What `node` says.
pub fn range_root<E>(
    start: u64,
    end: u64,
    node: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let length = end.saturating_sub(start);
    if length == 0 {
        return Ok(hash::empty_root());
    }
    if length.is_power_of_two() {
        let level = length.trailing_zeros();
        return node(u8::try_from(level).unwrap_or(u8::MAX), start >> level);
    }
    let middle = start + split(length);
    let left = range_root(start, middle, node)?;
    let right = range_root(middle, end, node)?;
    Ok(node_hash(&left, &right))
}

/// Returns the path from entry `index` to the root of a log of `size` entries, the leaf's sibling first.
/// The entry must be in the log.
///
/// # Errors
/// What `node` says.
pub fn inclusion<E>(
    index: u64,
    size: u64,
    node: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range_root(middle, end, node)?);
            end = middle;
        } else {
            path.push(range_root(start, middle, node)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Returns the proof that the log of `older` entries is the beginning of the log of `newer`; empty when one of them
/// says it all: `older` is 0 or both are the same.
///
/// # Errors
/// What `node` says.
pub fn consistency<E>(
    older: u64,
    newer: u64,
    node: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let mut path = Vec::new();
    if older == 0 || older >= newer {
        return Ok(path);
    }
    let (mut start, mut end) = (0, newer);
    // Down to the subtree that ends where the older log ends.
    while end != older {
        let middle = start + split(end - start);
        if older <= middle {
            path.push(range_root(middle, end, node)?);
            end = middle;
        } else {
            path.push(range_root(start, middle, node)?);
            start = middle;
        }
    }
    // The checker knows that subtree's root if it is the whole older log.
    if start != 0 {
        path.push(range_root(start, end, node)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks that an entry with hash `leaf` is number `index` in the log with that size and root.
///
/// # Errors
/// Why it is not shown.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Outside { index, size });
    }
    let need = inclusion_length(index, size);
    if path.len() != need {
        return Err(ProofError::Length {
            have: path.len(),
            need,
        });
    }
    let (mut at, mut last) = (index, size - 1);
    let mut have = leaf;
    for sibling in path {
        if at & 1 == 1 || at == last {
            have = node_hash(sibling, &have);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            have = node_hash(&have, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    same_root(have, root)
}

/// Checks that the log with the `older` size and root is the beginning of the one with the `newer`.
///
/// # Errors
/// Why it is not shown.
pub fn verify_consistency(
    (older, older_root): (u64, &Hash),
    (newer, newer_root): (u64, &Hash),
    path: &[Hash],
) -> Result<(), ProofError> {
    if older > newer {
        return Err(ProofError::Shrunk { older, newer });
    }
    if older == newer || older == 0 {
        if !path.is_empty() {
            return Err(ProofError::Length {
                have: path.len(),
                need: 0,
            });
        }
        // Every log begins with the empty one, whose root is known.
        let want = if older == 0 {
            hash::empty_root()
        } else {
            *newer_root
        };
        same_root(*older_root, &want)?;
        return if newer == 0 {
            same_root(*newer_root, &want)
        } else {
            Ok(())
        };
    }
    let need = consistency_length(older, newer);
    if path.len() != need {
        return Err(ProofError::Length {
            have: path.len(),
            need,
        });
    }
    let (mut at, mut last) = (older - 1, newer - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let mut path = path.iter();
    let first = if older.is_power_of_two() {
        Some(older_root)
    } else {
        path.next()
    };
    let Some(&first) = first else {
        return Err(ProofError::Length { have: 0, need });
    };
    let (mut old, mut new) = (first, first);
    for sibling in path {
        if at & 1 == 1 || at == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    same_root(old, older_root)?;
    same_root(new, newer_root)
}

/// Checks all that stands between an entry's bytes and a key that is trusted.
///
/// # Errors
/// Why it is not shown.
pub fn verify_entry(
    entry: &[u8],
    index: u64,
    path: &[Hash],
    checkpoint: &str,
    vkey: &Vkey,
) -> Result<Checkpoint, ProofError> {
    let checkpoint = vkey.open(checkpoint.as_bytes()).map_err(ProofError::Checkpoint)?;
    verify_inclusion(leaf_hash(entry), index, checkpoint.size, path, &checkpoint.root)?;
    Ok(checkpoint)
}

/// The largest power of two below `length`, which is at least 2.
fn split(length: u64) -> u64 {
    1 << (u64::BITS - 1 - (length - 1).leading_zeros())
}

fn inclusion_length(index: u64, size: u64) -> usize {
    let (mut start, mut end, mut length) = (0, size, 0);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            end = middle
        } else {
            start = middle
        }
        length += 1;
    }
    length
}

fn consistency_length(older: u64, newer: u64) -> usize {
    let (mut start, mut end, mut length) = (0, newer, 0);
    while end != older {
        let middle = start + split(end - start);
        if older <= middle {
            end = middle
        } else {
            start = middle
        }
        length += 1;
    }
    length + usize::from(start != 0)
}

fn same_root(have: Hash, want: &Hash) -> Result<(), ProofError> {
    if have == *want {
        Ok(())
    } else {
        Err(ProofError::Root { have, want: *want })
    }
}
