//! The proxies of `safeguard up`: what they decide is in the log, and a person lets a refused statement run once.

use std::net::SocketAddr;
use std::process::Output;

use super::signers::make_key;
use super::up::{QUICK_STAGES, Up, runtime};
use crate::ports::free_address;
use crate::postgres::{Postgres, psql};
use crate::proxy::{PASSWORD, verifier};

pub struct Guarded {
    pub up: Up,
    pub postgres: Postgres,
    address: SocketAddr,
    keys: tempfile::TempDir,
}

impl Guarded {
    /// `coder` is an agent in production that works for Kim, who may approve as Lee and Max may.
    pub async fn start() -> Guarded {
        Guarded::start_in("production", "postgres", "").await
    }

    /// The same, and every process tells all that it can.
    pub async fn start_talkative() -> Guarded {
        Guarded::start_as("production", "postgres", "", Some("trace")).await
    }

    /// The same elsewhere, with a role of the proxy's own and more in the database.
    pub async fn start_in(environment: &str, role: &str, sql: &str) -> Guarded {
        Guarded::start_as(environment, role, sql, None).await
    }

    async fn start_as(environment: &str, role: &str, sql: &str, level: Option<&'static str>) -> Guarded {
        let postgres = Postgres::start();
        postgres.must("postgres", "postgres", "CREATE DATABASE shop");
        postgres.must(
            "postgres",
            "shop",
            "CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE carts (id int, user_id int REFERENCES users ON DELETE CASCADE);
             INSERT INTO users SELECT generate_series(1, 9); INSERT INTO carts SELECT n, n % 9 + 1 FROM generate_series(1, 18) n",
        );
        if !sql.is_empty() {
            postgres.must("postgres", "shop", sql);
        }
        let keys = tempfile::tempdir().expect("a temporary folder");
        let people: String = [("Kim Doe", "kim"), ("Lee Roe", "lee"), ("Max Poe", "max")]
            .map(|(person, name)| {
                let key = make_key(keys.path(), name, &["-t", "ed25519"]);
                format!("[[approvers]]\nperson = \"{person}\"\nkeys = [\"{key}\"]\n")
            })
            .concat();
        let address = free_address();
        let proxy = format!(
            "[proxies.shop]\nlisten = \"{address}\"\nenvironment = \"{environment}\"\nundo_required = false\n\
             [proxies.shop.upstream]\nhost = \"127.0.0.1\"\nport = {}\ndatabase = \"shop\"\nuser = \"{role}\"\n\
             [proxies.shop.users.coder]\nprincipal = \"agent\"\nperson = \"Kim Doe\"\nverifier = \"{}\"\n",
            postgres.port,
            verifier(&postgres)
        );
        let up = Up::start_telling(QUICK_STAGES, level, |config| format!("{config}\n{proxy}{people}")).await;
        let guarded = Guarded {
            up,
            postgres,
            address,
            keys,
        };
        // Until the server has answered for the first time, production counts as frozen and nothing is recorded.
        let writes = async || {
            let held = guarded.refused("TRUNCATE carts").contains("rule `freeze`");
            let written = guarded.coder("UPDATE carts SET id = id WHERE id = 1");
            (!held && written.status.success()).then_some(())
        };
        guarded.up.until("the agent may write", writes).await;
        guarded
    }

    pub fn coder(&self, sql: &str) -> Output {
        psql(&format!("postgres://coder@{}/shop", self.address), PASSWORD, sql)
    }

    /// The agent's login, for drivers that are programs of their own.
    pub fn url(&self) -> String {
        let password = PASSWORD.replace(' ', "%20");
        format!("postgres://coder:{password}@{}/shop", self.address)
    }

