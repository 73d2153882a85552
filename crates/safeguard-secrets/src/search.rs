//! One text against all kinds and rules: their keywords are looked for at once, and their forms only where one stands.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;
use sha2::{Digest, Sha256};

use crate::assigned::{self, assigned};
use crate::gitleaks::{Config, Found, line_of};
use crate::kinds::{self, Candidate, Kind, Trust};
use crate::surroundings::{is_called_example, is_example, is_lock, is_prose, is_settings};

/// How many secrets one text may have; more are not told.
const SECRETS_MAX: usize = 1_000;
/// How many bytes forms may be tried on, for each byte of a text and altogether.
const STEPS_PER_BYTE: usize = 64;
const STEPS_MIN: usize = 4 << 20;
/// After how many bytes the faster automaton is worth being made.
const SMALL_BYTES_MAX: usize = 1 << 20;

/// What is looked for.
#[derive(Debug)]
pub struct Rules {
    /// The keywords of the kinds, then the names that secrets are set to.
    own: Keywords,
    /// The kind that each keyword belongs to.
    kinds: Vec<&'static Kind>,
    of_keyword: Vec<usize>,
    /// Each form is compiled when its keyword is first met.
    forms: Vec<OnceLock<Option<Regex>>>,
    config: Config,
    /// The keywords of the rules in `config`.
    theirs: Keywords,
    of_their_keyword: Vec<usize>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.id)
    }
}

/// Where a text stands.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    pub path: &'p str,
    /// The commit that it is read from, where it is not the newest.
    pub commit: Option<&'p str>,
    /// A test or an example, where what looks like a secret seldom is one.
    pub is_test: bool,
    /// Whether rules that know its language say what is set to a name in it.
    pub is_code: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// The kind's or rule's name.
    pub kind: String,
    pub about: String,
    pub span: Range<usize>,
    /// Whether it is one almost certainly, and where it does harm.
    pub is_sure: bool,
    /// Its first letters and its length, which may be shown.
    pub shown: String,
    /// The same for the same secret, wherever it stands: SHA-256, hexadecimal.
    pub identity: String,
}

impl Rules {
    /// The kinds of this program, and rules of others.
    pub fn new(config: Config) -> Result<Rules, String> {
        let kinds: Vec<&'static Kind> = kinds::all().filter(|kind| config.looks_for(kind.id)).collect();
        let mut keywords: Vec<&str> = Vec::new();
        let mut of_keyword = Vec::new();
        for (at, kind) in kinds.iter().enumerate() {
            keywords.extend(kind.keywords);
            of_keyword.extend(kind.keywords.iter().map(|_| at));
        }
        keywords.extend(assigned::NAMES);
        let mut their_keywords: Vec<&str> = Vec::new();
        let mut of_their_keyword = Vec::new();
        for (at, rule) in config.rules.iter().enumerate() {
            their_keywords.extend(rule.keywords.iter().map(String::as_str));
            of_their_keyword.extend(rule.keywords.iter().map(|_| at));
        }
        Ok(Rules {
            own: Keywords::new(&keywords)?,
            forms: kinds.iter().map(|_| OnceLock::new()).collect(),
            kinds,
            of_keyword,
            theirs: Keywords::new(&their_keywords)?,
            of_their_keyword,
            config,
        })
    }

    /// The secrets of a text in its order, and whether all could be told.
    pub fn find(&self, text: &str, place: Place<'_>) -> (Vec<Secret>, bool) {
        let mut found: Vec<Hit<'_>> = Vec::new();
        let complete = self.own_kinds(text, place, &mut found);
        self.their_rules(text, place, &mut found);
        let complete = complete && found.len() <= SECRETS_MAX;
        found.truncate(SECRETS_MAX);
        found.retain(|hit| {
            let at = Found {
                secret: &text[hit.span.clone()],
                whole: &text[hit.whole.clone()],
                line: line_of(text, hit.whole.clone()),
                path: place.path,
                commit: place.commit,
            };
            !self.config.lets_pass(hit.kind, &at)
        });
        (
            settle(found).into_iter().map(|hit| hit.told(text)).collect(),
            complete,
        )
    }

