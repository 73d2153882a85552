//! The judge: its rules one by one, and simulated rollouts by the thousand.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod delay;
mod healthy;
mod rules;
mod traffic;
