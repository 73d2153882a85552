//! Verifies an exported log with nothing else present, and names what was altered.
//!
//! A checkpoint's signature covers the root, the root covers the tiles, and the tiles cover the entries. Where the
//! tiles still lead to the root, the very entry that differs is named; where a tile was altered and the entries were
//! not, the tile. Where both were altered, or the whole log was written anew and signed with the stolen key, only
//! checkpoints kept elsewhere (pins) say more: then the range between two of them is named.

mod ground;
mod levels;
mod pins;

use std::fmt;

use serde::Serialize;

use crate::hash::Hash;
use crate::note::{Checkpoint, Vkey};

/// Findings that are listed; the rest is counted.
pub const FINDINGS_MAX: usize = 1000;
/// A larger log than this is held for a mistake: 2^40 entries need a petabyte.
pub const SIZE_MAX: u64 = 1 << 40;

/// What the verifier knows from elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// The key to trust. Without it the export's own is taken, which proves only that the export agrees with itself.
    pub vkey: Option<&'a str>,
    /// Checkpoints of the same log that were kept elsewhere.
    pub pins: &'a [&'a str],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What the export's checkpoint says, if it can be trusted.
    pub origin: Option<String>,
    pub size: u64,
    pub root: Option<Hash>,
    /// Pins that the log is shown to continue.
    pub pins_continued: usize,
    /// Empty when nothing was altered.
    pub findings: Vec<Finding>,
    pub findings_left_out: u64,
}

/// One thing that is not as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    Vkey {
        why: String,
    },
    Checkpoint {
        why: String,
    },
    Missing {
        path: String,
    },
    Unreadable {
        path: String,
        why: String,
    },
    /// The entry's bytes are not those that were signed.
    Entry {
        index: u64,
        path: String,
    },
    /// The entries from `from` to before `to` cannot be told apart: `from` or its length was altered. They are equal
    /// when there are bytes after the last entry.
    Bundle {
        path: String,
        from: u64,
        to: u64,
        why: String,
    },
    /// The tile's hashes are not those that were signed; the entries under it are.
    Tile {
        path: String,
        why: String,
    },
    /// The entry and its hash do not belong together, and nothing shows which of them was altered.
    Disagreement {
        index: u64,
    },
    /// Entries and tiles from entry `from` to before `to` do not lead to what was signed.
    Unproven {
        from: u64,
        to: u64,
    },
    /// The pin proves nothing. Pins count from 1.
    Pin {
        pin: usize,
        why: String,
    },
    /// The log had more entries once.
    Cut {
        size: u64,
        pinned: u64,
    },
    /// The log was written anew and signed again: an entry from `from` to before `to` is another one.
    Rewritten {
        from: u64,
        to: u64,
    },
}

impl Report {
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            if self.findings.len() < FINDINGS_MAX {
                self.findings.push(finding);
            } else {
                self.findings_left_out += 1;
            }
        }
    }
}

/// Verifies an export. `read` returns the bytes of a file by its path relative to the export's root, none if there is
/// no such file; it is called from several threads. Files that the layout does not name are not looked at.
pub fn verify<E: fmt::Display>(
    read: &(impl Fn(&str) -> Result<Option<Vec<u8>>, E> + Sync),
    expected: &Expected<'_>,
) -> Report {
    let mut report = Report {
        origin: None,
        size: 0,
        root: None,
        pins_continued: 0,
        findings: Vec::new(),
        findings_left_out: 0,
    };
    let (vkey, checkpoint) = match trusted(read, expected) {
        Ok(trusted) => trusted,
        Err(finding) => {
            report.add([finding]);
            return report;
        }
    };
    report.origin = Some(checkpoint.origin);
    report.size = checkpoint.size;
    report.root = Some(checkpoint.root);
    let ground = ground::survey(checkpoint.size, read);
    let (levels, mut findings) = levels::settle(checkpoint.size, &checkpoint.root, ground, read);
    let verdict = pins::compare(&levels, &vkey, expected.pins, read);
    report.pins_continued = verdict.continued;
    if levels.proven {
        findings.extend(verdict.findings);
    } else {
        // Pins that hold show that what is before them is as it was.
        findings.push(Finding::Unproven {
            from: verdict.continued_size,
            to: checkpoint.size,
        });
        findings.extend(
            verdict
                .findings
                .into_iter()
                .filter(|found| !matches!(found, Finding::Rewritten { .. })),
        );
    }
    findings.sort();
    report.add(findings);
    report
}

