//! The rollback drill with the real binaries and the example's shop. `cargo build --workspace --bins` makes them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod drill;
mod scene;
mod trial;
