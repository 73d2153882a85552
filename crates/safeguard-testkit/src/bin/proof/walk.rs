//! One change on its way: recorded, with its evidence, approved whenever asked, under its users, until it ends somewhere.

mod team;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use safeguard_api::release::{Block, Phase};
use safeguard_api::status::ReleaseStatus;
use safeguard_api::{Environment, Gate, GateReport, Rollout, Stage, Verdict as GateSays};

use crate::change::Copies;
use crate::corpus::{Case, Corpus};
use crate::installation::Installation;
use crate::oracle;
use crate::outcome::{End, Walked};
use crate::pipeline::{self, Reports};
use crate::progress::Progress;
use crate::users::Users;
use crate::workplace::{Mode, Workplace};

/// A good change has to be live by then.
const WALK_LONGEST: Duration = Duration::from_secs(600);
const BASE_LONGEST: Duration = Duration::from_secs(120);
/// When only gates stand in the way and nothing they say has changed for so long, nobody comes. Before staging, nothing
/// brings evidence but the pipeline; there, a drill and a watch take their time.
const STILL_EARLY_LONGEST: Duration = Duration::from_secs(20);
const STILL_LONGEST: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What every walk of a case is about.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub corpus: &'a Corpus,
    pub case: &'a Case,
    pub copies: &'a Copies,
    pub progress: &'a Progress,
}

pub struct Walk<'a> {
    subject: Subject<'a>,
    /// The gate that is left out.
    without: Option<Gate>,
    safeguard: Installation,
    place: Workplace,
    /// The release that users have, and how the change is measured.
    base: String,
    users: Users,
    exposed: bool,
    candidate_requests: u64,
    /// How long the load took that gate 3 asked for, once.
    measured_again: Option<Duration>,
}

