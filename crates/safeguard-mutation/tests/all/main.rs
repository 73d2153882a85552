//! Code in, mutants out.
#![allow(clippy::expect_used)]

mod callable;
mod cases;
mod property;
