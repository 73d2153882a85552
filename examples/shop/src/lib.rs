//! A small HTTP shop in seven versions, the load process that plays its users, and the narrated acts of `./run`.
//!
//! Four of the versions are bad, each by a fault in its own module under `versions`; nothing here knows which.

pub mod acts;
pub mod checks;
pub mod database;
pub mod load;
pub mod pages;
pub mod server;
pub mod versions;
