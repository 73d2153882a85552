//! A finding that somebody answers for, until a day: `safeguard: allow[RULE] REASON (owner: WHO, until: YYYY-MM-DD)` in a comment on its line, or on the line before.

use crate::finding::Finding;
use crate::language::markup;
use crate::matching::Source;

/// Year, month and day.
pub type Today = (u16, u8, u8);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    pub rule: String,
    pub reason: String,
    pub owner: String,
    pub until: Today,
    /// The line of the comment.
    pub line: usize,
    /// Who approved it, where that is asked for.
    pub approved: Option<Approved>,
}

/// Somebody else than the author answers for it as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    pub person: String,
    /// What was signed, as its line has it.
    pub line: String,
}

impl Suppression {
    /// The last day that it holds: `2027-01-31`.
    pub fn last_day(&self) -> String {
        let (year, month, day) = self.until;
        format!("{year:04}-{month:02}-{day:02}")
    }
}

/// The suppressions of a file that say everything they must; others are comments like any.
pub fn read(source: &Source) -> Vec<Suppression> {
    let text = source.tree.text();
    // The comments around the scripts are of another language.
    if markup::is_markup(&source.path) {
        return in_text(text);
    }
    let comments = source.tree.comments().iter();
    comments
        .filter_map(|span| {
            let comment = text.get(span.clone())?;
            let line = source.tree.line(span.start);
            one(comment, line)
        })
        .collect()
}

/// The same of any text, whatever its comments look like.
pub fn in_text(text: &str) -> Vec<Suppression> {
    if !text.contains("safeguard:") {
        return Vec::new();
    }
    let lines = text.lines().enumerate();
    lines.filter_map(|(at, line)| one(line, at + 1)).collect()
}

fn one(comment: &str, line: usize) -> Option<Suppression> {
    let (_, after) = comment.split_once("safeguard:")?;
    let after = after.trim_start().strip_prefix("allow[")?;
    let (rule, after) = after.split_once(']')?;
    let (reason, after) = after.split_once("(owner:")?;
    let (owner, after) = after.split_once(",")?;
    let (until, _) = after.trim_start().strip_prefix("until:")?.split_once(')')?;
    let suppression = Suppression {
        rule: rule.trim().to_owned(),
        reason: reason.trim().to_owned(),
        owner: owner.trim().to_owned(),
        until: date(until.trim())?,
        line,
        approved: None,
    };
    (!suppression.reason.is_empty() && !suppression.owner.is_empty()).then_some(suppression)
}

fn date(text: &str) -> Option<Today> {
    let mut parts = text.split('-');
    let year = parts.next()?.parse().ok()?;
    let month: u8 = parts.next()?.parse().ok()?;
    let day: u8 = parts.next()?.parse().ok()?;
    let is_date = parts.next().is_none() && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then_some((year, month, day))
}

/// The suppression that a finding falls under today.
pub fn of(finding: &Finding, suppressions: &[Suppression], today: Today) -> Option<Suppression> {
    suppressions
        .iter()
        .find(|one| {
            one.rule == finding.rule
                && today <= one.until
                && (one.line == finding.place.line || one.line + 1 == finding.place.line)
        })
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suppression_says_why_who_and_until_when() {
        let read = |text: &str| one(text, 7);
        let good = read("# safeguard: allow[weak-hash] only a cache key (owner: kim, until: 2027-01-31)")
            .expect("all is said");
        assert_eq!(
            (
                good.rule.as_str(),
                good.reason.as_str(),
                good.owner.as_str(),
                good.until
            ),
            ("weak-hash", "only a cache key", "kim", (2027, 1, 31))
        );
        for without in [
            "# safeguard: allow[weak-hash]",
            "# safeguard: allow[weak-hash] (owner: kim, until: 2027-01-31)",
            "# safeguard: allow[weak-hash] a cache key (owner: , until: 2027-01-31)",
            "# safeguard: allow[weak-hash] a cache key (owner: kim)",
            "# safeguard: allow[weak-hash] a cache key (owner: kim, until: soon)",
            "# safeguard: allow[weak-hash] a cache key (owner: kim, until: 2027-13-01)",
        ] {
            assert_eq!(read(without), None, "{without}");
        }
    }
}
