//! Who is active on which arm, and whose bad events count.
//!
//! A session whose bad event of a class was seen is muted for that class until it has been quiet for a whole window.
//! A bad event that counts therefore comes from one of the sessions at risk: active, not muted. Under no difference
//! each of them is as likely to be next, so the canary's share of the sessions at risk is the exact probability.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use safeguard_api::traffic::BadClass;

use super::evidence::index;
use super::{SLOTS, Side};
use crate::observe::Sample;

/// Sessions remembered for each arm. Beyond it, half of all sessions are followed, the same half on both arms, then
/// a quarter, and so on: what is not followed is no evidence, so the comparison stays fair.
pub const SESSIONS_MAX: usize = 65_536;

const CLASSES: usize = BadClass::ALL.len();
/// No slot: slots are counted from [`SLOTS`] on.
const NEVER: u64 = 0;

#[derive(Debug, Clone, Default)]
pub(super) struct Sessions {
    slot: u64,
    /// Only sessions whose hash has so many leading zeros are followed.
    halvings: u32,
    canary: Arm,
    stable: Arm,
}

/// Whether a session's bad events count, for each class, just before the present one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    session: u64,
    /// It was not active before the present request.
    new: bool,
    muted: [bool; CLASSES],
}

#[derive(Debug, Clone, Copy)]
pub(super) struct AtRisk {
    pub(super) canary: u32,
    pub(super) stable: u32,
}

#[derive(Debug, Clone, Default)]
struct Arm {
    known: HashMap<u64, Session, BuildHasherDefault<Mixer>>,
    active: [u32; SLOTS],
    muted: [[u32; SLOTS]; CLASSES],
    requests: u64,
    bad: [u64; CLASSES],
}

#[derive(Debug, Clone, Copy)]
struct Session {
    active: u64,
    bad: [u64; CLASSES],
}

impl Sessions {
    /// Begins again, when users move between the arms; the counts stay.
    pub(super) fn clear(&mut self) {
        self.halvings = 0;
        for arm in [&mut self.canary, &mut self.stable] {
            arm.known.clear();
            arm.active = Default::default();
            arm.muted = Default::default();
        }
    }

    pub(super) fn advance(&mut self, slot: u64) {
        let steps = (slot + SLOTS as u64).saturating_sub(self.slot.max(SLOTS as u64));
        for step in 0..steps.min(SLOTS as u64) {
            let place = ((slot + SLOTS as u64 - step) % SLOTS as u64) as usize;
            for arm in [&mut self.canary, &mut self.stable] {
                arm.active[place] = 0;
                arm.muted.iter_mut().for_each(|slots| slots[place] = 0);
            }
        }
        self.slot = slot + SLOTS as u64;
        let now = self.slot;
        for arm in [&mut self.canary, &mut self.stable] {
            arm.known.retain(|_, session| in_window(session.active, now));
        }
        let largest = self.canary.known.len().max(self.stable.known.len());
        if self.halvings > 0 && largest < SESSIONS_MAX / 4 {
            self.halvings -= 1;
        }
    }

    /// Notes that a session is active. None when it is not followed.
    pub(super) fn touch(&mut self, slot: u64, side: Side, session: u64) -> Option<Standing> {
        let now = slot + SLOTS as u64;
        self.slot = now;
        if !self.followed(session) {
            return None;
        }
        let arm = self.arm_mut(side);
        let known = arm.known.entry(session).or_insert(Session {
            active: NEVER,
            bad: [NEVER; CLASSES],
        });
        let new = !in_window(known.active, now);
        if known.active != now {
            if !new {
                arm.active[place(known.active)] -= 1;
            }
            known.active = now;
            arm.active[place(now)] += 1;
        }
        let muted = known.bad.map(|bad| in_window(bad, now));
        if arm.known.len() > SESSIONS_MAX {
            self.follow_fewer();
            if !self.followed(session) {
                return None;
            }
        }
        Some(Standing { session, new, muted })
    }

    /// Mutes a session for a class. Returns who was at risk before; none when the session was muted already.
    pub(super) fn mute(&mut self, side: Side, standing: Standing, class: BadClass) -> Option<AtRisk> {
        let class = index(class);
        let mut at_risk = AtRisk {
            canary: self.canary.at_risk(class),
            stable: self.stable.at_risk(class),
        };
        // Who is at risk must not depend on the arm that is about to be learnt. A session that was not known before is
        // counted as one of the canary's, wherever it is: that only ever speaks for the canary.
        if standing.new && side == Side::Stable {
            at_risk.canary += 1;
            at_risk.stable = at_risk.stable.saturating_sub(1);
        }
        let now = self.slot;
        let arm = self.arm_mut(side);
        let known = arm.known.get_mut(&standing.session)?;
        let before = std::mem::replace(&mut known.bad[class], now);
        if in_window(before, now) {
            arm.muted[class][place(before)] -= 1;
        }
        arm.muted[class][place(now)] += 1;
        if standing.muted[class] {
            return None;
        }
        arm.bad[class] += 1;
        Some(at_risk)
    }

    /// Counts a request of a session at risk of an error. Errors that count over such requests are the rate of errors,
    /// without bias by bursts on either arm.
    pub(super) fn count_request(&mut self, side: Side, standing: Standing) {
        if !standing.muted[index(BadClass::Error)] {
            self.arm_mut(side).requests += 1;
        }
    }

    pub(super) fn active(&self, side: Side) -> u64 {
        u64::from(self.arm(side).active.iter().sum::<u32>()) << self.halvings
    }

    pub(super) fn bad(&self, side: Side, class: BadClass) -> u64 {
        self.arm(side).bad[index(class)]
    }

    pub(super) fn sample(&self, side: Side) -> Sample {
        let arm = self.arm(side);
        Sample {
            requests: arm.requests,
            errors: arm.bad[index(BadClass::Error)],
        }
    }

    fn followed(&self, session: u64) -> bool {
        mix(session ^ 0x5851_F42D_4C95_7F2D).leading_zeros() >= self.halvings
    }

    fn follow_fewer(&mut self) {
        self.halvings += 1;
        let halvings = self.halvings;
        for arm in [&mut self.canary, &mut self.stable] {
            arm.known
                .retain(|session, _| mix(session ^ 0x5851_F42D_4C95_7F2D).leading_zeros() >= halvings);
            arm.recount(self.slot);
        }
    }

    fn arm(&self, side: Side) -> &Arm {
        match side {
            Side::Canary => &self.canary,
            Side::Stable => &self.stable,
        }
    }

    fn arm_mut(&mut self, side: Side) -> &mut Arm {
        match side {
            Side::Canary => &mut self.canary,
            Side::Stable => &mut self.stable,
        }
    }
}

impl Arm {
    fn at_risk(&self, class: usize) -> u32 {
        let active: u32 = self.active.iter().sum();
        active.saturating_sub(self.muted[class].iter().sum())
    }

    fn recount(&mut self, now: u64) {
        self.active = Default::default();
        self.muted = Default::default();
        for session in self.known.values() {
            if in_window(session.active, now) {
                self.active[place(session.active)] += 1;
            }
            for (slots, bad) in self.muted.iter_mut().zip(session.bad) {
                if in_window(bad, now) {
                    slots[place(bad)] += 1;
                }
            }
        }
    }
}

fn place(slot: u64) -> usize {
    (slot % SLOTS as u64) as usize
}

fn in_window(slot: u64, now: u64) -> bool {
    now - slot < SLOTS as u64
}

/// The finaliser of splitmix64.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Hashes keys that are hashes already.
#[derive(Debug, Clone, Default)]
pub(super) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = mix(key);
    }
}
