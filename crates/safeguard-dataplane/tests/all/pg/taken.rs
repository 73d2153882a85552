//! `DROP TABLE` and `TRUNCATE` that a person lets run once: what they take is counted first, and bound to what was approved.

use std::time::Duration;

use safeguard_api::guard::RowBudget;
use safeguard_api::statement::{Outcome, Redeemed, Redemption, Takes};
use safeguard_dataplane::pg::Answer;

use super::approved::{CODE, Control};

pub const SHOP: &str = "\
CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE, note text);
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
CREATE TABLE events (id int, what text) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (100);
CREATE TABLE events_2 PARTITION OF events DEFAULT;
CREATE TABLE \"Odd \"\"one\" (id int);
INSERT INTO users (name) SELECT 'n' || g FROM generate_series(1, 50) g;
INSERT INTO orders SELECT g, 1 + g % 50 FROM generate_series(1, 150) g;
INSERT INTO events SELECT g, 'e' FROM generate_series(90, 109) g;
INSERT INTO \"Odd \"\"one\" VALUES (1);
CREATE VIEW names AS SELECT name FROM users;
CREATE VIEW short AS SELECT left(name, 3) FROM names;
CREATE SCHEMA other; CREATE TABLE other.orders (id int); INSERT INTO other.orders VALUES (1)";
pub const ROWS: &str =
    "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders), (SELECT count(*) FROM events)";
pub const ALL: &str = "50|150|20";

/// Whatever text comes is what was approved: for these tables, so many rows, and these kinds of objects.
pub fn good_for(
    relations: &[&str],
    rows: u64,
    also: &[&str],
) -> impl Fn(&Redemption) -> Answer + Send + 'static {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let takes = Takes {
        relations: texts(relations),
        also: texts(also),
    };
    move |_| {
        Ok(Redeemed {
            decision: "dcn_0123456789abcdef".parse().unwrap(),
            budget: RowBudget {
                rows_changed_max: 0,
                rows_deleted_max: rows,
            },
            takes: Some(takes.clone()),
            entry: 7,
        })
    }
}

#[tokio::test]
async fn a_refusal_of_a_drop_or_truncate_says_how_a_person_lets_it_run() {
    let (town, control) = Control::with(SHOP, good_for(&[], 0, &[])).await;
    for sql in ["DROP TABLE orders", "TRUNCATE public.orders, events"] {
        let told = town.psql("agent", sql).await;
        assert!(told.contains("safeguard statement approve dcn_"), "{told}");
        let batch = control.desk.fetch().remove(0);
        assert_eq!(batch.texts[0].text, sql);
        assert!(batch.decisions[0].takes_tables(), "{:?}", batch.decisions);
    }
    assert_eq!(town.psql("agent", ROWS).await, ALL);
}

#[tokio::test]
async fn an_approved_truncate_empties_what_was_named_and_nothing_else() {
    let (town, control) = Control::with(SHOP, good_for(&["public.orders", "public.events"], 170, &[])).await;
    let told = town
        .psql("agent", &format!("{CODE}TRUNCATE orders, events"))
        .await;
    assert_eq!(told, "TRUNCATE TABLE");
    assert_eq!(town.psql("agent", ROWS).await, "50|0|0");
    let decisions = control.decisions();
    assert_eq!(decisions[0].outcome, Outcome::Within);
    assert_eq!(decisions[0].effect.unwrap().rows_deleted, 170);
    assert_eq!(
        decisions[0].approved.as_ref().unwrap().as_str(),
        "dcn_0123456789abcdef"
    );
    // The session goes on as any other: nothing of the proxy's transaction is left.
    let left = town
        .psql_with(
            "agent",
            &[
                "-c",
                &format!("{CODE}TRUNCATE orders"),
                "-c",
                "SHOW lock_timeout",
                "-c",
                "TRUNCATE events",
            ],
        )
        .await;
    assert!(
        left.contains("TRUNCATE TABLE\n0\n") && left.contains("rule `truncate` refuses"),
        "{left}"
    );
}

