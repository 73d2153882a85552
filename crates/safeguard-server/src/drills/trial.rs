//! Trials of a bisect: held when no drill is asked for, and broken off when one is, or when a release comes on its way.

use safeguard_api::bisect::Bisect;
use safeguard_api::config::Policy;
use safeguard_api::drill::{ComparisonOrder, DrillOrder, DrillStep, DrillVersion, DrillWord};
use safeguard_api::risk::FailureKind;
use safeguard_api::status::PolicyStatus;
use safeguard_api::{
    ChangeId, Digest, Environment, Name, Phase, Release, ReleaseId, Rollout, Span, Timestamp,
};
use safeguard_gate::kinds_of;
use safeguard_rollout::bisect::compared_requests_min;
use safeguard_store::StoreError;
use safeguard_trial::{Keeper, trial_longest};
use tokio::sync::{mpsc, watch};

use super::{Holder, LOOK_EVERY, UnderWay};
use crate::bisects::{self, Ended};
use crate::record::now;

const COMPARISON_SHORTEST: Span = Span::seconds(10);
const COMPARISON_LONGEST: Span = Span::minutes(2);

/// A trial whose artifact lies ready.
#[derive(Debug, Clone)]
pub(crate) struct TrialAsked {
    pub release: ReleaseId,
    pub number: u32,
    pub changes: Vec<ChangeId>,
    pub artifact: Digest,
}

/// The one trial that is not over.
#[derive(Debug, Clone)]
pub(crate) struct TrialUnderWay {
    pub release: ReleaseId,
    pub number: u32,
    pub since: Timestamp,
    pub step: String,
}

/// The place of the one trial; free again when it is dropped without having been handed over.
pub(crate) struct TrialPlace {
    ask: mpsc::Sender<TrialAsked>,
    under_way: watch::Sender<UnderWay>,
    handed_over: bool,
}

impl super::Drills {
    /// Takes the place of the one trial; none when it is taken.
    pub fn trial_place(&self, release: &ReleaseId, number: u32) -> Option<TrialPlace> {
        let trial = TrialUnderWay {
            release: release.clone(),
            number,
            since: now(),
            step: "receives the artifact".to_owned(),
        };
        let taken = self.under_way.send_if_modified(|under_way| {
            let is_free = under_way.trial.is_none();
            if is_free {
                under_way.trial = Some(trial);
            }
            is_free
        });
        taken.then(|| TrialPlace {
            ask: self.ask_trial.clone(),
            under_way: self.under_way.clone(),
            handed_over: false,
        })
    }
}

impl TrialPlace {
    /// Lets the trial be held when nothing goes before it. Returns whether anybody is there to hold it.
    pub fn hand_over(mut self, asked: TrialAsked) -> bool {
        self.under_way.send_modify(|under_way| {
            if let Some(trial) = &mut under_way.trial {
                "waits for a drill to end".clone_into(&mut trial.step);
            }
        });
        self.handed_over = self.ask.try_send(asked).is_ok();
        self.handed_over
    }
}

impl Drop for TrialPlace {
    fn drop(&mut self) {
        if !self.handed_over {
            self.under_way.send_modify(|under_way| under_way.trial = None);
        }
    }
}

/// Whether slow answers may be the fault that is looked for. A machine that builds, and holds trials besides, makes one of two
/// equal processes slow for a moment: of a batch that came back for another reason that says nothing.
fn may_have_been_slow(phase: &Phase) -> bool {
    let (Phase::RollingBack { reason, .. }
    | Phase::RolledBack { reason, .. }
    | Phase::RollbackFailed { reason, .. }) = phase
    else {
        return true;
    };
    let kinds = kinds_of(reason);
    kinds.is_empty() || kinds.contains(&FailureKind::PerformanceSlowdown)
}

/// What a trial is held with.
struct TrialCase {
    service: Name,
    policy: Policy,
    stable: Release,
}

impl Holder {
    /// Holds the trial that waits, if there is one. Whatever comes of it, nothing of it is left.
    pub(super) async fn try_next(&mut self) -> Result<(), StoreError> {
        let Some(asked) = self.trial.take() else {
            return Ok(());
        };
        let held = self.held_trial(asked.clone()).await;
        if let Err(error) = self.trial_artifacts.remove(&asked.artifact) {
            tracing::warn!(%error, artifact = %asked.artifact, "Cannot remove a trial's artifact");
        }
        self.publish.send_modify(|under_way| under_way.trial = None);
        held
    }

    async fn held_trial(&mut self, asked: TrialAsked) -> Result<(), StoreError> {
        let Some(case) = self.trial_case(&asked.release).await? else {
            return Ok(());
        };
        tracing::info!(release = %asked.release, trial = asked.number, "Trial started");
        let ended = self.follow_trial(&asked, &case).await?;
        tracing::info!(release = %asked.release, trial = asked.number, "Trial ended");
        bisects::ended(&self.store, &self.content, &case.policy, asked, ended).await
    }

