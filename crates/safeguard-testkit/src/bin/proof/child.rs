//! Processes that end with this one, however it ends, and that nobody waits for without an end.

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

pub const ROLE: &str = "--role-child";
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// This very program, also when its file was replaced meanwhile.
pub fn ourselves() -> Command {
    Command::new("/proc/self/exe")
}

/// A command whose process is asked to end when the thread that starts it does.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = ourselves();
    command.arg(ROLE).arg(std::process::id().to_string()).arg(program);
    command
}

/// Becomes the program that [`command`] was asked for; returns only if that is not possible.
pub fn become_it(mut words: impl Iterator<Item = OsString>) -> anyhow::Error {
    let (Some(parent), Some(program)) = (words.next(), words.next()) else {
        return anyhow::anyhow!("a child is told its parent and its program");
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::TERM)) {
        return anyhow::Error::from(error).context("cannot ask for the signal at the parent's end");
    }
    // It may have ended before the signal was asked for.
    let lives = getppid().is_some_and(|id| *id.as_raw_nonzero().to_string() == *parent);
    if !lives {
        return anyhow::anyhow!("the parent has ended");
    }
    let error = Command::new(&program).args(words).exec();
    anyhow::Error::from(error).context(format!("cannot run {}", program.display()))
}

/// Runs a command to its end, or ends it when it takes too long.
pub fn output(command: &mut Command, longest: Duration) -> anyhow::Result<Output> {
    // Files, since whoever inherits a pipe keeps its reader waiting.
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(err.try_clone()?)
        .spawn()
        .with_context(|| format!("cannot run {}", name(command)))?;
    let deadline = Instant::now() + longest;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if deadline < Instant::now() {
            end(&mut child)?;
            bail!("{} did not end within {} s", name(command), longest.as_secs());
        }
        std::thread::sleep(LOOK_EVERY);
    };
    let read = |file: &mut std::fs::File| {
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    Ok(Output {
        status,
        stdout: read(&mut out)?,
        stderr: read(&mut err)?,
    })
}

/// Ends a process that is not asked.
pub fn end(child: &mut Child) -> std::io::Result<()> {
    child.kill()?;
    child.wait().map(drop)
}

/// The program and its first words, for messages.
fn name(command: &Command) -> String {
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    match words.as_slice() {
        [role, _, words @ ..] if role == ROLE => words.join(" "),
        _ => command.get_program().to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_ended() {
        let begun = Instant::now();
        let error = output(Command::new("sleep").arg("60"), Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.to_string(), "sleep did not end within 0 s");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn what_was_said_is_kept_apart() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        let said = output(&mut command, Duration::from_secs(30)).unwrap();
        assert_eq!(
            (said.stdout.as_slice(), said.stderr.as_slice()),
            (&b"out\n"[..], &b"err\n"[..])
        );
        assert_eq!(said.status.code(), Some(3));
    }
}
