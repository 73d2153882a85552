//! Roots and proofs against `ct-merkle` and against Cloudflare's port of Go's `tlog`.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use safeguard_audit::hash::{empty_root, leaf_hash, node_hash};
use safeguard_audit::proof::{consistency, inclusion, range_root, verify_consistency, verify_inclusion};
use safeguard_audit::{Hash, Tree};
use sha2::Sha256;
use tlog_tiles::HashReader;

use crate::export::entries;

const SIZE_MAX: u64 = 600;

/// Every perfect subtree's root, straight from the definition.
struct Nodes(Vec<Vec<Hash>>);

impl Nodes {
    fn new(entries: &[Vec<u8>]) -> Nodes {
        let mut levels = vec![entries.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>()];
        while levels.last().unwrap().len() > 1 {
            let below = levels.last().unwrap();
            levels.push(
                below
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|[left, right]| node_hash(left, right))
                    .collect(),
            );
        }
        Nodes(levels)
    }

    fn node(&self, level: u8, index: u64) -> Result<Hash, ()> {
        Ok(self.0[usize::from(level)][index as usize])
    }

    fn root(&self, size: u64) -> Hash {
        range_root(0, size, &mut |level, index| self.node(level, index)).unwrap()
    }

    fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        inclusion(index, size, &mut |level, index| self.node(level, index)).unwrap()
    }

    fn consistency(&self, older: u64, newer: u64) -> Vec<Hash> {
        consistency(older, newer, &mut |level, index| self.node(level, index)).unwrap()
    }
}

impl HashReader for Nodes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes
            .iter()
            .map(|index| {
                let (level, index) = tlog_tiles::split_stored_hash_index(*index);
                tlog_tiles::Hash(self.node(level, index).unwrap().0)
            })
            .collect())
    }
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn bytes(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| hash.0).collect()
}

#[test]
fn roots_of_every_size_agree() {
    let entries = entries(SIZE_MAX);
    let nodes = Nodes::new(&entries);
    let (mut tree, mut other) = (Tree::new(), MemoryBackedTree::<Sha256, Vec<u8>>::new());
    let mut full = Vec::new();
    assert_eq!(tree.root(), empty_root());
    assert_eq!(theirs(tree.root()), tlog_tiles::EMPTY_HASH);
    for entry in &entries {
        tree.append(leaf_hash(entry), &mut full);
        other.push(entry.clone());
        assert_eq!(tree.root().0[..], other.root().as_bytes()[..]);
        assert_eq!(tree.root(), nodes.root(tree.size()));
        assert_eq!(
            theirs(tree.root()),
            tlog_tiles::tree_hash(tree.size(), &nodes).unwrap()
        );
    }
}

#[test]
fn proofs_of_all_small_sizes_agree() {
    let entries = entries(70);
    let nodes = Nodes::new(&entries);
    for size in 1..=70 {
        for index in 0..size {
            check_inclusion(&entries, &nodes, index, size);
        }
        for older in 1..=size {
            check_consistency(&nodes, older, size);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn proofs_of_larger_sizes_agree(size in 1..=SIZE_MAX, at in 0.0..1.0_f64) {
        let entries = entries(size);
        let nodes = Nodes::new(&entries);
        let index = (at * size as f64) as u64;
        check_inclusion(&entries, &nodes, index, size);
        check_consistency(&nodes, index + 1, size);
    }

    #[test]
    fn no_other_proof_is_taken(
        size in 2..=SIZE_MAX, at in 0.0..1.0_f64, which in 0.0..1.0_f64, bit in 0..256_usize, case in 0..6,
    ) {
        let entries = entries(size);
        let nodes = Nodes::new(&entries);
        let index = (at * size as f64) as u64;
        let root = nodes.root(size);
        let mut leaf = leaf_hash(&entries[index as usize]);
        let mut path = nodes.inclusion(index, size);
        let place = (which * path.len() as f64) as usize;
        match case {
            0 => path[place].0[bit / 8] ^= 1 << (bit % 8),
            1 => { path.remove(place); }
            2 => path.insert(place, leaf),
            3 => leaf.0[bit / 8] ^= 1 << (bit % 8),
            4 => prop_assert!(verify_inclusion(leaf, (index + 1) % size, size, &path, &root).is_err()),
            _ => prop_assert!(verify_inclusion(leaf, size, size, &path, &root).is_err()),
        }
        prop_assert_eq!(verify_inclusion(leaf, index, size, &path, &root).is_ok(), case >= 4);

        let older = index + 1;
        let older_root = nodes.root(older);
        let path = nodes.consistency(older, size);
        let mut wrong = older_root;
        wrong.0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_consistency((older, &wrong), (size, &root), &path).is_err());
        prop_assert!(verify_consistency((size, &root), (older, &older_root), &path).is_err() || older == size);
        for place in 0..path.len() {
            let mut altered = path.clone();
            altered[place].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_consistency((older, &older_root), (size, &root), &altered).is_err());
        }
        prop_assert!(verify_consistency((older, &older_root), (size, &root), &[&path[..], &[wrong]].concat()).is_err());
    }
}

