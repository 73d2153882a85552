//! A database that was put back, or is another one, is noticed and signs nothing.

use std::fs;
use std::time::Duration;

use insta::assert_snapshot;
use safeguard_store::{OpenError, Place, Settings, Store};

use crate::place::{Folder, append, settings, until, verified};

fn close(store: Store) {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(store.close());
}

fn fill(folder: &Folder, entries: usize, subject: &str) {
    let store = folder.open();
    for _ in 0..entries {
        append(&store, subject);
    }
    close(store);
}

fn error(folder: &Folder) -> String {
    let error = folder.try_open().err().unwrap();
    error
        .to_string()
        .replace(folder.root.path().to_str().unwrap(), "…")
}

#[test]
fn an_older_backup_is_refused() {
    let folder = Folder::new();
    fill(&folder, 5, "a");
    let (database, backup) = (folder.path("safeguard.db"), folder.path("backup"));
    fs::copy(&database, &backup).unwrap();
    fill(&folder, 5, "b");
    let kept = fs::read(folder.path("checkpoint")).unwrap();
    fs::copy(&backup, &database).unwrap();
    assert_snapshot!(error(&folder), @"the database was restored from an older backup or is another one: it has 5 log entries, and the checkpoint kept in `…/checkpoint` has 10; entries are missing");
    assert_eq!(fs::read(folder.path("checkpoint")).unwrap(), kept);

    // Without the file it would go on as another log; with the file back, that is noticed too.
    fs::rename(folder.path("checkpoint"), folder.path("kept")).unwrap();
    fill(&folder, 8, "c");
    fs::rename(folder.path("kept"), folder.path("checkpoint")).unwrap();
    assert_snapshot!(error(&folder), @"the database was restored from an older backup or is another one: it has 13 log entries, and the checkpoint kept in `…/checkpoint` has 10; the entries they share differ");
}

#[test]
fn a_missing_database_is_refused() {
    let folder = Folder::new();
    fill(&folder, 3, "a");
    fs::remove_file(folder.path("safeguard.db")).unwrap();
    assert!(matches!(
        folder.try_open(),
        Err(OpenError::RestoredFromBackup { have: 0, kept: 3, .. })
    ));
}

#[test]
fn a_newer_database_than_the_checkpoint_goes_on() {
    let folder = Folder::new();
    fill(&folder, 5, "a");
    let kept = fs::read(folder.path("checkpoint")).unwrap();
    fill(&folder, 300, "b");
    fs::write(folder.path("checkpoint"), kept).unwrap();
    let store = folder.open();
    assert_eq!(store.log_status().size, 305);
    assert_eq!(verified(&store).findings, []);
    close(store);
    let kept = fs::read_to_string(folder.path("checkpoint")).unwrap();
    assert_eq!(kept.lines().nth(1), Some("305"));
}

#[test]
fn an_altered_checkpoint_file_and_another_key_are_refused() {
    let folder = Folder::new();
    fill(&folder, 5, "a");
    let kept = fs::read_to_string(folder.path("checkpoint")).unwrap();
    fs::write(folder.path("checkpoint"), kept.replace("\n5\n", "\n4\n")).unwrap();
    assert!(matches!(folder.try_open(), Err(OpenError::CheckpointFile { .. })));
    let other = Settings {
        key: [4; 32],
        ..settings(&folder.path("safeguard.db"), None)
    };
    assert!(matches!(Store::open(other), Err(OpenError::OtherKey(_))));
    let unnamed = Settings {
        origin: "two words".into(),
        ..settings(&folder.path("x.db"), None)
    };
    assert!(matches!(Store::open(unnamed), Err(OpenError::Origin(_))));
}

#[test]
fn the_checkpoint_reaches_its_file_without_closing() {
    let folder = Folder::new();
    let store = folder.open();
    let size = || {
        fs::read_to_string(folder.path("checkpoint"))
            .unwrap()
            .lines()
            .nth(1)
            .unwrap()
            .to_owned()
    };
    assert_eq!(size(), "0");
    for wanted in 1..=3 {
        append(&store, "a");
        until(Duration::from_secs(5), || size() == wanted.to_string());
    }
}

#[test]
fn a_simulation_needs_no_file() {
    let place = Place::Memory;
    let store = Store::open(Settings {
        place,
        origin: "memory".into(),
        key: [1; 32],
        checkpoint_file: None,
    })
    .unwrap();
    append(&store, "a");
    assert_eq!(verified(&store).findings, []);
    close(store);
}
