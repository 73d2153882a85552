//! Writes whose true effect is read before they are committed, and what is over the budget rolled back.

use std::time::Duration;

use safeguard_api::config::{GuardPolicy, GuardRule};
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::town::{Town, words};
use super::wire::{Wire, bind, describe, execute, message, parse, query, run, sync};

/// A person may change 1,000 rows and delete 100, an agent change 100 and delete none.
const SHOP: &str = "\
CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
CREATE TABLE lines (id serial PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 500) g;
INSERT INTO orders SELECT g, 1 + g % 500 FROM generate_series(1, 5000) g;
INSERT INTO lines (order_id) SELECT 1 + g % 5000 FROM generate_series(1, 20000) g;
CREATE FUNCTION wipe() RETURNS int LANGUAGE plpgsql AS 'BEGIN DELETE FROM lines; RETURN 1; END';
CREATE FUNCTION empty() RETURNS int LANGUAGE plpgsql AS 'BEGIN TRUNCATE lines; RETURN 1; END';
CREATE FUNCTION kill() RETURNS int LANGUAGE plpgsql AS 'BEGIN DROP TABLE lines; RETURN 1; END';
CREATE FUNCTION harmless() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION sly() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM wipe(); RETURN 1; END';
CREATE TABLE late (a int);
CREATE FUNCTION wipe_late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM lines; RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wipe_late();
ANALYZE;";
const ROWS: &str =
    "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders), (SELECT count(*) FROM lines)";
const WHOLE: &str = "500|5000|20000";

