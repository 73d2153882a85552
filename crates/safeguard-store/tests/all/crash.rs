//! Whatever was acknowledged is there after a crash.

use std::fs;
use std::path::Path;

use safeguard_store::{OpenError, Store};

use crate::place::{Folder, append, settings, subjects, verified};

#[test]
fn a_store_that_was_dropped_without_closing_goes_on() {
    let folder = Folder::new();
    for round in 0..5 {
        let store = folder.open();
        assert_eq!(store.log_status().size, round * 60);
        for _ in 0..60 {
            append(&store, "a");
        }
    }
    let store = folder.open();
    assert_eq!(verified(&store).findings, []);
    assert_eq!(store.log_status().size, 300);
}

/// Copies the files as a crash at this moment would leave them: the memory shared by the connections is lost.
fn crash(folder: &Folder, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in ["safeguard.db", "safeguard.db-wal"] {
        fs::copy(folder.path(name), to.join(name)).unwrap();
    }
}

#[test]
fn after_a_crash_everything_acknowledged_is_there() {
    let folder = Folder::new();
    let store = folder.open();
    for round in 0..20 {
        for _ in 0..7 {
            append(&store, "a");
        }
        let image = folder.path(&format!("crash-{round}"));
        crash(&folder, &image);
        let after = Store::open(settings(&image.join("safeguard.db"), None)).unwrap();
        assert_eq!(after.log_status(), store.log_status());
        assert_eq!(append(&after, "after"), (round + 1) * 7);
        assert_eq!(verified(&after).findings, []);
    }
}

#[test]
fn a_torn_end_takes_whole_commits_along() {
    let folder = Folder::new();
    let store = folder.open();
    for at in 0..40 {
        append(&store, &format!("s{at}"));
    }
    let image = folder.path("torn");
    crash(&folder, &image);
    let wal = image.join("safeguard.db-wal");
    let mut bytes = fs::read(&wal).unwrap();
    let mut last = 40;
    // Each round takes away a piece that fits no page, as a power cut does.
    while last > 3 {
        bytes.truncate(bytes.len().saturating_sub(7001));
        crash(&folder, &image);
        fs::write(&wal, &bytes).unwrap();
        let after = Store::open(settings(&image.join("safeguard.db"), None)).unwrap();
        let size = after.log_status().size;
        assert!(size <= last, "{size} entries after {last}");
        last = size;
        let wanted: Vec<String> = (0..size).map(|at| format!("s{at}")).collect();
        assert_eq!(subjects(&after), wanted);
        assert_eq!(verified(&after).findings, []);
    }
}

#[test]
fn only_one_process_has_the_database() {
    let folder = Folder::new();
    let store = folder.open();
    assert!(matches!(folder.try_open(), Err(OpenError::InUse { .. })));
    drop(store);
    folder.open();
}
