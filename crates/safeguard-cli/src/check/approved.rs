//! Comments that would let critical findings pass: each counts once somebody else than the change's author signed it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use safeguard_api::config::Approver;
use safeguard_api::suppression::{
    APPROVALS_FILE, APPROVALS_FILE_BYTES_MAX, SUPPRESSION_API, SuppressionStatement,
};
use safeguard_gate::approval::{SuppressionError, suppression_approver, taken_for};
use safeguard_scan::change::Unread;
use safeguard_scan::finding::Finding;
use safeguard_scan::suppression::{Approved, Suppression};
use serde::Deserialize;

use super::files::{Selection, Side};
use super::{CheckArgs, Checked};
use crate::failure::Failure;
use crate::git;

/// Who may approve is read from here, as it was before the change.
const CONFIG: &str = "safeguard.toml";

/// What has to be signed for a comment to count.
pub fn statement(finding: &Finding, by: &Suppression) -> SuppressionStatement {
    SuppressionStatement {
        api: SUPPRESSION_API.to_owned(),
        finding: finding.identity.clone(),
        rule: finding.rule.clone(),
        reason: by.reason.clone(),
        owner: by.owner.clone(),
        until: by.last_day(),
    }
}

/// Lets pass what was approved, and says of the rest what stands against it.
pub fn settle(checked: &mut Checked, args: &CheckArgs) -> Result<(), Failure> {
    if checked
        .report
        .findings
        .iter()
        .all(|judged| judged.asked.is_none())
    {
        return Ok(());
    }
    let selection = &checked.selection;
    let (lines, unread) = signed(selection, args)?;
    checked.report.unread.extend(unread);
    let approvers = approvers(selection, args)?;
    // Each approval lets one finding pass: a twin of its code somewhere else asks for its own.
    let mut used: BTreeSet<usize> = BTreeSet::new();
    for judged in &mut checked.report.findings {
        let Some(asked) = &mut judged.asked else {
            continue;
        };
        let approvers = match &approvers {
            Ok(approvers) => approvers,
            Err(why) => {
                asked.why.clone_from(why);
                continue;
            }
        };
        let statement = statement(&judged.finding, &asked.suppression);
        let authors = authors(selection, &judged.finding.path)?;
        let hands = |approver: &Approver| match &authors {
            Some(authors) => hands_in(approver, authors),
            None => vec![
                "whose change it is can not be told: neither its commits nor `user.email` of git say so"
                    .to_owned(),
            ],
        };
        // Several may have signed it, each in vain for a reason of its own.
        let mut whys: BTreeSet<String> = BTreeSet::new();
        for (at, line) in lines
            .iter()
            .enumerate()
            .filter(|(at, _)| !used.contains(at))
            .collect::<Vec<_>>()
        {
            match suppression_approver(&statement, line, approvers, &[], hands) {
                Ok(approver) => {
                    used.insert(at);
                    let mut suppression = asked.suppression.clone();
                    suppression.approved = Some(Approved {
                        person: approver.person.clone(),
                        line: line.clone(),
                    });
                    judged.suppressed = Some(suppression);
                    judged.asked = None;
                    break;
                }
                Err(SuppressionError::Another) => {}
                Err(why) => {
                    whys.insert(why.to_string());
                    asked.why = whys.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
                }
            }
        }
    }
    Ok(())
}

fn hands_in(approver: &Approver, authors: &[String]) -> Vec<String> {
    let hand = |name: &String| {
        let how = taken_for(name, approver)?;
        Some(format!("{name} is its author or a co-author ({how})"))
    };
    authors.iter().filter_map(hand).collect()
}

