//! Rollback drills: held when a gate asks for one or a person does, one at a time, each in a process of its own; and
//! between them the trials of a bisect.

mod record;
mod trial;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use safeguard_api::Timestamp;
use safeguard_api::audit::Actor;
use safeguard_api::config::{Config, Policy};
use safeguard_api::drill::{DrillOrder, DrillStep, DrillVersion, DrillWord};
use safeguard_api::{Environment, Release, ReleaseId};
use safeguard_store::{Content, Store, StoreError};
use safeguard_trial::{DrillCommand, Keeper, drill_longest};
use tokio::sync::{mpsc, watch};

use crate::artifacts::Artifacts;
use crate::control::Control;
use crate::record::now;
pub(crate) use record::{Case, Subject, case, state};
pub(crate) use trial::{TrialAsked, TrialUnderWay};

const LOOK_EVERY: Duration = Duration::from_secs(1);
const ASKED_WAITING_MAX: usize = 32;

/// What handlers hold.
#[derive(Clone)]
pub(crate) struct Drills {
    ask: mpsc::Sender<(ReleaseId, Actor)>,
    ask_trial: mpsc::Sender<TrialAsked>,
    under_way: watch::Sender<UnderWay>,
}

/// Drills that are not over.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay {
    pub running: Option<Running>,
    /// Asked for by people, and waiting.
    pub waiting: Vec<ReleaseId>,
    pub trial: Option<TrialUnderWay>,
}

#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub subject: Subject,
    pub since: Timestamp,
    pub step: DrillStep,
}

/// Too many drills wait.
#[derive(Debug)]
pub(crate) struct Crowded;

impl Drills {
    /// Asks for a drill; it is held when the ones before it are over.
    pub fn ask(&self, release: ReleaseId, by: Actor) -> Result<(), Crowded> {
        self.ask.try_send((release.clone(), by)).map_err(|_| Crowded)?;
        self.under_way.send_modify(|under_way| {
            if !under_way.waiting.contains(&release) {
                under_way.waiting.push(release);
            }
        });
        Ok(())
    }

    pub fn under_way(&self) -> UnderWay {
        self.under_way.borrow().clone()
    }
}

/// The task that holds drills.
pub(crate) struct Holder {
    pub config: Arc<Config>,
    pub store: Store,
    pub content: Content,
    pub artifacts: Artifacts,
    pub trial_artifacts: Artifacts,
    pub control: Control,
    pub command: DrillCommand,
    /// Where the drill under way works; nothing is left there between drills.
    pub folder: PathBuf,
    asked: mpsc::Receiver<(ReleaseId, Actor)>,
    waiting: Vec<(ReleaseId, Actor)>,
    asked_trial: mpsc::Receiver<TrialAsked>,
    trial: Option<TrialAsked>,
    publish: watch::Sender<UnderWay>,
}

/// What the holder needs of the server.
pub(crate) struct Parts {
    pub config: Arc<Config>,
    pub store: Store,
    pub content: Content,
    pub artifacts: Artifacts,
    pub trial_artifacts: Artifacts,
    pub control: Control,
    pub command: DrillCommand,
    pub folder: PathBuf,
}

/// Starts nothing by itself: the second value is to be awaited.
pub(crate) fn start(parts: Parts) -> (Drills, impl Future<Output = ()>) {
    let (ask, asked) = mpsc::channel(ASKED_WAITING_MAX);
    let (ask_trial, asked_trial) = mpsc::channel(1);
    let under_way = watch::Sender::new(UnderWay::default());
    let publish = under_way.clone();
    let Parts {
        config,
        store,
        content,
        artifacts,
        trial_artifacts,
        control,
        command,
        folder,
    } = parts;
    let holder = Holder {
        config,
        store,
        content,
        artifacts,
        trial_artifacts,
        control,
        command,
        folder,
        asked,
        waiting: Vec::new(),
        asked_trial,
        trial: None,
        publish,
    };
    let drills = Drills {
        ask,
        ask_trial,
        under_way,
    };
    (drills, holder.hold())
}

