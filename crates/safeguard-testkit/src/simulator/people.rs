//! What happens to one rollout from outside: people, freezes, outages, clocks, drawn from the seed before it begins.

use safeguard_api::config::{
    CanaryPolicy, GateSettings, JudgePolicy, Mode, Policy, PromotionMode, RollbackPolicy, Stages,
};
use safeguard_api::gate::Gate;
use safeguard_api::time::Span;

use super::Candidate;
use super::RUN_MS;
use super::calendar::Season;
use super::rng::Rng;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Promote,
    Hold,
    Rollback,
    Supersede,
    /// The wall clock is set, forwards or backwards.
    ClockJump {
        ms: i64,
    },
    /// An executor that was stuck applies the table that it got long ago.
    StaleTable,
    RouterRestart,
    /// The server dies at its next step, in this place.
    Crash {
        place: Place,
        down_ms: u64,
    },
    /// A fault in common to all releases begins or ends.
    AllFail {
        on: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    BeforeCommit,
    AfterCommit,
    AfterAct,
}

/// Everything that is decided before the run.
pub struct Script {
    pub candidate: Candidate,
    pub policy: Policy,
    pub has_live: bool,
    pub start_ms: (u64, u64),
    /// Sorted by time.
    pub events: Vec<(u64, Event)>,
    pub freezes: Vec<(u64, u64)>,
    pub season: Season,
    pub router_away: Vec<(u64, u64)>,
    pub sick: Vec<(u64, u64)>,
    /// When each stage's gates are green and its approvals given, after the stage began.
    pub papers_ms: u64,
    pub behind_until: u64,
    /// Its digest was rolled back before, until somebody clears it.
    pub poisoned_until: u64,
}

const HOUR: u64 = 3_600_000;

pub fn script(rng: &mut Rng) -> Script {
    let candidate = match rng.below(12) {
        0..=4 => Candidate::Healthy,
        5 => Candidate::Errors { percent: 50 },
        6 => Candidate::Errors { percent: 8 },
        7 => Candidate::ErrorsEverywhere { percent: 20 },
        8 => Candidate::TurnsBad {
            after_hours: rng.between(70, 84) as u8,
            percent: 30,
        },
        9 => Candidate::Slow,
        10 => Candidate::NeverHealthy,
        _ => Candidate::Crashes,
    };
    let has_live = !rng.permille(100);
    let mut script = Script {
        candidate,
        policy: policy(rng),
        has_live,
        start_ms: if rng.permille(100) {
            (30_000, 110_000)
        } else {
            (200, 8000)
        },
        events: Vec::new(),
        freezes: windows(rng, 2, HOUR, 24 * HOUR),
        season: Season::draw(rng),
        router_away: windows(rng, 3, 1000, 90_000),
        sick: Vec::new(),
        papers_ms: rng.below(30 * HOUR),
        behind_until: if rng.permille(200) { rng.below(3 * HOUR) } else { 0 },
        poisoned_until: if rng.permille(60) {
            rng.below(RUN_MS * 2)
        } else {
            0
        },
    };
    if candidate == Candidate::Crashes {
        let mut at = rng.between(HOUR / 10, 90 * HOUR);
        for _ in 0..20 {
            script.sick.push((at, at + rng.between(5000, 200_000)));
            at += rng.between(200_000, 4 * HOUR);
        }
    } else if rng.permille(200) {
        script.sick = windows(rng, 2, 1000, 60_000);
    }
    events(rng, &mut script);
    script
}

fn events(rng: &mut Rng, script: &mut Script) {
    let mut add = |at: u64, event: Event| script.events.push((at, event));
    for _ in 0..rng.below(6) {
        let place = [Place::BeforeCommit, Place::AfterCommit, Place::AfterAct][rng.below(3) as usize];
        let down_ms = if rng.permille(500) {
            rng.between(100, 5000)
        } else {
            rng.between(5000, 600_000)
        };
        add(rng.below(RUN_MS), Event::Crash { place, down_ms });
    }
    for _ in 0..rng.below(4) {
        let days = rng.between(1, 40) as i64 * 12 * HOUR as i64;
        let ms = if rng.permille(500) { days } else { -days };
        add(rng.below(110 * HOUR), Event::ClockJump { ms });
    }
    for _ in 0..rng.below(4) {
        add(rng.below(110 * HOUR), Event::StaleTable);
    }
    if rng.permille(300) {
        add(rng.below(110 * HOUR), Event::RouterRestart);
    }
    if rng.permille(250) {
        let at = rng.between(60 * HOUR, 90 * HOUR);
        add(at, Event::AllFail { on: true });
        add(at + rng.between(10_000, HOUR), Event::AllFail { on: false });
    }
    if rng.permille(200) {
        let at = rng.below(100 * HOUR);
        add(at, Event::Hold);
        add(at + rng.below(20 * HOUR), Event::Promote);
    }
    if rng.permille(150) {
        add(rng.below(RUN_MS), Event::Rollback);
    }
    if rng.permille(50) {
        add(rng.below(RUN_MS), Event::Supersede);
    }
    // Somebody looks every few hours, and lets what waits for a person go on.
    let mut at = 0;
    while at < RUN_MS {
        at += rng.between(HOUR, 8 * HOUR);
        add(at, Event::Promote);
    }
    script.events.sort_by_key(|(at, _)| *at);
}

fn windows(rng: &mut Rng, count_max: u64, shortest: u64, longest: u64) -> Vec<(u64, u64)> {
    let count = rng.below(count_max + 1);
    let mut window = || {
        let from = rng.below(RUN_MS);
        (from, from + rng.between(shortest, longest))
    };
    (0..count).map(|_| window()).collect()
}

/// The soaks of S2, which are the defaults; gates, approvals and promotion by hand in some stages.
fn policy(rng: &mut Rng) -> Policy {
    let mut stages = Stages::default();
    for stage in [
        &mut stages.dev,
        &mut stages.qa,
        &mut stages.staging,
        &mut stages.production,
    ] {
        stage.gates = if rng.permille(300) {
            vec![Gate::StaticAnalysis]
        } else {
            Vec::new()
        };
        stage.approvals = u32::from(rng.permille(100));
        stage.requests_min = 100;
        stage.promotion = if rng.permille(50) {
            PromotionMode::Manual
        } else {
            PromotionMode::Automatic
        };
    }
    stages.canary = CanaryPolicy {
        gates: stages.dev.gates.clone(),
        ..CanaryPolicy::default()
    };
    stages.canary.step_longest = Span::hours(rng.between(6, 48));
    Policy {
        mode: if rng.permille(80) {
            Mode::Observe
        } else {
            Mode::Enforce
        },
        stages,
        gates: GateSettings::default(),
        hotfix: safeguard_api::config::HotfixPolicy::default(),
        approvers: Vec::new(),
        calendars: Default::default(),
        judge: JudgePolicy::default(),
        rollback: RollbackPolicy::default(),
    }
}
