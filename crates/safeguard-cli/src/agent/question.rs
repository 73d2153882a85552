//! What an agent's tool is about to do, read from the question of its hook.

use safeguard_api::guard::StatementClass;
use serde_json::Value;

/// More texts in one question are not looked at, and the call is refused.
const TEXTS_MAX: usize = 10_000;
/// The lines by which a patch names its files.
const PATCHED: &[&str] = &[
    "*** Update File: ",
    "*** Add File: ",
    "*** Delete File: ",
    "*** Move to: ",
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Command(String),
    Sql(String),
    Read(String),
    Write(String),
}

/// A question as far as it matters.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Question {
    pub tool: String,
    /// Where the agent works.
    pub folder: Option<String>,
    pub acts: Vec<Act>,
}

/// Why a question can not be answered by looking at it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    #[error("the question is no JSON object")]
    NoObject,
    #[error("the tool's input is a text that is no JSON")]
    Arguments,
    #[error("the question holds more than {TEXTS_MAX} texts")]
    TooMany,
    #[error("a shell is asked for without a command")]
    NoCommand,
}

pub fn read(question: &Value) -> Result<Question, QuestionError> {
    if !question.is_object() {
        return Err(QuestionError::NoObject);
    }
    let text = |name: &str| question.get(name).and_then(Value::as_str);
    let event = text("hook_event_name").unwrap_or("");
    let tool = text("tool_name").or_else(|| text("toolName")).unwrap_or("");
    let folder = text("cwd").filter(|folder| !folder.is_empty());
    let folder = folder.or_else(|| question.pointer("/workspace_roots/0").and_then(Value::as_str));
    let parsed;
    let input = match question.get("tool_input").or_else(|| question.get("toolArgs")) {
        // Cursor and Copilot write the input as a text.
        Some(Value::String(text)) if !text.trim().is_empty() => {
            parsed = serde_json::from_str(text).map_err(|_| QuestionError::Arguments)?;
            &parsed
        }
        Some(input) => input,
        // Cursor has a command beside the event. At an MCP call it is that of the server.
        None => question,
    };
    let mut found = Question {
        tool: tool.to_owned(),
        folder: folder.map(str::to_owned),
        acts: Vec::new(),
    };
    let name = match event {
        "beforeShellExecution" => "shell",
        "beforeReadFile" => "read",
        _ => tool,
    };
    acts(&name.to_lowercase(), input, &mut found.acts)?;
    let is_shell = ["bash", "shell", "run_shell_command", "local_shell", "powershell"]
        .contains(&name.to_lowercase().as_str());
    if is_shell && !found.acts.iter().any(|act| matches!(act, Act::Command(_))) {
        return Err(QuestionError::NoCommand);
    }
    Ok(found)
}

