//! Code in, mutants out.
#![allow(clippy::expect_used)]

mod cases;
mod property;
