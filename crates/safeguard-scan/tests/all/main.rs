//! Rules against the cases of their pages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod pages;
mod semgrep;
mod side_by_side;
