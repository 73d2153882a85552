//! Lock files and manifests in, what a change does to its dependencies out: no IO, no clock, no randomness. What registries and databases of
//! vulnerabilities say is a value that the caller gives.

pub mod change;
pub mod cooling;
pub mod finding;
pub mod osv;
pub mod package;
pub mod popular;
pub mod purl;
pub mod read;
pub mod registry;
pub mod rules;
pub mod sbom;
pub mod version;
