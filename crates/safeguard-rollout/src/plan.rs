//! The planner: from one rollout and what is seen of the world at one tick, the next rollout and why.
//!
//! A tick makes at most one transition. Everything that must survive a restart is in the rollout; [`Memory`] is what
//! may be lost, and losing it makes every wait longer, never shorter.

mod back;
mod blocks;
mod command;
mod file;
mod forward;
mod reduce;
mod risk;

use safeguard_api::config::{Mode, Policy, Terms};
use safeguard_api::release::{Block, Phase, Rollout, Soak, WouldHave};
use safeguard_api::stage::{Percent, Stage};
use safeguard_api::time::{Now, Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use file::PlanFile;

use crate::desired;
use crate::judge::{Proof, non_inferior};
use crate::observe::{Instances, Observation, Sample, Stable, Traffic};

/// A soak grows by no more than this from one tick to the next, so ticks have to be at least as frequent.
pub const TICK_LONGEST: Span = Span::seconds(5);
/// A rollback that is not verified by then has failed, and goes on trying.
pub const ROLLBACK_LONGEST: Span = Span::seconds(30);
/// Observe mode remembers this many decisions of one rollout.
pub const WOULD_HAVE_MAX: usize = 64;
/// A rollback and a deployment are looked at this often.
const TICK_QUICK: Span = Span(200);
/// So is one for which nothing runs.
const TICK_WAITING: Span = Span::minutes(1);
/// How long a rollout that is over may go without a look.
const TICK_IDLE: Span = Span::hours(1);

/// What the next tick needs of this one. Kept in memory by the shell, one for each rollout; the default after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Memory {
    last: Option<Now>,
    /// Whether the soak could grow at the last tick: it grows between two such ticks.
    counting: bool,
    /// Since the last change of phase, or of the rollback's progress, by the monotonic clock.
    waited: Span,
    unhealthy: Span,
    /// The soak so far and the generation it belongs to: a shell that reads the rollout from its store at every tick
    /// loses nothing of it between two commits.
    soak: Soak,
    generation: u64,
    /// The part of it that is not committed yet.
    uncommitted: Span,
    /// The last look at the proof.
    proof: Option<Look>,
}

/// The samples that a proof was tried on, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Look {
    canary: Sample,
    stable: Sample,
    proof: Proof,
}

/// A proof is tried again when the samples have grown by a part in so many, and so much at least: it costs far more
/// than the rest of a tick.
const LOOK_PART: u64 = 8;
const LOOK_REQUESTS: u64 = 20;

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The rollout to go on with. What [`Commit::No`] leaves out is in `memory` too.
    pub next: Rollout,
    pub commit: Commit,
    /// To be written into the log together with `next`; empty unless `commit` is [`Commit::Transition`].
    pub decisions: Vec<Decision>,
    /// When to look again at the latest. To look earlier is always right.
    pub due: Span,
    /// To [`Observation::command`], none if there was none.
    pub answer: Option<Answer>,
    /// To be passed to the next call.
    pub memory: Memory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    No,
    /// The soak has grown: worth keeping; the generation is the same.
    Progress,
    /// The generation has grown. Nothing may be acted on before it is committed.
    Transition,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The log's word, such as `deploy.stage` or `rollback.triggered`.
    pub kind: &'static str,
    pub text: String,
    pub detail: serde_json::Value,
    /// Whom it concerns is told: `held`, `rolled_back`, `rollback_failed` or `live`.
    pub notice: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Done { text: String },
    Refused { why: String, blocks: Vec<Block> },
}

