//! Changing PostgreSQL's own catalogs by hand.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "catalog-write",
    page: include_str!("catalog_write.md"),
    classes: &[StatementClass::CatalogWrite],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Deny,
    why: "a catalog changed by hand can lose every table at once",
    instead: |_| "use the statement that PostgreSQL has for it, such as `ALTER` or `COMMENT`",
};
