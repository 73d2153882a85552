//! The log against independent implementations, and against somebody who alters an export.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod export;
mod mutations;
mod note;
mod rfc9162;
mod tiles;
