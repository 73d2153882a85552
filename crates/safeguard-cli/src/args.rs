//! What can be typed. The reference page is generated from here.

mod bisect;
mod changes;
mod evidence;
mod people;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use safeguard_api::{ChangeId, Digest, Name, ReleaseId, Span};

use crate::agent::{AgentVerb, HookArgs};
pub use bisect::BisectArgs;
pub use changes::{AttestArgs, ChangeAddArgs, ChangeVerb, FollowArgs};
pub use evidence::{EvidenceAddArgs, EvidenceQueryArgs, EvidenceVerb, GateVerb};
pub use people::{ApprovalVerb, ApproveArgs, BreakglassVerb, KeyArgs, PasskeyVerb, PolicyVerb, WaiverVerb};

/// Stands between AI-written code and production.
///
/// A release walks from dev through QA and staging into the canary and to production, and comes back by itself when
/// it is bad.
#[derive(Debug, Parser)]
#[command(
    name = "safeguard",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
#[command(after_help = "Exit codes: 0 allowed, 1 refused, 2 could not decide.

Examples:
  safeguard check                                  what does this branch bring?
  safeguard init                                   write a commented safeguard.toml
  safeguard up                                     serve it; Ctrl-C ends it
  safeguard change add --service shop --prompter \"Kim Doe\" --ai-tool claude-code
  safeguard release create --service shop --version 1.4.2 --artifact target/release/shop --change chg_…
  safeguard rollout watch rel_…
  safeguard release rollback rel_…                 no reason needed, never refused")]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What was typed. The hook comes before each call of an agent, and half of its time would go into making the table of all
    /// commands: what is plainly a call of it is read by a table of its own, and all else, help and errors included, by the whole one.
    pub fn typed() -> Cli {
        let words: Vec<OsString> = std::env::args_os().collect();
        Cli::of_hook(&words).unwrap_or_else(|| Cli::parse_from(words))
    }

    fn of_hook(words: &[OsString]) -> Option<Cli> {
        let (program, rest) = words.split_first()?;
        let rest = rest.strip_prefix(&["agent".into(), "hook".into()])?;
        let call = HookCall::try_parse_from(std::iter::once(program).chain(rest)).ok()?;
        Some(Cli {
            globals: call.globals,
            command: Command::Agent {
                verb: AgentVerb::Hook(call.args),
            },
        })
    }
}

/// What may stand behind `safeguard agent hook`.
#[derive(Debug, Parser)]
struct HookCall {
    #[command(flatten)]
    globals: Globals,
    #[command(flatten)]
    args: HookArgs,
}

#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Print JSON on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// The configuration
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "SAFEGUARD_CONFIG",
        default_value = "safeguard.toml",
        hide_env_values = true
    )]
    pub config: PathBuf,
    /// Where `safeguard up` keeps its database, artifacts and keys
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "SAFEGUARD_STATE",
        default_value = ".safeguard",
        hide_env_values = true
    )]
    pub state: PathBuf,
    /// The address of the server, such as http://127.0.0.1:7400; unsaid: the one that runs on the state folder
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SAFEGUARD_SERVER",
        hide_env_values = true
    )]
    pub server: Option<String>,
    /// A file with the access token; unsaid: SAFEGUARD_TOKEN, then `admin.token` in the state folder
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "SAFEGUARD_TOKEN_FILE",
        hide_env_values = true
    )]
    pub token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented safeguard.toml that starts in observe mode
    #[command(after_help = "Example:
  safeguard init --service shop --command bin/shop --port 8080")]
    Init(crate::init::InitArgs),
    /// Run everything: server, router and the services' processes
    #[command(after_help = "Example:
  safeguard up --config safeguard.toml --state .safeguard

It prints what listens where and a login link for the status page that works once. Ctrl-C or SIGTERM ends it.")]
    Up,
    /// Show services, releases, freezes and processes
    Status,
    /// Check the configuration, the machine and the installation, and say what mends each fault
    Doctor,
    /// Look at what this branch changes, before anything runs
    #[command(after_help = "Exit codes: 0 passes, 1 refused, 2 could not decide.

Examples:
  safeguard check                                  the working tree, with where the branch left main
  safeguard check --staged                         what the next commit would bring
  safeguard check --range v1.4.0..v1.5.0 --format sarif --output check.sarif
  safeguard check --install-hook                   before each commit")]
    Check(Box<crate::check::CheckArgs>),
    /// Run what changed: do the tests notice when it is broken, and which results are others than before
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Verify {
        #[command(subcommand)]
        verb: crate::verify::VerifyVerb,
    },
    /// See what is looked for, and try rules of your own
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Rules {
        #[command(subcommand)]
        verb: crate::rules::RulesVerb,
    },
    /// Keep the database of known vulnerabilities
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Osv {
        #[command(subcommand)]
        verb: crate::osv::OsvVerb,
    },
    /// Write what a project is made of, from its lock files
    Sbom(crate::sbom::SbomArgs),
    /// Record changes: what was merged, by whom, with which AI tool
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Change {
        #[command(subcommand)]
        verb: ChangeVerb,
    },
    /// Add what tools found out: scanners, tests, coverage, load, components
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Evidence {
        #[command(subcommand)]
        verb: EvidenceVerb,
    },
    /// See what the gates say of a release, with every figure
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Gate {
        #[command(subcommand)]
        verb: GateVerb,
    },
    /// Create releases and command them
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Release {
        #[command(subcommand)]
        verb: ReleaseVerb,
    },
    /// Look at the dossier of a release, and sign what you think of it
    #[command(
        after_help = "The statement is signed by `ssh-keygen -Y sign`, so that keys in files, in the agent and in hardware work alike.
