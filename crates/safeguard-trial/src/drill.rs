//! The drill: bring the candidate to a canary weight under load, break it, and measure how it is taken off.
//!
//! Nothing here takes it off: router, judge and supervisor do, as they would in production. The drill pushes what the
//! planner would push then, and looks.

pub(crate) mod compare;
mod fault;
mod reasons;
mod way_back;
mod writes;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use safeguard_api::config::{Policy, RouterLimits};
use safeguard_api::drill::{Drill, DrillOrder, DrillStep, DrillVersion, Fault, FaultKind, Writes};
use safeguard_api::instance::InstanceState;
use safeguard_api::stage::Percent;
use safeguard_api::time::Span;
use safeguard_dataplane::Injection;
use tokio::time::Instant;

use crate::clock;
use crate::load::{Asks, Blame, Elsewhere, Load, Times, blame};
use crate::town::{Seen, Town, TownError, WantedArm};
use reasons::{ailing, lost};

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// At its weight the candidate answers for so long, and so often, before it is broken.
const SETTLE: Duration = Duration::from_secs(1);
const SETTLE_LONGEST: Duration = Duration::from_secs(15);
const SETTLE_ANSWERS_MIN: u64 = 50;
/// Added to what the router waits for an instance: the client's own patience.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing was shown either way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undecided {
    #[error("the drill's installation failed")]
    Town(#[from] TownError),
    #[error(
        "users were sent away without a decision: the lease was over, so this machine is too slow for a drill"
    )]
    Slow,
    #[error("stable does not become healthy with staging's variables: {0}")]
    Stable(String),
    #[error("nothing is live to compare with")]
    NothingToCompare,
}

/// What a drill is held with.
pub(crate) struct Scene<'a> {
    pub order: &'a DrillOrder,
    /// Where the route listens.
    pub address: SocketAddr,
    pub injection: Arc<Injection>,
    /// Tells this drill's keys from those of every other.
    pub mark: String,
}

/// How long a drill may take at the longest.
#[must_use]
pub fn drill_longest(policy: &Policy, router: &RouterLimits) -> Duration {
    let rounds = FaultKind::ALL.len().try_into().unwrap_or(u32::MAX);
    let deploy: Duration = policy.rollback.deploy_longest.into();
    let warm_up: Duration = policy.judge.warm_up.into();
    let rollback: Duration = policy.gates.rollback_test.rollback_longest.into();
    let round = deploy + warm_up + SETTLE_LONGEST + rollback + patience(router) + writes::LONGEST;
    // Stable comes up before the first round, and the candidate once more where nothing else shows the writes.
    deploy * 2 + round * rounds + Duration::from_secs(30)
}

/// Holds the drill. What went wrong with the candidate is in the document; an error says nothing of it.
pub(crate) async fn hold(scene: Scene<'_>, tell: &(dyn Fn(DrillStep) + Sync)) -> Result<Drill, Undecided> {
    let mut conductor = Conductor::new(scene, tell);
    conductor.begin().await?;
    conductor.drill().await
}

struct Conductor<'a> {
    scene: Scene<'a>,
    town: Town<'a>,
    asks: Asks,
    tell: &'a (dyn Fn(DrillStep) + Sync),
    begun: Instant,
    load: Option<Load>,
    checked: writes::Checked,
    document: Drill,
}

/// What ends a round early: the candidate's fault.
struct Failed(String);

