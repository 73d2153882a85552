//! The shell in virtual time: look, plan, commit, act; it dies in between, and begins again from what is committed.

mod commit;
mod look;

use std::sync::OnceLock;

use safeguard_api::config::{Mode, Policy};
use safeguard_api::gate::GateReport;
use safeguard_api::id::{Digest, Name, ReleaseId};
use safeguard_api::release::{Phase, RollbackReason, Rollout};
use safeguard_api::status::ServiceState;
use safeguard_api::time::{Now, Span, Timestamp};
use safeguard_calendar::Calendars;
use safeguard_rollout::desired::desired;
use safeguard_rollout::observe::{Command, Elsewhere, Instances, Observation, Restoring, Stable, Traffic};
use safeguard_rollout::plan::{self, Commit, Memory, Plan};
use safeguard_store::{Place as StorePlace, Settings, Store, StoreError};

use super::check::{self, Truth};
use super::people::{Event, Place, Script, script};
use super::rng::Rng;
use super::router::{Arm, Counted, Route, Router, Table};
use super::targets::{ENVIRONMENTS, LIVE, OURS, RELEASES, Targets};
use super::{Breakage, Outcome, RUN_MS, Violation};

const BIRTH_MS: i64 = 1_790_000_000_000;
/// A tick at least this often while users are on the candidate: their lease has to be renewed.
const RENEW_MS: u64 = 5000;

struct Sim {
    breakage: Breakage,
    script: Script,
    now: u64,
    wall_offset: i64,
    mono_base: u64,
    targets: Targets,
    router: Router,
    store: Store,
    // The server's memory, lost at a crash.
    rollout: Rollout,
    state: ServiceState,
    memory: Memory,
    pushed: Table,
    down_until: u64,
    crash: Option<(Place, u64)>,
    // What is committed, as the checks know it.
    committed: Rollout,
    entries: u64,
    generation_applied: u64,
    /// For the breakage that believes it.
    last_wall: Timestamp,
    old_tables: Vec<Table>,
    observation: Observation,
    calendars: Calendars,
    traffic: Option<Traffic>,
    part: Counted,
    healthy_ms: u64,
    stage_began: u64,
    trouble_at: u64,
    steps: u64,
    outcome: Outcome,
}

fn ids() -> &'static [ReleaseId; RELEASES] {
    static IDS: OnceLock<[ReleaseId; RELEASES]> = OnceLock::new();
    IDS.get_or_init(|| [0, 1, 2].map(|number| ReleaseId::new(1_790_000_000_000, number)))
}

fn number(release: &ReleaseId) -> usize {
    ids().iter().position(|id| id == release).unwrap_or(OURS)
}

/// Runs one rollout for seven days.
///
/// # Errors
/// The first invariant that did not hold, or a failure of the store.
pub fn run(seed: u64, breakage: Breakage) -> Result<Outcome, Violation> {
    let mut sim = Sim::new(seed, breakage).map_err(|what| Violation {
        seed,
        step: 0,
        at_ms: 0,
        what,
    })?;
    sim.live().map_err(|what| Violation {
        seed,
        step: sim.steps,
        at_ms: sim.now,
        what,
    })?;
    Ok(sim.outcome)
}

