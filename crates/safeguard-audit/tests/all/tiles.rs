//! Tiles: paths, widths, and a tree that is taken up again from them.

use std::collections::BTreeMap;

use safeguard_audit::hash::{leaf_hash, to_bytes};
use safeguard_audit::tile::{TileNodes, entries_of, push_entry};
use safeguard_audit::{Hash, Tile, TlogPath, Tree, proof};

use crate::export::entry;

#[test]
fn paths_are_those_of_the_specification() {
    let path = |level, index, width| Tile { level, index, width }.path();
    assert_eq!(path(0, 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(path(3, 0, 1), "tile/3/000.p/1");
    assert_eq!(
        Tile {
            level: 0,
            index: 1000,
            width: 8
        }
        .entries_path(),
        "tile/entries/x001/000.p/8"
    );
    for (index, width) in [(0, 256), (999, 3), (1000, 256), (123_456_789, 255)] {
        let theirs = tlog_tiles::Tile::new(8, 2, index, u32::from(width), false).path();
        assert_eq!(path(2, index, width), theirs.replace("tile/8/", "tile/"));
    }
}

#[test]
fn every_path_has_one_spelling() {
    for path in [
        "checkpoint",
        "tile/0/000",
        "tile/1/x001/234.p/5",
        "tile/entries/999",
        "tile/63/x123/x456/789",
    ] {
        assert_eq!(TlogPath::parse(path).unwrap().to_string(), path);
    }
    for wrong in [
        "",
        "/checkpoint",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/64/000",
        "tile/0/../000",
        "tile/data/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/+01",
    ] {
        assert_eq!(TlogPath::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn tiles_of_a_growing_log_are_those_that_others_expect() {
    for size in [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000] {
        let ours: Vec<String> = Tile::all(size).map(|tile| tile.path()).collect();
        let theirs = tlog_tiles::Tile::new_tiles(8, 0, size);
        assert_eq!(
            ours,
            theirs
                .iter()
                .map(|tile| tile.path().replace("tile/8/", "tile/"))
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_tree_taken_up_from_its_tiles_goes_on_as_before() {
    let mut tiles: BTreeMap<(u8, u64), Vec<u8>> = BTreeMap::new();
    let mut tree = Tree::new();
    for index in 0..66_000_u64 {
        let mut full: Vec<(Tile, Vec<Hash>)> = Vec::new();
        tree.append(leaf_hash(&entry(index)), &mut full);
        for (tile, hashes) in full {
            tiles.insert((tile.level, tile.index), to_bytes(&hashes));
        }
        let size = tree.size();
        if size < 1100 || size % 4096 < 2 || size > 65_530 && size < 65_540 {
            for (tile, hashes) in tree.partial() {
                tiles.insert((tile.level, tile.index), to_bytes(hashes));
            }
            let read = |tile: Tile| tiles.get(&(tile.level, tile.index)).cloned().ok_or(());
            assert_eq!(Tree::open(size, read).unwrap(), tree, "{size}");
            let mut nodes = TileNodes::new(size, read);
            let mut node = |level, index| nodes.node(level, index);
            let path = proof::inclusion(index / 2, size, &mut node).unwrap();
            let leaf = leaf_hash(&entry(index / 2));
            proof::verify_inclusion(leaf, index / 2, size, &path, &tree.root()).unwrap();
        }
    }
}

#[test]
fn a_tile_that_is_missing_or_short_is_an_error() {
    assert!(Tree::open(5, |_| Err(())).is_err());
    assert!(Tree::open(5, |_| Ok::<_, ()>(vec![0; 159])).is_err());
    assert!(Tree::open(5, |_| Ok::<_, ()>(vec![0; 160])).is_ok());
}

#[test]
fn bundles_hold_entries_up_to_16_bits() {
    let mut bundle = Vec::new();
    for entry in [&b""[..], b"one", &[1; 65_535]] {
        push_entry(&mut bundle, entry).unwrap();
    }
    assert_eq!(push_entry(&mut bundle, &[1; 65_536]), Err(65_536));
    let lengths: Vec<usize> = entries_of(&bundle).map(|entry| entry.unwrap().len()).collect();
    assert_eq!(lengths, [0, 3, 65_535]);
    bundle.pop();
    assert_eq!(entries_of(&bundle).last().unwrap().unwrap_err().entries, 2);
    assert_eq!(entries_of(&[0]).next().unwrap().unwrap_err().entries, 0);
}
