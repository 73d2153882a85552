//! Turns a table into what the hot path reads, and keeps what outlives a table: arms, their counters, their connections.

use std::collections::HashMap;
use std::sync::Arc;

use safeguard_api::id::ReleaseId;
use safeguard_api::stage::Percent;
use safeguard_api::traffic as api;
use tokio::sync::Notify;

use crate::arm::{Arm, Endpoint, Presence};
use crate::choose::hash;
use crate::route::{CandidateView, Slot, View};
use crate::tripwire::Tripwire;

/// One route as it stands; owned by the control task alone.
#[derive(Debug)]
pub struct Standing {
    pub slot: Arc<Slot>,
    /// What the table says.
    pub route: Option<api::Route>,
    pub stable: Option<Arc<Arm>>,
    pub candidate: Option<(Arc<Arm>, Arc<Tripwire>)>,
    /// Arms that no table names any more and that still have requests in flight, the newest last.
    pub leaving: Vec<Arc<Arm>>,
    /// Weights that the router took down itself, until a table knows of it.
    pub downs: HashMap<ReleaseId, Down>,
    decided: Arc<Notify>,
}

/// The router's own reduction of one release.
#[derive(Debug, Clone, Copy)]
pub struct Down {
    /// Its number in the journal.
    pub seq: u64,
    pub cause: DownCause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownCause {
    Tripped,
    /// The lease was over.
    Silence,
}

/// Arms that are reported while they leave.
const LEAVING_MAX: usize = 16;

impl Standing {
    pub fn new(slot: Arc<Slot>, decided: Arc<Notify>) -> Standing {
        Standing {
            slot,
            route: None,
            stable: None,
            candidate: None,
            leaving: Vec::new(),
            downs: HashMap::new(),
            decided,
        }
    }

    /// The candidate's weight in force.
    pub fn weight(&self) -> Percent {
        let (Some(candidate), Some((_, tripwire))) = (self.wanted(), &self.candidate) else {
            return Percent::ZERO;
        };
        if self.stable.is_some() && tripwire.is_closed() {
            Percent::ZERO
        } else {
            candidate.weight
        }
    }

    /// The epoch in force: users who were sent away by a trip do not come back with their tokens.
    pub fn epoch(&self) -> u32 {
        let Some(candidate) = self.wanted() else { return 0 };
        let down = self.downs.get(&candidate.arm.release);
        let tripped = down.is_some_and(|down| down.cause == DownCause::Tripped);
        candidate.epoch + u32::from(tripped)
    }

    pub fn wanted(&self) -> Option<&api::Candidate> {
        self.route.as_ref()?.candidate.as_ref()
    }

    /// Puts the route into force; none takes it away.
    pub fn apply(&mut self, route: Option<&api::Route>) {
        let before = (self.weight(), self.wanted().map(|candidate| candidate.epoch));
        let watched = |candidate: &api::Candidate| (candidate.weight, candidate.judged);
        let old_watched = self.wanted().map(watched);
        let old: Vec<Arc<Arm>> = self.arms().cloned().collect();
        let stable = route.and_then(|route| route.stable.as_ref());
        let candidate = route.and_then(|route| route.candidate.as_ref());
        let new_stable = stable.map(|arm| self.arm(arm, self.stable.as_ref()));
        let new_candidate = candidate.map(|candidate| {
            let arm = self.arm(&candidate.arm, self.candidate.as_ref().map(|(arm, _)| arm));
            let tripwire = self.tripwire(candidate, &arm);
            (arm, tripwire)
        });
        if let (Some((_, tripwire)), Some(candidate)) = (&new_candidate, candidate)
            && old_watched != Some(watched(candidate))
        {
            // Users move, or those of the candidate were not watched until now: its share of them begins anew.
            tripwire.weight_changed();
        }
        self.stable = new_stable;
        self.candidate = new_candidate;
        self.route = route.cloned();
        let view = self.view();
        self.slot.view.store(view);
        self.retire(old);
        let after = (self.weight(), self.wanted().map(|candidate| candidate.epoch));
        let sent_away = before.0 > Percent::ZERO && after.0 == Percent::ZERO;
        let void = before.1.is_some() && after.1.is_some() && before.1 != after.1;
        if let Some((arm, _)) = &self.candidate
            && (sent_away || void)
        {
            arm.presence.evacuate();
        }
    }

    /// Forgets arms that have nothing in flight any more.
    pub fn sweep(&mut self) {
        self.leaving.retain(|arm| !arm.presence.is_idle());
    }

