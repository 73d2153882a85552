//! Source text to findings: rules over syntax trees. No IO, no clock, no randomness; the same text gives the same findings.

pub mod analysis;
pub mod change;
pub mod finding;
pub mod language;
pub mod matching;
pub mod names;
mod prefilter;
pub mod project;
pub mod rule;
pub mod rules;
pub mod scan;
pub mod suppression;
mod taint;
pub mod tree;