#[test]
fn empty_logs_prove_nothing_about_others() {
    let nodes = Nodes::new(&entries(5));
    let (empty, root) = (empty_root(), nodes.root(5));
    assert!(nodes.consistency(0, 5).is_empty());
    assert!(verify_consistency((0, &empty), (5, &root), &[]).is_ok());
    assert!(verify_consistency((0, &empty), (0, &empty), &[]).is_ok());
    // An older log that claims no entries and another root is a lie.
    assert!(verify_consistency((0, &root), (5, &root), &[]).is_err());
    assert!(verify_consistency((0, &root), (0, &root), &[]).is_err());
    assert!(verify_consistency((0, &empty), (0, &root), &[]).is_err());
    assert!(verify_consistency((0, &empty), (5, &root), &[root]).is_err());
    assert!(verify_consistency((5, &root), (0, &empty), &[]).is_err());
    assert!(verify_consistency((5, &root), (5, &root), &[]).is_ok());
    assert!(verify_consistency((5, &empty), (5, &root), &[]).is_err());
    assert!(verify_inclusion(root, 0, 0, &[], &root).is_err());
    assert!(verify_inclusion(root, 0, 1, &[], &root).is_ok());
}

fn check_inclusion(entries: &[Vec<u8>], nodes: &Nodes, index: u64, size: u64) {
    let entry = &entries[index as usize];
    let (path, root) = (nodes.inclusion(index, size), nodes.root(size));
    verify_inclusion(leaf_hash(entry), index, size, &path, &root).unwrap();
    let other: ct_merkle::RootHash<Sha256> = ct_merkle::RootHash::new(root.0.into(), size);
    let proof = ct_merkle::InclusionProof::try_from_bytes(bytes(&path)).unwrap();
    other.verify_inclusion(entry, index, &proof).unwrap();
    let theirs_path = tlog_tiles::prove_record(size, index, nodes).unwrap();
    assert_eq!(
        path.iter().map(|hash| theirs(*hash)).collect::<Vec<_>>(),
        theirs_path
    );
    tlog_tiles::check_record(&theirs_path, size, theirs(root), index, theirs(leaf_hash(entry))).unwrap();
}

fn check_consistency(nodes: &Nodes, older: u64, newer: u64) {
    let (path, older_root, newer_root) = (
        nodes.consistency(older, newer),
        nodes.root(older),
        nodes.root(newer),
    );
    verify_consistency((older, &older_root), (newer, &newer_root), &path).unwrap();
    let root =
        |hash: Hash, size| -> ct_merkle::RootHash<Sha256> { ct_merkle::RootHash::new(hash.0.into(), size) };
    let proof = ct_merkle::ConsistencyProof::try_from_bytes(bytes(&path)).unwrap();
    root(newer_root, newer)
        .verify_consistency(&root(older_root, older), &proof)
        .unwrap();
    let theirs_path = tlog_tiles::prove_tree(newer, older, nodes).unwrap();
    assert_eq!(
        path.iter().map(|hash| theirs(*hash)).collect::<Vec<_>>(),
        theirs_path
    );
    tlog_tiles::check_tree(&theirs_path, newer, theirs(newer_root), older, theirs(older_root)).unwrap();
}
