//! Faults on purpose, for drills: the candidate's answers turned into errors on their way to the user.

use std::sync::atomic::{AtomicBool, Ordering};

/// Tells an answer that was made an error on purpose from one that the instance gave.
pub const INJECTED_HEADER: &str = "safeguard-injected";

/// A switch in the hands of whoever runs the router; while it is on, every good answer of a candidate becomes a 500.
#[derive(Debug, Default)]
pub struct Injection(AtomicBool);

impl Injection {
    pub fn start(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub fn end(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether an answer with this status becomes an error. One without a body stays: its framing is another.
    pub(crate) fn falsifies(&self, status: u16) -> bool {
        (200..500).contains(&status) && !matches!(status, 204 | 304) && self.0.load(Ordering::Acquire)
    }
}
