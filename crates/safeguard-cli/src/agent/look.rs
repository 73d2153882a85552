//! `safeguard agent look`: what a change brings, told to the agent that makes it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use safeguard_api::Digest;
use safeguard_scan::change::{Judged, Verdict};
use safeguard_scan::rules::{self, Page};
use serde_json::{Value, json};

use super::LookArgs;
use super::question::{Act, read};
use crate::check::{CheckArgs, Checked, look_at};
use crate::failure::Failure;
use crate::git;
use crate::output::Output;

const QUESTION_BYTES_MAX: u64 = 16 << 20;
/// An agent reads all of it.
const TOLD_MAX: usize = 8;
/// How often one session is kept from stopping. An agent that brings something new each time would never end.
const OBJECTIONS_MAX: u64 = 5;
/// How many sessions are remembered.
const SESSIONS_MAX: usize = 64;

pub fn look(args: &LookArgs, output: &Output) -> Result<(), Failure> {
    let question = question()?;
    let answer = match objection(args, &question)? {
        Some(reason) => args.host.objection(&reason),
        None => json!({}),
    };
    output.text(&format!("{answer}\n"))
}

fn question() -> anyhow::Result<Value> {
    let mut bytes = Vec::new();
    let mut limited = std::io::stdin().lock().take(QUESTION_BYTES_MAX + 1);
    limited
        .read_to_end(&mut bytes)
        .context("cannot read the question")?;
    ensure!(
        bytes.len() as u64 <= QUESTION_BYTES_MAX,
        "the question is longer than {QUESTION_BYTES_MAX} bytes"
    );
    serde_json::from_slice(&bytes).context("the question is no JSON")
}

fn objection(args: &LookArgs, question: &Value) -> Result<Option<String>, Failure> {
    let stopping = args.host.is_stopping(question);
    let (folder, edited) = match read(question) {
        Ok(read) => (read.folder, written(read.acts)),
        // What was run is no longer the question.
        Err(_) => (None, Vec::new()),
    };
    let folder = match folder {
        Some(folder) => PathBuf::from(folder),
        None => std::env::current_dir().context("cannot tell the current folder")?,
    };
    if !git::is_repository(&folder) || git::commit(&folder, "HEAD").is_err() || !stopping && edited.is_empty()
    {
        return Ok(None);
    }
    let paths = if stopping { Vec::new() } else { edited };
    let reason = match looked(&folder, paths) {
        Ok(checked) => match checked.report.verdict() {
            Verdict::Clean => return Ok(None),
            // Half of an edit may not parse; at the end it must.
            Verdict::Undecided if !stopping => return Ok(None),
            Verdict::Refused | Verdict::Undecided => reason(&checked)?,
        },
        // An edit elsewhere.
        Err(_) if !stopping => return Ok(None),
        Err(failure) => format!(
            "safeguard check could not look at this change: {}",
            failure.title()
        ),
    };
    let told = stopping && is_told(&folder, question, &reason)?;
    Ok((!told).then_some(reason))
}

/// What the branch brings, or the working tree alone where it is not known what the branch began from.
fn looked(folder: &Path, paths: Vec<PathBuf>) -> Result<Checked, Failure> {
    let quiet = Output::new(true);
    let args = CheckArgs {
        paths,
        ..CheckArgs::default()
    };
    look_at(folder, &args, &quiet).or_else(|_| {
        let base = Some("HEAD".to_owned());
        look_at(folder, &CheckArgs { base, ..args }, &quiet)
    })
}

fn written(acts: Vec<Act>) -> Vec<PathBuf> {
    let paths = acts.into_iter().filter_map(|act| match act {
        Act::Write(path) => Some(PathBuf::from(path)),
        Act::Command(_) | Act::Sql(_) | Act::Read(_) => None,
    });
    paths.collect()
}

/// What the agent gets to read, and acts on.
fn reason(checked: &Checked) -> anyhow::Result<String> {
    let pages = rules::pages().map_err(|error| anyhow::anyhow!("the pages of the rules: {error}"))?;
    let blocking: Vec<&Judged> = checked
        .report
        .findings
        .iter()
        .filter(|judged| judged.blocks())
        .collect();
    let mut text = String::new();
    if !blocking.is_empty() {
        text.push_str(&format!(
            "safeguard check refuses this change ({}). Mend the code:\n",
            crate::check::count(blocking.len(), "finding")
        ));
    }
    for judged in blocking.iter().take(TOLD_MAX) {
        let finding = &judged.finding;
        text.push_str(&format!(
            "- {}:{} {}: {}\n",
            finding.path, finding.place.line, finding.rule, finding.message
        ));
        if let Some(instead) = instead(&pages, &finding.rule) {
            text.push_str(&format!("  Instead: {instead}\n"));
        }
    }
    if blocking.len() > TOLD_MAX {
        text.push_str(&format!(
            "and {} more: `safeguard check` shows them\n",
            blocking.len() - TOLD_MAX
        ));
    }
    for unread in checked.report.unread.iter().take(TOLD_MAX) {
        text.push_str(&format!(
            "could not be looked at: {}: {}\n",
            unread.path, unread.why
        ));
    }
    Ok(text)
}

fn instead<'p>(pages: &'p [Page], rule: &str) -> Option<&'p str> {
    pages
        .iter()
        .find(|page| page.id == rule)
        .map(|page| page.instead.as_str())
}

/// Whether this session was told the same before, or was told often enough; remembers it otherwise.
fn is_told(folder: &Path, question: &Value, reason: &str) -> anyhow::Result<bool> {
    let session = ["session_id", "sessionId", "conversation_id"]
        .iter()
        .find_map(|name| question.get(name)?.as_str())
        .unwrap_or("");
    let file = PathBuf::from(git::git(
        folder,
        &[
            "rev-parse",
            "--path-format=absolute",
            "--git-path",
            "safeguard/agent-told.json",
        ],
    )?);
    // What can not be read is as if nothing was told.
    let mut told: BTreeMap<String, (String, u64)> = fs::read(&file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let digest = Digest::of(reason.as_bytes()).to_string();
    let (before, times) = told.get(session).cloned().unwrap_or_default();
    if before == digest || times >= OBJECTIONS_MAX {
        return Ok(true);
    }
    if told.len() >= SESSIONS_MAX {
        told.clear();
    }
    told.insert(session.to_owned(), (digest, times + 1));
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    fs::write(&file, serde_json::to_vec(&told).context("cannot write JSON")?)
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(false)
}
