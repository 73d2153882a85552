//! `safeguard agent …`

pub mod ask;
mod hook;
mod hosts;
mod install;
mod look;
mod question;

use clap::{Args, Subcommand};
use safeguard_api::Environment;
use safeguard_api::guard::CommandDecision;

use self::hosts::Host;
use crate::args::Globals;
use crate::failure::Failure;
use crate::guard::{headline, or_nothing, policy, told};
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub enum AgentVerb {
    /// Say what is answered to a command of a coding agent; runs nothing
    #[command(
        after_help = "Exit 0 when it may run, 1 when it is refused. A file of statements that the command names is read, as the hook does.

Examples:
  safeguard agent explain \"rm -rf src\"
  safeguard agent explain --env dev \"psql -c 'UPDATE users SET name = 1 WHERE id = 7'\""
    )]
    Explain(ExplainArgs),
    /// Answer the question of an agent's hook on standard input, in the words of that agent
    #[command(
        after_help = "`safeguard agent install` sets it. Allowed is `{}`; what is not understood or can not be judged is refused. A tool that is
neither a shell nor names a file or SQL runs.

Example:
  echo '{\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"rm -rf src\"}}' | safeguard agent hook"
    )]
    Hook(HookArgs),
    /// Tell a coding agent what its change brings, after an edit and before it stops; its hook asks on standard input
    #[command(
        after_help = "`safeguard agent install` sets it. It looks as `safeguard check` does. Nothing to tell is `{}`; the same is not told twice in one
session, so that an agent that can not mend it does stop.

Example:
  echo '{\"hook_event_name\":\"Stop\",\"cwd\":\".\"}' | safeguard agent look --host claude"
    )]
    Look(LookArgs),
    /// Set the hook in the settings of coding agents, and prove that it fires
    #[command(
        after_help = "Settings keep what is in them. The command that was written is run and asked about `rm -rf /`, and let look at a bad
change; unless it refuses both, the installation failed. Set it by hand again after the program has moved.

Examples:
  safeguard agent install                          every agent that this project has settings of
  safeguard agent install --host claude --user     for all your projects
  safeguard agent install --check                  exit 1 where the hook is not there or does not fire"
    )]
    Install(InstallArgs),
    /// Take the hook out of the settings of coding agents
    Uninstall(PlaceArgs),
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Whose database the command's SQL would reach: dev, qa, staging or production
    #[arg(long = "env", value_name = "ENVIRONMENT", default_value = "production")]
    pub environment: Environment,
    /// The command; `-` reads it from standard input
    #[arg(value_name = "COMMAND", allow_hyphen_values = true)]
    pub command: String,
}

#[derive(Debug, Args)]
pub struct HookArgs {
    /// Who asks; unsaid: whoever asks in such words
    #[arg(long)]
    pub host: Option<Host>,
    /// Whose database the commands' SQL would reach: dev, qa, staging or production
    #[arg(long = "env", value_name = "ENVIRONMENT", default_value = "production")]
    pub environment: Environment,
    #[arg(long, hide = true)]
    pub alone: bool,
}

#[derive(Debug, Args)]
pub struct LookArgs {
    /// Who asks
    #[arg(long)]
    pub host: Host,
}

#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// Which agent; may be given again; unsaid: those whose settings are there
    #[arg(long = "host")]
    pub hosts: Vec<Host>,
    /// In this project's settings; so it is unsaid
    #[arg(long, conflicts_with = "user")]
    pub project: bool,
    /// In your own settings, for all projects
    #[arg(long)]
    pub user: bool,
}

#[derive(Debug, Args)]
pub struct InstallArgs {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Whose database the commands' SQL would reach: dev, qa, staging or production
    #[arg(long = "env", value_name = "ENVIRONMENT", default_value = "production")]
    pub environment: Environment,
    /// Write nothing, and say whether it is set and fires
    #[arg(long)]
    pub check: bool,
    /// Judge commands alone, and do not look at what changes bring
    #[arg(long)]
    pub without_check: bool,
}

pub fn agent(globals: &Globals, verb: AgentVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        AgentVerb::Explain(args) => explain(globals, &args, output),
        AgentVerb::Hook(args) => hook::hook(globals, &args, output),
        AgentVerb::Look(args) => look::look(&args, output),
        AgentVerb::Install(args) => install::install(&args, output),
        AgentVerb::Uninstall(args) => install::uninstall(&args, output),
    }
}

fn explain(globals: &Globals, args: &ExplainArgs, output: &Output) -> Result<(), Failure> {
    let policy = policy(globals, output)?;
    let command = match args.command.as_str() {
        "-" => ask::standard_input()?,
        command => command.to_owned(),
    };
    let asked = ask::Asked {
        environment: args.environment,
        policy: &policy,
        folder: ask::folder(),
    };
    let decision = asked.command(&command);
    output.data(&decision, explained)?;
    told(decision.decision)
}

fn explained(decision: &CommandDecision) -> String {
    let mut text = headline(
        decision.decision,
        decision.finding.as_ref(),
        decision.principal,
        decision.environment,
    );
    text.push_str(&format!(
        "  runs       {}\n",
        or_nothing(&decision.programs.join(", "))
    ));
    if !decision.files_needed.is_empty() {
        text.push_str(&format!("  reads      {}\n", decision.files_needed.join(", ")));
    }
    if !decision.scripts.is_empty() {
        text.push_str(&format!("  scripts    {}\n", decision.scripts.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use safeguard_api::config::GuardPolicy;

    use super::*;

    fn shown(command: &str) -> String {
        let asked = ask::Asked {
            environment: Environment::Production,
            policy: &GuardPolicy::default(),
            folder: Some("/home/me/shop".to_owned()),
        };
        let text = explained(&asked.command(command));
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_refusal_says_what_it_would_do_which_rule_and_what_to_do_instead() {
        insta::assert_snapshot!(shown("cd web && sudo rm -rf \"$DIR\""), @r"
        deny: rule `remove-files` refuses a command that removes what only shows when it runs (`…`) (SQLSTATE 42501)
          asked as agent: what is removed from a disk is gone, and a path that is put together while it runs can be any path
        hint: name single files within the project, or move them aside (`mv x /tmp/`); for tracked files `git rm` can be undone; `safeguard guard rule remove-files` says more
          runs       cd, rm, sudo
        ");
        insta::assert_snapshot!(shown("echo 'DELETE FROM users' | docker exec -i db psql -U postgres"), @r"
        deny: rule `delete` refuses a statement that deletes every row of `users`: there is no `WHERE` (SQLSTATE 42501)
          asked as agent in production: agents and AI-written services delete nothing, in any environment; persons and migrations within a budget of rows
        hint: mark the rows instead (`UPDATE … SET deleted_at = now() WHERE id = …`), or have a person or a migration delete them; `safeguard guard rule delete` says more
          runs       docker, echo
        ");
    }

    #[test]
    fn what_is_allowed_says_what_it_runs() {
        insta::assert_snapshot!(shown("git status && find . -name '*.rs' | xargs grep -n main"), @r"
        allow: asked as agent in production
          runs       find, git, grep, xargs
        ");
    }
}
