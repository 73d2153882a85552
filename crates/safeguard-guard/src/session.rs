//! What concerns the session alone: transactions, settings, cursors, prepared statements, notifications.

use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{ExplainStmt, TransactionStmt, VariableSetStmt};
use pg_raw_parse::raw::{TransactionStmtKind, VariableSetKind};
use pg_raw_parse::{ConstValue, Node};
use safeguard_api::guard::StatementClass as Class;

use crate::facts::{Plan, TransactionStep};
use crate::memory;
use crate::names::{shown, text, written};
use crate::read::{Below, Scope, Walk};
use crate::timeouts::{TIMEOUTS, milliseconds};

/// The weakest mode of `LOCK TABLE` in which nobody else can change rows: `SHARE`.
const NO_WRITES_LOCK: i32 = 5;

pub(crate) fn see<'a>(walk: &mut Walk<'a, '_>, node: Node<'a>, scope: Scope) -> Option<Below> {
    match node {
        Node::TransactionStmt(transaction) => self::transaction(walk, transaction, scope),
        Node::VariableSetStmt(set) => variable(walk, set, scope),
        Node::VariableShowStmt(_) => walk.add(Class::Session, "shows a setting", scope),
        Node::ConstraintsSetStmt(_) => {
            walk.add(Class::Session, "says when constraints are checked", scope);
        }
        Node::DiscardStmt(_) => walk.add(Class::Session, "discards what the session keeps", scope),
        Node::ListenStmt(_) | Node::UnlistenStmt(_) | Node::NotifyStmt(_) => {
            walk.add(Class::Session, "listens or notifies", scope);
        }
        Node::FetchStmt(_) | Node::ClosePortalStmt(_) => {
            walk.add(Class::Session, "goes on with a cursor", scope);
        }
        Node::PrepareStmt(prepare) => {
            walk.facts.prepares.extend(prepare.name().map(str::to_owned));
            walk.add(Class::Session, "prepares a statement", scope);
        }
        Node::DeallocateStmt(_) => walk.add(Class::Session, "forgets a prepared statement", scope),
        Node::ExecuteStmt(execute) => {
            let name = execute.name().unwrap_or_default();
            walk.facts.executes.push(name.to_owned());
            let does = format!("runs the prepared statement `{}`", written(&[name]));
            walk.add(Class::ExecutePrepared, does, scope);
        }
        Node::ExplainStmt(explain) => {
            let runs = runs(explain);
            walk.add(Class::Read, "explains a statement", scope);
            let below = Scope {
                planned: scope.planned || !runs,
                ..scope
            };
            walk.push(explain.query(), below);
            return Some(Below::Pushed);
        }
        Node::LockStmt(lock) => {
            let tables: Vec<String> = lock
                .relations()
                .iter()
                .map(|table| match table {
                    Node::RangeVar(table) => shown(Some(table)),
                    _ => "a table".to_owned(),
                })
                .collect();
            let tables = tables.join(", ");
            if lock.mode >= NO_WRITES_LOCK {
                walk.add(
                    Class::Lock,
                    format!("locks {tables} against everybody else"),
                    scope,
                );
            } else {
                walk.add(Class::Session, format!("locks {tables} in a shared mode"), scope);
            }
        }
        _ => return None,
    }
    Some(Below::All(scope))
}

/// Whether the server can say what a statement will cost.
pub(crate) fn plan(node: Node<'_>) -> Plan {
    match node {
        Node::SelectStmt(_)
        | Node::InsertStmt(_)
        | Node::UpdateStmt(_)
        | Node::DeleteStmt(_)
        | Node::MergeStmt(_)
        | Node::DeclareCursorStmt(_)
        | Node::CreateTableAsStmt(_)
        | Node::ExecuteStmt(_) => Plan::One,
        Node::ExplainStmt(explain) if runs(explain) => Plan::Unseen,
        Node::CopyStmt(copy) if !copy.is_from => Plan::Unseen,
        Node::RefreshMatViewStmt(_) | Node::CallStmt(_) | Node::DoStmt(_) => Plan::Unseen,
        _ => Plan::None,
    }
}