#[tokio::test]
async fn an_approved_drop_takes_the_table_with_its_own_parts() {
    let (town, control) = Control::with(SHOP, good_for(&["public.orders"], 150, &[])).await;
    let told = town.psql("agent", &format!("{CODE}DROP TABLE orders;")).await;
    assert_eq!(told, "DROP TABLE");
    assert_eq!(
        town.truth("SELECT to_regclass('public.orders') IS NULL").await,
        "t"
    );
    assert_eq!(control.decisions()[0].effect.unwrap().rows_deleted, 150);

    let (town, _control) = Control::with(
        SHOP,
        good_for(&["public.events", "public.\"Odd \"\"one\""], 21, &[]),
    )
    .await;
    let told = town
        .psql("agent", &format!("{CODE}DROP TABLE events, \"Odd \"\"one\""))
        .await;
    assert_eq!(told, "DROP TABLE");
    assert_eq!(
        town.truth("SELECT to_regclass('public.events_1') IS NULL").await,
        "t"
    );
}

#[tokio::test]
async fn a_partition_is_dropped_from_its_parent_when_it_was_named() {
    let (town, _control) = Control::with(SHOP, good_for(&["public.events_1"], 10, &[])).await;
    let told = town.psql("agent", &format!("{CODE}DROP TABLE events_1")).await;
    assert_eq!(told, "DROP TABLE");
    assert_eq!(town.truth("SELECT count(*) FROM events").await, "10");
}

#[tokio::test]
async fn more_rows_than_were_approved_are_told_and_stay() {
    let (town, control) = Control::with(SHOP, good_for(&["public.orders", "public.events"], 169, &[])).await;
    for sql in ["TRUNCATE orders, events", "DROP TABLE orders, events"] {
        let told = town.psql("agent", &format!("{CODE}{sql}")).await;
        assert!(
            told.contains("would take 170 rows of 3 tables (limit 169)"),
            "{told}"
        );
        assert!(told.contains("the code is used up"), "{told}");
        assert!(told.contains("safeguard statement approve dcn_"), "{told}");
        let batch = control.desk.fetch().remove(0);
        assert_eq!(batch.texts[0].text, sql);
        assert_eq!(batch.decisions[0].outcome, Outcome::RolledBack);
        assert_eq!(batch.decisions[0].effect.unwrap().rows_deleted, 170);
    }
    assert_eq!(town.psql("agent", ROWS).await, ALL);
}

#[tokio::test]
async fn cascade_takes_only_kinds_of_objects_that_were_approved() {
    let cascade = |sql: &str| format!("{CODE}{sql} CASCADE");
    let (town, control) = Control::with(SHOP, good_for(&["public.users"], 50, &["view"])).await;
    let told = town.psql("agent", &cascade("DROP TABLE users")).await;
    assert!(
        told.contains(
            "of kinds that were not approved: 1 table constraint (orders_user_id_fkey on public.orders)"
        ),
        "{told}"
    );
    assert_eq!(control.decisions()[0].outcome, Outcome::RolledBack);
    assert_eq!(town.psql("agent", ROWS).await, ALL);

    let (town, _control) = Control::with(SHOP, good_for(&["public.users"], 50, &[])).await;
    let told = town.psql("agent", &cascade("DROP TABLE users")).await;
    assert!(
        told.contains("2 views (public.names, public.short)")
            || told.contains("2 views (public.short, public.names)"),
        "{told}"
    );
    let told = town.psql("agent", &cascade("TRUNCATE users")).await;
    assert!(told.contains("1 table (public.orders)"), "{told}");
    assert_eq!(town.psql("agent", ROWS).await, ALL);

    let (town, _control) = Control::with(SHOP, good_for(&["public.users"], 199, &["table"])).await;
    let told = town.psql("agent", &cascade("TRUNCATE users")).await;
    assert!(
        told.contains("would take 200 rows of 2 tables (limit 199)"),
        "{told}"
    );

    let (town, _control) = Control::with(
        SHOP,
        good_for(&["public.users"], 200, &["table", "view", "table constraint"]),
    )
    .await;
    assert!(
        town.psql("agent", &cascade("TRUNCATE users"))
            .await
            .starts_with("TRUNCATE TABLE")
    );
    assert_eq!(town.psql("agent", ROWS).await, "0|0|20");
    assert!(
        town.psql("agent", &cascade("DROP TABLE users"))
            .await
            .starts_with("DROP TABLE")
    );
    assert_eq!(
        town.truth("SELECT count(*) FROM pg_class WHERE relname IN ('users', 'names', 'short')")
            .await,
        "0"
    );
}

