//! The rules of this project: a page each, with a rule in YAML or a check in Rust, and its cases.
//!
//! `FAMILY/NAME.md` is the page, `FAMILY/NAME.yaml` or `FAMILY/NAME.rs` says how it is found. A page's cases are its tests.

mod comparison;
mod corruptor;
mod destroyer;
mod elsewhere;
mod endless;
mod hole;
mod list;
mod page;
mod race;

mod evasion {
    pub mod loosened_limit;
    pub mod lowered_threshold;
    pub mod removed_access_check;
    pub mod removed_audit;
    pub mod removed_escaping;
    pub mod removed_hardening;
    pub mod removed_protection;
    pub mod removed_validation;
    pub mod removed_version_check;
    pub mod silenced_scanner;
    pub mod weakened_pipeline;
    pub mod weakened_test;
    pub mod weakened_walls;
    pub mod weakened_watch;
}

mod invented {
    mod data;
    mod packages;
    pub mod resolve;
    mod rust_packages;
    pub mod sql_of_another_database;
    mod third_party;
    pub mod unknown_argument;
    pub mod unknown_column;
    pub mod unknown_django_field;
    pub mod unknown_django_setting;
    pub mod unknown_endpoint;
    pub mod unknown_enum_member;
    pub mod unknown_field;
    pub mod unknown_go_function;
    pub mod unknown_go_member;
    pub mod unknown_hook;
    pub mod unknown_java_member;
    pub mod unknown_manager_member;
    pub mod unknown_mapped_attribute;
    pub mod unknown_member;
    pub mod unknown_module_argument;
    pub mod unknown_name;
    pub mod unknown_option;
    pub mod unknown_own_item;
    pub mod unknown_package;
    pub mod unknown_package_member;
    pub mod unknown_reference;
    pub mod unknown_repository_member;
    pub mod unknown_resource_argument;
    pub mod unknown_route_name;
    pub mod unknown_rust_member;
    pub mod unknown_setting;
    pub mod unknown_stage;
    pub mod unknown_task_member;
    pub mod unknown_typed_argument;
    pub mod unknown_workflow_key;
    pub mod unknown_workflow_value;
    mod values;
}

use std::ops::Range;

use safeguard_api::evidence::Severity;

pub(crate) use comparison::{Comparison, compare};
pub use page::{Case, Expected, Page};

use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::{About, Confidence, Rule, RuleError, load_own};
use crate::tree::NodeId;
use list::{CHECKS, COMPARISONS, RUN, YAML};

/// Those of a check that looks at how all but Java and Rust are written.
const EVERY_LANGUAGE: &[Language] = &[
    Language::Go,
    Language::JavaScript,
    Language::Python,
    Language::TypeScript,
    Language::Tsx,
];

/// Those of a check that looks at what only Python and JavaScript, with its kin, have.
const SCRIPT_LANGUAGES: &[Language] = &[
    Language::JavaScript,
    Language::Python,
    Language::Tsx,
    Language::TypeScript,
];

/// The languages of a check that asks nothing of how they are written.
const ALL_LANGUAGES: &[Language] = &[
    Language::Go,
    Language::Java,
    Language::JavaScript,
    Language::Python,
    Language::Rust,
    Language::TypeScript,
    Language::Tsx,
];

/// The same without Rust, in which what the check looks for is written otherwise, or seldom.
const ALL_BUT_RUST: &[Language] = &[
    Language::Go,
    Language::Java,
    Language::JavaScript,
    Language::Python,
    Language::TypeScript,
    Language::Tsx,
];

/// What patterns can not say, said in Rust.
#[derive(Debug)]
pub struct Check {
    pub id: &'static str,
    pub failure: &'static str,
    pub severity: Severity,
    pub confidence: Confidence,
    pub cwe: &'static [&'static str],
    pub languages: &'static [Language],
    pub run: fn(&Source, &Project, &mut Reports),
}

impl Check {
    pub fn about(&self) -> About {
        About {
            id: self.id.to_owned(),
            severity: self.severity,
            confidence: self.confidence,
            failure: self.failure.to_owned(),
            message: String::new(),
            cwe: self.cwe.iter().map(|cwe| (*cwe).to_owned()).collect(),
        }
    }
}

/// What a check has found.
#[derive(Debug, Default)]
pub struct Reports {
    pub all: Vec<Report>,
}

#[derive(Debug)]
pub struct Report {
    pub node: NodeId,
    pub message: String,
    /// Whether it is advice, however sure the check is elsewhere.
    pub advice: bool,
    /// What it is known again by, where that is not its statement.
    pub subject: Option<String>,
    /// Where it stands, where no node does.
    pub span: Option<Range<usize>>,
}

impl Reports {
    pub fn add(&mut self, node: NodeId, message: impl Into<String>) {
        self.all.push(Report {
            node,
            message: message.into(),
            advice: false,
            subject: None,
            span: None,
        });
    }

    /// The one that was added last is known again by this, however its statement changes.
    pub fn known_by(&mut self, subject: &str) {
        if let Some(last) = self.all.last_mut() {
            last.subject = Some(subject.to_owned());
        }
    }