/// PostgreSQL runs the statement for `ANALYZE` in any spelling but a plain no.
fn runs(explain: &ExplainStmt) -> bool {
    explain.options().into_iter().any(|option| {
        let asked = option
            .defname()
            .is_some_and(|name| name.eq_ignore_ascii_case("analyze"));
        asked && !is_plain_no(option.arg())
    })
}

fn is_plain_no(value: Node<'_>) -> bool {
    match value {
        Node::Integer(number) => number.ival == 0,
        Node::Boolean(value) => !value.boolval,
        Node::String(word) => word
            .sval()
            .is_some_and(|word| ["false", "off"].iter().any(|no| word.eq_ignore_ascii_case(no))),
        _ => false,
    }
}

fn transaction(walk: &mut Walk<'_, '_>, transaction: &TransactionStmt, scope: Scope) {
    match transaction.kind {
        TransactionStmtKind::TRANS_STMT_PREPARE
        | TransactionStmtKind::TRANS_STMT_COMMIT_PREPARED
        | TransactionStmtKind::TRANS_STMT_ROLLBACK_PREPARED => {
            walk.step(step(transaction.kind, false));
            walk.add(Class::TwoPhase, "hands a transaction to another session", scope);
        }
        kind => {
            walk.step(step(kind, transaction.chain));
            walk.add(Class::Transaction, "begins or ends a transaction", scope);
        }
    }
}

fn step(kind: TransactionStmtKind::Type, chain: bool) -> TransactionStep {
    match kind {
        TransactionStmtKind::TRANS_STMT_BEGIN | TransactionStmtKind::TRANS_STMT_START => {
            TransactionStep::Begin
        }
        TransactionStmtKind::TRANS_STMT_COMMIT => TransactionStep::Commit { chain },
        TransactionStmtKind::TRANS_STMT_ROLLBACK => TransactionStep::Rollback { chain },
        TransactionStmtKind::TRANS_STMT_PREPARE => TransactionStep::Prepare,
        _ => TransactionStep::Within,
    }
}

fn variable(walk: &mut Walk<'_, '_>, set: &VariableSetStmt, scope: Scope) {
    let name = set.name().unwrap_or_default();
    let back = match set.kind {
        VariableSetKind::VAR_RESET_ALL => {
            walk.add(Class::Session, "resets the settings of the session", scope);
            return;
        }
        // `SET TRANSACTION`, `SET SESSION CHARACTERISTICS`: a transaction that is read-only is no boundary here, nor is
        // one that is not.
        VariableSetKind::VAR_SET_MULTI => {
            walk.add(Class::Transaction, "sets how transactions are isolated", scope);
            return;
        }
        VariableSetKind::VAR_SET_VALUE => false,
        _ => true,
    };
    let value = if back { Value::Back } else { Value::of(set.args()) };
    setting(walk, name, &value, scope);
}

/// What a setting is set to.
enum Value {
    /// To what it was at login.
    Back,
    Words(Vec<String>),
    /// To something that is not in sight.
    Unseen,
}

impl Value {
    fn of(list: &NodeList) -> Value {
        let words: Option<Vec<String>> = list.iter().map(word).collect();
        words.map_or(Value::Unseen, Value::Words)
    }

    /// Milliseconds, as far as they are in sight; nothing at all where it goes back to what it was at login.
    fn figure(&self) -> Option<Option<u64>> {
        match self {
            Value::Back => None,
            Value::Words(words) => Some(match words.as_slice() {
                [word] => milliseconds(word),
                _ => None,
            }),
            Value::Unseen => Some(None),
        }
    }

    fn all(&self, fits: impl Fn(&str) -> bool) -> bool {
        match self {
            Value::Back => true,
            Value::Words(words) => words.iter().all(|word| fits(word)),
            Value::Unseen => false,
        }
    }
}

fn word(node: Node<'_>) -> Option<String> {
    match node {
        Node::A_Const(value) => value.val().and_then(|value| match value {
            ConstValue::Unrecognized(_) => None,
            known => Some(known.to_string()),
        }),
        node => text(node).map(str::to_owned),
    }
}