#[tokio::test]
async fn a_name_stands_for_the_table_that_was_approved_or_for_none() {
    let (town, _control) = Control::with(SHOP, good_for(&["public.orders"], 1000, &[])).await;
    let elsewhere = [
        "-c",
        "SET search_path = other, public",
        "-c",
        &format!("{CODE}DROP TABLE orders"),
    ];
    let told = town.psql_with("agent", &elsewhere).await;
    assert!(
        told.contains("would take `other.orders`, and what was approved is public.orders"),
        "{told}"
    );
    let told = town.psql("agent", &format!("{CODE}TRUNCATE orders, users")).await;
    assert!(
        told.contains("would take `public.users`, and what was approved is public.orders"),
        "{told}"
    );
    assert_eq!(town.truth("SELECT count(*) FROM other.orders").await, "1");
    assert_eq!(town.psql("agent", ROWS).await, ALL);
}

#[tokio::test]
async fn what_is_no_table_or_not_alone_is_not_approved() {
    let (town, control) = Control::with(
        SHOP,
        good_for(
            &["public.users", "public.names"],
            1000,
            &["view", "table constraint"],
        ),
    )
    .await;
    for sql in [
        "DROP TABLE orders; DROP TABLE users",
        "DROP VIEW names",
        "DROP SCHEMA other CASCADE",
        "DROP INDEX users_pkey",
        "DROP DATABASE postgres",
        "DROP SEQUENCE users_id_seq CASCADE",
        "ALTER TABLE users DROP COLUMN note",
        "DROP TABLE pg_catalog.pg_class",
        "DO $$ BEGIN DROP TABLE users; END $$",
    ] {
        let told = town.psql("agent", &format!("{CODE}{sql}")).await;
        assert!(
            told.contains("this statement can not be approved"),
            "{sql}: {told}"
        );
    }
    let within = [
        "-c",
        "BEGIN",
        "-c",
        &format!("{CODE}TRUNCATE orders"),
        "-c",
        "COMMIT",
    ];
    let told = town.psql_with("agent", &within).await;
    assert!(told.contains("this statement can not be approved"), "{told}");
    assert_eq!(control.asked(), 0);
    let told = town.psql("agent", &format!("{CODE}DROP TABLE names")).await;
    assert!(told.contains("`public.names` is no table"), "{told}");
    assert_eq!(town.psql("agent", ROWS).await, ALL);
}

#[tokio::test]
async fn an_approval_of_rows_is_none_of_tables() {
    let (town, _control) = Control::with(SHOP, |_| {
        Ok(Redeemed {
            decision: "dcn_0123456789abcdef".parse().unwrap(),
            budget: RowBudget {
                rows_changed_max: 1000,
                rows_deleted_max: 1000,
            },
            takes: None,
            entry: 7,
        })
    })
    .await;
    let told = town.psql("agent", &format!("{CODE}TRUNCATE orders")).await;
    assert!(told.contains("it names no tables"), "{told}");
    assert_eq!(town.psql("agent", ROWS).await, ALL);
}

#[tokio::test]
async fn whoever_is_at_work_on_the_table_is_not_waited_for_for_long() {
    let (town, _control) = Control::with(SHOP, good_for(&["public.orders"], 150, &[])).await;
    let at_work = town.driver("person").await;
    at_work.batch_execute("BEGIN; SELECT FROM orders").await.unwrap();
    let begun = std::time::Instant::now();
    let told = town.psql("agent", &format!("{CODE}TRUNCATE orders")).await;
    assert!(told.contains("55P03") && told.contains("lock timeout"), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(60));
    at_work.batch_execute("COMMIT").await.unwrap();
    assert_eq!(town.psql("agent", ROWS).await, ALL);
}

