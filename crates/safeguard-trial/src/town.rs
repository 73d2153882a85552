//! A small installation of its own: supervisor and router as in production, with one route on a loopback port.
//!
//! It holds what shall be true, pushes the whole of it again and again as the control plane does, and reads how it is.

use std::path::PathBuf;
use std::time::Duration;

use safeguard_api::config::JudgePolicy;
use safeguard_api::drill::{DrillOrder, DrillVersion};
use safeguard_api::instance::{
    InstanceReport, InstanceSpec, InstanceState, Stopped, SupervisorAnswer, SupervisorCall, SupervisorReport,
};
use safeguard_api::stage::{Environment, Percent};
use safeguard_api::traffic::{
    Arm, Candidate, JournalEvent, Route, RouteReport, RouterAnswer, RouterCall, TrafficTable, TripCause,
};
use safeguard_link::{Link, LinkError};

const ANSWER_LONGEST: Duration = Duration::from_secs(5);
const JOURNAL_READ_MAX: usize = 64;

/// The sockets, by names that hold in the folder of the drill.
pub(crate) const SUPERVISOR_SOCKET: &str = "supervisor.sock";
pub(crate) const ROUTER_SOCKET: &str = "router.sock";

/// Why the installation does not do what it is told; nothing is known of the candidate then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TownError {
    #[error("the drill's own processes do not answer")]
    Silent(#[from] LinkError),
    #[error("the {who} refuses: {why}")]
    Refused { who: &'static str, why: String },
}

/// What shall be true.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The candidate's processes run; each round has its own.
    pub candidate_round: Option<u32>,
    /// The candidate is an arm of the route, with this weight.
    pub arm: Option<WantedArm>,
    /// Whether the judge looks at how slow answers are.
    pub slowness: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedArm {
    pub weight: Percent,
    pub judged: bool,
}

/// What is true, as supervisor and router say.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub route: RouteReport,
    pub instances: Vec<InstanceReport>,
    pub stopped: Vec<Stopped>,
    /// The router has the table that was pushed last.
    pub confirmed: bool,
}

pub(crate) struct Town<'a> {
    order: &'a DrillOrder,
    supervisor: Link,
    router: Link,
    instances_generation: u64,
    instances: Vec<InstanceSpec>,
    table: TrafficTable,
    epoch: u32,
    journal_seen: u64,
    pub wanted: Wanted,
}

