//! What a text of statements would do, whoever asks.

use std::borrow::Cow;

use safeguard_api::guard::{NamedRelation, StatementClass, StatementCost};

use crate::timeouts::Timeouts;

/// One thing that a statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    pub class: StatementClass,
    /// What it does, as the second half of "a statement that …".
    pub does: Cow<'static, str>,
    pub run: Run,
}

/// When an act happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// When the statement runs.
    Now,
    /// Whenever what the statement defines is used.
    Later,
}

/// A statement that concerns the transaction it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStep {
    Begin,
    /// With `chain` the next transaction begins at once.
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    /// Leaves it to another session.
    Prepare,
    /// Savepoints, which neither begin nor end it.
    Within,
}

/// Whether the server can say, before a text runs, what that will cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Plan {
    /// Nothing in it is planned.
    #[default]
    None,
    /// It is one statement, which `EXPLAIN` in front of it explains.
    One,
    /// Something in it is planned that `EXPLAIN` in front of the text does not show.
    Unseen,
}

/// A statement that takes whole tables, by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taking {
    pub verb: TakingVerb,
    /// The parts of each name, as the statement has them, without quotes.
    pub relations: Vec<Vec<String>>,
    /// What depends on them goes too.
    pub cascade: bool,
    /// Sequences begin again.
    pub restarts: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakingVerb {
    DropTable,
    Truncate,
}

/// What a text of statements would do. It depends on the text alone, and can be kept by it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// In the order in which the text has them, each once.
    pub acts: Vec<Act>,
    pub relations: Vec<NamedRelation>,
    /// Functions that are called, wherever, sorted.
    pub functions: Vec<String>,
    /// Whether something is called that is neither PostgreSQL's own nor named as what a common extension has for reading.
    pub calls_unknown: bool,
    /// Names under which statements are prepared.
    pub prepares: Vec<String>,
    /// Names of prepared statements that are run: what they do was judged when they were prepared, and is judged again
    /// by whoever knows them.
    pub executes: Vec<String>,
    /// Its own statements that begin or end a transaction, in their order.
    pub steps: Vec<TransactionStep>,
    /// Whether it declares a cursor that outlives its transaction: PostgreSQL runs its query at the commit.
    pub holds_cursor: bool,
    pub plan: Plan,
    /// The tables that a `DROP TABLE` or `TRUNCATE` of the text itself takes; of several, those of the last.
    pub taking: Option<Taking>,
    /// Advisory locks that are released by the transaction's end, and taken in so many places.
    pub locks: u32,
    /// The code of an approval that it sets for the statement after it.
    pub approval: Option<String>,
    /// The longest that it sets each timeout to.
    pub timeouts: Timeouts,
    pub cost: StatementCost,
}

/// Acts beyond this many say nothing new to whoever reads them, and are counted by their classes alone.
const ACTS_MAX: usize = 256;

impl Facts {
    /// The facts of what can not even be read as a text of statements.
    #[must_use]
    pub fn not_understood(does: impl Into<Cow<'static, str>>) -> Facts {
        let mut facts = Facts::default();
        facts.add(StatementClass::NotUnderstood, does, Run::Now);
        facts
    }

    pub(crate) fn add(&mut self, class: StatementClass, does: impl Into<Cow<'static, str>>, run: Run) {
        let of_class = |act: &Act| act.class == class && act.run == run;
        if self.acts.len() >= ACTS_MAX && self.acts.iter().any(of_class) {
            return;
        }
        let act = Act {
            class,
            does: does.into(),
            run,
        };
        if !self.acts.contains(&act) {
            self.acts.push(act);
        }
    }
}
