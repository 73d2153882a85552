//! Rules as they are written. What is not supported is refused by its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use safeguard_api::evidence::Severity;

use super::written::{File, Focus, Item, Nested, Written, WrittenPaths, WrittenPattern};
use super::{
    About, All, Comparison, Condition, Confidence, Expression, Formula, Mode, Paths, Propagator, Rule, Taint,
};
use crate::language::{self, Language};
use crate::prefilter::Need;

/// How long a file of rules may be, in bytes.
const FILE_BYTES_MAX: usize = 4 << 20;
/// How deeply formulas may lie in each other.
const DEPTH_MAX: usize = 24;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("the file of rules is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the file of rules can not be read: {0}")]
    Yaml(String),
    #[error("rule `{id}`: {problem}")]
    Rule { id: String, problem: String },
}

/// Reads a file of rules, in their order, and tries each in all its languages.
pub fn load(text: &str) -> Result<Vec<Rule>, RuleError> {
    let rules = file(text)?;
    let mut sets = Sets::default();
    for rule in &rules {
        let problem = |problem: String| RuleError::Rule {
            id: rule.about.id.clone(),
            problem,
        };
        for language in &rule.languages {
            let ready = rule.ready(*language, &mut sets)?;
            ready.compiled().map_err(problem)?;
        }
    }
    Ok(rules)
}

/// Reads the rules of one of this program's pages, as they are written; they ask for more than Semgrep does.
pub fn load_of_page(text: &str) -> Result<Vec<Rule>, RuleError> {
    let mut rules = load(text)?;
    for rule in &mut rules {
        rule.as_semgrep = false;
    }
    Ok(rules)
}

/// Reads a file of rules. What they look for is read when it is needed.
fn file(text: &str) -> Result<Vec<Rule>, RuleError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(RuleError::TooLarge);
    }
    let file: File = serde_saphyr::from_str(text).map_err(|error| RuleError::Yaml(error.to_string()))?;
    file.rules
        .into_iter()
        .map(|written| rule(written, true))
        .collect()
}

/// Reads rules of this program, which are kept as JSON.
pub(crate) fn load_own(text: &str) -> Result<Vec<Rule>, RuleError> {
    let file: File = serde_json::from_str(text).map_err(|error| RuleError::Yaml(error.to_string()))?;
    file.rules
        .into_iter()
        .map(|written| rule(written, false))
        .collect()
}

/// Sets of sources that several rules share, each read once.
#[derive(Debug, Default)]
pub(crate) struct Sets(BTreeMap<(String, Language), Vec<Arc<Formula>>>);

impl Sets {
    fn get(&mut self, name: &str, language: Language) -> Result<Vec<Arc<Formula>>, String> {
        if let Some(known) = self.0.get(&(name.to_owned(), language)) {
            return Ok(known.clone());
        }
        let text = crate::rules::sources(name, language)
            .ok_or_else(|| format!("`x-safeguard` knows no sources `{name}` for {language:?}"))?;
        let items: Vec<Item> =
            serde_json::from_str(text).map_err(|error| format!("sources `{name}`: {error}"))?;
        let formulas = items.iter().map(|item| Ok(Arc::new(formula(language, item, 0)?)));
        let mut formulas: Vec<Arc<Formula>> = formulas.collect::<Result<_, String>>()?;
        if let Some(find) = crate::rules::found_sources(name) {
            formulas.push(Arc::new(Formula::Nodes(find)));
        }
        self.0.insert((name.to_owned(), language), formulas.clone());
        Ok(formulas)
    }
}

fn rule(written: Written, as_semgrep: bool) -> Result<Rule, RuleError> {
    let id = written.id.clone();
    let problem = |problem: String| RuleError::Rule {
        id: id.clone(),
        problem,
    };
    let on_any_text = written.languages.iter().any(|name| name == "regex");
    let languages = match (on_any_text, written.languages.len()) {
        // What a text without a language is read as.
        (true, 1) => vec![Language::Settings],
        (true, _) => return Err(problem("`regex` stands beside no other language".to_owned())),
        (false, _) => languages(&written.languages).map_err(problem)?,
    };
    options(&written.options).map_err(problem)?;
    let severity = severity(&written.severity).map_err(problem)?;
    let confidence = match (written.own.confidence, written.metadata.confidence.as_deref()) {
        (Some(confidence), _) => confidence,
        (None, Some("HIGH" | "high")) => Confidence::High,
        (None, Some("LOW" | "low")) => Confidence::Low,
        // What does not say how sure it is can not block.
        (None, _) => Confidence::Medium,
    };
    Ok(Rule {
        about: About {
            id: written.id.clone(),
            severity,
            confidence,
            failure: written.own.failure.clone(),
            message: written.message.split_whitespace().collect::<Vec<_>>().join(" "),
            cwe: written.metadata.cwe.clone().into_vec(),
        },
        on_any_text,
        as_semgrep,
        languages,
        paths: paths(&written.paths),
        written,
    })
}

