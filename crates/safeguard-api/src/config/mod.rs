//! `safeguard.toml`: the settings of an installation, and the policy within them.

mod calendar;
mod check;
mod cluster;
mod drill;
mod exec;
mod gates;
mod guard;
mod listen;
mod parse;
mod people;
mod problem;
mod program;
mod proxy;
mod quotas;
mod rebuild;
mod running;
mod stages;
mod terms;
mod traffic;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::Gate;
use crate::id::{Name, PolicyId};
use crate::ssh_key::SshKey;
use crate::stage::{Environment, Stage};
use crate::time::Span;

pub use calendar::CalendarSpec;
pub use check::SERVICES_MAX;
pub use cluster::ClusterOwner;
pub use drill::{DrillSettings, DrillVerify, DrillWrite, WRITE_KEY, WriteMethod};
pub use exec::ExecTarget;
pub use gates::{
    ApprovalGate, EvidenceRule, FindingsGate, GateSettings, LayersRule, PerformanceGate, ResourcesGate,
    RiskRule, RollbackGate,
};
pub use guard::{GuardPolicy, GuardRule, RowBudgets, StatementLimits};
pub use parse::schema;
pub use people::is_senior_by_role;
pub use problem::{ConfigProblem, Place};
pub use proxy::{Proxy, ProxyLimits, ProxyTls, ProxyUpstream, ProxyUser};
pub use quotas::{Quota, Quotas};
pub use rebuild::RebuildCommand;
pub use stages::{CanaryPolicy, CanaryStep, PromotionMode, StagePolicy, Stages};
pub use terms::{HotfixPolicy, Terms};
pub use traffic::{Http2Limits, Rate, RateLimits, TlsFiles, TrafficSettings, UpstreamProtocol};

/// The whole of `safeguard.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `observe` decides and records, and holds and moves nothing; `enforce` does what it decides.
    #[serde(default)]
    pub mode: Mode,
    #[serde(default)]
    pub listen: Listen,
    #[serde(default)]
    pub services: BTreeMap<Name, Service>,
    #[serde(default)]
    pub stages: Stages,
    #[serde(default)]
    pub gates: GateSettings,
    #[serde(default)]
    pub hotfix: HotfixPolicy,
    /// Who may approve; asked for where a stage wants approvals.
    #[serde(default)]
    pub approvers: Vec<Approver>,
    /// When releases may move, and when not.
    #[serde(default)]
    pub calendars: BTreeMap<Name, CalendarSpec>,
    /// What is answered to statements in front of a database.
    #[serde(default)]
    pub guard: GuardPolicy,
    /// The doors in front of databases, which `safeguard proxy run` opens.
    #[serde(default)]
    pub proxies: BTreeMap<Name, Proxy>,
    #[serde(default)]
    pub judge: JudgePolicy,
    #[serde(default)]
    pub rollback: RollbackPolicy,
    #[serde(default)]
    pub router: RouterLimits,
    #[serde(default)]
    pub notify: Notify,
    #[serde(default)]
    pub audit: AuditSettings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[default]
    Enforce,
    Observe,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The HTTP API and the status page. Beyond loopback it needs TLS, and is refused without.
    pub api: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        Listen {
            api: SocketAddr::from(([127, 0, 0, 1], 7400)),
        }
    }
}

/// One HTTP service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Program and arguments; a relative program is taken from the artifact. It must listen on `$HOST:$PORT`.
    pub command: Vec<String>,
    /// Who runs its instances; unsaid: the supervisor, as processes of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ExecTarget>,
    /// A GET of this path answers 2xx when the instance can serve.
    #[serde(default = "default_health_path")]
    pub health_path: String,
    /// How many processes each arm has in each environment.
    #[serde(default = "default_instances")]
    pub instances: u32,
    /// What tells one user from another.
    #[serde(default)]
    pub user_key: UserKey,
    /// Where users reach it, one address for each environment.
    pub listen: BTreeMap<Environment, SocketAddr>,
    /// TLS for the listeners of these environments; only with it may one be reachable from other machines.
    #[serde(default)]
    pub tls: BTreeMap<Environment, TlsFiles>,
    /// Environment variables of its processes, for each environment.
    #[serde(default)]
    pub variables: BTreeMap<Environment, BTreeMap<String, String>>,
    #[serde(default)]
    pub limits: InstanceLimits,
    /// How long a process may take to end after SIGTERM.
    #[serde(default = "default_stop_grace")]
    pub stop_grace: Span,
    /// What the router does with its requests.
    #[serde(default)]
    pub traffic: TrafficSettings,
    #[serde(default)]
    pub drill: DrillSettings,
    /// How an artifact of some of a batch's changes is made, for `safeguard release bisect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<RebuildCommand>,
}