impl Sim {
    fn new(seed: u64, breakage: Breakage) -> Result<Sim, String> {
        let mut rng = Rng::new(seed);
        let script = script(&mut rng);
        let settings = Settings {
            place: StorePlace::Memory,
            origin: "simulator.example/log".to_owned(),
            key: [7; 32],
            checkpoint_file: None,
        };
        let store = Store::open(settings).map_err(|error| error.to_string())?;
        let service: Name = "shop".parse().map_err(|error| format!("{error}"))?;
        let live = script.has_live.then(|| ids()[LIVE].clone());
        let state = ServiceState {
            service: service.clone(),
            live,
            previous: None,
            active: None,
        };
        let artifact = Digest::of(&seed.to_le_bytes());
        let begun = Timestamp(BIRTH_MS);
        let policy = script.policy.id();
        let rollout = Rollout::begin(ids()[OURS].clone(), service.clone(), artifact, policy, begun);
        let (first, first_state) = (rollout.clone(), state.clone());
        let written = store.write_blocking(move |tx| -> Result<(), StoreError> {
            tx.put(&first)?;
            tx.put(&first_state)
        });
        written
            .and_then(|written| written)
            .map_err(|error| error.to_string())?;
        let mut targets = Targets::new(
            script.candidate,
            script.has_live,
            script.start_ms,
            Rng::new(seed ^ 0x7a),
        );
        targets.sick.clone_from(&script.sick);
        let observation = Observation {
            now: Now {
                wall: Timestamp(BIRTH_MS),
                mono_ms: 0,
            },
            freeze: None,
            gates: GateReport::default(),
            risk: None,
            approvals: 0,
            instances: Instances::None,
            stable: Stable::Absent,
            elsewhere: Elsewhere::default(),
            restoring: Restoring::NotLive,
            traffic: None,
            router_silent: Span(0),
            poisoned: false,
            behind: None,
            command: None,
        };
        let calendars = script.season.calendars(&service, begun)?;
        let outcome = Outcome {
            seed,
            candidate: script.candidate,
            observed_only: script.policy.mode == Mode::Observe,
            phase: "queued",
            stopped_by: None,
            ticks: 0,
            commits: 0,
            crashes: 0,
            reentries: 0,
        };
        Ok(Sim {
            breakage,
            now: 0,
            wall_offset: 0,
            mono_base: rng.below(1_000_000),
            targets,
            router: Router::new(&script.policy, breakage, Rng::new(seed ^ 0x3b)),
            store,
            committed: rollout.clone(),
            rollout,
            state,
            memory: Memory::default(),
            pushed: Table::default(),
            down_until: 0,
            crash: None,
            entries: 0,
            generation_applied: 0,
            last_wall: Timestamp(BIRTH_MS),
            old_tables: Vec::new(),
            observation,
            calendars,
            traffic: None,
            part: Counted::default(),
            healthy_ms: 0,
            stage_began: 0,
            trouble_at: 0,
            steps: 0,
            outcome,
            script,
        })
    }

    fn live(&mut self) -> Result<(), String> {
        self.pushed = self.table();
        let events = std::mem::take(&mut self.script.events);
        let mut events = events.into_iter().peekable();
        let mut due = 0;
        while self.now < RUN_MS {
            let next_event = events.peek().map_or(RUN_MS, |(at, _)| *at);
            let up = due.max(self.down_until);
            self.pass(up.min(next_event).min(RUN_MS))?;
            let mut command = None;
            while let Some((_, event)) = events.next_if(|(at, _)| *at <= self.now) {
                command = self.happen(event)?.or(command);
            }
            if self.down_until <= self.now {
                due = self.now + self.tick(command)?;
            }
        }
        self.outcome.phase = self.rollout.phase.name();
        if let Phase::RolledBack { reason, .. } | Phase::RollbackFailed { reason, .. } = &self.rollout.phase {
            self.outcome.stopped_by = Some(match reason {
                RollbackReason::Operator { .. } => "operator".to_owned(),
                RollbackReason::Tripped { trip } => trip.cause.kind().to_owned(),
                RollbackReason::DeployFailed { .. } => "deploy".to_owned(),
                RollbackReason::ErrorBudget { .. } => "budget".to_owned(),
                RollbackReason::Superseded { .. } => "superseded".to_owned(),
            });
        }
        let size = self.store.log_status().size;
        if size != self.entries {
            return Err(format!(
                "the log has {size} entries, {} were decided",
                self.entries
            ));
        }
        Ok(())
    }

    fn wall(&self) -> Timestamp {
        Timestamp(BIRTH_MS + i64::try_from(self.now).unwrap_or(i64::MAX) + self.wall_offset)
    }

    fn environment(&self) -> usize {
        self.committed.stage.environment() as usize
    }

    fn reachable(&self) -> bool {
        !within(&self.script.router_away, self.now)
    }

    /// Lets the world go on until `until`: users come, the lease may run out.
    fn pass(&mut self, until: u64) -> Result<(), String> {
        let dt = until.saturating_sub(self.now);
        if dt == 0 {
            return Ok(());
        }
        let environment = self.environment();
        let was = self.router.weights;
        let healthy = self.targets.healthy(self.now, environment, OURS);
        let wanted = check::exposure(&self.committed, &self.script.policy, self.script.has_live)[environment];
        self.now = until;
        self.router.pass(until);
        let in_force = self.router.weights[environment];
        let wall = self.wall();
        if 0 < in_force && dt <= RENEW_MS * 2 {
            let counted = self
                .router
                .serve(until, dt, environment, self.script.candidate, healthy, wall);
            self.part.requests += counted.requests;
            self.part.errors += counted.errors;
        }
        let shows = 0 < wanted && was[environment] == wanted || self.committed.phase == Phase::Warming;
        if healthy && shows {
            self.healthy_ms += dt;
        }
        self.check_users(was)
    }

