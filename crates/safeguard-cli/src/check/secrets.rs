//! Secrets in all files of a change, and in what the branch's commits brought and took away again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use safeguard_api::evidence::Severity;
use safeguard_scan::analysis::place::is_test;
use safeguard_scan::change::{Judged, Unread};
use safeguard_scan::finding::{Finding, Place};
use safeguard_scan::language::Language;
use safeguard_scan::rule::Confidence;
use safeguard_scan::suppression::{self, Suppression, Today};
use safeguard_secrets::gitleaks::{Config, FILE_BYTES_MAX};
use safeguard_secrets::{Rules, Secret};

use super::files::{Content, Entry, Selection, Side};
use super::plumbing;
use crate::failure::Failure;
use crate::git;

/// The rule's name, as its page has it.
pub const RULE: &str = "secret";
/// The rule of the syntax tree that finds some of the same.
const IN_CODE: &str = "hard-coded-secret";
/// What a repository says of its own secrets, in the format of gitleaks.
const CONFIG: &str = ".gitleaks.toml";
/// How many files of rules may extend each other.
const EXTENDED_MAX: usize = 3;
/// How many texts of its commits are looked at.
const BROUGHT_MAX: usize = 20_000;
const BROUGHT_BYTES_MAX: usize = 8 << 20;

/// What is looked for: the kinds of this program, the repository's rules as they were before the change, and those that were named.
pub fn config(selection: &Selection, named: &[PathBuf]) -> Result<Option<Config>, Failure> {
    let mut config = None;
    if let Some(root) = &selection.root
        && let Some(text) = before(selection, root, CONFIG)
    {
        let read = |path: &str| before(selection, root, path);
        config = Some(loaded(CONFIG, &text, &read)?);
    }
    for path in named {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::undecided(format!("cannot read `{shown}`: {error}")))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let read = |path: &str| std::fs::read_to_string(folder.join(path)).ok();
        let more = loaded(&shown, &text, &read)?;
        config = Some(more.over(config.unwrap_or_default()));
    }
    Ok(config)
}

