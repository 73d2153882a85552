//! Breaks the candidate, and keeps it broken until somebody notices.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use safeguard_api::drill::FaultKind;
use safeguard_api::instance::InstanceReport;
use safeguard_dataplane::Injection;

pub(super) struct Breaker {
    kind: FaultKind,
    injection: Arc<Injection>,
    /// Processes that have had their signal.
    met: BTreeSet<u32>,
}

impl Breaker {
    pub fn new(kind: FaultKind, injection: Arc<Injection>) -> Breaker {
        Breaker {
            kind,
            injection,
            met: BTreeSet::new(),
        }
    }

    /// Meets every process of the candidate once; one that was started again is a new process.
    pub fn work<'a>(&mut self, candidate: impl Iterator<Item = &'a InstanceReport>) {
        let signal = match self.kind {
            FaultKind::Sigkill => Signal::KILL,
            FaultKind::Sigstop => Signal::STOP,
            FaultKind::Errors => return self.injection.start(),
        };
        for pid in candidate.filter_map(|instance| instance.pid) {
            if !self.met.insert(pid) {
                continue;
            }
            // Each instance leads a group of its own; the supervisor that reported it runs in this very process.
            let sent = Pid::from_raw(pid.cast_signed()).map_or(Err(Errno::SRCH), |pid| {
                rustix::process::kill_process_group(pid, signal)
            });
            match sent {
                Ok(()) | Err(Errno::SRCH) => {}
                Err(error) => tracing::warn!(pid, %error, "Cannot send a signal"),
            }
        }
    }
}
