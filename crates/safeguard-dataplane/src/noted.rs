//! What became of a request: noted in the arm's counters, and with the judge if it is evidence.

use std::sync::Arc;
use std::time::Duration;

use safeguard_rollout::judge::{Outcome, OutcomeKind, Side};

use crate::arm::Arm;
use crate::choose::hash;
use crate::clock;
use crate::connection::Asked;
use crate::relay::Answer;
use crate::route::Choice;
use crate::trace::Identity;

/// One leg of a request.
pub struct Noted<'a> {
    pub choice: &'a Choice,
    pub arm: &'a Arc<Arm>,
    pub side: Side,
    /// The candidate could not be reached before; this leg says nothing about stable's users.
    pub is_second: bool,
}

impl Noted<'_> {
    /// Whether the client is to be spared this arm's failure.
    pub fn may_shield(&self, asked: Asked) -> bool {
        asked.safe && self.choice.shield && !self.is_second
    }

    pub fn answered(&self, answer: Answer, truncated: bool, identity: &Identity) {
        let status = OutcomeKind::Answered {
            status: answer.status,
            truncated,
        };
        if status.failed() {
            self.count_bad(truncated, identity);
        } else if answer.status != 101 && !answer.event_stream && !self.is_second {
            self.arm.counters.count_latency(answer.latency);
        }
        self.judge(
            status,
            answer.latency,
            answer.event_stream || answer.status == 101,
        );
    }

    pub fn bad(&self, status: OutcomeKind, latency: Duration, identity: &Identity) {
        self.count_bad(true, identity);
        self.judge(status, latency, false);
    }

    fn count_bad(&self, lost: bool, identity: &Identity) {
        let request = identity.request_id();
        tracing::debug!(release = %self.arm.release, request, lost, "A request failed");
        self.arm.counters.count_bad(clock::wall(), lost, request);
    }

    fn judge(&self, status: OutcomeKind, latency: Duration, excluded: bool) {
        let Some(tripwire) = &self.choice.tripwire else {
            return;
        };
        if excluded || self.is_second {
            return;
        }
        let shape = match status {
            OutcomeKind::Answered { status, truncated } => u64::from(status) * 2 + u64::from(truncated),
            OutcomeKind::Refused => 1,
            OutcomeKind::Reset => 2,
            OutcomeKind::TimedOut => 3,
        };
        tripwire.observe(&Outcome {
            arm: self.side,
            session: self.choice.session,
            status,
            headers_ms: latency.as_secs_f32() * 1000.0,
            fingerprint: hash(self.choice.fingerprint, &shape.to_le_bytes()),
            excluded: false,
        });
    }
}
