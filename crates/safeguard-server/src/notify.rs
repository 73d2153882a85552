//! Tells owners through the `exec` hook: each notice is in the outbox until the hook has ended with 0.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use safeguard_api::config::Config;
use safeguard_store::{Store, StoreError};
use tokio::io::AsyncWriteExt;

use crate::record::now;

/// Notices in the outbox have this topic.
pub(crate) const TOPIC: &str = "notify";

const HOOK_LONGEST: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(250);
const BATCH: usize = 16;
const TRIES_MAX: u32 = 12;
const RETRY_MS_MAX: i64 = 600_000;

/// Delivers notices until the future is dropped: at least once each, and given up after twelve tries.
pub(crate) async fn deliver(config: Arc<Config>, store: Store) {
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(error) = deliver_batch(&config, &store).await {
            tracing::warn!(%error, "Notices wait: the store failed");
        }
    }
}

async fn deliver_batch(config: &Config, store: &Store) -> Result<(), StoreError> {
    let due = store.read(|tx| tx.pending(BATCH)).await?;
    for row in due.into_iter().filter(|row| row.next_try_ms <= now().0) {
        let outcome = match config.notify.exec.split_first() {
            None => Ok(()),
            Some((program, arguments)) => run_hook(program, arguments, &row.body).await,
        };
        let id = row.id;
        match outcome {
            Ok(()) => store.write(move |tx| tx.delivered(id)).await??,
            Err(why) if row.attempts + 1 >= TRIES_MAX => {
                tracing::error!(id, why, "A notice is given up after {TRIES_MAX} tries");
                store.write(move |tx| tx.delivered(id)).await??;
            }
            Err(why) => {
                tracing::warn!(
                    id,
                    why,
                    attempts = row.attempts + 1,
                    "The notify hook failed; it is tried again"
                );
                let wait_ms = (1000_i64 << row.attempts.min(20)).min(RETRY_MS_MAX);
                let next = now().0 + wait_ms;
                store.write(move |tx| tx.failed(id, next)).await??;
            }
        }
    }
    Ok(())
}

async fn run_hook(program: &str, arguments: &[String], body: &str) -> Result<(), String> {
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let ended = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A hook that does not read its input may still have done its work.
            if let Err(error) = stdin.write_all(body.as_bytes()).await {
                tracing::debug!(%error, "The notify hook did not read its input");
            }
        }
        child.wait().await
    };
    match tokio::time::timeout(HOOK_LONGEST, ended).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("`{program}` ended with {status}")),
        Ok(Err(error)) => Err(format!("cannot wait for `{program}`: {error}")),
        Err(_) => Err(format!(
            "`{program}` took longer than {} s",
            HOOK_LONGEST.as_secs()
        )),
    }
}
