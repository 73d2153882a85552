//! Statistics that stay valid however often one looks: e-processes, confidence sequences, and the quantiles beside them.
//!
//! Pure functions of numbers. Nothing here knows what is counted.

pub mod binomial;
pub mod count;
pub mod quantile;
pub mod rate;
pub mod restarted;
pub mod window;
