//! `safeguard mcp` as an agent meets it: JSON lines, tools, and a real PostgreSQL behind `query`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::live::up::binary;
use crate::postgres::Postgres;

struct Agent {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    asked: u64,
}

impl Agent {
    fn start(postgres: &Postgres, words: &[&str]) -> Agent {
        let mut server = Command::new(binary("safeguard"))
            .arg("mcp")
            .args(words)
            .current_dir(postgres.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("safeguard runs");
        let input = server.stdin.take().expect("a pipe");
        let output = BufReader::new(server.stdout.take().expect("a pipe"));
        let mut agent = Agent {
            server,
            input,
            output,
            asked: 0,
        };
        let client = json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
        });
        let greeted = agent.ask("initialize", &client);
        assert_eq!(greeted["result"]["serverInfo"]["name"], "safeguard", "{greeted}");
        agent.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        agent
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.input, "{message}").expect("it reads");
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        self.say(&json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params }));
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(answer["id"], self.asked, "{answer}");
        answer
    }

    fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        self.ask("tools/call", &json!({ "name": name, "arguments": arguments }))["result"].clone()
    }

    fn tools(&mut self) -> Vec<String> {
        let listed = self.ask("tools/list", &json!({}));
        let tools = listed["result"]["tools"].as_array().expect("tools");
        tools
            .iter()
            .map(|tool| {
                assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
                let name = tool["name"].as_str().expect("a name").to_owned();
                assert_eq!(tool["annotations"]["readOnlyHint"], name != "undo", "{tool}");
                name
            })
            .collect()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.server.kill());
        self.server.wait().expect("it has ended");
    }
}

#[test]
fn an_agent_asks_before_it_acts_and_reads_without_writing() {
    let postgres = Postgres::start();
    postgres.must(
        "postgres",
        "postgres",
        "CREATE DATABASE shop; \\c shop\nCREATE TABLE users (id int, name text);
        INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 2000) n;
        CREATE FUNCTION forget(int) RETURNS int LANGUAGE sql AS 'DELETE FROM users WHERE id = $1 RETURNING id';",
    );
    let url = postgres.url("postgres", "shop");
    let mut agent = Agent::start(&postgres, &["--db", &url]);
    let tools = [
        "explain_sql",
        "explain_command",
        "lint_migration",
        "status",
        "undo",
        "query",
    ];
    assert_eq!(agent.tools(), tools);

    let answer = agent.tool("explain_sql", &json!({ "sql": "DROP TABLE users" }));
    assert_eq!(answer["structuredContent"]["decision"], "deny", "{answer}");
    assert_eq!(answer["isError"], false);
    let answer = agent.tool(
        "explain_command",
        &json!({ "command": "psql -c 'TRUNCATE users'" }),
    );
    assert_eq!(answer["structuredContent"]["decision"], "deny", "{answer}");
    let answer = agent.tool(
        "lint_migration",
        &json!({ "sql": "ALTER TABLE users DROP COLUMN name" }),
    );
    let text = answer["structuredContent"]["findings"].to_string();
    assert!(text.contains("ban-drop-column"), "{text}");

    let answer = agent.tool(
        "query",
        &json!({ "sql": "SELECT id, name FROM users WHERE id < 3 ORDER BY id" }),
    );
    let expected =
        json!({ "columns": ["id", "name"], "rows": [["1", "user 1"], ["2", "user 2"]], "more": false });
    assert_eq!(answer["structuredContent"], expected, "{answer}");
    let answer = agent.tool(
        "query",
        &json!({ "sql": "SELECT id FROM users ORDER BY id LIMIT 1500" }),
    );
    let content = &answer["structuredContent"];
    assert_eq!(
        (content["rows"].as_array().map(Vec::len), &content["more"]),
        (Some(500), &Value::Bool(true))
    );
    for sql in [
        "DELETE FROM users",
        "UPDATE users SET name = 'x' WHERE id = 1",
        "SELECT forget(1)",
        "SELECT 1; SELECT 2",
        "COMMIT; SELECT 1",
        "SELECT * INTO copied FROM users",
        "SELECT nothing FROM users LIMIT 1",
    ] {
        let answer = agent.tool("query", &json!({ "sql": sql }));
        assert_eq!(answer["isError"], true, "{sql}: {answer}");
    }
    assert_eq!(
        postgres.must("postgres", "shop", "SELECT count(*) FROM users"),
        "2000"
    );

    // Nobody serves here: said, and the conversation goes on.
    let answer = agent.tool("status", &json!({}));
    assert_eq!(answer["isError"], true, "{answer}");
    let answer = agent.ask(
        "tools/call",
        &json!({ "name": "explain_sql", "arguments": { "sql": 7 } }),
    );
    assert!(
        answer["error"]["message"]
            .as_str()
            .is_some_and(|why| why.contains("`sql` is missing")),
        "{answer}"
    );
    let answer = agent.ask("tools/call", &json!({ "name": "drop_table", "arguments": {} }));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");

    let mut without = Agent::start(&postgres, &[]);
    assert!(!without.tools().contains(&"query".to_owned()));
    let answer = without.ask(
        "tools/call",
        &json!({ "name": "query", "arguments": { "sql": "SELECT 1" } }),
    );
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
}

