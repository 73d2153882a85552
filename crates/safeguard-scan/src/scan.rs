//! One file against all rules.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aho_corasick::AhoCorasick;

use crate::analysis::place;
use crate::finding::{Finding, Place, Step, identity, identity_of};
use crate::language::{self, FILE_BYTES_MAX, Language, markup};
use crate::matching::{Bindings, Source, bound};
use crate::prefilter::Need;
use crate::project::Project;
use crate::rule::{About, Confidence, Evaluation, Mode, Rule, RuleError, Sets};
use crate::rules::{Check, Comparison, Reports};
use crate::taint;
use crate::tree::{NodeId, ParseError};

/// Rules, made ready to look for.
#[derive(Debug)]
pub struct Rules {
    /// Whether the rules of this program are among them; they are read once there is a file of their language.
    own: bool,
    rules: Vec<Arc<Rule>>,
    checks: Vec<&'static Check>,
    comparisons: Vec<&'static Comparison>,
    /// By language, once there is a file of it.
    ready: [OnceLock<Result<OfLanguage, RuleError>>; Language::COUNT],
}

/// What the rules for one language look for.
#[derive(Debug)]
struct OfLanguage {
    language: Language,
    rules: Vec<Kept>,
    /// All words that some rule needs, and how many they are.
    texts: AhoCorasick,
    words: usize,
    sets: Mutex<Sets>,
}

/// A rule, and what it looks for once there is a file in which it may find something: reading its patterns takes longer than most files do.
#[derive(Debug)]
struct Kept {
    rule: Arc<Rule>,
    /// What a file must have for it.
    need: Need<usize>,
    mode: OnceLock<Result<Mode, RuleError>>,
}

#[derive(Debug, Default)]
pub struct Scanned {
    /// In the order of the text.
    pub findings: Vec<Finding>,
    /// Rules that took more steps than they may, and so may have missed something.
    pub unfinished: Vec<String>,
}

impl Rules {
    pub(crate) fn own(checks: Vec<&'static Check>, comparisons: Vec<&'static Comparison>) -> Rules {
        Rules::new(true, Vec::new(), checks, comparisons)
    }

    fn new(
        own: bool,
        rules: Vec<Arc<Rule>>,
        checks: Vec<&'static Check>,
        comparisons: Vec<&'static Comparison>,
    ) -> Rules {
        Rules {
            own,
            rules,
            checks,
            comparisons,
            ready: std::array::from_fn(|_| OnceLock::new()),
        }
    }

    fn of_language(&self, language: Language) -> Result<&OfLanguage, &RuleError> {
        self.ready[language as usize]
            .get_or_init(|| OfLanguage::new(self.own, &self.rules, language))
            .as_ref()
    }

    /// Makes ready what looks at files of a language, which takes a while; who scans one does so too.
    pub fn prepare(&self, language: Language) {
        // What is wrong with a rule is said of each file.
        let _ready = self.of_language(language);
    }

    pub(crate) fn comparisons(&self) -> &[&'static Comparison] {
        &self.comparisons
    }

    /// Rules in YAML alone.
    pub fn of(rules: Vec<Rule>) -> Rules {
        let rules = rules.into_iter().map(Arc::new).collect();
        Rules::new(false, rules, Vec::new(), Vec::new())
    }

    /// These rules in YAML beside those that there are.
    pub fn and(mut self, more: Vec<Rule>) -> Rules {
        self.rules.extend(more.into_iter().map(Arc::new));
        Rules::new(self.own, self.rules, self.checks, self.comparisons)
    }

    /// These rules in YAML instead of those that there are; checks in Rust stay.
    pub fn with(self, rules: Vec<Rule>) -> Rules {
        let rules = rules.into_iter().map(Arc::new).collect();
        Rules::new(false, rules, self.checks, self.comparisons)
    }

    /// The checks of some pages only, by the page's name.
    #[must_use]
    pub fn with_checks_of(mut self, wanted: impl Fn(&str) -> bool) -> Rules {
        self.checks.retain(|check| wanted(check.about().page()));
        self
    }

    /// Whether some rule looks into files of whatever language.
    pub fn look_into_any_text(&self) -> bool {
        self.rules.iter().any(|rule| rule.on_any_text)
    }

    pub fn checks(&self) -> &[&'static Check] {
        &self.checks
    }
}

