//! The incident that everybody knows, replayed: an agent finds tables redundant, during a freeze, and has a connection to production.

use crate::postgres::{Postgres, psql};
use crate::proxy::Proxy;

const LOGINS: &[(&str, &str)] = &[("coder", "agent"), ("kim", "person"), ("migrations", "migration")];

/// Three years of audit records, of which each belongs to somebody.
const SHOP: &str = "
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, deleted_at timestamptz);
CREATE TABLE audit_log (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE, entry text);
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 10) n;
INSERT INTO audit_log SELECT n, n % 10 + 1, 'entry ' || n FROM generate_series(1, 3000) n;
";

fn shop() -> Postgres {
    let postgres = Postgres::start();
    postgres.must("postgres", "postgres", "CREATE DATABASE shop");
    postgres.must("postgres", "shop", SHOP);
    postgres
}

fn is_all_there(postgres: &Postgres) {
    let counts = "SELECT (SELECT count(*) FROM users) || ' ' || (SELECT count(*) FROM audit_log)";
    assert_eq!(postgres.must("postgres", "shop", counts), "10 3000");
}

#[test]
fn whatever_the_agent_types_the_audit_log_is_still_there() {
    let postgres = shop();
    let proxy = Proxy::start(&postgres, LOGINS, &[]);
    assert_eq!(proxy.answered("coder", "SELECT count(*) FROM audit_log"), "3000");
    for sql in [
        "DROP TABLE audit_log;",
        "drop/**/table if exists \"audit_log\" cascade;",
        "DELETE FROM audit_log;",
        "BEGIN; SELECT 1; DELETE FROM audit_log; COMMIT;",
        "SELECT 1 \\; COMMIT \\; TRUNCATE audit_log;",
        "WITH gone AS (DELETE FROM audit_log RETURNING 1) SELECT count(*) FROM gone;",
        "EXPLAIN ANALYZE DELETE FROM audit_log;",
        "PREPARE a AS DELETE FROM audit_log; EXECUTE a;",
        "DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'audit_log'; END $$;",
        "ALTER TABLE audit_log RENAME TO old_debug_files;",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL;",
        "UPDATE audit_log SET entry = '';",
        "CREATE TABLE optimised AS SELECT * FROM audit_log;",
        "COPY audit_log TO PROGRAM 'true';",
        "SET ROLE postgres; DROP TABLE audit_log;",
        "DELETE FROM users WHERE id = 1;",
    ] {
        let told = proxy.refused("coder", sql);
        // An agent acts on what it is told to do instead.
        assert!(told.contains("HINT:") && told.contains("rule"), "{sql}: {told}");
        is_all_there(&postgres);
    }
    let wrong = psql(&proxy.url("coder"), "guessed", "SELECT 1");
    assert!(!wrong.status.success());

    // What it should have done: marked what it holds to be redundant.
    proxy.answered("coder", "UPDATE users SET deleted_at = now() WHERE id = 7");
    assert_eq!(
        postgres.must(
            "postgres",
            "shop",
            "SELECT count(*) FROM users WHERE deleted_at IS NOT NULL"
        ),
        "1"
    );
}

#[test]
fn a_person_is_told_what_a_cascade_would_have_taken() {
    let postgres = shop();
    let proxy = Proxy::start(&postgres, LOGINS, &[]);
    let told = proxy.refused("kim", "DELETE FROM users WHERE id = 3;");
    assert!(told.contains("would delete 301 rows in 2 tables"), "{told}");
    is_all_there(&postgres);
    postgres.must(
        "postgres",
        "shop",
        "DELETE FROM audit_log WHERE user_id = 3 AND id > 100",
    );
    proxy.answered("kim", "DELETE FROM users WHERE id = 3");
    assert_eq!(
        postgres.must("postgres", "shop", "SELECT count(*) FROM users"),
        "9"
    );
}

#[test]
fn while_nobody_says_whether_there_is_a_freeze_there_is_one() {
    let postgres = shop();
    let proxy = Proxy::start(
        &postgres,
        LOGINS,
        &["--with-server", "--server", "http://127.0.0.1:1"],
    );
    let told = proxy.refused("migrations", "ALTER TABLE users ADD COLUMN note text;");
    assert!(told.contains("freeze"), "{told}");
    assert_eq!(proxy.answered("coder", "SELECT count(*) FROM audit_log"), "3000");
}
