//! What the control plane tells the supervisor to run, and what the supervisor tells back.
//!
//! They talk over a Unix socket, one JSON object a line: a [`SupervisorCall`], then its [`SupervisorAnswer`].
//! The answer to [`SupervisorCall::Listeners`] carries the sockets themselves, as `SCM_RIGHTS`, in the order of its names.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{ExecTarget, InstanceLimits, UpstreamProtocol};
use crate::id::{Digest, Name, ReleaseId};
use crate::stage::Environment;
use crate::time::{Span, Timestamp};
use crate::traffic::Endpoint;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum SupervisorCall {
    /// The listening sockets of one role.
    Listeners {
        role: Role,
    },
    /// Everything that shall run. What is missing is started, what is not named is drained and stopped.
    Apply {
        generation: u64,
        instances: Vec<InstanceSpec>,
    },
    Report,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum SupervisorAnswer {
    /// Names such as `api` or `shop.production`.
    Listeners {
        names: Vec<String>,
    },
    Report(SupervisorReport),
    Refused {
        why: String,
    },
}

/// The supervisor's children that are not apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Server,
    Router,
    /// In front of databases; there is one when the configuration has `[proxies]`.
    Proxy,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// Such as `shop-production-rel_01jb…-0`: unique, and never used for another release.
    pub id: String,
    pub service: Name,
    pub environment: Environment,
    pub release: ReleaseId,
    pub artifact: Digest,
    /// Where the artifact lies unpacked; it is hashed again before every start.
    pub root: PathBuf,
    /// Program and arguments; a relative program is taken from `root`. No shell reads it.
    pub command: Vec<String>,
    /// Added to `PORT`, `HOST`, `SAFEGUARD_ENVIRONMENT`, `SAFEGUARD_RELEASE`; nothing else is inherited but `PATH`.
    pub variables: BTreeMap<String, String>,
    pub health_path: String,
    /// What it speaks.
    #[serde(default)]
    pub upstream: UpstreamProtocol,
    pub limits: InstanceLimits,
    /// How long it may take to end after SIGTERM before SIGKILL.
    pub stop_grace: Span,
    /// Who runs it; none means the supervisor itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ExecTarget>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SupervisorReport {
    pub generation: u64,
    pub pid: u32,
    pub roles: Vec<RoleReport>,
    pub instances: Vec<InstanceReport>,
    /// Instances that were stopped because nothing wanted them any more, the newest last, at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stopped: Vec<Stopped>,
}

/// How an instance ended that was asked to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    pub id: String,
    /// Such as `exit 0`.
    pub how: String,
    pub took: Span,
    /// It had not ended within its grace after SIGTERM.
    pub killed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoleReport {
    pub role: Role,
    pub pid: Option<u32>,
    pub restarts: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceReport {
    pub id: String,
    pub service: Name,
    pub environment: Environment,
    pub release: ReleaseId,
    pub state: InstanceState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    pub starts: u32,
    /// Ends that nobody asked for, the newest last, at most 16.
    pub exits: Vec<Exit>,
    /// Failed health checks in a row, one a second.
    pub health_failures: u32,
    pub memory_bytes: u64,
    pub cpu_ms: u64,
    /// Which mechanism enforces each limit, such as `memory: cgroup v1`.
    pub limits: Vec<String>,
}

impl InstanceReport {
    /// Where its requests can go: it is healthy, or has only just missed health checks.
    #[must_use]
    pub fn endpoint(&self) -> Option<Endpoint> {
        let serves = match self.state {
            InstanceState::Healthy { .. } | InstanceState::Unhealthy => true,
            InstanceState::Starting
            | InstanceState::BackOff { .. }
            | InstanceState::Stopping
            | InstanceState::Refused { .. } => false,
        };
        let address = self.address.filter(|_| serves)?;
        Some(Endpoint {
            instance: self.id.clone(),
            address,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum InstanceState {
    Starting,
    Healthy {
        since: Timestamp,
    },
    Unhealthy,
    /// It ended; it is started again at `until`.
    BackOff {
        until: Timestamp,
    },
    Stopping,
    /// It is not started: the artifact's bytes are not its digest's, or the program can not be run.
    Refused {
        why: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exit {
    pub at: Timestamp,
    /// Such as `exit 1`, `signal 6 (SIGABRT)`.
    pub how: String,
    pub out_of_memory: bool,
}
