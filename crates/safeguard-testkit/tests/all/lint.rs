//! `safeguard guard lint` with a real PostgreSQL: what a migration does to a copy, and that the original is left alone.

use std::path::Path;
use std::process::Output;

use safeguard_api::evidence::{About, EvidenceSpec, Format};
use serde_json::Value;

use crate::postgres::Postgres;

const SHOP: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, credit numeric(10,2) DEFAULT 0, note text);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE);
CREATE INDEX orders_by_user ON orders (user_id);
CREATE VIEW names AS SELECT id, name FROM users;
CREATE FUNCTION total(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM orders WHERE user_id = $1';
INSERT INTO users (id, name, credit, note) SELECT n, 'user ' || n, n / 7.0, CASE WHEN n < 40 THEN 'x' END FROM generate_series(1, 100) n;
INSERT INTO orders SELECT n, n % 100 + 1 FROM generate_series(1, 300) n;
";

fn shop() -> Postgres {
    let postgres = Postgres::start();
    postgres.must("postgres", "postgres", "CREATE DATABASE shop");
    postgres.must("postgres", "shop", SHOP);
    std::fs::create_dir(postgres.folder().join("migrations")).expect("a folder");
    postgres
}

fn write(postgres: &Postgres, name: &str, text: &str) {
    std::fs::write(postgres.folder().join("migrations").join(name), text).expect("a migration");
}

fn rehearsed(postgres: &Postgres, more: &[&str]) -> Output {
    let url = postgres.url("postgres", "shop");
    let mut words = vec!["guard", "lint", "migrations", "--db", &url];
    words.extend(more);
    postgres.safeguard(&words)
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // How long it took is another figure each time.
    let lines = text.lines().map(|line| match line.split_once(": rehearsed in ") {
        Some((path, rest)) => format!(
            "{path}: rehearsed: {}\n",
            rest.split_once(": ").expect("figures").1
        ),
        None => format!("{line}\n"),
    });
    lines.collect()
}

fn is_untouched(postgres: &Postgres) {
    let count = "SELECT (SELECT count(*) FROM users) || ' ' || (SELECT count(*) FROM orders)";
    assert_eq!(postgres.must("postgres", "shop", count), "100 300");
    let copies = "SELECT count(*) FROM pg_database WHERE datname LIKE 'safeguard_rehearsal%'";
    assert_eq!(postgres.must("postgres", "postgres", copies), "0");
}

#[test]
fn a_rehearsal_counts_what_a_migration_loses_also_where_its_text_hides_it() {
    let postgres = shop();
    // The text deletes from one table; a cascade and a block of code do the rest.
    write(&postgres, "1_leavers.sql", "DELETE FROM users WHERE id > 90;\n");
    write(
        &postgres,
        "2_block.sql",
        "DO $$ BEGIN EXECUTE 'DELETE FROM ' || 'orders WHERE id <= 50'; END $$;\n",
    );
    write(
        &postgres,
        "3_types.sql",
        "ALTER TABLE users ALTER COLUMN credit TYPE numeric(10,0);\nALTER TABLE users DROP COLUMN note;\n",
    );
    let output = rehearsed(&postgres, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    insta::assert_snapshot!(said(&output));
    is_untouched(&postgres);

    let intended = "-- safeguard: removes 40 rows\nDELETE FROM users WHERE id > 90;\n";
    write(&postgres, "1_leavers.sql", intended);
    let output = rehearsed(&postgres, &[]);
    assert!(
        !said(&output).contains("1_leavers.sql:1:1: critical"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_way_down_leads_back_or_it_is_said_what_is_missing() {
    let postgres = shop();
    write(
        &postgres,
        "1_age.sql",
        "-- migrate:up\nSET lock_timeout = '5s';\nALTER TABLE users ADD COLUMN age integer;\nALTER TYPE mood ADD VALUE 'happy';\n\
        CREATE OR REPLACE FUNCTION total(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';\n\
        -- migrate:down\nALTER TABLE users DROP COLUMN age;\n",
    );
    // It needs the first one, whose way down is rehearsed elsewhere.
    let carts = "CREATE TABLE carts (id bigint PRIMARY KEY);\nINSERT INTO carts SELECT max(age) FROM users HAVING max(age) > 0;\n";
    write(&postgres, "2_cart.up.sql", carts);
    write(&postgres, "2_cart.down.sql", "DROP TABLE carts;\n");
    write(
        &postgres,
        "3_index.sql",
        "SET lock_timeout = '5s';\nCREATE INDEX CONCURRENTLY users_by_name ON users (name);\n-- migrate:down\nDROP INDEX CONCURRENTLY users_by_name;\n",
    );
    let output = rehearsed(
        &postgres,
        &["--evidence", "evidence.json", "--sarif", "lint.sarif"],
    );
    insta::assert_snapshot!(said(&output));
    assert_eq!(output.status.code(), Some(1));
    is_untouched(&postgres);

    let read = |name: &str| -> Value {
        let text = std::fs::read(postgres.folder().join(name)).expect("a report");
        serde_json::from_slice(&text).expect("JSON")
    };
    let migrations = read("evidence.json")["facts"]["migrations"].clone();
    let reversed: Vec<&Value> = migrations
        .as_array()
        .expect("a list")
        .iter()
        .map(|migration| &migration["reversed"])
        .collect();
    assert_eq!(
        reversed,
        [&Value::Bool(false), &Value::Bool(true), &Value::Bool(true)]
    );
    // What is written is read by the gates' own readers.
    for (name, format) in [
        ("evidence.json", Format::Safeguard),
        ("lint.sarif", Format::Sarif),
    ] {
        let text = std::fs::read(postgres.folder().join(name)).expect("a report");
        let spec = EvidenceSpec {
            service: "shop".parse().expect("a name"),
            format,
            about: About::Commit("1234567".to_owned()),
            layer: None,
            gate: None,
            tool: None,
            tool_version: None,
            measure: None,
            asked: None,
            produced_at: None,
        };
        let read = safeguard_gate::read(&spec, &text).expect("it can be read");
        assert!(read.inconclusive.is_empty(), "{name}: {:?}", read.inconclusive);
    }
}

#[test]
fn locks_that_hold_for_too_long_are_named_with_their_tables() {
    let postgres = shop();
    let text = "SET lock_timeout = '5s';\nALTER TABLE users ADD COLUMN age integer;\nSELECT pg_sleep(0.2);\n\
        -- migrate:down\nALTER TABLE users DROP COLUMN age;\n";
    write(&postgres, "1_slow.sql", text);
    let output = rehearsed(&postgres, &["--lock-longest", "100ms"]);
    let text = said(&output);
    assert!(
        text.contains(
            "high lock-too-long: It holds AccessExclusiveLock on users (100 rows) until its commit"
        ),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(1));
    let output = rehearsed(&postgres, &["--lock-longest", "1m"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn what_can_not_be_rehearsed_is_said_and_leaves_nothing_behind() {
    let postgres = shop();
    write(
        &postgres,
        "1_typo.sql",
        "ALTER TABLE usres ADD COLUMN age integer;\n",
    );
    let output = rehearsed(&postgres, &[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains(
            "`migrations/1_typo.sql`: the way up fails: relation \"usres\" does not exist (SQLSTATE 42P01)"
        ),
        "{told}"
    );
    is_untouched(&postgres);

    let _connected = hold_open(&postgres);
    let output = rehearsed(&postgres, &[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("`shop` can not be copied") && told.contains("restored from a dump"),
        "{told}"
    );
    let output = postgres.safeguard(&["guard", "lint", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!Path::new("nowhere").exists());
}

/// A session that somebody has on the original.
fn hold_open(postgres: &Postgres) -> Held {
    let mut command = std::process::Command::new("psql");
    command.args([
        "-X",
        &postgres.url("postgres", "shop"),
        "-c",
        "SELECT pg_sleep(60)",
    ]);
    let child = command
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("psql runs");
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'";
    while postgres.must("postgres", "postgres", sessions) == "0" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Held(child)
}

struct Held(std::process::Child);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it has ended");
    }
}
