//! `safeguard change …`

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use safeguard_api::checklist::Question;
use safeguard_api::{ChangeId, DocumentKind, Name};

use super::ListArgs;

#[derive(Debug, Subcommand)]
pub enum ChangeVerb {
    /// Record a change
    #[command(
        after_help = "In a git repository base, head, title, author and co-authors are taken from HEAD and its first parent
unless they are given.

Example:
  safeguard change add --service shop --prompter \"Kim Doe\" --ai-tool claude-code --ai-tool-version 2.1.300"
    )]
    Add(Box<ChangeAddArgs>),
    /// List changes, the newest first
    List(ListArgs),
    /// Show a change and the releases that carry it
    Show { id: ChangeId },
    /// Attach a document; a later one of the same kind takes its place
    #[command(after_help = "Example:
  safeguard change attach chg_01jb… recovery docs/recovery.md")]
    Attach {
        id: ChangeId,
        /// diff, history, intent, prompts, risk or recovery
        kind: DocumentKind,
        /// The file; `-` is standard input
        file: PathBuf,
    },
    /// Answer boxes of the checklist that nothing here can tell; a later answer takes an earlier one's place
    #[command(
        after_help = "Boxes: credentials, freeze, deletions, flag, on-call. `safeguard change show CHANGE` says which wait for a person.

Example:
  safeguard change attest chg_01jb… flag on-call --yes --reason \"flag new-tax; Kim until Friday\""
    )]
    Attest(AttestArgs),
    /// Record the change anew where its branch or its base moved, so that nobody's approval speaks of what is gone
    #[command(
        after_help = "Run it in the git repository of the change, after a fetch: in the pipeline of the base branch, and of the change's own.

Exit codes: 0 it is as it was recorded, 1 it moved and was recorded anew, 2 could not decide.

Example:
  safeguard change follow chg_01jb… --onto origin/main --branch origin/new-tax"
    )]
    Follow(FollowArgs),
    /// Write the dossier: what the change is for, what was shown about it, who agreed, and how to go back
    #[command(after_help = "Examples:
  safeguard change dossier chg_01jb…                         Markdown on stdout
  safeguard change dossier chg_01jb… --html dossier.html     one page that verifies its own proofs, with no network")]
    Dossier {
        id: ChangeId,
        /// Write the page here rather than Markdown to stdout
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Print a document of a change
    Document { id: ChangeId, kind: DocumentKind },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("answer").required(true))]
pub struct AttestArgs {
    pub id: ChangeId,
    #[arg(value_name = "BOX", required = true)]
    pub questions: Vec<Question>,
    /// It is so
    #[arg(long, group = "answer")]
    pub yes: bool,
    /// It is not so: nobody can approve the release
    #[arg(long, group = "answer")]
    pub no: bool,
    /// How you know it
    #[arg(long)]
    pub reason: String,
}

#[derive(Debug, Args)]
pub struct FollowArgs {
    pub id: ChangeId,
    /// What it is, or will be, merged onto
    #[arg(long, value_name = "COMMIT")]
    pub onto: String,
    /// Its own branch, where it is not merged yet
    #[arg(long, value_name = "COMMIT")]
    pub branch: Option<String>,
}

#[derive(Debug, Args)]
pub struct ChangeAddArgs {
    /// The service whose code changed
    #[arg(long)]
    pub service: Name,
    /// One line: what the change does
    #[arg(long)]
    pub title: Option<String>,
    /// The commit that was merged onto
    #[arg(long, value_name = "COMMIT")]
    pub base: Option<String>,
    /// The commit that was merged
    #[arg(long, value_name = "COMMIT")]
    pub head: Option<String>,
    /// Who is named as author
    #[arg(long, value_name = "PERSON")]
    pub author: Option<String>,
    /// Anyone else named on the commits; may be given again
    #[arg(long = "co-author", value_name = "PERSON")]
    pub co_authors: Vec<String>,
    /// The person who asked the AI tool for the change
    #[arg(long, value_name = "PERSON")]
    pub prompter: Option<String>,
    /// The AI tool that wrote it, if one did
    #[arg(long, value_name = "TOOL")]
    pub ai_tool: Option<String>,
    #[arg(long, value_name = "VERSION", requires = "ai_tool")]
    pub ai_tool_version: Option<String>,
    /// Where the code lives, such as a repository's address
    #[arg(long, value_name = "ADDRESS")]
    pub repository: Option<String>,
    /// The change whose place it takes, since its branch was pushed anew: approvals of that one become void
    #[arg(long, value_name = "CHANGE")]
    pub instead_of: Option<ChangeId>,
    /// What the change is for: a Markdown file
    #[arg(long, value_name = "FILE")]
    pub intent: Option<PathBuf>,
    /// What was said to the AI tool: a transcript
    #[arg(long, value_name = "FILE")]
    pub prompts: Option<PathBuf>,
    /// What may go wrong: a Markdown file
    #[arg(long, value_name = "FILE")]
    pub risk: Option<PathBuf>,
    /// How to go back: a Markdown file with steps
    #[arg(long, value_name = "FILE")]
    pub recovery: Option<PathBuf>,
}
