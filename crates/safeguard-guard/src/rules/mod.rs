//! The rules, one file each with its page beside it.
//!
//! A page says what its rule is about and why, and what to do instead; its cases are the rule's tests.

mod backend_control;
mod bulk_write;
mod catalog_write;
mod code;
mod deferred;
mod delete;
mod drop;
mod dynamic_sql;
mod execute_prepared;
mod extension;
mod freeze;
mod host_access;
mod identity;
mod lock;
mod maintenance;
mod not_understood;
mod outward;
mod privilege;
mod read_only;
mod schema;
mod secret;
mod server_admin;
mod session;
mod setting;
mod timeout;
mod too_complex;
mod truncate;
mod two_phase;
mod unknown_function;
mod write;

use std::sync::LazyLock;

use safeguard_api::guard::{Asker, GuardAnswer, StatementClass};

/// SQLSTATE `insufficient_privilege`: the policy refuses.
pub(crate) const POLICY: &str = "42501";
/// SQLSTATE `read_only_sql_transaction`: a freeze, or an environment for reading alone.
const READ_ONLY: &str = "25006";
/// SQLSTATE `statement_too_complex`.
const TOO_COMPLEX: &str = "54001";
/// SQLSTATE `feature_not_supported`: not understood.
pub(crate) const NOT_SUPPORTED: &str = "0A000";

/// What is answered to some classes of statements, and why.
pub struct Rule {
    pub id: &'static str,
    pub page: &'static str,
    pub classes: &'static [StatementClass],
    pub sqlstate: &'static str,
    /// Whether `[[guard.rules]]` may answer otherwise.
    pub gives_way: bool,
    /// Without a word of the policy.
    pub answer: fn(StatementClass, Asker) -> GuardAnswer,
    /// As the second half of "asked as an agent in production: …".
    pub why: &'static str,
    /// What to do instead: agents act on it.
    pub instead: fn(Asker) -> &'static str,
}

/// Sorted by id.
pub static RULES: &[&Rule] = &[
    &backend_control::RULE,
    &bulk_write::RULE,
    &catalog_write::RULE,
    &code::RULE,
    &deferred::RULE,
    &delete::RULE,
    &drop::RULE,
    &dynamic_sql::RULE,
    &execute_prepared::RULE,
    &extension::RULE,
    &freeze::RULE,
    &host_access::RULE,
    &identity::RULE,
    &lock::RULE,
    &maintenance::RULE,
    &not_understood::RULE,
    &outward::RULE,
    &privilege::RULE,
    &read_only::RULE,
    &schema::RULE,
    &secret::RULE,
    &server_admin::RULE,
    &session::RULE,
    &setting::RULE,
    &timeout::RULE,
    &too_complex::RULE,
    &truncate::RULE,
    &two_phase::RULE,
    &unknown_function::RULE,
    &write::RULE,
];

/// The rules that speak of a class, by the class's place.
static BY_CLASS: LazyLock<Vec<Vec<&'static Rule>>> = LazyLock::new(|| {
    let speaks = |class: &StatementClass| {
        RULES
            .iter()
            .copied()
            .filter(|rule| rule.classes.contains(class))
            .collect()
    };
    StatementClass::ALL.iter().map(speaks).collect()
});

pub(crate) fn of_class(class: StatementClass) -> &'static [&'static Rule] {
    BY_CLASS.get(class as usize).map_or(&[], Vec::as_slice)
}

/// What stands in for a rule that is missing.
pub(crate) static NOT_UNDERSTOOD: &Rule = &not_understood::RULE;
