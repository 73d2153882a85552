//! The tiles from the signed root downwards: which hashes are proven, and which files are not what was signed.

use std::fmt;

use super::Finding;
use super::ground::{self, Ground};
use crate::hash::{Hash, node_hash};
use crate::tile::{LEVEL_BITS, TILE_HASHES, Tile, perfect_root};

/// The proven hashes of every level.
pub(super) struct Levels {
    pub size: u64,
    /// Whether the edge of the tree leads to the signed root; if not, nothing under it is proven by it.
    pub proven: bool,
    pub ground: Vec<Proven>,
    /// For tile levels 1 and up, the hash of each node: proven, or else as it was found.
    pub nodes: Vec<Vec<Option<Hash>>>,
}

/// Where the right hashes of a tile of level 0 are to be had.
pub(super) enum Proven {
    Tile,
    Bundle,
    Neither,
}

/// What a node's hash can be taken from.
struct Level {
    stored: Vec<Option<Hash>>,
    /// From the stored tiles one level below.
    below: Vec<Option<Hash>>,
    /// From the entries alone.
    entries: Vec<Option<Hash>>,
    /// What at least two of the three say, else what is stored: right when no two alterations hit the same node.
    most: Vec<Option<Hash>>,
    faults: Vec<Option<Finding>>,
}

impl Level {
    /// The likeliest first; number 0 is what is stored.
    fn sources(&self) -> [&[Option<Hash>]; 4] {
        [&self.stored, &self.below, &self.entries, &self.most]
    }
}

/// A run of hashes that the edge of the tree may have at one level.
struct Variant {
    hashes: Vec<Hash>,
    source: usize,
}

pub(super) fn settle<E: fmt::Display>(
    size: u64,
    root: &Hash,
    ground: Vec<Ground>,
    read: &impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
) -> (Levels, Vec<Finding>) {
    // The survey gives up when too many files are missing.
    let surveyed = ground.len() as u64 == size.div_ceil(TILE_HASHES as u64);
    let levels = if surveyed {
        gather(size, &ground, read)
    } else {
        Vec::new()
    };
    let edge = if surveyed {
        edge_variants(size, &levels, &ground)
    } else {
        Vec::new()
    };
    let chosen = match size {
        0 => Some(Vec::new()),
        _ => choose(&edge, root),
    };
    let Some(chosen) = chosen else {
        return unproven(size, levels, ground);
    };
    let mut findings = Vec::new();
    let mut nodes: Vec<Vec<Option<Hash>>> = levels
        .iter()
        .map(|level| vec![None; level.stored.len()])
        .collect();
    let mut edge_source = None;
    for ((tile, variants), choice) in edge.iter().zip(chosen) {
        let variant = &variants[choice];
        let Some(at) = usize::from(tile.level).checked_sub(1) else {
            edge_source = Some(variant.source);
            continue;
        };
        let targets = nodes[at][tile.index as usize * TILE_HASHES..].iter_mut();
        targets
            .zip(&variant.hashes)
            .for_each(|(target, hash)| *target = Some(*hash));
        if variant.source != 0 {
            findings.push(tile_finding(
                *tile,
                levels[at].faults[tile.index as usize].clone(),
            ));
        }
    }
    for at in (1..levels.len()).rev() {
        settle_level(at, &levels[at - 1], &mut nodes, &mut findings);
    }
    let mut proven = Vec::with_capacity(ground.len());
    for (index, ground) in ground.into_iter().enumerate() {
        let node = nodes.first().and_then(|nodes| nodes.get(index));
        proven.push(settle_ground(node, edge_source, ground, &mut findings));
    }
    (
        Levels {
            size,
            proven: true,
            ground: proven,
            nodes,
        },
        findings,
    )
}

/// The edge does not lead to the signed root: what was found is kept for the pins, and nothing is called right.
fn unproven(size: u64, levels: Vec<Level>, ground: Vec<Ground>) -> (Levels, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut settled = Levels {
        size,
        proven: false,
        ground: Vec::new(),
        nodes: Vec::new(),
    };
    for level in levels {
        findings.extend(level.faults.into_iter().flatten());
        let found = level
            .entries
            .into_iter()
            .zip(level.stored)
            .map(|(entries, stored)| entries.or(stored));
        settled.nodes.push(found.collect());
    }
    for ground in ground {
        settled
            .ground
            .push(if ground.hashed_root.is_some() || ground.hashed.is_some() {
                Proven::Bundle
            } else {
                Proven::Tile
            });
        findings.extend(ground.tile_fault);
        findings.extend(disagreements(ground.bundle_faults));
    }
    (settled, findings)
}

