//! Limits of what runs, as values: statements within a second, statements at once, and what one statement takes and
//! returns. The clock is handed in.

use std::sync::Arc;
use std::time::Duration;

use safeguard_api::DecisionId;
use safeguard_api::config::Quota;
use safeguard_api::guard::{Principal, StatementClass};
use safeguard_guard::{Facts, TransactionStep};

use super::effect::{counted, grouped};
use super::refusal::{OVER_BUDGET, Refusal};

/// SQLSTATE `query_canceled`.
pub const CANCELLED: &str = "57014";
/// SQLSTATE `idle_in_transaction_session_timeout`.
const IDLE_IN_TRANSACTION: &str = "25P03";
/// SQLSTATE `transaction_timeout`, which PostgreSQL has since 17.
const TRANSACTION_TIMEOUT: &str = "25P04";

/// What becomes of a transaction whose session is ended.
pub const ROLLED_BACK: &str = "; it is rolled back, and the session ends";

const SLOT: Duration = Duration::from_millis(10);
/// A whole second besides the slot that is filled at the moment.
const SLOTS: usize = 101;

/// Which limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    PerSecond,
    Running,
    /// In milliseconds.
    Longest,
    Rows,
    Bytes,
    /// By the planner's estimate.
    Cost,
    /// In a transaction, in milliseconds.
    Idle,
    /// A whole transaction, in milliseconds.
    Transaction,
}

impl Limit {
    fn key(self) -> &'static str {
        match self {
            Limit::PerSecond => "statements_per_second",
            Limit::Running => "statements_running_max",
            Limit::Longest => "statement_longest",
            Limit::Rows => "rows_returned_max",
            Limit::Bytes => "bytes_returned_max",
            Limit::Cost => "cost_max",
            Limit::Idle => "idle_in_transaction_longest",
            Limit::Transaction => "transaction_longest",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Limit::PerSecond => "wait a second, and send fewer at a time",
            Limit::Running => "wait until one has ended",
            Limit::Longest => "ask for less at a time, or have `EXPLAIN` show what takes so long",
            Limit::Rows | Limit::Bytes => "add a `LIMIT`, name the columns that are needed, or aggregate",
            Limit::Cost => {
                "narrow it by a condition that an index serves, or have `EXPLAIN` show what costs so much"
            }
            Limit::Idle => "connect again, and commit or roll back before anything else is waited for",
            Limit::Transaction => {
                "connect again, and commit more often: what is locked and seen waits for the end"
            }
        }
    }
}

/// What is over its limit, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    pub limit: Limit,
    pub figure: u64,
    pub max: u64,
}

impl Over {
    /// What is said of it, in one sentence.
    pub fn words(&self) -> String {
        let max = grouped(self.max);
        match self.limit {
            Limit::PerSecond => format!(
                "would be {} within a second (limit {max})",
                counted(self.figure, "statement")
            ),
            Limit::Running => format!(
                "would be {} at once (limit {max})",
                counted(self.figure, "statement")
            ),
            Limit::Longest => format!(
                "the statement ran for {} (limit {}) and was cancelled",
                seconds(self.figure),
                seconds(self.max)
            ),
            Limit::Rows => format!(
                "the statement returned {} (limit {max}) and was cancelled",
                counted(self.figure, "row")
            ),
            Limit::Bytes => format!(
                "the statement returned {} (limit {max}) and was cancelled",
                counted(self.figure, "byte")
            ),
            Limit::Cost => format!(
                "would cost {} by the planner's estimate (limit {max})",
                grouped(self.figure)
            ),
            Limit::Idle => format!(
                "the transaction was open and idle for {} (limit {}){ROLLED_BACK}",
                seconds(self.figure),
                seconds(self.max)
            ),
            Limit::Transaction => format!(
                "the transaction was open for {} (limit {}){ROLLED_BACK}",
                seconds(self.figure),
                seconds(self.max)
            ),
        }
    }

