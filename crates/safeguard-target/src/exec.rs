//! A program of the user's that runs versions elsewhere: one process for each call, one JSON object in and one out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use safeguard_api::config::{ExecTarget, InstanceLimits};
use safeguard_api::instance::InstanceSpec;
use safeguard_api::{Digest, Environment, Name, ReleaseId, Span};
use serde::Serialize;
use tokio::sync::watch;

use crate::call::{Call, CallError, Said, launch_of, short, understand};
use crate::instance::stop_wanted;
use crate::launch::LaunchSpec;

/// The version of what is said.
pub const API: &str = "safeguard.exec/1";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    Deploy,
    Status,
    Stop,
}

/// What the program reads.
#[derive(Serialize)]
struct Question<'q> {
    api: &'static str,
    op: Op,
    service: &'q Name,
    environment: Environment,
    /// Unique, and never used for another release.
    instance: &'q str,
    release: &'q ReleaseId,
    digest: &'q Digest,
    /// Where the artifact lies unpacked.
    artifact: &'q Path,
    command: &'q [String],
    variables: &'q BTreeMap<String, String>,
    health_path: &'q str,
    limits: &'q InstanceLimits,
    stop_grace_ms: u64,
    /// What the program said of this instance before.
    handle: Option<&'q str>,
    /// The same for the same wanted state, another for any other.
    idempotency_key: &'q str,
    deadline_ms: u64,
}

/// An instance that runs, as the program told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deployed {
    pub address: SocketAddr,
    pub handle: Option<String>,
}

/// The program of one instance.
pub(crate) struct Program {
    spec: InstanceSpec,
    target: ExecTarget,
    launcher: Vec<String>,
    key: String,
}

impl Program {
    pub fn new(spec: &InstanceSpec, target: &ExecTarget, launcher: &[String]) -> Program {
        Program {
            key: idempotency_key(spec),
            spec: spec.clone(),
            target: target.clone(),
            launcher: launcher.to_vec(),
        }
    }

    /// Asks for the instance to run.
    pub async fn deploy(&self, stopping: watch::Receiver<bool>) -> Result<Deployed, CallError> {
        let said = self.call(Op::Deploy, None, Some(stopping)).await?;
        deployed(said)
    }

    /// Asks whether it still runs, and where.
    pub async fn status(&self, before: &Deployed) -> Result<Deployed, CallError> {
        let said = self.call(Op::Status, before.handle.as_deref(), None).await?;
        deployed(said)
    }

    /// Asks for nothing of it to run any more.
    pub async fn stop(&self, handle: Option<&str>) -> Result<(), CallError> {
        self.call(Op::Stop, handle, None).await.map(|_| ())
    }

    async fn call(
        &self,
        op: Op,
        handle: Option<&str>,
        stopping: Option<watch::Receiver<bool>>,
    ) -> Result<Said, CallError> {
        let longest = match op {
            Op::Deploy | Op::Status => self.target.deadline,
            Op::Stop => Span(self.target.deadline.0 + self.spec.stop_grace.0),
        };
        let question = self.question(op, handle, longest);
        let unwanted = async {
            match stopping {
                Some(stopping) => stop_wanted(stopping).await,
                None => std::future::pending().await,
            }
        };
        let call = Call {
            launcher: &self.launcher,
            launch: self.launch()?,
            question,
            longest,
        };
        understand(call.heard(unwanted).await?, API)
    }

    fn question(&self, op: Op, handle: Option<&str>, longest: Span) -> Vec<u8> {
        let spec = &self.spec;
        let question = Question {
            api: API,
            op,
            service: &spec.service,
            environment: spec.environment,
            instance: &spec.id,
            release: &spec.release,
            digest: &spec.artifact,
            artifact: &spec.root,
            command: &spec.command,
            variables: &spec.variables,
            health_path: &spec.health_path,
            limits: &spec.limits,
            stop_grace_ms: spec.stop_grace.ms(),
            handle,
            idempotency_key: &self.key,
            deadline_ms: longest.ms(),
        };
        #[expect(clippy::expect_used, reason = "no map with keys that are not text")]
        let mut bytes = serde_json::to_vec(&question).expect("a question is always JSON");
        bytes.push(b'\n');
        bytes
    }

