//! Judges the shell commands of coding agents: text in, decision out.
//!
//! A command is parsed as bash, and walked in the order in which it would run. What stands behind `sudo`, `xargs`, `ssh`, in
//! a quoted text or in a line of code is asked about as if it stood alone; SQL goes to the classifier of statements.

mod expand;
mod inline;
mod options;
mod paths;
mod programs;
pub mod rules;
mod sql;
mod tools;
mod tree;
mod unwrap;
mod walk;
mod word;

use std::collections::BTreeMap;

use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{CommandDecision, GuardAnswer, GuardFinding, Principal};

pub use tools::judge_tool;
pub use tree::{COMMAND_BYTES_MAX, COMMAND_DEPTH_MAX};

/// Where a command would run.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Whose database it is that the command's SQL would reach.
    pub environment: Environment,
    pub policy: &'a GuardPolicy,
    /// The project's folder as an absolute path, where it is known.
    pub folder: Option<&'a str>,
    /// Texts of files, by the paths in [`CommandDecision::files_needed`].
    pub files: &'a BTreeMap<String, String>,
    /// Texts of scripts that nobody but the agent answers for, by the paths in [`CommandDecision::scripts`]: each is judged as if its text
    /// were typed. What others have committed is not among them.
    pub scripts: &'a BTreeMap<String, String>,
}

/// Decides about a command. One whose statements lie in a file is denied, and names the file; whoever asks may read it,
/// and ask again.
#[must_use]
pub fn judge_command(command: &str, around: &Surroundings<'_>) -> CommandDecision {
    let mut walk = walk::Walk::new(around);
    let finding = walk.command(command).err();
    CommandDecision {
        decision: match finding {
            None => GuardAnswer::Allow,
            Some(_) => GuardAnswer::Deny,
        },
        finding,
        programs: walk.programs.into_iter().collect(),
        files_needed: walk.files_needed.into_iter().collect(),
        scripts: walk.scripts.union(&walk.imported).cloned().collect(),
        principal: Principal::Agent,
        environment: around.environment,
    }
}

/// Why an agent's tool may not read a file, if it may not.
#[must_use]
pub fn judge_read(path: &str, folder: Option<&str>) -> Option<GuardFinding> {
    let spot = paths::Spot::project().to(path, folder);
    rules::read_refused(&spot)
}

/// Why an agent's tool may not write a file, if it may not.
#[must_use]
pub fn judge_write(path: &str, folder: Option<&str>) -> Option<GuardFinding> {
    let spot = paths::Spot::project().to(path, folder);
    rules::write_refused(&spot)
}

/// Whether one of [`CommandDecision::scripts`] lies where a build puts what it makes: it is an agent's only where it is kept with the sources.
#[must_use]
pub fn may_be_built(path: &str) -> bool {
    walk::may_be_built(&paths::Spot::project().to(path, None))
}
