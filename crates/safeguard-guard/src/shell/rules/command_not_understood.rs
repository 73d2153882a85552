//! What can not be read as a command.

use super::{CommandRule, NOT_SUPPORTED, elsewhere};

pub(super) static RULE: CommandRule = CommandRule {
    id: "command-not-understood",
    page: include_str!("command_not_understood.md"),
    sqlstate: NOT_SUPPORTED,
    why: "what can not be read is not let through on a guess",
    instead: "write it more plainly: one command at a time, without tricks of quoting",
    check: elsewhere,
};
