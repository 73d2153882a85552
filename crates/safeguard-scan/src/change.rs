//! What a change brings: the files as they are against the files as they were.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::compare;
use crate::scan::{self, Rules};
use crate::suppression::{self, Suppression, Today};

/// A file of a change. Neither text, where the file is not there.
#[derive(Debug, Clone, Copy)]
pub struct Changed<'c> {
    pub path: &'c str,
    pub base: Option<&'c str>,
    pub head: Option<&'c str>,
}

/// A file, read and scanned as it was and as it is.
#[derive(Debug)]
pub struct FileScan {
    pub path: String,
    /// Kept for what compares, where there are both or one was removed.
    pub base: Option<Source>,
    pub head: Option<Source>,
    before: Vec<Finding>,
    now: Vec<Finding>,
    suppressions: Vec<Suppression>,
    pub unread: Vec<Unread>,
}

/// What could not be looked at, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    pub path: String,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub finding: Finding,
    /// The change brings it: it was not there before, in any of its files.
    pub introduced: bool,
    /// By whom and until when it is let pass, if it is.
    pub suppressed: Option<Suppression>,
    /// A comment that would let it pass, if somebody else approved it.
    pub asked: Option<Asked>,
}

/// A comment that does not count yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub suppression: Suppression,
    /// What stands against it.
    pub why: String,
}

impl Judged {
    /// A finding under the comments of its file.
    pub fn new(finding: Finding, introduced: bool, suppressions: &[Suppression], today: Today) -> Judged {
        let found = suppression::of(&finding, suppressions, today);
        let (suppressed, asked) = match found {
            Some(suppression) if finding.asks_for_approval() => {
                let why = "nobody has signed it".to_owned();
                (None, Some(Asked { suppression, why }))
            }
            found => (found, None),
        };
        Judged {
            finding,
            introduced,
            suppressed,
            asked,
        }
    }

    pub fn blocks(&self) -> bool {
        self.introduced && self.suppressed.is_none() && self.finding.blocks()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Clean,
    Refused,
    /// Something could not be read or finished.
    Undecided,
}

#[derive(Debug)]
pub struct Report {
    /// By path, in the order of the text.
    pub findings: Vec<Judged>,
    pub unread: Vec<Unread>,
    /// How many files were looked at.
    pub files: usize,
}

impl Report {
    /// By path, in the order of the text; what was not looked at by path, each once.
    pub fn sort(&mut self) {
        self.findings.sort_by(|left, right| {
            let key = |judged: &Judged| (judged.finding.place.span.start, judged.finding.place.span.end);
            let (one, other) = (&left.finding, &right.finding);
            one.path
                .cmp(&other.path)
                .then_with(|| key(left).cmp(&key(right)))
                .then_with(|| one.rule.cmp(&other.rule))
        });
        self.unread.sort();
        self.unread.dedup();
    }

