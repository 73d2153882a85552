//! Rules in Semgrep's YAML: what is looked for, in which languages, and how sure a finding is.

mod comparison;
mod expression;
mod formula;
pub(crate) mod written;
mod yaml;

use std::sync::Arc;

use fast_glob::glob_match;
use safeguard_api::evidence::Severity;
use serde::Deserialize;

pub use comparison::Comparison;
pub use expression::Expression;
pub(crate) use formula::Evaluation;
pub use yaml::{RuleError, load, load_of_page};
pub(crate) use yaml::{Sets, load_own};

use crate::language::Language;
use crate::language::pattern::Pattern;
use crate::matching::Source;
use crate::tree::NodeId;

/// How sure a finding is. Only a high one can block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// What a finding says of its kind, whichever way it was found.
#[derive(Debug, Clone)]
pub struct About {
    /// `sql-injection`; a rule for one of several languages is `sql-injection.python`, and its findings are the page's.
    pub id: String,
    pub severity: Severity,
    pub confidence: Confidence,
    /// The pattern of failure, `X1` to `X6`; empty for a rule of somebody else that does not say.
    pub failure: String,
    /// One sentence; `$X` stands for what the metavariable `X` stands for.
    pub message: String,
    pub cwe: Vec<String>,
}

impl About {
    /// The page's name.
    pub fn page(&self) -> &str {
        self.id.split_once('.').map_or(self.id.as_str(), |(page, _)| page)
    }
}

#[derive(Debug)]
pub struct Rule {
    pub about: About,
    pub languages: Vec<Language>,
    /// Whether it looks into every text, whatever its language: `languages: [regex]`.
    pub on_any_text: bool,
    /// Whether it came with a file of a user: it fits as Semgrep lets it, where the rules of this program ask for more.
    pub as_semgrep: bool,
    pub paths: Paths,
    written: written::Written,
}

/// Which files a rule looks at, as `.gitignore` names them: without a slash a glob is any part of a path, and what lies in it.
#[derive(Debug, Default)]
pub struct Paths {
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

impl Paths {
    /// Whether a path is looked at.
    pub fn include(&self, path: &str) -> bool {
        let fits = |globs: &[String]| globs.iter().any(|glob| names(glob, path));
        (self.include.is_empty() || fits(&self.include)) && !fits(&self.exclude)
    }
}

fn names(glob: &str, path: &str) -> bool {
    let glob = glob.trim_end_matches('/');
    if glob.contains('/') {
        let glob = glob.trim_start_matches('/');
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.into_iter().any(|end| glob_match(glob, &path[..end]))
    } else {
        path.split('/').any(|part| glob_match(glob, part))
    }
}

#[derive(Debug)]
pub enum Mode {
    Search(Formula),
    Taint(Taint),
}

#[derive(Debug)]
pub struct Taint {
    /// Shared with other rules, so that each is looked for once in a file.
    pub sources: Vec<Arc<Formula>>,
    pub sinks: Vec<Formula>,
    pub sanitizers: Vec<Formula>,
    /// What is tainted, or clean, from there on.
    pub side_sources: Vec<Formula>,
    pub side_sanitizers: Vec<Formula>,
    pub propagators: Vec<Propagator>,
}

/// `from` taints `to` wherever the formula fits.
#[derive(Debug)]
pub struct Propagator {
    pub formula: Formula,
    pub from: String,
    pub to: String,
}

#[derive(Debug)]
pub enum Formula {
    Pattern(Box<Pattern>),
    Regex(Expression),
    /// Nodes that patterns can not say; only sets of sources of this project have it.
    Nodes(fn(&Source) -> Vec<NodeId>),
    /// One of them.
    Any(Vec<Formula>),
    All(All),
}

/// What all must hold at one place.
#[derive(Debug, Default)]
pub struct All {
    pub positive: Vec<Formula>,
    pub inside: Vec<Formula>,
    pub not: Vec<Formula>,
    pub conditions: Vec<Condition>,
    /// The metavariables that the finding is about.
    pub focus: Vec<String>,
}

#[derive(Debug)]
pub enum Condition {
    /// The text of a metavariable begins with what the expression describes.
    Regex {
        metavariable: String,
        regex: Expression,
    },
    /// Something in what the metavariable stands for fits.
    Pattern {
        metavariable: String,
        formula: Formula,
    },
    Comparison(Comparison),
    /// The value is of one of these types, as far as the file says it.
    Type {
        metavariable: String,
        types: Vec<String>,
    },
    /// The text is a regular expression that takes exponential time.
    Exponential {
        metavariable: String,
    },
}

impl Mode {
    /// Compiles all regular expressions, or says which can not be.
    fn compiled(&self) -> Result<(), String> {
        match self {
            Mode::Search(formula) => formula.compiled(),
            Mode::Taint(taint) => {
                let sources = taint.sources.iter().map(AsRef::as_ref);
                let propagators = taint.propagators.iter().map(|propagator| &propagator.formula);
                sources
                    .chain(&taint.sinks)
                    .chain(&taint.sanitizers)
                    .chain(&taint.side_sources)
                    .chain(&taint.side_sanitizers)
                    .chain(propagators)
                    .try_for_each(Formula::compiled)
            }
        }
    }
}

impl Formula {
    fn compiled(&self) -> Result<(), String> {
        match self {
            Formula::Pattern(_) | Formula::Nodes(_) => Ok(()),
            Formula::Regex(regex) => regex.get().map(|_| ()).map_err(str::to_owned),
            Formula::Any(formulas) => formulas.iter().try_for_each(Formula::compiled),
            Formula::All(all) => {
                let parts = all.positive.iter().chain(&all.inside).chain(&all.not);
                parts.into_iter().try_for_each(Formula::compiled)?;
                all.conditions.iter().try_for_each(|condition| match condition {
                    Condition::Regex { regex, .. } => regex.get().map(|_| ()).map_err(str::to_owned),
                    Condition::Pattern { formula, .. } => formula.compiled(),
                    Condition::Comparison(_) | Condition::Type { .. } | Condition::Exponential { .. } => {
                        Ok(())
                    }
                })
            }
        }
    }
}
