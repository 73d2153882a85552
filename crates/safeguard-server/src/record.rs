//! The clock, and entries for the log.

use std::time::{SystemTime, UNIX_EPOCH};

use safeguard_api::audit::{Actor, Event, Reference};
use safeguard_api::config::Config;
use safeguard_api::status::PolicyStatus;
use safeguard_api::time::{Now, Timestamp};
use safeguard_store::{Content, Store, StoreError};
use serde::Serialize;

use crate::ServerError;

/// The policy in force is named by this setting.
pub(crate) const POLICY_SETTING: &str = "policy";

pub(crate) fn now() -> Timestamp {
    let ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        // A clock before 1970 is wrong; 0 makes soaks no shorter, since they need the clock to move forward.
        Err(_) => 0,
    };
    Timestamp(ms)
}

/// Both clocks. The monotonic one counts from the machine's start and includes time asleep.
pub(crate) fn clocks() -> Now {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let ms = boot.tv_sec.unsigned_abs() * 1000 + boot.tv_nsec.unsigned_abs() / 1_000_000;
    Now {
        wall: now(),
        mono_ms: ms,
    }
}

pub(crate) fn event(kind: &str, actor: Actor, subject: Vec<String>, decision: serde_json::Value) -> Event {
    Event {
        v: 1,
        kind: kind.to_owned(),
        ts: now(),
        actor,
        subject,
        refs: Vec::new(),
        commit: Vec::new(),
        decision,
        late: false,
    }
}

/// Keeps a document in the content store, durable when this returns, and says how an entry names it.
pub(crate) async fn keep<T: Serialize + ?Sized>(
    content: &Content,
    name: &str,
    document: &T,
) -> Result<Reference, String> {
    let bytes = serde_json::to_vec(document).map_err(|error| error.to_string())?;
    let size = bytes.len() as u64;
    let content = content.clone();
    let sha256 = tokio::task::spawn_blocking(move || content.put(&bytes))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    Ok(Reference {
        name: name.to_owned(),
        sha256,
        size,
        media: "application/json".to_owned(),
    })
}

/// At the very first start the file's policy is in force; later only an act of its own changes it.
pub(crate) async fn first_policy(store: &Store, config: &Config) -> Result<(), ServerError> {
    let policy = config.policy();
    let id = policy.id();
    let status = PolicyStatus {
        id: id.clone(),
        policy,
        applied_at: now(),
        applied_by: "server".to_owned(),
        older: Vec::new(),
        persons_to_change: 0,
    };
    let event = event(
        "policy.applied",
        Actor::system("server"),
        vec![id.to_string()],
        serde_json::json!({ "why": "the first start", "policy": status.policy }),
    );
    store
        .write(move |tx| -> Result<(), StoreError> {
            if tx.setting(POLICY_SETTING)?.is_none() {
                tx.put(&status)?;
                tx.put_setting(POLICY_SETTING, id.as_str())?;
                tx.append(&event)?;
            }
            Ok(())
        })
        .await??;
    Ok(())
}