    pub fn sqlstate(&self) -> &'static str {
        match self.limit {
            Limit::Longest => CANCELLED,
            Limit::Idle => IDLE_IN_TRANSACTION,
            Limit::Transaction => TRANSACTION_TIMEOUT,
            Limit::PerSecond | Limit::Running | Limit::Rows | Limit::Bytes | Limit::Cost => OVER_BUDGET,
        }
    }

    pub fn refusal(&self, principal: Principal, user: &str, decision: &DecisionId) -> Refusal {
        let hint = format!(
            "{}; `[guard.quotas.{principal}]` has the limits",
            self.limit.hint()
        );
        let mut refusal = Refusal::new(self.sqlstate(), self.words(), hint);
        refusal.detail = match self.limit {
            Limit::PerSecond | Limit::Running => format!(
                "quota `{}`, decision {decision}; all sessions of `{user}` count together",
                self.limit.key()
            ),
            Limit::Longest | Limit::Rows | Limit::Bytes | Limit::Cost | Limit::Idle | Limit::Transaction => {
                format!("quota `{}`, decision {decision}", self.limit.key())
            }
        };
        refusal
    }
}

/// The moments at which statements began, to ten milliseconds, for a second.
#[derive(Debug)]
pub struct LastSecond {
    slots: Box<[u32; SLOTS]>,
    /// The slot that is filled, counted from the beginning of time.
    newest: u64,
    total: u64,
}

impl Default for LastSecond {
    fn default() -> Self {
        LastSecond {
            slots: Box::new([0; SLOTS]),
            newest: 0,
            total: 0,
        }
    }
}

impl LastSecond {
    /// How many began within the second before `now`, which is what passed since the beginning of time.
    pub fn count(&mut self, now: Duration) -> u64 {
        let slot = u64::try_from(now.as_millis() / SLOT.as_millis()).unwrap_or(u64::MAX);
        // Callers read the clock before they wait for each other: it may seem to go back by that.
        let passed = slot.saturating_sub(self.newest);
        for step in 1..=passed.min(SLOTS as u64) {
            let emptied = std::mem::take(self.slot(self.newest + step));
            self.total -= u64::from(emptied);
        }
        self.newest += passed;
        self.total
    }

    pub fn add(&mut self, now: Duration, statements: u32) {
        self.count(now);
        let slot = self.slot(self.newest);
        let before = *slot;
        *slot = before.saturating_add(statements);
        let added = *slot - before;
        self.total += u64::from(added);
    }

    /// Adds them if that is within the limit.
    pub fn admit(&mut self, now: Duration, statements: u32, max: u32) -> Result<(), Over> {
        let figure = self.count(now) + u64::from(statements);
        if figure > u64::from(max) {
            return Err(Over {
                limit: Limit::PerSecond,
                figure,
                max: u64::from(max),
            });
        }
        self.add(now, statements);
        Ok(())
    }

    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "the remainder is less than the number of slots"
    )]
    fn slot(&mut self, number: u64) -> &mut u32 {
        &mut self.slots[(number % SLOTS as u64) as usize]
    }
}

/// What a statement returned so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Returned {
    pub rows: u64,
    pub bytes: u64,
}

