//! Where versions run: artifacts, local processes with limits, and the supervisor that owns them; and how an artifact of
//! some changes is made anew.
//!
//! It decides nothing about releases: it runs what it is told to run, and says how that goes.

pub mod artifact;
mod backoff;
mod call;
mod cgroup;
mod exec;
mod health;
mod instance;
pub mod launch;
mod log;
mod process;
mod rebuild;
mod roles;
pub mod supervisor;
mod usage;

pub use launch::{LaunchEnvironment, LaunchError, LaunchSpec, SPEC_VARIABLE, launch};
pub use log::{LOG_BYTES_MAX, log_path, log_tail};
pub use rebuild::{RebuildError, Wanted, rebuild};