/// Decides one tick of one rollout.
#[must_use]
pub fn plan(rollout: &Rollout, observed: &Observation, policy: &Policy, memory: &Memory) -> Plan {
    let grown = risk::grown(rollout, observed, policy);
    let terms = grown.as_ref().unwrap_or(&rollout.terms);
    let under;
    let policy = if *terms == Terms::default() {
        policy
    } else {
        under = policy.under(terms);
        &under
    };
    let mut tick = Tick::new(rollout, observed, policy, *memory);
    if let Some(terms) = &grown {
        risk::take(&mut tick, terms);
    }
    tick.pass_time();
    tick.look_again();
    let settled = command::decide(&mut tick) || reduce::decide(&mut tick);
    if !settled {
        match &tick.next.phase {
            Phase::RollingBack { .. } | Phase::RollbackFailed { .. } => back::advance(&mut tick),
            Phase::Live | Phase::RolledBack { .. } | Phase::Superseded { .. } => {}
            Phase::Queued
            | Phase::Blocked
            | Phase::Deploying
            | Phase::Warming
            | Phase::Analyzing { .. }
            | Phase::Soaking
            | Phase::Verified
            | Phase::Promoting
            | Phase::Held { .. } => forward::advance(&mut tick),
        }
    }
    tick.finish()
}

/// One tick in the making.
struct Tick<'a> {
    before: &'a Rollout,
    observed: &'a Observation,
    policy: &'a Policy,
    next: Rollout,
    memory: Memory,
    decisions: Vec<Decision>,
    answer: Option<Answer>,
    /// A person has said that the release may be promoted.
    by_hand: bool,
}

