//! Running SQL that is made of texts.

use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "dynamic-sql",
    page: include_str!("dynamic_sql.md"),
    classes: &[StatementClass::DynamicSql],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match asker.principal {
        Principal::Agent | Principal::Service => GuardAnswer::Deny,
        Principal::Person | Principal::Migration => GuardAnswer::Measure,
    },
    why: "SQL that is made of texts while it runs can not be judged before",
    instead: |_| "send the statement itself instead of a text with it",
};
