//! A program of the user's that runs versions elsewhere: one process for each call, one JSON object in and one out.
//!
//! What it says is not trusted: an answer that is late, long, not understood or contradicts the way the program ended is
//! no answer.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use safeguard_api::config::{ExecTarget, InstanceLimits};
use safeguard_api::instance::InstanceSpec;
use safeguard_api::{Digest, Environment, Name, ReleaseId, Span};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::instance::stop_wanted;
use crate::launch::{LaunchEnvironment, LaunchSpec};
use crate::process::{GroupLeader, Output, how};

/// The version of what is said.
pub const API: &str = "safeguard.exec/1";
/// More on stdout is no answer.
pub const STDOUT_BYTES_MAX: usize = 64 << 10;
/// More on stderr is read and lost; its end is kept.
const STDERR_BYTES_KEPT: usize = 2 << 10;
const HANDLE_BYTES_MAX: usize = 512;
const MESSAGE_CHARS_MAX: usize = 400;
/// Between SIGTERM and SIGKILL.
const KILL_AFTER: Duration = Duration::from_secs(5);
/// What a program has said before its end arrives at once.
const REST_LONGEST: Duration = Duration::from_millis(500);

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

/// What the program says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    ok: bool,
    #[serde(default)]
    endpoints: Vec<String>,
    #[serde(default)]
    handle: Option<String>,
    /// Why it is not ok, for people.
    #[serde(default)]
    message: Option<String>,
}

/// An instance that runs, as the program told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deployed {
    pub address: SocketAddr,
    pub handle: Option<String>,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("cannot start `{program}`: {source}")]
    Start { program: String, source: io::Error },
    #[error("no answer after {longest}; told to end, it ended with {how}")]
    TooLate { longest: Span, how: String },
    #[error("more than {STDOUT_BYTES_MAX} bytes on stdout")]
    TooMuch,
    #[error("{how} and no answer; stderr: {stderr}")]
    NoAnswer { how: String, stderr: String },
    #[error("its answer is not {API}: {why}")]
    NotUnderstood { why: String },
    #[error("it said ok, and ended with {how}")]
    Contradiction { how: String },
    #[error("{message}")]
    NotOk { message: String },
    #[error("the instance is no longer wanted")]
    NotWanted,
}

/// Why a call was not waited for.
enum Cut {
    TooMuch,
    TooLate,
    NotWanted,
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
        let mut process = self.start()?;
        let pipes = process.pipes().ok_or_else(|| CallError::Start {
            program: self.name().to_owned(),
            source: io::Error::other("it has no pipes"),
        })?;
        let (mut stdin, stdout, stderr) = pipes;
        // A program that does not read has its reasons; what it says counts.
        let telling = tokio::spawn(async move {
            let told = stdin.write_all(&question).await;
            drop(stdin);
            told
        });
        let mut complaints = tokio::spawn(tail(stderr));
        let mut answer = Vec::new();
        let mut reading = Box::pin(read(stdout, &mut answer));
        let mut is_read = false;
        let mut late = pin!(tokio::time::sleep(longest.into()));
        let mut unwanted = pin!(async {
            match stopping {
                Some(stopping) => stop_wanted(stopping).await,
                None => std::future::pending().await,
            }
        });
        let ended = loop {
            tokio::select! {
                length = &mut reading, if !is_read => {
                    is_read = true;
                    if STDOUT_BYTES_MAX < length {
                        break Err(Cut::TooMuch);
                    }
                }
                status = process.ended() => break Ok(how(status)),
                () = &mut late => break Err(Cut::TooLate),
                () = &mut unwanted => break Err(Cut::NotWanted),
            }
        };
        let how = match ended {
            Ok(how) => how,
            Err(cut) => {
                let how = how(process.stop(KILL_AFTER).await.status);
                telling.abort();
                complaints.abort();
                return Err(match cut {
                    Cut::TooMuch => CallError::TooMuch,
                    Cut::TooLate => CallError::TooLate { longest, how },
                    Cut::NotWanted => CallError::NotWanted,
                });
            }
        };
        // A process that the program left behind may hold its pipes open: what it said itself is there by now.
        if !is_read && tokio::time::timeout(REST_LONGEST, &mut reading).await.is_err() {
            tracing::debug!(instance = self.spec.id, "A program's output is held open");
        }
        drop(reading);
        let stderr = tokio::time::timeout(REST_LONGEST, &mut complaints).await;
        let stderr = stderr
            .ok()
            .and_then(Result::ok)
            .unwrap_or_else(|| "not read".to_owned());
        telling.abort();
        complaints.abort();
        understand(&answer, &how, &stderr)
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

