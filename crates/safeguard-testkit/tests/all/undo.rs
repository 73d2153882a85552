//! What is removed under an undo id comes back, in a real PostgreSQL: to the byte, or not at all.

mod drop;
mod limits;
mod random;
mod ship;

use std::process::{Command, Output};

use serde_json::Value;

use crate::postgres::Postgres;

const DATABASE: &str = "shop";

/// A parent, two levels below it, and a trigger that writes elsewhere.
const SHOP: &str = "
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL UNIQUE, orders_count int NOT NULL DEFAULT 0);
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int NOT NULL REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE,
  total numeric(12,2) NOT NULL, twice numeric GENERATED ALWAYS AS (total * 2) STORED);
CREATE TABLE lines (order_id int REFERENCES orders ON DELETE CASCADE, n int, what text, PRIMARY KEY (order_id, n));
CREATE TABLE reviews (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE SET NULL ON UPDATE CASCADE, stars int);
CREATE TABLE archive (what text, at timestamptz DEFAULT now());
CREATE FUNCTION count_down() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE users SET orders_count = orders_count - 1 WHERE id = OLD.user_id; RETURN NULL; END $$;
INSERT INTO users SELECT n, 'user ' || n, 3 FROM generate_series(1, 9) n;
INSERT INTO orders (user_id, total) SELECT n % 9 + 1, n * 1.25 FROM generate_series(1, 27) n;
INSERT INTO lines SELECT o.id, n, 'thing ' || n FROM orders o, generate_series(1, 3) n;
INSERT INTO reviews SELECT n, n % 9 + 1, n % 5 FROM generate_series(1, 18) n;
CREATE TRIGGER count_down AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION count_down();
";

struct Shop {
    postgres: Postgres,
}

impl Shop {
    /// With what `schema` makes, and undo installed by a superuser.
    fn start(schema: &str) -> Shop {
        let postgres = Postgres::start();
        postgres.must("postgres", "postgres", "CREATE DATABASE shop");
        let shop = Shop { postgres };
        shop.sql(schema);
        shop.done(&["install", "--apply"]);
        shop
    }

    fn sql(&self, sql: &str) -> String {
        self.postgres.must("postgres", DATABASE, sql)
    }

    /// Runs `safeguard undo …`.
    fn undo(&self, words: &[&str]) -> Output {
        let url = self.postgres.url("postgres", DATABASE);
        let mut all = vec!["undo"];
        all.extend(words);
        all.extend(["--url", &url]);
        self.postgres.safeguard(&all)
    }

