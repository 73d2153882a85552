//! What is dangerous in a migration's text: locks that stop users, what the version that still runs misses, what can not be undone.
//!
//! The locks and rewrites are those of PostgreSQL's manual ("ALTER TABLE", "Explicit Locking"), found by squawk's rules; statements
//! that no migration may run at all are the guard's own.

mod measured;
mod own;

use std::ops::Range;

use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::evidence::Severity;
use safeguard_api::guard::{Asker, GuardAnswer, Principal, StatementClass as Class};
use safeguard_api::migration::MigrationFinding;
use squawk_linter::{Linter, Rule, Violation};
use squawk_syntax::ast::AstNode as _;
use squawk_syntax::{SourceFile, SyntaxKind};

use crate::{judge, read};
pub use measured::{Limits, measured};

/// Rules that say of a statement that it stops users or breaks the version that still runs. The rest of squawk's is a matter of taste.
const HIGH: &[Rule] = &[
    Rule::AddingFieldWithDefault,
    Rule::AddingForeignKeyConstraint,
    Rule::AddingNotNullableField,
    Rule::AddingRequiredField,
    Rule::AddingSerialPrimaryKeyField,
    Rule::BanAlterDomainWithAddConstraint,
    Rule::BanConcurrentIndexCreationInTransaction,
    Rule::BanDisableTrigger,
    Rule::BanDropColumn,
    Rule::BanDropDatabase,
    Rule::BanDropSchema,
    Rule::BanDropTable,
    Rule::BanTruncateCascade,
    Rule::ChangingColumnType,
    Rule::ConstraintMissingNotValid,
    Rule::DisallowedUniqueConstraint,
    Rule::PreferRepack,
    Rule::RenamingColumn,
    Rule::RenamingTable,
    Rule::RequireConcurrentIndexCreation,
    Rule::RequireConcurrentIndexDeletion,
    Rule::RequireConcurrentPartitionDetach,
    Rule::RequireConcurrentReindex,
];
const MEDIUM: &[Rule] = &[
    Rule::BanDropNotNull,
    Rule::BanDropFunction,
    Rule::BanDropTrigger,
    Rule::BanDropType,
    Rule::BanDropView,
    Rule::BanUncommittedTransaction,
    Rule::IdentifierTooLong,
    Rule::RequireLockTimeout,
    Rule::TransactionNesting,
];
/// What the version that still runs misses.
const CONTRACTS: &[Rule] = &[
    Rule::BanDropColumn,
    Rule::BanDropTable,
    Rule::RenamingColumn,
    Rule::RenamingTable,
];
/// Begins a line that says how many rows are meant to go.
const REMOVES: &str = "-- safeguard: removes ";

/// A migration's text: the way up and, where the file has one, the way down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script<'a> {
    pub up: &'a str,
    pub down: Option<&'a str>,
    /// Lines before the way up.
    lines_before: usize,
}

/// Reads the marks of dbmate, goose, sql-migrate and node-pg-migrate; without one, all of it is the way up.
#[must_use]
pub fn script(text: &str) -> Script<'_> {
    let (mut up, mut down) = (None, None);
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let next = at + line.len();
        match mark(line) {
            Some(Mark::Up) if up.is_none() => up = Some((next, number + 1)),
            Some(Mark::Down) if down.is_none() => down = Some((at, next)),
            Some(Mark::Up | Mark::Down) | None => {}
        }
        at = next;
    }
    let (from, lines_before) = up.unwrap_or((0, 0));
    let part = |range: Range<usize>| text.get(range).unwrap_or_default();
    match down {
        // The way down stands first.
        Some((begins, after)) if begins < from => Script {
            up: part(from..text.len()),
            down: Some(part(after..from)),
            lines_before,
        },
        Some((begins, after)) => Script {
            up: part(from..begins),
            down: Some(part(after..text.len())),
            lines_before,
        },
        None => Script {
            up: part(from..text.len()),
            down: None,
            lines_before,
        },
    }
}

enum Mark {
    Up,
    Down,
}

fn mark(line: &str) -> Option<Mark> {
    let words = line.trim().strip_prefix("--")?.trim().to_ascii_lowercase();
    let is = |names: &[&str]| names.iter().any(|name| words.starts_with(name));
    if is(&["migrate:up", "+goose up", "+migrate up", "up migration"]) {
        Some(Mark::Up)
    } else if is(&["migrate:down", "+goose down", "+migrate down", "down migration"]) {
        Some(Mark::Down)
    } else {
        None
    }
}