impl Rule {
    /// What must be in a file for it to find anything there.
    pub(crate) fn need(&self) -> Need<&str> {
        Need::of(&self.written)
    }

    /// What it looks for in one of its languages.
    pub(crate) fn ready(&self, language: Language, sets: &mut Sets) -> Result<Mode, RuleError> {
        mode(&self.written, language, sets).map_err(|problem| RuleError::Rule {
            id: self.about.id.clone(),
            problem,
        })
    }
}

fn mode(written: &Written, language: Language, sets: &mut Sets) -> Result<Mode, String> {
    match written.mode.as_deref() {
        None | Some("search") => {
            let item = Item {
                pattern: written.pattern.clone(),
                pattern_regex: written.pattern_regex.clone(),
                patterns: written.patterns.clone(),
                pattern_either: written.pattern_either.clone(),
                ..Item::default()
            };
            Ok(Mode::Search(formula(language, &item, 0)?))
        }
        Some("taint") => {
            let no_source = written.pattern_sources.is_empty() && written.own.sources.is_empty();
            if no_source || written.pattern_sinks.is_empty() {
                return Err("`mode: taint` needs `pattern-sources` and `pattern-sinks`".to_owned());
            }
            let all = |items: &[Item]| -> Result<Vec<Formula>, String> {
                items.iter().map(|item| formula(language, item, 0)).collect()
            };
            let own = all(&written.pattern_sources)?;
            let mut sources: Vec<Arc<Formula>> = own.into_iter().map(Arc::new).collect();
            for set in &written.own.sources {
                sources.extend(sets.get(set, language)?);
            }
            let by_side_effect = |items: &[Item]| -> Result<Vec<Formula>, String> {
                let several = items.iter().filter(|item| item.by_side_effect == Some(true));
                several.map(|item| formula(language, item, 0)).collect()
            };
            let mut sanitizers = all(&written.pattern_sanitizers)?;
            for set in &written.own.clean {
                let find = crate::rules::found_sanitizers(set)
                    .ok_or_else(|| format!("`x-safeguard` knows no `clean: {set}`"))?;
                sanitizers.push(Formula::Nodes(find));
            }
            Ok(Mode::Taint(Taint {
                sources,
                sinks: all(&written.pattern_sinks)?,
                sanitizers,
                side_sources: by_side_effect(&written.pattern_sources)?,
                side_sanitizers: by_side_effect(&written.pattern_sanitizers)?,
                propagators: written
                    .pattern_propagators
                    .iter()
                    .map(|item| propagator(language, item))
                    .collect::<Result<_, _>>()?,
            }))
        }
        Some(other) => Err(format!(
            "`mode: {other}` is not supported; `search` and `taint` are"
        )),
    }
}

fn languages(names: &[String]) -> Result<Vec<Language>, String> {
    let mut languages = Vec::new();
    for name in names {
        let several: &[Language] = match name.to_ascii_lowercase().as_str() {
            "python" | "py" | "python3" => &[Language::Python],
            "javascript" | "js" => &[Language::JavaScript],
            "typescript" | "ts" => &[Language::TypeScript, Language::Tsx],
            "go" | "golang" => &[Language::Go],
            "java" => &[Language::Java],
            "rust" => &[Language::Rust],
            "hcl" | "terraform" | "tf" => &[Language::Hcl],
            "yaml" | "yml" => &[Language::Yaml],
            "bash" | "sh" => &[Language::Shell],
            "dockerfile" | "docker" => &[Language::Dockerfile],
            other => {
                return Err(format!(
                    "language `{other}` is not supported; `python`, `javascript`, `typescript`, `go`, `java`, `rust`, `hcl`, `yaml`, `bash`, `dockerfile` and `regex` are"
                ));
            }
        };
        languages.extend(
            several
                .iter()
                .filter(|language| !languages.contains(*language))
                .copied()
                .collect::<Vec<_>>(),
        );
    }
    if languages.is_empty() {
        return Err("`languages` names none".to_owned());
    }
    Ok(languages)
}

