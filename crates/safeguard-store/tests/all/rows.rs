//! Documents, settings, the outbox and texts that can be erased.

use safeguard_api::{Freeze, FreezeId, Timestamp};
use safeguard_store::{Store, StoreError};

use crate::place::{Folder, event, memory};

fn freeze(at: u64, reason: &str) -> Freeze {
    Freeze {
        id: FreezeId::new(at, 0),
        service: None,
        reason: reason.to_owned(),
        opened_by: "ann".to_owned(),
        opened_at: Timestamp(0),
        until: None,
        closed_at: None,
    }
}

fn reasons(store: &Store, newest_first: bool, limit: usize) -> Vec<String> {
    let freezes = store
        .read_blocking(|tx| tx.list::<Freeze>(newest_first, limit))
        .unwrap();
    freezes.into_iter().map(|freeze| freeze.reason).collect()
}

#[test]
fn documents_are_kept_by_key_and_listed_by_birth() {
    let folder = Folder::new();
    for store in [memory(), folder.open()] {
        store
            .write_blocking(|tx| {
                [3, 1, 2]
                    .iter()
                    .try_for_each(|at| tx.put(&freeze(*at, &at.to_string())))?;
                tx.put(&freeze(2, "two"))
            })
            .unwrap()
            .unwrap();
        assert_eq!(reasons(&store, false, 9), ["1", "two", "3"]);
        assert_eq!(reasons(&store, true, 2), ["3", "two"]);
        let key = FreezeId::new(1, 0).to_string();
        assert_eq!(
            store.read_blocking(move |tx| tx.get::<Freeze>(&key)).unwrap(),
            Some(freeze(1, "1"))
        );
        assert_eq!(store.read_blocking(|tx| tx.get::<Freeze>("none")).unwrap(), None);
        let remove = || {
            let key = FreezeId::new(2, 0).to_string();
            store.write_blocking(move |tx| tx.remove::<Freeze>(&key)).unwrap()
        };
        assert_eq!((remove().unwrap(), remove().unwrap()), (true, false));
        assert_eq!(reasons(&store, false, 9), ["1", "3"]);
    }
}

#[test]
fn what_was_decided_is_delivered_at_least_once() {
    let store = memory();
    store
        .write_blocking(|tx| tx.notify("exec", &"one").and_then(|()| tx.notify("exec", &"two")))
        .unwrap()
        .unwrap();
    let pending = || -> Vec<(String, u32)> {
        let rows = store.read_blocking(|tx| tx.pending(10)).unwrap();
        rows.into_iter().map(|row| (row.body, row.attempts)).collect()
    };
    assert_eq!(pending(), [("\"one\"".into(), 0), ("\"two\"".into(), 0)]);
    let first = store.read_blocking(|tx| tx.pending(1)).unwrap().remove(0).id;
    store
        .write_blocking(move |tx| tx.failed(first, 5000))
        .unwrap()
        .unwrap();
    assert_eq!(pending(), [("\"two\"".into(), 0), ("\"one\"".into(), 1)]);
    store
        .write_blocking(move |tx| tx.delivered(first))
        .unwrap()
        .unwrap();
    assert_eq!(pending(), [("\"two\"".into(), 0)]);
}

#[test]
fn a_text_can_be_erased_and_its_entry_stays() {
    let store = memory();
    let written = store.write_blocking(|tx| -> Result<_, StoreError> {
        let commitment = tx.salt_and_commit("prompt", b"by Ann Example")?;
        let mut event = event("a", "b");
        event.commit = vec![commitment.clone()];
        tx.append(&event)?;
        Ok(commitment)
    });
    let commitment = written.unwrap().unwrap();
    assert_eq!((commitment.hmac.len(), commitment.size), (64, 14));
    let hmac = commitment.hmac.clone();
    let text = || store.read_blocking(|tx| tx.personal(&hmac)).unwrap();
    assert_eq!(text().unwrap(), b"by Ann Example");
    let erased = hmac.clone();
    assert!(
        store
            .write_blocking(move |tx| tx.erase(&erased))
            .unwrap()
            .unwrap()
    );
    assert_eq!(text(), None);
    let entries = store.read_blocking(|tx| tx.entries(Some("a"), true, 5)).unwrap();
    assert_eq!(entries[0].event.commit, [commitment]);
}
