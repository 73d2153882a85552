//! Secrets in texts: keys and tokens by the form that their issuers give them, and rules in the format of gitleaks. No IO, no clock, no randomness.
//!
//! What is found is told without being shown: [`Secret::shown`] has its first letters and its length.

mod assigned;
pub mod gitleaks;
mod kinds;
mod randomness;
mod search;
mod surroundings;

pub use kinds::names;
pub use search::{Place, Rules, Secret};

/// The page of the rule `secret`: why, what to do instead.
pub const PAGE: &str = include_str!("secret.md");