    fn own_kinds<'r>(&'r self, text: &str, place: Place<'_>, found: &mut Vec<Hit<'r>>) -> bool {
        let is_settings = is_settings(place.path);
        let looks_for_assigned = !place.is_code && !is_lock(place.path) && self.config.looks_for(ASSIGNED);
        let mut done = 0;
        // What has a kind's form and is none is not taken for another one's key.
        let mut refuted: Vec<Range<usize>> = Vec::new();
        let mut steps = STEPS_MIN.max(text.len().saturating_mul(STEPS_PER_BYTE));
        for hit in self.own.automaton(text).find_overlapping_iter(text) {
            let Some(at) = self.of_keyword.get(hit.pattern().as_usize()) else {
                if looks_for_assigned
                    && hit.start() >= done
                    && let Some(one) = assigned(text, hit.range(), is_settings)
                {
                    done = one.span.end;
                    let about = if one.is_password {
                        "a password"
                    } else {
                        "a key or token"
                    };
                    found.push(Hit::of(
                        text,
                        ASSIGNED,
                        about,
                        one.span.clone(),
                        one.span,
                        place,
                        one.trust,
                    ));
                }
                continue;
            };
            let kind = self.kinds[*at];
            steps = steps.saturating_sub(kind.ahead);
            if let Some(candidate) = self.candidate(*at, kind, text, hit.range()) {
                let trust = (kind.check)(&candidate);
                if trust == Trust::No {
                    refuted.push(candidate.whole);
                } else {
                    found.push(Hit::of(
                        text,
                        kind.id,
                        kind.about,
                        candidate.secret,
                        candidate.whole,
                        place,
                        trust,
                    ));
                }
            }
            if steps == 0 || found.len() > SECRETS_MAX {
                return false;
            }
        }
        let overlaps =
            |one: &Range<usize>, other: &Range<usize>| one.start < other.end && other.start < one.end;
        found.retain(|hit| hit.kind != ASSIGNED || !refuted.iter().any(|range| overlaps(range, &hit.span)));
        true
    }

    fn candidate<'t>(
        &self,
        at: usize,
        kind: &Kind,
        text: &'t str,
        hit: Range<usize>,
    ) -> Option<Candidate<'t>> {
        let bytes = text.as_bytes();
        // `\n` in a string is no letter before it.
        let escaped = hit.start >= 2 && bytes[hit.start - 2] == b'\\';
        let within_word = hit.start > 0 && bytes[hit.start - 1].is_ascii_alphanumeric() && !escaped;
        if kind.back == 0 && kind.begins_word && within_word {
            return None;
        }
        let form = self.forms[at].get_or_init(|| {
            let begin = if kind.back == 0 { r"\A" } else { "" };
            Regex::new(&format!("{begin}(?:{})", kind.form)).ok()
        });
        let mut begin = hit.start.saturating_sub(kind.back);
        while !text.is_char_boundary(begin) {
            begin += 1;
        }
        let mut end = (hit.end + kind.ahead).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let captures = form.as_ref()?.captures(text.get(begin..end)?)?;
        let whole = captures.get(0)?;
        let secret = captures.get(1).unwrap_or(whole);
        let placed = |range: Range<usize>| begin + range.start..begin + range.end;
        let candidate = Candidate {
            text,
            whole: placed(whole.range()),
            secret: placed(secret.range()),
        };
        (candidate.whole.start <= hit.start && hit.end <= candidate.whole.end).then_some(candidate)
    }

    fn their_rules<'r>(&'r self, text: &str, place: Place<'_>, found: &mut Vec<Hit<'r>>) {
        if self.config.rules.is_empty() {
            return;
        }
        let mut has: Vec<bool> = self
            .config
            .rules
            .iter()
            .map(|rule| rule.keywords.is_empty())
            .collect();
        for hit in self.theirs.automaton(text).find_overlapping_iter(text) {
            if let Some(at) = self.of_their_keyword.get(hit.pattern().as_usize()) {
                has[*at] = true;
            }
        }
        for (rule, _) in self.config.rules.iter().zip(has).filter(|(_, has)| *has) {
            if !self.config.looks_for(&rule.id) || !rule.is_for(place.path) {
                continue;
            }
            if rule.regex.is_none() {
                // Such a file is not to be there at all.
                found.push(Hit::theirs(&rule.id, &rule.about, 0..0, 0..0));
            }
            for (secret, whole) in rule.find(text, place.path, place.commit, SECRETS_MAX) {
                found.push(Hit::theirs(&rule.id, &rule.about, secret, whole));
            }
        }
    }
}

/// The rule for what is set to a name, as others call it.
const ASSIGNED: &str = "generic-api-key";

struct Hit<'r> {
    kind: &'r str,
    about: &'r str,
    span: Range<usize>,
    whole: Range<usize>,
    trust: Trust,
}

