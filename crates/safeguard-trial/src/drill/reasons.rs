//! What went wrong, in words.

use std::path::Path;

use safeguard_api::drill::{DrillVersion, FaultKind};
use safeguard_api::instance::InstanceState;
use tokio::time::Instant;

use crate::clock;
use crate::load::{Ended, Times};
use crate::town::Seen;

const LOG_LINES: usize = 5;

/// Says what became of the first request that nothing excuses.
pub(super) fn lost(kind: FaultKind, how: &Ended, ended: Instant, times: Times) -> String {
    let what = match how {
        Ended::Answered { status, .. } => format!("the router answered {status} itself"),
        Ended::Lost { .. } => "there was no complete answer".to_owned(),
    };
    let when = match (times.injected, times.noticed) {
        (Some(injected), _) if ended < injected => "before anything was done to the candidate".to_owned(),
        (_, Some(noticed)) if noticed <= ended => {
            format!("{} after its users were sent away", clock::span(ended - noticed))
        }
        (_, Some(_) | None) => "while the fault was at work, which does not kill requests".to_owned(),
    };
    format!("{kind}: a request was lost: {what}, {when}")
}

/// Why a version is not healthy, with what it said last.
pub(super) fn ailing(seen: &Seen, version: &DrillVersion) -> String {
    let Some(instance) = seen.of(version).next() else {
        return "it was not started".to_owned();
    };
    let state = match &instance.state {
        InstanceState::Refused { why } => return format!("it is not started: {why}"),
        InstanceState::Starting => "it answers no health check with 2xx".to_owned(),
        InstanceState::Unhealthy => format!("{} health checks failed in a row", instance.health_failures),
        InstanceState::BackOff { .. } | InstanceState::Stopping | InstanceState::Healthy { .. } => instance
            .exits
            .last()
            .map_or_else(String::new, |exit| format!("it ended: {}", exit.how)),
    };
    let said = match safeguard_target::log_tail(Path::new("."), &instance.id, LOG_LINES) {
        Ok(lines) if lines.is_empty() => "it said nothing".to_owned(),
        Ok(lines) => format!("it said last: {}", lines.join(" / ")),
        Err(error) => format!("what it said can not be read: {error}"),
    };
    format!("{state}, {} starts; {said}", instance.starts)
}
