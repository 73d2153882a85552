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

/// The library's own hashing is for keys that an attacker chooses one by one; files are read whole, and their names are asked for all the time.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
