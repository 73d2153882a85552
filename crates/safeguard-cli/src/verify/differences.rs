//! `safeguard verify differences`: changed functions as they were and as they are, called with the same arguments.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use safeguard_api::evidence::Severity;
use safeguard_mutation::{Callable, NotCalled, Shape, changed_functions};
use safeguard_scan::change::{Judged, Report, Unread};
use safeguard_scan::finding::{Finding, Place};
use safeguard_scan::language::Language;
use safeguard_scan::rule::Confidence;
use safeguard_scan::scan;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::copies::{Copy, hexadecimal};
use super::{DifferencesArgs, report, runs};
use crate::check::files::{self, Entry, Selection, Side};
use crate::check::{Checked, count};
use crate::failure::Failure;
use crate::git;
use crate::output::{BAD, CARE, GOOD, HINT, Output};

const RULE: &str = "changed-result";
const FUNCTIONS_MAX: usize = 100;
/// Beyond its own time, a runner may take so long to begin and to end.
const RUNNER_MORE: Duration = Duration::from_secs(20);
const INTENT_LINES_MAX: usize = 20;
const POOL_MAX: usize = 50;
const PYTHON: &str = include_str!("runner.py");
const JAVASCRIPT: &str = include_str!("runner.mjs");

/// A function that was called in both versions.
struct Compared {
    path: String,
    place: Place,
    name: String,
    answer: Answer,
}

/// What a runner found.
#[derive(Debug, Deserialize)]
struct Answer {
    by: String,
    calls: u64,
    differences: Vec<Difference>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Difference {
    way: String,
    arguments: String,
    before: String,
    now: String,
}

impl Difference {
    fn shown(&self, name: &str) -> String {
        let arguments = self.arguments.as_str();
        let (before, now) = (self.before.as_str(), self.now.as_str());
        match self.way.as_str() {
            "now-fails" => format!("{name}({arguments}): {before} → fails: {now}"),
            "no-longer-fails" => format!("{name}({arguments}): failed, {before} → {now}"),
            "fails-otherwise" => format!("{name}({arguments}): failed, {before} → fails: {now}"),
            _ => format!("{name}({arguments}): {before} → {now}"),
        }
    }
}

/// What can be called of a file.
struct Changed<'c> {
    entry: &'c Entry,
    text: &'c str,
    functions: Vec<Callable>,
}

pub fn differences(args: &DifferencesArgs, output: &Output) -> Result<(), Failure> {
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    let selection = files::select(&folder, &args.compared.as_check(), |_| {})?;
    let (Some(root), Some(base)) = (selection.root.clone(), selection.base.clone()) else {
        return Err(Failure::undecided("differences need a git repository"));
    };
    let intent = intent(args, &root, &base, &selection.side)?;
    let mut unread = Vec::new();
    let mut not_called: Vec<(String, NotCalled)> = Vec::new();
    let changed = changed(&selection, &mut not_called, &mut unread);
    let mut compared = Vec::new();
    if changed.iter().any(|file| !file.functions.is_empty()) {
        let older = Copy::of(&root, &Side::Commit(base), &[])?;
        let newer = Copy::of(&root, &selection.side, &[])?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        compared = runtime.block_on(async {
            tokio::select! {
                compared = call_all(args, &root, &changed, &older, &newer, &mut unread) => compared,
                stopped = runs::stopped() => {
                    stopped.context("cannot listen for signals")?;
                    Err(anyhow::anyhow!("stopped"))
                }
            }
        })?;
    }
    unread.sort();
    let findings = compared.iter().flat_map(findings_of);
    let checked = Checked {
        report: Report {
            findings: findings.collect(),
            unread,
            files: changed.len(),
        },
        left_out: Vec::new(),
        binary: Vec::new(),
        secrets: BTreeMap::new(),
        selection: Selection {
            entries: Vec::new(),
            manifests: Vec::new(),
            texts: Vec::new(),
            listed: None,
            objects: None,
            about: selection.about.clone(),
            root: Some(root),
            base: None,
            side: selection.side.clone(),
            wanted: Vec::new(),
        },
    };
    let summary = summary(&compared, &not_called, &checked);
    let text = || text(&intent, &compared, &not_called, &checked, &summary);
    let more = |value: &mut Value| value["differences"] = json(&intent, &compared, &not_called);
    report::finish(&args.compared, &checked, &summary, text, more, output)
}

