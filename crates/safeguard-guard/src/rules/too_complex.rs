//! Asking for too much at once.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{Rule, TOO_COMPLEX};

pub(super) static RULE: Rule = Rule {
    id: "too-complex",
    page: include_str!("too_complex.md"),
    classes: &[StatementClass::TooComplex],
    sqlstate: TOO_COMPLEX,
    gives_way: false,
    answer: |_, _| GuardAnswer::Deny,
    why: "a statement without bounds takes the server from everybody else",
    instead: |_| "ask for less at a time: join on keys (or write `CROSS JOIN` where each with each is meant), add `LIMIT`; `[guard.limits]` has the limits",
};