What is signed names the release, its artifact, commits, documents and evidence, both policies and the dossier as it is shown;
when one of them changes the signature is void.

Examples:
  safeguard approve rel_01jb…
  safeguard approve rel_01jb… --key ~/.ssh/id_ed25519_sk
  safeguard approve rel_01jb… --reject --reason \"the refund path has no test\""
    )]
    Approve(Box<ApproveArgs>),
    /// Show who approved a release, and who can
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Approval {
        #[command(subcommand)]
        verb: ApprovalVerb,
    },
    /// Passkeys of approvers, which sign in a browser
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Passkey {
        #[command(subcommand)]
        verb: PasskeyVerb,
    },
    /// Let a comment in the source count against a critical finding: somebody else than its author signs it
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Suppression {
        #[command(subcommand)]
        verb: crate::suppressions::SuppressionVerb,
    },
    /// Set a gate aside for a release: two people, a reason and an expiry
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Waiver {
        #[command(subcommand)]
        verb: WaiverVerb,
    },
    /// Let a release move through a freeze: two people, a reason, an expiry, and a review afterwards
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Breakglass {
        #[command(subcommand)]
        verb: BreakglassVerb,
    },
    /// Follow a release through its stages
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Rollout {
        #[command(subcommand)]
        verb: RolloutVerb,
    },
    /// Freeze: nothing moves towards production; moving back is always allowed
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Freeze {
        #[command(subcommand)]
        verb: crate::freezes::FreezeVerb,
    },
    /// Try the way back before the canary: break the candidate under load and see how it is taken off
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Drill {
        #[command(subcommand)]
        verb: DrillVerb,
    },
    /// Judge SQL statements: what they would do, and who may
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Guard {
        #[command(subcommand)]
        verb: crate::guard::GuardVerb,
    },
    /// Make the roles of a database, and show that a credential can not do what it must not
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Db {
        #[command(subcommand)]
        verb: crate::db::DbVerb,
    },
    /// Bring back what a statement removed or changed in a PostgreSQL database
    Undo(Box<crate::undo::UndoArgs>),
    /// Serve the guard as tools to an agent, over the Model Context Protocol on standard input and output
    Mcp(crate::mcp::McpArgs),
    /// Coding agents: judge their commands before they run, and set the hooks that ask
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Agent {
        #[command(subcommand)]
        verb: AgentVerb,
    },
    /// Stand in front of a PostgreSQL database, and judge what is sent to it
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Proxy {
        #[command(subcommand)]
        verb: crate::proxy::ProxyVerb,
    },
    /// Statements that a proxy refused, and that a person lets run once
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Statement {
        #[command(subcommand)]
        verb: crate::statements::StatementVerb,
    },
    /// Logins of a proxy that hold for minutes: issue, list, rotate and revoke them
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Credential {
        #[command(subcommand)]
        verb: crate::credentials::CredentialVerb,
    },
    /// Verify, prove and export the tamper-evident log
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Audit {
        #[command(subcommand)]
        verb: AuditVerb,
    },
    /// Show and change the policy that releases are judged by
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Policy {
        #[command(subcommand)]
        verb: PolicyVerb,
    },
    /// Access tokens for pipelines, agents and people
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Token {
        #[command(subcommand)]
        verb: crate::tokens::TokenVerb,
    },
    /// Print the JSON Schema of safeguard.toml
    Schema,
    #[command(hide = true)]
    Server(crate::processes::ProcessArgs),
    #[command(hide = true)]
    Router(crate::processes::ProcessArgs),
    #[command(hide = true)]
    ProxyProcess(crate::processes::ProcessArgs),
    #[command(hide = true)]
    DrillProcess,
    #[command(hide = true)]
    Launch,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub limit: u32,
}

