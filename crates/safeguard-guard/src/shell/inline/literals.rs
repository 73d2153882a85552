//! Texts in a piece of code: statements, and paths of what an agent does not touch.

use safeguard_api::guard::GuardFinding;

use super::tokens::Token;
use crate::shell::paths::Spot;
use crate::shell::rules::{self, INLINE_CODE, Invocation};
use crate::shell::sql::judged_statements;
use crate::shell::walk::Walk;

/// Files that keep data, where code opens them in order to write, or writes them by name.
pub(super) fn written(invocation: &Invocation, tokens: &[Token]) -> Result<(), GuardFinding> {
    let is_writer = |token: Option<&Token>| match token {
        Some(Token::Name(name)) => {
            name.starts_with("writeFile")
                || name.starts_with("write_")
                || name.starts_with("truncate")
                || matches!(
                    name.as_str(),
                    "createWriteStream" | "write" | "file_put_contents" | "copyfile" | "copy"
                )
        }
        _ => false,
    };
    for (at, token) in tokens.iter().enumerate() {
        let Some(path) = token
            .text()
            .filter(|text| text.contains('.') && !text.contains([' ', '\n']))
        else {
            continue;
        };
        let mode = tokens[at + 1..]
            .iter()
            .take(4)
            .find_map(Token::text)
            .unwrap_or("");
        let opens = matches!(tokens.get(at + 1), Some(Token::Sign(',')))
            && matches!(mode, "w" | "wb" | "w+" | "wb+" | "w+b" | "wt" | ">");
        let before = at.checked_sub(2).and_then(|at| tokens.get(at));
        // As in `Path("x").write_bytes(…)`.
        let own = tokens.get(at + 1) == Some(&Token::Sign(')')) && is_writer(tokens.get(at + 3));
        if (opens || own || is_writer(before))
            && let Some(does) = rules::data_written(&invocation.spot(path))
        {
            return Err(INLINE_CODE.finding(&does));
        }
    }
    Ok(())
}

/// Texts that are statements, or paths of what an agent does not touch.
pub(super) fn literal(walk: &Walk<'_>, text: &str, tokens: &[Token]) -> Result<(), GuardFinding> {
    const BEGIN: &[&str] = &[
        "delete", "drop", "truncate", "alter", "update", "with", "insert", "merge", "grant", "revoke",
        "copy", "do", "call", "select",
    ];
    const BY_ONE_WORD: &[&str] = &[
        "delete from ",
        "drop table ",
        "drop database ",
        "drop schema ",
        "truncate table ",
        "truncate ",
    ];
    let words: Vec<String> = text.split_whitespace().take(3).map(str::to_lowercase).collect();
    if words.len() > 1 && BEGIN.contains(&words[0].as_str()) {
        let destroys = BY_ONE_WORD
            .iter()
            .any(|beginning| format!("{} ", words.join(" ")).starts_with(beginning));
        match judged_statements(walk, text) {
            // What begins so and does not parse is a sentence or a pattern, where nothing is there to send it.
            Err(finding) if finding.rule == "not-understood" && !(destroys && sends(tokens)) => {}
            Err(finding) if words[0] == "select" && finding.rule == "too-complex" => {}
            Err(finding) if finding.rule == "unmeasured-sql" => {}
            other => other?,
        }
    }
    if !text.contains(['/', '.']) || text.contains('\n') {
        return Ok(());
    }
    let spot = Spot::project().to(text, walk.around.folder);
    if let Some(does) = rules::credentials_file(&spot) {
        return Err(INLINE_CODE.finding(&does));
    }
    let writes = tokens.iter().any(|token| match token {
        Token::Name(name) => {
            name.starts_with("write")
                || matches!(name.as_str(), "dump" | "unlink" | "rename" | "remove" | "replace")
        }
        Token::Text(text) => matches!(text.as_str(), "w" | "a" | "w+" | "r+" | "wb"),
        Token::Sign(_) | Token::Command(_) => false,
    });
    match rules::file_of_safeguard(&spot).filter(|_| writes) {
        Some(does) => Err(INLINE_CODE.finding(&does)),
        None => Ok(()),
    }
}

/// Whether code calls something that may send a text to a database.
fn sends(tokens: &[Token]) -> bool {
    const CALLED: &[&str] = &[
        "connect",
        "do",
        "exec",
        "prepare",
        "raw",
        "run",
        "select_all",
        "sql",
        "unsafe",
    ];
    let sends = |name: &str| name.starts_with("execute") || name.to_lowercase().contains("query");
    tokens.iter().enumerate().any(|(at, token)| match token {
        Token::Name(name) => {
            let called = matches!(tokens.get(at + 1), Some(Token::Sign('(') | Token::Text(_)));
            sends(name.trim_start_matches('$')) || (called && CALLED.contains(&name.as_str()))
        }
        Token::Text(_) | Token::Command(_) | Token::Sign(_) => false,
    })
}