/// What Semgrep does unless it is told otherwise, and is done here; options of its other engines say nothing here.
fn options(written: &BTreeMap<String, serde_json::Value>) -> Result<(), String> {
    const AS_EVER: &[(&str, bool)] = &[
        ("ac_matching", true),
        ("arrow_is_function", true),
        ("attr_expr", true),
        ("commutative_boolop", false),
        ("constant_propagation", true),
        ("decorators_order_matters", false),
        ("implicit_return", true),
        ("let_is_var", true),
        ("symbolic_propagation", false),
        ("taint_assume_safe_booleans", false),
        ("taint_assume_safe_comparisons", false),
        ("taint_assume_safe_functions", false),
        ("taint_assume_safe_indexes", false),
        ("taint_assume_safe_numbers", false),
        ("vardef_assign", true),
    ];
    for (name, value) in written {
        let is_of_others = name == "interfile" || name.starts_with("generic_");
        let is_as_ever = AS_EVER
            .iter()
            .any(|(known, ever)| known == name && value.as_bool() == Some(*ever));
        if !is_of_others && !is_as_ever {
            return Err(format!("`options: {{{name}: {value}}}` is not supported"));
        }
    }
    Ok(())
}

fn severity(name: &str) -> Result<Severity, String> {
    Ok(match name {
        "CRITICAL" => Severity::Critical,
        "ERROR" | "HIGH" => Severity::High,
        "WARNING" | "MEDIUM" => Severity::Medium,
        "LOW" => Severity::Low,
        "INFO" => Severity::Note,
        other => {
            return Err(format!(
                "`severity: {other}` is not one of CRITICAL, ERROR, WARNING, INFO, HIGH, MEDIUM, LOW"
            ));
        }
    })
}

fn formula(language: Language, item: &Item, depth: usize) -> Result<Formula, String> {
    if depth > DEPTH_MAX {
        return Err(format!("formulas lie deeper in each other than {DEPTH_MAX}"));
    }
    // A source, sink or sanitizer may have `patterns` only, or one of the positive operators.
    if let Some(code) = &item.pattern {
        return pattern(language, code);
    }
    if let Some(text) = &item.pattern_regex {
        return Ok(Formula::Regex(Expression::new(text)));
    }
    if let Some(items) = &item.patterns {
        return all(language, items, depth);
    }
    if let Some(items) = &item.pattern_either {
        let any: Result<_, _> = items
            .iter()
            .map(|item| formula(language, item, depth + 1))
            .collect();
        return Ok(Formula::Any(any?));
    }
    // `pattern-inside` by itself is any code within; it stands in an `All` of its own.
    if item.pattern_inside.is_some() {
        return all(language, std::slice::from_ref(item), depth);
    }
    Err("needs one of `pattern`, `pattern-regex`, `patterns`, `pattern-either`".to_owned())
}

fn all(language: Language, items: &[Item], depth: usize) -> Result<Formula, String> {
    let mut all = All::default();
    for item in items {
        if let Some(nested) = &item.pattern_inside {
            all.inside.push(nested_formula(language, nested, depth)?);
        } else if let Some(nested) = item.pattern_not.as_ref().or(item.pattern_not_inside.as_ref()) {
            all.not.push(nested_formula(language, nested, depth)?);
        } else if let Some(text) = &item.pattern_not_regex {
            all.not.push(Formula::Regex(Expression::new(text)));
        } else if let Some(condition) = &item.metavariable_regex {
            all.conditions.push(Condition::Regex {
                metavariable: metavariable(&condition.metavariable)?,
                regex: Expression::new(format!(r"\A(?:{})", condition.regex)),
            });
        } else if let Some(condition) = &item.metavariable_pattern {
            all.conditions.push(Condition::Pattern {
                metavariable: metavariable(&condition.metavariable)?,
                formula: metavariable_formula(language, condition, depth)?,
            });
        } else if let Some(condition) = &item.metavariable_comparison {
            all.conditions
                .push(Condition::Comparison(Comparison::read(condition)?));
        } else if let Some(condition) = &item.metavariable_type {
            if language != Language::Java {
                return Err("`metavariable-type` is not supported but for Java".to_owned());
            }
            all.conditions.push(Condition::Type {
                metavariable: metavariable(&condition.metavariable)?,
                types: condition.types.iter().chain(&condition.one).cloned().collect(),
            });
        } else if let Some(condition) = &item.metavariable_analysis {
            if condition.analyzer != "redos" {
                return Err(format!(
                    "`metavariable-analysis` with `analyzer: {}` is not supported; `redos` is",
                    condition.analyzer
                ));
            }
            all.conditions.push(Condition::Exponential {
                metavariable: metavariable(&condition.metavariable)?,
            });
        } else if let Some(focus) = &item.focus_metavariable {
            let names: &[String] = match focus {
                Focus::One(name) => std::slice::from_ref(name),
                Focus::Many(names) => names,
            };
            for name in names {
                all.focus.push(metavariable(name)?);
            }
        } else {
            all.positive.push(formula(language, item, depth + 1)?);
        }
    }
    if all.positive.is_empty() && all.inside.is_empty() {
        return Err("`patterns` needs one that says what to find, beside those that say what not".to_owned());
    }
    Ok(Formula::All(all))
}

