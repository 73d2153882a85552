//! One child process with its group: how it is started through the launcher, told to end, killed, and how it ended.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::launch::{LaunchSpec, SPEC_VARIABLE};

/// How the output of a child goes on.
pub(crate) enum Output {
    Inherited,
    /// Its input too: see [`GroupLeader::pipes`].
    Piped,
    To(io::PipeWriter),
}

/// How a child ended that was asked to.
pub(crate) struct Stop {
    pub status: io::Result<ExitStatus>,
    pub killed: bool,
}

/// A running child that leads a process group of its own.
pub(crate) struct GroupLeader {
    child: Child,
    pid: Pid,
}

impl GroupLeader {
    /// Starts the launcher, which becomes what `spec` says.
    pub fn start(launcher: &[String], spec: &LaunchSpec, output: Output) -> io::Result<GroupLeader> {
        let (program, arguments) = launcher
            .split_first()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no launcher is set"))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        command.env(SPEC_VARIABLE, serde_json::to_string(spec)?);
        match output {
            Output::Inherited => {}
            Output::Piped => {
                command
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped());
            }
            Output::To(pipe) => {
                command.stdout(pipe.try_clone()?).stderr(pipe);
            }
        }
        let child = command.spawn()?;
        let pid = child
            .id()
            .and_then(|pid| Pid::from_raw(pid.cast_signed()))
            .ok_or_else(|| io::Error::other("the process ended at once"))?;
        Ok(GroupLeader { child, pid })
    }

    /// Its stdin, stdout and stderr, once, where they are piped.
    pub fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout, ChildStderr)> {
        let child = &mut self.child;
        Some((child.stdin.take()?, child.stdout.take()?, child.stderr.take()?))
    }

    pub fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// Waits for its end, then kills what is left of its group. Can be dropped and called again.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.kill();
        status
    }

    /// Asks the group to end, and kills it when it has not after `grace`.
    pub async fn stop(&mut self, grace: Duration) -> Stop {
        kill(rustix::process::kill_process_group(self.pid, Signal::TERM));
        match tokio::time::timeout(grace, self.ended()).await {
            Ok(status) => Stop {
                status,
                killed: false,
            },
            Err(_) => {
                self.kill();
                Stop {
                    status: self.ended().await,
                    killed: true,
                }
            }
        }
    }

    /// Kills the group. The number of a group stays taken while it has members, so this meets no stranger.
    pub fn kill(&self) {
        kill(rustix::process::kill_process_group(self.pid, Signal::KILL));
    }
}

/// Takes note of a signal that could not be sent; that the process is gone already is what was wanted.
pub(crate) fn kill(sent: Result<(), Errno>) {
    match sent {
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => tracing::warn!(%error, "Cannot send a signal"),
    }
}

/// Says how a process ended, such as `exit 1` or `signal 6 (SIGABRT)`.
pub(crate) fn how(status: io::Result<ExitStatus>) -> String {
    let status = match status {
        Ok(status) => status,
        Err(error) => return format!("unknown: {error}"),
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal} ({})", signal_name(signal)),
        (None, None) => status.to_string(),
    }
}

/// Names of signal(7), by their numbers on x86 and ARM.
fn signal_name(signal: i32) -> &'static str {
    const NAMES: [&str; 32] = [
        "?",
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
        "SIGSTKFLT",
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGVTALRM",
        "SIGPROF",
        "SIGWINCH",
        "SIGIO",
        "SIGPWR",
        "SIGSYS",
    ];
    usize::try_from(signal)
        .ok()
        .and_then(|number| NAMES.get(number))
        .unwrap_or(&"real-time")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_how_a_process_ended() {
        for (raw, text) in [
            (0, "exit 0"),
            (0x100, "exit 1"),
            (6, "signal 6 (SIGABRT)"),
            (9, "signal 9 (SIGKILL)"),
        ] {
            assert_eq!(how(Ok(ExitStatus::from_raw(raw))), text);
        }
    }
}
