//! `safeguard change …`

use std::path::Path;

use anyhow::Context;
use safeguard_api::checklist::{Answer, AttestationSpec, BoxState, CheckBox};
use safeguard_api::{Attestation, Change, ChangeDocument, ChangeId, ChangeSpec, DocumentKind, ReleaseId};
use serde::{Deserialize, Serialize};

use crate::api_client::ApiClient;
use crate::args::{AttestArgs, ChangeAddArgs, ChangeVerb, FollowArgs, Globals};
use crate::evidence::read_whole;
use crate::failure::Failure;
use crate::git;
use crate::output::{CARE, Output, table};

/// As the server has it for the longest kind.
const DOCUMENT_BYTES_MAX: u64 = 16 << 20;

/// A change and the releases that carry it, as the server shows it.
#[derive(Debug, Serialize, Deserialize)]
struct ChangeShown {
    #[serde(flatten)]
    change: Change,
    checklist: Vec<CheckBox>,
    releases: Vec<ReleaseId>,
}

pub fn change(globals: &Globals, verb: ChangeVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        ChangeVerb::Add(args) => add(globals, *args, output),
        ChangeVerb::List(list) => {
            let changes: Vec<Change> =
                ApiClient::new(globals)?.get(&format!("/api/v1/changes?limit={}", list.limit))?;
            output.data(&changes, |changes| listed(changes))
        }
        ChangeVerb::Attach { id, kind, file } => {
            let bytes = read_whole(&file, DOCUMENT_BYTES_MAX)?;
            let attached = attach(&ApiClient::new(globals)?, &id, kind, bytes)?;
            output.data(&attached, |attached| format!("{}\n", attached.document))?;
            output.say(&format!("Attached the {kind} as log entry {}", attached.entry));
            Ok(())
        }
        ChangeVerb::Attest(args) => attest(globals, &args, output),
        ChangeVerb::Follow(args) => follow(globals, &args, output),
        ChangeVerb::Dossier { id, html } => dossier(globals, &id, html.as_deref(), output),
        ChangeVerb::Document { id, kind } => {
            let path = format!("/api/v1/changes/{id}/documents/{kind}");
            let bytes = ApiClient::new(globals)?.get_bytes(&path)?;
            output.text(&String::from_utf8_lossy(&bytes))
        }
        ChangeVerb::Show { id } => {
            let shown: ChangeShown = ApiClient::new(globals)?.get(&format!("/api/v1/changes/{id}"))?;
            output.data(&shown, described)
        }
    }
}

fn dossier(globals: &Globals, id: &ChangeId, html: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    let path = format!("/api/v1/changes/{id}/dossier");
    if let Some(file) = html {
        let page = client.get_bytes(&format!("{path}?format=html"))?;
        std::fs::write(file, &page).with_context(|| format!("cannot write `{}`", file.display()))?;
        return output.line(
            &serde_json::json!({ "written": file, "bytes": page.len() }),
            &format!(
                "Wrote `{}`: open it in a browser; it verifies its proofs by itself",
                file.display()
            ),
        );
    }
    if output.json {
        return output.json_text(&client.get::<serde_json::Value>(&path)?);
    }
    let text = client.get_bytes(&format!("{path}?format=markdown"))?;
    output.text(&String::from_utf8_lossy(&text))
}

