//! Locking tables against everybody, and locks that no transaction's end releases.

use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "lock",
    page: include_str!("lock.md"),
    classes: &[StatementClass::Lock, StatementClass::SessionLock],
    sqlstate: POLICY,
    gives_way: true,
    answer: |class, asker| match (class, asker.principal) {
        // Frameworks of services hold one while they migrate, or to be the only one of their kind.
        (StatementClass::SessionLock, Principal::Service) | (_, Principal::Person | Principal::Migration) => {
            GuardAnswer::Allow
        }
        (_, Principal::Agent | Principal::Service) => GuardAnswer::Deny,
    },
    why: "what is locked against everybody, for as long as a session likes, or in more places than the server has, stops everybody",
    instead: |_| "lock rows with `SELECT … FOR UPDATE`, or take `pg_advisory_xact_lock` with a key of constants, parameters and `hashtext` of them",
};