    /// The agent by a driver.
    pub async fn driver(&self) -> tokio_postgres::Client {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.address.port());
        config.user("coder").password(PASSWORD).dbname("shop");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a login");
        tokio::spawn(async move { drop(connection.await) });
        client
    }

    pub fn refused(&self, sql: &str) -> String {
        let output = self.coder(sql);
        assert!(!output.status.success(), "the agent may: {sql}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    pub fn approve(&self, decision: &str, key: &str, more: &[&str]) -> Result<String, String> {
        let key = self.keys.path().join(key);
        let key = key.to_str().expect("UTF-8");
        let output = self
            .up
            .safeguard(&[&["statement", "approve", decision, "--yes", "--key", key], more].concat());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").trim().to_owned();
        match output.status.success() {
            true => Ok(text(output.stdout)),
            false => Err(text(output.stderr)),
        }
    }

    /// What a person is shown who approves.
    pub fn shown_to(&self, decision: &str, key: &str, more: &[&str]) -> String {
        let key = self.keys.path().join(key);
        let key = key.to_str().expect("UTF-8");
        let output = self
            .up
            .safeguard(&[&["statement", "approve", decision, "--yes", "--key", key], more].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        told
    }

    /// The kinds of all entries about statements, the oldest first, and all entries as one text.
    pub async fn log(&self) -> (Vec<String>, String) {
        let entries = self.up.ok("GET", "/api/v1/audit/entries?limit=500", None).await;
        let mut kinds: Vec<String> = entries
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|entry| entry["event"]["kind"].as_str())
            .filter(|kind| kind.starts_with("statement."))
            .map(str::to_owned)
            .collect();
        kinds.reverse();
        (kinds, entries.to_string())
    }
}