/// A file of rules over those that it extends.
fn loaded(name: &str, text: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<Config, Failure> {
    let problem = |problem: String| Failure::undecided(format!("`{name}` {problem}"));
    let mut config = Config::read(text).map_err(|error| problem(error.to_string()))?;
    for _ in 0..EXTENDED_MAX {
        let Some(path) = config.extends.take() else {
            return Ok(config);
        };
        let text = read(&path).ok_or_else(|| problem(format!("extends `{path}`, which can not be read")))?;
        let base =
            Config::read(&text).map_err(|error| problem(format!("extends `{path}`, which {error}")))?;
        config = config.over(base);
    }
    match config.extends {
        None => Ok(config),
        Some(_) => Err(problem(format!("extends more than {EXTENDED_MAX} others"))),
    }
}

/// A file as it was before the change: what a change says of its own secrets does not count for it.
fn before(selection: &Selection, root: &Path, path: &str) -> Option<String> {
    let in_tree = root.join(path);
    let Some(base) = &selection.base else {
        let is_small = std::fs::metadata(&in_tree).is_ok_and(|about| about.len() <= FILE_BYTES_MAX as u64);
        return is_small.then(|| std::fs::read_to_string(in_tree).ok())?;
    };
    // Asking git takes as long as all else does, and most repositories have no such file.
    if selection.side == Side::WorkingTree && !in_tree.exists() {
        return None;
    }
    git::git(root, &["cat-file", "blob", &format!("{base}:{path}")]).ok()
}

/// The secrets of one file as it was and as it is.
#[derive(Debug)]
pub struct InFile {
    pub path: String,
    before: Vec<String>,
    now: Vec<Finding>,
    suppressions: Vec<Suppression>,
    pub unread: Vec<Unread>,
}

impl InFile {
    /// Where they stand in the file as it is.
    pub fn spans(&self) -> Vec<Range<usize>> {
        self.now
            .iter()
            .map(|finding| finding.place.span.clone())
            .collect()
    }
}

pub fn in_file(rules: &Rules, entry: &Entry) -> InFile {
    let mut found = InFile {
        path: entry.path.clone(),
        before: Vec::new(),
        now: Vec::new(),
        suppressions: Vec::new(),
        unread: Vec::new(),
    };
    if let Some(text) = entry.base.text() {
        let (secrets, _) = rules.find(text, place(&entry.path, None, entry.is_left_out()));
        found.before = secrets.into_iter().map(|secret| secret.identity).collect();
    }
    match &entry.head {
        Content::Text(text) => {
            let (secrets, complete) = rules.find(text, place(&entry.path, None, entry.is_left_out()));
            found.suppressions = suppression::in_text(text);
            found.now = secrets
                .iter()
                .map(|secret| finding(secret, &entry.path, text, "stands here"))
                .collect();
            if !complete {
                found.unread.push(Unread {
                    path: entry.path.clone(),
                    why: "has too much in it that looks like a secret".to_owned(),
                });
            }
        }
        Content::Unreadable(why) => found.unread.push(Unread {
            path: entry.path.clone(),
            why: why.clone(),
        }),
        Content::None | Content::Binary => {}
    }
    found
}

fn place<'p>(path: &'p str, commit: Option<&'p str>, is_left_out: bool) -> safeguard_secrets::Place<'p> {
    safeguard_secrets::Place {
        path,
        commit,
        is_test: is_test(path) || is_left_out,
        is_code: Language::of(path).is_some(),
    }
}

fn finding(secret: &Secret, path: &str, text: &str, where_it_is: &str) -> Finding {
    Finding {
        rule: RULE.to_owned(),
        failure: "X3".to_owned(),
        severity: Severity::High,
        confidence: if secret.is_sure {
            Confidence::High
        } else {
            Confidence::Medium
        },
        cwe: vec!["CWE-798".to_owned()],
        message: format!(
            "{} ({}; {}) {where_it_is}: whoever reads the repository has it",
            secret.about, secret.kind, secret.shown
        ),
        path: path.to_owned(),
        place: Place::of(text, secret.span.clone()),
        trace: Vec::new(),
        identity: secret.identity.clone(),
    }
}

/// What all files and the history come to.
pub fn settle(mut files: Vec<InFile>, history: Vec<Finding>, today: Today) -> Vec<Judged> {
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let mut before: BTreeMap<String, usize> = BTreeMap::new();
    for identity in files.iter().flat_map(|file| &file.before) {
        *before.entry(identity.clone()).or_default() += 1;
    }
    let known: Vec<String> = before.keys().cloned().collect();
    let mut judged: Vec<Judged> = Vec::new();
    for file in files {
        for finding in file.now {
            let left = before.get_mut(&finding.identity).filter(|left| **left > 0);
            let introduced = left.is_none();
            if let Some(left) = left {
                *left -= 1;
            }
            judged.push(Judged::new(finding, introduced, &file.suppressions, today));
        }
    }
    // What stands in the files is said there.
    for finding in history {
        let is_said = judged.iter().any(|one| one.finding.identity == finding.identity);
        if !is_said && known.binary_search(&finding.identity).is_err() {
            judged.push(Judged::new(finding, true, &[], today));
        }
    }
    judged
}

/// Secrets in what the branch's own commits brought, wherever it went since.
pub fn in_history(rules: &Rules, selection: &Selection) -> anyhow::Result<(Vec<Finding>, Vec<Unread>)> {
    let (Some(root), Some(objects), Some(base)) = (&selection.root, &selection.objects, &selection.base)
    else {
        return Ok((Vec::new(), Vec::new()));
    };
    let head = match &selection.side {
        Side::Commit(commit) => commit.as_str(),
        Side::WorkingTree => "HEAD",
        // What is staged lies on the last commit, which is its base.
        Side::Index | Side::Folder => return Ok((Vec::new(), Vec::new())),
    };
    if objects.commits(&[head])?.get(head) == Some(base) {
        return Ok((Vec::new(), Vec::new()));
    }
    let (mut brought, complete) = plumbing::brought(root, base, head, BROUGHT_MAX)?;
    brought.retain(|one| selection.is_wanted(&one.path));
    let mut unread = Vec::new();
    if !complete {
        unread.push(Unread {
            path: ".".to_owned(),
            why: format!("the branch's commits have more than {BROUGHT_MAX} files (limit)"),
        });
    }
    let blobs: Vec<&str> = brought.iter().map(|one| one.blob.as_str()).collect();
    let texts = objects.texts(&blobs, BROUGHT_BYTES_MAX)?;
    let mut found = Vec::new();
    for one in &brought {
        let Some(bytes) = texts.get(&one.blob) else {
            continue;
        };
        let Content::Text(text) = Content::of(&one.path, bytes) else {
            continue;
        };
        let secrets = rules.find(&text, place(&one.path, None, false)).0;
        if secrets.is_empty() {
            continue;
        }
        let commit = plumbing::commit_of(root, base, head, &one.blob)?.unwrap_or_else(|| head.to_owned());
        // Rules may let single commits pass.
        let secrets = rules.find(&text, place(&one.path, Some(&commit), false)).0;
        let short = commit.get(..10).unwrap_or(&commit);
        let told = format!("stands in commit {short} of this branch, and stays in its history");
        found.extend(
            secrets
                .iter()
                .map(|secret| finding(secret, &one.path, &text, &told)),
        );
    }
    found.sort_by(|left, right| {
        (&left.path, left.place.span.start).cmp(&(&right.path, right.place.span.start))
    });
    found.dedup_by(|later, earlier| later.identity == earlier.identity);
    Ok((found, unread))
}

/// Puts secrets among the findings of other rules. Of what is said twice of one place, what refuses is kept.
pub fn join(findings: &mut Vec<Judged>, secrets: Vec<Judged>) {
    for secret in secrets {
        let overlaps = |judged: &Judged| {
            let (one, other) = (&judged.finding.place.span, &secret.finding.place.span);
            judged.finding.rule == IN_CODE
                && judged.finding.path == secret.finding.path
                && one.start < other.end
                && other.start < one.end
        };
        match findings.iter().position(overlaps) {
            Some(at) if secret.blocks() && !findings[at].blocks() && findings[at].suppressed.is_none() => {
                findings[at] = secret;
            }
            Some(_) => {}
            None => findings.push(secret),
        }
    }
}

/// A text with its secrets made unreadable, each byte for byte, so that places in it stay where they are.
pub fn masked(text: &str, secrets: &[Range<usize>]) -> String {
    let is_secret = |at: usize| secrets.iter().any(|span| span.contains(&at));
    let mut masked = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        if is_secret(at) && !char.is_whitespace() {
            masked.push_str(&"*".repeat(char.len_utf8()));
        } else {
            masked.push(char);
        }
    }
    masked
}
