//! `DROP TABLE` and `TRUNCATE` that people let run once, where undo is installed: what they took comes back to the byte.

use std::process::Command;

use super::guarded::{Guarded, decision_in};
use super::up::runtime;

/// The proxy's role owns nothing of it.
const SCHEMA: &str = "
CREATE ROLE guarded LOGIN; CREATE ROLE reader;
CREATE TABLE clients (id serial PRIMARY KEY, name text NOT NULL UNIQUE, note text CHECK (length(note) < 9));
CREATE TABLE visits (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, client int CONSTRAINT of_client REFERENCES clients ON DELETE CASCADE);
COMMENT ON CONSTRAINT of_client ON visits IS 'who came';
INSERT INTO clients (name, note) SELECT 'client ' || n, 'note ' || n % 3 FROM generate_series(1, 40) n;
INSERT INTO visits (client) SELECT n % 40 + 1 FROM generate_series(1, 120) n;
CREATE INDEX ON clients (note) WHERE note IS NOT NULL;
CREATE VIEW names AS SELECT name FROM clients; GRANT SELECT ON names TO reader;
GRANT SELECT ON clients TO reader; GRANT UPDATE (note) ON clients TO reader; GRANT USAGE ON SEQUENCE clients_id_seq TO reader;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO guarded";

impl Guarded {
    fn sql(&self, sql: &str) -> String {
        self.postgres.must("postgres", "shop", sql)
    }

    fn undo(&self, words: &[&str]) -> String {
        let database = self.postgres.url("postgres", "shop");
        let done = self
            .postgres
            .safeguard(&[&["undo"], words, &["--url", &database]].concat());
        let told = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        assert!(done.status.success(), "{words:?}: {told}");
        told
    }

    /// Everything in the schema `public`, as `pg_dump` writes it, without its order.
    fn dump(&self) -> Vec<String> {
        let output = Command::new("pg_dump")
            .arg(self.postgres.url("postgres", "shop"))
            .arg("--schema=public")
            .output()
            .expect("pg_dump runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let dump = String::from_utf8(output.stdout).expect("text");
        let mut lines: Vec<String> = dump
            .lines()
            .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
            .map(str::to_owned)
            .collect();
        lines.sort_unstable();
        lines
    }

    /// The decision about a statement that is refused, once it can be approved.
    pub async fn asked_for(&self, sql: &str) -> String {
        let decision = decision_in(&self.refused(sql));
        let listed = async || {
            let listed = self.up.safeguard(&["statement", "list"]);
            String::from_utf8_lossy(&listed.stdout)
                .contains(&decision)
                .then_some(())
        };
        self.up.until("the statement can be approved", listed).await;
        decision
    }

    /// Has a statement approved, runs it with the code, and returns what the client was told besides.
    async fn let_run(&self, sql: &str, approve: &[&str]) -> Result<String, String> {
        let decision = self.asked_for(sql).await;
        let code = self.approve(&decision, "lee", approve)?;
        let done = self.coder(&format!("/* safeguard.approval='{code}' */ {sql}"));
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        match done.status.success() {
            true => Ok(told),
            false => Err(told),
        }
    }
}

fn undo_id(told: &str) -> &str {
    let from = told.find("und_").unwrap_or_else(|| panic!("no undo id: {told}"));
    &told[from..from + 20]
}

#[test]
fn what_an_approved_drop_or_truncate_took_comes_back_to_the_byte() {
    runtime().block_on(async {
        let guarded = Guarded::start_in("qa", "guarded", SCHEMA).await;
        guarded.undo(&["install", "--apply", "--rows-max", "500"]);
        let drop = "DROP TABLE clients CASCADE";
        let also = ["--rows-deleted", "40", "--also", "view", "--also", "table constraint"];
        // Installed, and the proxy may not use the trash: nothing is destroyed instead.
        let told = guarded.let_run(drop, &also).await.unwrap_err();
        assert!(told.contains("may not drop tables into its trash"), "{told}");
        guarded.undo(&["install", "--apply", "--rows-max", "500", "--dropper", "guarded"]);
        let before = guarded.dump();

        let told = guarded.let_run(drop, &also).await.unwrap();
        assert!(told.contains("is kept as und_"), "{told}");
        let id = undo_id(&told);
        assert_eq!(guarded.sql("SELECT to_regclass('clients') IS NULL AND to_regclass('names') IS NULL"), "t");
        assert_eq!(guarded.sql("SELECT count(*) FROM pg_constraint WHERE conname = 'of_client'"), "0");
        guarded.undo(&["restore", id]);
        assert_eq!(guarded.dump(), before);

        let truncate = "TRUNCATE clients CASCADE";
        let told = guarded.let_run(truncate, &["--rows-deleted", "160", "--also", "table"]).await.unwrap();
        assert_eq!(guarded.sql("SELECT (SELECT count(*) FROM clients) + (SELECT count(*) FROM visits)"), "0");
        guarded.undo(&["restore", undo_id(&told)]);
        assert_eq!(guarded.dump(), before);

        // More than a record holds.
        guarded.undo(&["install", "--apply", "--rows-max", "159"]);
        let told = guarded.let_run(truncate, &["--rows-deleted", "160", "--also", "table"]).await.unwrap_err();
        assert!(told.contains("more than 159 rows"), "{told}");
        let told = guarded.let_run("TRUNCATE visits RESTART IDENTITY", &["--rows-deleted", "120"]).await.unwrap_err();
        assert!(told.contains("RESTART IDENTITY"), "{told}");
        guarded.sql("ALTER TABLE visits DISABLE TRIGGER zz_safeguard_undo_truncate");
        let told = guarded.let_run("TRUNCATE visits", &["--rows-deleted", "120"]).await.unwrap_err();
        assert!(told.contains("the rows of `public.visits` would not be kept"), "{told}");
        guarded.sql("ALTER TABLE visits ENABLE TRIGGER zz_safeguard_undo_truncate");

        // A function of undo's is no way around: what it takes was not approved.
        let discard = "SELECT safeguard_undo.discard('und_06h2ex5snmkvw4xj', ARRAY['visits'::regclass::oid], 1000, true)";
        guarded.refused(discard);
        // What else depends on the table can not come back, so the table stays.
        guarded.sql("CREATE FUNCTION first_visit() RETURNS int BEGIN ATOMIC SELECT min(id) FROM visits; END");
        let told = guarded.let_run("DROP TABLE visits CASCADE", &["--rows-deleted", "120", "--also", "function"]).await.unwrap_err();
        assert!(told.contains("can not be undone: 1 other objects depend on it"), "{told}");
        guarded.sql("DROP FUNCTION first_visit");
        assert_eq!(guarded.dump(), before);
    });
}
