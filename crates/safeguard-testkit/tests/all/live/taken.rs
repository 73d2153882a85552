//! `DROP TABLE` and `TRUNCATE` that people let run once, where undo is installed: what they took comes back to the byte.

use std::process::Command;

use super::guarded::{Guarded, decision_in};
use super::up::runtime;

/// The proxy's role owns nothing of it.
pub const SCHEMA: &str = "
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
    pub fn sql(&self, sql: &str) -> String {
        self.postgres.must("postgres", "shop", sql)
    }

    pub fn undo(&self, words: &[&str]) -> String {
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
        self.until_listed(&decision).await;
        decision
    }

    /// Waits until a decision can be approved.
    pub async fn until_listed(&self, decision: &str) {
        let listed = async || {
            let listed = self.up.safeguard(&["statement", "list"]);
            String::from_utf8_lossy(&listed.stdout)
                .contains(decision)
                .then_some(())
        };
        self.up.until("the statement can be approved", listed).await;
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

pub fn undo_id(told: &str) -> &str {
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
        let database = guarded.postgres.url("postgres", "shop");
        let nobody = ["undo", "install", "--apply", "--dropper", "nobody", "--url", &database];
        let told = String::from_utf8_lossy(&guarded.postgres.safeguard(&nobody).stderr).into_owned();
        assert!(told.contains("role \"nobody\" does not exist"), "{told}");
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

#[test]
fn in_production_two_people_let_a_table_be_emptied_and_it_is_reviewed() {
    runtime().block_on(async {
        let guarded = Guarded::start_in("production", "guarded", SCHEMA).await;
        let sql = "TRUNCATE visits";
        let decision = guarded.asked_for(sql).await;
        let rows = ["--rows-deleted", "120"];
        let why = ["--rows-deleted", "120", "--reason", "the disk is full"];
        let told = guarded.approve(&decision, "lee", &rows).unwrap_err();
        assert!(told.contains("two people and a reason"), "{told}");
        let told = guarded.approve(&decision, "kim", &why).unwrap_err();
        assert!(told.contains("Kim Doe asked for it"), "{told}");
        assert_eq!(
            guarded.approve(&decision, "lee", &why).unwrap(),
            "",
            "one signature is no code"
        );
        let listed =
            || String::from_utf8_lossy(&guarded.up.safeguard(&["statement", "list"]).stdout).into_owned();
        assert!(listed().contains("signed by one of two"), "{}", listed());
        let told = guarded.approve(&decision, "lee", &[]).unwrap_err();
        assert!(told.contains("Lee Roe has signed it already"), "{told}");
        let told = guarded.approve(&decision, "kim", &[]).unwrap_err();
        assert!(told.contains("Kim Doe asked for it"), "{told}");
        let code = guarded.approve(&decision, "max", &[]).unwrap();
        let told = guarded.approve(&decision, "max", &why).unwrap_err();
        assert!(told.contains("approved before"), "{told}");

        let other = guarded.refused(&format!(
            "/* safeguard.approval='{code}' */ TRUNCATE visits, clients"
        ));
        assert!(other.contains("another text was approved"), "{other}");
        let with_code = format!("/* safeguard.approval='{code}' */ {sql}");
        let done = guarded.coder(&with_code);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(guarded.sql("SELECT count(*) FROM visits"), "0");
        let again = guarded.refused(&with_code);
        assert!(again.contains("used up"), "{again}");

        assert!(listed().contains("used, not reviewed"), "{}", listed());
        let status = guarded.up.ok("GET", "/api/v1/status", None).await["warnings"].to_string();
        assert!(
            status.contains(&format!("statement review {decision}")),
            "{status}"
        );
        let review = [
            "statement",
            "review",
            &decision,
            "--finding",
            "nothing asked for it",
        ];
        assert!(guarded.up.safeguard(&review).status.success());
        assert!(
            !guarded.up.safeguard(&review).status.success(),
            "it is reviewed once"
        );
        let shown = guarded.up.safeguard(&["statement", "show", &decision]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("nothing asked for it"), "{shown}");
        let (kinds, log) = guarded.log().await;
        let after: Vec<&str> = kinds
            .iter()
            .map(String::as_str)
            .filter(|kind| *kind != "statement.decided")
            .collect();
        assert_eq!(
            after,
            [
                "statement.refused",
                "statement.signed",
                "statement.refused",
                "statement.refused",
                "statement.approved",
                "statement.refused",
                "statement.code-refused",
                "statement.code-used",
                "statement.code-refused",
                "statement.reviewed",
                "statement.refused",
            ]
        );
        assert!(
            log.contains("break-glass in production: the disk is full"),
            "{log}"
        );
    });
}

#[test]
fn every_signer_is_told_that_nothing_is_kept_and_signs_it() {
    runtime().block_on(async {
        let guarded = Guarded::start_in("production", "guarded", SCHEMA).await;
        let warning = "nothing is kept of what it removes, which is gone for good";
        let sql = "TRUNCATE visits";
        let why = ["--rows-deleted", "120", "--reason", "the disk is full"];
        let decision = guarded.asked_for(sql).await;
        for (key, more) in [("lee", &why[..]), ("max", &[][..])] {
            let told = guarded.shown_to(&decision, key, more);
            assert!(told.contains(warning), "{key}: {told}");
        }
        let (_, log) = guarded.log().await;
        assert_eq!(log.matches("nothing is kept of it").count(), 2, "{log}");
        let listed = guarded.up.ok("GET", "/api/v1/statements", None).await;
        let signed = &listed[0]["approved"];
        assert_eq!(signed["statement"]["unkept"], true, "{listed}");
        assert!(
            signed["signed"]["text"]
                .as_str()
                .is_some_and(|text| text.contains("\"unkept\":true")),
            "{listed}"
        );
        // Where undo is installed, nobody is told so.
        guarded.undo(&["install", "--apply", "--dropper", "guarded"]);
        let decision = guarded.asked_for(sql).await;
        for (key, more) in [("lee", &why[..]), ("max", &[][..])] {
            let told = guarded.shown_to(&decision, key, more);
            assert!(!told.contains(warning), "{key}: {told}");
        }
    });
}

#[test]
fn a_freeze_is_lifted_for_one_statement_that_two_people_signed_for() {
    runtime().block_on(async {
        let guarded = Guarded::start_in("production", "guarded", SCHEMA).await;
        let sql = "TRUNCATE visits";
        let why = ["--rows-deleted", "120", "--reason", "the disk is full"];
        let let_run = |decision: &str, more: &[&str]| {
            guarded.approve(decision, "lee", &[&why, more].concat()).unwrap();
            let code = guarded.approve(decision, "max", &[]).unwrap();
            format!("/* safeguard.approval='{code}' */ {sql}")
        };
        let before = let_run(&guarded.asked_for(sql).await, &[]);
        let soon_over = let_run(&guarded.asked_for(sql).await, &["--valid", "2s"]);
        let signed_at = std::time::Instant::now();
        let freeze = serde_json::json!({ "reason": "stock-taking" });
        let freeze = guarded.up.ok("POST", "/api/v1/freezes", Some(freeze)).await;
        let frozen = async || {
            let decision = guarded.asked_for(sql).await;
            let shown = guarded.up.safeguard(&["statement", "show", &decision]);
            String::from_utf8_lossy(&shown.stdout)
                .contains("a freeze holds it too")
                .then_some(decision)
        };
        let decision = guarded.up.until("the freeze is known to the proxy", frozen).await;

        // What was signed before says nothing of a freeze, and is not used up by asking.
        let told = guarded.refused(&before);
        assert!(
            told.contains("a freeze holds it, and it was not approved for that"),
            "{told}"
        );
        let over = async || (signed_at.elapsed() > std::time::Duration::from_secs(3)).then_some(());
        guarded.up.until("the shorter approval is over", over).await;
        let told = guarded.refused(&soon_over);
        assert!(told.contains("it expired at"), "{told}");
        // One person does not lift it, also where one would do without a freeze.
        let bulk = "DELETE FROM visits";
        let alone = guarded.asked_for(bulk).await;
        let told = guarded
            .approve(&alone, "lee", &["--rows-deleted", "120"])
            .unwrap_err();
        assert!(told.contains("two people and a reason"), "{told}");

        let lifted = let_run(&decision, &[]);
        let done = guarded.coder(&lifted);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(guarded.sql("SELECT count(*) FROM visits"), "0");
        guarded.refused(sql);
        let (_, log) = guarded.log().await;
        assert!(
            log.contains("break-glass through a freeze: the disk is full"),
            "{log}"
        );

        let id = freeze["id"].as_str().expect("an id");
        guarded
            .up
            .ok("POST", &format!("/api/v1/freezes/{id}/close"), None)
            .await;
        let thawed = async || guarded.coder(&before).status.success().then_some(());
        guarded
            .up
            .until("what was signed before runs after the freeze", thawed)
            .await;
    });
}
