//! The control task: it alone applies tables, holds the lease and writes the journal.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use safeguard_api::config::RouterLimits;
use safeguard_api::stage::Percent;
use safeguard_api::time::{Span, Timestamp};
use safeguard_api::traffic::{
    JournalEntry, JournalEvent, RouterAnswer, RouterCall, RouterReport, TrafficTable,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::RouterError;
use crate::clock;
use crate::journal::{Journal, blocking};
use crate::route::Slot;
use crate::state::{self, Lease, replace_file};
use crate::table::{Down, DownCause, Standing};
use crate::tripwire::Decision;

/// A call and where its answer goes.
pub type Asked = (RouterCall, oneshot::Sender<RouterAnswer>);

pub const CALLS_QUEUED_MAX: usize = 64;
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The control plane speaks several times a second; after this it is taken for silent.
const SILENT_AFTER_MS: u64 = 1000;
/// The lease on disk is renewed no more often than this, so it may end that much earlier after a restart.
const LEASE_WRITTEN_EVERY_MS: u64 = 500;
const SWEEP_EVERY_MS: u64 = 1000;
const LATENCY_WINDOW_MS: u64 = 60_000;

pub struct Control {
    standings: Vec<Standing>,
    table: Option<TrafficTable>,
    /// By the boot clock; none when it is over.
    lease_until_ms: Option<u64>,
    lease_written_ms: u64,
    renewed_ms: Option<u64>,
    swept_ms: u64,
    turned_ms: u64,
    journal: Journal,
    dir: PathBuf,
    boot: String,
    incarnation: String,
    limits: RouterLimits,
    decided: Arc<Notify>,
}

impl Control {
    /// Takes up where the last router stopped: with its table, and with its weights if the lease still holds.
    pub async fn load(
        dir: PathBuf,
        slots: &[Arc<Slot>],
        limits: RouterLimits,
    ) -> Result<Control, RouterError> {
        let failed = |source| RouterError::State {
            path: dir.clone(),
            source,
        };
        std::fs::create_dir_all(&dir).map_err(failed)?;
        let journal = Journal::open(&dir).map_err(failed)?;
        let boot = clock::boot_id().map_err(failed)?;
        let table = state::read_table(&dir)?;
        let lease = state::read_lease(&dir).filter(|lease| lease.holds(&boot));
        let mut chance = [0; 8];
        getrandom::fill(&mut chance).map_err(RouterError::Random)?;
        let decided = Arc::new(Notify::new());
        let standings = slots
            .iter()
            .map(|slot| Standing::new(Arc::clone(slot), Arc::clone(&decided)));
        let mut control = Control {
            standings: standings.collect(),
            table: None,
            lease_until_ms: lease.map(|lease| lease.until_boot_ms),
            lease_written_ms: 0,
            renewed_ms: None,
            swept_ms: 0,
            turned_ms: clock::boot_ms(),
            journal,
            dir,
            boot,
            incarnation: format!("{:016x}", u64::from_be_bytes(chance)),
            limits,
            decided,
        };
        control.recall_downs();
        if let Some(table) = table {
            // Without a lease the weights must not be in force for a single request.
            if control.lease_until_ms.is_none() {
                control.close_unleased(&table).await;
            }
            control.put_into_force(table);
        }
        Ok(control)
    }

    /// Answers calls and watches the clock until every sender of calls is gone.
    pub async fn run(mut self, mut calls: mpsc::Receiver<Asked>) {
        let mut turn = tokio::time::interval(LOOK_EVERY);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let decided = Arc::clone(&self.decided);
        loop {
            tokio::select! {
                call = calls.recv() => match call {
                    Some((call, answer)) => {
                        let said = self.answer(call).await;
                        if answer.send(said).is_err() {
                            tracing::debug!("Nobody waits for the answer any more");
                        }
                    }
                    None => return,
                },
                _ = turn.tick() => {}
                () = decided.notified() => {}
            }
            self.look().await;
        }
    }

    async fn answer(&mut self, call: RouterCall) -> RouterAnswer {
        // What was decided before the call is written down before the answer.
        self.write_decisions().await;
        match call {
            RouterCall::Report => RouterAnswer::Report(self.report()),
            RouterCall::Journal { after, limit } => RouterAnswer::Journal {
                entries: self.journal.after(after, limit),
            },
            RouterCall::Apply { table } => match self.apply(table).await {
                Ok(()) => RouterAnswer::Report(self.report()),
                Err(why) => RouterAnswer::Refused { why },
            },
        }
    }

    async fn apply(&mut self, table: TrafficTable) -> Result<(), String> {
        let current = self.table.as_ref().map_or(0, |table| table.generation);
        if table.generation < current {
            return Err(format!(
                "generation {} is older than {current}, which is in force",
                table.generation
            ));
        }
        self.expire_lease().await;
        self.renew(table.lease);
        if table.generation == current && self.table.is_some() {
            return Ok(());
        }
        let text = serde_json::to_vec(&table).map_err(|error| error.to_string())?;
        // Into force first: users leave a bad release without waiting for the disk. The answer waits, so a table that
        // was acknowledged is there after a restart.
        self.put_into_force(table);
        let path = state::table_path(&self.dir);
        blocking(move || replace_file(&path, &text))
            .await
            .map_err(|error| format!("the table is in force and can not be kept: {error}"))
    }

    fn put_into_force(&mut self, table: TrafficTable) {
        for standing in &mut self.standings {
            let slot = &standing.slot;
            let route = table
                .routes
                .iter()
                .find(|route| route.service == slot.service && route.environment == slot.environment);
            standing.apply(route);
        }
        self.table = Some(table);
    }

    fn renew(&mut self, lease: Span) {
        let now = clock::boot_ms();
        self.renewed_ms = Some(now);
        self.lease_until_ms = Some(now.saturating_add(lease.ms()));
        if now.saturating_sub(self.lease_written_ms) < LEASE_WRITTEN_EVERY_MS {
            return;
        }
        self.lease_written_ms = now;
        let written = state::write_lease(
            &self.dir,
            &Lease {
                boot: self.boot.clone(),
                until_boot_ms: now.saturating_add(lease.ms()),
                until_wall: clock::wall().plus(lease),
            },
        );
        if let Err(error) = written {
            tracing::warn!(%error, "Cannot write the lease; after a restart the weights will be 0");
        }
    }

    async fn look(&mut self) {
        self.write_decisions().await;
        self.expire_lease().await;
        self.journal.complete().await;
        let now = clock::boot_ms();
        for standing in &self.standings {
            if let Some((_, tripwire)) = &standing.candidate {
                tripwire.tick();
            }
        }
        if now.saturating_sub(self.swept_ms) >= SWEEP_EVERY_MS {
            self.swept_ms = now;
            self.sweep();
        }
        if now.saturating_sub(self.turned_ms) >= LATENCY_WINDOW_MS {
            self.turned_ms = now;
            let arms = self.standings.iter().flat_map(Standing::arms);
            arms.for_each(|arm| arm.counters.turn_window());
        }
    }

    fn sweep(&mut self) {
        for standing in &mut self.standings {
            standing.sweep();
            for arm in standing.arms() {
                for endpoint in arm.endpoints.load().iter() {
                    endpoint.sweep(self.limits.upstream_idle_longest.into());
                }
            }
        }
    }

    /// Writes down what the tripwires did.
    async fn write_decisions(&mut self) {
        for at in 0..self.standings.len() {
            let Some(standing) = self.standings.get(at) else {
                continue;
            };
            let Some(decision) = standing
                .candidate
                .as_ref()
                .and_then(|(_, tripwire)| tripwire.take_decision())
            else {
                continue;
            };
            let reduced = !decision.observe;
            let when = decision.at;
            let Some(seq) = self.write(at, when, |seq| event(decision, seq)).await else {
                continue;
            };
            if reduced {
                self.note_down(at, seq, DownCause::Tripped);
            }
        }
    }

    /// Takes the weights down when the control plane has been silent for too long.
    async fn expire_lease(&mut self) {
        if self.lease_until_ms.is_some_and(|until| clock::boot_ms() < until) {
            return;
        }
        self.lease_until_ms = None;
        let lease = self.table.as_ref().map_or(Span(0), |table| table.lease);
        for at in 0..self.standings.len() {
            let Some(standing) = self.standings.get(at) else {
                continue;
            };
            let weight = standing.weight();
            let Some((_, tripwire)) = &standing.candidate else {
                continue;
            };
            // Without a stable arm there is nothing to fall back on.
            if weight == Percent::ZERO || standing.stable.is_none() {
                continue;
            }
            tripwire.close();
            let written = self
                .write(at, clock::wall(), |_| JournalEvent::LeaseExpired {
                    lease,
                    weight,
                })
                .await;
            if let Some(seq) = written {
                self.note_down(at, seq, DownCause::Silence);
            }
        }
    }

    /// As [`Control::expire_lease`], for a table that is not in force yet.
    async fn close_unleased(&mut self, table: &TrafficTable) {
        for at in 0..self.standings.len() {
            let Some(standing) = self.standings.get_mut(at) else {
                continue;
            };
            let slot = &standing.slot;
            let route = table
                .routes
                .iter()
                .find(|route| route.service == slot.service && route.environment == slot.environment);
            let Some(route) = route.filter(|route| route.stable.is_some()) else {
                continue;
            };
            let Some(candidate) = &route.candidate else {
                continue;
            };
            let is_down = standing
                .downs
                .get(&candidate.arm.release)
                .is_some_and(|down| down.seq > candidate.journal_seen);
            if candidate.weight == Percent::ZERO || is_down {
                continue;
            }
            let (release, weight) = (candidate.arm.release.clone(), candidate.weight);
            let (service, environment) = (slot.service.clone(), slot.environment);
            let entry = |seq| JournalEntry {
                seq,
                at: clock::wall(),
                service,
                environment,
                release: release.clone(),
                event: JournalEvent::Restarted { weight },
                late: true,
            };
            let seq = self.journal.append(entry).await;
            let down = Down {
                seq,
                cause: DownCause::Silence,
            };
            if let Some(standing) = self.standings.get_mut(at) {
                standing.downs.insert(release, down);
            }
        }
    }

    async fn write(
        &mut self,
        at: usize,
        when: Timestamp,
        event: impl FnOnce(u64) -> JournalEvent,
    ) -> Option<u64> {
        let late = self
            .renewed_ms
            .is_none_or(|renewed| clock::boot_ms().saturating_sub(renewed) >= SILENT_AFTER_MS);
        let standing = self.standings.get(at)?;
        let release = standing.candidate.as_ref()?.0.release.clone();
        let (service, environment) = (standing.slot.service.clone(), standing.slot.environment);
        let entry = |seq| JournalEntry {
            seq,
            at: when,
            service,
            environment,
            release,
            event: event(seq),
            late,
        };
        Some(self.journal.append(entry).await)
    }

    fn note_down(&mut self, at: usize, seq: u64, cause: DownCause) {
        if let Some(standing) = self.standings.get_mut(at)
            && let Some((arm, _)) = &standing.candidate
        {
            let release = arm.release.clone();
            standing.downs.insert(release, Down { seq, cause });
        }
    }

    /// What earlier routers took down stays down until a table knows of it.
    fn recall_downs(&mut self) {
        for standing in &mut self.standings {
            let slot = &standing.slot;
            let ours = self
                .journal
                .entries()
                .filter(|entry| entry.service == slot.service && entry.environment == slot.environment);
            let mut downs = BTreeMap::new();
            for entry in ours {
                let cause = match entry.event {
                    JournalEvent::Tripped { .. } => DownCause::Tripped,
                    JournalEvent::LeaseExpired { .. } | JournalEvent::Restarted { .. } => DownCause::Silence,
                    JournalEvent::WouldTrip { .. } => continue,
                };
                downs.insert(
                    entry.release.clone(),
                    Down {
                        seq: entry.seq,
                        cause,
                    },
                );
            }
            standing.downs.extend(downs);
        }
    }

    fn report(&self) -> RouterReport {
        RouterReport {
            generation: self.table.as_ref().map_or(0, |table| table.generation),
            at: clock::wall(),
            incarnation: self.incarnation.clone(),
            journal_last: self.journal.last(),
            routes: self.standings.iter().map(Standing::report).collect(),
        }
    }
}

fn event(decision: Decision, seq: u64) -> JournalEvent {
    let Decision {
        cause,
        evidence,
        observe,
        ..
    } = decision;
    tracing::info!(seq, %cause, "The judge decided");
    if observe {
        JournalEvent::WouldTrip { cause, evidence }
    } else {
        JournalEvent::Tripped { cause, evidence }
    }
}
