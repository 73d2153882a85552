//! Statements in the words of programs that are not known to send any.

use safeguard_api::guard::GuardFinding;

use super::judged_statements;
use crate::shell::rules::{self, Invocation};
use crate::shell::walk::{Stdin, Walk};

/// They print, search, keep or check a text, or read it as code; or they are asked about elsewhere.
const ONLY_SPEAK: &[&str] = &[
    "",
    "[",
    "ag",
    "awk",
    "bash",
    "bat",
    "bd",
    "bun",
    "cargo",
    "cat",
    "claude",
    "clip",
    "codex",
    "curl-config",
    "deno",
    "diff",
    "echo",
    "eval",
    "export",
    "false",
    "find",
    "gawk",
    "gemini",
    "gh",
    "git",
    "glab",
    "go",
    "grep",
    "head",
    "jest",
    "jq",
    "less",
    "llm",
    "make",
    "md5sum",
    "more",
    "node",
    "notify-send",
    "npm",
    "pbcopy",
    "perl",
    "pg_format",
    "pnpm",
    "printf",
    "pytest",
    "python",
    "python3",
    "read",
    "rg",
    "ruby",
    "safeguard",
    "say",
    "sed",
    "sh",
    "sha256sum",
    "sort",
    "sponge",
    "sqlfluff",
    "sqlfmt",
    "squawk",
    "tail",
    "tee",
    "test",
    "time",
    "todo",
    "tr",
    "trap",
    "true",
    "uniq",
    "vitest",
    "wc",
    "wl-copy",
    "xargs",
    "xclip",
    "yarn",
    "zsh",
];
/// What is refused here of what a text would do; anything else may be a sentence.
const DESTROYS: &[&str] = &["bulk-write", "delete", "drop", "truncate"];
const BEGIN: &[&str] = &["delete", "drop", "truncate", "update"];

/// Refuses statements that destroy, whoever would send them.
pub(super) fn look(walk: &Walk<'_>, invocation: &Invocation) -> Result<(), GuardFinding> {
    if invocation.is(ONLY_SPEAK) {
        return Ok(());
    }
    let piped = match &invocation.stdin {
        Stdin::Text(text) => Some(text.as_str()),
        Stdin::Inherited | Stdin::File(_) | Stdin::Unseen => None,
    };
    let words = invocation.args.iter().map(|word| {
        let text = word.text.as_str();
        match text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => value,
            _ => text,
        }
    });
    for text in words.chain(piped).filter(|text| text.trim().contains(' ')) {
        // Graphs are asked otherwise, and deleted from by the same word.
        if text.to_lowercase().contains("detach delete") {
            return Err(rules::RESET_DATABASE.finding("deletes nodes of a graph"));
        }
        let first = text.split_whitespace().next().unwrap_or("").to_lowercase();
        if !BEGIN.contains(&first.as_str()) {
            continue;
        }
        match judged_statements(walk, text) {
            Err(finding) if DESTROYS.contains(&finding.rule.as_str()) => return Err(finding),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
