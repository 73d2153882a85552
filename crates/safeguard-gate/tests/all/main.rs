//! The engine of the gates as its callers see it: bytes in, facts and verdicts out.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod approval;
mod diff;
mod gates;
mod owners;
mod passkeys;
mod read;
mod risk;
mod scene;
mod security_keys;
mod suppressions;
mod suspects;