fn add(globals: &Globals, args: ChangeAddArgs, output: &Output) -> Result<(), Failure> {
    // Read before anything is recorded: a change without a document that was asked for helps nobody.
    let mut documents = said(&args)?;
    let spec = complete(args, Path::new("."))?;
    let problems = spec.problems();
    if !problems.is_empty() {
        return Err(Failure::refused("the change is not complete").details(problems));
    }
    documents.extend(measured(Path::new("."), &spec)?);
    let client = ApiClient::new(globals)?;
    let change: Change = client.post("/api/v1/changes", &spec)?;
    output.data(&change, |change| format!("{}\n", change.id))?;
    output.say(&format!(
        "Recorded `{}` as log entry {}",
        change.spec.title, change.entry
    ));
    for (kind, bytes) in documents {
        match attach(&client, &change.id, kind, bytes) {
            Ok(_) => {}
            // An agent may propose a change, and not measure it.
            Err(Failure::Refused(problem)) if problem.status == 403 => {
                let care = format!(
                    "{CARE}care{CARE:#}: the {kind} was not attached: {}",
                    problem.title
                );
                output.say(&care);
                output.say(&format!("  {}", problem.hint.unwrap_or_else(String::new)));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

fn attach(
    client: &ApiClient,
    change: &ChangeId,
    kind: DocumentKind,
    bytes: Vec<u8>,
) -> Result<ChangeDocument, Failure> {
    let path = format!("/api/v1/changes/{change}/documents/{kind}");
    client.send_bytes(http::Method::PUT, &path, bytes)
}

fn attest(globals: &Globals, args: &AttestArgs, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    let path = format!("/api/v1/changes/{}/attestations", args.id);
    let mut given = Vec::with_capacity(args.questions.len());
    for question in &args.questions {
        let said = AttestationSpec {
            question: *question,
            answer: if args.yes { Answer::Yes } else { Answer::No },
            reason: args.reason.clone(),
        };
        let attestation: Attestation = client.post(&path, &said)?;
        output.say(&format!("Recorded as log entry {}", attestation.entry));
        given.push(attestation);
    }
    output.data(&given, |given| {
        given
            .iter()
            .map(|one| format!("{}: {}, says {}\n", one.said.question, one.said.answer, one.by))
            .collect()
    })
}

/// Looks in the repository here whether what was approved is what is merged.
fn follow(globals: &Globals, args: &FollowArgs, output: &Output) -> Result<(), Failure> {
    let client = ApiClient::new(globals)?;
    let known: Change = client.get(&format!("/api/v1/changes/{}", args.id))?;
    let folder = Path::new(".");
    let Some(moved) = moved(&known, folder, &args.onto, args.branch.as_deref())? else {
        let said = format!("{} merges as it was recorded", known.id);
        return output.line(&serde_json::json!({ "change": known.id, "moved": false }), &said);
    };
    let recent: Vec<Change> = client.get("/api/v1/changes?limit=200")?;
    let again = match recent.into_iter().find(|change| change.spec == moved) {
        Some(again) => again,
        None => {
            let documents = measured(folder, &moved)?;
            let again: Change = client.post("/api/v1/changes", &moved)?;
            for (kind, bytes) in documents {
                attach(&client, &again.id, kind, bytes)?;
            }
            again
        }
    };
    let what = if again.spec.head == known.spec.head {
        "its base moved, and it merges to another tree"
    } else {
        "its branch is at another head"
    };
    Err(
        Failure::refused(format!("{} is not what was recorded: {what}", known.id)).hint(format!(
            "it is recorded anew as {}; approvals of {} are void: release and approve it again",
            again.id, known.id
        )),
    )
}

/// The change as it is in the repository, where that is not what is known of it.
fn moved(
    known: &Change,
    folder: &Path,
    onto: &str,
    branch: Option<&str>,
) -> Result<Option<ChangeSpec>, Failure> {
    let spec = &known.spec;
    let onto = git::commit(folder, onto)?;
    if git::is_ancestor(folder, &spec.head, &onto)? {
        // It is merged: the base moves on with it.
        return Ok(None);
    }
    let head = match branch {
        Some(branch) => git::commit(folder, branch)?,
        None => git::commit(folder, &spec.head)?,
    };
    let merge_tree = git::merge_tree(folder, &onto, &head);
    let same_merge = match (&spec.merge_tree, &merge_tree) {
        (Some(before), Some(after)) => before == after,
        (None, _) | (_, None) => onto == spec.base,
    };
    if head == spec.head && same_merge {
        return Ok(None);
    }
    let mut moved = spec.clone();
    if head != spec.head {
        moved.title = git::title(folder, &head)?;
        moved.author = git::author(folder, &head)?;
        moved.co_authors = git::co_authors(folder, &onto, &head, &moved.author)?;
        // Whoever had a hand in what was there before has one in what was made of it.
        let before = std::iter::once(&spec.author).chain(&spec.co_authors);
        let others: Vec<String> = before
            .filter(|name| **name != moved.author && !moved.co_authors.contains(name))
            .cloned()
            .collect();
        moved.co_authors.extend(others);
        moved.instead_of = Some(known.id.clone());
    }
    moved.base = onto;
    moved.head = head;
    moved.merge_tree = merge_tree;
    Ok(Some(moved))
}

/// The documents that were named on the command line.
fn said(args: &ChangeAddArgs) -> Result<Vec<(DocumentKind, Vec<u8>)>, Failure> {
    let named = [
        (DocumentKind::Intent, &args.intent),
        (DocumentKind::Prompts, &args.prompts),
        (DocumentKind::Risk, &args.risk),
        (DocumentKind::Recovery, &args.recovery),
    ];
    let files = named
        .into_iter()
        .filter_map(|(kind, file)| file.as_ref().map(|file| (kind, file)));
    files
        .map(|(kind, file)| Ok((kind, read_whole(file, DOCUMENT_BYTES_MAX)?)))
        .collect()
}

/// The diff and the history of what it touches, where both commits are in a repository here.
fn measured(folder: &Path, spec: &ChangeSpec) -> Result<Vec<(DocumentKind, Vec<u8>)>, Failure> {
    if !git::is_repository(folder) || git::commit(folder, &spec.base).is_err() {
        return Ok(Vec::new());
    }
    let diff = git::diff(folder, &spec.base, &spec.head)?;
    let history = git::history(folder, &spec.base, &spec.head)?;
    let history = serde_json::to_vec(&history).context("cannot write JSON")?;
    Ok(vec![(DocumentKind::Diff, diff), (DocumentKind::History, history)])
}

/// Fills in from git what was not said.
fn complete(args: ChangeAddArgs, folder: &Path) -> Result<ChangeSpec, Failure> {
    let in_git = git::is_repository(folder);
    let missing = |what: &str| {
        Failure::refused(format!("`--{what}` is missing"))
            .hint("give it, or run the command in the git repository of the change")
    };
    let head = match (args.head, in_git) {
        (Some(head), false) => head,
        (Some(head), true) => git::commit(folder, &head)?,
        (None, true) => git::commit(folder, "HEAD")?,
        (None, false) => return Err(missing("head")),
    };
    let base = match (args.base, in_git) {
        (Some(base), false) => base,
        (Some(base), true) => git::commit(folder, &base)?,
        (None, true) => git::commit(folder, &format!("{head}^")).context("the base is not known")?,
        (None, false) => return Err(missing("base")),
    };
    let title = match args.title {
        Some(title) => title,
        None if in_git => git::title(folder, &head)?,
        None => return Err(missing("title")),
    };
    let author = match args.author {
        Some(author) => author,
        None if in_git => git::author(folder, &head)?,
        None => return Err(missing("author")),
    };
    let co_authors = if args.co_authors.is_empty() && in_git {
        git::co_authors(folder, &base, &head, &author)?
    } else {
        args.co_authors
    };
    let repository = args
        .repository
        .or_else(|| if in_git { git::repository(folder) } else { None });
    let merge_tree = if in_git {
        git::merge_tree(folder, &base, &head)
    } else {
        None
    };
    Ok(ChangeSpec {
        service: args.service,
        title,
        repository,
        base,
        head,
        merge_tree,
        author,
        co_authors,
        prompter: args.prompter,
        ai_tool: args.ai_tool,
        ai_tool_version: args.ai_tool_version,
        instead_of: args.instead_of,
    })
}

fn listed(changes: &[Change]) -> String {
    let rows: Vec<Vec<String>> = changes
        .iter()
        .map(|change| {
            let tool = change.spec.ai_tool.clone().unwrap_or_else(|| "-".to_owned());
            vec![
                change.id.to_string(),
                change.spec.service.to_string(),
                change.spec.head.chars().take(12).collect(),
                tool,
                change.spec.title.clone(),
            ]
        })
        .collect();
    table(&["CHANGE", "SERVICE", "HEAD", "AI TOOL", "TITLE"], &rows)
}

fn described(shown: &ChangeShown) -> String {
    let change = &shown.change;
    let spec = &change.spec;
    let none = || "-".to_owned();
    let releases: Vec<String> = shown.releases.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        ("change", change.id.to_string()),
        ("service", spec.service.to_string()),
        ("title", spec.title.clone()),
        ("repository", spec.repository.clone().unwrap_or_else(none)),
        ("base", spec.base.clone()),
        ("head", spec.head.clone()),
        ("author", spec.author.clone()),
        ("co-authors", spec.co_authors.join(", ")),
        ("prompter", spec.prompter.clone().unwrap_or_else(none)),
        ("AI tool", spec.ai_tool.clone().unwrap_or_else(none)),
        ("version", spec.ai_tool_version.clone().unwrap_or_else(none)),
        (
            "recorded",
            format!("{} as log entry {}", change.recorded_at, change.entry),
        ),
        ("releases", releases.join(", ")),
    ];
    let boxes = shown.checklist.iter().filter(|one| one.question.is_some());
    lines.extend(boxes.map(|one| {
        let mark = match one.state {
            BoxState::Done => "[x]",
            BoxState::Open | BoxState::Unknown => "[ ]",
        };
        ("box", format!("{mark} {} — {}", one.text, one.why))
    }));
    lines
        .iter()
        .map(|(key, value)| format!("{key:<11} {}\n", if value.is_empty() { "-" } else { value }))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_not_said_comes_from_git() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| git::git(folder.path(), arguments).unwrap();
        git(&["init", "--quiet"]);
        git(&["config", "user.name", "Ann Author"]);
        git(&["config", "user.email", "ann@example.org"]);
        git(&[
            "remote",
            "add",
            "origin",
            "https://bot:secret@example.org/shop.git",
        ]);
        git(&["commit", "--quiet", "--allow-empty", "-m", "first"]);
        let text =
            "Charge once\n\nCo-authored-by: Bot <bot@example.org>\nCo-authored-by: Kim <kim@example.org>";
        git(&["commit", "--quiet", "--allow-empty", "-m", text]);
        let spec = complete(arguments(), folder.path()).unwrap();
        assert_eq!(spec.problems(), Vec::<String>::new());
        assert_eq!(spec.title, "Charge once");
        assert_eq!(spec.author, "Ann Author <ann@example.org>");
        assert_eq!(
            spec.co_authors,
            ["Bot <bot@example.org>", "Kim <kim@example.org>"]
        );
        assert_eq!(spec.repository.unwrap(), "https://example.org/shop.git");
        assert_eq!(
            (spec.base, spec.head),
            (git(&["rev-parse", "HEAD^"]), git(&["rev-parse", "HEAD"]))
        );
    }

    #[test]
    fn outside_a_repository_everything_must_be_said() {
        let folder = tempfile::tempdir().unwrap();
        let Failure::Refused(problem) = complete(arguments(), folder.path()).unwrap_err() else {
            panic!()
        };
        assert_eq!(problem.title, "`--head` is missing");
    }

    fn arguments() -> ChangeAddArgs {
        ChangeAddArgs {
            service: "shop".parse().unwrap(),
            title: None,
            base: None,
            head: None,
            author: None,
            co_authors: Vec::new(),
            prompter: None,
            ai_tool: None,
            ai_tool_version: None,
            repository: None,
            instead_of: None,
            intent: None,
            prompts: None,
            risk: None,
            recovery: None,
        }
    }
}
