//! The way back: from the fault to the proof that stable alone answers, timed part by part.

use std::sync::Arc;
use std::time::Duration;

use safeguard_api::drill::{Fault, FaultKind};
use safeguard_api::stage::Percent;
use tokio::time::Instant;

use super::fault::Breaker;
use super::{Conductor, Failed, Undecided, patience};
use crate::clock;
use crate::load::{Client, Ended, Times};

/// With nothing to compare with nobody notices a fault, and the drill orders the rollback after this.
const ORDER_AFTER: Duration = Duration::from_millis(500);
/// New users who ask, after a rollback, who serves.
const PROBES: usize = 20;
/// Above the users of the load.
const PROBE_USERS_FROM: usize = 1_000_000;

impl Conductor<'_> {
    /// Breaks the candidate and follows the way back, part by part.
    pub(super) async fn roll_back(
        &mut self,
        fault: &mut Fault,
        times: &mut Times,
        round: u32,
    ) -> Result<Result<(), Failed>, Undecided> {
        let order = self.scene.order;
        let limit = order.policy.gates.rollback_test.rollback_longest;
        let under_way = self.load.as_ref().map_or(0, |load| load.tally.under_way());
        let least = self.document.concurrent_requests;
        self.document.concurrent_requests = if round == 0 {
            under_way
        } else {
            least.min(under_way)
        };

        let injected = Instant::now();
        times.injected = Some(injected);
        let deadline = injected + limit.into();
        let mut breaker = Breaker::new(fault.name, Arc::clone(&self.scene.injection));
        self.say(&format!("{}: injected", fault.name));
        loop {
            let seen = self.look().await?;
            breaker.work(seen.of(&order.candidate));
            if seen.route.weight == Percent::ZERO {
                break;
            }
            if order.stable.is_none() && ORDER_AFTER <= injected.elapsed() {
                break;
            }
            if deadline <= Instant::now() {
                fault.detect = clock::span(injected.elapsed());
                return Ok(Err(Failed(format!("nothing noticed it within {limit}"))));
            }
        }
        let noticed = Instant::now();
        times.ordered = Some(noticed);
        // An order is in force only when the router has it.
        times.noticed = order.stable.is_some().then_some(noticed);
        fault.detect = clock::span(noticed - injected);
        fault.noticed = self.town.trip().await?;
        if order.stable.is_some() && fault.noticed.is_none() {
            return Err(Undecided::Slow);
        }
        self.say(&format!(
            "{}: {}",
            fault.name,
            match &fault.noticed {
                Some(cause) => format!("noticed after {}: {cause}", fault.detect),
                None => "nothing is live to compare with, so the rollback is ordered".to_owned(),
            }
        ));

        self.town.send_away();
        let seen = loop {
            let seen = self.look().await?;
            if seen.confirmed && seen.route.weight == Percent::ZERO {
                break seen;
            }
            if deadline <= Instant::now() {
                return Ok(Err(Failed(format!("the router did not confirm within {limit}"))));
            }
        };
        let flipped = Instant::now();
        fault.flip = clock::span(flipped - noticed);
        times.noticed.get_or_insert(flipped);

        let longest: Duration = order.policy.rollback.drain_longest.into();
        let mut left = seen.on_candidate();
        while 0 < left && flipped.elapsed() < longest && Instant::now() < deadline {
            left = self.look().await?.on_candidate();
        }
        let drained = Instant::now();
        fault.drain = clock::span(drained - flipped);
        self.say(&match left {
            0 => format!("{}: every request on it has ended", fault.name),
            left => format!(
                "{}: {left} requests on it have not ended within {}",
                fault.name, fault.drain
            ),
        });

        let gone = self.gone(round, fault.name, drained, deadline).await?;
        let answers = if gone.is_ok() { self.probe().await } else { Ok(()) };
        fault.verify = clock::span(drained.elapsed());
        Ok(gone.and(answers))
    }

    /// Stops the candidate's processes and waits for their end.
    async fn gone(
        &mut self,
        round: u32,
        kind: FaultKind,
        since: Instant,
        deadline: Instant,
    ) -> Result<Result<(), Failed>, Undecided> {
        let order = self.scene.order;
        let grace = order.settings.stop_grace;
        self.town.wanted.candidate_round = None;
        self.town.wanted.arm = None;
        let seen = loop {
            let seen = self.look().await?;
            if seen.confirmed && seen.route.candidate.is_none() && seen.of(&order.candidate).next().is_none()
            {
                break seen;
            }
            if deadline <= Instant::now() {
                let (limit, waited) = (
                    order.policy.gates.rollback_test.rollback_longest,
                    clock::span(since.elapsed()),
                );
                return Ok(Err(Failed(format!(
                    "not verified within {limit}: its process had not ended {waited} after SIGTERM (`stop_grace` is {grace})"
                ))));
            }
        };
        let prefix = format!("drill-candidate-{round}-");
        let killed = seen
            .stopped
            .iter()
            .find(|stopped| stopped.id.starts_with(&prefix) && stopped.killed);
        // A process that stands still, or was only just started again, has no say in how it ends.
        match (kind, killed) {
            (FaultKind::Errors, Some(_)) => Ok(Err(Failed(format!(
                "the candidate did not end within {grace} of SIGTERM and had to be killed: what it had begun is lost \
                 (`stop_grace`)"
            )))),
            (FaultKind::Errors, None) | (FaultKind::Sigkill | FaultKind::Sigstop, _) => Ok(Ok(())),
        }
    }

    /// Asks as new users who serves.
    async fn probe(&mut self) -> Result<(), Failed> {
        let order = self.scene.order;
        let longest = patience(&order.router);
        for number in 0..PROBES {
            let ask = self.asks.read(PROBE_USERS_FROM + number, 0);
            let ended = Client::new(self.scene.address).exchange(&ask, longest).await;
            let wanted = order.stable.as_ref().map(|stable| stable.release.as_str());
            let right = match &ended {
                Ended::Answered { status, release, .. } => match wanted {
                    Some(stable) => *status < 500 && release.as_deref() == Some(stable),
                    None => *status == 503 && release.is_none(),
                },
                Ended::Lost { .. } => false,
            };
            if !right {
                return Err(Failed(match ended {
                    Ended::Answered { status, release, .. } => format!(
                        "a new user was answered {status} by {} after the rollback",
                        release.as_deref().unwrap_or("the router itself")
                    ),
                    Ended::Lost { .. } => "a new user got no answer after the rollback".to_owned(),
                }));
            }
        }
        self.document.serves = order.stable.as_ref().map(|stable| stable.artifact.clone());
        Ok(())
    }
}
