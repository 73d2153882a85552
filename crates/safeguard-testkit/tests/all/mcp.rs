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
                assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
                tool["name"].as_str().expect("a name").to_owned()
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
