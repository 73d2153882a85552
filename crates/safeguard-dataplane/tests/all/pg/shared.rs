//! What is one thing to PostgreSQL and two to who reads it, and places that everybody shares.

use safeguard_api::config::Quota;
use safeguard_api::guard::RowBudget;
use safeguard_api::statement::Redeemed;

use super::approved::{CODE, Control};
use super::idle::for_agents;
use super::town::Town;
use super::wire::{Wire, bind, close, execute, parse, query, run, sync};

const SHOP: &str = "\
CREATE TABLE users (id int PRIMARY KEY, name text);
INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 50) g;
CREATE SCHEMA other; CREATE TABLE other.users AS TABLE users";
const USERS: &str = "SELECT count(*) FROM users";
/// More than an agent may change.
const MANY: &str = "INSERT INTO users SELECT g FROM generate_series(1000, 9000) g";

#[tokio::test]
async fn names_that_postgresql_takes_for_one_another_are_not_taken_at_all() {
    let town = Town::new(SHOP).await;
    let same = "n".repeat(63);
    let (one, other) = (format!("{same}1"), format!("{same}2"));
    let mut wire = Wire::through(&town, "agent").await;
    // What the one name was judged by would be what the other one runs.
    for sent in [
        [parse(&one, "SELECT 1"), sync()].concat(),
        [close(b'S', &other), sync()].concat(),
        [parse(&other, MANY), sync()].concat(),
        [bind("", &one), execute(""), sync()].concat(),
        [parse("", MANY), bind(&one, ""), execute(&other), sync()].concat(),
    ] {
        let heard = wire.ask(&sent).await;
        assert!(heard.ends_with("Z:I") && !heard.contains("C:"), "{heard}");
    }
    assert_eq!(
        wire.ask(&[parse(&one, "SELECT 1"), sync()].concat()).await,
        "E:42622 Z:I"
    );
    assert_eq!(town.truth(USERS).await, "50");
    let whole = [
        parse(&same, "SELECT 1"),
        bind(&same, &same),
        execute(&same),
        sync(),
    ]
    .concat();
    assert_eq!(wire.ask(&whole).await, "1 2 D C:SELECT 1 Z:I");
}

#[tokio::test]
async fn an_agent_takes_so_many_places_in_the_table_of_locks_and_no_more() {
    let town = Town::new(SHOP).await;
    town.set(for_agents(Quota::default()), false);
    let lock = |key: u32| query(&format!("SELECT pg_advisory_xact_lock({key})"));
    let table = |key: u32| query(&format!("CREATE TEMP TABLE t{key} (id int)"));
    let prepared = |_: u32| [run("SELECT pg_try_advisory_xact_lock(7)"), sync()].concat();
    type Message<'m> = &'m dyn Fn(u32) -> Vec<u8>;
    let kinds: [(&str, Message<'_>); 3] = [("locks", &lock), ("tables", &table), ("prepared", &prepared)];
    for (name, one) in kinds {
        for (user, last) in [("agent", "E:53400 Z:E"), ("service", "Z:T")] {
            let mut wire = Wire::through(&town, user).await;
            // Each transaction of its own has all of them.
            for _ in 0..2 {
                assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
                for key in 0..64 {
                    let heard = wire.ask(&one(key)).await;
                    assert!(heard.ends_with("Z:T"), "{name}, {user}, {key}: {heard}");
                }
                let heard = wire.ask(&one(64)).await;
                assert!(heard.ends_with(last), "{name}, {user}: {heard}");
                assert_eq!(wire.ask(&query("ROLLBACK")).await, "C:ROLLBACK Z:I");
            }
        }
    }
}

#[tokio::test]
async fn what_was_approved_is_read_as_it_was_when_it_was_approved() {
    let (town, control) = Control::with(SHOP, |_| {
        Ok(Redeemed {
            decision: "dcn_0123456789abcdef".parse().unwrap(),
            budget: RowBudget {
                rows_changed_max: 0,
                rows_deleted_max: 50,
            },
            takes: None,
            entry: 7,
        })
    })
    .await;
    let gone = format!("{CODE}DELETE FROM users WHERE id = 7");
    for (set, name) in [
        ("SET search_path = other, public", "search_path"),
        ("SELECT set_config('search_path', 'other', false)", "search_path"),
        ("SET datestyle = 'ISO, DMY'", "DateStyle"),
    ] {
        let told = town.psql_with("agent", &["-c", set, "-c", &gone]).await;
        assert!(
            told.contains(&format!("the session has set `{name}`")),
            "{set}: {told}"
        );
    }
    assert_eq!(control.asked(), 3);
    for table in ["users", "other.users"] {
        assert_eq!(town.truth(&format!("SELECT count(*) FROM {table}")).await, "50");
    }
    let back = [
        "-c",
        "SET search_path = other",
        "-c",
        "RESET search_path",
        "-c",
        &gone,
    ];
    let told = town.psql_with("agent", &back).await;
    assert!(told.ends_with("DELETE 1"), "{told}");
    assert_eq!(town.truth(USERS).await, "49");
}