/// What the change is for: what was given, or what its commits say.
fn intent(args: &DifferencesArgs, root: &Path, base: &str, side: &Side) -> anyhow::Result<String> {
    let text = match &args.intent {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?
        }
        None => {
            let head = match side {
                Side::Commit(commit) => commit.as_str(),
                Side::Folder | Side::WorkingTree | Side::Index => "HEAD",
            };
            git::git(root, &["log", "--format=%s", &format!("{base}..{head}")])?
        }
    };
    Ok(text.lines().take(INTENT_LINES_MAX).collect::<Vec<_>>().join("\n"))
}

fn changed<'s>(
    selection: &'s Selection,
    not_called: &mut Vec<(String, NotCalled)>,
    unread: &mut Vec<Unread>,
) -> Vec<Changed<'s>> {
    let mut found = Vec::new();
    let mut left = FUNCTIONS_MAX;
    for entry in selection.entries.iter().filter(|entry| !entry.is_left_out()) {
        let (Some(language), Some(base), Some(text)) =
            (Language::of(&entry.path), entry.base.text(), entry.head.text())
        else {
            continue;
        };
        let read = |text: &str| scan::read(&entry.path, language, text);
        let (base, now) = match (read(base), read(text)) {
            (Ok(base), Ok(now)) => (base, now),
            (_, Err(error)) => {
                unread.push(Unread {
                    path: entry.path.clone(),
                    why: error.to_string(),
                });
                continue;
            }
            // Whatever it was, it was no program.
            (Err(_), _) => continue,
        };
        let mut functions = Vec::new();
        for function in changed_functions(&base, &now) {
            match function {
                Ok(function) if left > 0 => {
                    left -= 1;
                    functions.push(function);
                }
                Ok(function) => not_called.push((
                    entry.path.clone(),
                    NotCalled {
                        name: function.name,
                        why: format!("is one of more than {FUNCTIONS_MAX}"),
                    },
                )),
                Err(other) => not_called.push((entry.path.clone(), other)),
            }
        }
        found.push(Changed {
            entry,
            text,
            functions,
        });
    }
    found
}

