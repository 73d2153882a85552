//! CODEOWNERS: who owns a path, by GitHub's rules.
//!
//! The last rule that matches decides, also if it names nobody. A line that is not understood is skipped, as GitHub
//! does, and told. Neither `!` nor character classes exist.

use crate::unreadable::{Place, Unreadable, shown};

pub const CODEOWNERS_BYTES_MAX: usize = 3 << 20;
pub const RULES_MAX: usize = 20_000;
/// Also bounds the work of one match: pattern segments times path segments.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// The rules of one CODEOWNERS, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owners {
    rules: Vec<Rule>,
    /// Lines that were skipped, each with its number and why.
    pub skipped: Vec<(usize, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    owners: Vec<String>,
}

impl Owners {
    /// Reads the text of a CODEOWNERS.
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub fn read(text: &str) -> Result<Owners, Unreadable> {
        let refuse =
            |place, what| Unreadable::new(place, what, "GitHub does not read a larger one either: part it");
        if text.len() > CODEOWNERS_BYTES_MAX {
            let what = format!(
                "CODEOWNERS has {} bytes (limit {CODEOWNERS_BYTES_MAX})",
                text.len()
            );
            return Err(refuse(Place::Whole, what));
        }
        let mut owners = Owners::default();
        for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if owners.rules.len() == RULES_MAX {
                return Err(refuse(
                    Place::Line(at + 1),
                    format!("more than {RULES_MAX} rules"),
                ));
            }
            match rule(line) {
                Ok(Some(rule)) => owners.rules.push(rule),
                Ok(None) => {}
                Err(why) => owners.skipped.push((at + 1, why)),
            }
        }
        Ok(owners)
    }

    /// The owners of a path, as they are written: `@person`, `@organisation/team` or an address. Nobody if no rule
    /// matches, or if the last one that does names nobody.
    #[must_use]
    pub fn of(&self, path: &str) -> &[String] {
        let segments: Vec<&str> = path.split('/').collect();
        let last = self
            .rules
            .iter()
            .rev()
            .find(|rule| rule.pattern.matches(&segments));
        last.map_or(&[], |rule| &rule.owners)
    }
}

fn rule(line: &str) -> Result<Option<Rule>, String> {
    let mut words = words(line).into_iter();
    let Some(pattern) = words.next() else {
        return Ok(None);
    };
    let pattern = Pattern::read(&pattern)?;
    let owners: Vec<String> = words.collect();
    match owners.iter().find(|owner| !is_owner(owner)) {
        Some(stranger) => Err(format!("`{}` is not an owner", shown(stranger, 80))),
        None => Ok(Some(Rule { pattern, owners })),
    }
}

/// Words between spaces and tabs, up to a comment. A backslash keeps what follows it within the word.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '#' if word.is_empty() => break,
            '\\' => {
                word.push(c);
                word.extend(chars.next());
            }
            c if c.is_ascii_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn is_owner(word: &str) -> bool {
    let name_like = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    match word.strip_prefix('@') {
        Some(name) => match name.split_once('/') {
            Some((organisation, team)) => name_like(organisation) && name_like(team),
            None => name_like(name),
        },
        None => word
            .split_once('@')
            .is_some_and(|(person, host)| !person.is_empty() && name_like(host) && !person.contains('@')),
    }
}

/// One pattern, in segments between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    segments: Vec<Segment>,
    /// Whether what lies below a match belongs to it: not after a lone `*`, which names files of one folder.
    below: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// `**`: any number of segments.
    AnyDepth,
    /// `**` at the end: at least one segment.
    Below,
    Name(Vec<Glyph>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Glyph {
    Char(char),
    AnyChar,
    AnyChars,
}

impl Pattern {
    fn read(text: &str) -> Result<Pattern, String> {
        let refuse = |why: &str| Err(format!("`{}` {why}", shown(text, 80)));
        if text.len() > PATTERN_BYTES_MAX {
            return refuse(&format!("has {} bytes (limit {PATTERN_BYTES_MAX})", text.len()));
        }
        if text.starts_with('!') {
            return refuse("begins with `!`, which CODEOWNERS does not know");
        }
        if text.contains('[') || text.contains(']') {
            return refuse("has a character class, which CODEOWNERS does not know");
        }
        if text.contains("***") {
            return refuse("has three asterisks in a row");
        }
        let mut parts: Vec<&str> = text.split('/').collect();
        if parts[0].is_empty() {
            parts.remove(0);
        } else if parts.len() == 1 || parts.len() == 2 && parts[1].is_empty() {
            // A single name is looked for at every depth.
            parts.insert(0, "**");
        }
        if parts.len() > 1 && parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
            parts.push("**");
        }
        if parts.iter().any(|part| part.is_empty()) {
            return refuse("has an empty part");
        }
        let last = parts.len() - 1;
        let segments: Vec<Segment> = parts
            .iter()
            .enumerate()
            .map(|(at, part)| match *part {
                "**" if at == last => Segment::Below,
                "**" => Segment::AnyDepth,
                name => Segment::Name(glyphs(name)),
            })
            .collect();
        Ok(Pattern {
            segments,
            below: !matches!(parts[last], "*" | "**"),
        })
    }

    /// For each segment of the pattern, which beginnings of the path it can end at.
    fn matches(&self, path: &[&str]) -> bool {
        let mut ends = vec![false; path.len() + 1];
        ends[0] = true;
        for segment in &self.segments {
            let mut next = vec![false; path.len() + 1];
            match segment {
                Segment::AnyDepth | Segment::Below => {
                    let least = usize::from(*segment == Segment::Below);
                    if let Some(first) = ends.iter().position(|end| *end) {
                        next.iter_mut().skip(first + least).for_each(|end| *end = true);
                    }
                }
                Segment::Name(glyphs) => {
                    for (at, part) in path.iter().enumerate() {
                        next[at + 1] = ends[at] && glob(glyphs, part);
                    }
                }
            }
            ends = next;
        }
        ends[path.len()] || self.below && ends.iter().any(|end| *end)
    }
}

fn glyphs(name: &str) -> Vec<Glyph> {
    let mut glyphs = Vec::new();
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        glyphs.push(match c {
            '\\' => Glyph::Char(chars.next().unwrap_or('\\')),
            '*' => Glyph::AnyChars,
            '?' => Glyph::AnyChar,
            c => Glyph::Char(c),
        });
    }
    glyphs
}

/// Matches one segment; going back to the last asterisk alone is enough, so the work is at most a product.
fn glob(glyphs: &[Glyph], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut glyph) = (0, 0);
    let mut asterisk = None;
    while at < text.len() {
        match glyphs.get(glyph) {
            Some(Glyph::AnyChars) => {
                asterisk = Some((glyph, at));
                glyph += 1;
            }
            Some(Glyph::AnyChar) => (at, glyph) = (at + 1, glyph + 1),
            Some(Glyph::Char(c)) if *c == text[at] => (at, glyph) = (at + 1, glyph + 1),
            Some(Glyph::Char(_)) | None => match asterisk {
                Some((of, from)) => {
                    asterisk = Some((of, from + 1));
                    (at, glyph) = (from + 1, of + 1);
                }
                None => return false,
            },
        }
    }
    glyphs[glyph..].iter().all(|rest| *rest == Glyph::AnyChars)
}
