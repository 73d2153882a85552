//! Dropped tables wait in the trash, come back as they were, and are purged after their time and not before.

use super::{DATABASE, SHOP, Shop};

const PRIVILEGES: &str = "
CREATE ROLE owner; CREATE ROLE reader; CREATE ROLE clerk;
ALTER TABLE users OWNER TO owner; ALTER TABLE orders OWNER TO owner; GRANT CREATE, USAGE ON SCHEMA public TO owner;
SET ROLE owner;
GRANT SELECT ON users, orders TO reader; GRANT SELECT, UPDATE ON users TO clerk WITH GRANT OPTION;
GRANT UPDATE (total) ON orders TO clerk; GRANT INSERT ON users TO PUBLIC;
RESET ROLE;
CREATE TABLE events (id serial PRIMARY KEY, what text) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (1) TO (100);
INSERT INTO events (what) VALUES ('a'), ('b'); GRANT USAGE ON SEQUENCE events_id_seq TO reader; GRANT SELECT ON events TO reader;
CREATE VIEW names AS SELECT name FROM users; GRANT SELECT ON names TO reader;
CREATE MATERIALIZED VIEW stars AS SELECT stars, count(*) FROM reviews GROUP BY 1; CREATE UNIQUE INDEX ON stars (stars);
";

#[test]
fn a_dropped_table_comes_back_with_everything_that_was_its_own() {
    let shop = Shop::start(SHOP);
    shop.sql(PRIVILEGES);
    let before = shop.dump(&["--schema=public"]);
    let told = shop.ends(1, &["drop", "public.users"]);
    for dependent in [
        "orders_user_id_fkey on table public.orders",
        "reviews_user_id_fkey",
        "view public.names",
    ] {
        assert!(told.contains(dependent), "{dependent}: {told}");
    }
    for (table, why) in [
        ("events_1", "is a partition"),
        ("pg_catalog.pg_class", "no table and no view of a user"),
        ("nothing", "there is no table"),
        ("users_pkey", "no table and no view of a user"),
    ] {
        let told = shop.ends(1, &["drop", table]);
        assert!(told.contains(why), "{table}: {told}");
    }
    assert_eq!(sorted(&shop.dump(&["--schema=public"])), sorted(&before));

    let words = [
        "drop", "users", "--also", "orders", "--also", "reviews", "--also", "names", "--also", "lines",
        "--also", "stars",
    ];
    let told = shop.done(&words);
    let users = told.split(':').next().expect("an id").to_owned();
    shop.done(&["drop", "public.events", "--keep", "36h"]);
    let left = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    assert_eq!(shop.sql(left), "archive");
    // Nobody has anything there but the owner of the trash.
    let others = "SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'safeguard_trash'::regnamespace
        AND a.grantee <> 'postgres'::regrole";
    assert_eq!(shop.sql(others), "0");

    // A table of that name again stands in the way, and the names of its indexes as well.
    shop.sql("CREATE TABLE users (id int PRIMARY KEY)");
    let told = shop.ends(1, &["restore", &users]);
    assert!(
        told.contains("public.users") && told.contains("something has its name again"),
        "{told}"
    );
    assert!(told.contains("public.users_pkey"), "{told}");
    // A table comes back whole: there is nothing to skip.
    shop.ends(1, &["restore", &users, "--skip-conflicts"]);
    shop.ends(1, &["restore", &users, "--skip-conflicts", "--dry-run"]);
    shop.done(&["drop", "users"]);
    shop.done(&["restore", &users, "--dry-run"]);
    assert_eq!(shop.sql(left), "archive");
    let restored = shop.restored(&users);
    assert_eq!(restored["tables"].as_array().map(Vec::len), Some(6), "{restored}");
    let events = shop.sql("SELECT undo FROM safeguard_undo.trash WHERE name = 'events'");
    shop.restored(&events);
    let after = shop.dump(&["--schema=public"]);
    assert_eq!(sorted(&after), sorted(&before));
    assert!(
        shop.ends(1, &["restore", &users])
            .contains("was restored already")
    );
}

/// Objects are dumped in the order of their names and numbers, and grants in the order in which they were given.
fn sorted(dump: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = dump
        .lines()
        // Its value is chance, in newer versions of pg_dump.
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn the_trash_is_purged_after_its_time_and_not_before() {
    let shop = Shop::start(SHOP);
    let id = |told: String| told.split(':').next().expect("an id").to_owned();
    let soon = id(shop.done(&["drop", "lines", "--keep", "1ms"]));
    let later = id(shop.done(&["drop", "archive"]));
    let back = id(shop.done(&["drop", "reviews", "--keep", "1ms"]));
    shop.restored(&back);
    let there = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'safeguard_trash'::regnamespace";
    // Not by default.
    let told = shop.done(&["purge"]);
    assert!(
        told.contains(&format!("{soon} would be purged: public.lines")),
        "{told}"
    );
    assert!(!told.contains(&later) && !told.contains(&back), "{told}");
    assert_eq!(shop.sql(there), "2");
    let told = shop.done(&["purge", "--apply"]);
    assert!(told.contains(&format!("{soon} purged: public.lines")), "{told}");
    assert_eq!(shop.sql(there), "1");
    assert_eq!(shop.done(&["purge", "--apply"]), "");
    let told = shop.ends(1, &["restore", &soon]);
    assert!(told.contains("it is not in the trash any more"), "{told}");
    shop.restored(&later);
    assert_eq!(shop.sql(there), "0");
    assert_eq!(shop.sql("SELECT count(*) FROM reviews"), "18");
    // Rows of a table that is in the trash say where it is.
    let rows = shop.under_an_id("DELETE FROM reviews");
    shop.done(&["drop", "reviews"]);
    let told = shop.ends(1, &["restore", &rows]);
    assert!(told.contains("it is in the trash as `und_"), "{told}");
    assert!(
        shop.postgres
            .refused("postgres", DATABASE, "SELECT * FROM reviews")
            .contains("does not exist")
    );
}