/// Reads the key and the checkpoint; nothing can be said without both.
fn trusted<E: fmt::Display>(
    read: &impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
    expected: &Expected<'_>,
) -> Result<(Vkey, Checkpoint), Finding> {
    let vkey_error = |why: String| Finding::Vkey { why };
    let own = file("vkey", read)?;
    // Exactly one line: a second spelling of the same file would be an alteration that nobody sees.
    let own = str::from_utf8(&own).ok().and_then(|text| text.strip_suffix('\n'));
    let own = own.ok_or_else(|| vkey_error("the file `vkey` is not one line of text".to_owned()))?;
    let vkey = Vkey::parse(own).map_err(|error| vkey_error(error.to_string()))?;
    if let Some(wanted) = expected.vkey {
        let wanted = Vkey::parse(wanted.trim()).map_err(|error| vkey_error(error.to_string()))?;
        if wanted != vkey {
            return Err(vkey_error(format!(
                "the export's key is `{vkey}`, not the one to trust, `{wanted}`"
            )));
        }
    }
    let checkpoint_error = |why: String| Finding::Checkpoint { why };
    let checkpoint = vkey
        .open(&file("checkpoint", read)?)
        .map_err(|error| checkpoint_error(error.to_string()))?;
    if checkpoint.size > SIZE_MAX {
        return Err(checkpoint_error(format!(
            "it claims {} entries (limit {SIZE_MAX})",
            checkpoint.size
        )));
    }
    if checkpoint.size == 0 && checkpoint.root != crate::hash::empty_root() {
        return Err(checkpoint_error(
            "it claims an empty log with the root of another".to_owned(),
        ));
    }
    Ok((vkey, checkpoint))
}

fn file<E: fmt::Display>(
    path: &str,
    read: &impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
) -> Result<Vec<u8>, Finding> {
    match read(path) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(Finding::Missing {
            path: path.to_owned(),
        }),
        Err(error) => Err(Finding::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        }),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Vkey { why } => {
                write!(f, "the key cannot be trusted, so no entry was looked at: {why}")
            }
            Finding::Checkpoint { why } => {
                write!(
                    f,
                    "the checkpoint cannot be trusted, so no entry was looked at: {why}"
                )
            }
            Finding::Missing { path } => write!(f, "`{path}` is missing"),
            Finding::Unreadable { path, why } => write!(f, "`{path}` cannot be read: {why}"),
            Finding::Entry { index, path } => write!(f, "entry {index} was altered, in `{path}`"),
            Finding::Bundle { path, from, to, why } if from == to => write!(f, "`{path}` was altered: {why}"),
            Finding::Bundle { path, from, why, .. } => {
                write!(
                    f,
                    "entry {from} was altered, and those after it in `{path}` cannot be told apart: {why}"
                )
            }
            Finding::Tile { path, why } => {
                write!(f, "`{path}` was altered, the entries under it were not: {why}")
            }
            Finding::Disagreement { index } => {
                write!(
                    f,
                    "entry {index} and its hash differ, and nothing shows which of them was altered"
                )
            }
            Finding::Unproven { from, to } => {
                write!(
                    f,
                    "entries {from} to {} do not lead to the signed root",
                    to.saturating_sub(1)
                )
            }
            Finding::Pin { pin, why } => write!(f, "pin {pin} proves nothing: {why}"),
            Finding::Cut { size, pinned } => {
                write!(
                    f,
                    "the log has {size} entries, and a pinned checkpoint of it has {pinned}"
                )
            }
            Finding::Rewritten { from, to } => write!(
                f,
                "the log was rewritten and signed again: it differs between entries {from} and {}",
                to.saturating_sub(1)
            ),
        }
    }
}
