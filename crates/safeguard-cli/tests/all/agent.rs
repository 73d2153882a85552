//! Hooks of coding agents, with the real binary: set, asked, checked, taken out.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const HOSTS: &[(&str, &str)] = &[
    ("claude", ".claude/settings.json"),
    ("codex", ".codex/hooks.json"),
    ("cursor", ".cursor/hooks.json"),
    ("gemini", ".gemini/settings.json"),
    ("copilot", ".github/hooks/safeguard.json"),
];

/// A project and a home of its own.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Project {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("shop/.git")).unwrap();
        fs::create_dir_all(folder.path().join("shop/src")).unwrap();
        Project { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("shop").join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safeguard"));
        command
            .args(arguments)
            .current_dir(self.path("src"))
            .env("HOME", self.folder.path())
            .env_remove("SAFEGUARD_CONFIG")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn exit(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().unwrap()
    }

    fn ask(&self, arguments: &[&str], question: &str) -> Output {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(question.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap()
    }

    fn claude(&self, command: &str) -> Value {
        let question = json!({
            "hook_event_name": "PreToolUse",
            "cwd": self.path("").to_str().unwrap(),
            "tool_name": "Bash",
            "tool_input": { "command": command },
        });
        let output = self.ask(&["agent", "hook"], &question.to_string());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn value(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn is_denied(answer: &Value) -> bool {
    answer["hookSpecificOutput"]["permissionDecision"] == "deny"
}

#[test]
fn a_hook_is_set_once_fires_and_leaves_nothing_behind() {
    let project = Project::new();
    for (host, settings) in HOSTS {
        let path = project.path(settings);
        let check = ["agent", "install", "--check", "--host", host];
        assert_eq!(project.exit(&check), 1, "{host}: nothing is set yet");
        assert!(!path.exists(), "a check writes nothing");
        let installed = project.run(&["agent", "install", "--host", host]);
        assert_eq!(installed.status.code(), Some(0), "{installed:?}");
        assert_eq!(project.exit(&check), 0, "{host}");
        let before = fs::read(&path).unwrap();
        assert_eq!(project.exit(&["agent", "install", "--host", host]), 0);
        assert_eq!(fs::read(&path).unwrap(), before, "{host}: once is enough");
        assert!(
            String::from_utf8(before)
                .unwrap()
                .contains(env!("CARGO_BIN_EXE_safeguard"))
        );
    }
    // Unsaid, whoever has settings here is meant.
    assert_eq!(project.exit(&["agent", "install", "--check"]), 0);
    assert_eq!(project.exit(&["agent", "uninstall"]), 0);
    for (_, settings) in HOSTS {
        assert!(!project.path(settings).exists());
    }
}

#[test]
fn what_stands_in_settings_is_kept() {
    let project = Project::new();
    let home = project.folder.path().join(".claude/settings.json");
    fs::create_dir_all(home.parent().unwrap()).unwrap();
    let theirs = json!({
        "model": "opus",
        "hooks": {
            "PreToolUse": [{ "matcher": "Write", "hooks": [{ "type": "command", "command": "theirs" }] }],
            "SessionEnd": [],
        },
    });
    fs::write(&home, theirs.to_string()).unwrap();
    assert_eq!(project.exit(&["agent", "install", "--user", "--env", "dev"]), 0);
    let with = value(&home);
    assert_eq!(with["model"], "opus");
    assert_eq!(with["hooks"]["PreToolUse"][0], theirs["hooks"]["PreToolUse"][0]);
    let command = with["hooks"]["PreToolUse"][1]["hooks"][0]["command"]
        .as_str()
        .unwrap();
    assert!(
        command.ends_with(" agent hook --host claude --env dev"),
        "{command}"
    );
    assert_eq!(with["hooks"]["PreToolUse"][1]["hooks"][0]["onFailure"], "block");
    assert_eq!(project.exit(&["agent", "uninstall", "--user"]), 0);
    assert_eq!(value(&home), theirs);

    fs::write(&home, "{ // a comment\n}").unwrap();
    assert_eq!(
        project.exit(&["agent", "install", "--user"]),
        2,
        "what is no JSON is left as it is"
    );
    assert_eq!(fs::read_to_string(&home).unwrap(), "{ // a comment\n}");
}

#[test]
fn a_hook_that_can_not_judge_is_no_installation() {
    let project = Project::new();
    fs::write(project.path("safeguard.toml"), "mode = \"obsrve\"").unwrap();
    assert_eq!(project.exit(&["agent", "install", "--host", "claude"]), 1);
}

#[test]
fn the_hook_answers_and_what_it_can_not_judge_it_refuses() {
    let project = Project::new();
    assert_eq!(project.claude("cargo test"), json!({}));
    assert!(is_denied(&project.claude("rm -rf src")));
    fs::write(project.path("good.sql"), "SELECT 1;").unwrap();
    fs::write(project.path("bad.sql"), "DELETE FROM users;").unwrap();
    assert_eq!(project.claude("psql -f good.sql"), json!({}));
    assert!(is_denied(&project.claude("psql -f bad.sql")));
    assert!(is_denied(&project.claude("psql -f none.sql")));
    assert!(is_denied(&project.claude("psql < /dev/zero")));

    let claude = ["agent", "hook", "--host", "claude"];
    for question in ["", "{", "[]", "{\"tool_name\":\"Bash\",\"tool_input\":{}}"] {
        let output = project.ask(&claude, question);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(
            is_denied(&serde_json::from_slice(&output.stdout).unwrap()),
            "{question}"
        );
    }
    // Without a host there are no words to answer in: code 2 is a refusal to all of them.
    let output = project.ask(&["agent", "hook"], "{}");
    assert_eq!(output.status.code(), Some(2));
    assert!(!output.stderr.is_empty());
    let deep = "[".repeat(100_000);
    assert_eq!(project.ask(&["agent", "hook"], &deep).status.code(), Some(2));

    fs::write(project.path("src/safeguard.toml"), "mode = \"obsrve\"").unwrap();
    assert!(
        is_denied(&project.claude("cargo test")),
        "a configuration that can not be read refuses"
    );
}

#[test]
fn a_command_is_explained_with_exit_codes() {
    let project = Project::new();
    assert_eq!(project.exit(&["agent", "explain", "ls -la"]), 0);
    assert_eq!(project.exit(&["agent", "explain", "rm -rf src"]), 1);
    assert_eq!(
        project.exit(&["agent", "explain", "psql -c 'UPDATE t SET a = 1 WHERE id = 1'"]),
        1
    );
    let dev = [
        "agent",
        "explain",
        "--env",
        "dev",
        "psql -c 'UPDATE t SET a = 1 WHERE id = 1'",
    ];
    assert_eq!(project.exit(&dev), 0);
    let told = project.run(&["--json", "agent", "explain", "sudo rm -rf /"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&told["decision"], &told["rule"]),
        (&json!("deny"), &json!("remove-files"))
    );
    assert_eq!(told["programs"], json!(["rm", "sudo"]));
    assert_eq!(
        project
            .ask(&["agent", "explain", "-"], "git push --force")
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn a_script_counts_as_typed_unless_the_default_branch_has_it() {
    let project = Project::new();
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
        let status = git.args(arguments).current_dir(project.path("src")).status();
        assert!(status.unwrap().success(), "{arguments:?}");
    };
    let script = |text: &str| std::fs::write(project.path("src/tidy.sh"), text).unwrap();
    script("#!/bin/sh\nrm -rf ~/old\n");
    let explain = ["agent", "explain", "sh tidy.sh"];
    assert_eq!(project.exit(&explain), 1, "outside of git it is nobody else's");
    git(&["init", "--quiet", "--initial-branch", "main"]);
    assert_eq!(project.exit(&explain), 1, "nobody has committed it");
    git(&["add", "tidy.sh"]);
    git(&["commit", "--quiet", "--message", "tidy"]);
    assert_eq!(project.exit(&explain), 0, "the default branch has it");
    git(&["checkout", "--quiet", "-b", "work"]);
    script("#!/bin/sh\nrm -rf ~/all\n");
    git(&["commit", "--quiet", "--all", "--message", "tidier"]);
    assert_eq!(project.exit(&explain), 1, "a branch of one's own is one's own");
    script(&format!(
        "#!/bin/sh\n{}rm -rf ~/all\n",
        "# padded\n".repeat(150_000)
    ));
    assert_eq!(project.exit(&explain), 1, "too long to be read is not harmless");
    script("#!/bin/sh\nrm -rf ~/all\n# \0\n");
    assert_eq!(
        project.exit(&explain),
        1,
        "a shell reads on behind its first line"
    );
    let program = |text: &str| std::fs::write(project.path("src/wipe.py"), text).unwrap();
    let explain = ["agent", "explain", "python3 wipe.py"];
    program("import shutil\nshutil.rmtree('lib')\n");
    assert_eq!(project.exit(&explain), 1, "a program is read like a script");
    git(&["add", "wipe.py"]);
    git(&["commit", "--quiet", "--message", "wipe"]);
    git(&["branch", "--force", "main"]);
    assert_eq!(project.exit(&explain), 0, "others answer for it now");
    program("# \0\nimport shutil\nshutil.rmtree('lib')\n");
    assert_eq!(project.exit(&explain), 1, "a zero hides nothing");
    program("import shutil\nshutil.rmtree('build')\n");
    assert_eq!(project.exit(&explain), 0, "a build makes it again");
}

#[test]
fn what_lies_among_built_files_is_a_build_s_only_where_git_leaves_it_out() {
    let project = Project::new();
    fs::create_dir(project.path("src/dist")).unwrap();
    fs::write(
        project.path("src/dist/wipe.js"),
        "require('fs').rmSync('lib', { recursive: true })\n",
    )
    .unwrap();
    fs::write(project.path("src/dist/wipe.sh"), "rm -rf lib\n").unwrap();
    let git = Command::new("git")
        .arg("init")
        .arg("--quiet")
        .current_dir(project.path(""))
        .status();
    assert!(git.unwrap().success());
    let program = ["agent", "explain", "node dist/wipe.js"];
    assert_eq!(project.exit(&program), 1, "it is kept with the sources");
    fs::write(project.path(".gitignore"), "dist\n").unwrap();
    assert_eq!(project.exit(&program), 0, "it is what a build has made");
    let script = ["agent", "explain", "sh dist/wipe.sh"];
    assert_eq!(project.exit(&script), 1, "no build makes a script of a shell");
}

const BAD: &str =
    "import os\nfrom flask import request\n\n\ndef ping():\n    os.system('ping ' + request.args['host'])\n";

#[test]
fn what_a_change_brings_is_told_once_and_then_the_agent_may_stop() {
    let project = Project::new();
    fs::remove_dir_all(project.path(".git")).unwrap();
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=kim", "-c", "user.email=kim@example.com"];
        let status = Command::new("git")
            .args(who)
            .args(arguments)
            .current_dir(project.path(""))
            .status();
        assert!(status.unwrap().success(), "git {arguments:?}");
    };
    fs::write(project.path("src/ping.py"), "def ping():\n    return 'pong'\n").unwrap();
    git(&["init", "--quiet", "--initial-branch", "main"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "first"]);
    let root = project.path("").to_str().unwrap().to_owned();
    let look = |host: &str, question: Value| {
        let output = project.ask(&["agent", "look", "--host", host], &question.to_string());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let stop = json!({ "session_id": "s1", "cwd": root, "hook_event_name": "Stop" });
    let edit = |file: &str| {
        json!({ "session_id": "s1", "cwd": root, "hook_event_name": "PostToolUse", "tool_name": "Edit",
            "tool_input": { "file_path": project.path(file).to_str().unwrap(), "old_string": "a", "new_string": "b" } })
    };
    assert_eq!(look("claude", stop.clone()), json!({}), "nothing was changed");

    fs::write(project.path("src/ping.py"), BAD).unwrap();
    fs::write(project.path("src/other.py"), "def other(:\n").unwrap();
    assert_eq!(
        look("claude", edit("src/other.py")),
        json!({}),
        "half of an edit is not judged"
    );
    let answer = look("claude", edit("src/ping.py"));
    assert_eq!(answer["decision"], "block");
    let reason = answer["reason"].as_str().unwrap();
    assert!(
        reason.contains("src/ping.py:6 command-injection: ") && reason.contains("Instead: "),
        "{reason}"
    );

    let answer = look("claude", stop.clone());
    assert_eq!(answer["decision"], "block");
    let reason = answer["reason"].as_str().unwrap();
    assert!(
        reason.contains("could not be looked at: src/other.py: line 1"),
        "{reason}"
    );
    assert_eq!(
        look("claude", stop.clone()),
        json!({}),
        "the same is not told twice"
    );
    fs::remove_file(project.path("src/other.py")).unwrap();
    assert_eq!(
        look("claude", stop.clone())["decision"],
        "block",
        "what is left is told again"
    );

    for (host, question, field) in [
        (
            "cursor",
            json!({ "conversation_id": "c", "workspace_roots": [root], "hook_event_name": "stop" }),
            "followup_message",
        ),
        (
            "gemini",
            json!({ "session_id": "g", "cwd": root, "hook_event_name": "AfterAgent" }),
            "reason",
        ),
        ("copilot", json!({ "sessionId": "p", "cwd": root }), "reason"),
        (
            "codex",
            json!({ "session_id": "x", "turn_id": "1", "cwd": root, "hook_event_name": "Stop" }),
            "reason",
        ),
    ] {
        let answer = look(host, question);
        assert!(
            answer[field].as_str().unwrap().contains("command-injection"),
            "{host}: {answer}"
        );
    }
    fs::write(project.path("src/ping.py"), "def ping():\n    return 'pang'\n").unwrap();
    assert_eq!(look("claude", stop), json!({}), "mended");
    git(&["branch", "--quiet", "--move", "trunk"]);
    fs::write(project.path("src/ping.py"), BAD).unwrap();
    let elsewhere = json!({ "session_id": "s2", "cwd": root, "hook_event_name": "Stop" });
    assert_eq!(
        look("claude", elsewhere)["decision"],
        "block",
        "no branch is known as the default one"
    );
    assert_eq!(
        look("claude", json!({ "cwd": "/", "hook_event_name": "Stop" })),
        json!({}),
        "no repository"
    );
}
