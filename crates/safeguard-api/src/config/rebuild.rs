//! The program that makes an artifact of some of a batch's changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigProblem;
use super::program::check_called;
use crate::time::Span;

/// A program of the user's that makes an artifact of some of a batch's changes. `safeguard release bisect` runs it where it is
/// typed, never the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RebuildCommand {
    /// The program and its arguments: an absolute path, or one that begins with `./`, seen from the folder of this file,
    /// which is also where it runs. No shell reads it.
    pub exec: Vec<String>,
    /// How long one artifact may take.
    #[serde(default = "default_deadline")]
    pub deadline: Span,
    /// Names of environment variables that it gets besides `PATH` and `HOME`.
    #[serde(default)]
    pub inherit: Vec<String>,
}

fn default_deadline() -> Span {
    Span::minutes(10)
}

const SHORTEST: Span = Span::seconds(1);
const LONGEST: Span = Span::hours(2);

impl RebuildCommand {
    pub(super) fn check(&self, base: [&str; 2], found: &mut Vec<ConfigProblem>) {
        let at = |key: &'static str| [base[0], base[1], "rebuild", key];
        let program = self.exec.first().map_or("", String::as_str);
        if !program.starts_with('/') && !program.starts_with("./") {
            let message = format!(
                "`{}` is neither an absolute path nor one that begins with `./`",
                program.escape_debug()
            );
            found.push(ConfigProblem::new(&at("exec"), message).with_hint("no shell and no `PATH` is asked"));
        }
        if !(SHORTEST <= self.deadline && self.deadline <= LONGEST) {
            let message = format!("{} is out of range ({SHORTEST} to {LONGEST})", self.deadline);
            found.push(ConfigProblem::new(&at("deadline"), message));
        }
        check_called([&at("exec"), &at("inherit")], &self.exec, &self.inherit, found);
    }
}
