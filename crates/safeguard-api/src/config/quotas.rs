//! How much a login may ask of a database, and get from it, while it runs.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::check::within;
use super::{Config, ConfigProblem};
use crate::guard::Principal;
use crate::time::Span;

const STATEMENTS_PER_SECOND_MAX: u32 = 1_000_000;
const STATEMENTS_RUNNING_MAX: u32 = 100_000;
/// A shorter limit would cancel what merely waits for its turn.
const STATEMENT_SHORTEST: Span = Span::seconds(1);
const ROWS_MAX: u64 = 1 << 40;
const BYTES_MAX: u64 = 1 << 50;
const COST_MAX: u64 = 1 << 50;

/// What each login of a proxy may ask for, by its principal; all sessions of a login share it. Unsaid, an agent has 100
/// statements a second, 8 at once, 30s, 100000 rows and 67108864 bytes (64 MiB), and keeps an idle transaction for 1m and any
/// transaction for 5m; a service 50000 statements a second, 400 at once, 5m, 10000000 rows and 8589934592 bytes (8 GiB), and
/// keeps an idle transaction for 5m and any transaction for 30m; persons and migrations have no limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    #[serde(deserialize_with = "agent")]
    #[schemars(with = "Quota")]
    pub agent: Quota,
    #[serde(deserialize_with = "service")]
    #[schemars(with = "Quota")]
    pub service: Quota,
    pub person: Quota,
    pub migration: Quota,
}

impl Default for Quotas {
    fn default() -> Self {
        Quotas {
            agent: Quota::unsaid(Principal::Agent),
            service: Quota::unsaid(Principal::Service),
            person: Quota::unsaid(Principal::Person),
            migration: Quota::unsaid(Principal::Migration),
        }
    }
}

impl Quotas {
    #[must_use]
    pub fn of(&self, principal: Principal) -> Quota {
        match principal {
            Principal::Agent => self.agent,
            Principal::Service => self.service,
            Principal::Person => self.person,
            Principal::Migration => self.migration,
        }
    }
}

fn agent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quota, D::Error> {
    Quota::deserialize(deserializer).map(|said| said.over(Quota::unsaid(Principal::Agent)))
}

fn service<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quota, D::Error> {
    Quota::deserialize(deserializer).map(|said| said.over(Quota::unsaid(Principal::Service)))
}

/// Limits while statements run: what counts where none is said, `guard.quotas` has for each principal. Over the limits of
/// statements, a proxy refuses; over those of a statement's time, rows and bytes, it cancels; over those of a transaction, it
/// ends the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quota {
    /// Statements that begin within any second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statements_per_second: Option<u32>,
    /// Statements that run at once, in all sessions of the login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statements_running_max: Option<u32>,
    /// How long one statement may run, or one message of several; its rows' way to the client included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_longest: Option<Span>,
    /// Rows that one statement may return, or one message of several; lines of a `COPY` count as rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_returned_max: Option<u64>,
    /// Bytes of the rows that one statement may return, or one message of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_returned_max: Option<u64>,
    /// How long a transaction may be open in which nothing is sent; then it is rolled back, and the session ends. A batch of the
    /// extended protocol without its Sync is such a transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_in_transaction_longest: Option<Span>,
    /// How long a transaction may be open, whatever is sent in it; then what runs is cancelled, the transaction is rolled back,
    /// and the session ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_longest: Option<Span>,
    /// What one statement may cost by the planner's estimate, in PostgreSQL's own unit. With it, each statement that has a plan
    /// is explained before it runs, and one whose cost can not be told is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_max: Option<u64>,
}

impl Quota {
    /// What counts where nothing is said.
    fn unsaid(principal: Principal) -> Quota {
        match principal {
            Principal::Agent => Quota {
                statements_per_second: Some(100),
                statements_running_max: Some(8),
                statement_longest: Some(Span::seconds(30)),
                rows_returned_max: Some(100_000),
                bytes_returned_max: Some(64 << 20),
                idle_in_transaction_longest: Some(Span::minutes(1)),
                transaction_longest: Some(Span::minutes(5)),
                cost_max: None,
            },
            Principal::Service => Quota {
                statements_per_second: Some(50_000),
                statements_running_max: Some(400),
                statement_longest: Some(Span::minutes(5)),
                rows_returned_max: Some(10_000_000),
                bytes_returned_max: Some(8 << 30),
                idle_in_transaction_longest: Some(Span::minutes(5)),
                transaction_longest: Some(Span::minutes(30)),
                cost_max: None,
            },
            Principal::Person | Principal::Migration => Quota::default(),
        }
    }

    /// What is said, and for the rest what counts unsaid: a table with one key does not lift the other limits.
    fn over(self, unsaid: Quota) -> Quota {
        Quota {
            statements_per_second: self.statements_per_second.or(unsaid.statements_per_second),
            statements_running_max: self.statements_running_max.or(unsaid.statements_running_max),
            statement_longest: self.statement_longest.or(unsaid.statement_longest),
            rows_returned_max: self.rows_returned_max.or(unsaid.rows_returned_max),
            bytes_returned_max: self.bytes_returned_max.or(unsaid.bytes_returned_max),
            idle_in_transaction_longest: self
                .idle_in_transaction_longest
                .or(unsaid.idle_in_transaction_longest),
            transaction_longest: self.transaction_longest.or(unsaid.transaction_longest),
            cost_max: self.cost_max.or(unsaid.cost_max),
        }
    }
}

