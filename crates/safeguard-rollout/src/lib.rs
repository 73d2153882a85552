//! Staged rollouts as pure decisions: the planner walks a release through the stages and back, the judge says
//! whether bad events come from the canary.
//!
//! No IO, no async, no clock, no randomness: values in, values out.

pub mod bisect;
pub mod desired;
pub mod judge;
pub mod observe;
pub mod plan;