impl Returned {
    pub fn add(&mut self, bytes: usize) {
        self.rows = self.rows.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    pub fn over(&self, quota: &Quota) -> Option<Over> {
        let over = |limit, figure, max: Option<u64>| {
            let max = max.filter(|max| figure > *max)?;
            Some(Over { limit, figure, max })
        };
        over(Limit::Rows, self.rows, quota.rows_returned_max)
            .or_else(|| over(Limit::Bytes, self.bytes, quota.bytes_returned_max))
    }
}

/// Whether a limit can be over while a statement runs, so that it is cancelled.
pub fn may_cancel(quota: &Quota) -> bool {
    quota.statement_longest.is_some() || has_size(quota)
}

/// Whether there is a limit to what a statement returns.
pub fn has_size(quota: &Quota) -> bool {
    quota.rows_returned_max.is_some() || quota.bytes_returned_max.is_some()
}

/// Whether each of them does nothing but end a transaction.
pub fn ends_transaction(all: &[Arc<Facts>]) -> bool {
    let ends = |facts: &Arc<Facts>| {
        let is_end = matches!(
            facts.steps.as_slice(),
            [TransactionStep::Commit { .. } | TransactionStep::Rollback { .. }]
        );
        is_end && facts.cost.statements == 1
    };
    !all.is_empty() && all.iter().all(ends)
}

/// Whether it makes no difference if it was committed or rolled back.
pub fn leaves_nothing(facts: &Facts) -> bool {
    let begins = |step: &TransactionStep| matches!(step, TransactionStep::Begin);
    facts.acts.iter().all(|act| match act.class {
        StatementClass::Read => true,
        StatementClass::Transaction => facts.steps.iter().all(begins),
        _ => false,
    })
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", grouped(ms / 1_000), ms % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn what_is_over_is_said_with_its_limit() {
        let mut second = LastSecond::default();
        second.admit(ms(5_000), 49, 50).unwrap();
        second.admit(ms(5_999), 1, 50).unwrap();
        let over = second.admit(ms(5_999), 1, 50).unwrap_err();
        assert_eq!(over.words(), "would be 51 statements within a second (limit 50)");
        let refusal = over.refusal(Principal::Agent, "coder", &DecisionId::new(0, 7));
        assert_eq!(
            (
                refusal.sqlstate.as_str(),
                refusal.detail.as_str(),
                refusal.hint.as_str()
            ),
            (
                "53400",
                "quota `statements_per_second`, decision dcn_0000000000000007; all sessions of `coder` count together",
                "wait a second, and send fewer at a time; `[guard.quotas.agent]` has the limits"
            )
        );
        let of = |limit, figure, max| Over { limit, figure, max }.words();
        assert_eq!(
            [
                of(Limit::Running, 5, 4),
                of(Limit::Longest, 1_230_456, 1_230_000),
                of(Limit::Rows, 10_001, 10_000),
                of(Limit::Bytes, 1_234_567, 1_000_000),
                of(Limit::Idle, 60_012, 60_000),
                of(Limit::Transaction, 300_099, 300_000)
            ],
            [
                "would be 5 statements at once (limit 4)",
                "the statement ran for 1,230.4 s (limit 1,230.0 s) and was cancelled",
                "the statement returned 10,001 rows (limit 10,000) and was cancelled",
                "the statement returned 1,234,567 bytes (limit 1,000,000) and was cancelled",
                "the transaction was open and idle for 60.0 s (limit 60.0 s); it is rolled back, and the session ends",
                "the transaction was open for 300.0 s (limit 300.0 s); it is rolled back, and the session ends"
            ]
        );
    }

    #[test]
    fn rows_and_bytes_are_counted_to_their_limits() {
        let quota = Quota {
            rows_returned_max: Some(2),
            bytes_returned_max: Some(100),
            ..Quota::default()
        };
        let mut returned = Returned::default();
        returned.add(60);
        assert_eq!(returned.over(&quota), None);
        returned.add(40);
        assert_eq!(returned.over(&quota), None);
        let bytes = Returned { rows: 1, bytes: 101 };
        assert_eq!(bytes.over(&quota).unwrap().limit, Limit::Bytes);
        returned.add(0);
        assert_eq!(returned.over(&quota).unwrap().limit, Limit::Rows);
        assert_eq!(returned.over(&Quota::default()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        /// Against every statement that was let through, one by one.
        #[test]
        fn no_second_has_more_than_the_limit_and_nobody_waits_longer(
            asked in proptest::collection::vec((0_u64..400, 1_u32..5), 1..200),
            max in 1_u32..30,
        ) {
            let mut second = LastSecond::default();
            let mut begun: Vec<u64> = Vec::new();
            let mut now = 0;
            for (pause, statements) in asked {
                now += pause;
                let within = |span: u64| begun.iter().filter(|at| **at + span > now).count() as u64;
                let after = |span| within(span) + u64::from(statements);
                let (shortest, longest) = (after(1_000), after(1_010));
                match second.admit(ms(now), statements, max) {
                    Ok(()) => {
                        prop_assert!(shortest <= u64::from(max));
                        begun.extend(std::iter::repeat_n(now, statements as usize));
                    }
                    Err(over) => {
                        prop_assert!(longest > u64::from(max), "{over:?}");
                        prop_assert!(shortest <= over.figure && over.figure <= longest);
                    }
                }
            }
        }
    }
}
