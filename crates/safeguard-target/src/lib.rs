//! Where versions run: artifacts, local processes with limits, and the supervisor that owns them.
//!
//! It decides nothing about releases: it runs what it is told to run, and says how that goes.

pub mod artifact;
mod backoff;
mod cgroup;
mod exec;
mod health;
mod instance;
pub mod launch;
mod log;
mod process;
mod roles;
pub mod supervisor;
mod usage;

pub use launch::{LaunchEnvironment, LaunchError, LaunchSpec, SPEC_VARIABLE, launch};
pub use log::{LOG_BYTES_MAX, log_path, log_tail};
