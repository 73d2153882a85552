//! Drivers as they are used: what they send is refused, a person lets it run once, and `safeguard undo` brings it back.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use super::guarded::{Guarded, decision_in};
use super::taken::{SCHEMA, undo_id};
use super::up::runtime;
use crate::clients::{installed, program};

const ROWS: &str = "SELECT (SELECT count(*) FROM clients), (SELECT count(*) FROM visits)";

/// A program that runs what it is told by its driver.
struct Driver {
    name: &'static str,
    process: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    fn start(installed: &Path, name: &'static str, file: &str, url: &str) -> Driver {
        let mut process = program(installed, file)
            .env("DATABASE_URL", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        Driver {
            name,
            asks: process.stdin.take().expect("an input"),
            answers: BufReader::new(process.stdout.take().expect("an output")),
            process,
        }
    }

    fn ask(&mut self, sql: &str, values: &[i32], extended: bool) -> Value {
        let asked = json!({ "sql": sql, "values": values, "extended": extended });
        writeln!(self.asks, "{asked}").expect("it listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{}: {error}: {answer}", self.name))
    }

    fn refused(&mut self, sql: &str, values: &[i32], extended: bool) -> Value {
        let answer = self.ask(sql, values, extended);
        assert_eq!(answer["sqlstate"], "42501", "{}: {sql}: {answer}", self.name);
        answer
    }

    /// The id under which is kept what a statement took that ran.
    fn kept(&mut self, sql: &str, values: &[i32], extended: bool) -> String {
        let answer = self.ask(sql, values, extended);
        assert!(answer["rows"].is_i64(), "{}: {sql}: {answer}", self.name);
        undo_id(&answer["notices"].to_string()).to_owned()
    }

    /// Has a person let the statement run once, and returns the code.
    async fn approved(
        &mut self,
        guarded: &Guarded,
        sql: &str,
        values: &[i32],
        extended: bool,
        rows: &str,
    ) -> String {
        let refused = self.refused(sql, values, extended);
        let decision = decision_in(refused["hint"].as_str().unwrap_or_default());
        guarded.until_listed(&decision).await;
        guarded
            .approve(&decision, "lee", &["--rows-deleted", rows])
            .expect("Lee may")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn drivers_run_once_what_a_person_lets_them_with_its_values_and_undo_brings_it_back() {
    let Some(installed) = installed() else { return };
    let drivers = [
        ("psycopg", "approved_psycopg.py", "%s"),
        ("asyncpg", "approved_asyncpg.py", "$1"),
        ("node_postgres", "approved_node_postgres.mjs", "$1"),
    ];
    let old: String = drivers
        .iter()
        .flat_map(|(name, _, _)| [format!("old_{name}_plain"), format!("old_{name}_prepared")])
        .map(|table| format!("; CREATE TABLE {table} AS SELECT generate_series(1, 5) AS id"))
        .collect();
    let schema = format!("{SCHEMA}{old}; GRANT SELECT, TRUNCATE ON ALL TABLES IN SCHEMA public TO guarded");
    runtime().block_on(async {
        let guarded = Guarded::start_in("qa", "guarded", &schema).await;
        guarded.undo(&["install", "--apply", "--rows-max", "500", "--dropper", "guarded"]);
        for (name, file, parameter) in drivers {
            // The proxy knows when a session begins whether what is removed is kept.
            let mut driver = Driver::start(&installed, name, file, &guarded.url());
            let sql = format!("DELETE FROM clients WHERE id = {parameter}");
            let comment = |code: &str, sql: &str| format!("/* safeguard.approval='{code}' */ {sql}");

            // In a comment.
            let code = driver.approved(&guarded, &sql, &[7], false, "4").await;
            let other = driver.refused(&comment(&code, &sql), &[8], false);
            let why = other["message"].as_str().unwrap_or_default();
            assert!(
                why.contains("or other values of its parameters"),
                "{name}: {other}"
            );
            let undo = driver.kept(&comment(&code, &sql), &[7], false);
            assert_eq!(guarded.sql(ROWS), "39|117", "{name}");
            driver.refused(&comment(&code, &sql), &[7], false);
            guarded.undo(&["restore", &undo]);
            assert_eq!(guarded.sql(ROWS), "40|120", "{name}");

            // By a setting.
            let code = driver.approved(&guarded, &sql, &[9], false, "4").await;
            let set = format!("SET safeguard.approval = '{code}'");
            assert!(driver.ask(&set, &[], false)["rows"].is_i64(), "{name}");
            driver.refused(&sql, &[10], false);
            assert!(driver.ask(&set, &[], false)["rows"].is_i64(), "{name}");
            let undo = driver.kept(&sql, &[9], false);
            assert_eq!(guarded.sql(ROWS), "39|117", "{name}");
            driver.refused(&sql, &[9], false);
            guarded.undo(&["restore", &undo]);
            assert_eq!(guarded.sql(ROWS), "40|120", "{name}");

            // A table, by the call that sends a text alone, and by the one that prepares it.
            for (how, extended) in [("plain", false), ("prepared", true)] {
                let table = format!("old_{name}_{how}");
                let drop = format!("DROP TABLE {table}");
                let code = driver.approved(&guarded, &drop, &[], extended, "5").await;
                driver.refused(&comment(&code, "DROP TABLE visits"), &[], extended);
                let undo = driver.kept(&comment(&code, &drop), &[], extended);
                let there = format!("SELECT to_regclass('{table}') IS NOT NULL");
                assert_eq!(guarded.sql(&there), "f", "{table}");
                guarded.undo(&["restore", &undo]);
                assert_eq!(
                    guarded.sql(&format!("SELECT count(*) FROM {table}")),
                    "5",
                    "{table}"
                );
            }
        }
    });
}
