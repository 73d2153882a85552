//! Which kinds of error are known.
//!
//! "Stable has not shown it" alone would be unfair: only the canary could ever show such an error, so each would speak
//! against it. A kind is new when *neither* arm has shown it of late; then, under no difference, the canary is the first to
//! show it with the probability of its share, and each new kind is one event for or against it.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::SLOTS;
use super::sessions::Mixer;

/// Kinds remembered. While so many are known, an unknown one is not called new.
const KINDS_MAX: usize = 4096;
/// A kind is known for an hour when the window is a minute, so that a rare old error does not come as news.
const SLOTS_KNOWN: u64 = 60 * SLOTS as u64;

#[derive(Debug, Clone, Default)]
pub(super) struct Kinds {
    last_seen: HashMap<u64, u64, BuildHasherDefault<Mixer>>,
}

impl Kinds {
    /// Notes an error's fingerprint and says whether it is new.
    pub(super) fn is_new(&mut self, slot: u64, fingerprint: u64) -> bool {
        if let Some(last) = self.last_seen.get_mut(&fingerprint) {
            *last = slot;
            return false;
        }
        if self.last_seen.len() >= KINDS_MAX {
            return false;
        }
        self.last_seen.insert(fingerprint, slot);
        true
    }

    pub(super) fn advance(&mut self, slot: u64) {
        self.last_seen.retain(|_, last| slot - *last < SLOTS_KNOWN);
    }
}
