//! Random transactions: what was there before is there again afterwards, whatever they did.

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{Shop, said};

const CASES: u64 = 40;
/// With SAFEGUARD_LONG.
const CASES_LONG: u64 = 1_000;
const STATEMENTS_MAX: usize = 7;

/// A table that refers to itself, cascades of both kinds, a key of two columns, rows without a key, and a trigger that writes.
const TOWN: &str = "
CREATE TABLE parent (id int PRIMARY KEY, name text UNIQUE, up int REFERENCES parent ON DELETE SET NULL ON UPDATE CASCADE, n int);
CREATE TABLE child (parent int REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, k int, v text, PRIMARY KEY (parent, k));
CREATE TABLE plain (a int, b text);
CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_catalog.current_setting('town.off', true) IS DISTINCT FROM 'on' AND pg_trigger_depth() < 3 THEN
    UPDATE parent SET n = n + 1 WHERE id = OLD.parent;
    UPDATE plain SET b = b || OLD.k WHERE a = OLD.k;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER count_it AFTER DELETE OR UPDATE ON child FOR EACH ROW EXECUTE FUNCTION count_it();
";
const FILL: &str = "
TRUNCATE parent, child, plain;
INSERT INTO parent SELECT n, 'name ' || n, nullif(n / 2, 0), 0 FROM generate_series(1, 8) n;
INSERT INTO child SELECT p, k, p || ' ' || k FROM generate_series(1, 8) p, generate_series(1, 3) k;
INSERT INTO plain SELECT n % 4, 'b' FROM generate_series(1, 8) n;
-- What the restoration writes does not count.
ALTER DATABASE shop SET town.off = 'on';
";

fn statement(chance: &mut ChaCha8Rng, inserts: bool) -> String {
    let key = chance.random_range(1..=9);
    let other = chance.random_range(1..=9);
    match chance.random_range(0..if inserts { 17 } else { 13 }) {
        0 => format!("DELETE FROM parent WHERE id = {key}"),
        1 => format!("DELETE FROM child WHERE k = {}", key % 4),
        2 => format!("DELETE FROM plain WHERE a = {}", key % 4),
        3 => format!(
            "DELETE FROM plain WHERE ctid IN (SELECT ctid FROM plain LIMIT {})",
            key % 3
        ),
        4 => format!("UPDATE parent SET id = id + 100 WHERE id = {key}"),
        5 => format!("UPDATE parent SET name = name || '!' , n = n + 1 WHERE id % {key} = 0"),
        6 => format!("UPDATE parent SET up = {other} WHERE id = {key}"),
        7 => format!("UPDATE child SET v = v || '?' WHERE k = {}", key % 4),
        8 => format!("UPDATE child SET parent = {other} WHERE parent = {key}"),
        9 => format!(
            "UPDATE plain SET b = b || 'x' WHERE ctid IN (SELECT ctid FROM plain LIMIT {})",
            key % 4
        ),
        10 => ["TRUNCATE child", "TRUNCATE parent CASCADE", "TRUNCATE plain"][key % 3].to_owned(),
        11 => format!("UPDATE child SET k = k + 10 WHERE parent = {key}"),
        12 => format!("DELETE FROM parent WHERE id > {key} AND id % 2 = 0"),
        13 => format!(
            "INSERT INTO parent VALUES ({key}, 'name {other}', NULL, 7) ON CONFLICT (id) DO UPDATE SET name = 'taken {other}'"
        ),
        14 => format!("INSERT INTO child VALUES ({key}, {}, 'new')", other % 5),
        15 => format!("INSERT INTO plain VALUES ({}, 'b'), (7, 'new')", key % 4),
        _ => format!("DELETE FROM child WHERE parent = {key}; INSERT INTO child VALUES ({key}, 1, 'again')"),
    }
}

/// A statement that fails leaves nothing, and the transaction goes on; some are taken back.
fn transaction(chance: &mut ChaCha8Rng, inserts: bool) -> String {
    let mut sql = String::from("SET LOCAL town.off = 'off';");
    for _ in 0..chance.random_range(1..=STATEMENTS_MAX) {
        let statement = statement(chance, inserts);
        let taken_back = if chance.random_range(0..6) == 0 {
            "RAISE EXCEPTION 'taken back';"
        } else {
            ""
        };
        sql.push_str(&format!(
            "DO $do$ BEGIN {statement}; {taken_back} EXCEPTION WHEN OTHERS THEN NULL; END $do$;"
        ));
    }
    sql
}

#[test]
fn whatever_a_transaction_did_is_undone_or_refused_as_a_whole() {
    let shop = Shop::start(TOWN);
    let cases = match std::env::var_os("SAFEGUARD_LONG") {
        Some(_) => CASES_LONG,
        None => CASES,
    };
    let mut restored_whole = 0;
    for seed in 0..cases {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let inserts = seed % 3 == 0;
        shop.sql(FILL);
        let before = shop.rows();
        let sql = transaction(&mut chance, inserts);
        let id = shop.new_id();
        shop.sql(&format!(
            "BEGIN; SET LOCAL safeguard.undo = '{id}'; {sql} COMMIT;"
        ));
        let after = shop.rows();
        if before == after
            && shop.sql(&format!(
                "SELECT count(*) FROM safeguard_undo.record WHERE id = '{id}'"
            )) == "0"
        {
            continue;
        }
        let output = shop.undo(&["restore", &id]);
        let told = said(&output);
        let found = shop.rows();
        match output.status.code() {
            Some(0) => {
                // What it added may stay; everything that was there before is there again.
                let missing: Vec<&String> = before.iter().filter(|row| !found.contains(row)).collect();
                assert!(
                    missing.is_empty(),
                    "seed {seed}: {sql}\n{told}\nmissing: {missing:#?}"
                );
                assert!(
                    inserts || found == before,
                    "seed {seed}: {sql}\n{told}\n{found:#?}\n{before:#?}"
                );
                let stay: usize = told
                    .split(" that it added stay")
                    .filter_map(|text| text.rsplit(", ").next()?.parse::<usize>().ok())
                    .sum();
                assert_eq!(found.len(), before.len() + stay, "seed {seed}: {sql}\n{told}");
                restored_whole += 1;
            }
            // Rows that the transaction added may be where others were.
            Some(1) if inserts => assert_eq!(found, after, "seed {seed}: {sql}\n{told}"),
            code => panic!("seed {seed}: {code:?}: {sql}\n{told}"),
        }
    }
    assert!(
        restored_whole * 4 > cases * 3,
        "only {restored_whole} of {cases} came back whole"
    );
}