impl<'a> Town<'a> {
    pub fn new(order: &'a DrillOrder) -> Town<'a> {
        Town {
            order,
            supervisor: Link::new(SUPERVISOR_SOCKET),
            router: Link::new(ROUTER_SOCKET),
            instances_generation: 0,
            instances: Vec::new(),
            table: TrafficTable {
                generation: 0,
                lease: order.policy.rollback.lease,
                routes: Vec::new(),
            },
            epoch: 0,
            journal_seen: 0,
            wanted: Wanted {
                candidate_round: None,
                arm: None,
                slowness: true,
            },
        }
    }

    /// Lets the candidate in anew: what took it off before is known, and its old users' tokens are void.
    pub async fn next_epoch(&mut self) -> Result<(), TownError> {
        self.epoch += 1;
        self.journal_seen = self.journal().await?.map_or(self.journal_seen, |(seq, _)| seq);
        Ok(())
    }

    /// Makes the next table void for those who hold tokens of the candidate, as a rollback does.
    pub fn send_away(&mut self) {
        self.epoch += 1;
        if let Some(arm) = &mut self.wanted.arm {
            arm.weight = Percent::ZERO;
            arm.judged = false;
        }
    }

    /// Pushes what shall be true, and returns what is.
    pub async fn round(&mut self) -> Result<Seen, TownError> {
        let specs = self.specs();
        if specs != self.instances {
            self.instances_generation += 1;
            self.instances = specs;
        }
        let report = self.apply_instances().await?;
        let routes = vec![self.route(&report)];
        if routes != self.table.routes {
            self.table.generation += 1;
            self.table.routes = routes;
        }
        let table = self.table.clone();
        let answer = self
            .router
            .call(&RouterCall::Apply { table }, ANSWER_LONGEST)
            .await?;
        let router = match answer {
            RouterAnswer::Report(report) => report,
            RouterAnswer::Refused { why } => return Err(refused("router", why)),
            RouterAnswer::Journal { .. } => return Err(refused("router", "another question was answered")),
        };
        let confirmed = router.generation == self.table.generation;
        let route = router
            .routes
            .into_iter()
            .next()
            .ok_or_else(|| refused("router", "it reports no route"))?;
        Ok(Seen {
            route,
            instances: report.instances,
            stopped: report.stopped,
            confirmed,
        })
    }

    /// The last trip of the candidate, with its number; none when there has been none since `next_epoch`.
    pub async fn trip(&mut self) -> Result<Option<TripCause>, TownError> {
        let known = self.journal_seen;
        let found = self.journal().await?;
        Ok(found.filter(|(seq, _)| known < *seq).and_then(|(_, cause)| cause))
    }

    async fn journal(&mut self) -> Result<Option<(u64, Option<TripCause>)>, TownError> {
        let call = RouterCall::Journal {
            after: self.journal_seen,
            limit: JOURNAL_READ_MAX,
        };
        match self.router.call(&call, ANSWER_LONGEST).await? {
            RouterAnswer::Journal { entries } => Ok(entries.into_iter().next_back().map(|entry| {
                let cause = match entry.event {
                    JournalEvent::Tripped { cause, .. } | JournalEvent::WouldTrip { cause, .. } => {
                        Some(cause)
                    }
                    JournalEvent::LeaseExpired { .. } | JournalEvent::Restarted { .. } => None,
                };
                (entry.seq, cause)
            })),
            RouterAnswer::Refused { why } => Err(refused("router", why)),
            RouterAnswer::Report(_) => Err(refused("router", "another question was answered")),
        }
    }

    async fn apply_instances(&mut self) -> Result<SupervisorReport, TownError> {
        let call = SupervisorCall::Apply {
            generation: self.instances_generation,
            instances: self.instances.clone(),
        };
        match self.supervisor.call(&call, ANSWER_LONGEST).await? {
            SupervisorAnswer::Report(report) => Ok(report),
            SupervisorAnswer::Refused { why } => Err(refused("supervisor", why)),
            SupervisorAnswer::Listeners { .. } => Err(refused("supervisor", "another question was answered")),
        }
    }

    fn specs(&self) -> Vec<InstanceSpec> {
        let order = self.order;
        let stable = order.stable.iter().map(|version| (version, "stable".to_owned()));
        let candidate = self
            .wanted
            .candidate_round
            .map(|round| (&order.candidate, format!("candidate-{round}")));
        let settings = &order.settings;
        let versions = stable.chain(candidate);
        let specs = versions.flat_map(|(version, name)| {
            (0..settings.instances).map(move |place| InstanceSpec {
                id: format!("drill-{name}-{place}"),
                service: order.service.clone(),
                environment: Environment::Staging,
                release: version.release.clone(),
                artifact: version.artifact.clone(),
                root: version.root.clone(),
                command: settings.command.clone(),
                variables: settings
                    .variables
                    .get(&Environment::Staging)
                    .cloned()
                    .unwrap_or_else(Default::default),
                health_path: settings.health_path.clone(),
                upstream: settings.traffic.upstream,
                limits: settings.limits.clone(),
                stop_grace: settings.stop_grace,
                target: settings.target.clone(),
            })
        });
        specs.collect()
    }

    fn route(&self, report: &SupervisorReport) -> Route {
        let order = self.order;
        let arm = |version: &DrillVersion| Arm {
            release: version.release.clone(),
            version: version.version.clone(),
            endpoints: instances_of(version, &report.instances)
                .filter_map(InstanceReport::endpoint)
                .collect(),
        };
        Route {
            service: order.service.clone(),
            environment: Environment::Staging,
            user_key: order.settings.user_key.clone(),
            stable: order.stable.as_ref().map(arm),
            candidate: self.wanted.arm.map(|wanted| Candidate {
                arm: arm(&order.candidate),
                weight: wanted.weight,
                salt: order.candidate.release.to_string(),
                epoch: self.epoch,
                journal_seen: self.journal_seen,
                judged: wanted.judged,
                observe: false,
                judge: JudgePolicy {
                    slowness: self.wanted.slowness && order.policy.judge.slowness,
                    ..order.policy.judge.clone()
                },
            }),
            testers: Vec::new(),
        }
    }
}

impl Seen {
    /// Whether as many instances of a version are healthy as the service has.
    pub fn is_healthy(&self, version: &DrillVersion, instances: u32) -> bool {
        let healthy = self
            .of(version)
            .filter(|instance| matches!(instance.state, InstanceState::Healthy { .. }));
        instances as usize <= healthy.count()
    }

    pub fn of<'b>(&'b self, version: &'b DrillVersion) -> impl Iterator<Item = &'b InstanceReport> {
        instances_of(version, &self.instances)
    }

    /// Requests that the candidate still has on its hands.
    pub fn on_candidate(&self) -> u64 {
        self.route
            .candidate
            .as_ref()
            .map_or(0, |arm| arm.in_flight + arm.streams)
    }
}

fn instances_of<'b>(
    version: &'b DrillVersion,
    instances: &'b [InstanceReport],
) -> impl Iterator<Item = &'b InstanceReport> {
    instances
        .iter()
        .filter(|instance| instance.release == version.release)
}

fn refused(who: &'static str, why: impl Into<String>) -> TownError {
    TownError::Refused { who, why: why.into() }
}

/// Where the parts of the installation lie, seen from the folder of the drill.
pub(crate) fn router_state() -> PathBuf {
    PathBuf::from("router")
}
