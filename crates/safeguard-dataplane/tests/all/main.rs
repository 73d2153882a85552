//! The router as its users see it: real sockets, a real control socket, small HTTP servers behind it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod app;
mod app_http2;
mod arms;
mod behind;
mod control;
mod floods;
mod framing;
mod health;
mod http2;
mod identity;
mod limits;
mod mirror;
mod pg;
mod rates;
mod shield;
mod smuggling;
mod streams;
mod threads;
mod tls;
mod town;
mod trips;