impl OfLanguage {
    fn new(own: bool, others: &[Arc<Rule>], language: Language) -> Result<OfLanguage, RuleError> {
        let mut sets = Sets::default();
        let mut rules = Vec::new();
        if own {
            let own = crate::rules::of_language(language)?;
            rules.extend(own.into_iter().map(|rule| (Arc::new(rule), OnceLock::new())));
        }
        for rule in others.iter().filter(|rule| rule.languages.contains(&language)) {
            // What is wrong with a rule of somebody else is said whatever there is to look at.
            let mode = rule.ready(language, &mut sets)?;
            rules.push((Arc::clone(rule), OnceLock::from(Ok(mode))));
        }
        let needs: Vec<Need<&str>> = rules.iter().map(|(rule, _)| rule.need()).collect();
        let mut words: Vec<&str> = needs.iter().flat_map(Need::words).collect();
        words.sort_unstable();
        words.dedup();
        let texts = AhoCorasick::new(&words).map_err(|error| RuleError::Yaml(error.to_string()))?;
        let count = words.len();
        let needs: Vec<Need<usize>> = needs.iter().map(|need| need.numbered(&words)).collect();
        let kept = rules.into_iter().zip(needs);
        Ok(OfLanguage {
            language,
            words: count,
            texts,
            rules: kept
                .map(|((rule, mode), need)| Kept { rule, need, mode })
                .collect(),
            sets: Mutex::new(sets),
        })
    }

    /// The rules that may find something in a file, and what they look for.
    fn candidates(&self, text: &str) -> Result<Vec<(&Rule, &Mode)>, &RuleError> {
        let mut has = vec![false; self.words];
        for one in self.texts.find_overlapping_iter(text) {
            has[one.pattern().as_usize()] = true;
        }
        let may_find = self.rules.iter().filter(|kept| kept.need.holds(&has));
        may_find
            .map(|kept| {
                let mode = kept.mode.get_or_init(|| {
                    let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.rule.ready(self.language, &mut sets)
                });
                Ok((&*kept.rule, mode.as_ref()?))
            })
            .collect()
    }
}

/// Reads a file for what follows.
pub fn read(path: &str, language: Language, text: &str) -> Result<Source, ParseError> {
    let tree = if markup::is_markup(path) {
        markup::parse(path, language, text)?
    } else {
        language::parse(language, text)?
    };
    Ok(Source::new(path, tree))
}

/// What rules on any text (`languages: [regex]`) say of a file, whatever it is written in.
pub fn scan_text(rules: &Rules, path: &str, text: &str) -> Scanned {
    let mut scanned = Scanned::default();
    if !rules.look_into_any_text() || text.len() > FILE_BYTES_MAX {
        return scanned;
    }
    let source = match language::plain(text) {
        Ok(tree) => Source::new(path, tree),
        Err(error) => {
            scanned.unfinished.push(error.to_string());
            return scanned;
        }
    };
    patterns(rules, &source, |rule| rule.on_any_text, &mut scanned);
    for finding in &mut scanned.findings {
        let found = text.get(finding.place.span.clone()).unwrap_or("");
        finding.identity = identity_of(&[&finding.rule, found]);
    }
    settle(&mut scanned.findings);
    scanned
}

/// What the rules say of a file.
pub fn scan(rules: &Rules, source: &Source, project: &Project) -> Scanned {
    let mut scanned = Scanned::default();
    let language = source.tree.language();
    patterns(rules, source, |rule| !rule.on_any_text, &mut scanned);
    for check in rules
        .checks
        .iter()
        .filter(|check| check.languages.contains(&language))
    {
        let mut reports = Reports::default();
        (check.run)(source, project, &mut reports);
        if reports.all.is_empty() {
            continue;
        }
        let about = check.about();
        for report in reports.all {
            let span = report.span.unwrap_or_else(|| source.tree.span(report.node));
            let mut finding = finding(&about, source, report.node, span, report.message);
            if let Some(subject) = &report.subject {
                finding.identity = identity_of(&[about.page(), subject]);
            }
            if report.advice {
                finding.confidence = finding.confidence.min(Confidence::Medium);
            }
            scanned.findings.push(finding);
        }
    }
    if language == Language::Rust {
        let tests = place::tests_within(&source.tree);
        scanned.findings.retain(|finding| {
            !tests
                .iter()
                .any(|test| test.start <= finding.place.span.start && finding.place.span.end <= test.end)
        });
    }
    if source.is_test() {
        // A hole, a loop or a race in a test or an example is not one in what runs.
        for finding in scanned
            .findings
            .iter_mut()
            .filter(|finding| matches!(finding.failure.as_str(), "X2" | "X3" | "X4"))
        {
            finding.confidence = finding.confidence.min(Confidence::Medium);
        }
    }
    if place::is_material(&source.path) {
        for finding in scanned
            .findings
            .iter_mut()
            .filter(|finding| finding.failure == "X6")
        {
            finding.confidence = finding.confidence.min(Confidence::Medium);
        }
    }
    settle(&mut scanned.findings);
    scanned
}