fn metavariable_formula(
    language: Language,
    written: &WrittenPattern,
    depth: usize,
) -> Result<Formula, String> {
    let mut all = All::default();
    if let Some(code) = &written.pattern {
        all.positive.push(pattern(language, code)?);
    }
    if let Some(text) = &written.pattern_regex {
        all.positive.push(Formula::Regex(Expression::new(text)));
    }
    if let Some(items) = &written.pattern_either {
        let any: Result<_, _> = items
            .iter()
            .map(|item| formula(language, item, depth + 1))
            .collect();
        all.positive.push(Formula::Any(any?));
    }
    if let Some(items) = &written.patterns {
        // Here `patterns` may say only what is not there.
        let positive_too = Item {
            pattern: Some("$_".to_owned()),
            ..Item::default()
        };
        let only_negative = items.iter().all(|item| {
            item.pattern_not.is_some()
                || item.pattern_not_regex.is_some()
                || item.pattern_not_inside.is_some()
        });
        let formula = if only_negative {
            let mut all_items = vec![&positive_too];
            all_items.extend(items);
            let mut whole = All::default();
            for item in all_items {
                match self::all(language, std::slice::from_ref(item), depth + 1) {
                    Ok(Formula::All(part)) => whole.positive.extend(part.positive),
                    Ok(other) => whole.positive.push(other),
                    Err(_) => {
                        if let Some(nested) = item.pattern_not.as_ref().or(item.pattern_not_inside.as_ref()) {
                            whole.not.push(nested_formula(language, nested, depth + 1)?);
                        } else if let Some(text) = &item.pattern_not_regex {
                            whole.not.push(Formula::Regex(Expression::new(text)));
                        }
                    }
                }
            }
            Formula::All(whole)
        } else {
            self::all(language, items, depth + 1)?
        };
        all.positive.push(formula);
    }
    if let Some(text) = &written.pattern_not_regex {
        all.not.push(Formula::Regex(Expression::new(text)));
    }
    Ok(Formula::All(all))
}

fn nested_formula(language: Language, nested: &Nested, depth: usize) -> Result<Formula, String> {
    match nested {
        Nested::Code(code) => pattern(language, code),
        Nested::Item(item) => formula(language, item, depth + 1),
    }
}

fn propagator(language: Language, item: &Item) -> Result<Propagator, String> {
    let (Some(from), Some(to)) = (&item.from, &item.to) else {
        return Err("a propagator needs `from` and `to`".to_owned());
    };
    Ok(Propagator {
        formula: formula(language, item, 0)?,
        from: metavariable(from)?,
        to: metavariable(to)?,
    })
}

fn pattern(language: Language, code: &str) -> Result<Formula, String> {
    let pattern = language::parse_pattern(language, code)
        .map_err(|error| format!("pattern `{}`: {error}", code.trim()))?;
    Ok(Formula::Pattern(Box::new(pattern)))
}

fn metavariable(name: &str) -> Result<String, String> {
    name.strip_prefix("$...")
        .or(name.strip_prefix('$'))
        .map(str::to_owned)
        .ok_or_else(|| format!("metavariable `{name}` does not begin with `$`"))
}

fn paths(written: &WrittenPaths) -> Paths {
    Paths {
        include: written.include.clone(),
        exclude: written.exclude.clone(),
    }
}
