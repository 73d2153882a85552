//! Every operation of the API, once: the table feeds the server's routes, its authorisation, the API's description,
//! the reference page and the tests of completeness.

mod table;

use serde::Serialize;

pub use crate::scope::Scope;
pub use table::OPERATIONS;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
    Put,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Operation {
    pub id: &'static str,
    pub method: Method,
    /// In axum's form, such as `/api/v1/changes/{id}`.
    pub path: &'static str,
    pub scope: Scope,
    pub summary: &'static str,
}

const fn op(
    id: &'static str,
    method: Method,
    path: &'static str,
    scope: Scope,
    summary: &'static str,
) -> Operation {
    Operation {
        id,
        method,
        path,
        scope,
        summary,
    }
}

impl Operation {
    /// Whether it changes anything; such an operation refuses a stranger and leaves an entry in the log.
    #[must_use]
    pub fn mutates(&self) -> bool {
        self.method != Method::Get
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_no_double() {
        for pair in OPERATIONS.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
        for (at, one) in OPERATIONS.iter().enumerate() {
            let same = |other: &&Operation| (other.method, other.path) == (one.method, one.path);
            assert!(
                OPERATIONS[at + 1..].iter().find(same).is_none(),
                "{} is there twice",
                one.path
            );
        }
    }

    #[test]
    fn whatever_mutates_needs_more_than_being_reachable() {
        for operation in OPERATIONS.iter().filter(|operation| operation.mutates()) {
            assert!(operation.scope > Scope::Public, "{}", operation.id);
        }
    }
}
