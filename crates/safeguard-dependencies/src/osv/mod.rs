//! Vulnerabilities, as the OSV schema tells them: which versions are affected, how bad it is, and where it is mended.

mod advisory;
mod index;

pub use advisory::{Advisory, AdvisoryError, Affected, Event, Level, Range, RangeKind, read};
pub use index::{Builder, HEADER_BYTES, IndexError, Loaded, Lookup};
