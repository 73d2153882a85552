//! Statements that are not in sight.

use super::{CommandRule, POLICY, elsewhere};

pub(super) static RULE: CommandRule = CommandRule {
    id: "unseen-sql",
    page: include_str!("unseen_sql.md"),
    sqlstate: POLICY,
    why: "statements that are not in sight can not be judged",
    instead: "put the statements into a file or into the command (`psql -f FILE`, `psql -c '…'`)",
    check: elsewhere,
};
