//! What came of the mutants: findings in the formats of `safeguard check`, and for people the code as it would be.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use anyhow::Context;
use safeguard_api::evidence::Severity;
use safeguard_mutation::{Mutant, Probe};
use safeguard_scan::change::{Judged, Report, Unread, Verdict};
use safeguard_scan::finding::{Finding, Place};
use safeguard_scan::rule::Confidence;
use safeguard_scan::suppression;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::copies::hexadecimal;
use super::kept::{Outcome, Tried};
use super::mutants::{File, is};
use super::{ComparedArgs, MutantsArgs};
use crate::check::files::Selection;
use crate::check::{self, Checked, Format, count, formats};
use crate::failure::Failure;
use crate::output::{BAD, CARE, GOOD, HINT, Output};

const RULE: &str = "untested-change";
/// Of one function with so few mutants it can not be said that nothing is asserted.
const UNNOTICED_MIN: usize = 2;
/// Of fewer mutants a test may miss all by chance.
const IDLE_MIN: usize = 3;
const LINES_SHOWN_MAX: usize = 6;
const SURVIVORS_SHOWN_MAX: usize = 30;

/// All files with what was broken in them.
pub struct Mutated {
    pub files: Vec<File>,
    pub unread: Vec<Unread>,
    /// How many mutants were more than wanted.
    pub left_out: usize,
    /// How long the tests of a mutant might take.
    pub limit: Option<Duration>,
    pub selection: Selection,
}

/// How many mutants ended in which way.
#[derive(Default)]
struct Score {
    killed: usize,
    timed_out: usize,
    survived: usize,
    not_built: usize,
    untried: usize,
}

impl Score {
    fn of(files: &[File]) -> Score {
        let mut score = Score::default();
        for (_, tried) in files.iter().flat_map(|file| &file.mutants) {
            *match tried.as_ref().map(|tried| tried.outcome) {
                Some(Outcome::Killed) => &mut score.killed,
                Some(Outcome::TimedOut) => &mut score.timed_out,
                Some(Outcome::Survived) => &mut score.survived,
                Some(Outcome::NotBuilt) => &mut score.not_built,
                None => &mut score.untried,
            } += 1;
        }
        score
    }

    fn noticed(&self) -> usize {
        self.killed + self.timed_out
    }

    fn tried(&self) -> usize {
        self.noticed() + self.survived
    }

    /// Of a hundred that were tried, how many survived; rounded up, so that a limit is not undercut.
    fn survivors_percent(&self) -> usize {
        (self.survived * 100).div_ceil(self.tried().max(1))
    }
}

pub fn write(args: &MutantsArgs, all: Mutated, output: &Output) -> Result<(), Failure> {
    let score = Score::of(&all.files);
    let refused = args
        .refuse_survivors
        .is_some_and(|most| most < score.survivors_percent() as u32);
    let mut unread = all.unread;
    for file in &all.files {
        let untried = file
            .mutants
            .iter()
            .filter(|(_, outcome)| outcome.is_none())
            .count();
        if untried > 0 {
            unread.push(Unread {
                path: file.source.path.clone(),
                why: format!("{} not tried within {}", count(untried, "mutant"), args.budget),
            });
        }
    }
    unread.sort();
    let mut findings = Vec::new();
    let today = check::today()?;
    for file in &all.files {
        let suppressions = suppression::read(&file.source);
        for finding in findings_of(file, refused) {
            findings.push(Judged::new(finding, true, &suppressions, today));
        }
    }
    let checked = Checked {
        report: Report {
            findings,
            unread,
            files: all.files.len(),
        },
        left_out: Vec::new(),
        binary: Vec::new(),
        secrets: BTreeMap::new(),
        selection: all.selection,
    };
    let summary = summary(&score, &checked, all.left_out, args.refuse_survivors);
    let more = |value: &mut Value| value["mutants"] = json(&all.files, &score, all.limit, all.left_out);
    let text = || text(&all.files, &checked, &summary);
    finish(&args.compared, &checked, &summary, text, more, output)
}

/// Writes a report where it is wanted: `text` for people, and JSON with `more` in it.
pub fn finish(
    args: &ComparedArgs,
    checked: &Checked,
    summary: &str,
    text: impl FnOnce() -> String,
    more: impl FnOnce(&mut Value),
    output: &Output,
) -> Result<(), Failure> {
    let format = if output.json { Format::Json } else { args.format };
    let text = match format {
        Format::Text => text(),
        Format::Json => {
            let mut value: Value =
                serde_json::from_str(&formats::render(format, checked, true)?).context("cannot read JSON")?;
            more(&mut value);
            let mut text = serde_json::to_string_pretty(&value).context("cannot write JSON")?;
            text.push('\n');
            text
        }
        _ => formats::render(format, checked, true)?,
    };
    match &args.output {
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
            output.say(summary);
        }
        None => output.text(&text)?,
    }
    match checked.report.verdict() {
        Verdict::Clean => Ok(()),
        Verdict::Refused => Err(Failure::Told),
        Verdict::Undecided => Err(Failure::ToldUndecided),
    }
}

