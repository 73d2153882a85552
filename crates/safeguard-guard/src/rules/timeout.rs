//! Timeouts that bound how long a session holds up everybody else.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "timeout",
    page: include_str!("timeout.md"),
    classes: &[StatementClass::Timeout],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match (asker.principal, asker.environment) {
        (_, Environment::Dev) => GuardAnswer::Allow,
        (Principal::Agent | Principal::Service, _) => GuardAnswer::Deny,
        (Principal::Person | Principal::Migration, _) => GuardAnswer::Allow,
    },
    why: "without its timeouts, one forgotten transaction or one long statement holds up everybody",
    instead: |_| "set it to a figure up to that which the session began with, or leave it; `RESET` goes back to that",
};
