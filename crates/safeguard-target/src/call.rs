//! One call of a program of the user's: a process that reads one JSON object, prints one, and ends.
//!
//! What it says is not trusted: an answer that is late, long, not understood or contradicts the way the program ended is
//! no answer.

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use safeguard_api::Span;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::launch::{LaunchEnvironment, LaunchSpec};
use crate::process::{GroupLeader, Output, how};

/// More on stdout is no answer.
pub(crate) const STDOUT_BYTES_MAX: usize = 64 << 10;
/// More on stderr is read and lost; its end is kept.
const STDERR_BYTES_KEPT: usize = 2 << 10;
const HANDLE_BYTES_MAX: usize = 512;
const MESSAGE_CHARS_MAX: usize = 400;
/// Between SIGTERM and SIGKILL.
const KILL_AFTER: Duration = Duration::from_secs(5);
/// What a program has said before its end arrives at once.
const REST_LONGEST: Duration = Duration::from_millis(500);

pub(crate) struct Call<'c> {
    /// Program and arguments that end in [`crate::launch`].
    pub launcher: &'c [String],
    pub launch: LaunchSpec,
    pub question: Vec<u8>,
    pub longest: Span,
}

/// What a program printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Heard {
    pub stdout: Vec<u8>,
    pub how: String,
    /// Its end.
    pub stderr: String,
}

/// What the program says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    ok: bool,
    #[serde(default)]
    pub endpoints: Vec<String>,
    #[serde(default)]
    pub handle: Option<String>,
    /// Why it is not ok, for people.
    #[serde(default)]
    message: Option<String>,
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
    #[error("its answer is not {api}: {why}")]
    NotUnderstood { api: &'static str, why: String },
    #[error("it said ok, and ended with {how}")]
    Contradiction { how: String },
    #[error("{message}")]
    NotOk { message: String },
    #[error("it is no longer wanted")]
    NotWanted,
}

/// Why a call was not waited for.
enum Cut {
    TooMuch,
    TooLate,
    NotWanted,
}

/// What is started for `exec`, in `folder`, with `PATH`, `HOME` and the variables named in `inherit` alone.
pub(crate) fn launch_of(
    exec: &[String],
    inherit: &[String],
    folder: PathBuf,
) -> Result<LaunchSpec, CallError> {
    let (program, arguments) = exec.split_first().ok_or_else(|| CallError::Start {
        program: String::new(),
        source: io::Error::new(io::ErrorKind::InvalidInput, "no program is named"),
    })?;
    let inherited = |name: &String| Some((name.clone(), std::env::var(name).ok()?));
    let names = ["PATH".to_owned(), "HOME".to_owned()];
    Ok(LaunchSpec {
        parent: std::process::id(),
        program: PathBuf::from(program),
        arguments: arguments.to_vec(),
        folder: Some(folder),
        environment: LaunchEnvironment::Only(names.iter().chain(inherit).filter_map(inherited).collect()),
        open_files_max: None,
        cgroups: Vec::new(),
    })
}

impl Call<'_> {
    /// Asks, and waits for the end: at the deadline, or when it is not wanted any more, it is told to end, and killed
    /// where it does not.
    pub async fn heard(self, unwanted: impl Future<Output = ()>) -> Result<Heard, CallError> {
        let Call {
            launcher,
            launch,
            question,
            longest,
        } = self;
        let failed = |source| CallError::Start {
            program: launch.program.display().to_string(),
            source,
        };
        let mut process = GroupLeader::start(launcher, &launch, Output::Piped).map_err(failed)?;
        let pipes = process
            .pipes()
            .ok_or_else(|| failed(io::Error::other("it has no pipes")))?;
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
        let mut unwanted = pin!(unwanted);
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
            tracing::debug!(program = %launch.program.display(), "A program's output is held open");
        }
        drop(reading);
        let stderr = tokio::time::timeout(REST_LONGEST, &mut complaints).await;
        let stderr = stderr
            .ok()
            .and_then(Result::ok)
            .unwrap_or_else(|| "not read".to_owned());
        telling.abort();
        complaints.abort();
        Ok(Heard {
            stdout: answer,
            how,
            stderr,
        })
    }
}

/// Makes an answer of what was printed and how it ended.
pub(crate) fn understand(heard: Heard, api: &'static str) -> Result<Said, CallError> {
    let Heard { stdout, how, stderr } = heard;
    let stderr = short(&stderr);
    if stdout.trim_ascii().is_empty() {
        return Err(CallError::NoAnswer { how, stderr });
    }
    let said: Said = serde_json::from_slice(&stdout).map_err(|error| CallError::NotUnderstood {
        api,
        why: format!(
            "{error}; it begins with `{}`",
            short(
                &String::from_utf8_lossy(&stdout)
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
        return Err(CallError::Contradiction { how });
    }
    if said
        .handle
        .as_ref()
        .is_some_and(|handle| HANDLE_BYTES_MAX < handle.len())
    {
        let why = format!("a handle of more than {HANDLE_BYTES_MAX} bytes");
        return Err(CallError::NotUnderstood { api, why });
    }
    Ok(said)
}

pub(crate) fn short(text: &str) -> String {
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
