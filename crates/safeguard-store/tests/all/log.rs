//! The log as others read it: entries, proofs, tiles and exports.

use insta::assert_snapshot;
use safeguard_audit::{Hash, Vkey, proof};
use safeguard_store::{Store, StoreError, Tx};

use crate::place::{Folder, append, event, memory, verified};

fn fill(store: &Store, entries: u64) {
    let write = move |tx: &mut Tx<'_>| -> Result<(), StoreError> {
        (0..entries).try_for_each(|at| {
            tx.append(&event(&format!("s{}", at % 10), &at.to_string()))
                .map(|_| ())
        })
    };
    store.write_blocking(write).unwrap().unwrap();
}

#[test]
fn a_leaf_is_canonical_json() {
    let store = memory();
    append(&store, "rel_1");
    let leaf = store.read_blocking(|tx| tx.leaf(0)).unwrap().unwrap();
    assert_snapshot!(String::from_utf8(leaf).unwrap(), @r#"{"actor":{"auth":"local","id":"test","type":"system"},"decision":{"text":"once"},"kind":"test.happened","subject":["rel_1","all"],"ts":"2023-11-14T22:13:20.000Z","v":1}"#);
    assert_eq!(store.read_blocking(|tx| tx.leaf(1)).unwrap(), None);
}

#[test]
fn entries_are_found_by_subject() {
    let store = memory();
    fill(&store, 50);
    let indices = |subject: Option<&'static str>, newest_first, limit| -> Vec<u64> {
        let entries = store
            .read_blocking(move |tx| tx.entries(subject, newest_first, limit))
            .unwrap();
        entries.into_iter().map(|entry| entry.index).collect()
    };
    assert_eq!(indices(Some("s3"), false, 9), [3, 13, 23, 33, 43]);
    assert_eq!(indices(Some("s3"), true, 2), [43, 33]);
    assert_eq!(indices(None, true, 3), [49, 48, 47]);
    assert_eq!(indices(None, false, 3), [0, 1, 2]);
    assert_eq!(indices(Some("s99"), false, 3), [0_u64; 0]);
}

#[test]
fn every_entry_has_a_proof_that_convinces_a_stranger() {
    let store = memory();
    fill(&store, 700);
    for index in [0, 1, 255, 256, 511, 512, 699] {
        let proof = store.read_blocking(|tx| tx.prove(index)).unwrap().unwrap();
        let path: Vec<Hash> = proof
            .path
            .iter()
            .map(|hash| Hash::from_hex(hash).unwrap())
            .collect();
        let vkey = Vkey::parse(&proof.vkey).unwrap();
        proof::verify_entry(proof.leaf.as_bytes(), index, &path, &proof.checkpoint, &vkey).unwrap();
        let other = proof.leaf.replace("test.happened", "test.altered");
        assert!(proof::verify_entry(other.as_bytes(), index, &path, &proof.checkpoint, &vkey).is_err());
    }
    assert_eq!(store.read_blocking(|tx| tx.prove(700)).unwrap(), None);
}

#[test]
fn files_of_the_log_are_served_by_path() {
    let folder = Folder::new();
    let store = folder.open();
    fill(&store, 300);
    let bytes = |path: &'static str| {
        store
            .read_blocking(|tx| tx.tlog_file(path))
            .unwrap()
            .map(|bytes| bytes.len())
    };
    assert_eq!(bytes("tile/0/000"), Some(8192));
    assert_eq!(bytes("tile/0/001.p/44"), Some(44 * 32));
    // A partial tile of an older checkpoint is still served.
    assert_eq!(bytes("tile/0/001.p/7"), Some(7 * 32));
    assert_eq!(bytes("tile/1/000.p/1"), Some(32));
    assert!(bytes("tile/entries/001.p/44").is_some() && bytes("checkpoint").is_some());
    for missing in [
        "tile/0/001",
        "tile/0/001.p/45",
        "tile/1/000",
        "tile/entries/001",
        "tile/entries/002",
        "tile/9/000",
        "../x",
    ] {
        assert_eq!(bytes(missing), None, "{missing}");
    }
}

#[test]
fn an_export_verifies_with_nothing_else() {
    let store = memory();
    for entries in [0, 1, 254, 1, 1, 800] {
        fill(&store, entries);
        let (report, status) = (verified(&store), store.log_status());
        assert_eq!(report.findings, []);
        assert_eq!(
            (report.size, report.root.unwrap().to_string()),
            (status.size, status.root)
        );
    }
}
