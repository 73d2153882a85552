//! For tests only: rollouts in virtual time.

pub mod simulator;
