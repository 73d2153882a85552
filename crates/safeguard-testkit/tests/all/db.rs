//! The roles that `db harden` makes, and what `db doctor` finds, in a real PostgreSQL.

use std::net::TcpListener;
use std::process::{Command, Output};

use serde_json::Value;

use crate::postgres::Postgres;
use crate::proxy::{PASSWORD, Proxy};

/// A shop as it is often found: the application's role owns everything, and may do everything.
const SHOP: &str = "
CREATE ROLE shop_app LOGIN CREATEDB;
CREATE ROLE shop_agent LOGIN IN ROLE shop_app;
CREATE ROLE shop_migrations LOGIN;
CREATE DATABASE shop OWNER shop_app;
";
const TABLES: &str = "
CREATE EXTENSION dblink;
-- As from PostgreSQL 15 on by itself.
ALTER SCHEMA public OWNER TO shop_app;
SET ROLE shop_app;
CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
CREATE VIEW names AS SELECT name FROM users;
CREATE FUNCTION forget(int) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM users WHERE id = $1';
INSERT INTO users (name) VALUES ('ada'), ('bob');
";
const LOGINS: [&str; 6] = [
    "--login",
    "shop_app=writer",
    "--login",
    "shop_agent=reader",
    "--login",
    "shop_migrations=migrator",
];

fn shop() -> Postgres {
    let postgres = Postgres::start();
    postgres.must("postgres", "postgres", SHOP);
    postgres.must("postgres", "shop", TABLES);
    postgres
}

