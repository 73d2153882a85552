//! Rules in the format of gitleaks.

mod allowlist;
mod expression;
mod written;

use regex::Regex;

use crate::randomness::entropy;
use allowlist::Allowlist;
pub(crate) use allowlist::Found;

/// How long a file of rules may be, in bytes.
pub const FILE_BYTES_MAX: usize = 4 << 20;
const RULES_MAX: usize = 5_000;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("has {0} rules (limit {RULES_MAX})")]
    TooMany(usize),
    #[error("cannot be read: {0}")]
    Toml(String),
    #[error("rule `{id}`: {problem}")]
    Rule { id: String, problem: String },
    #[error("an allowlist {0}")]
    Allowlist(String),
}

/// A file of rules, made ready.
#[derive(Debug, Default)]
pub struct Config {
    pub(crate) rules: Vec<Rule>,
    /// For all rules, or for those that they name.
    allowlists: Vec<Allowlist>,
    /// Rules, of this program too, that are not to be looked for.
    disabled: Vec<String>,
    /// Another file that this one adds to, as it is written.
    pub extends: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Rule {
    pub id: String,
    pub about: String,
    pub regex: Option<Regex>,
    path: Option<Regex>,
    secret_group: usize,
    entropy: f64,
    /// In small letters; a text with none of them is not looked at.
    pub keywords: Vec<String>,
    allowlists: Vec<Allowlist>,
}

impl Config {
    pub fn read(text: &str) -> Result<Config, ConfigError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(ConfigError::TooLarge);
        }
        let file: written::File = toml::from_str(text).map_err(|error| {
            let place = error
                .span()
                .map_or(0, |span| text[..span.start.min(text.len())].lines().count());
            ConfigError::Toml(format!("line {}: {}", place.max(1), error.message()))
        })?;
        if file.rules.len() > RULES_MAX {
            return Err(ConfigError::TooMany(file.rules.len()));
        }
        let mut config = Config {
            disabled: file.extend.disabled_rules,
            extends: file.extend.path.filter(|path| !path.is_empty()),
            ..Config::default()
        };
        for allowlist in both_forms(file.allowlist, file.allowlists).map_err(ConfigError::Allowlist)? {
            config
                .allowlists
                .push(Allowlist::read(allowlist).map_err(ConfigError::Allowlist)?);
        }
        let adds = file.extend.use_default || config.extends.is_some();
        for written in file.rules {
            let id = written.id.clone();
            config
                .add(written, adds)
                .map_err(|problem| ConfigError::Rule { id, problem })?;
        }
        Ok(config)
    }

    fn add(&mut self, written: written::Rule, adds: bool) -> Result<(), String> {
        let mut allowlists = Vec::new();
        for allowlist in both_forms(written.allowlist, written.allowlists)? {
            allowlists.push(Allowlist::read(allowlist).map_err(|problem| format!("an allowlist {problem}"))?);
        }
        if written.regex.is_none() && written.path.is_none() {
            if !adds || allowlists.is_empty() {
                return Err("needs `regex` or `path`".to_owned());
            }
            // What a rule of the file below, or of this program, is to let pass.
            for mut allowlist in allowlists {
                allowlist.rules.push(written.id.clone());
                self.allowlists.push(allowlist);
            }
            return Ok(());
        }
        if written.skip_report {
            return Err("`skipReport` is not supported, as it serves rules that `required` names".to_owned());
        }
        let regex = written.regex.as_deref().map(expression::compile).transpose()?;
        let secret_group = written.secret_group.unwrap_or(0);
        if regex
            .as_ref()
            .is_some_and(|regex| secret_group >= regex.captures_len())
        {
            return Err(format!(
                "`secretGroup` is {secret_group}, and `regex` has no such group"
            ));
        }
        self.rules.push(Rule {
            about: written.description.unwrap_or_else(|| written.id.clone()),
            id: written.id,
            regex,
            path: written.path.as_deref().map(expression::compile).transpose()?,
            secret_group,
            entropy: written.entropy.unwrap_or(0.0),
            keywords: written
                .keywords
                .iter()
                .map(|keyword| keyword.to_ascii_lowercase())
                .collect(),
            allowlists,
        });
        Ok(())
    }

    /// This file over the one that it extends: of two rules with one name, this one's.
    #[must_use]
    pub fn over(mut self, base: Config) -> Config {
        let mut rules = base.rules;
        rules.retain(|rule| self.rules.iter().all(|other| other.id != rule.id));
        rules.append(&mut self.rules);
        self.rules = rules;
        self.allowlists.extend(base.allowlists);
        self.disabled.extend(base.disabled);
        self.extends = base.extends;
        self
    }

    pub(crate) fn looks_for(&self, id: &str) -> bool {
        !self.disabled.iter().any(|disabled| disabled == id)
    }

    /// Whether the allowlists for all let it pass.
    pub(crate) fn lets_pass(&self, id: &str, found: &Found<'_>) -> bool {
        self.allowlists
            .iter()
            .filter(|allowlist| allowlist.rules.is_empty() || allowlist.rules.iter().any(|rule| rule == id))
            .any(|allowlist| allowlist.lets_pass(found))
    }
}

fn both_forms(
    one: Option<written::Allowlist>,
    mut several: Vec<written::Allowlist>,
) -> Result<Vec<written::Allowlist>, String> {
    if let Some(one) = one {
        if !several.is_empty() {
            return Err("is written as `allowlist` and as `allowlists`; use one of them".to_owned());
        }
        several.push(one);
    }
    Ok(several)
}

impl Rule {
    pub fn is_for(&self, path: &str) -> bool {
        self.path.as_ref().is_none_or(|regex| regex.is_match(path))
    }

    /// The places of what is secret, each with all that fits.
    pub fn find(
        &self,
        text: &str,
        path: &str,
        commit: Option<&str>,
        places_max: usize,
    ) -> Vec<(std::ops::Range<usize>, std::ops::Range<usize>)> {
        let Some(regex) = &self.regex else {
            return Vec::new();
        };
        let mut places = Vec::new();
        for captures in regex.captures_iter(text) {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            // Without a group that is named, the first that has something.
            let secret = match self.secret_group {
                0 => captures
                    .iter()
                    .skip(1)
                    .flatten()
                    .find(|group| !group.is_empty())
                    .unwrap_or(whole),
                group => captures.get(group).unwrap_or(whole),
            };
            let found = Found {
                secret: secret.as_str(),
                whole: whole.as_str(),
                line: line_of(text, whole.range()),
                path,
                commit,
            };
            let drawn = self.entropy == 0.0 || entropy(secret.as_str()) > self.entropy;
            if drawn
                && !whole.is_empty()
                && !self
                    .allowlists
                    .iter()
                    .any(|allowlist| allowlist.lets_pass(&found))
            {
                places.push((secret.range(), whole.range()));
            }
            if places.len() > places_max {
                break;
            }
        }
        places
    }
}

/// The lines that a place is in.
pub(crate) fn line_of(text: &str, place: std::ops::Range<usize>) -> &str {
    let begin = text[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[place.end..]
        .find('\n')
        .map_or(text.len(), |at| place.end + at);
    &text[begin..end]
}
