//! Whatever is typed, an answer comes, soon, and without a panic.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, Principal};
use safeguard_guard::{STATEMENT_BYTES_MAX, read};

use crate::asked;

/// Far more than any text takes, on a machine that is at work on something else.
const LONGEST: Duration = Duration::from_secs(20);

fn decision(sql: &str) -> GuardAnswer {
    let began = Instant::now();
    let found = asked(Principal::Agent, Environment::Production, sql).decision;
    assert!(
        began.elapsed() < LONGEST,
        "{} bytes took {:?}",
        sql.len(),
        began.elapsed()
    );
    found
}

/// Within the stack of a small thread: a walk by recursion would end the process.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(512 << 10);
    thread.spawn(run).unwrap().join().unwrap();
}

#[test]
fn what_is_nested_too_deep_or_too_long_is_refused() {
    on_a_small_stack(|| {
        for depth in [1_500, 9_000, 50_000, 400_000] {
            let nested = |open: &str, middle: &str, close: &str| {
                format!("SELECT {}{middle}{}", open.repeat(depth), close.repeat(depth))
            };
            for sql in [
                nested("(", "1", ")"),
                nested("NOT ", "true", ""),
                nested("- ", "1", ""),
                nested("(SELECT ", "1", ")"),
                nested("f(", "1", ")"),
                nested("ARRAY[", "1", "]"),
                nested("CASE WHEN true THEN ", "1", " END"),
                nested("1 + ", "1", ""),
                nested("1 || ", "x", ""),
                nested("", "1", "::int"),
                nested("", "x", "[1]"),
                nested("", "1", " UNION ALL SELECT 1"),
                nested("", "1", " IS NULL"),
                format!("{}SELECT 1", "WITH a AS (".repeat(depth)),
                format!("{}SELECT 1", "EXPLAIN ".repeat(depth)),
                format!(
                    "SELECT * FROM {}a{}",
                    "(".repeat(depth),
                    " JOIN b ON true)".repeat(depth)
                ),
                format!("{}{}", "/*".repeat(depth), "*/".repeat(depth)),
            ] {
                if sql.len() < 8 << 20 {
                    // What PostgreSQL's own grammar folds may be allowed; nothing may end the process.
                    decision(&sql);
                }
            }
        }
    });
    assert_eq!(
        decision(&format!("SELECT {}1{}", "f(".repeat(1_500), ")".repeat(1_500))),
        GuardAnswer::Deny
    );
    assert_eq!(
        decision(&format!("SELECT '{}'", "x".repeat(STATEMENT_BYTES_MAX))),
        GuardAnswer::Deny
    );
    assert_eq!(decision(&"SELECT 1;".repeat(20_000)), GuardAnswer::Deny);
}

#[test]
fn what_the_lexer_would_read_again_and_again_is_refused_soon() {
    for run in ["+", "/*", "*/", "-+", "@", "<=>"] {
        let run = run.repeat(STATEMENT_BYTES_MAX / 4);
        assert_eq!(decision(&format!("SELECT {run}1")), GuardAnswer::Deny);
        assert_eq!(decision(&format!("SELECT 1 /* {run} */")), GuardAnswer::Deny);
    }
    let ruled = format!("SELECT '{}' /* {} */", "=".repeat(500), "-".repeat(500));
    assert_eq!(decision(&ruled), GuardAnswer::Allow);
}

#[test]
fn a_condition_is_looked_at_once_however_deep_it_is() {
    let mut condition = "a = b".to_owned();
    for depth in 0..60 {
        condition = format!("({condition}) {} (NOT (x = {depth}))", ["AND", "OR"][depth % 2]);
    }
    assert_eq!(
        decision(&format!("UPDATE t SET a = 1 WHERE {condition}")),
        GuardAnswer::Measure
    );
}

