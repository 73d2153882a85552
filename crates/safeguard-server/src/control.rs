//! The loop that moves releases: load, observe, plan, commit, act; the same again after a crash.

mod act;
mod commit;
mod complaint;
mod counts;
pub(crate) mod gates;
mod journal;
mod load;
mod look;
mod resources;
mod void;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use safeguard_api::config::{Config, Policy};
use safeguard_api::release::Phase;
use safeguard_api::time::Span;
use safeguard_api::{Name, PolicyId, Problem, ReleaseId, Rollout};
use safeguard_link::Link;
use safeguard_rollout::observe::Command;
use safeguard_rollout::plan::{Answer, PlanFile};
use safeguard_store::{Content, Document, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use self::resources::{can_be_watched, watched_min};
use crate::ServerError;
use crate::artifacts::Artifacts;
use crate::record::clocks;
use crate::world::World;

/// A round at least this often: the lease is renewed and trips are read.
const ROUND_EVERY: Duration = Duration::from_millis(100);
/// Commands and wishes to look again that wait for the loop.
const ORDERS_WAITING_MAX: usize = 256;
const COMMAND_LONGEST: Duration = Duration::from_secs(20);

/// The releases of a service whose walk is not over, in the order in which they walk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub service: Name,
    pub releases: Vec<ReleaseId>,
}

impl Queue {
    pub fn empty(service: &Name) -> Queue {
        Queue {
            service: service.clone(),
            releases: Vec::new(),
        }
    }
}

impl Document for Queue {
    const KIND: &'static str = "queue";
    fn key(&self) -> String {
        self.service.to_string()
    }
}

/// What handlers hold: a way to the loop.
#[derive(Clone)]
pub(crate) struct Control {
    orders: mpsc::Sender<Order>,
}

enum Order {
    Look,
    Command {
        release: ReleaseId,
        command: Command,
        answer: oneshot::Sender<Result<(), Problem>>,
    },
}

impl Control {
    /// Asks for a round soon. When many already wait, one comes anyway.
    pub fn wake(&self) {
        if let Err(mpsc::error::TrySendError::Closed(_)) = self.orders.try_send(Order::Look) {
            tracing::warn!("The loop has ended");
        }
    }

    /// Hands a command to the loop and waits for what the planner says.
    pub async fn command(&self, release: ReleaseId, command: Command) -> Result<(), Problem> {
        let busy = || {
            Problem::new(503, "unavailable", "the control loop does not answer").with_hint(
                "run `safeguard doctor`; the router holds traffic as it is, or takes it off the candidate",
            )
        };
        let (answer, answered) = oneshot::channel();
        let order = Order::Command {
            release,
            command,
            answer,
        };
        self.orders
            .send_timeout(order, COMMAND_LONGEST)
            .await
            .map_err(|_| busy())?;
        match tokio::time::timeout(COMMAND_LONGEST, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }
}

/// What the loop keeps in memory; all of it is found again after a restart, or only makes things slower to grow.
struct Loop {
    config: Arc<Config>,
    store: Store,
    artifacts: Artifacts,
    content: Content,
    router: Link,
    supervisor: Link,
    /// Policies never change, so they are read once.
    policies: HashMap<PolicyId, Policy>,
    memories: HashMap<ReleaseId, counts::Memory>,
    judged: gates::Judged,
    watched: resources::Watched,
    journal: journal::Journal,
    pushed: act::Pushed,
    complaints: complaint::Complaints,
    calendars: crate::calendars::Reader,
    world: World,
    publish: watch::Sender<Arc<World>>,
    /// By the monotonic clock: when the router and the supervisor last answered.
    router_heard_ms: u64,
    supervisor_heard_ms: u64,
}

/// Starts nothing by itself: the third value is the loop, to be awaited.
pub(crate) fn start(
    config: Arc<Config>,
    store: Store,
    artifacts: Artifacts,
    content: Content,
    supervisor_socket: PathBuf,
    router_socket: PathBuf,
) -> (
    Control,
    watch::Receiver<Arc<World>>,
    impl Future<Output = Result<(), ServerError>>,
) {
    let (orders, inbox) = mpsc::channel(ORDERS_WAITING_MAX);
    let (publish, world) = watch::channel(Arc::new(World::default()));
    let mono_ms = clocks().mono_ms;
    let calendars = crate::calendars::Reader::new(config.services.keys().cloned().collect());
    let looping = Loop {
        config,
        store,
        artifacts,
        content,
        router: Link::new(router_socket),
        supervisor: Link::new(supervisor_socket),
        policies: HashMap::new(),
        memories: HashMap::new(),
        judged: gates::Judged::default(),
        watched: resources::Watched::default(),
        journal: journal::Journal::default(),
        pushed: act::Pushed::default(),
        complaints: complaint::Complaints::default(),
        calendars,
        world: World::default(),
        publish,
        router_heard_ms: mono_ms,
        supervisor_heard_ms: mono_ms,
    };
    (Control { orders }, world, looping.run(inbox))
}

impl Loop {
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) -> Result<(), ServerError> {
        let mut every = tokio::time::interval(ROUND_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let order = tokio::select! {
                order = inbox.recv() => match order {
                    Some(order) => order,
                    None => return Ok(()),
                },
                _ = every.tick() => Order::Look,
            };
            let (command, answer) = match order {
                Order::Look => (None, None),
                Order::Command {
                    release,
                    command,
                    answer,
                } => (Some((release, command)), Some(answer)),
            };
            let outcome = self.round(command).await;
            self.world.trouble = outcome
                .as_ref()
                .err()
                .map(|error| format!("the store failed: {error}"));
            if let Err(error) = &outcome {
                // Nothing was committed, so nothing is pushed; the lease takes traffic off the candidates.
                if self
                    .complaints
                    .is_new("round", &error.to_string(), clocks().mono_ms)
                {
                    tracing::error!(%error, "A round could not be committed");
                }
            }
            self.publish_world();
            if let Some(answer) = answer {
                let said = outcome.unwrap_or_else(|error| {
                    Err(
                        Problem::new(503, "unavailable", format!("the store failed: {error}"))
                            .with_hint("nothing was changed; run `safeguard doctor`"),
                    )
                });
                if answer.send(said).is_err() {
                    tracing::debug!("Nobody waits for a command's answer any more");
                }
            }
        }
    }

