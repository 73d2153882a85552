//! `safeguard guard explain --db`: what a real catalog adds to an answer, and that it changes neither the answer nor a row.

use serde_json::Value;

use crate::postgres::Postgres;

const SHOP: &str = "
CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE);
CREATE TABLE order_lines (id int PRIMARY KEY, order_id int REFERENCES orders ON DELETE CASCADE);
CREATE TABLE notes (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE SET NULL);
CREATE TABLE events (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 41234) n;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER noting AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION noted();
CREATE FUNCTION sly() RETURNS int IMMUTABLE SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN DELETE FROM users; RETURN 1; END';
CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE VIEW names AS SELECT id, name FROM users;
CREATE VIEW wiping AS SELECT sly() AS id;
CREATE VIEW hidden AS SELECT * FROM wiping;
CREATE RULE also AS ON INSERT TO notes DO ALSO DELETE FROM orders;
CREATE ROLE reader LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
ANALYZE;
";

struct Shop {
    postgres: Postgres,
    url: String,
}

impl Shop {
    fn open() -> Shop {
        let postgres = Postgres::start();
        postgres.must("postgres", "postgres", "CREATE DATABASE shop");
        postgres.must("postgres", "shop", SHOP);
        let url = postgres.url("postgres", "shop");
        Shop { postgres, url }
    }

    /// The lines that the catalog adds, and the exit code.
    fn added(&self, who: &str, sql: &str) -> (String, Option<i32>) {
        let words = ["guard", "explain", "--as", who, "--db", &self.url, sql];
        let output = self.postgres.safeguard(&words);
        let text = String::from_utf8(output.stdout).expect("text");
        let added = text.find("  catalog ").map(|at| text[at..].to_owned());
        (added.unwrap_or(text), output.status.code())
    }

    fn json(&self, words: &[&str]) -> Value {
        let words = [&["--json", "guard", "explain"], words].concat();
        let output = self.postgres.safeguard(&words);
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

#[test]
fn the_catalog_says_what_a_deletion_takes_along_and_how_much_is_expected() {
    let shop = Shop::open();
    let (added, code) = shop.added("person", "DELETE FROM users WHERE id > 0");
    insta::assert_snapshot!(added.replace(char::is_numeric, "9"), @r"
      catalog    public.users: table, about 99,999 rows
                   trigger `noting` after delete on public.users runs public.noted
                   rows of public.order_lines, public.orders are deleted by cascade
                   rows of public.notes are set to null by cascade
      plan       about 99,999 rows, cost 999.99
    ");
    assert_eq!(code, Some(0));
    // A view is what is behind it.
    let (added, _) = shop.added("person", "DELETE FROM names WHERE id = 7");
    assert!(
        added.contains("public.names: view\n               leads to public.users\n"),
        "{added}"
    );
    assert!(added.contains("public.orders are deleted by cascade"), "{added}");
    assert!(added.contains("plan       about 1 row, cost"), "{added}");
    let (added, _) = shop.added("person", "INSERT INTO notes VALUES (1)");
    assert!(added.contains("leads to public.orders"), "{added}");
    let (added, _) = shop.added("person", "SELECT count(*) FROM events, nowhere");
    assert!(
        added.contains("public.events: partitioned table, 1 table below it"),
        "{added}"
    );
    assert!(added.contains("nowhere: not found"), "{added}");
}

#[test]
fn functions_are_named_and_planning_runs_none_of_them() {
    let shop = Shop::open();
    let count = || {
        shop.postgres
            .must("postgres", "shop", "SELECT count(*) FROM users")
    };
    for (sql, expected) in [
        (
            "SELECT * FROM hidden",
            "calls public.sly(): plpgsql, immutable, with its owner's rights",
        ),
        (
            "SELECT sly()",
            "function public.sly(): plpgsql, immutable, with its owner's rights",
        ),
        (
            "SELECT lower(7)",
            "function public.lower(integer): sql, volatile, under the name of one of PostgreSQL's own",
        ),
    ] {
        let (added, code) = shop.added("agent", sql);
        assert!(added.contains(expected), "{sql}: {added}");
        assert!(
            added.contains("plan       not asked for: planning may run functions"),
            "{sql}: {added}"
        );
        assert_eq!(code, Some(0), "{sql}");
        assert_eq!(count(), "41234", "{sql}");
    }
}

#[test]
fn the_answer_is_the_same_and_what_is_refused_is_not_sent() {
    let shop = Shop::open();
    for sql in [
        "SELECT * FROM hidden",
        "DELETE FROM users",
        "UPDATE users SET name = 'x' WHERE id = 1",
        "INSERT INTO events VALUES (1, '2025-02-02')",
        "DROP TABLE users",
        "SELECT 1; SELECT 2",
        "TRUNCATE users",
        "SELECT (",
        "ANALYZE users",
    ] {
        for who in ["agent", "person", "migration"] {
            let without = shop.json(&["--as", who, sql]);
            let mut with = shop.json(&["--as", who, "--db", &shop.url, sql]);
            let catalog = with.as_object_mut().and_then(|with| with.remove("catalog"));
            assert_eq!(with, without, "{who}: {sql}");
            let plan = &catalog.expect("a catalog")["plan"];
            if without["decision"] == "deny" {
                assert_eq!(
                    plan["left_out"], "it is refused, and nothing of it is sent",
                    "{who}: {sql}"
                );
            }
        }
    }
    let (_, code) = shop.added("agent", "DELETE FROM users");
    assert_eq!(code, Some(1));
    let rows = "SELECT count(*) || ' ' || count(DISTINCT name) FROM users";
    assert_eq!(shop.postgres.must("postgres", "shop", rows), "41234 41234");
}

#[test]
fn a_reader_is_enough_for_the_catalog_and_no_database_is_no_answer() {
    let shop = Shop::open();
    let reader = shop.postgres.url("reader", "shop");
    let sql = "UPDATE users SET name = 'x' WHERE id = 1";
    let told = shop.json(&["--as", "person", "--db", &reader, sql]);
    assert_eq!(told["catalog"]["relations"][0]["found"]["name"], "public.users");
    let why = told["catalog"]["plan"]["left_out"].as_str().expect("a reason");
    assert!(
        why.contains("permission denied for table users (SQLSTATE 42501)"),
        "{why}"
    );
    let nowhere = [
        "guard",
        "explain",
        "--db",
        "postgres://x:secret-word@127.0.0.1:1/shop",
        sql,
    ];
    let lines = ["guard", "explain", "--db", &reader, "-"];
    for words in [&nowhere, &lines] {
        let output = shop.postgres.safeguard(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(!said.contains("secret-word"), "{said}");
    }
}