#[test]
fn what_is_long_and_ordinary_is_allowed() {
    let keys: Vec<String> = (0..20_000).map(|key| key.to_string()).collect();
    let rows: Vec<String> = (0..5_000).map(|key| format!("({key}, 'name {key}')")).collect();
    let ors: Vec<String> = (0..5_000).map(|key| format!("(a = {key} AND b = 'x')")).collect();
    assert_eq!(
        decision(&format!("SELECT * FROM t WHERE id IN ({})", keys.join(","))),
        GuardAnswer::Allow
    );
    assert_eq!(
        decision(&format!("SELECT * FROM t WHERE {}", ors.join(" OR "))),
        GuardAnswer::Allow
    );
    assert_eq!(
        decision(&format!("SELECT {}", keys[..800].join(" + "))),
        GuardAnswer::Allow
    );
    assert_eq!(
        decision(&format!("INSERT INTO t VALUES {}", rows.join(","))),
        GuardAnswer::Measure
    );
    assert_eq!(decision(&"SELECT 1;".repeat(5_000)), GuardAnswer::Allow);
    assert_eq!(
        decision(&format!("UPDATE t SET a = 1 WHERE {}", ors.join(" OR "))),
        GuardAnswer::Measure
    );
}

#[test]
fn what_is_not_utf_8_within_escapes_or_cut_within_a_letter_is_answered() {
    for sql in [
        "SELECT E'\\xff' FROM t WHERE name = E'\\xff\\xfe'",
        "SELECT set_config(E'ro\\xffle', 'x', false)",
        "UPDATE t SET a = 1 WHERE E'\\xff' = E'\\xff'",
        &format!("SELECT 1 AS {}ää", "a".repeat(62)),
        &format!("SELECT {}ä() FROM {}ä", "a".repeat(62), "b".repeat(62)),
        &format!("DELETE FROM {}ä", "b".repeat(62)),
        "SELECT 1\0; DELETE FROM users",
        "",
        ";",
        "--",
    ] {
        decision(sql);
    }
    assert_eq!(decision("SELECT 1\0"), GuardAnswer::Deny);
    assert_eq!(
        decision(&format!("DELETE FROM {}ä", "b".repeat(62))),
        GuardAnswer::Deny
    );
    assert_eq!(decision(""), GuardAnswer::Allow);
}

/// Pieces that statements are made of, good and bad, whole and broken.
const PIECES: &[&str] = &[
    "SELECT",
    "DELETE FROM",
    "UPDATE",
    "INSERT INTO",
    "users",
    "WHERE",
    "id = 1",
    "SET",
    "a = 1",
    "(",
    ")",
    ",",
    ";",
    "'",
    "$$",
    "\"",
    "--",
    "/*",
    "*/",
    "E'",
    "\\",
    "U&\"",
    "WITH x AS (",
    "RETURNING *",
    "EXPLAIN",
    "ANALYZE",
    "DROP TABLE",
    "ALTER TABLE",
    "ADD COLUMN",
    "DO",
    "CREATE FUNCTION f() RETURNS int AS",
    "LANGUAGE sql",
    "COPY",
    "TO PROGRAM",
    "FROM",
    "MERGE INTO",
    "USING",
    "WHEN MATCHED THEN",
    "true",
    "NULL",
    "$1",
    "::",
    "int",
    "[",
    "]",
    "*",
    "CASE",
    "END",
    "BEGIN",
    "COMMIT",
    "VALUES",
    "\0",
    "ä",
    "\u{202e}",
    "f(",
    "ORDER BY",
    "LIMIT",
    "GRANT",
    "TRUNCATE",
    "query_to_xml('",
    "JSON_TABLE(",
    "XMLTABLE(",
    "OVER",
    "\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        drop(read(&text));
    }

    #[test]
    fn any_pieces_are_answered(at in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let text: Vec<&str> = at.into_iter().map(|at| PIECES[at]).collect();
        drop(read(&text.join(" ")));
        drop(read(&text.concat()));
    }

    #[test]
    fn a_deletion_is_never_lost_among_pieces(at in proptest::collection::vec(0..PIECES.len(), 0..12)) {
        let text: Vec<&str> = at.into_iter().map(|at| PIECES[at]).collect();
        let text = text.join(" ");
        // What reads on its own reads the same before a deletion, and both are refused; what does not read is refused.
        let before = asked(Principal::Agent, Environment::Production, &text);
        let with = asked(Principal::Agent, Environment::Production, &format!("{text}\n;DELETE FROM users"));
        prop_assert!(before.decision == GuardAnswer::Deny || with.decision == GuardAnswer::Deny, "{}", text);
    }
}