/// `set_config(name, value, is_local)`.
pub(crate) fn set_config(walk: &mut Walk<'_, '_>, arguments: &NodeList, scope: Scope) {
    let Some(name) = arguments.first().and_then(text) else {
        walk.add(Class::Setting, "sets a setting whose name is not in sight", scope);
        return;
    };
    let value = match arguments.get(1).and_then(text) {
        // Here the parts of a list stand in one text.
        Some(value) => Value::Words(
            value
                .split(',')
                .map(|part| part.trim().trim_matches('"').to_owned())
                .collect(),
        ),
        None => Value::Unseen,
    };
    setting(walk, name, &value, scope);
}

/// Settings are named without regard to case, also between quotes.
fn setting(walk: &mut Walk<'_, '_>, name: &str, value: &Value, scope: Scope) {
    let name = name.to_ascii_lowercase();
    let harmless = match name.as_str() {
        "role" | "session_authorization" => {
            let back = value.all(|word| {
                ["none", "default"]
                    .iter()
                    .any(|one| word.eq_ignore_ascii_case(one))
            });
            match back {
                true => walk.add(Class::IdentityReset, "goes back to the role of the login", scope),
                false => walk.add(Class::Identity, "takes on another role", scope),
            }
            return;
        }
        "standard_conforming_strings" => value.all(|word| {
            ["on", "true", "yes", "1"]
                .iter()
                .any(|yes| word.eq_ignore_ascii_case(yes))
        }),
        "client_encoding" => value.all(is_utf8),
        "search_path" => is_ordinary_path(value),
        name if let Some(unit) = memory::unit(name) => {
            if !value.all(|word| memory::is_moderate(word, unit)) {
                let does = format!("sets `{name}` to more than 1 GB, or to what is not in sight");
                walk.add(Class::Timeout, does, scope);
                return;
            }
            true
        }
        // For the guard itself: to PostgreSQL it is a word like any other.
        "safeguard.approval" => {
            if let Value::Words(words) = value {
                walk.facts.approval = words.first().cloned();
            }
            true
        }
        name if let Ok(at) = TIMEOUTS.binary_search(&name) => {
            if let Some(figure) = value.figure() {
                let (class, does) = walk.facts.sets_timeout(at, figure);
                walk.add(class, does, scope);
                return;
            }
            true
        }
        custom if custom.contains('.') => !OF_EXTENSIONS.iter().any(|prefix| custom.starts_with(prefix)),
        _ => {
            HARMLESS.binary_search(&name.as_str()).is_ok()
                || name.starts_with("enable_")
                || name.starts_with("geqo")
        }
    };
    if harmless {
        walk.add(Class::Session, "sets a setting of the session", scope);
    } else {
        let does = format!("sets `{}`", written(&[&name]));
        walk.add(Class::Setting, does, scope);
    }
}

// Other encodings change where a text ends.
fn is_utf8(word: &str) -> bool {
    let plain: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    ["utf8", "unicode"]
        .iter()
        .any(|name| plain.eq_ignore_ascii_case(name))
}

/// PostgreSQL's own schema comes first where a path does not name it; named later, others come before it.
fn is_ordinary_path(value: &Value) -> bool {
    match value {
        Value::Back => true,
        Value::Words(words) => words
            .iter()
            .enumerate()
            .all(|(at, word)| !word.eq_ignore_ascii_case("pg_catalog") || at == 0),
        Value::Unseen => false,
    }
}

/// Prefixes of settings that belong to extensions, or to the guard.
const OF_EXTENSIONS: &[&str] = &[
    "auto_explain.",
    "cron.",
    "pg_hint_plan.",
    "pg_stat_statements.",
    "pgaudit.",
    "pljava.",
    "plperl.",
    "plpgsql.",
    "plpython.",
    "pltcl.",
    "plv8.",
    "safeguard.",
];

