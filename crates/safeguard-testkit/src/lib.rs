//! For tests and benches only: rollouts in virtual time, and a PostgreSQL server of one's own.

pub mod postgres;
pub mod simulator;