    fn launch(&self) -> Result<LaunchSpec, CallError> {
        launch_of(&self.target.exec, &self.target.inherit, PathBuf::from("/"))
    }
}

/// Names what is wanted by what it says.
fn idempotency_key(spec: &InstanceSpec) -> String {
    #[expect(clippy::expect_used, reason = "no map with keys that are not text")]
    let json = serde_json::to_vec(spec).expect("a spec is always JSON");
    Digest::of(&json).hex()[..32].to_owned()
}

/// One endpoint, on this machine: users' requests leave it neither unencrypted nor to a place that nobody named.
fn deployed(said: Said) -> Result<Deployed, CallError> {
    let refuse = |why: String| Err(CallError::NotUnderstood { api: API, why });
    let [endpoint] = &said.endpoints[..] else {
        return refuse(format!("{} endpoints, and one is wanted", said.endpoints.len()));
    };
    match endpoint.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => refuse(format!("the endpoint {address} has no port")),
        Ok(address) if !address.ip().is_loopback() => refuse(format!(
            "the endpoint {address} is not on this machine, and there is no TLS to it"
        )),
        Ok(address) => Ok(Deployed {
            address,
            handle: said.handle,
        }),
        Err(_) => refuse(format!(
            "the endpoint `{}` is not `address:port`",
            short(endpoint)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Heard;

    fn heard(stdout: &str, how: &str) -> String {
        let heard = Heard {
            stdout: stdout.as_bytes().to_vec(),
            how: how.to_owned(),
            stderr: "boom\n".to_owned(),
        };
        let said = understand(heard, API).and_then(deployed);
        match said {
            Ok(deployed) => format!("{} {}", deployed.address, deployed.handle.unwrap_or_default()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn only_a_whole_answer_is_one() {
        let good = r#"{"ok":true,"endpoints":["127.0.0.1:80"],"handle":"unit"}"#;
        for (stdout, how, wanted) in [
            (good, "exit 0", "127.0.0.1:80 unit"),
            (good, "exit 1", "it said ok, and ended with exit 1"),
            ("", "exit 1", "exit 1 and no answer; stderr: boom"),
            (
                "done",
                "exit 0",
                "its answer is not safeguard.exec/1: expected value at line 1 column 1; it begins with `done`",
            ),
            (
                r#"{"ok":true} x"#,
                "exit 0",
                "its answer is not safeguard.exec/1: trailing characters at line 1 column 13; it begins with `{\"ok\":true} x`",
            ),
            (r#"{"ok":false,"message":"no room"}"#, "exit 1", "no room"),
            (
                r#"{"ok":false}"#,
                "exit 0",
                "it said no, and not why; stderr: boom",
            ),
            (
                r#"{"ok":true}"#,
                "exit 0",
                "its answer is not safeguard.exec/1: 0 endpoints, and one is wanted",
            ),
            (
                r#"{"ok":true,"endpoints":["a","b"]}"#,
                "exit 0",
                "its answer is not safeguard.exec/1: 2 endpoints, and one is wanted",
            ),
            (
                r#"{"ok":true,"endpoints":["shop:80"]}"#,
                "exit 0",
                "its answer is not safeguard.exec/1: the endpoint `shop:80` is not `address:port`",
            ),
            (
                r#"{"ok":true,"endpoints":["127.0.0.1:0"]}"#,
                "exit 0",
                "its answer is not safeguard.exec/1: the endpoint 127.0.0.1:0 has no port",
            ),
            (
                r#"{"ok":true,"endpoints":["10.0.0.1:80"]}"#,
                "exit 0",
                "its answer is not safeguard.exec/1: the endpoint 10.0.0.1:80 is not on this machine, and there is no TLS to it",
            ),
        ] {
            assert_eq!(heard(stdout, how), wanted, "{stdout}");
        }
        let unknown = heard(r#"{"ok":true,"endpoint":"127.0.0.1:80"}"#, "exit 0");
        assert!(unknown.contains("unknown field `endpoint`"), "{unknown}");
    }
}
