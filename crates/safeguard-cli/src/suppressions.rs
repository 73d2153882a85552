//! `safeguard suppression …`: a comment that would let a critical finding pass, signed by somebody else than its author.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use safeguard_api::approval::Signable;
use safeguard_api::suppression::APPROVALS_FILE;
use safeguard_scan::change::{Asked, Judged};
use serde::Serialize;

use crate::args::KeyArgs;
use crate::check::{self, CheckArgs};
use crate::failure::Failure;
use crate::output::{CARE, Output, table};
use crate::signing::{agreed, printable, sign};

#[derive(Debug, Subcommand)]
pub enum SuppressionVerb {
    /// Sign that the comment at a critical finding may let it pass, until the day that it names
    #[command(
        after_help = "What is signed names the finding by its code, and each word of the comment; it ends with the comment's own day.
Who may sign is said by `[[approvers]]` in `safeguard.toml` as it was before the change; nobody signs for a change of their own.

Examples:
  safeguard suppression approve 3f2a9c81d0e4
  safeguard suppression approve 3f2a9c81d0e4 --base origin/main --key ~/.ssh/id_ed25519_sk"
    )]
    Approve(Box<ApproveArgs>),
    /// List the comments of a change that ask for an approval, or have one
    List(Box<CheckArgs>),
}

#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The beginning of the finding's identity, as `safeguard check` shows it
    pub finding: String,
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Write what is signed at the end of this file; unsaid: the repository's `safeguard-approvals.jsonl`
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Sign without asking, as you have read the finding already
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub check: CheckArgs,
}

#[derive(Serialize)]
struct Listed {
    finding: String,
    path: String,
    line: usize,
    rule: String,
    until: String,
    stands: String,
}

pub fn suppression(verb: SuppressionVerb, output: &Output) -> Result<(), Failure> {
    let folder = std::env::current_dir().context("cannot tell the current folder")?;
    match verb {
        SuppressionVerb::Approve(args) => {
            let checked = check::look_at(&folder, &args.check, output)?;
            let (judged, asked) = meant(&checked.report.findings, &args.finding)?;
            output.say(&format!(
                "{CARE}lets pass{CARE:#} {}",
                printable(&shown(judged, asked))
            ));
            agreed("Let the comment count?", "approve", args.yes)?;
            let statement = check::statement(&judged.finding, &asked.suppression);
            let text = String::from_utf8(statement.bytes()).context("a statement is text")?;
            let signed = sign(&text, &args.keys)?;
            let mut line = serde_json::to_string(&signed).context("cannot write JSON")?;
            line.push('\n');
            let own = || {
                checked
                    .selection
                    .root
                    .clone()
                    .unwrap_or(folder)
                    .join(APPROVALS_FILE)
            };
            let file = args.to.unwrap_or_else(own);
            let about = || format!("cannot write `{}`", file.display());
            let mut opened = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&file)
                .with_context(about)?;
            opened.write_all(line.as_bytes()).with_context(about)?;
            output.say(&format!(
                "Written to `{}`: commit it, or give it to `safeguard check --approvals`",
                file.display()
            ));
            output.text(&line)
        }
        SuppressionVerb::List(args) => {
            let checked = check::look_at(&folder, &args, output)?;
            let listed: Vec<Listed> = checked.report.findings.iter().filter_map(listed).collect();
            output.data(&listed, |listed| {
                let row = |one: &Listed| {
                    vec![
                        one.finding.get(..12).unwrap_or_default().to_owned(),
                        format!("{}:{}", one.path, one.line),
                        one.rule.clone(),
                        one.until.clone(),
                        one.stands.clone(),
                    ]
                };
                let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
                printable(&table(&["FINDING", "PLACE", "RULE", "UNTIL", "STANDS"], &rows))
            })
        }
    }
}

/// The one finding with this beginning that a comment asks for.
fn meant<'j>(findings: &'j [Judged], wanted: &str) -> Result<(&'j Judged, &'j Asked), Failure> {
    const LETTERS_MIN: usize = 8;
    let asks = || {
        let all = findings.iter();
        all.filter_map(|judged| Some((judged, judged.asked.as_ref()?)))
    };
    let mut found = asks()
        .filter(|(judged, _)| wanted.len() >= LETTERS_MIN && judged.finding.identity.starts_with(wanted));
    match found.next() {
        Some(one) => Ok(one),
        None => Err(Failure::refused(format!(
            "no comment of this change asks for an approval of `{wanted}` ({} ask for one)",
            asks().count()
        ))
        .hint("`safeguard suppression list` shows them; give at least eight letters")),
    }
}

fn shown(judged: &Judged, asked: &Asked) -> String {
    let (finding, by) = (&judged.finding, &asked.suppression);
    format!(
        "{} [{}] at {}:{}\n  {}\n  until    {}\n  because  {}\n  owner    {}\n  finding  {}",
        finding.severity,
        finding.rule,
        finding.path,
        finding.place.line,
        finding.message,
        by.last_day(),
        by.reason,
        by.owner,
        finding.identity
    )
}

fn listed(judged: &Judged) -> Option<Listed> {
    let approved = judged
        .suppressed
        .as_ref()
        .and_then(|by| Some((by, by.approved.as_ref()?)));
    let (by, stands) = match (approved, &judged.asked) {
        (Some((by, approved)), _) => (by, format!("approved by {}", approved.person)),
        (None, Some(asked)) => (&asked.suppression, asked.why.clone()),
        (None, None) => return None,
    };
    Some(Listed {
        finding: judged.finding.identity.clone(),
        path: judged.finding.path.clone(),
        line: judged.finding.place.line,
        rule: judged.finding.rule.clone(),
        until: by.last_day(),
        stands,
    })
}