/// Settings that anybody may set and that change nothing but the session, sorted.
static HARMLESS: &[&str] = &[
    "application_name",
    "array_nulls",
    "bytea_output",
    "check_function_bodies",
    "client_connection_check_interval",
    "client_min_messages",
    "constraint_exclusion",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "cpu_tuple_cost",
    "cursor_tuple_fraction",
    "datestyle",
    "debug_parallel_query",
    "default_statistics_target",
    "default_table_access_method",
    "default_tablespace",
    "default_text_search_config",
    "default_toast_compression",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "default_with_oids",
    "effective_cache_size",
    "effective_io_concurrency",
    "escape_string_warning",
    "extra_float_digits",
    "force_parallel_mode",
    "from_collapse_limit",
    "gin_fuzzy_search_limit",
    "icu_validation_level",
    "idle_session_timeout",
    "intervalstyle",
    "jit",
    "jit_above_cost",
    "jit_inline_above_cost",
    "jit_optimize_above_cost",
    "join_collapse_limit",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "maintenance_io_concurrency",
    "max_parallel_maintenance_workers",
    "max_parallel_workers",
    "max_parallel_workers_per_gather",
    "min_parallel_index_scan_size",
    "min_parallel_table_scan_size",
    "parallel_leader_participation",
    "parallel_setup_cost",
    "parallel_tuple_cost",
    "plan_cache_mode",
    "quote_all_identifiers",
    "random_page_cost",
    "recursive_worktable_factor",
    "row_security",
    "seed",
    "seq_page_cost",
    "synchronize_seqscans",
    "synchronous_commit",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
    "tcp_user_timeout",
    "timezone",
    "timezone_abbreviations",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
    "vacuum_cost_delay",
    "vacuum_cost_limit",
    "vacuum_cost_page_dirty",
    "vacuum_cost_page_hit",
    "vacuum_cost_page_miss",
    "xmlbinary",
    "xmloption",
];

#[cfg(test)]
mod tests {
    use crate::facts::Plan;
    use crate::facts::TransactionStep::{Begin, Commit, Prepare, Rollback, Within};
    use crate::read;

    #[test]
    fn steps_of_a_transaction_are_told_and_texts_within_have_none() {
        let steps = |sql: &str| read(sql).steps;
        assert_eq!(steps("START TRANSACTION; END"), [Begin, Commit { chain: false }]);
        assert_eq!(steps("COMMIT AND CHAIN"), [Commit { chain: true }]);
        assert_eq!(steps("ABORT"), [Rollback { chain: false }]);
        assert_eq!(steps("PREPARE TRANSACTION 'x'"), [Prepare]);
        assert_eq!(
            steps("SAVEPOINT a; ROLLBACK TO a; RELEASE a"),
            [Within, Within, Within]
        );
        assert_eq!(steps("SELECT query_to_xml('COMMIT', true, true, '')"), []);
        assert_eq!(steps("SET TRANSACTION READ ONLY"), []);
    }

    #[test]
    fn a_cursor_that_outlives_its_transaction_is_told() {
        assert!(read("DECLARE c CURSOR WITH HOLD FOR SELECT 1").holds_cursor);
        assert!(!read("DECLARE c SCROLL CURSOR WITHOUT HOLD FOR SELECT 1").holds_cursor);
    }

    #[test]
    fn what_has_a_plan_and_what_hides_one_is_told() {
        let of = |sql: &str| read(sql).plan;
        for one in [
            "SELECT 1",
            "/* a */ DELETE FROM t;",
            "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
            "CREATE TABLE n AS SELECT 1",
            "EXECUTE s(1)",
            "DECLARE c CURSOR FOR SELECT 1",
        ] {
            assert_eq!(of(one), Plan::One, "{one}");
        }
        for unseen in [
            "SELECT 1; SELECT 2",
            "BEGIN; SELECT 1",
            "EXPLAIN ANALYZE SELECT 1",
            "EXPLAIN (ANALYZE 1) SELECT 1",
            "COPY t TO STDOUT",
            "COPY (SELECT 1) TO STDOUT",
            "DO 'BEGIN END'",
            "CALL p()",
        ] {
            assert_eq!(of(unseen), Plan::Unseen, "{unseen}");
        }
        for none in [
            "",
            "BEGIN",
            "SET a.b = 'SELECT 1'",
            "EXPLAIN SELECT 1",
            "EXPLAIN (ANALYZE off) SELECT 1",
            "COPY t FROM STDIN",
            "PREPARE s AS SELECT 1",
            "CREATE TABLE t (a int DEFAULT 1)",
        ] {
            assert_eq!(of(none), Plan::None, "{none}");
        }
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(super::HARMLESS.is_sorted_by(|one, two| one < two));
    }
}