#[tokio::test]
async fn what_a_trigger_does_meanwhile_is_within_the_approval_too() {
    let sql = format!(
        "{SHOP}; CREATE FUNCTION wipe() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM users; RETURN NULL; END $$;
         CREATE TRIGGER wipe AFTER TRUNCATE ON events_1 FOR EACH STATEMENT EXECUTE FUNCTION wipe()"
    );
    let (town, _control) = Control::with(&sql, good_for(&["public.events"], 60, &[])).await;
    let told = town.psql("agent", &format!("{CODE}TRUNCATE events")).await;
    assert!(told.contains("would delete 220 rows in 2 tables"), "{told}");
    let sql = sql.replace("DELETE FROM users", "DROP TABLE other.orders");
    let (town, _control) = Control::with(&sql, good_for(&["public.events"], 60, &[])).await;
    let told = town.psql("agent", &format!("{CODE}TRUNCATE events")).await;
    assert!(told.contains("would empty, drop or rewrite"), "{told}");
    assert_eq!(town.truth("SELECT count(*) FROM other.orders").await, "1");
    assert_eq!(town.psql("agent", ROWS).await, ALL);
}

#[tokio::test]
async fn a_proxy_that_is_killed_leaves_the_table_as_it_was() {
    let (mut town, control) = Control::with(SHOP, good_for(&["public.orders"], 150, &[])).await;
    // Holds the proxy's transaction where it has begun and waits for the lock.
    let at_work = town.driver("person").await;
    at_work.batch_execute("BEGIN; SELECT FROM orders").await.unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'
        AND relation = 'public.orders'::regclass";
    let driver = town.driver("agent").await;
    let agent = tokio::spawn(async move { driver.simple_query(&format!("{CODE}TRUNCATE orders")).await });
    let begun = std::time::Instant::now();
    while town.truth(waiting).await != "1" {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nobody waits for the lock: {}",
            control.asked()
        );
    }
    town.kill().await;
    assert!(agent.await.unwrap().is_err());
    assert_eq!(town.truth(ROWS).await, ALL);
}

#[tokio::test]
async fn a_freeze_is_told_and_who_answers_for_the_code_decides_about_it() {
    let (town, control) = Control::with(SHOP, |redemption| match redemption.frozen {
        true => Err("a freeze holds it".to_owned()),
        false => good_for(&["public.orders"], 150, &[])(redemption),
    })
    .await;
    town.set(Default::default(), true);
    let sql = "TRUNCATE orders";
    let told = town.psql("agent", sql).await;
    assert!(told.contains("safeguard statement approve dcn_"), "{told}");
    assert!(control.decisions()[0].frozen);
    let told = town.psql("agent", &format!("{CODE}{sql}")).await;
    assert!(told.contains("does not count: a freeze holds it"), "{told}");
    assert_eq!(town.psql("agent", ROWS).await, ALL);
    town.set(Default::default(), false);
    assert_eq!(
        town.psql("agent", &format!("{CODE}{sql}")).await,
        "TRUNCATE TABLE"
    );
}

#[tokio::test]
async fn where_rows_must_be_kept_no_table_goes_without() {
    let good = good_for(&["public.orders"], 150, &[]);
    let (town, _control) = Control::with_settings(SHOP, good, |proxy| proxy.undo_required = None).await;
    for sql in ["TRUNCATE orders", "DROP TABLE orders"] {
        let told = town.psql("agent", &format!("{CODE}{sql}")).await;
        assert!(told.contains("this database keeps nothing"), "{sql}: {told}");
    }
    assert_eq!(town.psql("agent", ROWS).await, ALL);
}

#[tokio::test]
async fn a_migration_is_told_how_its_drop_is_let_run_and_may_run_it_then() {
    let (town, control) = Control::with(SHOP, good_for(&["public.orders"], 150, &[])).await;
    let told = town.psql("migration", "DROP TABLE orders").await;
    assert!(told.contains("what it takes is not counted"), "{told}");
    assert!(told.contains("safeguard statement approve dcn_"), "{told}");
    assert_eq!(control.desk.fetch().remove(0).texts[0].text, "DROP TABLE orders");
    let within = "BEGIN; DROP TABLE orders; COMMIT";
    let told = town.psql("migration", within).await;
    assert!(!told.contains("safeguard statement approve"), "{told}");
    assert_eq!(town.psql("agent", ROWS).await, ALL);
    let told = town.psql("migration", &format!("{CODE}DROP TABLE orders")).await;
    assert_eq!(told, "DROP TABLE");
}