impl<'a> Walk<'a> {
    /// Starts an installation, with all gates or without one, and sends the base on its way, and its users: what the base uses under
    /// them is what the change is compared with.
    pub fn begin(subject: Subject<'a>, folder: &Path, without: Option<Gate>) -> anyhow::Result<Walk<'a>> {
        let place = Workplace::make(subject.corpus, subject.case, subject.copies, folder)?;
        place.write_config(subject.case, Mode::TheBaseGoesLive, without)?;
        let safeguard = Installation::start(&place)?;
        let users = Users::set_out(&team::order(subject, &safeguard)?)?;
        let mut walk = Walk {
            subject,
            without,
            safeguard,
            place,
            base: String::new(),
            users,
            exposed: false,
            candidate_requests: 0,
            measured_again: None,
        };
        walk.base = walk.release_base()?;
        Ok(walk)
    }

    /// Lets the change walk, under its users, and tells where it ended.
    pub fn go(mut self, reports: &Reports) -> anyhow::Result<Walked> {
        self.base_is_live()?;
        let (corpus, case) = (self.subject.corpus, self.subject.case);
        self.place
            .write_config(case, Mode::TheChangeIsJudged, self.without)?;
        self.safeguard.must(&["policy", "apply"])?;
        let before = self.place.database("production-before");
        let production = self.place.database("production");
        oracle::save(corpus, &production, &before)?;
        let seen_before = in_production(&mut self.users)?;
        let begun = Instant::now();
        let release = self.release_change(reports)?;
        let (end, stage) = self.until_it_ends(&release, reports)?;
        let measured_again = self.measured_again.unwrap_or_default();
        let walk_seconds = (begun.elapsed() - measured_again).as_secs_f64();
        let seen = in_production(&mut self.users)?.since(&seen_before);
        let gates = match end {
            End::Refused { .. } | End::Held { .. } => self.said(&release)?,
            End::RolledBack { .. } | End::Live => Vec::new(),
        };
        let (without, exposed, candidate_requests) = (self.without, self.exposed, self.candidate_requests);
        drop(self);
        Ok(Walked {
            case: case.id.clone(),
            pattern: case.told.pattern,
            without,
            end,
            stage,
            exposed,
            candidate_requests,
            users: seen,
            data: oracle::of_data(corpus, case, &before, &production)?,
            gates,
            pipeline_stopped: reports.stopped.clone(),
            pipeline_seconds: measured_again.as_secs_f64(),
            walk_seconds,
            case_seconds: 0.0,
        })
    }

    fn base_is_live(&mut self) -> anyhow::Result<()> {
        self.subject.progress.say("the base goes live");
        let deadline = Instant::now() + BASE_LONGEST;
        while !matches!(self.status(&self.base)?.rollout.phase, Phase::Live) {
            ensure!(self.safeguard.is_up(), "`safeguard up` has ended");
            ensure!(Instant::now() < deadline, "the base did not become live");
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn status(&self, release: &str) -> anyhow::Result<ReleaseStatus> {
        self.safeguard.told(&["release", "show", release])
    }

    fn until_it_ends(&mut self, release: &str, reports: &Reports) -> anyhow::Result<(End, Stage)> {
        let mut begun = Instant::now();
        let (mut told, mut since) = (String::new(), Instant::now());
        loop {
            ensure!(self.safeguard.is_up(), "`safeguard up` has ended");
            let status = self.status(release)?;
            self.look(&status);
            let (rollout, stage) = (&status.rollout, status.rollout.stage);
            if let Some(end) = ended(&rollout.phase).or_else(|| refused(&rollout.blocks)) {
                return Ok((end, stage));
            }
            if first_gate(&rollout.blocks) == Some(Gate::HumanApproval) {
                self.approve(release)?;
            }
            let was_measured_once = reports.stopped.is_none() && self.measured_again.is_none();
            if was_measured_once && is_to_be_measured(&rollout.blocks) {
                let took = self.measure_again()?;
                self.measured_again = Some(took);
                // It is the pipeline's time.
                (begun, since) = (begun + took, Instant::now());
                continue;
            }
            let now = standing(rollout);
            if now != told {
                self.subject.progress.say(&shown(rollout));
                (told, since) = (now, Instant::now());
            }
            let still = only_judgements(&rollout.blocks) && still_longest(stage) < since.elapsed();
            if still || WALK_LONGEST < begun.elapsed() {
                return Ok((
                    End::Held {
                        reason: shown(rollout),
                    },
                    stage,
                ));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The team does what the gate tells it: measures both for longer, and adds that.
    fn measure_again(&self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let Subject {
            corpus,
            case,
            copies,
            progress,
        } = self.subject;
        progress.say("gate 3 can not tell: load of both for longer");
        let folder = self.place.folder.join("measured-again");
        std::fs::create_dir_all(&folder)?;
        self.add(&pipeline::measure_again(corpus, case, copies, &folder)?)?;
        Ok(begun.elapsed())
    }

    /// Whether users of production have met it, and how often.
    fn look(&mut self, status: &ReleaseStatus) {
        let production = status
            .routes
            .iter()
            .filter(|route| route.environment == Environment::Production);
        for arm in production
            .flat_map(|route| [&route.candidate, &route.stable])
            .flatten()
        {
            if arm.release == status.release.id {
                self.candidate_requests = self.candidate_requests.max(arm.requests);
            }
        }
        // The first step of the canary, if it came and went between two looks.
        self.exposed |= status.entries.iter().any(|entry| entry.kind == "deploy.step");
        self.exposed |= self.candidate_requests > 0;
    }

    /// What all gates say at the end.
    fn said(&self, release: &str) -> anyhow::Result<Vec<(Gate, GateSays, String)>> {
        let report: GateReport = self.safeguard.told(&["gate", "explain", release])?;
        let said = report.verdicts.into_iter();
        Ok(said.map(|said| (said.gate, said.verdict, said.reason)).collect())
    }
}

fn in_production(users: &mut Users) -> anyhow::Result<crate::load::counts::Counts> {
    let seen = users.counts()?.remove("production");
    seen.context("nobody was in production")
}

fn ended(phase: &Phase) -> Option<End> {
    match phase {
        Phase::Live => Some(End::Live),
        Phase::RolledBack { reason, .. } | Phase::RollbackFailed { reason, .. } => Some(End::RolledBack {
            reason: reason.to_string(),
        }),
        Phase::Held { reason, .. } => Some(End::Held {
            reason: reason.to_string(),
        }),
        Phase::Superseded { .. }
        | Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::RollingBack { .. } => None,
    }
}

/// Who waits for evidence, or was given some: a gate, or a rule beside the gates.
struct Judgement<'a> {
    gate: Option<Gate>,
    verdict: GateSays,
    reason: &'a str,
}

/// None of what passes by itself, or never does.
fn judgement(block: &Block) -> Option<Judgement<'_>> {
    let (gate, verdict, reason) = match block {
        Block::Gate {
            gate,
            verdict,
            reason,
        } => (Some(*gate), *verdict, reason),
        Block::Layers { verdict, reason } => (None, *verdict, reason),
        Block::Documentation { reason } => (None, GateSays::Inconclusive, reason),
        Block::Soak { .. }
        | Block::Proof { .. }
        | Block::Freeze { .. }
        | Block::Calendar { .. }
        | Block::Approval { .. }
        | Block::Hold { .. }
        | Block::Behind { .. }
        | Block::Silent { .. }
        | Block::Poisoned { .. }
        | Block::Health { .. }
        | Block::Manual { .. } => return None,
    };
    Some(Judgement {
        gate,
        verdict,
        reason,
    })
}

/// The first gate or rule that failed outright. What is inconclusive may still become conclusive.
fn refused(blocks: &[Block]) -> Option<End> {
    let failed = |said: &Judgement<'_>| said.verdict == GateSays::Fail;
    let said = blocks.iter().filter_map(judgement).find(failed)?;
    Some(End::Refused {
        gate: said.gate,
        reason: said.reason.to_owned(),
    })
}

/// Whether nothing but more requests can move it: the gate that is asked first has too few to tell.
fn is_to_be_measured(blocks: &[Block]) -> bool {
    let first = blocks.iter().filter_map(judgement).next();
    first.is_some_and(|said| {
        said.gate == Some(Gate::PerformanceBaseline) && said.verdict == GateSays::Inconclusive
    })
}

/// The gate that the next step waits for; those before it have passed.
fn first_gate(blocks: &[Block]) -> Option<Gate> {
    blocks.iter().filter_map(judgement).find_map(|said| said.gate)
}

fn only_judgements(blocks: &[Block]) -> bool {
    !blocks.is_empty() && blocks.iter().all(|block| judgement(block).is_some())
}

fn still_longest(stage: Stage) -> Duration {
    match stage {
        Stage::Dev | Stage::Qa => STILL_EARLY_LONGEST,
        Stage::Staging | Stage::Canary | Stage::Production => STILL_LONGEST,
    }
}

/// What has to change for something to have moved: figures that count up are no news.
fn standing(rollout: &Rollout) -> String {
    let blocks = rollout.blocks.iter().map(|block| match judgement(block) {
        Some(_) => block.to_string(),
        None => block.kind().to_owned(),
    });
    let blocks: Vec<String> = blocks.collect();
    format!("{} {}", whereabouts(rollout), blocks.join("; "))
}

/// One line for people: where it is, and the first thing in its way.
fn shown(rollout: &Rollout) -> String {
    match rollout.blocks.first() {
        Some(block) => format!("{}: {block}", whereabouts(rollout)),
        None => whereabouts(rollout),
    }
}

fn whereabouts(rollout: &Rollout) -> String {
    let (stage, phase) = (rollout.stage, rollout.phase.name());
    if let Phase::Analyzing { weight, .. } = rollout.phase {
        format!("{stage} {phase} at {weight}")
    } else {
        format!("{stage} {phase}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate_says(gate: Gate, verdict: GateSays) -> Block {
        Block::Gate {
            gate,
            verdict,
            reason: "because".to_owned(),
        }
    }

    #[test]
    fn what_is_inconclusive_refuses_nothing_yet() {
        let waits = gate_says(Gate::ResourceLimits, GateSays::Inconclusive);
        assert_eq!(refused(std::slice::from_ref(&waits)), None);
        let blocks = [waits, gate_says(Gate::RollbackTest, GateSays::Fail)];
        let gate = Some(Gate::RollbackTest);
        let reason = "because".to_owned();
        assert_eq!(refused(&blocks), Some(End::Refused { gate, reason }));
    }

    #[test]
    fn only_what_gate_3_can_not_tell_is_measured_for_longer() {
        let waits = gate_says(Gate::PerformanceBaseline, GateSays::Inconclusive);
        let why = "starting".to_owned();
        assert!(is_to_be_measured(&[Block::Health { why }, waits.clone()]));
        let earlier = gate_says(Gate::DataIntegrity, GateSays::Inconclusive);
        assert!(!is_to_be_measured(&[earlier, waits]));
        let failed = gate_says(Gate::PerformanceBaseline, GateSays::Fail);
        assert!(!is_to_be_measured(&[failed]));
    }

    #[test]
    fn only_what_people_and_gates_say_is_waited_for_in_vain() {
        let waits = gate_says(Gate::HumanApproval, GateSays::Inconclusive);
        assert!(only_judgements(std::slice::from_ref(&waits)));
        let why = "starting".to_owned();
        assert!(!only_judgements(&[waits, Block::Health { why }]));
        assert!(!only_judgements(&[]));
    }
}
