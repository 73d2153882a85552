//! The store as its callers see it, on real files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crash;
mod figures;
mod log;
mod place;
mod restored;
mod rows;
mod writes;
