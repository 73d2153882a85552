//! The words of the guard: who asks, what a statement does, and what is answered.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stage::Environment;

/// An enum of words that are written the same everywhere: in settings, commands, answers and pages.
macro_rules! words {
    ($(#[$about:meta])* $name:ident, $error:ident, $what:literal: $($(#[$meaning:meta])* $variant:ident = $word:literal,)*) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$meaning])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            fn words() -> String {
                let words: Vec<&str> = $name::ALL.iter().map(|one| one.as_str()).collect();
                words.join(", ")
            }

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        #[doc = concat!("Says that a word names no ", $what, ".")]
        #[derive(Debug, thiserror::Error)]
        #[error("`{0}` is not a {kind}: {words}", kind = $what, words = $name::words())]
        pub struct $error(String);

        impl FromStr for $name {
            type Err = $error;
            fn from_str(text: &str) -> Result<Self, $error> {
                $name::ALL
                    .iter()
                    .copied()
                    .find(|one| one.as_str() == text)
                    .ok_or_else(|| $error(text.chars().take(40).collect()))
            }
        }
    };
}

words! {
    /// Who asks the database.
    Principal, PrincipalError, "principal":
    /// A coding agent, from a shell or through a tool.
    Agent = "agent",
    /// A running service with AI-written code in it.
    Service = "service",
    /// A person at a terminal.
    Person = "person",
    /// The step of a release that changes the schema.
    Migration = "migration",
}

words! {
    /// What a statement does. One statement may do several of these.
    StatementClass, StatementClassError, "class of statements":
    /// Looks at rows.
    Read = "read",
    /// Adds or changes rows that it names.
    Write = "write",
    /// Changes or deletes every row: no condition, or one that is always true.
    BulkWrite = "bulk-write",
    /// Deletes rows, or large objects.
    Delete = "delete",
    /// Empties a table.
    Truncate = "truncate",
    /// Removes something that holds data: a table, a column, a schema, a sequence.
    Drop = "drop",
    /// Removes a definition that can be made again: an index, a view, a function.
    DropDefinition = "drop-definition",
    /// Removes a whole database, a tablespace, or everything that a role owns.
    DropEverything = "drop-everything",
    /// Adds to the schema.
    Create = "create",
    /// Changes what the schema already has.
    Alter = "alter",
    /// Defines what runs later, unasked: functions, triggers, rules.
    Code = "code",
    /// Describes something.
    Comment = "comment",
    /// Makes or changes what ends with the session.
    Temporary = "temporary",
    /// Switches off what protects rows: triggers, row security, constraints of replication.
    Protection = "protection",
    /// Changes who may do what.
    Privilege = "privilege",
    /// Makes, changes or removes a role.
    Role = "role",
    /// Takes on another role.
    Identity = "identity",
    /// Goes back to the role of the login.
    IdentityReset = "identity-reset",
    /// Sets something of the session that changes nothing but the session.
    Session = "session",
    /// Sets something that changes how statements are read, checked or counted.
    Setting = "setting",
    /// Switches off or raises what ends statements, waits for locks and transactions that take too long.
    Timeout = "timeout",
    /// Begins or ends a transaction.
    Transaction = "transaction",
    /// Prepares a transaction for another session to commit.
    TwoPhase = "two-phase",
    /// Reads or writes files of the server, or runs programs there.
    Host = "host",
    /// Reaches another database or server.
    Outward = "outward",
    /// Names the database that a relation is in.
    NamesDatabase = "names-database",
    /// Adds or changes an extension.
    Extension = "extension",
    /// Runs SQL from a text that is not in sight.
    DynamicSql = "dynamic-sql",
    /// Has SQL run later, by somebody else.
    Deferred = "deferred",
    /// Locks a table against reading or writing.
    Lock = "lock",
    /// Takes advisory locks that outlive their transaction, or as many as there are rows.
    SessionLock = "session-lock",
    /// Tends tables and indexes while others work.
    Maintenance = "maintenance",
    /// Rewrites tables or indexes while nobody else can work.
    ExclusiveMaintenance = "exclusive-maintenance",
    /// Ends the statements or sessions of others.
    BackendControl = "backend-control",
    /// Changes the server as a whole.
    ServerAdmin = "server-admin",
    /// Writes to PostgreSQL's own catalogs.
    CatalogWrite = "catalog-write",
    /// Reads passwords and other secrets of the server.
    Secret = "secret",
    /// Calls a function or operator that is not PostgreSQL's own: what it does shows only when it runs.
    UnknownFunction = "unknown-function",
    /// Runs what was prepared before.
    ExecutePrepared = "execute-prepared",
    /// Asks for more than the limits allow.
    TooComplex = "too-complex",
    /// Is not understood.
    NotUnderstood = "not-understood",
}

