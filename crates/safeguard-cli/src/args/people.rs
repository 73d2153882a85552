//! What people sign: approvals, waivers, break-glasses and changes of the policy.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use safeguard_api::{BreakglassId, Environment, Gate, PolicyChangeId, ReleaseId, Span, Timestamp, WaiverId};

#[derive(Debug, Args)]
pub struct KeyArgs {
    /// The key to sign with: a private key, or a public one whose private part the agent holds; unsaid: the agent's first
    #[arg(long, value_name = "FILE", env = "SAFEGUARD_KEY", hide_env_values = true)]
    pub key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ApproveArgs {
    pub release: ReleaseId,
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Stop the release until you take it back
    #[arg(long, requires = "reason")]
    pub reject: bool,
    /// Take back what you said before
    #[arg(long, conflicts_with = "reject")]
    pub withdraw: bool,
    /// Why, in your words
    #[arg(long)]
    pub reason: Option<String>,
    /// Where it may go; unsaid: the environment it enters next
    #[arg(long)]
    pub environment: Option<Environment>,
    /// How long it holds; unsaid, and at most, as long as the policy says
    #[arg(long, value_name = "TIME")]
    pub valid: Option<Span>,
    /// From when it holds; unsaid: at once
    #[arg(long, value_name = "TIME")]
    pub not_before: Option<Timestamp>,
    /// Print a link to the page that signs with a passkey, instead of signing here
    #[arg(long, conflicts_with_all = ["key", "reject", "withdraw", "yes"])]
    pub passkey: bool,
    /// Sign without asking, as you have read the dossier already
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum ApprovalVerb {
    /// List what people signed about a release
    List { release: ReleaseId },
    /// Say for each approver whether this one may approve, and why not
    Who { release: ReleaseId },
}

#[derive(Debug, Subcommand)]
pub enum WaiverVerb {
    /// Ask two people to set a gate aside; not possible for critical findings, data-integrity and rollback-test
    #[command(after_help = "Example:
  safeguard waiver request --release rel_01jb… --gate static-analysis --finding 3f2a… --reason \"false alarm, see #12\" --holds 48h")]
    Request {
        #[arg(long)]
        release: ReleaseId,
        #[arg(long)]
        gate: Gate,
        /// The fingerprint of a finding; may be given again; unsaid: the whole gate
        #[arg(long = "finding", value_name = "FINGERPRINT")]
        findings: Vec<String>,
        #[arg(long)]
        reason: String,
        /// For how long; the policy has a limit
        #[arg(long, value_name = "TIME")]
        holds: Span,
    },
    /// Sign a waiver as one of its two people
    Sign {
        id: WaiverId,
        #[command(flatten)]
        keys: KeyArgs,
        /// Sign without asking
        #[arg(long)]
        yes: bool,
    },
    /// Make a waiver void
    Revoke { id: WaiverId },
    /// List waivers, the newest first
    List,
}

#[derive(Debug, Subcommand)]
pub enum BreakglassVerb {
    /// Ask two people to let a release move through a freeze; gates and soaks hold it as ever
    #[command(after_help = "Example:
  safeguard breakglass request --release rel_01jb… --reason \"checkout is down\" --holds 2h")]
    Request {
        #[arg(long)]
        release: ReleaseId,
        #[arg(long)]
        reason: String,
        /// For how long; the policy has a limit
        #[arg(long, value_name = "TIME")]
        holds: Span,
    },
    /// Sign a break-glass as one of its two people
    Sign {
        id: BreakglassId,
        #[command(flatten)]
        keys: KeyArgs,
        /// Sign without asking
        #[arg(long)]
        yes: bool,
    },
    /// Record what was found out afterwards
    Review {
        id: BreakglassId,
        #[arg(long)]
        finding: String,
    },
    /// List break-glasses, the newest first
    List,
}

#[derive(Debug, Subcommand)]
pub enum PasskeyVerb {
    /// Print a link by which a person enrols a passkey; it works once, for a day
    #[command(after_help = "Example:
  safeguard passkey invite --person \"Kim Doe\"")]
    Invite {
        /// As the policy names the person, who has `passkey = true` there
        #[arg(long)]
        person: String,
    },
    /// List passkeys, with the revoked ones
    List,
    /// Make a passkey void
    Revoke {
        /// As `passkey list` has it; one in 64 begins with a hyphen
        #[arg(allow_hyphen_values = true)]
        credential: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// Show the policy in force
    Show,
    /// Put the policy of the configuration in force for releases that enter from then on, or ask approvers to sign it
    #[command(after_help = "Example:
  safeguard policy apply --reason \"QA needs an hour at most\"")]
    Apply {
        /// Why; needed where approvers of the policy in force must sign
        #[arg(long)]
        reason: Option<String>,
    },
    /// List changes of the policy that approvers were asked to sign, the newest first
    Changes,
    /// Show what a change of the policy changes, and sign it as one of its approvers
    Sign {
        id: PolicyChangeId,
        #[command(flatten)]
        keys: KeyArgs,
        /// Sign without asking
        #[arg(long)]
        yes: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::PasskeyVerb;
    use crate::args::{Cli, Command};

    #[test]
    fn a_credential_that_begins_with_a_hyphen_is_no_option() {
        for words in [["--DUhoEv0L9Vhw", "--json"], ["--json", "-DUhoEv0L9Vhw"]] {
            let typed = [&["safeguard", "passkey", "revoke"][..], &words].concat();
            let cli = Cli::try_parse_from(typed).expect("it is understood");
            let Command::Passkey {
                verb: PasskeyVerb::Revoke { credential },
            } = cli.command
            else {
                panic!("another command");
            };
            assert!(
                cli.globals.json && credential.ends_with("DUhoEv0L9Vhw"),
                "{credential}"
            );
        }
    }
}
