//! What is refused, in every form in which it can come.

use safeguard_api::config::{GuardPolicy, GuardRule, Mode};
use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::town::{Town, words};
use super::wire::{Wire, bind, execute, message, parse, query, run, sync};

const USERS: &str = "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 50) g";
const COUNT: &str = "SELECT count(*) FROM users";

/// Deletions in all disguises.
const DELETIONS: &[&str] = &[
    "DELETE FROM users",
    "DELETE FROM users WHERE id = 7",
    "delete/**/from\"users\"where id=7",
    "TRUNCATE users",
    "DROP TABLE users",
    "DROP TABLE IF EXISTS users CASCADE",
    "ALTER TABLE users DROP COLUMN name",
    "COMMIT; DELETE FROM users; BEGIN",
    "SELECT 1; DELETE FROM users",
    "WITH gone AS (DELETE FROM users RETURNING *) SELECT count(*) FROM gone",
    "EXPLAIN ANALYZE DELETE FROM users",
    "EXPLAIN (ANALYZE true, COSTS off) DELETE FROM users",
    "PREPARE gone AS DELETE FROM users",
    "DO $$ BEGIN DELETE FROM users; END $$",
    "DO $x$ BEGIN EXECUTE 'DELETE FROM users'; END $x$",
    "COPY users TO PROGRAM 'cat >/tmp/users'",
    "COPY users FROM PROGRAM 'echo 1'",
    "COPY users TO '/tmp/users'",
    "COPY (WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone) TO STDOUT",
    "CREATE FUNCTION wipe() RETURNS void LANGUAGE sql AS 'DELETE FROM users'",
    "SELECT query_to_xml('DELETE FROM users', true, true, '')",
    "MERGE INTO users u USING (SELECT 1 AS id) s ON u.id = s.id WHEN MATCHED THEN DELETE",
    "SET session_replication_role = replica",
    "SET standard_conforming_strings = off",
    "SET client_encoding = 'SJIS'",
    "SELECT set_config('client_encoding', 'GBK', false)",
    "SET ROLE postgres",
    "SELECT lo_unlink(1)",
    "this is no SQL",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_deletes_nothing_in_whatever_form() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "agent").await;
    for sql in DELETIONS {
        let simple = wire.ask(&query(sql)).await;
        assert!(
            simple.starts_with("E:") && simple.ends_with(" Z:I"),
            "{sql}: {simple}"
        );
        let extended = wire.ask(&[run(sql), sync()].concat()).await;
        assert!(
            extended.starts_with("E:") && extended.ends_with(" Z:I"),
            "{sql}: {extended}"
        );
        let named = [parse("s", sql), sync()].concat();
        assert!(wire.ask(&named).await.starts_with("E:"), "{sql}");
        let unknown = wire.ask(&[bind("", "s"), execute(""), sync()].concat()).await;
        assert_eq!(unknown, "E:26000 Z:I", "{sql}");
    }
    assert_eq!(wire.ask(&query(COUNT)).await, "T D C:SELECT 1 Z:I");
    assert_eq!(town.truth(COUNT).await, "50");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_says_what_to_do_and_names_the_rule() {
    let town = Town::new(USERS).await;
    let agent = town.driver("agent").await;
    let error = agent
        .batch_execute("DELETE FROM users WHERE name = 'kim'")
        .await
        .unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "42501");
    assert_eq!(
        error.message(),
        "rule `delete` refuses a statement that deletes rows of `users`"
    );
    let detail = error.detail().unwrap();
    assert!(
        detail.starts_with("rule `delete`, decision ") && detail.contains("asked as agent in production"),
        "{detail}"
    );
    assert!(error.hint().unwrap().starts_with("mark the rows instead"));
    assert!(error.position().is_none());
    let said = town.psql("agent", "DROP TABLE users").await;
    assert!(said.contains("42501") && said.contains("rule `drop`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_fails_the_transaction_as_an_error_does() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "agent").await;
    assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    assert_eq!(wire.ask(&query("DELETE FROM users")).await, "E:42501 Z:E");
    assert_eq!(wire.ask(&query("SELECT 1")).await, "E:25P02 Z:E");
    assert_eq!(wire.ask(&query("COMMIT")).await, "C:ROLLBACK Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn function_calls_by_number_are_refused() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "person").await;
    // lo_unlink(1) by its number.
    let call = [
        &964_u32.to_be_bytes()[..],
        &[0, 0, 0, 1],
        &[0, 0, 0, 4, 0, 0, 0, 1],
        &[0, 0],
    ]
    .concat();
    assert_eq!(wire.ask(&message(b'F', &call)).await, "E:0A000 Z:I");
    let long = message(b'F', &vec![0; 200_000]);
    assert_eq!(wire.ask(&long).await, "E:0A000 Z:I");
    assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_refused_unread_and_the_session_goes_on() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "agent").await;
    let long = format!("SELECT '{}'", "x".repeat(3 << 20));
    assert_eq!(wire.ask(&query(&long)).await, "E:54001 Z:I");
    assert_eq!(
        wire.ask(&[parse("", &long), sync()].concat()).await,
        "E:54001 Z:I"
    );
    // Just within: read, judged and run.
    let fits = format!("SELECT '{}'", "x".repeat(1_000_000));
    assert_eq!(wire.ask(&query(&fits)).await, "T D C:SELECT 1 Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_is_asked_again_when_a_prepared_statement_runs() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "migration").await;
    let prepare = [parse("s", "CREATE TABLE made (a int)"), sync()].concat();
    assert_eq!(wire.ask(&prepare).await, "1 Z:I");
    assert_eq!(wire.ask(&query("PREPARE p AS SELECT 1")).await, "C:PREPARE Z:I");
    town.set(GuardPolicy::default(), true);
    let run = [bind("", "s"), execute(""), sync()].concat();
    assert_eq!(wire.ask(&run).await, "E:25006 Z:I", "a freeze holds it");
    town.set(GuardPolicy::default(), false);
    assert_eq!(wire.ask(&run).await, "2 C:CREATE TABLE Z:I");
    let denied = GuardPolicy {
        rules: vec![GuardRule {
            classes: vec![StatementClass::Read],
            principals: Vec::new(),
            environments: Vec::new(),
            answer: GuardAnswer::Deny,
        }],
        ..GuardPolicy::default()
    };
    town.set(denied, false);
    assert_eq!(wire.ask(&query("EXECUTE p")).await, "E:42501 Z:I");
    town.set(GuardPolicy::default(), false);
    assert_eq!(wire.ask(&query("EXECUTE p")).await, "T D C:SELECT 1 Z:I");
    assert_eq!(wire.ask(&query("EXECUTE unknown")).await, "E:26000 Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_could_not_be_taken_does_not_hide_what_has_it() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "migration").await;
    let harmful = [parse("s", "CREATE TABLE made (a int)"), sync()].concat();
    assert_eq!(wire.ask(&harmful).await, "1 Z:I");
    town.set(GuardPolicy::default(), true);
    // The second Parse fails on the server, and the Execute comes before anybody knows.
    let hidden = [parse("s", "SELECT 1"), sync(), bind("", "s"), execute(""), sync()].concat();
    wire.send(&hidden).await;
    assert_eq!(wire.heard(2).await.join(" "), "E:42P05 Z:I E:25006 Z:I");
    // The same with a portal, kept over a savepoint.
    let mut agent = Wire::through(&town, "agent").await;
    for (asked, expected) in [
        (query("BEGIN"), "C:BEGIN Z:T"),
        (
            [parse("w", "SELECT count(*) FROM users"), bind("p", "w"), sync()].concat(),
            "1 2 Z:T",
        ),
        (query("SAVEPOINT a"), "C:SAVEPOINT Z:T"),
        (
            [parse("r", "SELECT 1"), bind("p", "r"), sync()].concat(),
            "1 E:42P03 Z:E",
        ),
        (query("ROLLBACK TO a"), "C:ROLLBACK Z:T"),
        ([execute("p"), sync()].concat(), "D C:SELECT 1 Z:T"),
        ([execute("q"), sync()].concat(), "E:34000 Z:E"),
    ] {
        assert_eq!(agent.ask(&asked).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_s_own_names_are_not_for_clients() {
    let town = Town::new(USERS).await;
    let mut wire = Wire::through(&town, "person").await;
    for asked in [
        [parse("safeguard:own", "SELECT 1"), sync()].concat(),
        query("PREPARE \"safeguard:own\" AS SELECT 1"),
        query("EXECUTE \"safeguard:own\""),
    ] {
        assert_eq!(wire.ask(&asked).await, "E:42939 Z:I");
    }
    let portal = [parse("", "SELECT 1"), bind("safeguard:own", ""), sync()].concat();
    assert_eq!(wire.ask(&portal).await, "1 E:42939 Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_observe_mode_everything_goes_through() {
    let town = Town::with(USERS, |proxy| proxy.mode = Some(Mode::Observe)).await;
    let agent = town.driver("agent").await;
    assert_eq!(
        agent
            .execute("DELETE FROM users WHERE id < $1", &[&11_i32])
            .await
            .unwrap(),
        10
    );
    assert_eq!(
        town.psql("agent", "BEGIN; DELETE FROM users WHERE id < 21; COMMIT")
            .await,
        "BEGIN\nDELETE 10\nCOMMIT"
    );
    let mut wire = Wire::through(&town, "agent").await;
    // int4pl(1, 2) by its number.
    let call = [
        &177_u32.to_be_bytes()[..],
        &[0, 0, 0, 2],
        b"\0\0\0\x011\0\0\0\x012",
        &[0, 0],
    ]
    .concat();
    assert_eq!(wire.ask(&message(b'F', &call)).await, "V Z:I");
    let long = format!("SELECT length('{}')", "x".repeat(3 << 20));
    assert_eq!(wire.ask(&query(&long)).await, "T D C:SELECT 1 Z:I");
    assert_eq!(town.truth(COUNT).await, "30");
}

#[tokio::test(flavor = "multi_thread")]
async fn drivers_and_psql_read_as_they_are_used_to() {
    let town = Town::new(USERS).await;
    let service = town.driver("service").await;
    let row = service
        .query_one("SELECT name FROM users WHERE id = $1", &[&7_i32])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "n7");
    let missing = service.query("SELECT nothing FROM users", &[]).await.unwrap_err();
    assert_eq!(words(&missing), "42703 column \"nothing\" does not exist");
    let script = "\\d users\nSELECT count(*) FROM users;\nBEGIN;\nDECLARE c CURSOR FOR SELECT id FROM users ORDER BY id;\nFETCH 2 FROM c;\nCOMMIT;\nCOPY users TO STDOUT;\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let said = town
        .psql_with("agent", &["-f", file.path().to_str().unwrap()])
        .await;
    assert!(
        said.contains("\n50\nBEGIN\nDECLARE CURSOR\n1\n2\nCOMMIT\n1\tn1\n"),
        "{said}"
    );
    assert!(!said.contains("ERROR"), "{said}");
    assert!(town.psql("agent", "SELECT 1/0").await.contains("22012"));
}