    /// One round. The inner result is the answer to the command, if there was one.
    async fn round(
        &mut self,
        command: Option<(ReleaseId, Command)>,
    ) -> Result<Result<(), Problem>, StoreError> {
        self.listen().await?;
        let going_back = match &command {
            Some((release, Command::Rollback { .. })) => Some(release.clone()),
            Some(_) | None => None,
        };
        let loaded = self.load(going_back).await?;
        self.look_at_calendars(&loaded).await?;
        let mut said = Ok(());
        for service in &loaded.services {
            if let Some(live) = &service.live {
                self.watch_live(live, loaded.policy_in_force.as_ref()).await?;
            }
            for (place, (release, rollout)) in service.queue.iter().enumerate() {
                let own = command
                    .as_ref()
                    .filter(|(id, _)| *id == release.id)
                    .map(|(_, command)| command.clone());
                let policy = self.policy(&rollout.policy).await?;
                if can_be_watched(rollout)
                    && let Some(watched_min) = watched_min(&policy)
                {
                    self.watch_resources(release, watched_min).await?;
                }
                let judged = self
                    .gates(release, rollout, &policy, service.live.as_ref())
                    .await?;
                self.world.gates.insert(release.id.clone(), judged.report.clone());
                let Some(observation) = self.observe(&loaded, service, place, judged, own) else {
                    continue;
                };
                let memory = self.memories.entry(release.id.clone()).or_default();
                let file = PlanFile {
                    rollout: rollout.clone(),
                    observed: observation,
                    memory: memory.planner,
                };
                let planned = file.plan(&policy);
                memory.planner = planned.memory;
                if let (Some(asked), Some(Answer::Refused { why, blocks })) =
                    (&file.observed.command, &planned.answer)
                {
                    said = Err(self.refuse(release, rollout, why, blocks, asked).await?);
                }
                let next = planned.next.clone();
                self.commit(release, planned, &file).await?;
                self.world.walking.insert(release.id.clone(), next);
            }
        }
        if let Some((asked, command)) = &command
            && !loaded.has(asked)
        {
            said = self.over(asked.clone(), command).await?;
        }
        self.act().await?;
        Ok(said)
    }

    /// Answers a command for a release whose walk is over.
    async fn over(&self, release: ReleaseId, command: &Command) -> Result<Result<(), Problem>, StoreError> {
        let key = release.to_string();
        let rollout = self.store.read(move |tx| tx.get::<Rollout>(&key)).await?;
        let phase = rollout.map(|rollout| rollout.phase);
        // Whoever asks twice for a rollback has what was asked for.
        if let (Command::Rollback { .. }, Some(Phase::RolledBack { .. } | Phase::Superseded { .. })) =
            (command, phase)
        {
            return Ok(Ok(()));
        }
        let title = format!("{release} is over, nothing can move it");
        Ok(Err(Problem::new(409, "refused", title)))
    }

    fn publish_world(&mut self) {
        let now = clocks();
        self.world.looked_at = now.wall;
        self.world.router_silent = silence(now.mono_ms, self.router_heard_ms);
        self.world.supervisor_silent = silence(now.mono_ms, self.supervisor_heard_ms);
        self.publish.send_replace(Arc::new(self.world.clone()));
    }
}

/// Less than two rounds without word is not silence.
fn silence(now_ms: u64, heard_ms: u64) -> Span {
    let silent = now_ms.saturating_sub(heard_ms);
    if silent < 500 { Span(0) } else { Span(silent) }
}
