//! What other scanners found, judged as what is found here: by what the change brings, and by who answers for it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use safeguard_api::Digest;
use safeguard_api::evidence::{Facts, Finding as Theirs, FindingState};
use safeguard_gate::{REPORT_BYTES_MAX, read_sarif};
use safeguard_mutation::Lines;
use safeguard_scan::change::{Judged, Unread};
use safeguard_scan::finding::{Finding, Place};
use safeguard_scan::language::Language;
use safeguard_scan::rule::Confidence;
use safeguard_scan::{scan, suppression};

use super::Checked;
use super::files::Entry;
use crate::failure::Failure;

pub fn add(checked: &mut Checked, reports: &[PathBuf], today: suppression::Today) -> Result<(), Failure> {
    for file in reports {
        let path = file.display().to_string();
        let bytes = read(file)?;
        let read = read_sarif(&bytes).map_err(|error| Failure::undecided(format!("`{path}`: {error}")))?;
        let Facts::Findings(findings) = read.facts else {
            return Err(Failure::undecided(format!("`{path}` holds no findings")));
        };
        let doubts = read.inconclusive.into_iter().map(|why| Unread {
            path: path.clone(),
            why,
        });
        checked.report.unread.extend(doubts);
        if findings.dropped > 0 {
            let why = format!("{} findings more than are read", findings.dropped);
            checked.report.unread.push(Unread {
                path: path.clone(),
                why,
            });
        }
        for finding in &findings.findings {
            let Some(place) = &finding.path else {
                // Whether the change brings it can not be told, and it is not passed over.
                checked.report.unread.extend(without_a_file(finding, &path));
                continue;
            };
            let entry = checked.selection.all().find(|entry| entry.path == *place);
            checked
                .report
                .findings
                .extend(entry.and_then(|entry| judged(finding, entry, today)));
        }
    }
    Ok(())
}

/// A finding that names no file; none, where its own report says that it is not new.
fn without_a_file(theirs: &Theirs, report: &str) -> Option<Unread> {
    match theirs.state {
        FindingState::Absent | FindingState::Suppressed | FindingState::Unchanged => None,
        FindingState::New | FindingState::Unsaid | FindingState::Silenced => Some(Unread {
            path: report.to_owned(),
            why: format!(
                "{} names no file: {}: {}",
                theirs.tool, theirs.rule, theirs.message
            ),
        }),
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let about = || format!("cannot read `{}`", file.display());
    let size = std::fs::metadata(file).with_context(about)?.len();
    anyhow::ensure!(
        size <= REPORT_BYTES_MAX as u64,
        "`{}` has {size} bytes (limit {REPORT_BYTES_MAX})",
        file.display()
    );
    std::fs::read(file).with_context(about)
}

/// A finding in a file of the change; the others are none of this change's.
fn judged(theirs: &Theirs, entry: &Entry, today: suppression::Today) -> Option<Judged> {
    let path = entry.path.as_str();
    let text = entry.head.text()?;
    let line = theirs.line.unwrap_or(1) as usize;
    let end = theirs.end_line.map_or(line, |end| end as usize).max(line);
    let introduced = match theirs.state {
        FindingState::Absent | FindingState::Suppressed => return None,
        FindingState::Unchanged => false,
        FindingState::New => true,
        FindingState::Unsaid | FindingState::Silenced => {
            Lines::written(entry.base.text(), text).touch(line, end)
        }
    };
    let finding = Finding {
        rule: theirs.rule.clone(),
        failure: String::new(),
        severity: theirs.severity,
        confidence: Confidence::High,
        cwe: Vec::new(),
        message: format!("{} ({})", theirs.message, theirs.tool),
        path: path.to_owned(),
        place: Place::of(text, of_lines(text, line, end)),
        trace: Vec::new(),
        identity: Digest::of(
            format!("{}\n{path}\n{}\n{}", theirs.tool, theirs.rule, theirs.fingerprint).as_bytes(),
        )
        .hex()
        .to_owned(),
    };
    let suppressions = match Language::of_file(path, text) {
        Some(language) => {
            let source = scan::read(path, language, text);
            source.map_or_else(|_| Vec::new(), |source| suppression::read(&source))
        }
        None => suppression::in_text(text),
    };
    Some(Judged::new(finding, introduced, &suppressions, today))
}

/// The bytes of some lines, from 1, without the last one's end.
fn of_lines(text: &str, first: usize, last: usize) -> std::ops::Range<usize> {
    let mut at = 0;
    let (mut start, mut end) = (text.len(), text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if number + 1 == first {
            start = at + (line.len() - line.trim_start().len());
        }
        if number + 1 == last {
            end = at + line.trim_end().len();
        }
        at += line.len();
    }
    start.min(end)..end
}
