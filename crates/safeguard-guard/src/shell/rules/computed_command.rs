//! A command whose name only shows when it runs.

use super::{CommandRule, POLICY};
use crate::shell::word::{UNKNOWN, shown};

/// Programs whose first word decides what they do.
const BY_VERB: &[&str] = &[
    "aws",
    "az",
    "docker",
    "gcloud",
    "git",
    "helm",
    "kubectl",
    "podman",
    "systemctl",
    "terraform",
    "tofu",
];

pub(super) static RULE: CommandRule = CommandRule {
    id: "computed-command",
    page: include_str!("computed_command.md"),
    sqlstate: POLICY,
    why: "a command whose name is put together while it runs can be any command",
    instead: "write the name of the program out",
    check: |invocation| {
        if invocation.program.contains(UNKNOWN) {
            return Some("runs a program whose name only shows when it runs".to_owned());
        }
        let verb = invocation
            .args
            .first()
            .filter(|word| word.text.starts_with(UNKNOWN));
        let verb = verb.filter(|_| invocation.is(BY_VERB))?;
        Some(format!(
            "calls `{}` with a word that only shows when it runs (`{}`)",
            shown(&invocation.program),
            verb.shown()
        ))
    },
};
