//! The growing tree: only its right edge is kept, so an append costs two hashes on average.

use crate::hash::{self, Hash, node_hash};
use crate::proof::range_root;
use crate::tile::{LEVEL_BITS, TILE_HASHES, Tile, TileError, TileNodes};

/// The right edge of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of the perfect subtrees that the size's binary digits name, the largest first.
    peaks: Vec<Hash>,
    /// For each level of tiles, the hashes of its tile that is not full.
    edge: Vec<Vec<Hash>>,
}

impl Default for Tree {
    fn default() -> Self {
        Tree::new()
    }
}

impl Tree {
    #[must_use]
    pub fn new() -> Tree {
        Tree {
            size: 0,
            peaks: Vec::new(),
            edge: vec![Vec::with_capacity(TILE_HASHES)],
        }
    }

    /// Takes up a log of `size` entries whose tiles `read` returns.
    ///
    /// # Errors
    /// What `read` says, or a tile that is too short.
    pub fn open<E>(
        size: u64,
        mut read: impl FnMut(Tile) -> Result<Vec<u8>, E>,
    ) -> Result<Tree, TileError<E>> {
        let mut edge = Vec::new();
        for tile in Tile::edge(size) {
            edge.resize_with(usize::from(tile.level) + 1, Vec::new);
            edge[usize::from(tile.level)] = tile.hashes(&read(tile).map_err(TileError::Read)?)?;
        }
        if edge.is_empty() {
            edge.push(Vec::with_capacity(TILE_HASHES));
        }
        let mut nodes = TileNodes::new(size, read);
        let mut peaks = Vec::new();
        let mut start = 0;
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            let end = start + (1 << level);
            peaks.push(range_root(start, end, &mut |level, index| {
                nodes.node(level, index)
            })?);
            start = end;
        }
        Ok(Tree { size, peaks, edge })
    }

    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends the hash of an entry; tiles that became full go to `full`.
    pub fn append(&mut self, leaf: Hash, full: &mut Vec<(Tile, Vec<Hash>)>) {
        let mut node = leaf;
        let mut index = self.size;
        let mut level = 0;
        self.push_edge(0, node, full);
        while index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            node = node_hash(&left, &node);
            index >>= 1;
            level += 1;
            if level % LEVEL_BITS == 0 {
                self.push_edge(level / LEVEL_BITS, node, full);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// Returns the tiles that are not full and not empty, the lowest level first.
    pub fn partial(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        Tile::edge(self.size).map(|tile| (tile, self.edge[usize::from(tile.level)].as_slice()))
    }

    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else {
            return hash::empty_root();
        };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }

    fn push_edge(&mut self, level: u8, node: Hash, full: &mut Vec<(Tile, Vec<Hash>)>) {
        let at = usize::from(level);
        if self.edge.len() <= at {
            self.edge.resize_with(at + 1, Vec::new);
        }
        self.edge[at].push(node);
        if self.edge[at].len() == TILE_HASHES {
            // A node of level 8L closes the tile that ends with the entry about to be counted.
            let index = self.size >> (u32::from(LEVEL_BITS) * (u32::from(level) + 1));
            full.push((Tile::full(level, index), std::mem::take(&mut self.edge[at])));
        }
    }
}