/// Every text of the input by the name that it has, however deep.
fn acts(tool: &str, input: &Value, found: &mut Vec<Act>) -> Result<(), QuestionError> {
    let mut open: Vec<(&str, &Value)> = vec![("", input)];
    let mut count = 0;
    while let Some((name, value)) = open.pop() {
        count += 1;
        if count > TEXTS_MAX {
            return Err(QuestionError::TooMany);
        }
        match value {
            Value::Object(fields) => {
                open.extend(fields.iter().rev().map(|(name, value)| (name.as_str(), value)))
            }
            // Words of a command, as Codex gives them.
            Value::Array(words) if is_command(name) && words.iter().all(Value::is_string) => {
                let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                found.push(Act::Command(joined(&words)));
            }
            Value::Array(values) => open.extend(values.iter().rev().map(|value| (name, value))),
            Value::String(text) => found.extend(act(tool, name, text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    Ok(())
}

fn is_command(name: &str) -> bool {
    matches!(
        name,
        "command"
            | "cmd"
            | "cli_command"
            | "cliCommand"
            | "script"
            | "bash"
            | "shell"
            | "shell_command"
            | "commandLine"
            | "command_line"
    )
}

fn joined(words: &[&str]) -> String {
    let quoted = |word: &&str| format!("'{}'", word.replace('\'', r"'\''"));
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn act(tool: &str, name: &str, text: &str) -> Vec<Act> {
    let mut found = patched(text);
    // A patch is no shell's, whatever field it comes in; a shell would read it as its own.
    let takes_patches = tool.contains("patch") || matches!(tool, "edit" | "write" | "multiedit");
    if takes_patches && text.trim_start().starts_with("*** Begin Patch") {
        return found;
    }
    match name {
        name if is_command(name) => found.push(Act::Command(text.to_owned())),
        "sql" | "sql_query" | "sqlQuery" => found.push(Act::Sql(text.to_owned())),
        "query" | "queries" | "statement" | "statements" if speaks_sql(tool, text) => {
            found.push(Act::Sql(text.to_owned()))
        }
        "file_path" | "filePath" | "path" | "notebook_path" | "absolute_path" | "target_file"
        | "filename" | "uri" => {
            let path = text.strip_prefix("file://").unwrap_or(text).to_owned();
            let removes = tool.starts_with("mcp__") && (tool.contains("delete") || tool.contains("remove"));
            found.push(if removes {
                Act::Command(joined(&["rm", "-r", "--", &path]))
            } else if writes(tool) {
                Act::Write(path)
            } else {
                Act::Read(path)
            });
        }
        "destination" | "new_path" | "newPath" | "target" => found.push(Act::Write(text.to_owned())),
        "source" | "old_path" | "oldPath" => found.push(Act::Read(text.to_owned())),
        _ => {}
    }
    found
}

fn patched(text: &str) -> Vec<Act> {
    let path = |line: &str| {
        PATCHED
            .iter()
            .find_map(|mark| line.strip_prefix(mark))
            .map(|path| path.trim().to_owned())
    };
    text.lines().filter_map(path).map(Act::Write).collect()
}

fn writes(tool: &str) -> bool {
    const WORDS: &[&str] = &[
        "write", "edit", "replace", "create", "insert", "delete", "remove", "move", "rename", "patch",
        "save", "update",
    ];
    WORDS.iter().any(|word| tool.contains(word))
}

/// A tool for databases, or a text that begins as only statements do.
fn speaks_sql(tool: &str, text: &str) -> bool {
    const TOOLS: &[&str] = &[
        "sql",
        "postgres",
        "database",
        "supabase",
        "neon",
        "mariadb",
        "duckdb",
        "execute_query",
        "run_query",
    ];
    const VERBS: &[&str] = &[
        "delete from",
        "drop ",
        "truncate ",
        "alter table",
        "update ",
        "insert into",
        "select ",
        "with ",
        "grant ",
    ];
    const SEARCH: &[&str] = &["search", "fetch", "docs", "documentation"];
    let text = text.trim_start().to_lowercase();
    let begins = VERBS.iter().any(|verb| text.starts_with(verb));
    let names_one = TOOLS.iter().any(|name| tool.contains(name)) && !text.starts_with(['{', '[']);
    let searches = SEARCH.iter().any(|word| tool.contains(word));
    names_one || (begins && !searches && is_understood(&text))
}

fn is_understood(sql: &str) -> bool {
    let acts = safeguard_guard::read(sql).acts;
    !acts.iter().any(|act| act.class == StatementClass::NotUnderstood)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn acts_of(tool: &str, input: Value) -> Vec<Act> {
        read(&json!({ "hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": input }))
            .unwrap()
            .acts
    }

    #[test]
    fn what_tools_are_about_to_do_is_read_from_their_fields() {
        assert_eq!(
            acts_of("Bash", json!({ "command": "ls" })),
            [Act::Command("ls".to_owned())]
        );
        let words = json!({ "command": ["bash", "-lc", "rm -rf 'a b'"] });
        assert_eq!(
            acts_of("shell", words),
            [Act::Command(r"'bash' '-lc' 'rm -rf '\''a b'\'''".to_owned())]
        );
        assert_eq!(
            acts_of("Read", json!({ "file_path": "/a" })),
            [Act::Read("/a".to_owned())]
        );
        assert_eq!(
            acts_of("Edit", json!({ "file_path": "/a" })),
            [Act::Write("/a".to_owned())]
        );
        let patch = "*** Begin Patch\n*** Update File: .codex/hooks.json\n*** End Patch";
        assert_eq!(
            acts_of("apply_patch", json!({ "input": patch })),
            [Act::Write(".codex/hooks.json".to_owned())]
        );
        let codex = json!({ "command": "*** Begin Patch\n*** Add File: a.py\n+print(`1`) # $(rm -rf ~)\n*** End Patch" });
        assert_eq!(
            acts_of("apply_patch", codex.clone()),
            [Act::Write("a.py".to_owned())]
        );
        assert!(matches!(
            &acts_of("Bash", codex)[..],
            [Act::Write(_), Act::Command(_)]
        ));
        assert_eq!(
            acts_of("mcp__filesystem__delete_directory", json!({ "path": "src" })),
            [Act::Command("'rm' '-r' '--' 'src'".to_owned())]
        );
        assert_eq!(
            acts_of("mcp__aws__call_aws", json!({ "cli_command": "aws s3 rb s3://x" })),
            [Act::Command("aws s3 rb s3://x".to_owned())]
        );
        let edits = json!({ "edits": [{ "path": "a" }, { "path": "b" }] });
        assert_eq!(
            acts_of("multi_edit", edits),
            [Act::Write("a".to_owned()), Act::Write("b".to_owned())]
        );
    }

    #[test]
    fn a_query_is_sql_where_the_tool_or_the_text_says_so() {
        let sql = |tool: &str, query: &str| !acts_of(tool, json!({ "query": query })).is_empty();
        assert!(sql("mcp__postgres__query", "DELETE FROM users"));
        assert!(sql("mcp__x__run", "delete from users"));
        assert!(sql("mcp__x__run", "DROP TABLE users"));
        assert!(!sql("WebSearch", "drop table in postgres 15"));
        assert!(!sql("WebSearch", "update all packages"));
        assert!(!sql("WebSearch", "delete from postgres slow"));
        assert!(!sql("mcp__slack__search_messages", "select users"));
        assert!(!sql("mcp__mongodb__find", "{\"a\": 1}"));
    }

    #[test]
    fn a_shell_without_a_command_is_no_question() {
        let asked = read(&json!({ "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {} }));
        assert_eq!(asked, Err(QuestionError::NoCommand));
        assert_eq!(read(&json!([])), Err(QuestionError::NoObject));
        assert_eq!(
            read(&json!({ "toolName": "bash", "toolArgs": "{" })),
            Err(QuestionError::Arguments)
        );
    }
}
