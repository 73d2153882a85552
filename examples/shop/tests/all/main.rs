//! The fault of each bad version, with the real binaries.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod shop;
