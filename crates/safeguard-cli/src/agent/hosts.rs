//! The coding agents that have hooks: what they ask, how they are answered, and where their settings lie.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};

/// A coding agent that asks before it runs a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Host {
    Claude,
    Codex,
    Cursor,
    Gemini,
    Copilot,
}

/// Whose settings a hook is written into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Project,
    User,
}

impl Host {
    pub const ALL: &[Host] = &[
        Host::Claude,
        Host::Codex,
        Host::Cursor,
        Host::Gemini,
        Host::Copilot,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Host::Claude => "claude",
            Host::Codex => "codex",
            Host::Cursor => "cursor",
            Host::Gemini => "gemini",
            Host::Copilot => "copilot",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Host::Claude => "Claude Code",
            Host::Codex => "Codex",
            Host::Cursor => "Cursor",
            Host::Gemini => "Gemini CLI",
            Host::Copilot => "Copilot CLI",
        }
    }

    /// Who asks in such words. Codex asks as Claude Code does, and is answered alike.
    pub fn who_asks(question: &Value) -> Option<Host> {
        let event = question
            .get("hook_event_name")
            .and_then(Value::as_str)
            .unwrap_or("");
        match event {
            "BeforeTool" => Some(Host::Gemini),
            "beforeShellExecution" | "beforeMCPExecution" | "beforeReadFile" => Some(Host::Cursor),
            "PreToolUse" if question.get("turn_id").is_some() => Some(Host::Codex),
            "PreToolUse" => Some(Host::Claude),
            _ if question.get("toolName").is_some() => Some(Host::Copilot),
            _ => None,
        }
    }

    /// A refusal in the host's own words. None of them asks a person: some hosts run what they should ask about.
    pub fn refusal(self, reason: &str) -> Value {
        match self {
            Host::Claude | Host::Codex => json!({
                "hookSpecificOutput": {
                    "hookEventName": "PreToolUse",
                    "permissionDecision": "deny",
                    "permissionDecisionReason": reason,
                }
            }),
            Host::Cursor => json!({
                "permission": "deny",
                "user_message": reason,
                "agent_message": reason,
            }),
            Host::Gemini => json!({ "decision": "deny", "reason": reason }),
            Host::Copilot => json!({
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }),
        }
    }

    /// Whether an answer is a refusal to this host.
    pub fn is_refusal(self, answer: &Value) -> bool {
        let at = match self {
            Host::Claude | Host::Codex => "/hookSpecificOutput/permissionDecision",
            Host::Cursor => "/permission",
            Host::Gemini => "/decision",
            Host::Copilot => "/permissionDecision",
        };
        answer.pointer(at).and_then(Value::as_str) == Some("deny")
    }

    /// What this host would ask about a command.
    pub fn question(self, command: &str, folder: &str) -> Value {
        match self {
            Host::Claude | Host::Codex => json!({
                "session_id": "trial",
                "transcript_path": "",
                "cwd": folder,
                "hook_event_name": "PreToolUse",
                "tool_name": "Bash",
                "tool_input": { "command": command },
            }),
            Host::Cursor => json!({
                "conversation_id": "trial",
                "hook_event_name": "beforeShellExecution",
                "workspace_roots": [folder],
                "command": command,
                "cwd": folder,
            }),
            Host::Gemini => json!({
                "session_id": "trial",
                "cwd": folder,
                "hook_event_name": "BeforeTool",
                "tool_name": "run_shell_command",
                "tool_input": { "command": command },
            }),
            Host::Copilot => json!({
                "timestamp": 0,
                "cwd": folder,
                "toolName": "bash",
                "toolArgs": json!({ "command": command }).to_string(),
            }),
        }
    }

    /// The folder by whose presence a project or a person is known to use this agent.
    pub fn folder(self, scope: Scope, root: &Path) -> PathBuf {
        match (self, scope) {
            (Host::Copilot, Scope::Project) => root.join(".github"),
            (host, _) => root.join(format!(".{}", host.word())),
        }
    }

    pub fn settings(self, scope: Scope, root: &Path) -> PathBuf {
        let folder = self.folder(scope, root);
        match self {
            Host::Claude | Host::Gemini => folder.join("settings.json"),
            Host::Codex | Host::Cursor => folder.join("hooks.json"),
            Host::Copilot => folder.join("hooks").join("safeguard.json"),
        }
    }

    /// What its settings hold: at which event it runs which command. `judge` answers before a tool runs; `look` looks at what an edit has
    /// brought, and at all of it before the agent stops.
    pub fn hooks(self, judge: &str, look: Option<&str>) -> Vec<(&'static str, Value)> {
        let mut hooks: Vec<(&'static str, Value)> = self
            .asked_before()
            .iter()
            .map(|event| (*event, self.entry(judge)))
            .collect();
        hooks.extend(look.into_iter().flat_map(|command| self.looks(command)));
        hooks
    }

    /// The events at which it asks whether a tool may run.
    fn asked_before(self) -> &'static [&'static str] {
        match self {
            Host::Claude | Host::Codex => &["PreToolUse"],
            Host::Cursor => &["beforeShellExecution", "beforeMCPExecution", "beforeReadFile"],
            Host::Gemini => &["BeforeTool"],
            Host::Copilot => &["preToolUse"],
        }
    }

    /// What stands in the list of such an event. Where the host can refuse when a hook fails, it is told to.
    fn entry(self, command: &str) -> Value {
        match self {
            Host::Claude => json!({
                "matcher": "*",
                "hooks": [{ "type": "command", "command": command, "timeout": 30, "onFailure": "block" }],
            }),
            Host::Codex => json!({
                "matcher": "*",
                "hooks": [{ "type": "command", "command": command, "timeout": 30 }],
            }),
            Host::Cursor => json!({ "command": command, "timeout": 30, "failClosed": true }),
            Host::Gemini => json!({
                "matcher": ".*",
                "hooks": [{ "name": "safeguard", "type": "command", "command": command, "timeout": 30_000 }],
            }),
            Host::Copilot => json!({ "type": "command", "bash": command, "timeoutSec": 30 }),
        }
    }

    /// After an edit, where the host lets the agent read what a hook says then, and before the agent stops.
    fn looks(self, command: &str) -> Vec<(&'static str, Value)> {
        let plain = json!({ "type": "command", "command": command, "timeout": 120 });
        match self {
            Host::Claude => vec![
                (
                    "PostToolUse",
                    json!({ "matcher": "Edit|MultiEdit|Write|NotebookEdit", "hooks": [plain] }),
                ),
                ("Stop", json!({ "hooks": [plain] })),
            ],
            Host::Codex => vec![
                (
                    "PostToolUse",
                    json!({ "matcher": "apply_patch|Edit|Write", "hooks": [plain] }),
                ),
                ("Stop", json!({ "hooks": [plain] })),
            ],
            Host::Cursor => vec![(
                "stop",
                json!({ "command": command, "timeout": 120, "loop_limit": 5 }),
            )],
            Host::Gemini => {
                let hook = json!({ "name": "safeguard-look", "type": "command", "command": command, "timeout": 120_000 });
                vec![
                    (
                        "AfterTool",
                        json!({ "matcher": "write_file|replace", "hooks": [hook] }),
                    ),
                    ("AfterAgent", json!({ "matcher": "*", "hooks": [hook] })),
                ]
            }
            Host::Copilot => vec![(
                "agentStop",
                json!({ "type": "command", "bash": command, "timeoutSec": 120 }),
            )],
        }
    }

    /// What makes the agent read why its work is not done, and go on with it.
    pub fn objection(self, reason: &str) -> Value {
        match self {
            Host::Claude | Host::Codex | Host::Copilot => json!({ "decision": "block", "reason": reason }),
            Host::Cursor => json!({ "followup_message": reason }),
            Host::Gemini => json!({ "decision": "deny", "reason": reason }),
        }
    }

    /// Whether it speaks of the end of a turn, and not of one tool.
    pub fn is_stopping(self, question: &Value) -> bool {
        let event = question.get("hook_event_name").and_then(Value::as_str);
        matches!(event, Some("Stop" | "stop" | "AfterAgent")) || self == Host::Copilot
    }

    /// What it says of itself when the agent is about to stop.
    pub fn stopping(self, folder: &str) -> Value {
        match self {
            Host::Claude | Host::Codex => json!({
                "session_id": "trial", "cwd": folder, "hook_event_name": "Stop", "stop_hook_active": false,
            }),
            Host::Cursor => json!({
                "conversation_id": "trial", "workspace_roots": [folder], "hook_event_name": "stop", "status": "completed",
            }),
            Host::Gemini => json!({ "session_id": "trial", "cwd": folder, "hook_event_name": "AfterAgent" }),
            Host::Copilot => json!({ "sessionId": "trial", "cwd": folder, "timestamp": 0 }),
        }
    }

    /// Whether the settings carry a version.
    pub fn has_version(self) -> bool {
        matches!(self, Host::Cursor | Host::Copilot)
    }

    /// What a person has yet to do, or has to know.
    pub fn note(self) -> &'static str {
        match self {
            Host::Claude => "a failing hook blocks from version 2.1.295 on; before that it lets the call run",
            Host::Codex => "it runs once you have trusted it: start `codex` and confirm the hook",
            Host::Cursor => "edits of files are not asked about; shell, MCP and reads are",
            Host::Gemini => "a hook that takes longer than 30 s lets the call run",
            Host::Copilot => "a hook that takes longer than 30 s lets the call run",
        }
    }
}
