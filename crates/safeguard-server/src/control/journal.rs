//! What the router did by itself, taken into the log: it acted first, and wrote its own journal.

use std::time::Duration;

use safeguard_api::ReleaseId;
use safeguard_api::audit::{Actor, Reference};
use safeguard_api::traffic::{JournalEntry, JournalEvent, RouterAnswer, RouterCall, Trip};
use safeguard_rollout::observe::Reduced;
use safeguard_store::{Content, StoreError, Tx};

use super::Loop;
use crate::record;

/// The newest journal entry that the log has.
const IMPORTED_SETTING: &str = "journal-imported";
const BATCH: usize = 256;
const ANSWER_LONGEST: Duration = Duration::from_secs(2);

/// The part of the journal that this process has read.
#[derive(Default)]
pub(super) struct Journal {
    cursor: u64,
    reductions: Vec<(u64, ReleaseId, Reduced)>,
}

impl Journal {
    /// The first reduction of `release` after `seen`.
    pub fn reduced_after(&self, release: &ReleaseId, seen: u64) -> Option<Reduced> {
        let after = |(seq, of, _): &&(u64, ReleaseId, Reduced)| *seq > seen && of == release;
        self.reductions
            .iter()
            .find(after)
            .map(|(_, _, reduced)| reduced.clone())
    }

    /// The newest entry about `release`.
    pub fn last(&self, release: &ReleaseId) -> u64 {
        let own = self.reductions.iter().filter(|(_, of, _)| of == release);
        own.map(|(seq, _, _)| *seq).max().unwrap_or(0)
    }

    fn take(&mut self, entry: &JournalEntry) {
        self.cursor = entry.seq;
        let trip = |cause: &safeguard_api::traffic::TripCause| Trip {
            seq: entry.seq,
            at: entry.at,
            cause: cause.clone(),
        };
        let reduced = match &entry.event {
            JournalEvent::Tripped { cause, .. } => Reduced::Tripped(trip(cause)),
            JournalEvent::WouldTrip { cause, .. } => Reduced::WouldTrip(trip(cause)),
            JournalEvent::LeaseExpired { .. } | JournalEvent::Restarted { .. } => Reduced::LeaseExpired {
                seq: entry.seq,
                at: entry.at,
            },
        };
        self.reductions.push((entry.seq, entry.release.clone(), reduced));
    }

    /// Forgets releases whose walk is over.
    pub fn keep_only(&mut self, walking: &dyn Fn(&ReleaseId) -> bool) {
        self.reductions.retain(|(_, release, _)| walking(release));
    }
}

impl Loop {
    /// Reads the journal as far as the router says it goes.
    pub(super) async fn listen(&mut self) -> Result<(), StoreError> {
        let last = self.world.router.as_ref().map_or(0, |router| router.journal_last);
        while self.journal.cursor < last {
            let question = RouterCall::Journal {
                after: self.journal.cursor,
                limit: BATCH,
            };
            let entries = match self
                .router
                .call::<_, RouterAnswer>(&question, ANSWER_LONGEST)
                .await
            {
                Ok(RouterAnswer::Journal { entries }) if !entries.is_empty() => entries,
                Ok(other) => {
                    self.complain("The router's journal can not be read", &format!("{other:?}"));
                    return Ok(());
                }
                Err(error) => {
                    self.complain("The router's journal can not be read", &error.to_string());
                    return Ok(());
                }
            };
            let mut taken = Vec::with_capacity(entries.len());
            for entry in &entries {
                let reference = keep(&self.content, entry).await.unwrap_or_else(|why| {
                    self.complain("What the judge saw can not be kept", &why);
                    None
                });
                taken.push((entry.clone(), reference));
            }
            self.store.write(move |tx| import(tx, &taken)).await??;
            for entry in &entries {
                self.journal.take(entry);
            }
        }
        Ok(())
    }
}

/// Keeps what the judge saw, and returns how the log names it; none where there is nothing, or it can not be kept: what
/// the router has done is recorded all the same.
async fn keep(content: &Content, entry: &JournalEntry) -> Result<Option<Reference>, String> {
    let evidence = match &entry.event {
        JournalEvent::Tripped { evidence, .. } | JournalEvent::WouldTrip { evidence, .. } => evidence,
        JournalEvent::LeaseExpired { .. } | JournalEvent::Restarted { .. } => return Ok(None),
    };
    if evidence.is_empty() {
        return Ok(None);
    }
    record::keep(content, "judge.evaluations", evidence)
        .await
        .map(Some)
}

fn import(tx: &mut Tx<'_>, entries: &[(JournalEntry, Option<Reference>)]) -> Result<(), StoreError> {
    let imported = tx
        .setting(IMPORTED_SETTING)?
        .and_then(|seq| seq.parse().ok())
        .unwrap_or(0_u64);
    for (entry, reference) in entries.iter().filter(|(entry, _)| entry.seq > imported) {
        let (kind, text, cause) = match &entry.event {
            JournalEvent::Tripped { cause, .. } => ("rollback.triggered", cause.to_string(), Some(cause)),
            JournalEvent::WouldTrip { cause, .. } => (
                "rollback.would_trigger",
                format!("would have rolled back: {cause}"),
                Some(cause),
            ),
            JournalEvent::LeaseExpired { lease, weight } => {
                let text = format!(
                    "no word from the control plane for {lease}: the weight went from {weight} to 0 %"
                );
                ("deploy.lease_expired", text, None)
            }
            JournalEvent::Restarted { weight } => (
                "deploy.router_restarted",
                format!("the router started anew; the weight was {weight}"),
                None,
            ),
        };
        let mut event = record::event(
            kind,
            Actor::system("router"),
            vec![entry.release.to_string(), entry.service.to_string()],
            serde_json::json!({
                "text": text, "at": entry.at, "environment": entry.environment, "journal": entry.seq,
                "cause": cause,
            }),
        );
        event.late = entry.late;
        event.refs.extend(reference.clone());
        tx.append(&event)?;
    }
    if let Some((last, _)) = entries.last().filter(|(last, _)| last.seq > imported) {
        tx.put_setting(IMPORTED_SETTING, &last.seq.to_string())?;
    }
    Ok(())
}