    /// What stands in a part of the text that is in no tree, and is known again by its words.
    pub fn at(&mut self, text: &str, span: Range<usize>, message: impl Into<String>, advice: bool) {
        self.all.push(Report {
            node: NodeId::ROOT,
            message: message.into(),
            advice,
            subject: text.get(span.clone()).map(str::to_owned),
            span: Some(span),
        });
    }

    /// What is advice: it depends on what the file does not say.
    pub fn note(&mut self, node: NodeId, message: impl Into<String>) {
        self.all.push(Report {
            node,
            message: message.into(),
            advice: true,
            subject: None,
            span: None,
        });
    }
}

/// A page, and its rules, which are written in YAML, as JSON.
struct Entry {
    page: &'static str,
    rules: &'static str,
}

/// What a set of sources is written as, in YAML, as JSON.
macro_rules! own_sources {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/sources/", $name, ".json"))
    };
}

/// A set of sources that rules may name under `x-safeguard`: a list of patterns.
pub(crate) fn sources(name: &str, language: Language) -> Option<&'static str> {
    match (name, language) {
        // Found by `found_sources` alone.
        ("parameters", _) => Some("[]"),
        ("outside", Language::Go) => Some(own_sources!("outside.go")),
        ("outside", Language::JavaScript | Language::TypeScript | Language::Tsx) => {
            Some(own_sources!("outside.javascript"))
        }
        // All of it is found by `found_sources`.
        ("outside", Language::Java | Language::Rust) => Some("[]"),
        ("outside", Language::Python) => Some(own_sources!("outside.python")),
        _ => None,
    }
}

/// What belongs to such a set and no pattern can say.
pub(crate) fn found_sources(name: &str) -> Option<fn(&Source) -> Vec<NodeId>> {
    match name {
        "outside" => Some(crate::analysis::outside::outside),
        "parameters" => Some(crate::analysis::outside::parameters),
        _ => None,
    }
}

/// A set of what makes a value harmless, that rules may name under `x-safeguard`.
pub(crate) fn found_sanitizers(name: &str) -> Option<fn(&Source) -> Vec<NodeId>> {
    match name {
        "filtered-objects" => Some(crate::analysis::hardened::filtered_objects),
        "named-keys" => Some(crate::analysis::named_keys::named_keys),
        "hardened-xml" => Some(crate::analysis::hardened::hardened_xml),
        "behind-host" => Some(crate::analysis::addresses::behind_host),
        _ => None,
    }
}

/// The pages of all rules, each once.
pub fn pages() -> Result<Vec<Page>, String> {
    pages_of(&|_| true)
}

/// The pages of some rules, by their names; the others are not read.
pub fn pages_of(wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Page>, String> {
    let checks = CHECKS.iter().map(|(page, _)| *page);
    let comparisons = COMPARISONS.iter().map(|(page, _)| *page);
    let mut pages: Vec<&str> = YAML.iter().map(|entry| entry.page).collect();
    for page in checks.chain(comparisons).chain(RUN.iter().copied()) {
        if !pages.contains(&page) {
            pages.push(page);
        }
    }
    pages.retain(|page| {
        page.lines()
            .next()
            .and_then(|line| line.strip_prefix("# "))
            .is_none_or(|id| wanted(id.trim()))
    });
    pages.into_iter().map(Page::read).collect()
}

/// All rules.
pub fn built_in() -> crate::scan::Rules {
    let checks = CHECKS.iter().map(|(_, check)| *check).collect();
    let comparisons = COMPARISONS.iter().map(|(_, comparison)| *comparison).collect();
    crate::scan::Rules::own(checks, comparisons)
}

/// Those in YAML for a language.
pub(crate) fn of_language(language: Language) -> Result<Vec<Rule>, RuleError> {
    let mut found = Vec::new();
    for entry in YAML {
        // Reading all of them takes longer than most files do.
        if yaml_names(language).iter().any(|name| entry.rules.contains(name)) {
            found.extend(load_own(entry.rules)?);
        }
    }
    found.retain(|rule| rule.languages.contains(&language));
    Ok(found)
}

/// How a language is called in rules of this program.
fn yaml_names(language: Language) -> &'static [&'static str] {
    match language {
        Language::Go => &["\"go\""],
        Language::Hcl => &["\"hcl\"", "\"terraform\""],
        Language::Java => &["\"java\""],
        Language::JavaScript => &["\"javascript\""],
        Language::Python => &["\"python\""],
        Language::Rust => &["\"rust\""],
        Language::TypeScript | Language::Tsx => &["\"typescript\""],
        Language::Yaml => &["\"yaml\""],
        Language::Dockerfile | Language::Settings | Language::Shell | Language::Sql => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_is_left_out_of_its_language() {
        let all: Vec<Rule> = YAML
            .iter()
            .flat_map(|entry| load_own(entry.rules).expect("rules"))
            .collect();
        let languages = all.iter().flat_map(|rule| &rule.languages);
        for language in languages {
            let ids = |rules: &[Rule]| -> Vec<String> {
                let of_language = rules.iter().filter(|rule| rule.languages.contains(language));
                of_language.map(|rule| rule.about.id.clone()).collect()
            };
            assert_eq!(
                ids(&of_language(*language).expect("rules")),
                ids(&all),
                "{language:?}"
            );
        }
    }
}
