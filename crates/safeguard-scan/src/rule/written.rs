//! The forms of a rule as it is written in YAML.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Confidence;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) rules: Vec<Written>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) message: String,
    pub(super) languages: Vec<String>,
    pub(super) severity: String,
    #[serde(default)]
    pub(super) mode: Option<String>,
    #[serde(default)]
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) paths: WrittenPaths,
    #[serde(default, rename = "x-safeguard")]
    pub(super) own: Own,
    // What only changes how a fix or a report looks.
    #[serde(default)]
    #[expect(dead_code, reason = "a fix is not applied")]
    pub(super) fix: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "this program is no Semgrep")]
    pub(super) min_version: Option<String>,
    // The formula, in one of its forms.
    #[serde(default)]
    pub(super) pattern: Option<String>,
    #[serde(default)]
    pub(super) pattern_regex: Option<String>,
    #[serde(default)]
    pub(super) patterns: Option<Vec<Item>>,
    #[serde(default)]
    pub(super) pattern_either: Option<Vec<Item>>,
    #[serde(default)]
    pub(super) pattern_sources: Vec<Item>,
    #[serde(default)]
    pub(super) pattern_sinks: Vec<Item>,
    #[serde(default)]
    pub(super) pattern_sanitizers: Vec<Item>,
    #[serde(default)]
    pub(super) pattern_propagators: Vec<Item>,
}

/// Metadata is the author's own; what is known of it is used.
#[derive(Debug, Clone, Deserialize, Default)]
pub(super) struct Metadata {
    #[serde(default)]
    pub(super) cwe: OneOrMany,
    #[serde(default)]
    pub(super) confidence: Option<String>,
    #[serde(flatten)]
    #[expect(dead_code, reason = "may say anything")]
    pub(super) other: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPaths {
    #[serde(default)]
    pub(super) include: Vec<String>,
    #[serde(default)]
    pub(super) exclude: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Own {
    /// `X1` to `X6`.
    #[serde(default)]
    pub(super) failure: String,
    #[serde(default)]
    pub(super) confidence: Option<Confidence>,
    /// Sets of sources of this project, beside those that the rule has itself: `outside`.
    #[serde(default)]
    pub(super) sources: Vec<String>,
    /// Sets of what makes a value harmless, beside those that the rule has itself: `behind-host`.
    #[serde(default)]
    pub(super) clean: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
    #[default]
    None,
}

impl OneOrMany {
    pub(super) fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
            OneOrMany::None => Vec::new(),
        }
    }
}

/// One operator of a formula; a source, sink or propagator has more than one key.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Item {
    pub(super) pattern: Option<String>,
    pub(super) pattern_regex: Option<String>,
    pub(super) patterns: Option<Vec<Item>>,
    pub(super) pattern_either: Option<Vec<Item>>,
    pub(super) pattern_inside: Option<Nested>,
    pub(super) pattern_not: Option<Nested>,
    pub(super) pattern_not_inside: Option<Nested>,
    pub(super) pattern_not_regex: Option<String>,
    pub(super) metavariable_regex: Option<WrittenRegex>,
    pub(super) metavariable_pattern: Option<Box<WrittenPattern>>,
    pub(super) metavariable_comparison: Option<WrittenComparison>,
    pub(super) focus_metavariable: Option<Focus>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Nested {
    Code(String),
    Item(Box<Item>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Focus {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRegex {
    pub(super) metavariable: String,
    pub(super) regex: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenPattern {
    pub(super) metavariable: String,
    #[serde(default)]
    pub(super) pattern: Option<String>,
    #[serde(default)]
    pub(super) pattern_regex: Option<String>,
    #[serde(default)]
    pub(super) pattern_not_regex: Option<String>,
    #[serde(default)]
    pub(super) patterns: Option<Vec<Item>>,
    #[serde(default)]
    pub(super) pattern_either: Option<Vec<Item>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenComparison {
    pub(super) comparison: String,
    #[serde(default)]
    #[expect(dead_code, reason = "the comparison names it too")]
    pub(super) metavariable: Option<String>,
}