words! {
    /// What is answered to a statement.
    GuardAnswer, GuardAnswerError, "answer":
    /// It runs.
    Allow = "allow",
    /// It runs in a transaction of the guard's, and is committed when its true effect is within the budget.
    Measure = "measure",
    /// It does not run.
    Deny = "deny",
}

/// Who asks, where, and whether a freeze holds production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Asker {
    pub principal: Principal,
    pub environment: Environment,
    pub frozen: bool,
}

/// What a measured statement may change, triggers and cascades included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowBudget {
    /// Rows added or changed.
    pub rows_changed_max: u64,
    /// Rows deleted.
    pub rows_deleted_max: u64,
}

/// A relation that a statement names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedRelation {
    /// With its schema where the statement gives one; quoted where SQL would ask for quotes.
    pub name: String,
    /// Whether the statement names it as what it changes.
    pub target: bool,
}

/// How much a text of statements asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatementCost {
    pub bytes: u64,
    pub statements: u32,
    /// Places in which a relation, or a common table expression, is read or written.
    pub relations: u32,
    pub joins: u32,
    pub subqueries: u32,
    /// How deep the tree of the deepest statement is.
    pub depth: u32,
    /// Relations in one `FROM` that nothing joins to the others.
    pub cartesian_products: u32,
    /// `CROSS JOIN`, written out.
    pub cross_joins: u32,
    /// Queries that return whole relations: no condition, no grouping, no `LIMIT`.
    pub unlimited_reads: u32,
}

/// Why a statement does not run, or is measured, as PostgreSQL words an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardFinding {
    /// The rule's id; its page says more.
    pub rule: String,
    pub sqlstate: String,
    /// One sentence: what it would do, and which rule stands against it.
    pub message: String,
    /// Who asked, and why the rule is there.
    pub detail: String,
    /// What to do instead.
    pub hint: String,
}

/// What is answered to a text of one or more statements, and what led there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardDecision {
    pub decision: GuardAnswer,
    /// The weightiest of `classes`.
    pub class: StatementClass,
    pub classes: Vec<StatementClass>,
    /// The rule that decided; none where everything is allowed.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub finding: Option<GuardFinding>,
    /// Where it is measured: what it may change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<RowBudget>,
    pub relations: Vec<NamedRelation>,
    pub functions: Vec<String>,
    pub cost: StatementCost,
    #[serde(rename = "as")]
    pub principal: Principal,
    pub environment: Environment,
    pub frozen: bool,
}

/// What is answered to a shell command, and what led there. Nothing measures a command: it is allowed or denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandDecision {
    pub decision: GuardAnswer,
    /// The rule that decided; none where everything is allowed.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub finding: Option<GuardFinding>,
    /// The programs that it would run, looked for behind `sudo`, `xargs`, `ssh` and the like; sorted.
    pub programs: Vec<String>,
    /// Files whose text decides, and was not given.
    pub files_needed: Vec<String>,
    /// Scripts of the disk that it would run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<String>,
    #[serde(rename = "as")]
    pub principal: Principal,
    pub environment: Environment,
}
