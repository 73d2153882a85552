//! A report for people: the code, what happens there, why it is dangerous, what to write instead.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use safeguard_scan::change::{Judged, Verdict};
use safeguard_scan::rules::Page;

use super::secrets::{RULE, masked};
use super::{Checked, count};
use crate::output::{BAD, CARE, GOOD, HINT};

/// A screenful.
const ADVICE_SHOWN_MAX: usize = 10;
const BLOCKING_SHOWN_MAX: usize = 50;
/// Files that tools write may have everything on one line.
const LINE_BYTES_MAX: usize = 1_000;

pub fn text(checked: &Checked, pages: &[Page], all_advice: bool) -> String {
    let pages: BTreeMap<&str, &Page> = pages.iter().map(|page| (page.id.as_str(), page)).collect();
    let wanted = |path: &str| {
        checked
            .report
            .findings
            .iter()
            .any(|judged| judged.finding.path == path)
    };
    let sources: BTreeMap<&str, Cow<'_, str>> = checked
        .selection
        .all()
        .filter(|entry| wanted(&entry.path))
        .filter_map(|entry| {
            let text = entry.head.text().or(entry.base.text())?;
            let shown = match checked.secrets.get(&entry.path) {
                Some(secrets) => Cow::Owned(masked(text, secrets)),
                None => Cow::Borrowed(text),
            };
            Some((entry.path.as_str(), shown))
        })
        .collect();
    let mut text = String::new();
    let blocking: Vec<&Judged> = checked
        .report
        .findings
        .iter()
        .filter(|judged| judged.blocks())
        .collect();
    for judged in blocking.iter().take(BLOCKING_SHOWN_MAX) {
        text.push_str(&finding(
            judged,
            &sources,
            checked.secrets.get(&judged.finding.path),
            &pages,
        ));
        text.push('\n');
    }
    if blocking.len() > BLOCKING_SHOWN_MAX {
        text.push_str(&format!(
            "{} more; `--format json` has all\n",
            blocking.len() - BLOCKING_SHOWN_MAX
        ));
    }
    let mut advice: Vec<&Judged> = checked
        .report
        .findings
        .iter()
        .filter(|judged| judged.introduced && !judged.blocks() && judged.suppressed.is_none())
        .collect();
    // The most certain and worst first.
    advice.sort_by_key(|judged| std::cmp::Reverse((judged.finding.confidence, judged.finding.severity)));
    let shown = if all_advice {
        advice.len()
    } else {
        ADVICE_SHOWN_MAX
    };
    if !advice.is_empty() {
        text.push_str(&format!("{CARE}advice{CARE:#} (does not refuse)\n"));
    }
    for judged in advice.iter().take(shown) {
        let finding = &judged.finding;
        text.push_str(&format!(
            "  {}:{}:{} {}: {}\n",
            finding.path, finding.place.line, finding.place.column, finding.rule, finding.message
        ));
    }
    if advice.len() > shown {
        text.push_str(&format!(
            "  and {} more: `safeguard check --advice`\n",
            advice.len() - shown
        ));
    }
    for judged in checked.report.findings.iter().filter(|judged| judged.introduced) {
        if let Some(suppressed) = &judged.suppressed {
            let approved = suppressed.approved.as_ref();
            let approved = approved.map_or_else(String::new, |by| format!(", approved by {}", by.person));
            text.push_str(&format!(
                "let pass until {} by {}{approved}: {}:{} {}: {}\n",
                suppressed.last_day(),
                suppressed.owner,
                judged.finding.path,
                judged.finding.place.line,
                judged.finding.rule,
                suppressed.reason
            ));
        }
    }
    for unread in &checked.report.unread {
        text.push_str(&format!(
            "{BAD}not looked at{BAD:#} {}: {}\n",
            unread.path, unread.why
        ));
    }
    text.push_str(&summary(checked));
    text.push('\n');
    text
}