pub(super) fn check(config: &Config, found: &mut Vec<ConfigProblem>) {
    for &principal in Principal::ALL {
        let quota = config.guard.quotas.of(principal);
        let at = |key: &'static str| ["guard", "quotas", principal.as_str(), key];
        if let Some(statements) = quota.statements_per_second {
            let path = at("statements_per_second");
            within(found, &path, statements, 1, STATEMENTS_PER_SECOND_MAX);
        }
        if let Some(statements) = quota.statements_running_max {
            let path = at("statements_running_max");
            within(found, &path, statements, 1, STATEMENTS_RUNNING_MAX);
        }
        if let Some(longest) = quota.statement_longest {
            let path = at("statement_longest");
            within(found, &path, longest, STATEMENT_SHORTEST, Span::hours(24 * 7));
        }
        if let Some(longest) = quota.idle_in_transaction_longest {
            let path = at("idle_in_transaction_longest");
            within(found, &path, longest, STATEMENT_SHORTEST, Span::hours(24 * 7));
        }
        if let Some(longest) = quota.transaction_longest {
            let path = at("transaction_longest");
            within(found, &path, longest, STATEMENT_SHORTEST, Span::hours(24 * 7));
        }
        if let Some(rows) = quota.rows_returned_max {
            within(found, &at("rows_returned_max"), rows, 1, ROWS_MAX);
        }
        if let Some(bytes) = quota.bytes_returned_max {
            within(found, &at("bytes_returned_max"), bytes, 1_000, BYTES_MAX);
        }
        if let Some(cost) = quota.cost_max {
            within(found, &at("cost_max"), cost, 1, COST_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use insta::assert_snapshot;

    use super::*;

    fn parsed(quotas: &str) -> Result<Config, String> {
        let service = "[services.shop]\ncommand = [\"x\"]\n[services.shop.listen]\ndev = \"127.0.0.1:1\"\nqa = \"127.0.0.1:2\"\n\
            staging = \"127.0.0.1:3\"\nproduction = \"127.0.0.1:4\"\n";
        Config::parse(&format!("mode = \"observe\"\n{quotas}\n{service}"))
            .map_err(|problems| problems.iter().map(|problem| format!("{problem}\n")).collect())
    }

    #[test]
    fn what_is_said_of_one_limit_leaves_the_others_as_they_are() {
        let config = parsed(
            "[guard.quotas.agent]\nrows_returned_max = 7\n[guard.quotas.person]\nstatement_longest = \"1h\"",
        )
        .unwrap();
        let quotas = &config.guard.quotas;
        assert_eq!(
            quotas.agent,
            Quota {
                rows_returned_max: Some(7),
                ..Quota::unsaid(Principal::Agent)
            }
        );
        assert_eq!(
            quotas.person,
            Quota {
                statement_longest: Some(Span::hours(1)),
                ..Quota::default()
            }
        );
        assert_eq!(quotas.service, Quota::unsaid(Principal::Service));
        assert_eq!(quotas.migration, Quota::default());
        let again: Quotas = serde_json::from_value(serde_json::to_value(quotas).unwrap()).unwrap();
        assert_eq!(&again, quotas);
    }

    #[test]
    fn the_text_about_what_counts_unsaid_is_right() {
        let schema = serde_json::to_value(schemars::schema_for!(Quotas)).unwrap();
        let said = schema["description"].as_str().unwrap().replace('\n', " ");
        for principal in [Principal::Agent, Principal::Service] {
            let quota = Quota::unsaid(principal);
            let words = format!(
                "{} statements a second, {} at once, {}, {} rows and {} bytes",
                quota.statements_per_second.unwrap(),
                quota.statements_running_max.unwrap(),
                quota.statement_longest.unwrap(),
                quota.rows_returned_max.unwrap(),
                quota.bytes_returned_max.unwrap(),
            );
            assert!(said.contains(&words), "{said}: {words}");
            let idle = quota.idle_in_transaction_longest.unwrap();
            let whole = quota.transaction_longest.unwrap();
            assert!(
                said.contains(&format!(
                    "keeps an idle transaction for {idle} and any transaction for {whole}"
                )),
                "{said}"
            );
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let texts = [
            "[guard.quotas.agent]\nstatements_per_second = 0",
            "[guard.quotas.robot]\nstatements_per_second = 1",
            "[guard.quotas.service]\nstatement_per_second = 1",
            "[guard.quotas.person]\nstatement_longest = \"10ms\"\nbytes_returned_max = 1",
            "[guard.quotas.agent]\ntransaction_longest = \"0s\"",
        ];
        let told: Vec<String> = texts.iter().map(|text| parsed(text).unwrap_err()).collect();
        assert_snapshot!(told.join("--\n"), @r"
        3:25: `guard.quotas.agent.statements_per_second`: 0 is out of range (1 to 1000000)
        --
        2:15: `guard.quotas.robot`: there is no key `robot` here (known here: agent, migration, person, service)
        --
        3:1: `guard.quotas.service.statement_per_second`: there is no key `statement_per_second` here (did you mean `statements_per_second`?)
        --
        3:21: `guard.quotas.person.statement_longest`: 10ms is out of range (1s to 168h)
        4:22: `guard.quotas.person.bytes_returned_max`: 1 is out of range (1000 to 1125899906842624)
        --
        3:23: `guard.quotas.agent.transaction_longest`: 0s is out of range (1s to 168h)
        ");
    }
}