/// In the order of the text; of a function that no test runs, one.
fn findings_of(file: &File, refused: bool) -> Vec<Finding> {
    let unrun: Vec<&str> = file.unrun().collect();
    let mut findings = Vec::new();
    for (probe, outcome) in &file.probes {
        let of_function = || {
            file.mutants
                .iter()
                .filter(|(mutant, _)| mutant.function == probe.function)
        };
        let survived = of_function().all(|(_, outcome)| is(outcome, Outcome::Survived));
        let message = if is(outcome, Outcome::Survived) {
            format!(
                "no test runs `{}`: it can fail at once, and every test passes",
                probe.function
            )
        } else if survived && of_function().count() >= UNNOTICED_MIN {
            format!(
                "tests run `{}` and assert nothing about it: it can be broken in {} ways, and every test passes",
                probe.function,
                of_function().count()
            )
        } else {
            continue;
        };
        findings.push(finding(file, &probe.head, &probe.function, message, refused));
    }
    for (head, function, message) in idle_tests(file) {
        findings.push(finding(file, &head, function, message, false));
    }
    for (mutant, outcome) in &file.mutants {
        if is(outcome, Outcome::Survived) && !unrun.contains(&mutant.function.as_str()) {
            let about = format!("{}\0{}", mutant.function, mutant.replacement);
            let message = format!("no test notices: {}", mutant.would);
            findings.push(finding(file, &mutant.span, &about, message, refused));
        }
    }
    findings.sort_by_key(|finding| (finding.place.span.start, finding.place.span.end));
    findings
}

/// Tests that run a function of the file and of which no assertion fails with a mutant of what they run, where every test was told of.
fn idle_tests(file: &File) -> Vec<(Range<usize>, &str, String)> {
    let mut runs: BTreeMap<&str, Vec<&Probe>> = BTreeMap::new();
    for (probe, tried) in &file.probes {
        let failed = tried.as_ref().and_then(|tried| tried.failed.as_ref());
        for test in failed.into_iter().flatten() {
            runs.entry(test).or_default().push(probe);
        }
    }
    let mut idle = Vec::new();
    for (test, probes) in runs {
        let of_these = || {
            file.mutants
                .iter()
                .filter(|(mutant, _)| probes.iter().any(|probe| probe.function == mutant.function))
                .filter_map(|(_, tried)| tried.as_ref())
                .filter(|tried| tried.outcome != Outcome::NotBuilt)
        };
        // That a test fails because the code does, it owes to the code.
        let notices = |tried: &Tried| match (&tried.failed, tried.outcome) {
            (Some(_), _) => tried.asserted.iter().any(|other| other == test),
            (None, outcome) => outcome != Outcome::Survived,
        };
        // Where no test notices anything, that is said of the function.
        let is_one_of_others = of_these().any(|tried| tried.outcome == Outcome::Killed);
        if let Some(probe) = probes.first()
            && of_these().count() >= IDLE_MIN
            && is_one_of_others
            && !of_these().any(notices)
        {
            let names: Vec<String> = probes
                .iter()
                .map(|probe| format!("`{}`", probe.function))
                .collect();
            let message = format!(
                "the test `{test}` runs {}, and no assertion of it fails with any of {} mutants: it asserts nothing about what changed",
                names.join(", "),
                of_these().count()
            );
            idle.push((probe.head.clone(), test, message));
        }
    }
    idle
}

fn finding(file: &File, span: &Range<usize>, about: &str, message: String, refused: bool) -> Finding {
    let text = file.source.tree.text();
    let mut digest = Sha256::new();
    for part in [RULE, about, text.get(span.clone()).unwrap_or("")] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    // Whether too many survive is counted, and not guessed.
    let (severity, confidence) = match refused {
        true => (Severity::High, Confidence::High),
        false => (Severity::Medium, Confidence::Medium),
    };
    Finding {
        rule: RULE.to_owned(),
        failure: String::new(),
        severity,
        confidence,
        cwe: Vec::new(),
        message,
        path: file.source.path.clone(),
        place: Place::of(text, span.clone()),
        trace: Vec::new(),
        identity: hexadecimal(&digest.finalize()),
    }
}

fn json(files: &[File], score: &Score, limit: Option<Duration>, left_out: usize) -> Value {
    let mutants = files.iter().flat_map(|file| {
        let text = file.source.tree.text();
        file.mutants.iter().map(|(mutant, outcome)| {
            json!({
                "path": file.source.path,
                "line": Place::of(text, mutant.span.clone()).line,
                "function": mutant.function,
                "operator": mutant.operator.as_str(),
                "original": text.get(mutant.span.clone()),
                "replacement": mutant.replacement,
                "would": mutant.would,
                "outcome": outcome.as_ref().map(|tried| tried.outcome),
                "failed": outcome.as_ref().and_then(|tried| tried.failed.as_ref()),
            })
        })
    });
    json!({
        "killed": score.killed,
        "timed_out": score.timed_out,
        "survived": score.survived,
        "not_built": score.not_built,
        "untried": score.untried,
        "left_out": left_out,
        "limit_ms": limit.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
        "not_run": files.iter().flat_map(|file| file.unrun().map(|function| json!({ "path": file.source.path, "function": function }))).collect::<Vec<_>>(),
        "all": mutants.collect::<Vec<_>>(),
    })
}

