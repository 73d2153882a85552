//! Reaching files and programs of the database's host.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "host-access",
    page: include_str!("host_access.md"),
    classes: &[StatementClass::Host],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Deny,
    why: "files and programs of the database server are out of reach of SQL",
    instead: |_| "use `COPY … FROM STDIN` and `TO STDOUT`, which pass the data through the connection",
};
