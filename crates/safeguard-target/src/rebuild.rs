//! A program of the user's that makes an artifact of some of a batch's changes.

use std::path::{Path, PathBuf};

use safeguard_api::bisect::BatchChange;
use safeguard_api::config::RebuildCommand;
use safeguard_api::{Name, ReleaseId};
use serde::Serialize;

use crate::call::{Call, CallError, launch_of, understand};

/// The version of what is said.
const API: &str = "safeguard.rebuild/1";

/// The artifact that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    pub service: &'w Name,
    pub release: &'w ReleaseId,
    /// The commit that all of the changes lie above.
    pub base: &'w str,
    /// In the order in which they were recorded; none: the base alone.
    pub changes: &'w [BatchChange],
    /// Where the artifact is put, a file or a folder; nothing is there before.
    pub out: &'w Path,
}

/// What the program reads.
#[derive(Serialize)]
struct Question<'q> {
    api: &'static str,
    op: &'static str,
    service: &'q Name,
    release: &'q ReleaseId,
    base: &'q str,
    changes: &'q [BatchChange],
    out: &'q Path,
    deadline_ms: u64,
}

/// Why there is no artifact.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Nothing was asked: this says nothing of the changes.
    #[error("{0}")]
    NotStarted(String),
    #[error("{0}")]
    NotBuilt(String),
    #[error("broken off")]
    BrokenOff,
}

/// Lets the program make the artifact, in `folder`, from where a relative program is also seen. `launcher` is program
/// and arguments that end in [`crate::launch`].
///
/// # Errors
/// When the program makes none within its deadline, says no, or is not wanted any more.
pub async fn rebuild(
    command: &RebuildCommand,
    folder: &Path,
    launcher: &[String],
    wanted: Wanted<'_>,
    unwanted: impl Future<Output = ()>,
) -> Result<(), RebuildError> {
    let question = Question {
        api: API,
        op: "rebuild",
        service: wanted.service,
        release: wanted.release,
        base: wanted.base,
        changes: wanted.changes,
        out: wanted.out,
        deadline_ms: command.deadline.ms(),
    };
    #[expect(clippy::expect_used, reason = "no map with keys that are not text")]
    let mut question = serde_json::to_vec(&question).expect("a question is always JSON");
    question.push(b'\n');
    let mut launch = launch_of(&command.exec, &command.inherit, folder.to_owned()).map_err(error)?;
    launch.program = seen_from(folder, &launch.program);
    if !launch.program.is_file() {
        let program = launch.program.display();
        return Err(RebuildError::NotStarted(format!(
            "there is no program `{program}`"
        )));
    }
    let call = Call {
        launcher,
        launch,
        question,
        longest: command.deadline,
    };
    let heard = call.heard(unwanted).await.map_err(error)?;
    let said = understand(heard, API).map_err(error)?;
    if said.handle.is_some() || !said.endpoints.is_empty() {
        return Err(RebuildError::NotBuilt(format!(
            "its answer is not {API}: it runs nothing"
        )));
    }
    if !wanted.out.exists() {
        let out = wanted.out.display();
        return Err(RebuildError::NotBuilt(format!(
            "it said ok, and there is nothing at `{out}`"
        )));
    }
    Ok(())
}

fn seen_from(folder: &Path, program: &Path) -> PathBuf {
    if program.is_absolute() {
        program.to_owned()
    } else {
        folder.join(program)
    }
}

fn error(error: CallError) -> RebuildError {
    let text = error.to_string();
    match error {
        CallError::Start { .. } => RebuildError::NotStarted(text),
        CallError::NotWanted => RebuildError::BrokenOff,
        CallError::TooLate { .. }
        | CallError::TooMuch
        | CallError::NoAnswer { .. }
        | CallError::NotUnderstood { .. }
        | CallError::Contradiction { .. }
        | CallError::NotOk { .. } => RebuildError::NotBuilt(text),
    }
}
