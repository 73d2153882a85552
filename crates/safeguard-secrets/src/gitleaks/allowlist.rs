//! What rules let pass.

use regex::Regex;

use super::{expression, written};

#[derive(Debug)]
pub(crate) struct Allowlist {
    /// The rules that it is for; for all that it stands with, if none.
    pub rules: Vec<String>,
    all_must_hold: bool,
    commits: Vec<String>,
    paths: Vec<Regex>,
    target: Target,
    regexes: Vec<Regex>,
    stopwords: Vec<String>,
}

/// What its expressions look at.
#[derive(Debug, Clone, Copy)]
enum Target {
    Secret,
    Match,
    Line,
}

/// What a rule has found, and where.
pub(crate) struct Found<'f> {
    pub secret: &'f str,
    pub whole: &'f str,
    pub line: &'f str,
    pub path: &'f str,
    pub commit: Option<&'f str>,
}

impl Allowlist {
    pub fn read(written: written::Allowlist) -> Result<Allowlist, String> {
        let all = |texts: &[String]| {
            texts
                .iter()
                .map(|text| expression::compile(text))
                .collect::<Result<Vec<_>, _>>()
        };
        let allowlist = Allowlist {
            rules: written.target_rules,
            all_must_hold: match written.condition.as_deref() {
                None | Some("OR" | "or" | "||") => false,
                Some("AND" | "and" | "&&") => true,
                Some(other) => {
                    return Err(format!("has the condition `{other}`, which is not `AND` or `OR`"));
                }
            },
            commits: written
                .commits
                .iter()
                .map(|commit| commit.to_ascii_lowercase())
                .collect(),
            paths: all(&written.paths)?,
            target: match written.regex_target.as_deref() {
                None | Some("" | "secret") => Target::Secret,
                Some("match") => Target::Match,
                Some("line") => Target::Line,
                Some(other) => {
                    return Err(format!(
                        "has the target `{other}`, which is not `secret`, `match` or `line`"
                    ));
                }
            },
            regexes: all(&written.regexes)?,
            stopwords: written
                .stopwords
                .iter()
                .map(|word| word.to_ascii_lowercase())
                .collect(),
        };
        if allowlist.commits.is_empty()
            && allowlist.paths.is_empty()
            && allowlist.regexes.is_empty()
            && allowlist.stopwords.is_empty()
        {
            return Err("has neither `commits`, `paths`, `regexes` nor `stopwords`".to_owned());
        }
        Ok(allowlist)
    }

    pub fn lets_pass(&self, found: &Found<'_>) -> bool {
        let target = match self.target {
            Target::Secret => found.secret,
            Target::Match => found.whole,
            Target::Line => found.line,
        };
        let secret = found.secret.to_ascii_lowercase();
        let checks = [
            (
                !self.commits.is_empty(),
                self.commits.iter().any(|commit| found.commit == Some(commit)),
            ),
            (
                !self.paths.is_empty(),
                self.paths.iter().any(|path| path.is_match(found.path)),
            ),
            (
                !self.regexes.is_empty(),
                self.regexes.iter().any(|regex| regex.is_match(target)),
            ),
            (
                !self.stopwords.is_empty(),
                self.stopwords.iter().any(|word| secret.contains(word)),
            ),
        ];
        let mut asked = checks.iter().filter(|(is_asked, _)| *is_asked);
        if self.all_must_hold {
            asked.all(|(_, holds)| *holds)
        } else {
            asked.any(|(_, holds)| *holds)
        }
    }
}
