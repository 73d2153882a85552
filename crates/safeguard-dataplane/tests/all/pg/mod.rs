//! The guard in front of a real PostgreSQL: psql, a driver and bare messages as clients.

mod approved;
mod authority;
mod bound;
mod channel;
mod client_certificates;
mod compared;
mod detours;
mod faults;
mod guesses;
mod identity;
mod idle;
mod issued;
mod login;
mod measured;
mod oracle;
mod pipelines;
mod quotas;
mod quotas_cost;
mod quotas_cut;
mod refused;
mod relay;
mod server;
mod taken;
mod town;
mod upstream;
mod wire;
