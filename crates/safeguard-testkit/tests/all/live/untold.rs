//! What statements say stands in no line of any process, however much these tell, and in no entry of the log.

use super::guarded::Guarded;
use super::up::runtime;

const SECRET: &str = "hush4711";

#[test]
fn no_literal_of_a_statement_is_told_by_any_process_however_talkative() {
    runtime().block_on(async {
        let guarded = Guarded::start_talkative().await;
        let delete = format!("DELETE FROM users WHERE id::text = '{SECRET}'");
        for (runs, sql) in [
            (true, format!("SELECT '{SECRET}'")),
            (true, format!("SELECT * FROM users WHERE id::text = '{SECRET}'")),
            (true, format!("PREPARE p AS SELECT '{SECRET}'; EXECUTE p")),
            (true, format!("COPY (SELECT '{SECRET}') TO STDOUT")),
            (true, format!("SET app.tenant = '{SECRET}'")),
            (
                true,
                format!("SELECT set_config('app.tenant', '{SECRET}', false)"),
            ),
            (
                true,
                format!("UPDATE carts SET id = id WHERE id::text <> '{SECRET}'"),
            ),
            (false, format!("SELECT '{SECRET}'::int")),
            (false, format!("SELEC '{SECRET}'")),
            (false, format!("SET lock_timeout = '{SECRET}'")),
            (false, format!("SET client_encoding = '{SECRET}'")),
            (
                false,
                format!("SELECT query_to_xml('SELECT {SECRET}', true, true, '')"),
            ),
            (false, format!("SELECT pg_read_file('{SECRET}')")),
            (false, format!("DO $$ BEGIN RAISE NOTICE '{SECRET}'; END $$")),
            (
                false,
                format!(
                    "INSERT INTO users SELECT g FROM generate_series(100, 999) g WHERE g::text <> '{SECRET}'"
                ),
            ),
            (false, format!("/* safeguard.approval='sga_{SECRET}' */ {delete}")),
        ] {
            let output = guarded.coder(&sql);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.success(), runs, "{sql}: {told}");
        }
        let driver = guarded.driver().await;
        let bound = "DELETE FROM users WHERE id::text = $1";
        driver.execute(bound, &[&SECRET]).await.unwrap_err();
        let decision = guarded.asked_for(&delete).await;
        let shown = guarded.up.safeguard(&["statement", "show", &decision]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(SECRET), "its approver reads it: {shown}");
        let code = guarded
            .approve(&decision, "lee", &["--rows-deleted", "1"])
            .expect("a code");
        let done = guarded.coder(&format!("/* safeguard.approval='{code}' */ {delete}"));
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let used = async || {
            guarded
                .log()
                .await
                .0
                .contains(&"statement.code-used".to_owned())
                .then_some(())
        };
        guarded.up.until("the code's use is in the log", used).await;

        let lines = std::fs::read_to_string(guarded.up.state.path().join("up.log")).expect("a log");
        for told in ["A statement was refused", "A transaction was measured", "DEBUG"] {
            assert!(lines.contains(told), "no line tells `{told}`");
        }
        let listed = guarded.up.safeguard(&["statement", "list", "--json"]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(
            listed.contains(bound) && listed.contains(&format!("\"text\": \"{SECRET}\"")),
            "the value of a parameter is read by who may approve: {listed}"
        );
        let (_, entries) = guarded.log().await;
        for kept in [SECRET, code.as_str()] {
            let line = lines.lines().find(|line| line.contains(kept));
            assert_eq!(line, None);
            assert!(!entries.contains(kept), "{entries}");
        }
    });
}