/// Rows that the file says are meant to go: `-- safeguard: removes 20 rows`, added up.
#[must_use]
pub fn rows_removed_intended(text: &str) -> u64 {
    let told = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(REMOVES)?.split_whitespace().next());
    told.filter_map(|count| count.parse::<u64>().ok())
        .fold(0, u64::saturating_add)
}

/// The statements, for whoever has to run them one at a time.
#[must_use]
pub fn statements(sql: &str) -> Vec<&str> {
    placed_statements(sql).map(|(_, statement)| statement).collect()
}

/// Each statement with the byte at which it begins.
fn placed_statements(sql: &str) -> impl Iterator<Item = (usize, &str)> {
    let all = SourceFile::parse(sql).tree().stmts().collect::<Vec<_>>();
    all.into_iter().filter_map(move |statement| {
        let range = statement.syntax().text_range();
        let start = usize::from(range.start());
        Some((start, sql.get(start..usize::from(range.end()))?))
    })
}

/// What is dangerous in it, in the order of the text.
#[must_use]
pub fn lint(text: &str) -> Vec<MigrationFinding> {
    let script = script(text);
    let facts = read(script.up);
    if facts.acts.iter().any(|act| act.class == Class::NotUnderstood) {
        // What is too deep or too long for one parser is not given to another.
        return vec![not_understood(&script, &facts)];
    }
    let lines = Lines::of(&script);
    let mut found = found_in(script.up, &lines);
    // What a block of code does is done: it is read behind what stands before it, and told where it begins.
    for (start, statement) in placed_statements(script.up) {
        let (line, column) = lines.place(start);
        let (shown, hidden): (Vec<_>, Vec<_>) =
            own::unfolded(statement).into_iter().partition(Option::is_some);
        if !hidden.is_empty() {
            found.push(dynamic((line, column)));
        }
        let before = script.up.get(..start).unwrap_or_default();
        let shown: Vec<String> = shown.into_iter().flatten().collect();
        if shown.is_empty() {
            continue;
        }
        let whole = format!("{before}\n{};\n", shown.join(";\n"));
        let behind = Lines {
            up: &whole,
            before: script.lines_before,
        };
        let last = behind.place(start);
        let inner = found_in(&whole, &behind).into_iter();
        let inner = inner.filter(|finding| (finding.line, finding.column) > last);
        found.extend(inner.map(|finding| MigrationFinding {
            line,
            column,
            ..finding
        }));
    }
    found.sort_by(|one, other| {
        (one.line, one.column, &one.rule).cmp(&(other.line, other.column, &other.rule))
    });
    found.dedup();
    found
}

fn found_in(up: &str, lines: &Lines<'_>) -> Vec<MigrationFinding> {
    let mut found = by_guard(up, lines);
    let violations = violations(up);
    found.extend(violations.iter().filter_map(|violation| told(violation, lines)));
    found.extend(expand_and_contract(&violations, lines));
    found
}

fn dynamic((line, column): (usize, usize)) -> MigrationFinding {
    MigrationFinding {
        rule: Class::DynamicSql.as_str().to_owned(),
        severity: Severity::Medium,
        line,
        column,
        message: "It runs a text that is put together while it runs.".to_owned(),
        hint: Some("write the statement out, or rehearse it with `--db`".to_owned()),
    }
}

fn violations(sql: &str) -> Vec<Violation> {
    let file = SourceFile::parse(sql);
    let mut linter = Linter::from([HIGH, MEDIUM, &[Rule::BanAddColumn]].concat());
    // A tool for migrations runs each in a transaction, unless it is told otherwise, as it has to be for these.
    let mut parts = file.syntax_node().descendants_with_tokens();
    linter.settings.assume_in_transaction = !parts.any(|part| part.kind() == SyntaxKind::CONCURRENTLY_KW);
    linter.lint(&file, sql)
}