fn finding(
    judged: &Judged,
    sources: &BTreeMap<&str, Cow<'_, str>>,
    secrets: Option<&Vec<Range<usize>>>,
    pages: &BTreeMap<&str, &Page>,
) -> String {
    let finding = &judged.finding;
    let report = Level::ERROR
        .primary_title(finding.message.clone())
        .id(finding.rule.clone());
    let mut group = annotate_snippets::Group::with_title(report);
    let stands_there =
        finding.rule != RULE || secrets.is_some_and(|spans| spans.contains(&finding.place.span));
    let line_bytes = |source: &str| source.lines().nth(finding.place.line - 1).map_or(0, str::len);
    let source = sources
        .get(finding.path.as_str())
        .filter(|source| stands_there && line_bytes(source) <= LINE_BYTES_MAX);
    if let Some(source) = source {
        let span = shown_span(source, finding.place.span.clone());
        let mut snippet = Snippet::source(source.as_ref())
            .line_start(1)
            .path(finding.path.clone())
            .annotation(AnnotationKind::Primary.span(span));
        if let Some(from) = finding.trace.first() {
            let span = shown_span(source, from.place.span.clone());
            snippet = snippet.annotation(AnnotationKind::Context.span(span).label(from.message.clone()));
        }
        group = group.element(snippet);
    } else {
        let place = format!("{}:{}", finding.path, finding.place.line);
        group = group.element(Level::NOTE.with_name("where").message(place));
    }
    let mut meaning = failure_name(&finding.failure).to_owned();
    for cwe in &finding.cwe {
        if !meaning.is_empty() {
            meaning.push_str(", ");
        }
        meaning.push_str(cwe);
    }
    if !meaning.is_empty() {
        group = group.element(Level::NOTE.message(meaning));
    }
    if let Some(page) = pages.get(finding.rule.as_str()) {
        group = group.element(Level::NOTE.with_name("why").message(plain(&page.why)));
        group = group.element(Level::HELP.with_name("instead").message(plain(&page.instead)));
    }
    if let Some(asked) = &judged.asked {
        let short: String = finding.identity.chars().take(12).collect();
        let told = format!(
            "a comment would let it pass once somebody else than the author approves it, and {}: `safeguard suppression approve {short}`",
            asked.why
        );
        group = group.element(Level::HELP.with_name("approval").message(told));
    }
    let report = [group];
    format!("{}\n", Renderer::styled().render(&report))
}

/// Markdown's signs are no help on a terminal, but backquotes are.
fn plain(text: &str) -> String {
    text.replace("**", "")
}

/// At most a few lines of what was found, and never nothing.
fn shown_span(source: &str, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    const LINES_MAX: usize = 6;
    let text = source.get(span.clone()).unwrap_or("");
    let end = match text.match_indices('\n').nth(LINES_MAX - 1) {
        Some((at, _)) => span.start + at,
        None => span.end,
    };
    let start = span.start.min(source.len());
    start..end.clamp(start, source.len())
}

/// The patterns of failure, as people call them.
pub fn failure_name(failure: &str) -> &'static str {
    match failure {
        "X1" => "destroyer (X1)",
        "X2" => "endless loop or exhausted resource (X2)",
        "X3" => "security hole (X3)",
        "X4" => "race (X4)",
        "X5" => "silent corruption (X5)",
        "X6" => "what does not exist (X6)",
        _ => "",
    }
}

/// One line: what was looked at, and the verdict.
pub fn summary(checked: &Checked) -> String {
    let report = &checked.report;
    let blocking = report.findings.iter().filter(|judged| judged.blocks()).count();
    let advice = report
        .findings
        .iter()
        .filter(|judged| judged.introduced && !judged.blocks() && judged.suppressed.is_none())
        .count();
    let verdict = match report.verdict() {
        Verdict::Clean => format!("{GOOD}passes{GOOD:#}"),
        Verdict::Refused => format!("{BAD}refused{BAD:#}: {}", count(blocking, "finding")),
        Verdict::Undecided => format!(
            "{CARE}not decided{CARE:#}: {} not looked at",
            count(report.unread.len(), "file")
        ),
    };
    let mut line = format!(
        "{verdict}; {} looked at, {}",
        count(report.files, "file"),
        checked.selection.about
    );
    if advice > 0 {
        line.push_str(&format!(", {} of advice", count(advice, "piece")));
    }
    if !checked.left_out.is_empty() {
        line.push_str(&format!(
            ", {} generated or vendored left out",
            count(checked.left_out.len(), "file")
        ));
    }
    if !checked.binary.is_empty() {
        line.push_str(&format!(
            ", {} without text left out",
            count(checked.binary.len(), "file")
        ));
    }
    if blocking > 0 {
        line.push_str(&format!(
            "\n{HINT}hint{HINT:#}: mend what is refused; `safeguard rules show RULE` tells more of a rule"
        ));
    }
    line
}
