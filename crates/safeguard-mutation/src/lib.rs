//! Changed code in, small breakages of it out, to see whether a test notices; and which changed functions can be called as they were and
//! as they are. No IO, no clock, no randomness; nothing is run here.

mod callable;
mod choose;
mod find;
mod lines;
mod mutant;
mod operators;
mod pointless;
mod probe;
mod purity;
mod shape;
mod site;

pub use callable::{Callable, NotCalled, Parameter, changed_functions};
pub use find::{Functions, is_mutated, is_same, mutants};
pub use lines::Lines;
pub use mutant::{Mutant, Operator};
pub use probe::{Probe, probes};
pub use shape::Shape;
