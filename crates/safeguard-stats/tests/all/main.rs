//! The statistics against vectors, exact enumeration and their own definitions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod properties;
mod quantile;
mod vectors;
