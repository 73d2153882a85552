//! From evidence to verdicts: the seven gates as pure functions of a [`Case`].
//!
//! This crate does no IO and knows no clock: reports are bytes that somebody read, and the time is given.

mod case;
mod gates;

pub use case::{Case, ChangeCase, Shown};
pub use gates::judge;
