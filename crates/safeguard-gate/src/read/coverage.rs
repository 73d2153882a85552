//! Lines that tests executed and lines that they missed, gathered from a report in any order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use safeguard_api::evidence::{Coverage, Facts, LineCoverage};
use safeguard_api::lines::LineSet;

use super::json::cut;
use super::{PATH_BYTES_MAX, Read};

const FILES_MAX: usize = 50_000;
const LINES_MAX: usize = 5_000_000;

/// Whether each line of each file was executed at least once.
#[derive(Default)]
pub(super) struct Gathered {
    files: BTreeMap<String, BTreeMap<u32, bool>>,
    lines: usize,
}

impl Gathered {
    /// Makes sure that the file is there, also if it has no line that could be executed.
    pub(super) fn file(&mut self, path: &str) -> Result<&mut BTreeMap<u32, bool>, String> {
        let path = cut(path, PATH_BYTES_MAX);
        if !self.files.contains_key(path) && self.files.len() == FILES_MAX {
            return Err(format!("more than {FILES_MAX} files"));
        }
        Ok(self.files.entry(path.to_owned()).or_default())
    }

    /// A line that comes more than once was executed if it was executed once.
    pub(super) fn line(&mut self, path: &str, line: u32, executed: bool) -> Result<(), String> {
        if line == 0 {
            return Err("lines count from 1".to_owned());
        }
        let added = match self.file(path)?.entry(line) {
            Entry::Vacant(place) => {
                place.insert(executed);
                1
            }
            Entry::Occupied(mut place) => {
                *place.get_mut() |= executed;
                0
            }
        };
        self.lines += added;
        if self.lines > LINES_MAX {
            return Err(format!("more than {LINES_MAX} lines"));
        }
        Ok(())
    }

    pub(super) fn into_read(self) -> Read {
        let lines = self.lines;
        let files = self.files.into_iter().map(|(path, lines)| {
            let of = |executed| {
                lines
                    .iter()
                    .filter(move |(_, was)| **was == executed)
                    .map(|(line, _)| *line)
            };
            let coverage = LineCoverage {
                covered: of(true).collect::<LineSet>(),
                missed: of(false).collect::<LineSet>(),
            };
            (path, coverage)
        });
        let mut read = Read::new(Facts::Coverage(Coverage {
            files: files.collect(),
        }));
        if lines == 0 {
            read.inconclusive.push("no line of any file is in it".to_owned());
        }
        read
    }
}
