//! Locking tables against everybody.

use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "lock",
    page: include_str!("lock.md"),
    classes: &[StatementClass::Lock],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match asker.principal {
        Principal::Agent | Principal::Service => GuardAnswer::Deny,
        Principal::Person | Principal::Migration => GuardAnswer::Allow,
    },
    why: "a table locked against everybody stops everybody",
    instead: |_| "lock rows with `SELECT … FOR UPDATE`, or take `pg_advisory_xact_lock`",
};
