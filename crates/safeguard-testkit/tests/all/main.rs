//! Tests of the whole: the repository itself, stories, and everything that needs the real binaries.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clients;
mod corpus;
mod db;
mod explain;
mod incident;
mod lint;
mod live;
mod mcp;
mod oracle;
mod ports;
mod postgres;
mod proxy;
mod repository;
mod scenarios;
mod simulator;
mod undo;