fn harden(postgres: &Postgres, environment: &str) {
    let url = postgres.url("postgres", "shop");
    let mut words = vec!["db", "harden", "--database", "shop", "--env", environment];
    words.extend(LOGINS);
    words.extend(["--apply", &url]);
    let output = postgres.safeguard(&words);
    assert!(output.status.success(), "{}", said(&output));
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Runs the doctor, and returns its exit code and what it found, a line each.
fn doctor(postgres: &Postgres, user: &str, words: &[&str]) -> (Option<i32>, String) {
    let url = postgres.url(user, "shop");
    let mut all = vec!["--json", "db", "doctor", &url];
    all.extend(words);
    let output = postgres.safeguard(&all);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let checks = report["checks"].as_array().expect("checks");
    let lines = checks.iter().map(|check| {
        let text = |key: &str| check[key].as_str().expect("a text").to_owned();
        let found = text("found").replace(&identifier(postgres), "IDENTIFIER");
        format!("{:<4} {}: {found}\n", text("health"), text("name"))
    });
    (output.status.code(), lines.collect())
}

fn identifier(postgres: &Postgres) -> String {
    postgres.must(
        "postgres",
        "postgres",
        "SELECT system_identifier FROM pg_control_system()",
    )
}

fn register(postgres: &Postgres, environment: &str) {
    let text = format!(
        "[services.shop]\ncommand = [\"x\"]\n[services.shop.listen]\ndev = \"127.0.0.1:1\"\nqa = \"127.0.0.1:2\"\n\
        staging = \"127.0.0.1:3\"\nproduction = \"127.0.0.1:4\"\n[guard.system_identifiers]\n{environment} = \"{}\"\n",
        identifier(postgres)
    );
    std::fs::write(
        postgres.folder().join("safeguard.toml"),
        format!("mode = \"observe\"\n{text}"),
    )
    .expect("a configuration");
}

#[test]
fn a_hardened_database_lets_writers_write_and_nobody_delete() {
    let postgres = shop();
    harden(&postgres, "production");
    harden(&postgres, "production");

    postgres.must(
        "shop_app",
        "shop",
        "INSERT INTO users (name) VALUES ('eve'); UPDATE users SET name = 'eva' WHERE id = 3;",
    );
    assert_eq!(
        postgres.must("shop_agent", "shop", "SELECT count(*) FROM names"),
        "3"
    );
    let denied = |user: &str, sql: &str| {
        let why = postgres.refused(user, "shop", sql);
        assert!(
            [
                "permission denied",
                "must be owner",
                "must be member",
                "must be superuser",
                "read-only"
            ]
            .iter()
            .any(|reason| why.contains(reason)),
            "{user}: {sql}: {why}"
        );
    };
    for sql in [
        "DELETE FROM users WHERE id = 1",
        "TRUNCATE users CASCADE",
        "DROP TABLE orders",
        "DROP VIEW names",
        "DROP DATABASE shop",
        "DROP SCHEMA public CASCADE",
        "ALTER TABLE users DISABLE TRIGGER ALL",
        "ALTER TABLE users DROP COLUMN name",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE users (id int)",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SELECT 1'",
        "DO $$ BEGIN DELETE FROM users; END $$",
        "SELECT forget(1)",
        "SELECT dblink_connect_u('dbname=shop')",
        "SELECT lo_create(0)",
        "SET session_replication_role = replica",
        "SET ROLE shop_migrator",
        "GRANT DELETE ON users TO shop_app; DELETE FROM users",
        "ALTER DEFAULT PRIVILEGES FOR ROLE shop_migrator GRANT ALL ON TABLES TO shop_app",
        "CREATE DATABASE another",
    ] {
        denied("shop_app", sql);
        denied("shop_agent", sql);
    }
    denied(
        "shop_agent",
        "SET default_transaction_read_only = off; INSERT INTO users (name) VALUES ('x')",
    );

    // What a migration makes is everybody's to read, the writers' to write, and the migrators' to drop.
    postgres.must(
        "shop_migrations",
        "shop",
        "CREATE TABLE carts (id serial PRIMARY KEY, user_id int)",
    );
    postgres.must("shop_app", "shop", "INSERT INTO carts (user_id) VALUES (1)");
    denied("shop_app", "DELETE FROM carts");
    denied("shop_agent", "INSERT INTO carts (user_id) VALUES (1)");
    let owner = postgres.must(
        "postgres",
        "shop",
        "SELECT tableowner FROM pg_tables WHERE tablename = 'carts'",
    );
    assert_eq!(owner, "shop_migrator");
    postgres.must(
        "shop_migrations",
        "shop",
        "ALTER TABLE users ADD COLUMN seen timestamptz; DROP TABLE carts",
    );
    assert_eq!(postgres.must("shop_app", "shop", "SHOW statement_timeout"), "30s");

    // In staging nobody but a migration writes.
    harden(&postgres, "staging");
    denied("shop_app", "INSERT INTO users (name) VALUES ('mal')");
    denied("shop_app", "UPDATE users SET name = 'mal'");
    postgres.must("shop_migrations", "shop", "CREATE TABLE later (id int)");
    denied("shop_app", "INSERT INTO later VALUES (1)");
    assert_eq!(
        postgres.must("shop_app", "shop", "SELECT count(*) FROM users"),
        "3"
    );
}

#[test]
fn the_doctor_finds_what_a_credential_can_do_and_nothing_after_the_hardening() {
    let postgres = shop();
    let before = postgres.must("postgres", "shop", "SELECT count(*) FROM users");
    let (code, found) = doctor(&postgres, "shop_agent", &[]);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!("doctor of an agent that can do everything", found);
    assert_eq!(
        postgres.must("postgres", "shop", "SELECT count(*) FROM users"),
        before
    );

    harden(&postgres, "production");
    register(&postgres, "production");
    let listening = TcpListener::bind("127.0.0.1:0").expect("a port");
    let open = listening.local_addr().expect("an address").to_string();
    let (code, found) = doctor(
        &postgres,
        "shop_app",
        &["--as", "service", "--must-not-reach", &open],
    );
    assert_eq!(code, Some(1), "{found}");
    assert!(
        found.contains(&format!("bad  network: {open} answers from here")),
        "{found}"
    );
    drop(listening);
    let words = ["--as", "service", "--must-not-reach", &open];
    let (code, found) = doctor(&postgres, "shop_app", &words);
    assert_eq!(code, Some(0), "{found}");
    insta::assert_snapshot!("doctor of a hardened service", found.replace(&open, "ADDRESS"));

    // A credential of staging that opens production.
    let (code, found) = doctor(&postgres, "shop_app", &["--as", "service", "--env", "staging"]);
    assert_eq!(code, Some(1));
    assert!(
        found.contains("bad  identity: asked as staging, and this is the server of production (IDENTIFIER)"),
        "{found}"
    );
    assert!(
        found.contains("bad  read-only: staging is read-only, and it may write: names, orders, users"),
        "{found}"
    );

    let closed = postgres.safeguard(&["db", "doctor", "postgres://x:secret-word@127.0.0.1:1/shop"]);
    assert_eq!(closed.status.code(), Some(2), "{}", said(&closed));
    assert!(!said(&closed).contains("secret-word"));
}

#[test]
fn a_report_is_signed_and_a_changed_one_is_not() {
    let postgres = shop();
    harden(&postgres, "production");
    let key = postgres.folder().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .expect("ssh-keygen runs");
    assert!(made.success());
    let (report, url) = (
        postgres.folder().join("isolation.json"),
        postgres.url("shop_agent", "shop"),
    );
    let output = postgres.safeguard(&[
        "db",
        "doctor",
        &url,
        "--report",
        "isolation.json",
        "--key",
        key.to_str().expect("text"),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let public = std::fs::read_to_string(key.with_extension("pub")).expect("a public key");
    let signers = postgres.folder().join("signers");
    std::fs::write(&signers, format!("ops {public}")).expect("signers");
    let verified = || {
        Command::new("ssh-keygen")
            .args(["-Y", "verify", "-I", "ops", "-n", "safeguard-report@v1", "-s"])
            .arg(postgres.folder().join("isolation.json.sig"))
            .arg("-f")
            .arg(&signers)
            .stdin(std::fs::File::open(&report).expect("the report"))
            .output()
            .expect("ssh-keygen runs")
            .status
            .success()
    };
    assert!(verified());
    let text = std::fs::read_to_string(&report).expect("the report");
    assert!(text.contains("\"user\":\"shop_agent\""), "{text}");
    std::fs::write(&report, text.replacen("shop_agent", "shop_app", 1)).expect("written");
    assert!(!verified());
}

#[test]
fn timeouts_that_the_role_can_switch_off_are_good_only_behind_a_proxy() {
    let postgres = shop();
    harden(&postgres, "production");
    postgres.must(
        "postgres",
        "shop",
        "ALTER ROLE postgres SET statement_timeout = '30s'; ALTER ROLE postgres SET lock_timeout = '1s';
         ALTER ROLE postgres SET idle_in_transaction_session_timeout = '60s'",
    );
    let timeouts = |url: &str| {
        let output = postgres.safeguard(&["--json", "db", "doctor", url]);
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        let checks = report["checks"].as_array().expect("checks");
        let found = checks
            .iter()
            .find(|check| check["name"] == "timeouts")
            .expect("timeouts");
        format!("{}: {}", found["health"], found["found"]).replace('"', "")
    };
    assert_eq!(
        timeouts(&postgres.url("postgres", "shop")),
        "care: they are set, and it can switch off: idle_in_transaction_session_timeout, lock_timeout, statement_timeout"
    );
    let proxy = Proxy::start(&postgres, &[("coder", "agent"), ("kim", "person")], &[]);
    let through = |login: &str| {
        let password = PASSWORD.replace(' ', "%20");
        timeouts(&proxy.url(login).replace('@', &format!(":{password}@")))
    };
    assert_eq!(
        through("coder"),
        "good: statements, locks and idle transactions end by themselves, and it can not switch that off"
    );
    assert!(through("kim").starts_with("care: they are set, and it can switch off: "));
}