const POLICY: &str = "mode = \"enforce\"
[guard.budgets.agent]
rows_changed_max = 5
rows_deleted_max = 0
[proxies.shop]
listen = \"127.0.0.1:1\"
environment = \"production\"
[proxies.shop.upstream]
host = \"127.0.0.1\"
database = \"shop\"
user = \"guarded\"
[proxies.shop.users.coder]
principal = \"agent\"
";

#[test]
fn an_agent_sees_what_an_undo_brings_back_and_does_it_within_its_budget() {
    let postgres = Postgres::start();
    postgres.must("postgres", "postgres", "CREATE DATABASE shop");
    let url = postgres.url("postgres", "shop");
    let sql = |sql: &str| postgres.must("postgres", "shop", sql);
    sql(
        "CREATE TABLE users (id int PRIMARY KEY, name text); CREATE TABLE heard (id int);
        INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 20) n;",
    );
    let installed = postgres.safeguard(&["undo", "install", "--apply", "--url", &url]);
    assert!(installed.status.success());
    let removed = |condition: &str| {
        let id = postgres.safeguard(&["undo", "new"]).stdout;
        let id = String::from_utf8(id).expect("text").trim().to_owned();
        sql(&format!(
            "BEGIN; SET LOCAL safeguard.undo = '{id}'; DELETE FROM users WHERE {condition}; COMMIT;"
        ));
        id
    };
    let (few, many, gone) = (
        removed("id <= 3"),
        removed("id BETWEEN 4 AND 12"),
        removed("id = 13"),
    );
    let policy = postgres.folder().join("policy.toml");
    std::fs::write(&policy, POLICY).expect("it is written");
    let policy = policy.to_str().expect("text");
    let mut agent = Agent::start(&postgres, &["--config", policy, "--undo-db", &url]);
    let mut undo = |id: &str, apply: bool| {
        let answer = agent.tool("undo", &json!({ "id": id, "apply": apply }));
        (answer["isError"] == true, answer["structuredContent"].clone())
    };
    let (failed, seen) = undo(&few, false);
    assert!(!failed, "{seen}");
    assert_eq!(
        (&seen["decision"], &seen["undo"]["applied"]),
        (&json!("measure"), &json!(false))
    );
    assert_eq!(seen["undo"]["tables"][0]["inserted"], 3, "{seen}");
    assert_eq!(sql("SELECT count(*) FROM users"), "7", "nothing was changed");
    let (failed, done) = undo(&few, true);
    assert!(!failed, "{done}");
    assert_eq!(sql("SELECT count(*) FROM users"), "10");
    // Once alone.
    assert!(undo(&few, true).0);

    let (failed, over) = undo(&many, true);
    assert!(
        failed && over.to_string().contains("would change 9 rows (limit 5)"),
        "{over}"
    );
    assert_eq!(sql("SELECT count(*) FROM users"), "10");
    // What triggers add counts.
    sql("CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO heard SELECT generate_series(1, 5); RETURN NULL; END';
        CREATE TRIGGER hear AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION hear();");
    let (failed, over) = undo(&gone, true);
    assert!(
        failed && over.to_string().contains("would change 6 rows (limit 5)"),
        "{over}"
    );
    sql("DROP TRIGGER hear ON users; INSERT INTO users VALUES (13, 'another')");
    let (failed, conflict) = undo(&gone, true);
    assert!(failed, "{conflict}");
    assert_eq!(
        conflict["undo"]["conflicts"][0]["table"], "public.users",
        "{conflict}"
    );
    drop(agent);

    // Staging is for reading: the agent is told what a person runs.
    let mut agent = Agent::start(&postgres, &["--env", "staging", "--undo-db", &url]);
    let answer = agent.tool("undo", &json!({ "id": many, "apply": true }));
    assert_eq!(answer["isError"], true, "{answer}");
    let text = answer.to_string();
    assert!(
        text.contains("read-only") && text.contains("safeguard undo restore"),
        "{text}"
    );
    let mut without = Agent::start(&postgres, &[]);
    let answer = without.tool("undo", &json!({ "id": many }));
    let next = answer["structuredContent"]["next"]
        .as_str()
        .expect("what is next");
    assert!(
        next.contains(&format!("safeguard undo restore {many}")),
        "{answer}"
    );
    let answer = without.tool("undo", &json!({ "id": many, "apply": true }));
    assert_eq!(answer["isError"], true, "{answer}");
    assert_eq!(sql("SELECT count(*) FROM users"), "11");
}
