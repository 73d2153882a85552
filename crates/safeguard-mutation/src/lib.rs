//! Changed code in, small breakages of it out, to see whether a test notices. No IO, no clock, no randomness; nothing is run here.

mod choose;
mod find;
mod lines;
mod mutant;
mod operators;
mod pointless;
mod probe;
mod site;

pub use find::{Functions, is_mutated, is_same, mutants};
pub use lines::Lines;
pub use mutant::{Mutant, Operator};
pub use probe::{Probe, probes};