/// Proves the tiles below the nodes of one level, and with them the nodes of the level below.
fn settle_level(at: usize, below: &Level, nodes: &mut [Vec<Option<Hash>>], findings: &mut Vec<Finding>) {
    let (lower, upper) = nodes.split_at_mut(at);
    let (Some(lower), Some(upper)) = (lower.last_mut(), upper.first()) else {
        return;
    };
    for (index, hash) in upper.iter().enumerate() {
        let tile = Tile::full(u8::try_from(at).unwrap_or(u8::MAX), index as u64);
        let place = index * TILE_HASHES..(index + 1) * TILE_HASHES;
        // Under a node that is not proven nothing is, and it is named already.
        let Some(hash) = hash else { continue };
        let found = below
            .sources()
            .into_iter()
            .enumerate()
            .find_map(|(source, hashes)| Some((source, whole(&hashes[place.clone()], hash)?)));
        if let Some((source, hashes)) = found {
            lower[place]
                .iter_mut()
                .zip(hashes)
                .for_each(|(target, hash)| *target = Some(hash));
            if source != 0 {
                findings.push(tile_finding(tile, below.faults[index].clone()));
            }
        } else {
            let (from, to) = tile.entries();
            findings.extend(below.faults[index].clone());
            findings.push(Finding::Unproven { from, to });
        }
    }
}

/// Says whether a tile of level 0, its bundle or neither is as it was signed. `node` is the node above a full tile;
/// there is none above the last one if that is not full, and then the choice for the edge holds.
fn settle_ground(
    node: Option<&Option<Hash>>,
    edge_source: Option<usize>,
    ground: Ground,
    findings: &mut Vec<Finding>,
) -> Proven {
    let source = match node {
        Some(Some(hash)) if ground.stored_root.as_ref() == Some(hash) => Some(0),
        Some(Some(hash)) if ground.hashed_root.as_ref() == Some(hash) => Some(1),
        Some(Some(_)) => {
            let (from, to) = ground.tile.entries();
            findings.push(Finding::Unproven { from, to });
            None
        }
        Some(None) => None,
        None => edge_source,
    };
    match source {
        Some(0) => {
            findings.extend(ground.bundle_faults);
            Proven::Tile
        }
        Some(_) => {
            findings.push(tile_finding(ground.tile, ground.tile_fault));
            Proven::Bundle
        }
        None => {
            findings.extend(ground.tile_fault);
            findings.extend(disagreements(ground.bundle_faults));
            Proven::Neither
        }
    }
}

fn disagreements(faults: Vec<Finding>) -> impl Iterator<Item = Finding> {
    faults.into_iter().map(|fault| match fault {
        Finding::Entry { index, .. } => Finding::Disagreement { index },
        other => other,
    })
}

