//! The guard in front of a real PostgreSQL: psql, a driver and bare messages as clients.

mod login;
mod measured;
mod pipelines;
mod quotas;
mod quotas_cut;
mod refused;
mod server;
mod town;
mod wire;
