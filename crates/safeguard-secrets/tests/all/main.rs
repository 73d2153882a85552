//! Text in, secrets out.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod cases;
mod rules;
