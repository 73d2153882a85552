//! What returns too much is cut off where its limit is, and fails, also where it had ended before it could be cancelled.

use safeguard_api::config::Quota;

use super::quotas::{quotas, town};
use super::town::words;
use super::wire::{Wire, bind, execute, message, parse, query, run, sync};

fn rows(max: u64) -> Quota {
    Quota {
        rows_returned_max: Some(max),
        ..Quota::default()
    }
}

fn bytes(max: u64) -> Quota {
    Quota {
        bytes_returned_max: Some(max),
        ..Quota::default()
    }
}

/// One row more than is allowed, which ends at once, and what goes on for long.
const TOO_MANY: [&str; 2] = [
    "SELECT * FROM generate_series(1, 5) LIMIT 5",
    "SELECT generate_series(1, 300000000), repeat('x', 500) LIMIT 300000000",
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_over_the_limit_are_not_seen_in_whatever_form() {
    let town = town(rows(4)).await;
    let mut wire = Wire::through(&town, "agent").await;
    for sql in TOO_MANY {
        assert_eq!(wire.ask(&query(sql)).await, "T D D D D E:53400 Z:I", "{sql}");
        assert_eq!(
            wire.ask(&[run(sql), sync()].concat()).await,
            "1 2 D D D D E:53400 Z:I"
        );
        assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
        assert_eq!(wire.ask(&query(sql)).await, "T D D D D E:53400 Z:E");
        assert_eq!(wire.ask(&query("SELECT 1")).await, "E:25P02 Z:E");
        assert_eq!(wire.ask(&query("COMMIT")).await, "C:ROLLBACK Z:I");
        assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
        assert_eq!(
            wire.ask(&[run(sql), sync()].concat()).await,
            "1 2 D D D D E:53400 Z:E"
        );
        assert_eq!(wire.ask(&query("ROLLBACK")).await, "C:ROLLBACK Z:I");
        // What stands before it in a pipeline is undone, what stands behind it does not run.
        let pipeline = [
            run("CREATE TEMP TABLE made (a int)"),
            run(sql),
            run("CREATE TEMP TABLE more (a int)"),
            sync(),
            query("SELECT * FROM made"),
            run("SELECT 1"),
            sync(),
        ]
        .concat();
        wire.send(&pipeline).await;
        assert_eq!(
            wire.heard(3).await.join(" "),
            "1 2 C:CREATE TABLE 1 2 D D D D E:53400 Z:I E:42P01 Z:I 1 2 D C:SELECT 1 Z:I"
        );
        let last = [run("CREATE TEMP TABLE made (a int)"), run(sql), sync()].concat();
        assert_eq!(
            wire.ask(&last).await,
            "1 2 C:CREATE TABLE 1 2 D D D D E:53400 Z:I"
        );
        assert_eq!(wire.ask(&query("SELECT * FROM made")).await, "E:42P01 Z:I");
        let copy = format!("COPY ({sql}) TO STDOUT");
        assert_eq!(wire.ask(&query(&copy)).await, "H d d d d E:53400 Z:I", "{copy}");
        assert_eq!(
            wire.ask(&[run(&copy), sync()].concat()).await,
            "1 2 H d d d d E:53400 Z:I"
        );
    }
    let within = "SELECT * FROM generate_series(1, 4) LIMIT 4";
    assert_eq!(wire.ask(&query(within)).await, "T D D D D C:SELECT 4 Z:I");
    let mut service = Wire::through(&town, "service").await;
    assert!(service.ask(&query(TOO_MANY[0])).await.ends_with("C:SELECT 5 Z:I"));
    let agent = town.driver("agent").await;
    let over = agent.batch_execute(TOO_MANY[0]).await.unwrap_err();
    assert_eq!(
        words(&over),
        "53400 the statement returned 5 rows (limit 4) and was cancelled"
    );
    town.set(quotas(rows(5)), false);
    assert!(wire.ask(&query(TOO_MANY[0])).await.ends_with("C:SELECT 5 Z:I"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_count_before_a_row_is_passed_on() {
    let town = town(bytes(10_000)).await;
    let mut wire = Wire::through(&town, "agent").await;
    let many = "SELECT repeat('x', 3000) FROM generate_series(1, 10) LIMIT 10";
    assert_eq!(wire.ask(&query(many)).await, "T D D D E:53400 Z:I");
    let long = "SELECT repeat('x', 3000000)";
    assert_eq!(wire.ask(&query(long)).await, "T E:53400 Z:I");
    assert_eq!(wire.ask(&[run(long), sync()].concat()).await, "1 2 E:53400 Z:I");
    let copy = format!("COPY ({many}) TO STDOUT");
    assert_eq!(wire.ask(&query(&copy)).await, "H d d d E:53400 Z:I");
    let agent = town.driver("agent").await;
    let over = agent.batch_execute(long).await.unwrap_err();
    assert_eq!(
        words(&over),
        "53400 the statement returned 3,000,006 bytes (limit 10,000) and was cancelled"
    );
    assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
}

fn execute_some(portal: &str, rows: u32) -> Vec<u8> {
    let body = [portal.as_bytes(), &[0], &rows.to_be_bytes()].concat();
    message(b'E', &body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_is_run_in_parts_is_counted_as_one() {
    let town = town(rows(10)).await;
    let mut wire = Wire::through(&town, "agent").await;
    assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    let many = parse("many", "SELECT * FROM generate_series(1, 30) LIMIT 30");
    let opened = [many, bind("a", "many"), bind("b", "many"), sync()].concat();
    assert_eq!(wire.ask(&opened).await, "1 2 2 Z:T");
    let part = |portal: &str| [execute_some(portal, 4), sync()].concat();
    assert_eq!(wire.ask(&part("a")).await, "D D D D s Z:T");
    assert_eq!(wire.ask(&part("b")).await, "D D D D s Z:T");
    assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:T");
    assert_eq!(wire.ask(&part("a")).await, "D D D D s Z:T");
    // Bound anew it begins anew.
    let anew = [message(b'C', b"Pb\0"), bind("b", "many"), part("b"), part("b")].concat();
    wire.send(&anew).await;
    assert_eq!(wire.heard(2).await.join(" "), "3 2 D D D D s Z:T D D D D s Z:T");
    assert_eq!(wire.ask(&part("a")).await, "D D E:53400 Z:E");
    assert_eq!(wire.ask(&query("ROLLBACK")).await, "C:ROLLBACK Z:I");
    assert_eq!(
        wire.ask(&[bind("", "many"), execute(""), sync()].concat()).await,
        format!("2{} E:53400 Z:I", " D".repeat(10))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_with_it_is_rolled_back_where_it_is_measured() {
    let town = town(rows(3)).await;
    let mut wire = Wire::through(&town, "person").await;
    let change = "UPDATE users SET name = 'changed' WHERE id <= 10 RETURNING id";
    assert_eq!(wire.ask(&query(change)).await, "T D D D E:53400 Z:I");
    assert_eq!(
        wire.ask(&[run(change), sync()].concat()).await,
        "1 2 D D D E:53400 Z:I"
    );
    let unsynced = [run(change), run("SELECT 1"), sync()].concat();
    assert_eq!(wire.ask(&unsynced).await, "1 2 D D D E:53400 Z:I");
    let changed = "SELECT count(*) FROM users WHERE name = 'changed'";
    assert_eq!(town.truth(changed).await, "0");
    let few = "UPDATE users SET name = 'changed' WHERE id <= 3 RETURNING id";
    assert_eq!(wire.ask(&query(few)).await, "T D D D C:UPDATE 3 Z:I");
    assert_eq!(town.truth(changed).await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_undone_any_more_ends_the_session() {
    let town = town(rows(4)).await;
    // In one text, which PostgreSQL commits at its end.
    let text = format!("CREATE TABLE made (a int); {}; SELECT 1", TOO_MANY[0]);
    let mut wire = Wire::through(&town, "person").await;
    wire.send(&query(&text)).await;
    let heard = wire.heard(1).await;
    assert_eq!(
        heard.join(" "),
        "C:CREATE TABLE T D D D D E:53400 the statement returned 5 rows (limit 4) and was cancelled end"
    );
    assert_eq!(town.truth("SELECT to_regclass('made') IS NOT NULL").await, "t");
    // Mere reads leave nothing that would have to be undone.
    let mut wire = Wire::through(&town, "person").await;
    let text = format!("SELECT 1; {}; SELECT 1", TOO_MANY[0]);
    assert_eq!(
        wire.ask(&query(&text)).await,
        "T D C:SELECT 1 T D D D E:53400 Z:I"
    );
}