impl Holder {
    /// Holds drills until the future is dropped, and the drill under way with it.
    async fn hold(mut self) {
        // What a drill left that was killed together with an earlier server.
        if let Err(error) = std::fs::remove_dir_all(&self.folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.folder.display(), %error, "Cannot remove an old drill's folder");
        }
        let mut every = tokio::time::interval(LOOK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                asked = self.asked.recv() => match asked {
                    Some(asked) => self.note(asked),
                    None => return,
                },
                Some(asked) = self.asked_trial.recv() => self.trial = Some(asked),
                _ = every.tick() => {}
            }
            if let Err(error) = self.turn().await {
                tracing::warn!(%error, "Drills wait: the store failed");
            }
        }
    }

    fn note(&mut self, asked: (ReleaseId, Actor)) {
        if !self.waiting.iter().any(|(release, _)| *release == asked.0) {
            self.waiting.push(asked);
        }
    }

    /// Holds what people have asked for, or else the first drill that is due, or else the trial that waits.
    async fn turn(&mut self) -> Result<(), StoreError> {
        let (case, by) = if self.waiting.is_empty() {
            match self.due().await? {
                Some(case) => (case, Actor::system("drills")),
                None => return self.try_next().await,
            }
        } else {
            let (release, by) = self.waiting.remove(0);
            let (config, wanted) = (Arc::clone(&self.config), release.clone());
            let found = self.store.read(move |tx| case(tx, &config, &wanted)).await?;
            match found {
                Some(case) => (case, by),
                // It is gone meanwhile, or its service is.
                None => {
                    self.publish
                        .send_modify(|under_way| under_way.waiting.retain(|one| *one != release));
                    return Ok(());
                }
            }
        };
        self.held(case, by).await
    }

    async fn due(&self) -> Result<Option<Case>, StoreError> {
        let config = Arc::clone(&self.config);
        self.store.read(move |tx| record::due(tx, &config, now())).await
    }

    async fn held(&mut self, case: Case, by: Actor) -> Result<(), StoreError> {
        let since = now();
        let (subject, policy) = (case.subject.clone(), case.policy.clone());
        record::started(&self.store, &subject, by, since).await?;
        tracing::info!(release = %subject.release, "Drill started");
        let step = DrillStep {
            at: since,
            text: "starts".to_owned(),
            faults: Vec::new(),
        };
        let running = Running {
            subject: subject.clone(),
            since,
            step,
        };
        self.publish.send_modify(|under_way| {
            under_way.waiting.retain(|one| *one != subject.release);
            under_way.running = Some(running);
        });
        let last = self.follow(case).await;
        let ended = match last {
            DrillWord::Done { drill } => {
                record::done(&self.store, &self.content, &subject, &policy, drill).await
            }
            DrillWord::Undecided { why } => record::undecided(&self.store, &subject, why).await,
            DrillWord::Step(_) | DrillWord::Tried { .. } => {
                let why = "the drill's process ended before its last word".to_owned();
                record::undecided(&self.store, &subject, why).await
            }
        };
        self.publish.send_modify(|under_way| under_way.running = None);
        self.control.wake();
        tracing::info!(release = %subject.release, "Drill ended");
        ended
    }

    /// Starts the process and listens; returns its last word.
    async fn follow(&mut self, case: Case) -> DrillWord {
        let undecided = |why: String| DrillWord::Undecided { why };
        let Some(order) = self.order(&case) else {
            return undecided(format!(
                "safeguard.toml has no service `{}`",
                case.subject.service
            ));
        };
        let longest = drill_longest(&case.policy, &self.config.router);
        let started = Keeper::start(self.command.clone(), order, self.folder.clone(), longest);
        let mut keeper = match started {
            Ok(keeper) => keeper,
            Err(error) => return undecided(error.to_string()),
        };
        let mut last = undecided("the drill's process said no last word".to_owned());
        loop {
            let word = tokio::select! {
                word = keeper.word() => word,
                Some(asked) = self.asked.recv() => {
                    self.note(asked);
                    continue;
                }
            };
            match word {
                Some(DrillWord::Step(step)) => self.publish.send_modify(|under_way| {
                    if let Some(running) = &mut under_way.running {
                        running.step = step;
                    }
                }),
                Some(word) => last = word,
                None => return last,
            }
        }
    }

    /// What the drill's process is told. It gets no other environment's variables: they may hold secrets.
    fn order(&self, case: &Case) -> Option<DrillOrder> {
        let mut settings = self.config.services.get(&case.subject.service)?.clone();
        settings
            .variables
            .retain(|environment, _| *environment == Environment::Staging);
        let version = |release: &Release| DrillVersion {
            release: release.id.clone(),
            version: release.version.clone(),
            artifact: release.artifact.clone(),
            root: self.artifacts.root(&release.artifact),
        };
        Some(DrillOrder {
            service: case.subject.service.clone(),
            settings,
            policy: case.policy.clone(),
            router: self.config.router.clone(),
            configuration: case.subject.configuration.clone(),
            candidate: version(&case.release),
            stable: case.live.as_ref().map(version),
            comparison: None,
        })
    }
}

/// Whether leaving the stage asks for a certificate of a rollback.
fn asks(policy: &Policy, stage: safeguard_api::Stage) -> bool {
    policy.gates(stage).contains(&safeguard_api::Gate::RollbackTest)
}
