//! Which lines the new changes of a release add, and whether a place lies on one of them.

use std::collections::BTreeMap;

use safeguard_api::diff::{FileDiff, FileStatus};
use safeguard_api::lines::LineSet;

use crate::case::Case;

/// The files that the new changes leave behind, each with its new lines.
pub(crate) struct Introduced<'a> {
    /// By the last part of the path, which every way to name the file has.
    files: BTreeMap<&'a str, BTreeMap<&'a str, NewLines<'a>>>,
    /// Changes without a diff: what they add is not known.
    pub(crate) without_diff: Vec<String>,
}

enum NewLines<'a> {
    These(&'a LineSet),
    /// More than one change touches the file: a line's number in one diff is not its number after the other.
    Any,
}

impl<'a> Introduced<'a> {
    pub(crate) fn of(case: &Case<'a>) -> Introduced<'a> {
        let mut files: BTreeMap<&str, BTreeMap<&str, NewLines<'a>>> = BTreeMap::new();
        let mut without_diff = Vec::new();
        for change in case.changes {
            let Some(diff) = change.diff else {
                without_diff.push(change.change.id.to_string());
                continue;
            };
            for file in diff
                .files
                .iter()
                .filter(|file| file.status != FileStatus::Removed)
            {
                let named = files.entry(last_part(&file.path)).or_default();
                let lines = match named.contains_key(file.path.as_str()) {
                    true => NewLines::Any,
                    false => NewLines::These(&file.added),
                };
                named.insert(&file.path, lines);
            }
        }
        Introduced { files, without_diff }
    }

    /// Whether any line from `first` to `last` is new. Without a line, whether the file is touched at all.
    pub(crate) fn has(&self, path: &str, lines: Option<(u32, u32)>) -> bool {
        let named = self.files.get(last_part(path)).into_iter().flatten();
        let mut touched = named
            .filter(|(touched, _)| is_same_file(touched, path))
            .peekable();
        match lines {
            None => touched.peek().is_some(),
            Some((first, last)) => touched.any(|(_, new)| match new {
                NewLines::These(lines) => lines.meets(first, last),
                NewLines::Any => true,
            }),
        }
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Whether a report that may run elsewhere, or in a folder of the repository, means the file: one path is the end of the
/// other. Two files that a short path could mean are both meant.
pub(crate) fn is_same_file(of_diff: &str, of_report: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    ends(of_diff, of_report) || ends(of_report, of_diff)
}

/// Files that the new changes touch, removed ones among them.
pub(crate) fn touched<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a FileDiff> {
    case.changes
        .iter()
        .filter_map(|change| change.diff)
        .flat_map(|diff| &diff.files)
}
