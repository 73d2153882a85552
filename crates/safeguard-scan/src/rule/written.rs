//! The forms of a rule as it is written in YAML.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Confidence;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) rules: Vec<Written>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Written {
    pub(crate) id: String,
    pub(crate) message: String,
    pub(crate) languages: Vec<String>,
    pub(crate) severity: String,
    #[serde(default)]
    pub(crate) mode: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Metadata,
    #[serde(default)]
    pub(crate) paths: WrittenPaths,
    #[serde(default, rename = "x-safeguard")]
    pub(crate) own: Own,
    // What only changes how a fix or a report looks.
    #[serde(default)]
    #[expect(dead_code, reason = "a fix is not applied")]
    pub(crate) fix: Option<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "this program is no Semgrep")]
    pub(crate) min_version: Option<String>,
    #[serde(default)]
    pub(crate) options: BTreeMap<String, serde_json::Value>,
    // The formula, in one of its forms.
    #[serde(default)]
    pub(crate) pattern: Option<String>,
    #[serde(default)]
    pub(crate) pattern_regex: Option<String>,
    #[serde(default)]
    pub(crate) patterns: Option<Vec<Item>>,
    #[serde(default)]
    pub(crate) pattern_either: Option<Vec<Item>>,
    #[serde(default)]
    pub(crate) pattern_sources: Vec<Item>,
    #[serde(default)]
    pub(crate) pattern_sinks: Vec<Item>,
    #[serde(default)]
    pub(crate) pattern_sanitizers: Vec<Item>,
    #[serde(default)]
    pub(crate) pattern_propagators: Vec<Item>,
}

/// Metadata is the author's own; what is known of it is used.
#[derive(Debug, Clone, Deserialize, Default)]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) cwe: OneOrMany,
    #[serde(default)]
    pub(crate) confidence: Option<String>,
    #[serde(flatten)]
    #[expect(dead_code, reason = "may say anything")]
    pub(crate) other: BTreeMap<String, serde::de::IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenPaths {
    #[serde(default)]
    pub(crate) include: Vec<String>,
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct Own {
    /// `X1` to `X6`.
    #[serde(default)]
    pub(crate) failure: String,
    #[serde(default)]
    pub(crate) confidence: Option<Confidence>,
    /// Sets of sources of this project, beside those that the rule has itself: `outside`.
    #[serde(default)]
    pub(crate) sources: Vec<String>,
    /// Sets of what makes a value harmless, beside those that the rule has itself: `behind-host`.
    #[serde(default)]
    pub(crate) clean: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
    #[default]
    None,
}

impl OneOrMany {
    pub(crate) fn into_vec(self) -> Vec<String> {
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
pub(crate) struct Item {
    pub(crate) pattern: Option<String>,
    pub(crate) pattern_regex: Option<String>,
    pub(crate) patterns: Option<Vec<Item>>,
    pub(crate) pattern_either: Option<Vec<Item>>,
    pub(crate) pattern_inside: Option<Nested>,
    pub(crate) pattern_not: Option<Nested>,
    pub(crate) pattern_not_inside: Option<Nested>,
    pub(crate) pattern_not_regex: Option<String>,
    pub(crate) metavariable_regex: Option<WrittenRegex>,
    pub(crate) metavariable_pattern: Option<Box<WrittenPattern>>,
    pub(crate) metavariable_comparison: Option<WrittenComparison>,
    pub(crate) metavariable_type: Option<WrittenType>,
    pub(crate) metavariable_analysis: Option<WrittenAnalysis>,
    pub(crate) focus_metavariable: Option<Focus>,
    /// Of a source or sanitizer: what it is about is so from then on.
    pub(crate) by_side_effect: Option<bool>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Nested {
    Code(String),
    Item(Box<Item>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Focus {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenRegex {
    pub(crate) metavariable: String,
    pub(crate) regex: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WrittenPattern {
    pub(crate) metavariable: String,
    #[serde(default)]
    pub(crate) pattern: Option<String>,
    #[serde(default)]
    pub(crate) pattern_regex: Option<String>,
    #[serde(default)]
    pub(crate) pattern_not_regex: Option<String>,
    #[serde(default)]
    pub(crate) patterns: Option<Vec<Item>>,
    #[serde(default)]
    pub(crate) pattern_either: Option<Vec<Item>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenType {
    pub(crate) metavariable: String,
    #[serde(default, rename = "type")]
    pub(crate) one: Option<String>,
    #[serde(default)]
    pub(crate) types: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenAnalysis {
    pub(crate) metavariable: String,
    pub(crate) analyzer: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenComparison {
    pub(crate) comparison: String,
    /// What the digits of a text are written to.
    #[serde(default)]
    pub(crate) base: Option<u32>,
    /// Whether a number may stand in quotes.
    #[serde(default)]
    pub(crate) strip: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "the comparison names it too")]
    pub(crate) metavariable: Option<String>,
}
