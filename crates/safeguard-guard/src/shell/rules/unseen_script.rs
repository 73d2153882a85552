//! A shell that runs what is not in sight.

use super::{CommandRule, POLICY, elsewhere};

pub(super) static RULE: CommandRule = CommandRule {
    id: "unseen-script",
    page: include_str!("unseen_script.md"),
    sqlstate: POLICY,
    why: "what is fetched or made up while it runs can not be judged before it runs",
    instead: "write it to a file, read it, and run the commands that you mean",
    check: elsewhere,
};
