//! A program that runs instances elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigProblem;
use super::program::check_called;
use crate::time::Span;

/// A program of the user's that runs the instances of a service, one process for each call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecTarget {
    /// The program, by its absolute path, and its arguments. No shell reads it.
    pub exec: Vec<String>,
    /// How long a call may take.
    #[serde(default = "default_deadline")]
    pub deadline: Span,
    /// Between two questions whether an instance still runs.
    #[serde(default = "default_status_every")]
    pub status_every: Span,
    /// Names of safeguard's own environment variables that it gets besides `PATH` and `HOME`.
    #[serde(default)]
    pub inherit: Vec<String>,
}

fn default_deadline() -> Span {
    Span::seconds(60)
}
fn default_status_every() -> Span {
    Span::seconds(10)
}

pub(super) fn check(base: [&str; 2], target: &ExecTarget, found: &mut Vec<ConfigProblem>) {
    let at = |key: &'static str| [base[0], base[1], "target", key];
    let program = target.exec.first().map_or("", String::as_str);
    if !program.starts_with('/') {
        let message = format!(
            "`{}` is not the absolute path of a program",
            program.escape_debug()
        );
        found.push(ConfigProblem::new(&at("exec"), message).with_hint("no shell and no `PATH` is asked"));
    }
    for (key, value, min) in [
        ("deadline", target.deadline, Span::seconds(1)),
        ("status_every", target.status_every, Span(100)),
    ] {
        if !(min <= value && value <= LONGEST) {
            let message = format!("{value} is out of range ({min} to {LONGEST})");
            found.push(ConfigProblem::new(&at(key), message));
        }
    }
    check_called(
        [&at("exec"), &at("inherit")],
        &target.exec,
        &target.inherit,
        found,
    );
}

const LONGEST: Span = Span::minutes(10);