    fn check_users(&mut self, was: [u8; ENVIRONMENTS]) -> Result<(), String> {
        let generation = self.router.table.generation;
        if generation < self.generation_applied {
            return Err(format!(
                "generation {generation} was applied after {}",
                self.generation_applied
            ));
        }
        self.generation_applied = generation;
        // Weights of a release that takes over from a rolled back live one are no exposure to the candidate.
        if self.router.table.routes[3]
            .candidate
            .is_some_and(|arm| arm.release != OURS)
        {
            return Ok(());
        }
        let allowed = check::exposure(&self.committed, &self.script.policy, self.script.has_live);
        let silent_ms = self.now - self.router.heard_at.min(self.now);
        let lease_ms = self.script.policy.rollback.lease.ms();
        check::seen(
            was,
            self.router.weights,
            &self.committed,
            allowed,
            self.router.reduced,
            silent_ms,
            lease_ms,
        )
    }

    /// Something from outside; a command is what a person asks of the server.
    fn happen(&mut self, event: Event) -> Result<Option<Command>, String> {
        let was = self.router.weights;
        let by = "ada".to_owned();
        match event {
            Event::Promote => return Ok(Some(Command::Promote { by })),
            Event::Hold => return Ok(Some(Command::Hold { by, reason: None })),
            Event::Rollback => return Ok(Some(Command::Rollback { by })),
            Event::Supersede => return Ok(Some(Command::Supersede { by: ids()[0].clone() })),
            Event::ClockJump { ms } => {
                self.wall_offset += ms;
                self.trouble_at = self.now;
            }
            Event::StaleTable => {
                let old = self.old_tables.first().cloned();
                if let Some(old) = old.filter(|old| old.generation < self.committed.generation) {
                    self.router.apply(self.now, &old, true);
                }
            }
            Event::RouterRestart => {
                self.router.restart(self.now);
                self.generation_applied = 0;
                self.trouble_at = self.now;
            }
            Event::Crash { place, down_ms } => self.crash = Some((place, down_ms)),
            Event::AllFail { on } => self.router.all_fail = on,
        }
        self.check_users(was)?;
        Ok(None)
    }

    /// One step of the server. Returns when the next one is due.
    fn tick(&mut self, command: Option<Command>) -> Result<u64, String> {
        self.steps += 1;
        self.outcome.ticks += 1;
        self.look(command);
        let planned = self.plan();
        self.traffic = self.observation.traffic.take();
        if self.dies(Place::BeforeCommit) {
            return self.restart();
        }
        let transition = planned.commit == Commit::Transition;
        if planned.commit != Commit::No {
            self.commit(&planned)?;
        }
        self.memory = planned.memory;
        self.rollout = planned.next;
        if self.dies(Place::AfterCommit) {
            return self.restart();
        }
        if transition {
            let table = self.table();
            let old = std::mem::replace(&mut self.pushed, table);
            if self.old_tables.len() < 4 || self.steps.is_multiple_of(7) {
                self.old_tables.insert(0, old);
                self.old_tables.truncate(6);
                self.old_tables.rotate_left(1);
            }
        }
        self.act()?;
        if self.dies(Place::AfterAct) {
            return self.restart();
        }
        let users = self.router.weights != [0; ENVIRONMENTS] || self.pushed.routes[3].candidate.is_some();
        let due = planned.due.ms();
        Ok(if users { due.min(RENEW_MS) } else { due })
    }

    fn dies(&mut self, place: Place) -> bool {
        self.crash.is_some_and(|(at, _)| at == place)
    }

