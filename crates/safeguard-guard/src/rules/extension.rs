//! Adding and changing extensions.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "extension",
    page: include_str!("extension.md"),
    classes: &[StatementClass::Extension],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Deny,
    why: "an extension is a program inside the server",
    instead: |_| "have an administrator install it, or allow `extension` for migrations in `[[guard.rules]]`",
};