/// The lines that people signed: of the repository's own file as it is, since nobody can alter them, and of those that were named.
fn signed(selection: &Selection, args: &CheckArgs) -> Result<(Vec<String>, Vec<Unread>), Failure> {
    let mut texts = Vec::new();
    if let Some(root) = &selection.root {
        let own = match &selection.side {
            Side::Commit(commit) => {
                git::git(root, &["cat-file", "blob", &format!("{commit}:{APPROVALS_FILE}")]).ok()
            }
            Side::Folder | Side::WorkingTree | Side::Index => match root.join(APPROVALS_FILE) {
                file if file.is_file() => Some(read(&file)?),
                _ => None,
            },
        };
        texts.extend(own.map(|text| (APPROVALS_FILE.to_owned(), text)));
    }
    for file in &args.approvals {
        texts.push((file.display().to_string(), read(file)?));
    }
    let mut lines = Vec::new();
    let mut unread = Vec::new();
    for (path, text) in texts {
        for (at, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
        {
            match serde_json::from_str::<safeguard_api::approval::SignedStatement>(line) {
                Ok(_) => lines.push(line.to_owned()),
                Err(_) => unread.push(Unread {
                    path: path.clone(),
                    why: format!("line {} is no signed approval", at + 1),
                }),
            }
        }
    }
    // The same line in two files is one approval.
    lines.sort();
    lines.dedup();
    Ok((lines, unread))
}

fn read(file: &Path) -> Result<String, Failure> {
    let shown = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read `{shown}`"))?;
    if bytes.len() > APPROVALS_FILE_BYTES_MAX {
        return Err(Failure::undecided(format!(
            "`{shown}` has {} bytes (limit {APPROVALS_FILE_BYTES_MAX})",
            bytes.len()
        )));
    }
    String::from_utf8(bytes).map_err(|_| Failure::undecided(format!("`{shown}` is not UTF-8")))
}

/// Who may approve; else why nobody can. Whom the change itself names does not count for it.
fn approvers(selection: &Selection, args: &CheckArgs) -> Result<Result<Vec<Approver>, String>, Failure> {
    let (name, text) = match (&args.approvers, &selection.root, &selection.base) {
        (Some(file), _, _) => (file.display().to_string(), Some(read(file)?)),
        (None, Some(root), Some(base)) => {
            let was = git::git(root, &["cat-file", "blob", &format!("{base}:{CONFIG}")]);
            (format!("{CONFIG} as it was before the change"), was.ok())
        }
        (None, Some(root), None) => {
            let file = root.join(CONFIG);
            let text = if file.is_file() { Some(read(&file)?) } else { None };
            (CONFIG.to_owned(), text)
        }
        (None, None, _) => (CONFIG.to_owned(), None),
    };
    let Some(text) = text else {
        return Ok(Err(format!("there is no {name} that names `[[approvers]]`")));
    };
    Ok(match toml::from_str::<Named>(&text) {
        Ok(named) if named.approvers.is_empty() => Err(format!("{name} names no `[[approvers]]`")),
        Ok(named) => Ok(named.approvers),
        Err(error) => Err(format!("{name} can not be used: {}", error.message())),
    })
}

/// What matters here of a configuration, which may have no service yet.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    approvers: Vec<Approver>,
}

/// Everyone with a hand in the change: between its beginning and its end, and whoever changes the working tree at this moment. Where
/// everything is looked at as if it were new, everyone who ever changed the file. None, where somebody is not known.
fn authors(selection: &Selection, path: &str) -> Result<Option<Vec<String>>, Failure> {
    let Some(root) = &selection.root else {
        return Ok(None);
    };
    let head = match &selection.side {
        Side::Folder => return Ok(None),
        Side::Commit(commit) => commit.as_str(),
        Side::WorkingTree | Side::Index => "HEAD",
    };
    let mut authors = match &selection.base {
        Some(base) => git::co_authors(root, base, head, "")?,
        None => {
            let told = git::git(
                root,
                &["log", "--format=%an <%ae>", "--end-of-options", head, "--", path],
            )?;
            told.lines().map(str::to_owned).collect()
        }
    };
    if matches!(selection.side, Side::WorkingTree | Side::Index) && is_being_changed(root)? {
        // `Name <address> seconds zone`
        let own = git::git(root, &["var", "GIT_AUTHOR_IDENT"]).ok();
        match own.as_deref().and_then(|own| own.rsplit_once('>')) {
            Some((own, _)) => authors.push(format!("{own}>")),
            None => return Ok(None),
        }
    }
    Ok((!authors.is_empty()).then_some(authors))
}

/// Whether something lies in the working tree that no commit has, but approvals.
fn is_being_changed(root: &Path) -> anyhow::Result<bool> {
    let others = format!(":(exclude){APPROVALS_FILE}");
    Ok(!git::git(root, &["status", "--porcelain", "--", ".", &others])?.is_empty())
}
