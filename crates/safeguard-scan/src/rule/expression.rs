//! Regular expressions of rules, each compiled when it is first asked: most rules find no word of theirs in a file, and compiling takes longer than looking.

use std::sync::OnceLock;

use fancy_regex::Regex;

/// How many steps one may take.
const STEPS_MAX: usize = 100_000;

#[derive(Debug)]
pub struct Expression {
    text: String,
    compiled: OnceLock<Result<Regex, String>>,
}

impl Expression {
    pub(super) fn new(text: impl Into<String>) -> Expression {
        Expression {
            text: text.into(),
            compiled: OnceLock::new(),
        }
    }

    /// The expression, or why it is none.
    pub fn get(&self) -> Result<&Regex, &str> {
        let compiled = self.compiled.get_or_init(|| {
            fancy_regex::RegexBuilder::new(&self.text)
                .backtrack_limit(STEPS_MAX)
                .build()
                .map_err(|error| format!("regular expression `{}`: {error}", self.text))
        });
        compiled.as_ref().map_err(String::as_str)
    }

    /// Whether it fits; `None` if it took more steps than it may.
    pub fn is_match(&self, text: &str) -> Option<bool> {
        self.get().ok()?.is_match(text).ok()
    }
}
