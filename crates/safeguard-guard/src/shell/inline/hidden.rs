//! Dangerous names that are not called where they stand.

use safeguard_api::guard::GuardFinding;

use super::calls::{Call, STRONG};
use super::tokens::Token;
use crate::shell::rules::INLINE_CODE;
use crate::shell::word::UNKNOWN;

/// A dangerous name that stands in a text, or is handed around rather than called, is not in sight.
pub(super) fn hidden(code: &str, tokens: &[Token]) -> Result<(), GuardFinding> {
    let is_name = |one: char| one.is_alphanumeric() || one == '_';
    for (name, _) in STRONG.iter().filter(|(name, call)| {
        !matches!(call, Call::TakesAway | Call::RunsBy(_)) && !matches!(*name, "unlink" | "popen")
    }) {
        let written = code.split(|one: char| !is_name(one)).any(|word| word == *name);
        let mut called = false;
        let mut renamed = false;
        for (at, token) in tokens.iter().enumerate() {
            if matches!(token, Token::Name(found) if found == name) {
                called |= matches!(tokens.get(at + 1), Some(Token::Sign('(') | Token::Text(_)));
                renamed |= matches!(tokens.get(at + 1), Some(Token::Sign(':')));
            }
        }
        let commented = !tokens.iter().any(|token| match token {
            Token::Name(found) => found == name,
            Token::Text(text) | Token::Command(text) => text.contains(name),
            Token::Sign(_) => false,
        });
        if written && !commented && (!called || renamed) {
            return Err(INLINE_CODE.finding(&format!("hands `{name}` around instead of calling it")));
        }
    }
    let module = tokens.iter().any(
        |token| matches!(token, Token::Text(text) if text.trim_start_matches("node:") == "child_process"),
    );
    let computed = tokens.windows(3).any(|three| {
        matches!(&three[0], Token::Text(text) if matches!(text.trim_start_matches("node:"), "fs" | "child_process" | "fs/promises"))
            && three[1..] == [Token::Sign(')'), Token::Sign('[')]
    });
    if computed {
        return Err(INLINE_CODE.finding("calls what only shows when it runs"));
    }
    let calls = |token: &Token| matches!(token, Token::Name(name) if matches!(name.as_str(), "exec" | "spawn" | "execFile" | "fork" | "execSync" | "spawnSync" | "execFileSync"));
    if module && !tokens.iter().any(calls) {
        return Err(INLINE_CODE.finding(&format!(
            "runs what is not in sight{}",
            if code.contains(UNKNOWN) { " yet" } else { "" }
        )));
    }
    Ok(())
}