    /// The server is gone, and comes back with what is committed.
    fn restart(&mut self) -> Result<u64, String> {
        let Some((_, down_ms)) = self.crash.take() else {
            return Ok(0);
        };
        self.outcome.crashes += 1;
        self.down_until = self.now + down_ms;
        self.trouble_at = self.now + down_ms;
        self.memory = Memory::default();
        let read = self.store.read_blocking(|tx| {
            Ok((
                tx.get::<Rollout>(ids()[OURS].as_str())?,
                tx.get::<ServiceState>("shop")?,
            ))
        });
        let (rollout, state) = read.map_err(|error| error.to_string())?;
        self.rollout = rollout.ok_or("the rollout is not in the store")?;
        self.state = state.ok_or("the service is not in the store")?;
        if self.rollout.generation != self.committed.generation {
            return Err("a restart found another generation than was committed".to_owned());
        }
        self.pushed = self.table();
        Ok(down_ms)
    }

    fn plan(&mut self) -> Plan {
        let policy = &self.script.policy;
        match self.breakage {
            Breakage::IgnoresFreeze => self.observation.freeze = None,
            Breakage::SoakSurvivesClockJump => {
                let wall = self.observation.now.wall;
                let passed = wall.since(self.last_wall);
                self.last_wall = wall;
                let mut planned = plan::plan(&self.rollout, &self.observation, policy, &self.memory);
                if planned.next.phase == self.rollout.phase && plan::TICK_LONGEST < passed {
                    planned.next.soak.elapsed.0 += passed.0;
                }
                return planned;
            }
            Breakage::None
            | Breakage::IgnoresCalendars
            | Breakage::RaisesAfterReduction
            | Breakage::AppliesOlderTables
            | Breakage::IgnoresGates => {}
        }
        plan::plan(&self.rollout, &self.observation, policy, &self.memory)
    }

    fn truth(&self) -> Truth {
        let papers = self.stage_began + self.script.papers_ms <= self.now;
        let (canary, stable) = self.router.samples();
        let live_again = self.state.live.as_ref() == Some(&ids()[OURS]);
        Truth {
            frozen: within(&self.script.freezes, self.now) || self.script.season.closed(self.wall()),
            green: papers,
            approvals: u32::from(papers),
            router_reachable: self.reachable(),
            poisoned: self.now < self.script.poisoned_until,
            has_stable: self.script.has_live,
            healthy_ms: self.healthy_ms,
            requests: self.part.requests,
            canary,
            stable,
            calm: !live_again && self.trouble_at + 90_000 < self.now && self.calm_router(),
        }
    }

    fn calm_router(&self) -> bool {
        let lately = |(from, until): &(u64, u64)| *from <= self.now && self.now < until + 90_000;
        !self.script.router_away.iter().any(lately)
    }

    fn act(&mut self) -> Result<(), String> {
        let reached = if matches!(self.committed.phase, Phase::Promoting | Phase::Live) {
            3
        } else {
            self.environment()
        };
        if (reached + 1..ENVIRONMENTS).any(|environment| self.pushed.instances[environment][OURS]) {
            return Err(format!("{} runs where it never was", self.committed.phase.name()));
        }
        self.targets.apply(self.now, &self.pushed.instances);
        let was = self.router.weights;
        if self.reachable() {
            self.router.apply(self.now, &self.pushed, false);
        }
        self.check_users(was)
    }

    /// What the committed state wants, as numbers.
    fn table(&self) -> Table {
        let policy: &Policy = &self.script.policy;
        let active = self.state.active.as_ref() == Some(&self.rollout.release);
        let wanted = desired(&self.state, active.then_some((&self.rollout, policy)));
        let mut table = Table {
            generation: self.rollout.generation,
            ..Table::default()
        };
        for one in &wanted.instances {
            table.instances[one.environment as usize][number(&one.release)] = true;
        }
        for route in &wanted.routes {
            table.routes[route.environment as usize] = Route {
                stable: route.stable.as_ref().map(number),
                candidate: route.candidate.as_ref().map(|arm| Arm {
                    release: number(&arm.release),
                    weight: arm.weight.get(),
                    epoch: arm.epoch,
                    journal_seen: arm.journal_seen,
                    judged: arm.judged,
                    observe: arm.observe,
                }),
            };
        }
        table
    }
}

fn inside(window: &(u64, u64), now: u64) -> bool {
    window.0 <= now && now < window.1
}

fn within(windows: &[(u64, u64)], now: u64) -> bool {
    windows.iter().any(|window| inside(window, now))
}
