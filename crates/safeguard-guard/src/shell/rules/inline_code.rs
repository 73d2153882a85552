//! Code in a command that removes, runs or deletes.

use super::{CommandRule, POLICY, elsewhere};

pub(super) static RULE: CommandRule = CommandRule {
    id: "inline-code",
    page: include_str!("inline_code.md"),
    sqlstate: POLICY,
    why: "what is refused to a command is refused to a line of code that does the same",
    instead: "remove files by name with `rm`, run programs as commands of their own, and change data by a migration",
    check: elsewhere,
};