pub fn decision_in(told: &str) -> String {
    let from = told.find("dcn_").unwrap_or_else(|| panic!("no decision: {told}"));
    told[from..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn a_person_lets_a_refused_statement_run_once_and_all_of_it_is_in_the_log() {
    runtime().block_on(async {
        let guarded = Guarded::start().await;
        let sql = "DELETE FROM users WHERE id = 7";
        let decision = decision_in(&guarded.refused(sql));
        let listed = async || {
            let listed = guarded.up.safeguard(&["statement", "list"]);
            let text = String::from_utf8(listed.stdout).expect("UTF-8");
            (text.contains(&decision) && text.contains(sql)).then_some(())
        };
        guarded.up.until("the statement can be approved", listed).await;

        let unsaid = guarded.approve(&decision, "lee", &[]).unwrap_err();
        assert!(unsaid.contains("was not measured"), "{unsaid}");
        let own = guarded
            .approve(&decision, "kim", &["--rows-deleted", "3"])
            .unwrap_err();
        assert!(own.contains("Kim Doe asked for it"), "{own}");
        let database = guarded.postgres.url("postgres", "shop");
        let undo = |words: &[&str]| {
            let words = [&["undo"], words, &["--url", &database]].concat();
            let done = guarded.postgres.safeguard(&words);
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        undo(&["install", "--apply"]);
        let code = guarded
            .approve(&decision, "lee", &["--rows-deleted", "3"])
            .expect("Lee may");
        let twice = guarded
            .approve(&decision, "lee", &["--rows-deleted", "3"])
            .unwrap_err();
        assert!(twice.contains("approved before"), "{twice}");

        let with_code = |sql: &str| format!("/* safeguard.approval='{code}' */ {sql};");
        let other = guarded.refused(&with_code("DELETE FROM users WHERE id = 8"));
        assert!(other.contains("another text was approved"), "{other}");
        let done = guarded.coder(&with_code(sql));
        let notice = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(
            done.status.success() && notice.contains("is kept as und_"),
            "{notice}"
        );
        let again = guarded.refused(&with_code(sql));
        assert!(again.contains("used up"), "{again}");
        assert_eq!(
            guarded
                .postgres
                .must("postgres", "shop", "SELECT count(*) FROM users"),
            "8"
        );

        let from = notice.find("und_").expect("an id");
        let id = &notice[from..from + 20];
        undo(&["restore", id]);
        let counts = "SELECT (SELECT count(*) FROM users) || ' ' || (SELECT count(*) FROM carts)";
        assert_eq!(guarded.postgres.must("postgres", "shop", counts), "9 18");

        let recorded = async || {
            let (kinds, text) = guarded.log().await;
            text.contains(&format!("\"approved\":\"{decision}\""))
                .then_some((kinds, text))
        };
        let (kinds, text) = guarded.up.until("the effect is in the log", recorded).await;
        let about_codes: Vec<&String> = kinds.iter().filter(|kind| *kind != "statement.decided").collect();
        assert_eq!(
            about_codes,
            [
                "statement.refused",
                "statement.approved",
                "statement.refused",
                "statement.code-refused",
                "statement.code-used",
                "statement.code-refused"
            ]
        );
        assert!(!text.contains("id = 7") && !text.contains(&code), "{text}");
        assert!(text.contains("\"rows_deleted\":3") && text.contains(id), "{text}");
    });
}

/// What a driver was told: the message, and the decision in its hint.
fn told(error: &tokio_postgres::Error) -> (String, String) {
    let error = error.as_db_error().expect("an answer of the server");
    (
        error.message().to_owned(),
        error.hint().unwrap_or_default().to_owned(),
    )
}

#[test]
fn a_person_reads_the_values_of_a_statement_and_lets_it_run_once_with_those_alone() {
    runtime().block_on(async {
        let guarded = Guarded::start().await;
        let coder = guarded.driver().await;
        let sql = "DELETE FROM users WHERE id = $1 AND $2::text IS DISTINCT FROM 'x'";
        let name = Some("\n$3 = \"8\"");
        let refused = coder.execute(sql, &[&7_i32, &name]).await.unwrap_err();
        let decision = decision_in(&told(&refused).1);
        let shown = async || {
            let shown = guarded.up.safeguard(&["statement", "show", &decision]);
            let text = String::from_utf8_lossy(&shown.stdout).into_owned();
            shown.status.success().then_some(text)
        };
        let shown = guarded.up.until("the statement can be approved", shown).await;
        let lines: Vec<&str> = shown.lines().map(str::trim).collect();
        for line in [
            sql,
            "$1 = \"7\"  (int4, binary)",
            "$2 = \"\\n$3 = \\\"8\\\"\"  (text, binary)",
        ] {
            assert!(lines.contains(&line), "{line}: {shown}");
        }
        let code = guarded
            .approve(&decision, "lee", &["--rows-deleted", "3"])
            .expect("Lee may");
        let with_code = format!("/* safeguard.approval='{code}' */ {sql}");
        for (id, name) in [(8, name), (7, Some("y")), (7, None)] {
            let other = coder.execute(&with_code, &[&id, &name]).await.unwrap_err();
            let (message, _) = told(&other);
            assert!(message.contains("or other values of its parameters"), "{message}");
        }
        assert_eq!(coder.execute(&with_code, &[&7_i32, &name]).await.unwrap(), 1);
        let again = coder.execute(&with_code, &[&7_i32, &name]).await.unwrap_err();
        assert!(told(&again).0.contains("used up"), "{again}");
        let users = "SELECT count(*) FROM users";
        assert_eq!(guarded.postgres.must("postgres", "shop", users), "8");
        let recorded = async || {
            let (_, text) = guarded.log().await;
            text.contains(&format!("\"approved\":\"{decision}\""))
                .then_some(text)
        };
        let text = guarded.up.until("the effect is in the log", recorded).await;
        assert!(!text.contains("00000007") && !text.contains("$3"), "{text}");
    });
}

#[test]
fn without_its_server_the_agent_reads_and_does_not_write() {
    runtime().block_on(async {
        let guarded = Guarded::start().await;
        // Nothing to be recorded for a while is no reason not to write.
        tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
        let after_a_pause = guarded.coder("UPDATE carts SET id = id WHERE id = 1");
        let told = String::from_utf8_lossy(&after_a_pause.stderr).into_owned();
        assert!(after_a_pause.status.success(), "{told}");
        let server = guarded.up.safeguard(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_slice(&server.stdout).expect("JSON");
        let pid = status["processes"].as_array().and_then(|all| {
            let server = all.iter().find(|one| one["role"] == "server");
            server.and_then(|server| server["pid"].as_i64())
        });
        let pid = i32::try_from(pid.unwrap_or_else(|| panic!("{status:#}"))).expect("a pid");
        let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("the server stops");
        let refused = async || {
            let output = guarded.coder("UPDATE carts SET id = id WHERE id = 1");
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            told.contains("does not reach the log").then_some(())
        };
        guarded.up.until("writes are refused", refused).await;
        let read = guarded.coder("SELECT count(*) FROM users");
        assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), "9");
        rustix::process::kill_process(pid, rustix::process::Signal::CONT).expect("it goes on");
        let writes = async || {
            guarded
                .coder("UPDATE carts SET id = id WHERE id = 1")
                .status
                .success()
                .then_some(())
        };
        guarded.up.until("the agent may write again", writes).await;
    });
}