    pub fn verdict(&self) -> Verdict {
        if self.findings.iter().any(Judged::blocks) {
            Verdict::Refused
        } else if self.unread.is_empty() {
            Verdict::Clean
        } else {
            Verdict::Undecided
        }
    }
}

/// Scans a file as it was and as it is. Files of languages that are not known are not looked at.
pub fn scan_file(rules: &Rules, changed: &Changed<'_>, project: &Project) -> Option<FileScan> {
    let text = changed.head.or(changed.base).unwrap_or("");
    let Some(language) = Language::of_file(changed.path, text) else {
        return rules.look_into_any_text().then(|| scan_text(rules, changed));
    };
    let mut file = FileScan {
        path: changed.path.to_owned(),
        base: None,
        head: None,
        before: Vec::new(),
        now: Vec::new(),
        suppressions: Vec::new(),
        unread: Vec::new(),
    };
    if let Some(text) = changed.head {
        match scan::read(changed.path, language, text) {
            Ok(source) => {
                let scanned = scan::scan(rules, &source, project);
                file.now = scanned.findings;
                file.suppressions = suppression::read(&source);
                file.unread.extend(
                    scanned
                        .unfinished
                        .iter()
                        .map(|rule| too_many_steps(changed.path, rule)),
                );
                file.unread.extend(source.tree.unread().iter().map(|why| Unread {
                    path: changed.path.to_owned(),
                    why: why.clone(),
                }));
                file.head = Some(source);
            }
            Err(error) => file.unread.push(Unread {
                path: changed.path.to_owned(),
                why: error.to_string(),
            }),
        }
    }
    // A file that could not be read before had no findings that are known: everything in it counts as new.
    if let Some(text) = changed.base
        && changed.base != changed.head
        && let Ok(source) = scan::read(changed.path, language, text)
    {
        file.before = scan::scan(rules, &source, project).findings;
        file.base = Some(source);
    } else if changed.base.is_some() && changed.base == changed.head {
        file.before = file.now.clone();
    }
    if rules.look_into_any_text() {
        let text = scan_text(rules, changed);
        file.before.extend(text.before);
        file.now.extend(text.now);
        file.unread.extend(text.unread);
    }
    if changed.base.is_none() {
        // Nothing to compare it with, and others need not hold it.
        file.base = None;
    }
    Some(file)
}

/// A file of no language that is known, which rules on any text alone look into.
fn scan_text(rules: &Rules, changed: &Changed<'_>) -> FileScan {
    let found = |text: Option<&str>| text.map(|text| scan::scan_text(rules, changed.path, text));
    let (before, now) = (found(changed.base), found(changed.head));
    let unfinished = now.iter().flat_map(|scanned| scanned.unfinished.clone());
    FileScan {
        path: changed.path.to_owned(),
        base: None,
        head: None,
        unread: unfinished
            .map(|rule| too_many_steps(changed.path, &rule))
            .collect(),
        before: before.map_or_else(Vec::new, |scanned| scanned.findings),
        now: now.map_or_else(Vec::new, |scanned| scanned.findings),
        suppressions: suppression::in_text(changed.head.unwrap_or("")),
    }
}

fn too_many_steps(path: &str, rule: &str) -> Unread {
    Unread {
        path: path.to_owned(),
        why: format!("rule `{rule}` took more steps than it may"),
    }
}

/// What all files of a change come to.
pub fn settle(rules: &Rules, mut files: Vec<FileScan>, today: Today) -> Report {
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let mut before: BTreeMap<String, usize> = BTreeMap::new();
    for finding in files.iter().flat_map(|file| &file.before) {
        *before.entry(finding.identity.clone()).or_default() += 1;
    }
    let compared = compare(rules, &files);
    let mut findings = Vec::new();
    let mut told_of: BTreeSet<String> = BTreeSet::new();
    for file in &mut files {
        for finding in std::mem::take(&mut file.now) {
            let was_there = before.get_mut(&finding.identity).filter(|left| **left > 0);
            let introduced = match was_there {
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => true,
            };
            let mut judged = Judged::new(finding, introduced, &file.suppressions, today);
            // One package that is not there refuses once, in however many files it is imported.
            let finding = &mut judged.finding;
            if finding.rule == "unknown-package"
                && judged.introduced
                && judged.suppressed.is_none()
                && finding.blocks()
                && !told_of.insert(finding.identity.clone())
            {
                finding.confidence = Confidence::Medium;
            }
            findings.push(judged);
        }
    }
    for finding in compared {
        let suppressions = files
            .iter()
            .find(|file| file.path == finding.path)
            .map(|file| file.suppressions.as_slice());
        findings.push(Judged::new(
            finding,
            true,
            suppressions.unwrap_or_default(),
            today,
        ));
    }
    let mut report = Report {
        findings,
        unread: files.iter().flat_map(|file| file.unread.clone()).collect(),
        files: files.len(),
    };
    report.sort();
    report
}
