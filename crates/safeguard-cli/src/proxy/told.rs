//! Between the proxies and the server: what they decided goes to the log, and codes of approvals are asked about.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use safeguard_api::statement::{DecisionBatch, DecisionsRecorded, Redeemed};
use safeguard_dataplane::pg::{Desk, Question};

use super::client;
use crate::args::Globals;
use crate::failure::Failure;

/// How often decisions are sent.
const SEND_EVERY: Duration = Duration::from_secs(1);
/// What waits for a server that does not answer; the newest beyond that are lines of the log alone.
const WAITING_MAX: usize = 256;

/// Carries decisions and questions, for ever.
pub fn carry(globals: &Globals, desk: &Arc<Desk>, questions: &Receiver<Question>) {
    let mut waiting = VecDeque::new();
    let mut complained = false;
    let mut next = Instant::now();
    loop {
        match questions.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Question { redemption, answer }) => {
                let asked = client(globals)
                    .and_then(|client| client.post::<_, Redeemed>("/api/v1/statements/redeem", &redemption));
                // A client that has left does not wait for the answer any more.
                drop(answer.send(asked.map_err(|failure| failure.title().to_owned())));
            }
            Err(RecvTimeoutError::Timeout) => {
                gather(desk, &mut waiting);
                let sent = send(globals, &mut waiting);
                desk.set_recording(sent.is_ok());
                match sent {
                    Err(failure) if !complained => {
                        complained = true;
                        tracing::warn!(why = failure.title(), "What is decided does not reach the log");
                    }
                    Err(_) => {}
                    Ok(()) if complained => {
                        complained = false;
                        tracing::info!("What is decided reaches the log again");
                    }
                    Ok(()) => {}
                }
                next = Instant::now() + SEND_EVERY;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn gather(desk: &Desk, waiting: &mut VecDeque<DecisionBatch>) {
    for batch in desk.fetch() {
        if waiting.len() < WAITING_MAX {
            waiting.push_back(batch);
        } else {
            tracing::warn!(proxy = %batch.proxy, decisions = batch.decisions.len(), "Decisions are lines of the log alone");
        }
    }
}

/// Sends the oldest first, or asks whether the server is there at all. A batch that the server refuses for what it is would
/// be refused again, and is let go.
fn send(globals: &Globals, waiting: &mut VecDeque<DecisionBatch>) -> Result<(), Failure> {
    if waiting.is_empty() {
        drop(client(globals)?.get_text("/healthz")?);
    }
    while let Some(batch) = waiting.front() {
        let sent = client(globals)
            .and_then(|client| client.post::<_, DecisionsRecorded>("/api/v1/statements", batch));
        match sent {
            Ok(_) => {}
            Err(Failure::Refused(problem)) if problem.status == 422 => {
                tracing::error!(why = %problem.title, "The server does not take what was decided");
            }
            Err(failure) => return Err(failure),
        }
        waiting.pop_front();
    }
    Ok(())
}
