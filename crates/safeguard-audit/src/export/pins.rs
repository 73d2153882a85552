//! Checkpoints that were kept elsewhere: the log must continue each of them.

use std::fmt;

use super::Finding;
use super::levels::Levels;
use crate::note::{Checkpoint, Vkey};

pub(super) struct Verdict {
    /// Pins that the log continues, and the largest size of one.
    pub continued: usize,
    pub continued_size: u64,
    pub findings: Vec<Finding>,
}

pub(super) fn compare<E: fmt::Display>(
    levels: &Levels,
    vkey: &Vkey,
    pins: &[&str],
    read: &impl Fn(&str) -> Result<Option<Vec<u8>>, E>,
) -> Verdict {
    let mut verdict = Verdict {
        continued: 0,
        continued_size: 0,
        findings: Vec::new(),
    };
    let mut opened: Vec<(usize, Checkpoint)> = Vec::new();
    for (pin, note) in (1..).zip(pins) {
        match vkey.open(note.as_bytes()) {
            Ok(checkpoint) => opened.push((pin, checkpoint)),
            Err(error) => verdict.findings.push(Finding::Pin {
                pin,
                why: error.to_string(),
            }),
        }
    }
    opened.sort_by_key(|(_, checkpoint)| checkpoint.size);
    let mut rewritten = None;
    for (pin, checkpoint) in opened {
        if checkpoint.size > levels.size {
            verdict.findings.push(Finding::Cut {
                size: levels.size,
                pinned: checkpoint.size,
            });
            continue;
        }
        match levels.root_at(checkpoint.size, read) {
            Some(root) if root == checkpoint.root => {
                verdict.continued += 1;
                verdict.continued_size = checkpoint.size;
            }
            Some(_) => {
                rewritten.get_or_insert(checkpoint.size);
            }
            None => verdict.findings.push(Finding::Pin {
                pin,
                why: format!(
                    "the hashes of the first {} entries are not proven",
                    checkpoint.size
                ),
            }),
        }
    }
    if let Some(to) = rewritten {
        verdict.findings.push(Finding::Rewritten {
            from: verdict.continued_size.min(to),
            to,
        });
    }
    verdict
}