#[derive(Debug, Subcommand)]
pub enum ReleaseVerb {
    /// Store an artifact, create a release of it and start its walk
    #[command(after_help = "Example:
  safeguard release create --service shop --version 1.4.2 --artifact target/release/shop --change chg_01jb… --watch")]
    Create(ReleaseCreateArgs),
    /// List releases, the newest first
    List(ListArgs),
    /// Show a release, what stands in its way and what to do next
    Show { id: ReleaseId },
    /// Ask for the next step; refused with figures when something stands in the way
    Promote { id: ReleaseId },
    /// Keep a release where it is
    Hold {
        id: ReleaseId,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Roll a release back; needs no reason and is never refused
    Rollback { id: ReleaseId },
    /// Let a rolled-back artifact be released again
    Clear { id: ReleaseId },
    /// Find which of a release's changes is at fault, by trying some of them in staging
    #[command(
        after_help = "Typed in the repository. The program `[services.NAME.rebuild]` of safeguard.toml makes artifacts of some of the
changes, here and with your rights; the server tries each in staging, beside the artifact that was live, and no release can be
made from it. What was tried is kept: the same command goes on where it was broken off. Without the program nothing is tried,
and the changes are ranked by what each touches.

Exit codes: 0 the change at fault is named, 1 refused, 2 it could not be told.

Examples:
  safeguard release bisect rel_01jb5m9k3nfh6q2w8x4v7c0d1e
  safeguard release bisect rel_01jb5m9k3nfh6q2w8x4v7c0d1e --by-evidence --failing-path /checkout"
    )]
    Bisect(BisectArgs),
    /// Record that you have looked at a hotfix afterwards; somebody else than its creator does
    Review {
        id: ReleaseId,
        /// What you found
        #[arg(long)]
        note: String,
    },
}

#[derive(Debug, Args)]
pub struct ReleaseCreateArgs {
    #[arg(long)]
    pub service: Name,
    /// A file or a folder; it is packed and stored under its digest
    #[arg(long, value_name = "PATH", required_unless_present = "digest")]
    pub artifact: Option<PathBuf>,
    /// An artifact that is stored already
    #[arg(long, conflicts_with = "artifact")]
    pub digest: Option<Digest>,
    /// A name for people, such as 1.4.2
    #[arg(long = "version", value_name = "TEXT")]
    pub version_name: String,
    /// A change that it carries; may be given again
    #[arg(long = "change", value_name = "ID", required = true)]
    pub changes: Vec<ChangeId>,
    /// Close a release that is on its way rather than wait for it
    #[arg(long)]
    pub supersede: bool,
    /// Take the lane for what can not wait: shorter soaks, more approvals, and a review afterwards
    #[arg(long)]
    pub hotfix: bool,
    /// Follow it, as `rollout watch` does
    #[arg(long)]
    pub watch: bool,
}

#[derive(Debug, Subcommand)]
pub enum RolloutVerb {
    /// Follow a release until its walk is over: exit 0 when it is live, 1 when it came back
    Watch {
        id: ReleaseId,
        /// Stop watching after this time, such as 30m, with exit 2
        #[arg(long, value_name = "TIME")]
        longest: Option<Span>,
    },
}

#[derive(Debug, Subcommand)]
pub enum DrillVerb {
    /// Hold the rollback drill of a release at once, and wait for its end
    #[command(
        after_help = "The candidate runs beside the live release in an installation of its own, with staging's variables: its writes
reach staging's data. Where gate `rollback-test` is required, the server holds a drill by itself.

Exit codes: 0 it is a certificate, 1 it is none, 2 it could not be held, or could not show everything.

Example:
  safeguard drill run rel_01jb5m9k3nfh6q2w8x4v7c0d1e"
    )]
    Run { release: ReleaseId },
    /// Show what is known of a release's drills
    Show { release: ReleaseId },
}

#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Verify an exported log with nothing else present
    #[command(
        after_help = "Whoever holds the signing key can write another log. Only a checkpoint that was kept elsewhere shows that:

  safeguard audit verify export --pin checkpoint-of-last-month"
    )]
    Verify {
        folder: PathBuf,
        /// An older checkpoint, which must be the beginning of this log
        #[arg(long, value_name = "FILE")]
        pin: Option<PathBuf>,
        /// The key that must have signed it; unsaid: the one that lies in the export
        #[arg(long, value_name = "VKEY")]
        vkey: Option<String>,
    },
    /// Fetch an entry with its proof, and verify it here
    Prove {
        index: u64,
        /// Where to keep the proof
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The key that must have signed it; unsaid: the server's
        #[arg(long, value_name = "VKEY")]
        vkey: Option<String>,
    },
    /// Write the whole log and its documents into a new folder
    Export { folder: PathBuf },
    /// Compute every verdict and every plan again from an export, and compare them with what was recorded
    Replay { folder: PathBuf },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_hook_s_own_table_reads_as_the_whole_one_does() {
        let words = |line: &str| -> Vec<OsString> { line.split(' ').map(OsString::from).collect() };
        for line in [
            "safeguard agent hook",
            "safeguard agent hook --host claude",
            "safeguard agent hook --host=codex --env dev --alone",
            "safeguard agent hook --config shop.toml --json --host cursor",
        ] {
            let own = Cli::of_hook(&words(line)).unwrap();
            let whole = Cli::try_parse_from(words(line)).unwrap();
            assert_eq!(format!("{own:?}"), format!("{whole:?}"), "{line}");
        }
        for line in [
            "safeguard agent hook --help",
            "safeguard agent hook --hosts claude",
            "safeguard agent hook extra",
            "safeguard agent explain ls",
            "safeguard --json agent hook",
        ] {
            assert!(Cli::of_hook(&words(line)).is_none(), "{line}");
        }
    }
}
