//! Statements that a guard proxy did not simply let through: what is told of them, and how a person lets one run after all.

mod wording;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approval::{Consent, SignedStatement};
use crate::breakglass::{BREAKGLASS_PERSONS_MIN, Review};
use crate::guard::{Principal, RowBudget, StatementClass};
use crate::id::{DecisionId, Digest, Name, UndoId};
use crate::stage::Environment;
use crate::time::{Span, Timestamp};

pub use wording::{BOUND_VALUES_MAX, BoundValue, Wording};

pub const STATEMENT_API: &str = "safeguard.statement/1";
/// Of one batch of a proxy.
pub const DECISIONS_MAX: usize = 256;
/// A longer text, with the values of its parameters, can not be approved: nobody reads it.
pub const REQUEST_TEXT_BYTES_MAX: usize = 16 << 10;
/// Of one day: what is refused beyond them can not be approved.
pub const REQUESTS_MAX: usize = 500;
/// An approval holds for so long at most.
pub const STATEMENT_APPROVAL_LONGEST: Span = Span::minutes(60);
/// Tables that one approval names, and kinds of objects that may go with them.
pub const TAKES_MAX: usize = 16;
/// What codes of approvals begin with.
pub const CODE_PREFIX: &str = "sga_";

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did not run.
    Refused,
    /// It ran, did more than it may, and was rolled back.
    RolledBack,
    /// It ran, and was within its budget when that was counted, right before the commit.
    Within,
    /// The proxy only observes: it would have been refused or measured.
    Observed,
}

/// Rows that were added, changed or deleted, by triggers, cascades and functions too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowEffect {
    /// Rows added or changed.
    pub rows_changed: u64,
    pub rows_deleted: u64,
}

/// One decision of a proxy. It has names and classes, and nothing of the statement's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementDecision {
    pub decision: DecisionId,
    pub at: Timestamp,
    pub login: String,
    /// Whose login it is, or for whom the agent works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    pub principal: Principal,
    pub outcome: Outcome,
    /// The rule of the guard that decided, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What the client was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    pub classes: Vec<StatementClass>,
    pub relations: Vec<String>,
    /// With those that are repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<RowEffect>,
    /// The decision that was approved, where this one rests on an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<DecisionId>,
    /// Under which what it removed and changed is kept in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<UndoId>,
    /// Of one that may be approved: the database keeps nothing of what it removes, since undo is not installed there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unkept: bool,
    /// A freeze stands against it, besides whatever else does.
    #[serde(default, skip_serializing_if = "is_false")]
    pub frozen: bool,
    /// How many more decisions were the same, within the same batch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeated: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(is_true: &bool) -> bool {
    !*is_true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What a proxy tells the server, about once a second.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionBatch {
    pub proxy: Name,
    pub environment: Environment,
    pub decisions: Vec<StatementDecision>,
    /// Texts of refused statements that a person may approve. They are kept beside the log, and not in it.
    #[serde(default)]
    pub texts: Vec<StatementText>,
}

/// The text of a statement, with the decision about it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementText {
    pub decision: DecisionId,
    pub text: String,
    /// Of its parameters, `$1` first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<BoundValue>,
}

/// The entry of the log that has a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionsRecorded {
    pub entry: u64,
}

/// A statement that was refused, and that a person may let run once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementRequest {
    pub proxy: Name,
    pub environment: Environment,
    pub decision: StatementDecision,
    /// What the log says of the text: it is kept apart from it, and can be erased.
    pub commitment: String,
    /// With its literals; none when it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Of its parameters, `$1` first; erased with the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<BoundValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<ApprovedStatement>,
}

impl StatementRequest {
    /// What an approval speaks of; none when it was erased.
    #[must_use]
    pub fn wording(&self) -> Option<Wording> {
        let text = self.text.clone()?;
        let values = self.values.clone();
        Some(Wording { text, values })
    }

    /// In a word or two, for a list.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> &'static str {
        match &self.approved {
            None => "asked",
            Some(approved) if approved.used_at.is_some() && approved.wants_review() => "used, not reviewed",
            Some(approved) if approved.used_at.is_some() => "used",
            Some(approved) if approved.statement.expires <= now => "expired",
            Some(approved) if !approved.is_signed() => "signed by one of two",
            Some(_) => "approved",
        }
    }

    /// Whether it takes two people and a reason to let it run: it would go through a freeze, or take tables of production.
    #[must_use]
    pub fn wants_breakglass(&self) -> bool {
        let takes = self.environment == Environment::Production && self.decision.takes_tables();
        takes || self.decision.frozen
    }
}

