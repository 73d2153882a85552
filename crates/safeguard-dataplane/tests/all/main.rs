//! The router as its users see it: real sockets, a real control socket, small HTTP servers behind it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod app;
mod arms;
mod control;
mod framing;
mod health;
mod identity;
mod limits;
mod rates;
mod shield;
mod streams;
mod threads;
mod town;
mod trips;
