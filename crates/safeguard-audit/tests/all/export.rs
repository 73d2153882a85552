//! A log written to memory as an export, as the store writes it to a folder.

use std::collections::BTreeMap;
use std::convert::Infallible;

use safeguard_audit::hash::{leaf_hash, to_bytes};
use safeguard_audit::tile::push_entry;
use safeguard_audit::{Expected, Finding, Report, Signer, Tile, Tree, verify};

pub const ORIGIN: &str = "safeguard.example/test";
pub const SECRET: [u8; 32] = [7; 32];

#[derive(Clone, PartialEq)]
pub struct Export {
    pub files: BTreeMap<String, Vec<u8>>,
}

pub fn entry(index: u64) -> Vec<u8> {
    let length = 20 + (index * 31 % 90) as usize;
    let mut text = format!("{{\"entry\":{index},\"text\":\"");
    text.extend((0..length).map(|at| char::from(b'a' + ((at as u64 * 7 + index) % 26) as u8)));
    text.push_str("\"}");
    text.into_bytes()
}

pub fn entries(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(entry).collect()
}

/// Writes the log of these entries, signed with the one key.
pub fn export(entries: &[Vec<u8>]) -> Export {
    let signer = Signer::new(ORIGIN, &SECRET).unwrap();
    let mut tree = Tree::new();
    let mut full = Vec::new();
    for entry in entries {
        tree.append(leaf_hash(entry), &mut full);
    }
    let mut files = BTreeMap::new();
    for (tile, hashes) in full {
        files.insert(tile.path(), to_bytes(&hashes));
    }
    for (tile, hashes) in tree.partial() {
        files.insert(tile.path(), to_bytes(hashes));
    }
    for tile in Tile::of_level(0, tree.size()) {
        let mut bundle = Vec::new();
        let (first, end) = tile.entries();
        for entry in &entries[first as usize..end as usize] {
            push_entry(&mut bundle, entry).unwrap();
        }
        files.insert(tile.entries_path(), bundle);
    }
    files.insert(
        "checkpoint".to_owned(),
        signer.sign(tree.size(), &tree.root()).into_bytes(),
    );
    files.insert("vkey".to_owned(), format!("{}\n", signer.vkey()).into_bytes());
    Export { files }
}

pub fn checkpoint(entries: &[Vec<u8>]) -> String {
    String::from_utf8(export(entries).files.remove("checkpoint").unwrap()).unwrap()
}

impl Export {
    pub fn verify(&self, pins: &[&str]) -> Report {
        let read = |path: &str| Ok::<_, Infallible>(self.files.get(path).cloned());
        verify(&read, &Expected { vkey: None, pins })
    }

    pub fn findings(&self, pins: &[&str]) -> String {
        let report = self.verify(pins);
        report
            .findings
            .iter()
            .map(Finding::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }
}
