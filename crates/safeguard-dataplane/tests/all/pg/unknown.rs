//! A session that is ended while its COMMIT is on the way: nobody is told that it was rolled back.

use safeguard_api::Span;
use safeguard_api::config::{GuardPolicy, GuardRule, Quota};
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::faults::{last_word, of_its_own};
use super::idle::for_agents;
use super::server::ALMIGHTY_ROLE;
use super::town::{LOGIN_PASSWORD, Town};
use super::wire::{Wire, query, run, sync};

/// A COMMIT waits for whoever holds the lock; where a cancel does not stop it, it then commits.
const WAITS: &str = "\
CREATE TABLE stops (id int); CREATE TABLE goes_on (id int);
CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$;
CREATE FUNCTION waits_anyway() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL;
EXCEPTION WHEN query_canceled THEN RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON stops DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION waits();
CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON goes_on DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION waits_anyway()";

/// In which a transaction may be open for a second, and what an agent adds is not measured.
pub fn a_second_and_no_measuring() -> GuardPolicy {
    let allow = GuardRule {
        principals: vec![Principal::Agent],
        environments: Vec::new(),
        classes: vec![StatementClass::Write],
        answer: GuardAnswer::Allow,
    };
    GuardPolicy {
        rules: vec![allow],
        ..a_second()
    }
}

fn a_second() -> GuardPolicy {
    for_agents(Quota {
        transaction_longest: Some(Span::seconds(1)),
        ..Quota::default()
    })
}

pub fn is_unknown(told: &str) -> bool {
    told.starts_with(
        "FATAL 08007 whether what was sent last was committed is not known: the transaction was open for ",
    ) && told.ends_with(" (limit 1.0 s)")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_not_answered_is_not_said_to_be_rolled_back() {
    let town = Town::new(WAITS).await;
    town.set(a_second_and_no_measuring(), false);
    let mut holds = Wire::past(&town.database).await;
    holds.ask(&query("BEGIN; SELECT pg_advisory_xact_lock(42)")).await;
    let by_parts = [run("COMMIT"), sync()].concat();
    for (name, commit) in [
        ("a query", query("COMMIT")),
        ("in parts", by_parts),
        ("as one", query("END;")),
    ] {
        for (table, left) in [("stops", "0"), ("goes_on", "1")] {
            let mut wire = Wire::through(&town, "agent").await;
            assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
            let insert = format!("INSERT INTO {table} VALUES (1)");
            assert_eq!(wire.ask(&query(&insert)).await, "C:INSERT 0 1 Z:T");
            wire.send(&commit).await;
            let told = last_word(&mut wire).await;
            assert!(is_unknown(&told), "{name}, {table}: {told}");
            // It may have been cancelled in time, or not.
            let ended = format!(
                "SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass AND mode = 'RowExclusiveLock'"
            );
            while town.truth(&ended).await != "0" {}
            assert_eq!(
                town.truth(&format!("SELECT count(*) FROM {table}")).await,
                left,
                "{name}, {table}"
            );
            town.truth(&format!("DELETE FROM {table}")).await;
        }
    }
    // Before its COMMIT nothing can have been committed.
    let mut wire = Wire::through(&town, "agent").await;
    wire.ask(&query("BEGIN; INSERT INTO stops VALUES (1)")).await;
    let told = last_word(&mut wire).await;
    assert!(
        told.starts_with("FATAL 25P04 ") && told.ends_with("it is rolled back, and the session ends"),
        "{told}"
    );
    assert_eq!(town.truth("SELECT count(*) FROM stops").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_is_the_proxy_s_own() {
    // A commit waits until another server has it too, which there is none; cancelled, it is committed all the same.
    let (server, town) = of_its_own("-c synchronous_standby_names=nobody -c synchronous_commit=local").await;
    server.must(
        "postgres",
        &format!("CREATE TABLE t (a int); ALTER ROLE {ALMIGHTY_ROLE} SET synchronous_commit = on"),
    );
    town.set(a_second(), false);
    let mut wire = Wire::connect(town.address, "agent", LOGIN_PASSWORD, "postgres").await;
    wire.send(&query("INSERT INTO t VALUES (1)")).await;
    let told = last_word(&mut wire).await;
    assert!(is_unknown(&told), "{told}");
    assert_eq!(server.must("postgres", "SELECT count(*) FROM t"), "1");
}
