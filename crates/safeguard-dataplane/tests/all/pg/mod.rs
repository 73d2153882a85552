//! The guard in front of a real PostgreSQL: psql, a driver and bare messages as clients.

mod issued;
mod login;
mod measured;
mod pipelines;
mod refused;
mod server;
mod town;
mod wire;
