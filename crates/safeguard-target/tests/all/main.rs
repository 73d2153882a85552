//! Artifacts, instances and the supervisor against real files and processes; this very program is launcher, app, role
//! and supervisor as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod artifact;
mod exec;
mod helper;
mod instance;
mod rebuild;
mod supervisor;