/// What rules in YAML say.
fn patterns(rules: &Rules, source: &Source, wanted: impl Fn(&Rule) -> bool, scanned: &mut Scanned) {
    let language = source.tree.language();
    let mut evaluation = Evaluation::new(source);
    let candidates = rules
        .of_language(language)
        .and_then(|of_language| of_language.candidates(source.tree.text()));
    let candidates = match candidates {
        Ok(candidates) => candidates,
        Err(error) => {
            scanned.unfinished.push(error.to_string());
            return;
        }
    };
    for (rule, mode) in candidates {
        if !wanted(rule) {
            continue;
        }
        if !rule.paths.include(&source.path) {
            continue;
        }
        evaluation.complete = true;
        evaluation.as_semgrep = rule.as_semgrep;
        match mode {
            Mode::Search(formula) => {
                for one in evaluation.everywhere(formula) {
                    let message = told(&rule.about.message, &one.bindings, source);
                    scanned
                        .findings
                        .push(finding(&rule.about, source, one.node, one.span, message));
                }
            }
            Mode::Taint(taint) => {
                let (ways, complete) = taint::ways(taint, &mut evaluation, source);
                evaluation.complete &= complete;
                for way in ways {
                    let message = told(&rule.about.message, &way.sink.bindings, source);
                    let mut finding = finding(&rule.about, source, way.sink.node, way.sink.span, message);
                    finding.trace = trace(source, way.source.node, &way.steps);
                    scanned.findings.push(finding);
                }
            }
        }
        if !evaluation.complete {
            scanned.unfinished.push(rule.about.id.clone());
        }
    }
}

/// The order of the text; what several rules of one page say of one place is said once.
fn settle(findings: &mut Vec<Finding>) {
    findings.sort_by(|left, right| {
        let key = |finding: &Finding| (finding.place.span.start, finding.place.span.end);
        key(left)
            .cmp(&key(right))
            .then_with(|| left.rule.cmp(&right.rule))
            .then_with(|| right.confidence.cmp(&left.confidence))
            .then_with(|| left.message.cmp(&right.message))
    });
    // Of what is said of one place, the surest is kept: advice does not hide what blocks.
    let place = |finding: &Finding| (finding.rule.clone(), finding.place.line, finding.place.span.start);
    let mut surest: BTreeMap<_, Confidence> = BTreeMap::new();
    for finding in findings.iter() {
        let known = surest.entry(place(finding)).or_insert(finding.confidence);
        *known = finding.confidence.max(*known);
    }
    findings.retain(|finding| {
        let place = place(finding);
        let is_it = surest.get(&place) == Some(&finding.confidence);
        if is_it {
            surest.remove(&place);
        }
        is_it
    });
}

pub(crate) fn finding(
    about: &About,
    source: &Source,
    node: NodeId,
    span: std::ops::Range<usize>,
    message: String,
) -> Finding {
    Finding {
        rule: about.page().to_owned(),
        failure: about.failure.clone(),
        severity: about.severity,
        confidence: about.confidence,
        cwe: about.cwe.clone(),
        message,
        path: source.path.clone(),
        place: Place::within(&source.tree, span),
        trace: Vec::new(),
        identity: identity(about.page(), source, node),
    }
}

fn trace(source: &Source, from: NodeId, steps: &[NodeId]) -> Vec<Step> {
    let tree = &source.tree;
    let step = |node: NodeId, message: &str| Step {
        place: Place::within(tree, tree.span(node)),
        message: message.to_owned(),
    };
    std::iter::once(step(from, "comes from outside here"))
        .chain(steps.iter().map(|node| step(*node, "passes here")))
        .collect()
}

/// A rule's message, with what its metavariables stand for.
fn told(message: &str, bindings: &Bindings, source: &Source) -> String {
    const TEXT_CHARS_MAX: usize = 80;
    let mut told = String::new();
    let mut rest = message;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        told.push_str(before);
        let name: String = after[1..]
            .trim_start_matches("...")
            .chars()
            .take_while(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || *char == '_')
            .collect();
        let length = 1 + after[1..].find(&name).unwrap_or(0) + name.len();
        match bound(bindings, &name) {
            Some(bound) if !name.is_empty() => {
                let text = match bound.node {
                    Some(_) => source
                        .tree
                        .text()
                        .get(bound.span.clone())
                        .unwrap_or(&bound.canonical),
                    None => &bound.canonical,
                };
                let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                let short: String = text.chars().take(TEXT_CHARS_MAX).collect();
                told.push_str(&short);
                if short.len() < text.len() {
                    told.push('…');
                }
                rest = &after[length..];
            }
            _ => {
                told.push('$');
                rest = &after[1..];
            }
        }
    }
    told.push_str(rest);
    told
}
