//! Files in, what is told of them out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod hostile;
mod pages;
mod purls;
mod read;