fn told(violation: &Violation, lines: &Lines<'_>) -> Option<MigrationFinding> {
    let severity = if HIGH.contains(&violation.code) {
        Severity::High
    } else if MEDIUM.contains(&violation.code) {
        Severity::Medium
    } else {
        return None;
    };
    let (line, column) = lines.place(usize::from(violation.text_range.start()));
    Some(MigrationFinding {
        rule: violation.code.to_string(),
        severity,
        line,
        column,
        message: violation.message.clone(),
        hint: violation.help.clone().or_else(|| hint(violation.code)),
    })
}

/// What to do instead, where squawk does not say.
fn hint(rule: Rule) -> Option<String> {
    let text = match rule {
        Rule::BanDropColumn | Rule::BanDropTable => {
            "first release a version that does not use it; drop it in a later migration, and rehearse that with `--db`"
        }
        Rule::RenamingColumn | Rule::RenamingTable => {
            "add the new one, write to both, move the readers, and drop the old one in a later migration"
        }
        Rule::ChangingColumnType => {
            "add a column of the new type, fill it in batches, move the readers, and drop the old one in a later migration"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Both halves at once: while the new version starts, the old one still reads what is gone.
fn expand_and_contract(violations: &[Violation], lines: &Lines<'_>) -> Option<MigrationFinding> {
    let first = |rules: &[Rule]| {
        violations
            .iter()
            .find(|violation| rules.contains(&violation.code))
    };
    first(&[Rule::BanAddColumn])?;
    let contract = first(CONTRACTS)?;
    let (line, column) = lines.place(usize::from(contract.text_range.start()));
    Some(MigrationFinding {
        rule: "expand-and-contract".to_owned(),
        severity: Severity::High,
        line,
        column,
        message: "It adds a column and takes something away in one step: the version that still runs needs what goes.".to_owned(),
        hint: Some("put what adds into one migration, and what takes away into one that follows a release later".to_owned()),
    })
}

/// What the guard refuses a migration, and what squawk does not know.
fn by_guard(up: &str, lines: &Lines<'_>) -> Vec<MigrationFinding> {
    let policy = GuardPolicy::default();
    let asker = Asker {
        principal: Principal::Migration,
        environment: Environment::Production,
        frozen: false,
    };
    let mut found = Vec::new();
    let mut seen = own::Seen::default();
    let intended = rows_removed_intended(up) > 0;
    for (start, statement) in placed_statements(up) {
        let facts = read(statement);
        let (line, column) = lines.place(start);
        for told in own::told(statement, &facts, &mut seen) {
            let meant = told.rule == Class::Delete.as_str() && intended;
            if meant || is_silenced(up.get(..start).unwrap_or_default(), told.rule) {
                continue;
            }
            found.push(MigrationFinding {
                rule: told.rule.to_owned(),
                severity: told.severity,
                line,
                column,
                message: told.message,
                hint: Some(told.hint.to_owned()),
            });
        }
        let decision = judge(&facts, asker, &policy);
        let Some(finding) = decision
            .finding
            .filter(|_| decision.decision == GuardAnswer::Deny)
        else {
            continue;
        };
        found.push(MigrationFinding {
            rule: finding.rule,
            severity: Severity::High,
            line,
            column,
            message: format!("{}.", finding.message),
            hint: Some(finding.hint),
        });
    }
    found
}

/// Whether the lines of comments right before a statement silence a rule, as they do squawk's own.
fn is_silenced(before: &str, rule: &str) -> bool {
    let comments = before.trim_end().lines().rev();
    comments
        .map_while(|line| line.trim().strip_prefix("--"))
        .filter_map(|comment| comment.trim().strip_prefix("squawk-ignore"))
        .any(|rules| rules.split([',', ' ']).any(|one| one == rule))
}

fn not_understood(script: &Script<'_>, facts: &crate::Facts) -> MigrationFinding {
    let why = facts
        .acts
        .iter()
        .find(|act| act.class == Class::NotUnderstood)
        .map_or("can not be read", |act| act.does.as_ref());
    MigrationFinding {
        rule: Class::NotUnderstood.as_str().to_owned(),
        severity: Severity::Critical,
        line: script.lines_before + 1,
        column: 1,
        message: format!("A statement that is not understood can not be judged: it {why}."),
        hint: Some(
            "write SQL as PostgreSQL reads it, without psql's own commands and without templates".to_owned(),
        ),
    }
}

/// Turns bytes of the way up into lines and columns of the file, both counted from 1.
struct Lines<'a> {
    up: &'a str,
    before: usize,
}

impl<'a> Lines<'a> {
    fn of(script: &Script<'a>) -> Lines<'a> {
        Lines {
            up: script.up,
            before: script.lines_before,
        }
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.up.get(..at).unwrap_or(self.up);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        (self.before + line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linted(text: &str) -> String {
        let line = |finding: &MigrationFinding| {
            format!(
                "{}:{} {} {}\n",
                finding.line,
                finding.column,
                finding.severity.as_str(),
                finding.rule
            )
        };
        lint(text).iter().map(line).collect()
    }

    #[test]
    fn a_careful_migration_says_nothing() {
        for text in [
            "SET lock_timeout = '5s';\nALTER TABLE users ADD COLUMN age integer;",
            "SET lock_timeout = '5s';\nCREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint NOT NULL);\nCREATE INDEX ON carts (user_id);",
            "SET lock_timeout = '5s';\nALTER TABLE users ADD CONSTRAINT adult CHECK (age > 17) NOT VALID;",
            "SET lock_timeout = '5s';\nALTER TABLE users VALIDATE CONSTRAINT adult;",
            "SET lock_timeout = '5s';\nCREATE INDEX CONCURRENTLY users_by_age ON users (age);",
            "SET lock_timeout = '5s';\nALTER TABLE users ADD COLUMN seen timestamptz NOT NULL DEFAULT now();",
            "INSERT INTO countries (code) VALUES ('de');\nUPDATE countries SET name = 'x' WHERE code = 'de';",
        ] {
            assert_eq!(linted(text), "", "{text}");
        }
    }

    #[test]
    fn what_stops_users_or_the_version_that_runs_is_named_where_it_stands() {
        let text = "-- migrate:up
SET lock_timeout = '5s';
CREATE INDEX users_by_age ON users (age);
ALTER TABLE users
  ADD COLUMN full_name text,
  DROP COLUMN name;
ALTER TABLE users RENAME COLUMN a TO b;
ALTER TABLE users ALTER COLUMN id TYPE int;
ALTER TABLE users ADD FOREIGN KEY (org) REFERENCES orgs;
UPDATE users SET full_name = name;
TRUNCATE sessions;
-- migrate:down
DROP INDEX users_by_age;
";
        insta::assert_snapshot!(linted(text), @r"
        3:1 high require-concurrent-index-creation
        6:3 high ban-drop-column
        6:3 high expand-and-contract
        7:19 high renaming-column
        8:35 high changing-column-type
        9:19 high constraint-missing-not-valid
        9:23 high adding-foreign-key-constraint
        10:1 high backfill-under-lock
        11:1 high truncate
        ");
    }

    #[test]
    fn a_comment_that_reads_as_a_statement_is_not_its_place() {
        let text = "SET lock_timeout = '5s';\n-- before: TRUNCATE sessions;\nTRUNCATE sessions;\n";
        assert_eq!(linted(text), "3:1 high truncate\n");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "\\set x 1\nDROP TABLE users;",
            "CREATE TABLE {{ name }} (id int);",
            "SELECT 1 FROM",
        ] {
            assert!(linted(text).contains("critical not-understood"), "{text}");
        }
        let deep = format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000));
        assert!(linted(&deep).contains("critical not-understood"));
    }

    #[test]
    fn the_ways_up_and_down_are_told_apart() {
        let both = |text| {
            let script = script(text);
            (
                script.up.trim().to_owned(),
                script.down.map(|down| down.trim().to_owned()),
            )
        };
        let parts = ("A;".to_owned(), Some("B;".to_owned()));
        assert_eq!(both("-- migrate:up\nA;\n-- migrate:down\nB;\n"), parts);
        assert_eq!(both("-- +goose Up\nA;\n-- +goose Down\nB;\n"), parts);
        assert_eq!(both("-- +migrate Up\nA;\n-- +migrate Down\nB;"), parts);
        assert_eq!(both("-- Up Migration\nA;\n-- Down Migration\nB;"), parts);
        assert_eq!(both("-- +goose Down\nB;\n-- +goose Up\nA;\n").0, "A;");
        assert_eq!(both("A;"), ("A;".to_owned(), None));
        assert_eq!(
            rows_removed_intended("-- safeguard: removes 20 rows\n  -- safeguard: removes 3 rows\nx"),
            23
        );
    }
}