async fn call_all(
    args: &DifferencesArgs,
    root: &Path,
    changed: &[Changed<'_>],
    older: &Copy,
    newer: &Copy,
    unread: &mut Vec<Unread>,
) -> anyhow::Result<Vec<Compared>> {
    let alone = alone().await;
    let mut compared = Vec::new();
    for file in changed {
        // A file that was renamed is found under its new name in both.
        if let Some(base) = file.entry.base.text().filter(|_| !file.functions.is_empty()) {
            let path = older.path().join(&file.entry.path);
            let written = path
                .parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::write(&path, base));
            written.with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        for function in &file.functions {
            let question = json!({
                "base": older.path(),
                "head": newer.path(),
                "path": file.entry.path,
                "function": function.name,
                "calls": args.calls,
                "seconds": Duration::from(args.longest).as_secs_f64(),
                "shapes": function.parameters.iter().filter_map(|one| one.shape.as_ref()).map(shape).collect::<Vec<_>>(),
                "pool": pool(file.text),
            });
            let mut words = alone.clone();
            if file.entry.path.ends_with(".py") {
                words.push(python(args, root).display().to_string());
                words.extend(["-c", PYTHON, "drive"].map(str::to_owned));
            } else {
                words.push(args.node.display().to_string());
                words.extend(
                    ["--no-warnings", "--input-type=module", "-e", JAVASCRIPT, "drive"].map(str::to_owned),
                );
            }
            match call(&words, newer.path(), &question, args.longest.into()).await {
                Ok(answer) => compared.push(Compared {
                    path: file.entry.path.clone(),
                    place: Place::of(file.text, function.head.clone()),
                    name: function.name.clone(),
                    answer,
                }),
                Err(error) => unread.push(Unread {
                    path: file.entry.path.clone(),
                    why: format!("`{}` can not be called: {error:#}", function.name),
                }),
            }
        }
    }
    Ok(compared)
}

/// A namespace without a network, where the machine lets anybody make one.
async fn alone() -> Vec<String> {
    let words: Vec<String> = ["unshare", "--map-root-user", "--net"]
        .map(str::to_owned)
        .to_vec();
    let mut tried = Command::new("unshare");
    tried.args(&words[1..]).arg("true");
    match runs::run(tried, Stdio::null(), RUNNER_MORE).await {
        Ok(ended) if ended.passed() => words,
        Ok(_) | Err(_) => Vec::new(),
    }
}

async fn call(
    words: &[String],
    folder: &Path,
    question: &Value,
    longest: Duration,
) -> anyhow::Result<Answer> {
    let mut asked: File = tempfile::tempfile().context("cannot ask")?;
    writeln!(asked, "{question}").context("cannot ask")?;
    asked.rewind().context("cannot ask")?;
    let mut command = Command::new(words.first().map_or("", String::as_str));
    command
        .args(words.get(1..).unwrap_or_default())
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONHASHSEED", "0")
        .env("TZ", "UTC");
    let ended = runs::run(command, Stdio::from(asked), longest + RUNNER_MORE)
        .await
        .context("it does not start")?;
    if ended.status.is_none() {
        bail!("it does not end");
    }
    let answer: Value = ended
        .stdout
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .with_context(|| {
            ended
                .stderr
                .lines()
                .last()
                .unwrap_or("it says nothing")
                .to_owned()
        })?;
    match answer["error"].as_str() {
        Some(error) => bail!("{error}"),
        None => serde_json::from_value(answer).context("its answer is not understood"),
    }
}

/// The project's own Python, which has what it imports.
fn python(args: &DifferencesArgs, root: &Path) -> PathBuf {
    let named = args
        .python
        .as_ref()
        .map(|python| match python.components().count() {
            1 => python.clone(),
            _ => std::path::absolute(python).unwrap_or_else(|_| python.clone()),
        });
    named.unwrap_or_else(|| {
        [".venv/bin/python", "venv/bin/python"]
            .iter()
            .map(|path| root.join(path))
            .find(|path| path.is_file())
            .unwrap_or_else(|| PathBuf::from("python3"))
    })
}

fn shape(shape: &Shape) -> Value {
    let all = |shapes: &[Shape]| shapes.iter().map(self::shape).collect::<Vec<_>>();
    match shape {
        Shape::Number => json!({ "is": "number" }),
        Shape::Text => json!({ "is": "text" }),
        Shape::Bool => json!({ "is": "bool" }),
        Shape::Null => json!({ "is": "null" }),
        Shape::Undefined => json!({ "is": "undefined" }),
        Shape::Date => json!({ "is": "date" }),
        Shape::Literal(text) => json!({ "is": "literal", "text": text }),
        Shape::List(of) => json!({ "is": "list", "of": self::shape(of) }),
        Shape::Map(of) => json!({ "is": "map", "of": self::shape(of) }),
        Shape::Tuple(of) => json!({ "is": "tuple", "of": all(of) }),
        Shape::OneOf(of) => json!({ "is": "one-of", "of": all(of) }),
        Shape::Record(of) => {
            json!({ "is": "record", "of": of.iter().map(|(name, shape)| json!([name, self::shape(shape)])).collect::<Vec<_>>() })
        }
    }
}

/// Numbers of the file and their neighbours: there its ways part.
fn pool(text: &str) -> Value {
    let mut numbers: Vec<i64> = text
        .split(|char: char| !char.is_ascii_alphanumeric())
        .filter_map(|word| word.parse::<i64>().ok())
        .filter(|number| number.abs() < 1 << 50)
        .flat_map(|number| [number - 1, number, number + 1])
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.truncate(POOL_MAX);
    json!({ "numbers": numbers, "texts": [] })
}

fn findings_of(compared: &Compared) -> Vec<Judged> {
    let finding = |difference: &Difference| {
        let mut digest = Sha256::new();
        for part in [RULE, &compared.name, &difference.way] {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        Finding {
            rule: RULE.to_owned(),
            failure: String::new(),
            severity: Severity::Medium,
            confidence: Confidence::Medium,
            cwe: Vec::new(),
            message: difference.shown(&compared.name),
            path: compared.path.clone(),
            place: compared.place.clone(),
            trace: Vec::new(),
            identity: hexadecimal(&digest.finalize()),
        }
    };
    let findings = compared.answer.differences.iter().map(finding);
    findings
        .map(|finding| Judged {
            finding,
            introduced: true,
            suppressed: None,
            asked: None,
        })
        .collect()
}

fn json(intent: &str, compared: &[Compared], not_called: &[(String, NotCalled)]) -> Value {
    json!({
        "intent": intent,
        "functions": compared.iter().map(|one| json!({
            "path": one.path,
            "line": one.place.line,
            "function": one.name,
            "calls": one.answer.calls,
            "arguments_by": one.answer.by,
            "differences": one.answer.differences,
        })).collect::<Vec<_>>(),
        "not_called": not_called.iter().map(|(path, other)| json!({
            "path": path,
            "function": other.name,
            "why": other.why,
        })).collect::<Vec<_>>(),
    })
}

fn text(
    intent: &str,
    compared: &[Compared],
    not_called: &[(String, NotCalled)],
    checked: &Checked,
    summary: &str,
) -> String {
    let mut told = String::new();
    if !intent.trim().is_empty() {
        told.push_str("what the change is for\n");
        for line in intent.lines() {
            told.push_str(&format!("  {line}\n"));
        }
    }
    for one in compared {
        let calls = format!(
            "{} by {}",
            count(one.answer.calls as usize, "call"),
            one.answer.by
        );
        told.push_str(&format!(
            "{}:{} {} ({calls})\n",
            one.path, one.place.line, one.name
        ));
        for difference in &one.answer.differences {
            told.push_str(&format!("  {CARE}{}{CARE:#}\n", difference.shown(&one.name)));
        }
        if one.answer.differences.is_empty() {
            told.push_str("  no difference\n");
        }
    }
    for (path, other) in not_called {
        told.push_str(&format!("not called: {path} `{}` {}\n", other.name, other.why));
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

fn summary(compared: &[Compared], not_called: &[(String, NotCalled)], checked: &Checked) -> String {
    let differ = compared
        .iter()
        .filter(|one| !one.answer.differences.is_empty())
        .count();
    let about = &checked.selection.about;
    let failed = checked.report.unread.len();
    let mut line = match compared.len() + failed {
        0 => format!("{GOOD}nothing{GOOD:#} that changed can be called by itself, {about}"),
        _ => format!(
            "{differ} of {} give other results, {about}",
            count(compared.len(), "changed function")
        ),
    };
    if !not_called.is_empty() {
        line.push_str(&format!("; {} not called", not_called.len()));
    }
    if failed > 0 {
        line.push_str(&format!(
            "\n{HINT}hint{HINT:#}: `--python` or `--node` names what runs the project, with what it imports"
        ));
    }
    if compared.iter().any(|one| one.answer.by.starts_with("a small")) {
        line.push_str(&format!(
            "\n{HINT}hint{HINT:#}: with `hypothesis` (Python) or `fast-check` (Node.js) among the project's packages more is tried"
        ));
    }
    line
}