    async fn trial_case(&self, release: &ReleaseId) -> Result<Option<TrialCase>, StoreError> {
        let wanted = release.clone();
        self.store
            .read(move |tx| {
                let Some(bisect) = tx.get::<Bisect>(wanted.as_str())? else {
                    return Ok(None);
                };
                let Some(rollout) = tx.get::<Rollout>(wanted.as_str())? else {
                    return Ok(None);
                };
                let policy = tx.get::<PolicyStatus>(rollout.policy.as_str())?;
                let stable = tx.get::<Release>(bisect.base.as_str())?;
                Ok(policy.zip(stable).map(|(policy, stable)| {
                    let mut policy = policy.policy;
                    policy.judge.slowness &= may_have_been_slow(&rollout.phase);
                    TrialCase {
                        service: bisect.service,
                        policy,
                        stable,
                    }
                }))
            })
            .await
    }

    async fn follow_trial(&mut self, asked: &TrialAsked, case: &TrialCase) -> Result<Ended, StoreError> {
        let comparison = ComparisonOrder {
            requests_min: compared_requests_min(&case.policy),
            shortest: COMPARISON_SHORTEST,
            longest: COMPARISON_LONGEST,
        };
        let order = match self.trial_order(asked, case, comparison) {
            Ok(order) => order,
            Err(why) => return Ok(Ended::Undecided(why)),
        };
        let longest = trial_longest(&case.policy, &self.config.router, comparison);
        let mut keeper = match Keeper::start(self.command.clone(), order, self.folder.clone(), longest) {
            Ok(keeper) => keeper,
            Err(error) => return Ok(Ended::Undecided(error.to_string())),
        };
        let mut every = tokio::time::interval(LOOK_EVERY);
        let mut last = Ended::Undecided("the trial's process said no last word".to_owned());
        loop {
            let word = tokio::select! {
                word = keeper.word() => word,
                Some(asked) = self.asked.recv() => {
                    self.note(asked);
                    continue;
                }
                _ = every.tick() => {
                    if let Some(why) = self.goes_first(&case.service).await? {
                        keeper.break_off().await;
                        return Ok(Ended::BrokenOff(why));
                    }
                    continue;
                }
            };
            match word {
                Some(DrillWord::Step(step)) => self.tell_step(&step),
                Some(DrillWord::Tried { report }) => last = Ended::Tried(report),
                Some(DrillWord::Undecided { why }) => last = Ended::Undecided(why),
                Some(DrillWord::Done { .. }) => {
                    last = Ended::Undecided("a drill was held in the place of a trial".to_owned());
                }
                None => return Ok(last),
            }
        }
    }

    /// What a trial must not keep waiting.
    async fn goes_first(&self, service: &Name) -> Result<Option<String>, StoreError> {
        if let Some((release, _)) = self.waiting.first() {
            return Ok(Some(format!("a drill of {release} was asked for")));
        }
        if let Some(due) = self.due().await? {
            return Ok(Some(format!("{} needs its drill", due.subject.release)));
        }
        let service = service.clone();
        let walking = self
            .store
            .read(move |tx| bisects::on_its_way(tx, &service))
            .await?;
        Ok(walking.map(|release| format!("{release} is on its way")))
    }

    fn tell_step(&self, step: &DrillStep) {
        self.publish.send_modify(|under_way| {
            if let Some(trial) = &mut under_way.trial {
                trial.step.clone_from(&step.text);
            }
        });
    }

    /// The candidate has the name of a release that does not exist, so that nothing can mean it.
    fn trial_order(
        &self,
        asked: &TrialAsked,
        case: &TrialCase,
        comparison: ComparisonOrder,
    ) -> Result<DrillOrder, String> {
        let service = &case.service;
        let settings = self.config.services.get(service);
        let mut settings = settings
            .cloned()
            .ok_or_else(|| format!("safeguard.toml has no service `{service}`"))?;
        let configuration = settings.configuration(&case.policy, &self.config.router);
        settings
            .variables
            .retain(|environment, _| *environment == Environment::Staging);
        let chance = getrandom::u32().map_err(|error| format!("no random bytes: {error}"))?;
        Ok(DrillOrder {
            service: service.clone(),
            settings,
            policy: case.policy.clone(),
            router: self.config.router.clone(),
            configuration,
            candidate: DrillVersion {
                release: ReleaseId::new(now().0.unsigned_abs(), chance),
                version: format!("trial {}", asked.number),
                artifact: asked.artifact.clone(),
                root: self.trial_artifacts.root(&asked.artifact),
            },
            stable: Some(DrillVersion {
                release: case.stable.id.clone(),
                version: case.stable.version.clone(),
                artifact: case.stable.artifact.clone(),
                root: self.artifacts.root(&case.stable.artifact),
            }),
            comparison: Some(comparison),
        })
    }
}