impl<'a> Conductor<'a> {
    fn new(scene: Scene<'a>, tell: &'a (dyn Fn(DrillStep) + Sync)) -> Conductor<'a> {
        let order = scene.order;
        Conductor {
            town: Town::new(order),
            asks: Asks::new(&order.settings, scene.mark.clone()),
            tell,
            begun: Instant::now(),
            load: None,
            checked: writes::Checked::default(),
            document: Drill {
                candidate: order.candidate.artifact.clone(),
                stable: order.stable.as_ref().map(|stable| stable.artifact.clone()),
                configuration: order.configuration.clone(),
                started_at: clock::wall(),
                took: Span(0),
                concurrent_requests: 0,
                requests: 0,
                failed_requests: 0,
                lost_requests: 0,
                writes: Writes::NotTried,
                faults: Vec::new(),
                serves: None,
                failures: Vec::new(),
            },
            scene,
        }
    }

    /// Brings up what is live, and the load.
    async fn begin(&mut self) -> Result<(), Undecided> {
        if let Some(stable) = &self.scene.order.stable {
            self.say("starts the live release, with staging's variables");
            if let Err(Failed(why)) = self.come_up(stable).await? {
                return Err(Undecided::Stable(why));
            }
            self.start_load();
        }
        Ok(())
    }

    async fn drill(mut self) -> Result<Drill, Undecided> {
        // So many users at once may be more than this machine bears: how slow the candidate is, gate 3 and the canary say.
        self.town.wanted.slowness = false;
        for (round, kind) in (0..).zip(FaultKind::ALL) {
            let went = self.round(round, kind).await?;
            self.scene.injection.end();
            if !went {
                break;
            }
        }
        self.last_words().await?;
        self.document.took = clock::span(self.begun.elapsed());
        Ok(self.document)
    }

    fn start_load(&mut self) {
        let order = self.scene.order;
        let users = order.policy.gates.rollback_test.concurrent_requests_min;
        let longest = patience(&order.router);
        self.load = Some(Load::start(self.scene.address, users, &self.asks, longest));
    }

    /// One fault, from a healthy candidate to a verified rollback. Returns whether the next one can be tried.
    async fn round(&mut self, round: u32, kind: FaultKind) -> Result<bool, Undecided> {
        let brought = match self.bring(round, &kind.to_string()).await? {
            Ok(weight) => self.settle(weight).await?,
            Err(failed) => Err(failed),
        };
        if let Err(Failed(why)) = brought {
            self.document.failures.push(why);
            return Ok(false);
        }
        let mut times = Times {
            injected: None,
            ordered: None,
            noticed: None,
        };
        let mut fault = Fault {
            name: kind,
            noticed: None,
            detect: Span(0),
            flip: Span(0),
            drain: Span(0),
            verify: Span(0),
            killed_requests: 0,
            lost_requests: 0,
            failure: None,
        };
        if let Err(Failed(why)) = self.roll_back(&mut fault, &mut times, round).await? {
            fault.failure = Some(why);
        }
        self.scene.injection.end();
        self.count(&mut fault, times).await?;
        if fault.failure.is_none() && self.scene.order.stable.is_some() {
            self.check_writes().await;
        }
        let went = fault.failure.is_none() && fault.lost_requests == 0;
        let total = fault.total();
        self.document.faults.push(fault);
        self.say(&match went {
            true => format!("{kind}: rolled back and verified after {total}"),
            false => format!("{kind}: failed"),
        });
        Ok(went && self.checked.lost.is_empty())
    }

    /// Starts the candidate, gives it its weight, which is returned, and lets the judge look when it is warm.
    async fn bring(&mut self, round: u32, what: &str) -> Result<Result<Percent, Failed>, Undecided> {
        let order = self.scene.order;
        self.town.next_epoch().await?;
        self.say(&format!("{what}: starts the candidate"));
        self.town.wanted.candidate_round = Some(round);
        self.town.wanted.arm = Some(WantedArm {
            weight: Percent::ZERO,
            judged: false,
        });
        if let Err(Failed(why)) = self.come_up(&order.candidate).await? {
            let longest = order.policy.rollback.deploy_longest;
            return Ok(Err(Failed(format!(
                "the candidate did not become healthy within {longest}: {why}"
            ))));
        }
        let judged = order.stable.is_some();
        let weight = if judged { self.weight() } else { Percent::ALL };
        self.town.wanted.arm = Some(WantedArm {
            weight,
            judged: false,
        });
        self.look().await?;
        if !judged {
            self.forget_the_time_without_service().await?;
        }
        self.say(&format!(
            "{what}: the candidate serves {weight} of the load's users"
        ));
        if judged {
            self.warm_up(what).await?;
            self.town.wanted.arm = Some(WantedArm { weight, judged });
        }
        Ok(Ok(weight))
    }

    /// No rollout gives a candidate so many users at once: what it is slow at while it is cold is not held against it. The
    /// judge learns meanwhile what is usual on stable, beside the candidate.
    async fn warm_up(&mut self, what: &str) -> Result<(), Undecided> {
        let warm_up = self.scene.order.policy.judge.warm_up;
        self.say(&format!("{what}: the judge warms up for {warm_up}"));
        let from = Instant::now();
        while from.elapsed() < Duration::from(warm_up) {
            self.look().await?;
        }
        Ok(())
    }

    /// Where nothing is live, users were told so until now: what they asked then is nobody's loss.
    async fn forget_the_time_without_service(&mut self) -> Result<(), Undecided> {
        let from = Instant::now();
        let waits = |load: &Load| load.tally.is_under_way_since(from) && from.elapsed() < SETTLE_LONGEST;
        while self.load.as_ref().is_some_and(waits) {
            self.look().await?;
        }
        match &self.load {
            None => self.start_load(),
            Some(load) => drop(load.tally.take_failures()),
        }
        Ok(())
    }

    /// Good answers that the candidate has given so far.
    fn answers(&self) -> u64 {
        let candidate = self.scene.order.candidate.release.as_str();
        self.load
            .as_ref()
            .map_or(0, |load| load.tally.answered_by(candidate))
    }

    /// Waits until the judge has seen enough of the candidate to have taken it off.
    async fn settle(&mut self, weight: Percent) -> Result<Result<(), Failed>, Undecided> {
        let (from, warm) = (Instant::now(), self.answers());
        loop {
            let seen = self.look().await?;
            if seen.route.weight < weight {
                let why = self
                    .town
                    .trip()
                    .await?
                    .map_or_else(String::new, |cause| format!(": {cause}"));
                return Ok(Err(Failed(format!(
                    "the candidate was taken off before anything was done to it{why}"
                ))));
            }
            let answers = self.answers().saturating_sub(warm);
            if SETTLE <= from.elapsed() && SETTLE_ANSWERS_MIN <= answers {
                return Ok(Ok(()));
            }
            if SETTLE_LONGEST <= from.elapsed() {
                return Ok(Err(Failed(format!(
                    "the candidate gave {answers} good answers within {} s at {weight} ({SETTLE_ANSWERS_MIN} are asked for)",
                    SETTLE_LONGEST.as_secs()
                ))));
            }
        }
    }

    /// Waits for the last answers of the round, and says who is to blame for the bad ones.
    async fn count(&mut self, fault: &mut Fault, times: Times) -> Result<(), Undecided> {
        let order = self.scene.order;
        let until = Instant::now();
        let longest = patience(&order.router);
        while self
            .load
            .as_ref()
            .is_some_and(|load| load.tally.is_under_way_since(until))
            && until.elapsed() < longest
        {
            self.look().await?;
        }
        let Some(load) = &self.load else { return Ok(()) };
        let elsewhere = match &order.stable {
            Some(stable) => Elsewhere::Stable(stable.release.as_str()),
            None => Elsewhere::Nothing,
        };
        for failure in load.tally.take_failures() {
            match blame(&failure, fault.name, times, elsewhere) {
                Blame::Fault => fault.killed_requests += 1,
                Blame::Service => self.document.failed_requests += 1,
                Blame::Nobody => {}
                Blame::Rollback => {
                    fault.lost_requests += 1;
                    if fault.lost_requests == 1 {
                        self.document
                            .failures
                            .push(lost(fault.name, &failure.how, failure.ended, times));
                    }
                }
            }
        }
        self.document.lost_requests += fault.lost_requests;
        Ok(())
    }

    /// Looks for the writes that were acknowledged and not yet looked for.
    async fn check_writes(&mut self) {
        let Some(load) = &self.load else { return };
        let keys = load.tally.take_writes();
        if keys.is_empty() {
            return;
        }
        self.say(&format!("looks for {} acknowledged writes", keys.len()));
        let longest = patience(&self.scene.order.router);
        let found = writes::check(self.scene.address, &self.asks, keys, longest).await;
        self.checked.add(found);
    }

    async fn last_words(&mut self) -> Result<(), Undecided> {
        let order = self.scene.order;
        // Where nothing is live, only the candidate itself can show what it acknowledged.
        let failed = !self.document.failures.is_empty()
            || self.document.faults.iter().any(|fault| fault.failure.is_some());
        if order.stable.is_none() && self.asks.writes() && !failed {
            self.say("starts the candidate once more, to look for what it had acknowledged");
            let rounds = FaultKind::ALL.len().try_into().unwrap_or(u32::MAX);
            self.town.wanted.candidate_round = Some(rounds);
            self.town.wanted.arm = Some(WantedArm {
                weight: Percent::ALL,
                judged: false,
            });
            match self.come_up(&order.candidate).await? {
                Ok(()) => {
                    self.look().await?;
                    self.check_writes().await;
                }
                Err(Failed(why)) => self
                    .document
                    .failures
                    .push(format!("the candidate did not come up again: {why}")),
            }
        }
        let seen = self.look().await?;
        if let Some(load) = self.load.take() {
            let tally = load.stop().await;
            self.document.requests = tally.requests();
        }
        if let Some(stable) = &order.stable
            && let Some(exit) = seen.of(stable).find_map(|instance| instance.exits.last())
        {
            let how = &exit.how;
            self.document
                .failures
                .push(format!("the live release ended beside the candidate: {how}"));
        }
        if let Some(key) = self.checked.lost.first() {
            self.document
                .failures
                .push(format!("acknowledged and not there afterwards: write `{key}`"));
        }
        self.document.writes = match (self.asks.writes(), order.settings.drill.keeps_nothing) {
            (true, _) => self.checked.writes(),
            (false, true) => Writes::KeepsNothing,
            (false, false) => Writes::NotTried,
        };
        Ok(())
    }

    /// Waits until every instance of a version is healthy.
    async fn come_up(&mut self, version: &DrillVersion) -> Result<Result<(), Failed>, Undecided> {
        let order = self.scene.order;
        let longest: Duration = order.policy.rollback.deploy_longest.into();
        let begun = Instant::now();
        loop {
            let seen = self.look().await?;
            if seen.is_healthy(version, order.settings.instances) {
                return Ok(Ok(()));
            }
            let refused = seen
                .of(version)
                .any(|instance| matches!(instance.state, InstanceState::Refused { .. }));
            if refused || longest <= begun.elapsed() {
                return Ok(Err(Failed(ailing(&seen, version))));
            }
        }
    }

    /// The greatest canary weight of the policy that leaves at least half of the users on stable.
    fn weight(&self) -> Percent {
        let half = Percent::try_from(50).unwrap_or(Percent::ALL);
        let steps = self
            .scene
            .order
            .policy
            .stages
            .canary
            .steps
            .iter()
            .map(|step| step.weight);
        steps
            .filter(|weight| Percent::ZERO < *weight && *weight <= half)
            .max()
            .unwrap_or(half)
    }

    async fn look(&mut self) -> Result<Seen, TownError> {
        tokio::time::sleep(LOOK_EVERY).await;
        self.town.round().await
    }

    fn say(&self, text: &str) {
        (self.tell)(DrillStep {
            at: clock::wall(),
            text: text.to_owned(),
            faults: self.document.faults.clone(),
        });
    }
}

fn patience(router: &RouterLimits) -> Duration {
    let (connect, response): (Duration, Duration) =
        (router.connect_longest.into(), router.response_longest.into());
    connect + response + PATIENCE
}