    fn done(&self, words: &[&str]) -> String {
        let output = self.undo(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What it says, ended with `code`.
    fn ends(&self, code: i32, words: &[&str]) -> String {
        let output = self.undo(words);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", said(&output));
        said(&output)
    }

    /// Runs statements in one transaction with an undo id, which is returned.
    fn under_an_id(&self, sql: &str) -> String {
        let id = self.new_id();
        self.sql(&format!(
            "BEGIN; SELECT pg_catalog.set_config('safeguard.undo', '{id}', true); {sql}; COMMIT;"
        ));
        id
    }

    fn new_id(&self) -> String {
        let output = self.postgres.safeguard(&["undo", "new"]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Every row of the user's tables, as `pg_dump` writes it, in an order of its own.
    fn rows(&self) -> Vec<String> {
        let dump = self.dump(&["--data-only", "--inserts", "--schema=public"]);
        let mut rows: Vec<String> = dump
            .lines()
            .filter(|line| line.starts_with("INSERT INTO"))
            .map(str::to_owned)
            .collect();
        rows.sort();
        rows
    }

    fn dump(&self, words: &[&str]) -> String {
        let url = self.postgres.url("postgres", DATABASE);
        let output = Command::new("pg_dump")
            .arg(url)
            .args(words)
            .output()
            .expect("pg_dump runs");
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    fn restored(&self, id: &str) -> Value {
        let url = self.postgres.url("postgres", DATABASE);
        let output = self
            .postgres
            .safeguard(&["--json", "undo", "restore", id, "--url", &url]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn a_delete_with_its_cascades_and_triggers_comes_back_to_the_byte() {
    let shop = Shop::start(SHOP);
    shop.done(&["install", "--apply"]);
    let before = shop.rows();
    let id = shop
        .under_an_id("DELETE FROM users WHERE id IN (2, 3); UPDATE users SET orders_count = 7 WHERE id = 4");
    let after = shop.rows();
    assert_ne!(before, after);

    // A dry run says what it would do, and does nothing.
    let told = shop.done(&["restore", &id, "--dry-run"]);
    assert!(told.contains("public.lines: 18 inserted, 0 set back"), "{told}");
    assert!(told.contains("public.orders: 6 inserted, 0 set back"), "{told}");
    assert!(told.contains("public.reviews: 0 inserted, 4 set back"), "{told}");
    assert!(told.contains("public.users: 2 inserted, 1 set back"), "{told}");
    assert_eq!(shop.rows(), after);

    // `undo ID` is short for it.
    let told = shop.done(&[&id]);
    assert!(told.contains(&format!("restored {id}")), "{told}");
    assert_eq!(shop.rows(), before);
    let told = shop.ends(1, &["restore", &id]);
    assert!(told.contains("was restored already"), "{told}");

    let listed = shop.done(&["list"]);
    assert!(
        listed.contains("restored") && listed.contains("public.lines: 18 deleted"),
        "{listed}"
    );
    let shown = shop.done(&["show", &id]);
    assert!(shown.contains("public.users: 2 deleted, 1 updated"), "{shown}");
}

#[test]
fn without_an_id_nothing_is_kept_and_an_id_is_for_one_transaction() {
    let shop = Shop::start(SHOP);
    shop.sql("DELETE FROM users WHERE id = 1; TRUNCATE lines; UPDATE reviews SET stars = 0");
    let kept =
        "SELECT (SELECT count(*) FROM safeguard_undo.image) + (SELECT count(*) FROM safeguard_undo.record)";
    assert_eq!(shop.sql(kept), "0");

    let id = shop.under_an_id("DELETE FROM reviews WHERE id = 1");
    let again = format!("BEGIN; SET LOCAL safeguard.undo = '{id}'; DELETE FROM reviews; COMMIT;");
    let told = shop.postgres.refused("postgres", DATABASE, &again);
    assert!(told.contains("belongs to another transaction"), "{told}");
    let told = shop.postgres.refused(
        "postgres",
        DATABASE,
        "BEGIN; SET LOCAL safeguard.undo = 'und_x'; DELETE FROM reviews; COMMIT;",
    );
    assert!(told.contains("safeguard.undo is no undo id"), "{told}");
    assert_eq!(shop.sql("SELECT count(*) FROM reviews"), "17");
    // What was rolled back to a savepoint is in no record.
    let before = shop.rows();
    let id = shop.under_an_id(
        "SAVEPOINT s; DELETE FROM users; ROLLBACK TO s; UPDATE reviews SET stars = stars + 1 WHERE id = 2",
    );
    let restored = shop.restored(&id);
    assert_eq!(restored["tables"].as_array().map(Vec::len), Some(1), "{restored}");
    assert_eq!(shop.rows(), before);
}

#[test]
fn tables_that_are_made_later_are_covered() {
    let shop = Shop::start(SHOP);
    shop.postgres.must(
        "postgres",
        DATABASE,
        "CREATE ROLE maker; GRANT CREATE, USAGE ON SCHEMA public TO maker; SET ROLE maker; CREATE TABLE later (id int PRIMARY KEY);
         CREATE TABLE copied AS SELECT 1 AS a; CREATE TEMP TABLE mine (a int); INSERT INTO mine VALUES (1);",
    );
    shop.sql("INSERT INTO later VALUES (1), (2)");
    let before = shop.rows();
    let id = shop.under_an_id("DELETE FROM later; TRUNCATE copied");
    shop.restored(&id);
    assert_eq!(shop.rows(), before);
}

#[test]
fn every_conflict_is_named_and_nothing_is_restored_until_told_to_skip() {
    let shop = Shop::start(SHOP);
    let id = shop.under_an_id(
        "DELETE FROM users WHERE id IN (1, 2, 3); UPDATE reviews SET stars = 9 WHERE id IN (7, 8); DELETE FROM reviews WHERE id = 4",
    );
    shop.sql(
        "INSERT INTO users VALUES (1, 'somebody else'), (21, 'user 2'); UPDATE reviews SET stars = 5 WHERE id = 7;
         DELETE FROM reviews WHERE id = 8;",
    );
    let before = shop.rows();
    let told = shop.ends(1, &["restore", &id]);
    for conflict in [
        "conflict public.users (1): its key exists again",
        "conflict public.users (2): another row has its name",
        "conflict public.reviews (7): it was changed since",
        "conflict public.reviews (8): it was removed or changed since",
        "refers to is gone",
    ] {
        assert!(told.contains(conflict), "{conflict}: {told}");
    }
    assert!(told.contains("nothing is restored"), "{told}");
    assert_eq!(shop.rows(), before);
    assert!(
        shop.ends(1, &["restore", &id, "--dry-run"])
            .contains("its key exists again")
    );
    assert_eq!(shop.rows(), before);

    let told = shop.done(&["restore", &id, "--skip-conflicts"]);
    assert!(told.contains("its key exists again"), "{told}");
    // User 3 is back with her orders; the orders of user 1 are somebody else's by now, since that key exists; those of 2 have nobody.
    assert_eq!(
        shop.sql(
            "SELECT string_agg(id || ' ' || name, ', ' ORDER BY id) FROM users WHERE id IN (1, 2, 3, 21)"
        ),
        "1 somebody else, 3 user 3, 21 user 2"
    );
    assert_eq!(
        shop.sql("SELECT string_agg(user_id || ' ' || many, ', ' ORDER BY user_id) FROM (SELECT user_id, count(*) AS many FROM orders WHERE user_id < 4 GROUP BY 1) x"),
        "1 3, 3 3"
    );
    assert_eq!(shop.sql("SELECT stars FROM reviews WHERE id = 7"), "5");
    assert_eq!(shop.sql("SELECT count(*) FROM reviews WHERE id = 4"), "1");
}

#[test]
fn where_everything_is_in_conflict_the_record_waits() {
    let shop = Shop::start(SHOP);
    let id = shop.under_an_id("UPDATE reviews SET stars = 7 WHERE id = 1");
    shop.sql("UPDATE reviews SET stars = 8 WHERE id = 1");
    let told = shop.ends(1, &["restore", &id, "--skip-conflicts"]);
    assert!(told.contains("1 conflicts"), "{told}");
    shop.sql("UPDATE reviews SET stars = 7 WHERE id = 1");
    shop.done(&["restore", &id]);
    assert_eq!(shop.sql("SELECT stars FROM reviews WHERE id = 1"), "1");
}

#[test]
fn columns_that_changed_are_mapped_by_name_or_are_a_conflict() {
    let shop = Shop::start(
        "CREATE TYPE mood AS ENUM ('good', 'bad');
         CREATE TABLE things (id int PRIMARY KEY, size int, name varchar(10), mood mood);
         INSERT INTO things VALUES (1, 10, 'one', 'good'), (2, 20, 'two', 'bad'), (3, 30, 'three', 'good');",
    );
    let id = shop.under_an_id("DELETE FROM things WHERE id = 1; UPDATE things SET size = 21 WHERE id = 2");
    // Wider, in another order, and with a column that has a default.
    shop.sql(
        "ALTER TABLE things DROP COLUMN size, ADD COLUMN colour text NOT NULL DEFAULT 'red', ADD COLUMN size bigint;
         UPDATE things SET size = 21 WHERE id = 2; UPDATE things SET size = 30 WHERE id = 3; ALTER TABLE things ALTER COLUMN name TYPE text;",
    );
    let restored = shop.restored(&id);
    assert_eq!(restored["tables"][0]["inserted"], 1, "{restored}");
    assert_eq!(
        shop.sql(
            "SELECT string_agg(concat_ws(' ', id, size, name, mood, colour), ', ' ORDER BY id) FROM things"
        ),
        "1 10 one good red, 2 20 two bad red, 3 30 three good red"
    );

    let id = shop.under_an_id("DELETE FROM things");
    let refused = |change: &str, why: &str| {
        shop.sql(change);
        let told = shop.ends(1, &["restore", &id]);
        assert!(told.contains(why), "{change}: {told}");
        assert_eq!(shop.sql("SELECT count(*) FROM things"), "0");
    };
    refused(
        "ALTER TABLE things ALTER COLUMN name TYPE varchar(3)",
        "do not hold what was in them",
    );
    shop.sql("ALTER TABLE things ALTER COLUMN name TYPE text");
    refused(
        "ALTER TABLE things ALTER COLUMN size TYPE numeric(9,2)",
        "do not fit them without loss",
    );
    shop.sql("ALTER TABLE things ALTER COLUMN size TYPE bigint");
    refused(
        "ALTER TABLE things ADD COLUMN must_have int NOT NULL",
        "needs a value, and has no default",
    );
    shop.sql("ALTER TABLE things DROP COLUMN must_have");
    refused(
        "ALTER TABLE things RENAME COLUMN colour TO color",
        "its column `colour` is gone",
    );
    shop.sql("ALTER TABLE things RENAME COLUMN color TO colour; ALTER TABLE things RENAME TO objects");
    // A table that was renamed is found by its number.
    shop.restored(&id);
    assert_eq!(shop.sql("SELECT count(*) FROM objects"), "3");
}

#[test]
fn what_triggers_do_to_rows_that_come_back_is_told() {
    let shop = Shop::start(
        "CREATE TABLE notes (id int PRIMARY KEY, note text, seen timestamptz DEFAULT '2020-01-01');
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.seen := now(); RETURN NEW; END';
         CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         INSERT INTO notes (id, note) VALUES (1, 'a'), (2, 'b');
         CREATE TRIGGER touch BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION touch();",
    );
    let id = shop.under_an_id("DELETE FROM notes");
    shop.sql("ALTER TABLE notes DISABLE TRIGGER touch; CREATE TRIGGER lose BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION lose();");
    let told = shop.ends(1, &["restore", &id]);
    assert!(
        told.contains("2 rows of public.notes did not come back"),
        "{told}"
    );
    shop.sql("DROP TRIGGER lose ON notes; ALTER TABLE notes ENABLE TRIGGER touch");
    let restored = shop.restored(&id);
    assert_eq!(restored["tables"][0]["altered_by_triggers"], 2, "{restored}");
    assert_eq!(
        shop.sql("SELECT string_agg(note, '' ORDER BY id) FROM notes"),
        "ab"
    );
}