fn default_health_path() -> String {
    "/healthz".to_owned()
}
fn default_instances() -> u32 {
    1
}
fn default_stop_grace() -> Span {
    Span::seconds(5)
}

/// Where the router finds the user's key; where it finds none, it sets a cookie of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserKey {
    /// The name of a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// The name of a request header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
}

/// Limits of one process. Unsaid means the default; there is no unlimited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InstanceLimits {
    pub memory_bytes_max: u64,
    /// In percent of one core.
    pub cpu_percent_max: u32,
    pub open_files_max: u64,
}

impl Default for InstanceLimits {
    fn default() -> Self {
        InstanceLimits {
            memory_bytes_max: 1 << 30,
            cpu_percent_max: 400,
            open_files_max: 4096,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approver {
    /// The person's name; several logins, addresses and keys of one person count once.
    pub person: String,
    #[serde(default)]
    pub roles: Vec<String>,
    /// Every address under which the person commits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emails: Vec<String>,
    /// What stands for the person in CODEOWNERS: `@login`, and teams such as `@acme/payments`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owner_names: Vec<String>,
    /// OpenSSH public keys that the person signs with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<SshKey>,
    /// The person signs with a passkey; `safeguard passkey invite` makes the link that enrols it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passkey: bool,
}

impl Approver {
    /// Whether a name, a login or an address is this person's, as far as the file says so.
    #[must_use]
    pub fn is_known_as(&self, name: &str) -> bool {
        let names = self.emails.iter().chain(&self.owner_names).chain([&self.person]);
        names
            .map(|known| known.trim_start_matches('@'))
            .any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// How the judge decides that bad events come from the canary. The formulas are in docs/judge.md.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JudgePolicy {
    /// The chance that a healthy release is rolled back by the judge, over the whole life of its rollout.
    pub alpha: f64,
    /// The planned length of the comparison; it sets how the chance is spread over time.
    pub planned: Span,
    /// One bad event is counted for each session, class and fingerprint in such a window.
    pub window: Span,
    /// The first moments of a candidate do not count.
    pub warm_up: Span,
    /// Exits of the candidate's process within `exits_within` that trip.
    pub exits_max: u32,
    pub exits_within: Span,
    /// Health checks failed in a row, one a second, that trip.
    pub health_failures_max: u32,
    /// Failures in a row on the candidate, while stable succeeds, that trip.
    pub failures_in_a_row_max: u32,
    /// Whether answers slower than what is usual on stable count as bad events. In a drill they never do.
    pub slowness: bool,
}

impl Default for JudgePolicy {
    fn default() -> Self {
        JudgePolicy {
            alpha: 0.001,
            planned: Span::hours(24),
            window: Span::seconds(60),
            warm_up: Span::seconds(10),
            exits_max: 2,
            exits_within: Span::seconds(60),
            health_failures_max: 3,
            failures_in_a_row_max: 10,
            slowness: true,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackPolicy {
    /// How long a candidate's weight holds without word from the control plane.
    pub lease: Span,
    /// How long requests in flight may take to end.
    pub drain_longest: Span,
    /// How long a candidate may take to become healthy.
    pub deploy_longest: Span,
}

impl Default for RollbackPolicy {
    fn default() -> Self {
        RollbackPolicy {
            lease: Span::seconds(10),
            drain_longest: Span::seconds(10),
            deploy_longest: Span::minutes(2),
        }
    }
}

/// Limits of the router; a request over one is refused with the status that RFC 9110 has for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RouterLimits {
    pub threads: usize,
    pub connections_max: usize,
    pub header_bytes_max: usize,
    pub headers_max: usize,
    pub body_bytes_max: u64,
    /// From the first byte of a request to the end of its header.
    pub header_longest: Span,
    /// Between two pieces of a body, in either direction.
    pub body_idle_longest: Span,
    /// Between two requests on one connection.
    pub idle_longest: Span,
    /// From the request's end to the response's header.
    pub response_longest: Span,
    pub connect_longest: Span,
    /// Connections that wait to be reused, for each instance.
    pub upstream_idle_max: usize,
    pub upstream_idle_longest: Span,
    pub http2: Http2Limits,
}

impl Default for RouterLimits {
    fn default() -> Self {
        RouterLimits {
            threads: 1,
            connections_max: 10_000,
            header_bytes_max: 32 << 10,
            headers_max: 100,
            body_bytes_max: 64 << 20,
            header_longest: Span::seconds(10),
            body_idle_longest: Span::seconds(30),
            idle_longest: Span::seconds(60),
            response_longest: Span::seconds(30),
            connect_longest: Span::seconds(2),
            upstream_idle_max: 256,
            upstream_idle_longest: Span::seconds(30),
            http2: Http2Limits::default(),
        }
    }
}

/// Whom to tell when a release is held, rolled back or live.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// A program and its arguments; it gets the notice as JSON on its standard input. No shell reads it.
    pub exec: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// Where the newest checkpoint is kept outside the database, best on another disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_file: Option<PathBuf>,
}

/// The part of the settings that judges releases. A release is judged by the one in force when it entered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub mode: Mode,
    pub stages: Stages,
    pub gates: GateSettings,
    #[serde(default)]
    pub hotfix: HotfixPolicy,
    pub approvers: Vec<Approver>,
    /// Those of the policy in force hold every release, whatever policy it entered under.
    // A policy without calendars keeps the name that it had before there were any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calendars: BTreeMap<Name, CalendarSpec>,
    pub judge: JudgePolicy,
    pub rollback: RollbackPolicy,
}

impl Config {
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            mode: self.mode,
            stages: self.stages.clone(),
            gates: self.gates.clone(),
            hotfix: self.hotfix.clone(),
            approvers: self.approvers.clone(),
            calendars: self.calendars.clone(),
            judge: self.judge.clone(),
            rollback: self.rollback.clone(),
        }
    }
}

impl Policy {
    /// Names the policy by what it says.
    #[must_use]
    pub fn id(&self) -> PolicyId {
        // Struct fields serialise in their declared order and maps are sorted, so equal policies give equal bytes.
        let json = serde_json::to_vec(self);
        #[expect(
            clippy::expect_used,
            reason = "no map with keys that are not text, no fallible serialiser"
        )]
        PolicyId::of(&json.expect("a policy is always JSON"))
    }

    /// Gates that must have passed before a release leaves `stage`.
    #[must_use]
    pub fn gates(&self, stage: Stage) -> &[Gate] {
        match stage {
            Stage::Dev => &self.stages.dev.gates,
            Stage::Qa => &self.stages.qa.gates,
            Stage::Staging => &self.stages.staging.gates,
            Stage::Canary => &self.stages.canary.gates,
            Stage::Production => &self.stages.production.gates,
        }
    }

    /// What a stage asks, none for the canary, which has steps of its own.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> Option<&StagePolicy> {
        match stage {
            Stage::Dev => Some(&self.stages.dev),
            Stage::Qa => Some(&self.stages.qa),
            Stage::Staging => Some(&self.stages.staging),
            Stage::Canary => None,
            Stage::Production => Some(&self.stages.production),
        }
    }

    /// Approvals asked for before leaving `stage`, and how promotion is started.
    #[must_use]
    pub fn leaving(&self, stage: Stage) -> (u32, PromotionMode) {
        match self.stage(stage) {
            Some(policy) => (policy.approvals, policy.promotion),
            None => (self.stages.canary.approvals, self.stages.canary.promotion),
        }
    }
}
