//! One request is one savepoint, and one commit takes many requests.

use std::sync::mpsc;

use safeguard_store::{Store, StoreError, Tx};

use crate::place::{Folder, append, event, memory, subjects, verified};

/// What a request that wants nothing of it kept returns.
#[derive(Debug, PartialEq)]
struct Refused;

#[test]
fn a_refused_request_leaves_nothing_and_the_others_of_its_commit_stay() {
    let folder = Folder::new();
    let store = folder.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // The writer is kept busy until all four wait, so they share the next commit.
    let (go, wait) = mpsc::sync_channel::<()>(1);
    runtime.block_on(async {
        let busy = store.clone();
        let busy = tokio::spawn(async move { busy.write(move |_| wait.recv().map_err(|_| ())).await });
        tokio::task::yield_now().await;
        let mut requests = Vec::new();
        for name in ["a", "refused", "panics", "b"] {
            let store = store.clone();
            requests.push(tokio::spawn(async move {
                store.write(move |tx| request(tx, name)).await
            }));
            tokio::task::yield_now().await;
        }
        go.send(()).unwrap();
        busy.await.unwrap().unwrap().unwrap();
        let mut answers = Vec::new();
        for request in requests {
            answers.push(request.await.unwrap());
        }
        assert!(matches!(answers[0], Ok(Ok(0))), "{:?}", answers[0]);
        assert!(matches!(answers[1], Ok(Err(Refused))), "{:?}", answers[1]);
        assert!(
            matches!(answers[2], Err(StoreError::Panicked)),
            "{:?}",
            answers[2]
        );
        assert!(matches!(answers[3], Ok(Ok(1))), "{:?}", answers[3]);
    });
    assert_eq!(subjects(&store), ["a", "b"]);
    let setting = |name: &'static str| store.read_blocking(|tx| tx.setting(name)).unwrap();
    assert_eq!(
        (setting("a"), setting("refused"), setting("panics")),
        (Some("1".into()), None, None)
    );
    assert_eq!(verified(&store).findings, []);
}

fn request(tx: &mut Tx<'_>, name: &'static str) -> Result<u64, Refused> {
    tx.put_setting(name, "1").unwrap();
    let index = tx.append(&event(name, "text")).unwrap();
    match name {
        "refused" => Err(Refused),
        "panics" => panic!("as a test wants it"),
        _ => Ok(index),
    }
}

#[test]
fn many_tasks_write_at_once() {
    let folder = Folder::new();
    let store = folder.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for task in 0..64 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                for step in 0..20 {
                    let index = store
                        .write(move |tx| count(tx, task, step))
                        .await
                        .unwrap()
                        .unwrap();
                    // What was acknowledged can be read, and a signed checkpoint covers it.
                    let proof = store.read(move |tx| tx.prove(index)).await.unwrap().unwrap();
                    assert!(proof.leaf.contains(&format!("task-{task}")), "{}", proof.leaf);
                    assert!(store.log_status().size > index);
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    });
    assert_eq!(
        store.read_blocking(|tx| tx.setting("count")).unwrap().unwrap(),
        "1280"
    );
    assert_eq!(store.log_status().size, 1280);
    let report = verified(&store);
    assert_eq!((report.findings.len(), report.size), (0, 1280));
}

fn count(tx: &mut Tx<'_>, task: u32, step: u32) -> Result<u64, StoreError> {
    let count: u32 = tx.setting("count")?.map_or(0, |count| count.parse().unwrap());
    tx.put_setting("count", &(count + 1).to_string())?;
    tx.append(&event(&format!("task-{task}"), &format!("step {step}")))
}

#[test]
fn a_write_that_changes_nothing_makes_no_commit() {
    let folder = Folder::new();
    let store = folder.open();
    append(&store, "a");
    let bytes = || std::fs::metadata(folder.path("safeguard.db-wal")).unwrap().len();
    let (before, status) = (bytes(), store.log_status());
    for _ in 0..10 {
        store.write_blocking(|tx| tx.setting("nothing")).unwrap().unwrap();
        assert!(
            store
                .write_blocking(|tx| tx.append(&event("b", "b")).and(Err::<(), _>(StoreError::Closed)))
                .unwrap()
                .is_err()
        );
    }
    assert_eq!((bytes(), store.log_status()), (before, status));
}

#[test]
fn an_entry_that_is_too_long_is_refused_alone() {
    let store = memory();
    let long = event("long", &"x".repeat(70_000));
    let answer = store.write_blocking(move |tx| tx.append(&long)).unwrap();
    assert!(
        matches!(answer, Err(StoreError::EntryTooLong { bytes: 70_000.. })),
        "{answer:?}"
    );
    assert_eq!(append(&store, "short"), 0);
}

#[test]
fn the_last_clone_may_end_on_the_writer() {
    let folder = Folder::new();
    let store = folder.open();
    let inside: Store = store.clone();
    store
        .write_blocking(move |tx| {
            drop(inside);
            tx.put_setting("a", "1")
        })
        .unwrap()
        .unwrap();
    drop(store);
    assert_eq!(
        folder
            .open()
            .read_blocking(|tx| tx.setting("a"))
            .unwrap()
            .unwrap(),
        "1"
    );
}