impl Levels {
    /// Returns the root that the log had at an earlier size, none where hashes are missing.
    pub fn root_at<E: fmt::Display>(
        &self,
        size: u64,
        read: &impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Option<Hash> {
        let mut node = |level: u8, index: u64| -> Result<Hash, ()> {
            let (rest, level) = (level % LEVEL_BITS, level / LEVEL_BITS);
            let first = usize::try_from(index << rest).map_err(|_| ())?;
            let hashes: Option<Vec<Hash>> = match usize::from(level).checked_sub(1) {
                Some(at) => {
                    let nodes = self
                        .nodes
                        .get(at)
                        .and_then(|nodes| nodes.get(first..first + (1 << rest)));
                    nodes.and_then(|nodes| nodes.iter().copied().collect())
                }
                None => self
                    .ground_hashes((first / TILE_HASHES) as u64, read)
                    .and_then(|hashes| {
                        let first = first % TILE_HASHES;
                        hashes.get(first..first + (1 << rest)).map(<[Hash]>::to_vec)
                    }),
            };
            hashes.as_deref().map(perfect_root).ok_or(())
        };
        crate::proof::range_root(0, size, &mut node).ok()
    }

    fn ground_hashes<E: fmt::Display>(
        &self,
        index: u64,
        read: &impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Option<Vec<Hash>> {
        let tile = Tile::at(0, index, self.size)?;
        match self.ground.get(usize::try_from(index).ok()?)? {
            Proven::Tile => ground::stored(tile, read).ok(),
            Proven::Bundle => {
                // A full bundle's hashes are dropped when its tile says the same.
                let ground = ground::look(tile, read);
                ground.hashed.or_else(|| ground::stored(tile, read).ok())
            }
            Proven::Neither => None,
        }
    }
}

/// Reads the tiles above the ground and hashes upwards.
fn gather<E: fmt::Display>(
    size: u64,
    ground: &[Ground],
    read: &impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    for level in 1..LEVEL_BITS {
        let count = (size >> (u32::from(level) * u32::from(LEVEL_BITS))) as usize;
        if count == 0 {
            break;
        }
        let (mut stored, mut faults) = (Vec::with_capacity(count), Vec::new());
        for tile in Tile::of_level(level, size) {
            match ground::stored(tile, read) {
                Ok(hashes) => {
                    stored.extend(hashes.into_iter().map(Some));
                    faults.push(None);
                }
                Err(fault) => {
                    stored.resize(stored.len() + usize::from(tile.width), None);
                    faults.push(Some(fault));
                }
            }
        }
        let (mut below, mut entries): (Vec<_>, Vec<_>) = match levels.last() {
            None => ground
                .iter()
                .take(count)
                .map(|ground| (ground.stored_root, ground.hashed_root))
                .unzip(),
            Some(last) => (up(&last.stored), up(&last.entries)),
        };
        below.resize(count, None);
        entries.resize(count, None);
        let three = stored.iter().zip(&below).zip(&entries);
        let most = three
            .map(|((stored, below), entries)| if below == entries { *below } else { *stored }.or(*below));
        let most = most.collect();
        levels.push(Level {
            stored,
            below,
            entries,
            most,
            faults,
        });
    }
    levels
}

/// Hashes full tiles to the nodes one level up.
fn up(hashes: &[Option<Hash>]) -> Vec<Option<Hash>> {
    let tiles = hashes.as_chunks::<TILE_HASHES>().0.iter();
    tiles
        .map(|tile| {
            tile.iter()
                .copied()
                .collect::<Option<Vec<_>>>()
                .as_deref()
                .map(perfect_root)
        })
        .collect()
}

fn whole(hashes: &[Option<Hash>], root: &Hash) -> Option<Vec<Hash>> {
    let hashes: Vec<Hash> = hashes.iter().copied().collect::<Option<_>>()?;
    (perfect_root(&hashes) == *root).then_some(hashes)
}

/// For each tile that is not full, what it may contain.
fn edge_variants(size: u64, levels: &[Level], ground: &[Ground]) -> Vec<(Tile, Vec<Variant>)> {
    let mut edge = Vec::new();
    for tile in Tile::edge(size) {
        let candidates: Vec<Option<Vec<Hash>>> = match usize::from(tile.level).checked_sub(1) {
            None => match ground.get(tile.index as usize) {
                Some(ground) => vec![ground.stored.clone(), ground.hashed.clone()],
                None => Vec::new(),
            },
            Some(at) => {
                let first = tile.index as usize * TILE_HASHES;
                let sources = levels[at].sources().into_iter();
                sources
                    .map(|hashes| hashes[first..].iter().copied().collect())
                    .collect()
            }
        };
        let mut variants: Vec<Variant> = Vec::new();
        for (source, hashes) in candidates.into_iter().enumerate() {
            let Some(hashes) = hashes else { continue };
            if variants.iter().all(|variant| variant.hashes != hashes) {
                variants.push(Variant { hashes, source });
            }
        }
        edge.push((tile, variants));
    }
    edge
}

/// Finds the variants, one a level, that lead to the signed root; as few as possible that are not the stored ones.
fn choose(edge: &[(Tile, Vec<Variant>)], root: &Hash) -> Option<Vec<usize>> {
    let mut choices: Vec<usize> = vec![0; edge.len()];
    if edge.is_empty() || edge.iter().any(|(_, variants)| variants.is_empty()) {
        return None;
    }
    loop {
        let mut have: Option<Hash> = None;
        for ((_, variants), choice) in edge.iter().zip(&choices) {
            have = fold(&variants[*choice].hashes, have);
        }
        if have == Some(*root) {
            return Some(choices);
        }
        let next = edge
            .iter()
            .zip(&choices)
            .position(|((_, variants), choice)| choice + 1 < variants.len())?;
        choices[..next].fill(0);
        choices[next] += 1;
    }
}

/// Joins the perfect subtrees of one level's edge with what is right of it.
fn fold(hashes: &[Hash], right: Option<Hash>) -> Option<Hash> {
    let mut have = right;
    let mut end = hashes.len();
    while end > 0 {
        let length = 1 << end.trailing_zeros();
        let peak = perfect_root(&hashes[end - length..end]);
        have = Some(have.map_or(peak, |right| node_hash(&peak, &right)));
        end -= length;
    }
    have
}

fn tile_finding(tile: Tile, fault: Option<Finding>) -> Finding {
    fault.unwrap_or_else(|| Finding::Tile {
        path: tile.path(),
        why: "it has hashes that were not signed".to_owned(),
    })
}