    pub fn arms(&self) -> impl Iterator<Item = &Arc<Arm>> {
        self.stable
            .iter()
            .chain(self.candidate.iter().map(|(arm, _)| arm))
    }

    /// The arm as it is with new endpoints, or a new one if its release is new in this role.
    fn arm(&self, wanted: &api::Arm, same_role: Option<&Arc<Arm>>) -> Arc<Arm> {
        let known = self
            .arms()
            .chain(&self.leaving)
            .filter(|arm| arm.release == wanted.release);
        let known: Vec<&Arc<Arm>> = known.collect();
        let old_endpoints: Vec<Arc<Endpoint>> = known
            .iter()
            .flat_map(|arm| arm.endpoints.load().iter().cloned().collect::<Vec<_>>())
            .collect();
        let endpoints = wanted.endpoints.iter().map(|endpoint| {
            let open = old_endpoints.iter().find(|open| open.address == endpoint.address);
            open.cloned()
                .unwrap_or_else(|| Arc::new(Endpoint::new(endpoint.address, self.slot.http2)))
        });
        let endpoints = endpoints.collect();
        if let Some(same) = same_role.filter(|arm| arm.release == wanted.release) {
            same.endpoints.store(Arc::new(endpoints));
            return Arc::clone(same);
        }
        let presence = known
            .last()
            .map_or_else(|| Arc::new(Presence::default()), |arm| Arc::clone(&arm.presence));
        Arc::new(Arm::new(wanted, presence, endpoints))
    }

    /// The candidate's judge: a new one for a new release, and for one that is let in again after a trip.
    fn tripwire(&mut self, candidate: &api::Candidate, arm: &Arc<Arm>) -> Arc<Tripwire> {
        let release = &candidate.arm.release;
        let down = self.downs.get(release).copied();
        let known = down.is_some_and(|down| down.seq <= candidate.journal_seen);
        if known {
            self.downs.remove(release);
        }
        let same = self.candidate.as_ref().map(|(_, tripwire)| tripwire);
        let same = same.filter(|tripwire| tripwire.release == *release && tripwire.policy == candidate.judge);
        let tripwire = match (same, down) {
            (Some(same), Some(down)) if known && down.cause == DownCause::Silence => {
                same.open();
                Arc::clone(same)
            }
            (Some(same), down) if down.is_none() || !known => Arc::clone(same),
            (Some(_), _) | (None, _) => Arc::new(Tripwire::new(
                release.clone(),
                candidate.judge.clone(),
                candidate.observe,
                Arc::clone(&arm.presence),
                Arc::clone(&self.decided),
            )),
        };
        tripwire.set_observe(candidate.observe);
        if down.is_some() && !known {
            tripwire.close();
        }
        tripwire
    }

    fn view(&self) -> Option<Arc<View>> {
        let route = self.route.as_ref()?;
        let candidate = self
            .candidate
            .as_ref()
            .zip(self.wanted())
            .map(|((arm, tripwire), candidate)| CandidateView {
                arm: Arc::clone(arm),
                weight: candidate.weight,
                epoch: candidate.epoch,
                salt: hash(0, candidate.salt.as_bytes()),
                judged: candidate.judged,
                tripwire: Arc::clone(tripwire),
            });
        Some(Arc::new(View {
            user_cookie: route.user_key.cookie.clone(),
            user_header: route.user_key.header.clone(),
            token_cookie: format!("sg_arm_{}", route.service),
            stable: self.stable.clone(),
            candidate,
            testers: route
                .testers
                .iter()
                .map(|digest| digest.as_str().to_owned())
                .collect(),
        }))
    }

    /// Arms that are gone from the table: they finish what they have, and their streams end.
    fn retire(&mut self, old: Vec<Arc<Arm>>) {
        self.leaving.retain(|arm| !arm.presence.is_idle());
        for arm in old {
            if self.arms().any(|kept| kept.release == arm.release) {
                continue;
            }
            arm.endpoints.store(Arc::new(Vec::new()));
            arm.presence.evacuate();
            self.leaving.push(arm);
        }
        let current: Vec<ReleaseId> = self.arms().map(|arm| arm.release.clone()).collect();
        self.leaving.retain(|arm| !current.contains(&arm.release));
        let surplus = self.leaving.len().saturating_sub(LEAVING_MAX);
        self.leaving.drain(..surplus);
    }
}