impl<'a> Tick<'a> {
    fn new(rollout: &'a Rollout, observed: &'a Observation, policy: &'a Policy, memory: Memory) -> Tick<'a> {
        let mut next = rollout.clone();
        if memory.generation == rollout.generation && next.soak.elapsed < memory.soak.elapsed {
            next.soak = memory.soak;
        }
        Tick {
            before: rollout,
            observed,
            policy,
            next,
            memory,
            decisions: Vec::new(),
            answer: None,
            by_hand: false,
        }
    }

    fn now(&self) -> Timestamp {
        self.observed.now.wall
    }

    fn observing(&self) -> bool {
        self.policy.mode == Mode::Observe
    }

    fn healthy(&self) -> bool {
        self.observed.instances == Instances::Healthy
    }

    fn has_stable(&self) -> bool {
        self.observed.stable != Stable::Absent
    }

    fn weight(&self) -> Percent {
        desired::weight(&self.next, self.policy, self.has_stable())
    }

    /// Adds what has happened since the last tick to the soak and to the waits.
    fn pass_time(&mut self) {
        let now = self.observed.now;
        let (least, steady) = self.memory.last.map_or((Span(0), Span(0)), |last| {
            let steady = Span(now.mono_ms.saturating_sub(last.mono_ms));
            (now.wall.since(last.wall).min(steady).min(TICK_LONGEST), steady)
        });
        self.memory.last = Some(now);
        self.memory.waited.0 += steady.0;
        if self.needs_instances() && !self.healthy() {
            self.memory.unhealthy.0 += least.0;
        } else {
            self.memory.unhealthy = Span(0);
        }
        let counts = self.counts();
        if counts && self.memory.counting {
            self.next.soak.elapsed.0 += least.0;
            self.memory.uncommitted.0 += least.0;
        }
        self.memory.counting = counts;
        // Counters may begin anew with the processes that keep them; what was seen once stays seen.
        if counts && let Some(traffic) = &self.observed.traffic {
            self.next.soak.requests = self.next.soak.requests.max(traffic.requests);
            self.next.soak.errors = self.next.soak.errors.max(traffic.errors);
        }
    }

    fn needs_instances(&self) -> bool {
        match &self.next.phase {
            Phase::Deploying
            | Phase::Warming
            | Phase::Analyzing { .. }
            | Phase::Soaking
            | Phase::Verified
            | Phase::Promoting
            | Phase::Held { .. } => true,
            Phase::Queued
            | Phase::Blocked
            | Phase::Live
            | Phase::RollingBack { .. }
            | Phase::RolledBack { .. }
            | Phase::RollbackFailed { .. }
            | Phase::Superseded { .. } => false,
        }
    }

    /// Whether this moment counts as healthy and observed.
    fn counts(&self) -> bool {
        let exposed = match &self.next.phase {
            Phase::Warming => return self.healthy(),
            Phase::Analyzing { .. } | Phase::Soaking | Phase::Verified => true,
            Phase::Queued
            | Phase::Blocked
            | Phase::Deploying
            | Phase::Promoting
            | Phase::Live
            | Phase::Held { .. }
            | Phase::RollingBack { .. }
            | Phase::RolledBack { .. }
            | Phase::RollbackFailed { .. }
            | Phase::Superseded { .. } => false,
        };
        // A weight that is not in force shows nothing: the router may have taken it down by itself.
        let in_force = |traffic: &Traffic| {
            let ours = traffic
                .route
                .candidate
                .as_ref()
                .is_some_and(|arm| arm.release == self.next.release);
            ours && traffic.route.weight == self.weight()
        };
        exposed && self.healthy() && self.observed.traffic.as_ref().is_some_and(in_force)
    }

    /// Moves to another phase, or to the same one anew. The soak begins anew where something new is to be shown.
    fn enter(&mut self, phase: Phase) {
        let shows = match &phase {
            Phase::Warming | Phase::Analyzing { .. } | Phase::Soaking => true,
            Phase::Queued
            | Phase::Blocked
            | Phase::Deploying
            | Phase::Verified
            | Phase::Promoting
            | Phase::Live
            | Phase::Held { .. }
            | Phase::RollingBack { .. }
            | Phase::RolledBack { .. }
            | Phase::RollbackFailed { .. }
            | Phase::Superseded { .. } => false,
        };
        if shows {
            self.next.soak = Soak::default();
        }
        self.next.phase = phase;
        self.next.phase_since = self.now();
        self.next.blocks.clear();
        self.memory = Memory {
            last: self.memory.last,
            proof: self.memory.proof,
            ..Memory::default()
        };
    }

    fn decide(&mut self, kind: &'static str, text: String, detail: serde_json::Value) -> &mut Decision {
        let stage = self.next.stage;
        let phase = self.next.phase.name();
        let detail = json!({
            "text": text, "stage": stage, "phase": phase, "weight": self.weight(), "soak": self.next.soak,
            "figures": detail,
        });
        self.decisions.push(Decision {
            kind,
            text,
            detail,
            notice: None,
        });
        // The push above makes the list non-empty.
        let last = self.decisions.len() - 1;
        &mut self.decisions[last]
    }

    /// Observe mode: records a decision that is not acted on, once for each `cause`.
    fn would(&mut self, kind: &'static str, cause: &str, figures: &str) {
        let known = |would: &WouldHave| {
            would
                .decision
                .strip_prefix(cause)
                .is_some_and(|rest| rest.starts_with(':'))
        };
        if self.next.would_have.iter().any(known) || WOULD_HAVE_MAX <= self.next.would_have.len() {
            return;
        }
        let decision = format!("{cause}: {figures}");
        self.next.would_have.push(WouldHave {
            at: self.now(),
            decision: decision.clone(),
        });
        let text = format!("would have {decision}");
        self.decide(kind, text, serde_json::Value::Null);
    }

    /// Whether the candidate is shown to be no worse than stable, as of the last look; none where there is nothing to
    /// show or no evidence.
    fn proof(&self) -> Option<Proof> {
        self.sampled()?;
        self.memory.proof.map(|look| look.proof)
    }

    /// What the proof is made from, where one is asked for.
    fn sampled(&self) -> Option<(Sample, Sample)> {
        let asked = self.next.stage == Stage::Canary && self.has_stable();
        let traffic = self.observed.traffic.as_ref().filter(|_| asked)?;
        Some((traffic.canary, traffic.stable))
    }

    /// Tries the proof when the samples have grown enough since the last look.
    fn look_again(&mut self) {
        let grown = self.sampled().is_some_and(|(canary, stable)| {
            self.memory.proof.is_none_or(|look| {
                let known = look.canary.requests + look.stable.requests;
                let total = canary.requests + stable.requests;
                total < known || known + known / LOOK_PART + LOOK_REQUESTS <= total
            })
        });
        if grown {
            self.look();
        }
    }

    /// Tries the proof on the newest samples.
    fn look(&mut self) {
        let canary_policy = &self.policy.stages.canary;
        let (margin, alpha) = (canary_policy.margin_permille, canary_policy.margin_alpha);
        self.memory.proof = self.sampled().map(|(canary, stable)| {
            let proof = non_inferior(canary, stable, margin, alpha);
            Look {
                canary,
                stable,
                proof,
            }
        });
    }

    fn finish(mut self) -> Plan {
        let commit = if self.must_commit() {
            self.next.generation = self.before.generation + 1;
            Commit::Transition
        } else if self.progress_worth_keeping() {
            Commit::Progress
        } else {
            Commit::No
        };
        if commit != Commit::No {
            self.memory.uncommitted = Span(0);
        }
        self.memory.soak = self.next.soak;
        self.memory.generation = self.next.generation;
        let due = self.due(commit);
        Plan {
            next: self.next,
            commit,
            decisions: self.decisions,
            due,
            answer: self.answer,
            memory: self.memory,
        }
    }

    fn must_commit(&self) -> bool {
        let (before, next) = (self.before, &self.next);
        let same_blocks = before.blocks.len() == next.blocks.len()
            && before
                .blocks
                .iter()
                .zip(&next.blocks)
                .all(|(one, other)| one.kind() == other.kind());
        !same_blocks
            || !self.decisions.is_empty()
            || before.phase != next.phase
            || before.phase_since != next.phase_since
            || before.stage != next.stage
            || before.epoch != next.epoch
            || before.journal_seen != next.journal_seen
            || before.hold != next.hold
    }

    /// A restart loses at most a hundredth of what the stage asks for.
    fn progress_worth_keeping(&self) -> bool {
        let step = Span(self.soak_wanted().0 / 100).max(Span::seconds(10));
        step <= self.memory.uncommitted
    }

    fn soak_wanted(&self) -> Span {
        match &self.next.phase {
            Phase::Analyzing { step, .. } => self
                .policy
                .stages
                .canary
                .steps
                .get(*step)
                .map_or(Span(0), |step| step.soak),
            Phase::Warming => self.policy.judge.warm_up,
            Phase::Soaking => self
                .policy
                .stage(self.next.stage)
                .map_or(Span(0), |stage| stage.soak),
            Phase::Queued
            | Phase::Blocked
            | Phase::Deploying
            | Phase::Verified
            | Phase::Promoting
            | Phase::Live
            | Phase::Held { .. }
            | Phase::RollingBack { .. }
            | Phase::RolledBack { .. }
            | Phase::RollbackFailed { .. }
            | Phase::Superseded { .. } => Span::hours(1),
        }
    }

    fn due(&self, commit: Commit) -> Span {
        if commit == Commit::Transition {
            return TICK_QUICK;
        }
        match &self.next.phase {
            Phase::Deploying | Phase::Promoting | Phase::RollingBack { .. } => TICK_QUICK,
            Phase::Warming | Phase::Analyzing { .. } | Phase::Soaking => {
                let left = self.soak_wanted().0.saturating_sub(self.next.soak.elapsed.0);
                if left == 0 {
                    TICK_LONGEST
                } else {
                    Span(left).clamp(TICK_QUICK, TICK_LONGEST)
                }
            }
            Phase::Verified | Phase::Held { .. } | Phase::RollbackFailed { .. } => TICK_LONGEST,
            Phase::Queued | Phase::Blocked => TICK_WAITING,
            Phase::Live | Phase::RolledBack { .. } | Phase::Superseded { .. } => TICK_IDLE,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod tests;
