//! Deletions by a detour: what was defined or begun by one message, and is used by another that looks harmless.

use super::town::Town;
use super::wire::{Wire, bind, execute, parse, query, run, sync};

const USERS: &str = "\
CREATE TABLE users (id int PRIMARY KEY, name text);
INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 50) g;
CREATE FUNCTION wipe() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM users; RETURN 1; END';
CREATE FUNCTION read_otherwise() RETURNS text LANGUAGE sql AS $$SELECT set_config('standard_conforming_strings', 'off', false)$$;";
const WHOLE: &str = "SELECT count(*), count(*) FILTER (WHERE name = 'n' || id) FROM users";

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_view_of_a_table_is_no_temporary_table() {
    let town = Town::new(USERS).await;
    for login in ["agent", "person"] {
        let mut wire = Wire::through(&town, login).await;
        let view = wire
            .ask(&query("CREATE TEMP VIEW v AS SELECT * FROM users"))
            .await;
        assert_eq!(view, "C:CREATE VIEW Z:I");
        for sql in [
            "DELETE FROM pg_temp.v WHERE id > 0",
            "DELETE FROM pg_temp.v",
            "UPDATE pg_temp.v SET name = ''",
            "INSERT INTO pg_temp.v SELECT g, '' FROM generate_series(51, 2000) g",
            "MERGE INTO pg_temp.v USING users u ON u.id = v.id WHEN MATCHED THEN DELETE",
        ] {
            let said = wire.ask(&query(sql)).await;
            let is_within = login == "person" && said.ends_with(" 50 Z:I");
            assert!(said.starts_with("E:") || is_within, "{login}: {sql}: {said}");
            if is_within {
                town.truth(
                    "TRUNCATE users; INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 50) g",
                )
                .await;
            }
        }
        assert_eq!(town.truth(WHOLE).await, "50|50", "{login}");
    }
    // What is the session's own stays its own.
    let mut wire = Wire::through(&town, "agent").await;
    for (sql, expected) in [
        ("CREATE TEMP TABLE users (id int)", "C:CREATE TABLE Z:I"),
        ("INSERT INTO pg_temp.users VALUES (1)", "C:INSERT 0 1 Z:I"),
        ("TRUNCATE pg_temp.users", "C:TRUNCATE TABLE Z:I"),
        ("DELETE FROM users", "E:42501 Z:I"),
    ] {
        assert_eq!(wire.ask(&query(sql)).await, expected, "{sql}");
    }
    assert_eq!(town.truth(WHOLE).await, "50|50");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_definition_calls_is_not_left_for_later() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "agent").await;
    for (define, use_it) in [
        ("CREATE TEMP VIEW a AS SELECT wipe()", "SELECT * FROM a"),
        ("CREATE VIEW pg_temp.b AS SELECT 1 WHERE wipe() > 0", "TABLE b"),
        (
            "CREATE TEMP RECURSIVE VIEW c (n) AS VALUES (wipe())",
            "SELECT * FROM c",
        ),
        (
            "CREATE TEMP TABLE d (n int DEFAULT wipe())",
            "INSERT INTO pg_temp.d DEFAULT VALUES",
        ),
        (
            "CREATE TEMP TABLE e (n int CHECK (wipe() > 0))",
            "INSERT INTO pg_temp.e VALUES (1)",
        ),
        (
            "CREATE TEMP TABLE f (n int DEFAULT wipe(), m int)",
            "INSERT INTO f (m) VALUES (1)",
        ),
    ] {
        let defined = wire.ask(&query(define)).await;
        let used = wire.ask(&query(use_it)).await;
        assert!(
            used.starts_with("E:") || used.ends_with("E:53400 Z:I"),
            "{define}: {defined}; {use_it}: {used}"
        );
        assert_eq!(town.truth(WHOLE).await, "50|50", "{define}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_is_measured_also_when_sql_reads_it() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "agent").await;
    let bound = [parse("s", "SELECT wipe()"), bind("p", "s")].concat();
    for read in [
        "FETCH ALL FROM p",
        "MOVE ALL FROM p",
        "SELECT * FROM cursor_to_xml('p', 1, true, true, '')",
    ] {
        assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
        assert_eq!(wire.ask(&[bound.clone(), sync()].concat()).await, "1 2 Z:T");
        wire.ask(&query(read)).await;
        assert_eq!(wire.ask(&query("COMMIT")).await, "E:53400 Z:I", "{read}");
        // In one batch, which is a transaction of its own.
        let close = [super::wire::close(b'S', "s"), sync()].concat();
        wire.ask(&close).await;
        let said = wire.ask(&[bound.clone(), run(read), sync()].concat()).await;
        assert!(said.contains("E:"), "{read}: {said}");
        wire.ask(&close).await;
        assert_eq!(town.truth(WHOLE).await, "50|50", "{read}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_changes_how_statements_are_read_ends_the_session() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "person").await;
    // With `standard_conforming_strings` off the text ends within what was judged as a text.
    let hidden = r"SELECT '\', '; DELETE FROM users; --'";
    assert_eq!(wire.ask(&query(hidden)).await, "T D C:SELECT 1 Z:I");
    wire.send(&[query("SELECT read_otherwise()"), query(hidden)].concat())
        .await;
    let mut last = None;
    while let Some(message) = wire.message().await {
        last = Some(message);
    }
    let (tag, body) = last.unwrap();
    assert_eq!((tag, super::wire::field(&body, b'C').as_str()), (b'E', "0A000"));
    assert_eq!(town.truth(WHOLE).await, "50|50");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_read_only_is_measured_all_the_same() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "agent").await;
    for begin in ["BEGIN READ ONLY", "BEGIN; SET TRANSACTION READ ONLY"] {
        for sql in begin.split("; ") {
            wire.ask(&query(sql)).await;
        }
        wire.ask(&query("SET TRANSACTION READ WRITE")).await;
        wire.ask(&query("SELECT wipe()")).await;
        assert_eq!(wire.ask(&query("COMMIT")).await, "E:53400 Z:I", "{begin}");
    }
    let portal = [parse("w", "SELECT wipe()"), bind("", "w"), execute(""), sync()].concat();
    assert!(wire.ask(&portal).await.ends_with("E:53400 Z:I"));
    assert_eq!(town.truth(WHOLE).await, "50|50");
}