fn text(files: &[File], checked: &Checked, summary: &str) -> String {
    let mut told = String::new();
    let suppressed: Vec<&Judged> = checked
        .report
        .findings
        .iter()
        .filter(|judged| judged.suppressed.is_some())
        .collect();
    let mut shown: BTreeMap<(&str, usize, usize), Vec<&Mutant>> = BTreeMap::new();
    for file in files {
        for (mutant, _) in &file.mutants {
            let key = (file.source.path.as_str(), mutant.span.start, mutant.span.end);
            shown.entry(key).or_default().push(mutant);
        }
    }
    let open = checked
        .report
        .findings
        .iter()
        .filter(|judged| judged.suppressed.is_none());
    let all = open.clone().count();
    for judged in open.take(SURVIVORS_SHOWN_MAX) {
        let finding = &judged.finding;
        let head = if judged.blocks() { BAD } else { CARE };
        told.push_str(&format!(
            "{head}{}{head:#} {}:{}: {}\n",
            finding.rule, finding.path, finding.place.line, finding.message
        ));
        let source = files.iter().find(|file| file.source.path == finding.path);
        let key = (
            finding.path.as_str(),
            finding.place.span.start,
            finding.place.span.end,
        );
        let mutant = shown.get(&key).and_then(|mutants| {
            mutants
                .iter()
                .find(|mutant| finding.message.ends_with(&mutant.would))
        });
        if let (Some(file), Some(mutant)) = (source, mutant) {
            told.push_str(&difference(file.source.tree.text(), mutant));
        }
    }
    if all > SURVIVORS_SHOWN_MAX {
        told.push_str(&format!(
            "{} more; `--format json` has all\n",
            all - SURVIVORS_SHOWN_MAX
        ));
    }
    for judged in suppressed {
        if let Some(by) = &judged.suppressed {
            told.push_str(&format!(
                "let pass until {} by {}: {}:{} {}: {}\n",
                by.last_day(),
                by.owner,
                judged.finding.path,
                judged.finding.place.line,
                judged.finding.rule,
                by.reason
            ));
        }
    }
    for unread in &checked.report.unread {
        told.push_str(&format!(
            "{BAD}not decided{BAD:#} {}: {}\n",
            unread.path, unread.why
        ));
    }
    told.push_str(summary);
    told.push('\n');
    told
}

/// The lines as they are and as they would be.
fn difference(text: &str, mutant: &Mutant) -> String {
    let start = text[..mutant.span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[mutant.span.end..]
        .find('\n')
        .map_or(text.len(), |at| mutant.span.end + at);
    let would = format!(
        "{}{}{}",
        &text[start..mutant.span.start],
        mutant.replacement,
        &text[mutant.span.end..end]
    );
    let lines = |sign: &str, text: &str| -> String {
        let some = text.lines().take(LINES_SHOWN_MAX);
        some.map(|line| format!("  {sign} {line}\n")).collect()
    };
    format!(
        "{BAD}{}{BAD:#}{GOOD}{}{GOOD:#}",
        lines("-", &text[start..end]),
        lines("+", &would)
    )
}

fn summary(score: &Score, checked: &Checked, left_out: usize, most: Option<u32>) -> String {
    let verdict = match checked.report.verdict() {
        Verdict::Clean => format!("{GOOD}passes{GOOD:#}"),
        Verdict::Refused => format!("{BAD}refused{BAD:#}"),
        Verdict::Undecided => format!("{CARE}not decided{CARE:#}"),
    };
    if score.tried() + score.not_built + score.untried == 0 {
        return format!(
            "{verdict}: nothing to break in what changed, {}",
            checked.selection.about
        );
    }
    let mut line = format!(
        "{verdict}: tests notice {} of {} ({} %)",
        score.noticed(),
        count(score.tried(), "mutant"),
        score.noticed() * 100 / score.tried().max(1),
    );
    if let Some(most) = most {
        line.push_str(&format!(
            ", {} % survive (limit {most} %)",
            score.survivors_percent()
        ));
    }
    for (number, what) in [
        (score.timed_out, "by not ending"),
        (score.not_built, "are no program"),
        (score.untried, "not tried"),
        (left_out, "more than `--max`"),
    ] {
        if number > 0 {
            line.push_str(&format!(", {number} {what}"));
        }
    }
    line.push_str(&format!(
        "; {}, {}",
        count(checked.report.files, "file"),
        checked.selection.about
    ));
    if score.untried > 0 {
        line.push_str(&format!(
            "\n{HINT}hint{HINT:#}: run it again, it goes on where it ended; or give it a longer `--budget`"
        ));
    }
    line
}