    fn start(&self) -> Result<GroupLeader, CallError> {
        let failed = |source| CallError::Start {
            program: self.name().to_owned(),
            source,
        };
        let (program, arguments) = self
            .target
            .exec
            .split_first()
            .ok_or_else(|| failed(io::Error::new(io::ErrorKind::InvalidInput, "no program is named")))?;
        let inherited = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
        let names = ["PATH".to_owned(), "HOME".to_owned()];
        let launch = LaunchSpec {
            parent: std::process::id(),
            program: PathBuf::from(program),
            arguments: arguments.to_vec(),
            folder: Some(PathBuf::from("/")),
            environment: LaunchEnvironment::Only(
                names
                    .iter()
                    .chain(&self.target.inherit)
                    .filter_map(inherited)
                    .collect(),
            ),
            open_files_max: None,
            cgroups: Vec::new(),
        };
        GroupLeader::start(&self.launcher, &launch, Output::Piped).map_err(failed)
    }

    fn name(&self) -> &str {
        self.target.exec.first().map_or("", String::as_str)
    }
}

/// Names what is wanted by what it says.
fn idempotency_key(spec: &InstanceSpec) -> String {
    #[expect(clippy::expect_used, reason = "no map with keys that are not text")]
    let json = serde_json::to_vec(spec).expect("a spec is always JSON");
    Digest::of(&json).hex()[..32].to_owned()
}

/// Makes an answer of what was printed and how it ended.
fn understand(stdout: &[u8], how: &str, stderr: &str) -> Result<Said, CallError> {
    let stderr = short(stderr);
    if stdout.trim_ascii().is_empty() {
        let how = how.to_owned();
        return Err(CallError::NoAnswer { how, stderr });
    }
    let said: Said = serde_json::from_slice(stdout).map_err(|error| CallError::NotUnderstood {
        why: format!(
            "{error}; it begins with `{}`",
            short(
                &String::from_utf8_lossy(stdout)
                    .chars()
                    .take(60)
                    .collect::<String>()
            )
        ),
    })?;
    if !said.ok {
        let message = said
            .message
            .as_deref()
            .map(short)
            .filter(|message| !message.is_empty());
        return Err(CallError::NotOk {
            message: message.unwrap_or_else(|| format!("it said no, and not why; stderr: {stderr}")),
        });
    }
    if how != "exit 0" {
        return Err(CallError::Contradiction { how: how.to_owned() });
    }
    if said
        .handle
        .as_ref()
        .is_some_and(|handle| HANDLE_BYTES_MAX < handle.len())
    {
        let why = format!("a handle of more than {HANDLE_BYTES_MAX} bytes");
        return Err(CallError::NotUnderstood { why });
    }
    Ok(said)
}

/// One endpoint, on this machine: users' requests leave it neither unencrypted nor to a place that nobody named.
fn deployed(said: Said) -> Result<Deployed, CallError> {
    let refuse = |why: String| Err(CallError::NotUnderstood { why });
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

fn short(text: &str) -> String {
    let line = text.trim().replace(char::is_control, " ");
    line.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// Reads everything that comes, up to one byte more than is allowed, and returns how much it was.
async fn read(stdout: impl AsyncRead + Unpin, bytes: &mut Vec<u8>) -> usize {
    let mut stdout = stdout.take(STDOUT_BYTES_MAX as u64 + 1);
    if let Err(error) = stdout.read_to_end(bytes).await {
        tracing::debug!(%error, "A program's output could not be read to its end");
    }
    bytes.len()
}

/// The end of everything that comes.
async fn tail(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(count) = stderr.read(&mut piece).await {
        if count == 0 {
            break;
        }
        kept.extend_from_slice(piece.get(..count).unwrap_or(&[]));
        let over = kept.len().saturating_sub(STDERR_BYTES_KEPT);
        kept.drain(..over);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(stdout: &str, how: &str) -> String {
        let said = understand(stdout.as_bytes(), how, "boom\n").and_then(deployed);
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
