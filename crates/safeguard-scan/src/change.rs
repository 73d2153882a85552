//! What a change brings: the files as they are against the files as they were.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::ScopedJoinHandle;

use crate::finding::Finding;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::compare;
use crate::scan::{self, Rules, Scanned};
use crate::suppression::{self, Suppression, Today};
use crate::tree::ParseError;

/// What a thread that scans files needs: trees are walked in recursion, as deep as they may be.
pub const STACK_BYTES: usize = 64 << 20;

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

/// Scans a file as it was and as it is, on two threads if `at_once`. Files of languages that are not known are not looked at.
pub fn scan_file(rules: &Rules, changed: &Changed<'_>, project: &Project, at_once: bool) -> Option<FileScan> {
    let text = changed.head.or(changed.base).unwrap_or("");
    let Some(language) = Language::of_file(changed.path, text) else {
        return rules.look_into_any_text().then(|| scan_text(rules, changed));
    };
    let look = |text: &str| -> Result<(Source, Scanned), ParseError> {
        let source = scan::read(changed.path, language, text)?;
        let scanned = scan::scan(rules, &source, project);
        Ok((source, scanned))
    };
    let as_it_was = || {
        let text = changed.base.filter(|_| changed.base != changed.head)?;
        // A file that could not be read before had no findings that are known: everything in it counts as new.
        look(text).ok()
    };
    let as_it_is = || changed.head.map(look);
    let (before, now) = if at_once && changed.base.is_some() {
        both(as_it_was, as_it_is)
    } else {
        (as_it_was(), as_it_is())
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
    let unread = |why: String| Unread {
        path: changed.path.to_owned(),
        why,
    };
    match now {
        Some(Ok((source, scanned))) => {
            let unfinished = scanned.unfinished.iter();
            file.unread
                .extend(unfinished.map(|rule| too_many_steps(changed.path, rule)));
            file.unread
                .extend(source.tree.unread().iter().cloned().map(unread));
            file.now = scanned.findings;
            file.suppressions = suppression::read(&source);
            file.head = Some(source);
        }
        Some(Err(error)) => file.unread.push(unread(error.to_string())),
        None => {}
    }
    match before {
        Some((source, scanned)) => {
            file.before = scanned.findings;
            file.base = Some(source);
        }
        None if changed.base == changed.head => file.before = file.now.clone(),
        None => {}
    }
    if rules.look_into_any_text() {
        let text = scan_text(rules, changed);
        file.before.extend(text.before);
        file.now.extend(text.now);
        file.unread.extend(text.unread);
    }
    Some(file)
}

/// Two questions at the same time; the first on a thread of its own, if there is one to be had.
fn both<A: Send, B>(one: impl Fn() -> A + Sync, other: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let asked = thread.spawn_scoped(scope, &one);
        let other = other();
        let one = match asked.map(ScopedJoinHandle::join) {
            Ok(Ok(answer)) => answer,
            Ok(Err(panicked)) => std::panic::resume_unwind(panicked),
            Err(_) => one(),
        };
        (one, other)
    })
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