/// What a person signs: its canonical JSON (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementApproval {
    /// `safeguard.statement/1`.
    pub api: String,
    /// The decision that refused the statement.
    pub decision: DecisionId,
    pub proxy: Name,
    pub environment: Environment,
    pub login: String,
    pub principal: Principal,
    /// The digest of the very text, with its literals and with what its parameters were bound to.
    pub statement: Digest,
    /// What it may change and delete at most, triggers and cascades included.
    pub budget: RowBudget,
    /// Of a `DROP TABLE` or `TRUNCATE`: the tables that it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes: Option<Takes>,
    /// Nothing is kept of what it removes: whoever signs has been told.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unkept: bool,
    /// Where it takes two people to let it run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breakglass: Option<StatementBreakglass>,
    pub expires: Timestamp,
}

/// Why two people let a statement run that one may not let run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatementBreakglass {
    pub reason: String,
    /// Freezes do not hold this one statement.
    pub lifts_freeze: bool,
}

impl StatementApproval {
    /// How many people must sign it.
    #[must_use]
    pub fn persons_min(&self) -> usize {
        match self.breakglass {
            Some(_) => BREAKGLASS_PERSONS_MIN,
            None => 1,
        }
    }
}

/// What a `DROP TABLE` or `TRUNCATE` may take. How many rows may go with it is in the budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Takes {
    /// Each with its schema, as SQL writes it: without one, the name would be of whatever table the session's path has first.
    pub relations: Vec<String>,
    /// Kinds of other objects that may go with them by `CASCADE`, in PostgreSQL's words, such as `view`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

impl Takes {
    /// Whether a name has its schema.
    #[must_use]
    pub fn is_qualified(name: &str) -> bool {
        // Every second piece stands within quotes.
        let mut outside = name.split('"').step_by(2);
        outside.any(|piece| piece.contains('.'))
    }
}

impl StatementDecision {
    /// Whether the statement would take whole tables, and not rows of them.
    #[must_use]
    pub fn takes_tables(&self) -> bool {
        let takes = |class: &StatementClass| matches!(class, StatementClass::Drop | StatementClass::Truncate);
        self.classes.iter().any(takes)
    }
}

/// A signed approval, as it is kept. Of its code only the hash is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovedStatement {
    pub statement: StatementApproval,
    pub person: String,
    pub signed: SignedStatement,
    pub signed_at: Timestamp,
    /// Of those who signed the same after the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Consent>,
    /// None until as many have signed as must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_sha256: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// Of a break-glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    pub entry: u64,
}

impl ApprovedStatement {
    /// Everybody's signature.
    #[must_use]
    pub fn consents(&self) -> Vec<Consent> {
        let first = Consent {
            person: self.person.clone(),
            signature: self.signed.signature.clone(),
            signed_at: self.signed_at,
            entry: self.entry,
        };
        std::iter::once(first).chain(self.more.iter().cloned()).collect()
    }

    /// The people who signed it.
    #[must_use]
    pub fn persons(&self) -> BTreeSet<&str> {
        let more = self.more.iter().map(|consent| consent.person.as_str());
        std::iter::once(self.person.as_str()).chain(more).collect()
    }

    /// Whether as many people have signed it as must.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.persons().len() >= self.statement.persons_min()
    }

    /// Whether it was a break-glass, and nobody has looked at it since.
    #[must_use]
    pub fn wants_review(&self) -> bool {
        self.statement.breakglass.is_some() && self.is_signed() && self.review.is_none()
    }
}

/// The code that lets the statement run, told once, to who signed last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementCode {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub statement: StatementApproval,
    /// Who has signed it so far.
    pub persons: Vec<String>,
    pub entry: u64,
}

/// A code, as a proxy was given it, and what it was given for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redemption {
    pub code: String,
    pub proxy: Name,
    pub environment: Environment,
    pub login: String,
    pub statement: Digest,
    /// A freeze stands against it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub frozen: bool,
}

/// What a code was good for; it is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redeemed {
    pub decision: DecisionId,
    pub budget: RowBudget,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes: Option<Takes>,
    pub entry: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_within_quotes_is_no_schema() {
        for (name, qualified) in [
            ("public.users", true),
            ("public.\"Users\"", true),
            ("users", false),
            ("\"a.b\"", false),
            ("\"a.b\".c", true),
        ] {
            assert_eq!(Takes::is_qualified(name), qualified, "{name}");
        }
    }
}
