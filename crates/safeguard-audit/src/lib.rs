//! A Merkle log: append, checkpoint, prove, verify. Bytes in, bytes out: no files, no sockets, no clock, no randomness.
//!
//! The formats are public ones, so that tools of others can read the log:
//! - the tree, its inclusion proofs and its consistency proofs are those of
//!   [RFC 9162](https://www.rfc-editor.org/rfc/rfc9162) (and RFC 6962) over SHA-256;
//! - tiles and bundles of entries lie as [C2SP tlog-tiles](https://c2sp.org/tlog-tiles) says: `checkpoint`,
//!   `tile/<level>/<index>`, `tile/entries/<index>`, partial ones with `.p/<width>`;
//! - a checkpoint is a [C2SP checkpoint](https://c2sp.org/tlog-checkpoint), signed with Ed25519 as a
//!   [signed note](https://c2sp.org/signed-note).
//!
//! Whoever holds the key can write another log and sign it. Only a checkpoint that was kept elsewhere shows that:
//! it is a *pin*, see [`export::verify`].

pub mod export;
pub mod hash;
pub mod note;
pub mod proof;
pub mod tile;
pub mod tree;

pub use export::{Expected, Finding, Report, verify};
pub use hash::Hash;
pub use note::{Checkpoint, NoteError, Signer, Vkey};
pub use proof::ProofError;
pub use tile::{Tile, TlogPath};
pub use tree::Tree;

/// The most bytes an entry may have: a bundle gives each a length of 16 bits.
pub const ENTRY_BYTES_MAX: usize = 65_535;