impl<'r> Hit<'r> {
    fn of(
        text: &str,
        kind: &'r str,
        about: &'r str,
        span: Range<usize>,
        whole: Range<usize>,
        place: Place<'_>,
        trust: Trust,
    ) -> Hit<'r> {
        let trust = match trust {
            _ if place.is_test || is_example(place.path) || is_called_example(text, whole.start) => {
                trust.min(Trust::Advice)
            }
            Trust::Sure if is_prose(place.path) => Trust::Advice,
            other => other,
        };
        Hit {
            kind,
            about,
            span,
            whole,
            trust,
        }
    }

    fn theirs(kind: &'r str, about: &'r str, span: Range<usize>, whole: Range<usize>) -> Hit<'r> {
        let trust = Trust::Sure;
        Hit {
            kind,
            about,
            span,
            whole,
            trust,
        }
    }

    fn told(self, text: &str) -> Secret {
        let secret = &text[self.span.clone()];
        let mut digest = Sha256::new();
        digest.update(b"secret\0");
        digest.update(if secret.is_empty() {
            self.kind.as_bytes()
        } else {
            secret.as_bytes()
        });
        Secret {
            kind: self.kind.to_owned(),
            about: self.about.to_owned(),
            is_sure: self.trust >= Trust::Sure,
            shown: shown(secret),
            identity: hex::encode(digest.finalize()),
            span: self.span,
        }
    }
}

/// At most four letters, and of a short one no more than a fifth of it.
fn shown(secret: &str) -> String {
    const CHARS_SHOWN_MAX: usize = 4;
    let length = secret.chars().count();
    let first: String = secret
        .chars()
        .take(CHARS_SHOWN_MAX.min(length / 5))
        .filter(|char| !char.is_control())
        .collect();
    match length {
        0 => "the whole file".to_owned(),
        _ if first.is_empty() => format!("{length} characters"),
        _ => format!("`{first}…`, {length} characters"),
    }
}

/// Of what lies in one another, the surest; of equals, the one whose kind comes first.
fn settle(mut found: Vec<Hit<'_>>) -> Vec<Hit<'_>> {
    // The order of kinds is kept, as sorting is stable.
    found.sort_by(|left, right| {
        // What is known by its issuer's form is told as that.
        let is_last = |hit: &Hit<'_>| hit.kind == ASSIGNED;
        let by_trust = is_last(left)
            .cmp(&is_last(right))
            .then(right.trust.cmp(&left.trust));
        by_trust.then(left.span.start.cmp(&right.span.start))
    });
    let mut kept: Vec<Hit<'_>> = Vec::new();
    for hit in found {
        let overlaps = |other: &Hit<'_>| {
            hit.span.start < other.whole.end && other.whole.start < hit.span.end
                || hit.whole.start < other.span.end && other.span.start < hit.whole.end
                || hit.span == other.span && hit.kind == other.kind
        };
        if !kept.iter().any(overlaps) {
            kept.push(hit);
        }
    }
    kept.sort_by_key(|one| (one.span.start, one.span.end));
    kept
}

/// Keywords to look for. The automaton that is fastest takes longer to make than some files take to be read by another one.
#[derive(Debug)]
struct Keywords {
    keywords: Vec<String>,
    small: AhoCorasick,
    fast: OnceLock<Option<AhoCorasick>>,
    /// How many bytes were looked at.
    read: AtomicUsize,
}

impl Keywords {
    fn new(keywords: &[&str]) -> Result<Keywords, String> {
        Ok(Keywords {
            keywords: keywords.iter().map(|keyword| (*keyword).to_owned()).collect(),
            small: automaton(keywords, AhoCorasickKind::ContiguousNFA)
                .map_err(|error| format!("the keywords: {error}"))?,
            fast: OnceLock::new(),
            read: AtomicUsize::new(0),
        })
    }

    /// What looks through the next text; both find the same.
    fn automaton(&self, text: &str) -> &AhoCorasick {
        if self.read.fetch_add(text.len(), Ordering::Relaxed) < SMALL_BYTES_MAX {
            return &self.small;
        }
        let fast = self
            .fast
            .get_or_init(|| automaton(&self.keywords, AhoCorasickKind::DFA).ok());
        fast.as_ref().unwrap_or(&self.small)
    }
}

fn automaton(
    keywords: &[impl AsRef<[u8]>],
    kind: AhoCorasickKind,
) -> Result<AhoCorasick, aho_corasick::BuildError> {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(kind))
        .build(keywords)
}
