//! A command of the user's, run in a process group of its own, within a time, and with its output kept.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Between SIGTERM and SIGKILL.
const KILL_AFTER: Duration = Duration::from_secs(5);
/// What is kept of the end of its output.
const TAIL_BYTES: usize = 64 << 10;
/// What a process has said before its end arrives at once; what it left behind may hold its output open.
const REST_LONGEST: Duration = Duration::from_millis(500);

/// How it ended.
#[derive(Debug)]
pub struct Ended {
    /// None where it was ended for taking too long.
    pub status: Option<ExitStatus>,
    pub took: Duration,
    /// The end of what it wrote.
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn passed(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Runs words as a command in a folder: a program with a `/` in its name is one of the folder.
pub fn command(words: &[String], folder: &Path) -> Command {
    let (program, arguments) = words
        .split_first()
        .map_or(("", words), |(program, rest)| (program.as_str(), rest));
    let mut command = match program.contains('/') {
        true => Command::new(folder.join(program)),
        false => Command::new(program),
    };
    command.args(arguments).current_dir(folder);
    command
}

/// Waits until somebody wants an end of it all: Ctrl-C or SIGTERM.
pub async fn stopped() -> io::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}

/// Runs it to its end, or ends it and all of its group. Dropped, it kills the group.
pub async fn run(mut command: Command, stdin: Stdio, longest: Duration) -> io::Result<Ended> {
    let began = Instant::now();
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = child
        .id()
        .and_then(|id| Pid::from_raw(id.cast_signed()))
        .map(Group)
        .ok_or_else(|| io::Error::other("the process ended at once"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut reading = Box::pin(async { tokio::join!(tail(stdout), tail(stderr)) });
    let mut told = None;
    let status = {
        let mut ending = Box::pin(tokio::time::timeout(longest, child.wait()));
        loop {
            tokio::select! {
                both = &mut reading, if told.is_none() => told = Some(both),
                ended = &mut ending => break ended,
            }
        }
    };
    let took = began.elapsed();
    let status = match status {
        Ok(status) => Some(status?),
        Err(_) => {
            group.signal(Signal::TERM);
            if tokio::time::timeout(KILL_AFTER, child.wait()).await.is_err() {
                group.signal(Signal::KILL);
                child.wait().await?;
            }
            None
        }
    };
    // What it left behind goes with it.
    drop(group);
    let told = match told {
        Some(told) => told,
        None => tokio::time::timeout(REST_LONGEST, reading)
            .await
            .unwrap_or_default(),
    };
    Ok(Ended {
        status,
        took,
        stdout: told.0,
        stderr: told.1,
    })
}

/// Kills its members when it is dropped. The number of a group stays taken while it has members.
struct Group(Pid);

impl Group {
    fn signal(&self, signal: Signal) {
        // That it is gone already is what was wanted.
        match kill_process_group(self.0, signal) {
            Ok(()) | Err(_) => {}
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

async fn tail(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut kept = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut piece).await {
        kept.extend_from_slice(&piece[..length]);
        if kept.len() > 2 * TAIL_BYTES {
            kept.drain(..kept.len() - TAIL_BYTES);
        }
    }
    let start = kept.len().saturating_sub(TAIL_BYTES);
    String::from_utf8_lossy(&kept[start..]).into_owned()
}