#[tokio::test(flavor = "multi_thread")]
async fn a_cascade_over_the_budget_is_rolled_back_and_its_figures_are_told() {
    let town = Town::new(SHOP).await;
    let person = town.driver("person").await;
    let sql = "DELETE FROM users WHERE id <= 3";
    let error = person.batch_execute(sql).await.unwrap_err();
    let told = "53400 would delete 153 rows in 3 tables, 2 by cascade (limit 100)";
    assert_eq!(words(&error), told);
    assert!(
        error
            .as_db_error()
            .unwrap()
            .detail()
            .unwrap()
            .contains("measured for person in production")
    );
    assert_eq!(words(&person.execute(sql, &[]).await.unwrap_err()), told);
    person.batch_execute("BEGIN").await.unwrap();
    person.batch_execute(sql).await.unwrap();
    assert_eq!(words(&person.batch_execute("COMMIT").await.unwrap_err()), told);
    person.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(town.truth(ROWS).await, WHOLE);
    // Within the budget, in the same forms.
    assert_eq!(
        person
            .execute("DELETE FROM users WHERE id = $1", &[&500_i32])
            .await
            .unwrap(),
        1
    );
    person
        .batch_execute("DELETE FROM users WHERE id = 499")
        .await
        .unwrap();
    assert_eq!(town.truth(ROWS).await, "498|4980|19920");
    assert_eq!(
        town.psql("person", "DELETE FROM lines WHERE id = 1").await,
        "DELETE 1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_writes_within_its_budget_and_no_further() {
    let town = Town::new(SHOP).await;
    let mut wire = Wire::through(&town, "agent").await;
    let add = |from: u32, count: u32| {
        format!(
            "INSERT INTO users SELECT g, 'x' FROM generate_series({from}, {}) g",
            from + count - 1
        )
    };
    assert_eq!(wire.ask(&query(&add(1_000, 100))).await, "C:INSERT 0 100 Z:I");
    assert_eq!(wire.ask(&query(&add(2_000, 101))).await, "E:53400 Z:I");
    assert_eq!(
        wire.ask(&[run(&add(3_000, 100)), sync()].concat()).await,
        "1 2 C:INSERT 0 100 Z:I"
    );
    assert_eq!(
        wire.ask(&[run(&add(4_000, 101)), sync()].concat()).await,
        "1 2 C:INSERT 0 101 E:53400 Z:I"
    );
    // Several statements are one transaction, and count together.
    let two = format!("{}; {}", add(5_000, 50), add(5_100, 51));
    assert_eq!(wire.ask(&query(&two)).await, "C:INSERT 0 50 E:53400 Z:I");
    let pipeline = [run(&add(5_000, 50)), run(&add(5_100, 51)), sync()].concat();
    assert!(wire.ask(&pipeline).await.ends_with("E:53400 Z:I"));
    assert_eq!(town.truth("SELECT count(*) FROM users").await, "700");
    let returned = wire
        .ask(&query("UPDATE users SET name = 'y' WHERE id = 1 RETURNING *"))
        .await;
    assert_eq!(returned, "T D C:UPDATE 1 Z:I");
    // What fails by itself fails as ever.
    assert_eq!(
        wire.ask(&query("INSERT INTO users VALUES (1)")).await,
        "E:23505 Z:I"
    );
    assert_eq!(
        wire.ask(&[run("INSERT INTO users VALUES (1)"), sync()].concat())
            .await,
        "1 2 E:23505 Z:I"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_functions_and_triggers_do_is_seen() {
    let town = Town::new(SHOP).await;
    let mut wire = Wire::through(&town, "agent").await;
    for sql in [
        "SELECT wipe()",
        "SELECT empty()",
        "SELECT kill()",
        "SELECT sly()",
        "VALUES (wipe())",
        "SELECT 1 ORDER BY wipe()",
        "INSERT INTO late VALUES (1)",
        "SELECT wipe() LIMIT 1; SELECT 1",
    ] {
        let simple = wire.ask(&query(sql)).await;
        assert!(simple.ends_with("E:53400 Z:I"), "{sql}: {simple}");
        if !sql.contains(';') {
            let extended = wire.ask(&[run(sql), sync()].concat()).await;
            assert!(extended.ends_with("E:53400 Z:I"), "{sql}: {extended}");
        }
        assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
        assert!(wire.ask(&query(sql)).await.ends_with(" Z:T"), "{sql}");
        assert_eq!(wire.ask(&query("COMMIT")).await, "E:53400 Z:E", "{sql}");
        assert_eq!(wire.ask(&query("ROLLBACK")).await, "C:ROLLBACK Z:I");
    }
    assert_eq!(wire.ask(&query("SELECT harmless()")).await, "T D C:SELECT 1 Z:I");
    assert_eq!(town.truth(ROWS).await, WHOLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_of_ending_a_transaction_goes_past_the_count() {
    let town = Town::new(SHOP).await;
    let mut wire = Wire::through(&town, "agent").await;
    let ends: &[(&str, &str)] = &[
        ("COMMIT", "E:53400 Z:E"),
        ("END", "E:53400 Z:E"),
        ("COMMIT AND CHAIN", "E:53400 Z:E"),
        ("COMMIT; BEGIN", "E:0A000 Z:E"),
        ("SELECT 1; COMMIT", "E:0A000 Z:E"),
        ("PREPARE TRANSACTION 'x'", "E:42501 Z:E"),
    ];
    for (sql, expected) in ends {
        for is_simple in [true, false] {
            wire.ask(&query("BEGIN")).await;
            wire.ask(&query("SELECT wipe()")).await;
            let end = match (is_simple, sql.contains(';')) {
                (true, _) => query(sql),
                (false, false) => [run(sql), sync()].concat(),
                (false, true) => continue,
            };
            let said = wire.ask(&end).await;
            assert!(said.ends_with(expected), "{sql}: {said}");
            // Back at a savepoint the transaction lives again, and is still counted.
            assert_eq!(wire.ask(&query("ROLLBACK")).await, "C:ROLLBACK Z:I", "{sql}");
        }
    }
    for (sql, expected) in [
        ("BEGIN", "C:BEGIN Z:T"),
        ("SELECT wipe()", "T D C:SELECT 1 Z:T"),
        ("SAVEPOINT a", "C:SAVEPOINT Z:T"),
        ("COMMIT", "E:53400 Z:E"),
        ("ROLLBACK TO a", "C:ROLLBACK Z:T"),
        ("COMMIT", "E:53400 Z:E"),
        ("ROLLBACK", "C:ROLLBACK Z:I"),
        ("BEGIN", "C:BEGIN Z:T"),
        ("DECLARE c CURSOR FOR SELECT wipe()", "C:DECLARE CURSOR Z:T"),
        ("FETCH c", "T D C:FETCH 1 Z:T"),
        ("COMMIT", "E:53400 Z:E"),
        ("ROLLBACK", "C:ROLLBACK Z:I"),
        ("BEGIN", "C:BEGIN Z:T"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT wipe()", "E:0A000 Z:E"),
        ("ROLLBACK", "C:ROLLBACK Z:I"),
        ("BEGIN; SELECT wipe(); COMMIT", "E:0A000 Z:I"),
    ] {
        assert_eq!(wire.ask(&query(sql)).await, expected, "{sql}");
    }
    // In one pipeline, before anything is answered.
    let pipeline = [run("BEGIN"), run("SELECT wipe()"), run("COMMIT"), sync()].concat();
    assert_eq!(
        wire.ask(&pipeline).await,
        "1 2 C:BEGIN 1 2 D C:SELECT 1 1 2 E:53400 Z:E"
    );
    assert_eq!(wire.ask(&query("ROLLBACK")).await, "C:ROLLBACK Z:I");
    let queries = [
        query("BEGIN"),
        query("SELECT wipe()"),
        query("COMMIT"),
        query("SELECT 1"),
    ]
    .concat();
    wire.send(&queries).await;
    assert_eq!(
        wire.heard(4).await.join(" "),
        "C:BEGIN Z:T T D C:SELECT 1 Z:T E:53400 Z:E E:25P02 Z:E"
    );
    assert_eq!(wire.ask(&query("ROLLBACK")).await, "C:ROLLBACK Z:I");
    assert_eq!(town.truth(ROWS).await, WHOLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_of_the_client_stay_the_client_s() {
    let town = Town::new(SHOP).await;
    let mut wire = Wire::through(&town, "agent").await;
    // The driver begins in the same batch in which it writes.
    let begin = [run("BEGIN"), run("INSERT INTO users VALUES (1001)"), sync()].concat();
    assert_eq!(wire.ask(&begin).await, "1 2 C:BEGIN 1 2 C:INSERT 0 1 Z:T");
    assert_eq!(wire.ask(&query("COMMIT AND CHAIN")).await, "C:COMMIT Z:T");
    assert_eq!(
        wire.ask(&query("INSERT INTO users VALUES (1002)")).await,
        "C:INSERT 0 1 Z:T"
    );
    assert_eq!(wire.ask(&query("ROLLBACK")).await, "C:ROLLBACK Z:I");
    // A commit in the middle of a batch, and another transaction after it.
    let two = [
        run("INSERT INTO users VALUES (1003)"),
        run("COMMIT"),
        run("INSERT INTO users VALUES (1004)"),
        run("SELECT 1/0"),
        sync(),
    ]
    .concat();
    let said = wire.ask(&two).await;
    assert!(said.ends_with("E:22012 Z:I"), "{said}");
    assert_eq!(
        town.truth("SELECT string_agg(id::text, ',' ORDER BY id) FROM users WHERE id > 1000")
            .await,
        "1001,1003"
    );
    let mut driver = town.driver("service").await;
    let transaction = driver.transaction().await.unwrap();
    transaction
        .execute("INSERT INTO users VALUES ($1)", &[&1005_i32])
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(
        town.truth("SELECT count(*) FROM users WHERE id = 1005").await,
        "1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_s_own_statements_and_portals_are_not_touched() {
    let town = Town::new(SHOP).await;
    let mut wire = Wire::through(&town, "service").await;
    let prepare = [
        parse("", "UPDATE users SET name = 'z' WHERE id = 7"),
        describe(b'S', ""),
        sync(),
    ]
    .concat();
    assert_eq!(wire.ask(&prepare).await, "1 t n Z:I");
    let run_it = [bind("", ""), execute(""), sync()].concat();
    for _ in 0..3 {
        assert_eq!(wire.ask(&run_it).await, "2 C:UPDATE 1 Z:I");
    }
    assert_eq!(
        wire.ask(&query("PREPARE p AS UPDATE users SET name = 'y' WHERE id = 7"))
            .await,
        "C:PREPARE Z:I"
    );
    assert_eq!(wire.ask(&query("EXECUTE p")).await, "C:UPDATE 1 Z:I");
    assert_eq!(
        wire.ask(&query("SELECT count(*) FROM pg_prepared_statements"))
            .await,
        "T D C:SELECT 1 Z:I"
    );
    assert_eq!(
        town.psql("person", "SELECT name FROM users WHERE id = 7").await,
        "y"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_copy_count_too() {
    let town = Town::new(SHOP).await;
    let mut wire = Wire::through(&town, "agent").await;
    let copy = async |wire: &mut Wire, start: &[u8], rows: std::ops::Range<u32>, end: &[u8]| {
        wire.send(start).await;
        while wire.message().await.unwrap().0 != b'G' {}
        for id in rows {
            wire.send(&message(b'd', format!("{id}\tx\n").as_bytes())).await;
        }
        wire.send(&[message(b'c', b""), end.to_vec()].concat()).await;
        wire.heard(1).await.join(" ")
    };
    let sql = "COPY users FROM STDIN";
    let simple = query(sql);
    assert_eq!(
        copy(&mut wire, &simple, 1_000..1_100, b"").await,
        "C:COPY 100 Z:I"
    );
    assert_eq!(copy(&mut wire, &simple, 2_000..2_101, b"").await, "E:53400 Z:I");
    // As drivers do: a Sync before the rows, which the server drops, and one after them.
    let extended = [run(sql), sync()].concat();
    assert_eq!(
        copy(&mut wire, &extended, 3_000..3_100, &sync()).await,
        "C:COPY 100 Z:I"
    );
    assert_eq!(
        copy(&mut wire, &extended, 4_000..4_101, &sync()).await,
        "C:COPY 101 E:53400 Z:I"
    );
    // A row that is none: the server gives up, and what the client still sends is dropped.
    wire.send(&[simple.clone(), Vec::new()].concat()).await;
    assert_eq!(wire.message().await.unwrap().0, b'G');
    wire.send(&message(b'd', b"what\n")).await;
    wire.send(&[message(b'd', b"5000\tx\n"), message(b'c', b"")].concat())
        .await;
    assert_eq!(wire.heard(1).await.join(" "), "E:22P02 Z:I");
    assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
    assert_eq!(town.truth("SELECT count(*) FROM users").await, "700");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_counted_is_refused() {
    let town = Town::new(SHOP).await;
    let mut wire = Wire::through(&town, "migration").await;
    assert_eq!(wire.ask(&query("DROP TABLE lines")).await, "E:0A000 Z:I");
    let allow = GuardRule {
        classes: vec![StatementClass::Drop],
        principals: vec![Principal::Migration],
        environments: Vec::new(),
        answer: GuardAnswer::Allow,
    };
    let policy = GuardPolicy {
        rules: vec![allow],
        ..GuardPolicy::default()
    };
    town.set(policy, false);
    // Dropping is allowed, and what is measured beside it still counts.
    for (sql, expected) in [
        ("BEGIN", "C:BEGIN Z:T"),
        ("DROP TABLE lines", "C:DROP TABLE Z:T"),
        ("INSERT INTO users VALUES (2000)", "C:INSERT 0 1 Z:T"),
        ("COMMIT", "C:COMMIT Z:I"),
    ] {
        assert_eq!(wire.ask(&query(sql)).await, expected, "{sql}");
    }
    assert_eq!(town.truth("SELECT to_regclass('lines') IS NULL").await, "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constraint_that_fails_at_the_commit_is_told() {
    let town = Town::new("CREATE TABLE one (a int PRIMARY KEY); CREATE TABLE two (a int REFERENCES one DEFERRABLE INITIALLY DEFERRED)").await;
    let mut wire = Wire::through(&town, "person").await;
    for (commit, told) in [
        (query("COMMIT"), "E:23503 Z:E"),
        ([run("COMMIT"), sync()].concat(), "1 2 E:23503 Z:E"),
    ] {
        assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
        assert_eq!(
            wire.ask(&query("INSERT INTO two VALUES (1)")).await,
            "C:INSERT 0 1 Z:T"
        );
        assert_eq!(wire.ask(&commit).await, told);
        assert_eq!(wire.ask(&query("COMMIT")).await, "C:ROLLBACK Z:I");
    }
    assert_eq!(town.truth("SELECT count(*) FROM two").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_killed_leaves_nothing_half_done() {
    let mut town = Town::new(SHOP).await;
    let mut open = Wire::through(&town, "person").await;
    open.ask(&query("BEGIN")).await;
    assert_eq!(
        open.ask(&query("DELETE FROM lines WHERE id <= 90")).await,
        "C:DELETE 90 Z:T"
    );
    let mut wrapped = Wire::through(&town, "person").await;
    wrapped
        .send(&query(
            "DELETE FROM lines WHERE id = 100 AND pg_sleep(15) IS NOT NULL",
        ))
        .await;
    let writing = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(15) IS%' AND pid <> pg_backend_pid()";
    while town.truth(writing).await == "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    town.kill().await;
    let left =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'guarded'";
    while town.truth(left).await != "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(town.truth(ROWS).await, WHOLE);
}
