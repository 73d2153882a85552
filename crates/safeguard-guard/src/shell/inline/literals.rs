//! Texts in a piece of code: statements, and paths of what an agent does not touch.

use safeguard_api::guard::GuardFinding;

use super::Code;
use super::tokens::Token;
use crate::shell::paths::{Root, Spot};
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

/// What is refused of the statements in a file of a program, where the file may send any.
pub(super) fn in_file(walk: &Walk<'_>, code: &Code) -> Result<(), GuardFinding> {
    let tokens = &code.tokens;
    let sends = sends_in_file(tokens) && !only_in_memory(tokens);
    let mut open: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => open.push(at),
            Token::Sign(')' | ']' | '}') => {
                open.pop();
            }
            Token::Text(text) => {
                let callee = open.iter().rev().find(|at| tokens[**at] == Token::Sign('('));
                let callee = callee.and_then(|at| match tokens.get(at.checked_sub(1)?) {
                    Some(Token::Name(name)) => Some(name.as_str()),
                    Some(Token::Text(_) | Token::Command(_) | Token::Sign(_)) | None => None,
                });
                let line_end = |token: Option<&Token>| matches!(token, None | Some(Token::Sign('\n')));
                let stands_alone = open.is_empty()
                    && line_end(at.checked_sub(1).and_then(|at| tokens.get(at)))
                    && line_end(tokens.get(at + 1));
                if sends && !stands_alone && !callee.is_some_and(speaks) {
                    statement(walk, &with_following(tokens, at), callee.is_some_and(is_sender))?;
                }
                file_of_others(walk, text, tokens)?;
            }
            Token::Name(_) | Token::Command(_) | Token::Sign(_) => {}
        }
    }
    Ok(())
}

/// A text and those that stand right behind it, which a language takes for one.
fn with_following(tokens: &[Token], at: usize) -> String {
    let mut text = String::new();
    for token in &tokens[at..] {
        match token {
            Token::Text(more) => text.push_str(more),
            Token::Sign('\n') => {}
            Token::Name(name) if name == "f" => {}
            Token::Name(_) | Token::Command(_) | Token::Sign(_) => break,
        }
    }
    text
}

/// They show a text, look for it or compare with it.
fn speaks(name: &str) -> bool {
    const SPEAK: &[&str] = &[
        "add_argument",
        "debug",
        "describe",
        "echo",
        "endswith",
        "error",
        "expect",
        "fail",
        "findall",
        "group",
        "help",
        "includes",
        "indexOf",
        "info",
        "input",
        "it",
        "log",
        "match",
        "print",
        "printf",
        "println",
        "puts",
        "replace",
        "search",
        "split",
        "startsWith",
        "startswith",
        "strip",
        "sub",
        "test",
        "title",
        "trace",
        "warn",
        "warning",
        "write",
        "writeFile",
        "writeFileSync",
        "write_text",
    ];
    let lower = name.to_lowercase();
    SPEAK.contains(&name)
        || lower.starts_with("assert")
        || lower.starts_with("print")
        || lower.ends_with("error")
        || lower.ends_with("exception")
        || name.starts_with("to") && name.chars().nth(2).is_some_and(char::is_uppercase)
}

fn is_sender(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.starts_with("exec")
        || lower.contains("query")
        || matches!(
            name,
            "do" | "prepare" | "raw" | "run" | "select_all" | "sql" | "unsafe" | "text"
        )
}

fn sends_in_file(tokens: &[Token]) -> bool {
    tokens.iter().enumerate().any(|(at, token)| match token {
        Token::Name(name) => {
            let called = matches!(tokens.get(at + 1), Some(Token::Sign('(') | Token::Text(_)));
            let lower = name.to_lowercase();
            lower.contains("query")
                || (called
                    && (is_sender(name) || matches!(lower.as_str(), "connect" | "createpool" | "postgres")))
        }
        Token::Text(_) | Token::Command(_) | Token::Sign(_) => false,
    })
}

/// Whether the only database in sight is one that ends with the program.
fn only_in_memory(tokens: &[Token]) -> bool {
    let texts = || tokens.iter().filter_map(Token::text);
    let memory =
        |text: &str| text.contains(":memory:") || text == "sqlite://" || text == "sqlite+aiosqlite://";
    texts().any(memory)
        && !texts().any(|text| text.contains("://") && !memory(text) && !text.starts_with("http"))
        && !tokens.iter().any(|token| {
            matches!(token, Token::Name(name) if name.starts_with("psycopg") || matches!(name.as_str(), "asyncpg" | "pymysql" | "environ" | "getenv" | "env" | "ENV"))
        })
}

/// What a statement of a program destroys, unless a value that is put into it says which rows.
fn statement(walk: &Walk<'_>, text: &str, is_sent: bool) -> Result<(), GuardFinding> {
    const BEGIN: &[&str] = &["alter", "delete", "drop", "truncate", "update", "with", "merge"];
    const REFUSED: &[&str] = &["bulk-write", "delete", "drop", "truncate"];
    const PLAIN: &[&str] = &[
        "delete from",
        "drop database",
        "drop schema",
        "drop table",
        "truncate table",
    ];
    let lower = text.to_lowercase();
    let begins = |statement: &str| {
        let mut words = statement.split_whitespace();
        let first = words.next().unwrap_or("");
        BEGIN.contains(&first) && words.next().is_some()
    };
    if !lower.split(';').any(begins) {
        return Ok(());
    }
    let (sql, put_in) = with_names(text);
    match judged_statements(walk, &sql) {
        Err(finding) if matches!(finding.rule.as_str(), "bulk-write" | "delete") => {
            let which = lower.find(" where ").or_else(|| lower.find(" set "));
            match put_in.is_some_and(|last| which.is_some_and(|which| last > which)) {
                true => Ok(()),
                false => Err(finding),
            }
        }
        // An index is made again.
        Err(finding) if finding.rule == "drop" && lower.trim_start().starts_with("drop index") => Ok(()),
        Err(finding) if REFUSED.contains(&finding.rule.as_str()) => Err(finding),
        Err(finding) if finding.rule == "not-understood" && is_sent => {
            let words: Vec<&str> = lower.split_whitespace().take(2).collect();
            match PLAIN.contains(&words.join(" ").as_str()) && put_in.is_none() {
                true => Err(finding),
                false => Ok(()),
            }
        }
        Err(_) | Ok(()) => Ok(()),
    }
}

/// A statement with a name wherever a value is put into it, and the last place of one.
fn with_names(text: &str) -> (String, Option<usize>) {
    const NAME: &str = "put_in_here";
    let mut sql = String::new();
    let mut last = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_name = |one: char| one.is_alphanumeric() || one == '_';
        let after = match first {
            '?' => Some(1),
            '{' => rest.find('}').map(|end| end + 1),
            '$' if rest.starts_with("${") => rest.find('}').map(|end| end + 1),
            '#' if rest.starts_with("#{") => rest.find('}').map(|end| end + 1),
            '%' if rest.starts_with("%(") => rest.find(")s").map(|end| end + 2),
            '%' if rest[1..].starts_with(['s', 'd']) => Some(2),
            '$' | '@' | ':' if rest[1..].starts_with(is_name) && !sql.ends_with(':') => {
                Some(1 + rest[1..].find(|one| !is_name(one)).unwrap_or(rest.len() - 1))
            }
            _ => None,
        };
        match after {
            Some(after) => {
                last = Some(text.len() - rest.len());
                sql.push_str(NAME);
                rest = &rest[after..];
            }
            None => {
                // MySQL's quotes of names.
                sql.push(if first == '`' { '"' } else { first });
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    (sql, last)
}

/// A key, or a file that safeguard lives by, outside of what the project itself keeps.
fn file_of_others(walk: &Walk<'_>, text: &str, tokens: &[Token]) -> Result<(), GuardFinding> {
    if !text.contains(['/', '.']) || text.contains(['\n', ' ']) {
        return Ok(());
    }
    let spot = Spot::project().to(text, walk.around.folder);
    // A server names its own keys; these are of whoever works here, or of the machine.
    let folders = [".aws", ".kube", ".safeguard", ".ssh"];
    let of_a_person =
        spot.root == Root::Home || spot.parts.iter().any(|part| folders.contains(&part.as_str()));
    let of_the_machine = spot.root == Root::System
        && spot
            .parts
            .first()
            .is_some_and(|first| first == "proc" || (first == "etc" && spot.parts.len() == 2));
    let own = !(of_a_person || of_the_machine);
    if let Some(does) = rules::credentials_file(&spot).filter(|_| !own) {
        return Err(INLINE_CODE.finding(&does));
    }
    let writes = tokens.iter().any(|token| matches!(token, Token::Name(name) if name.starts_with("write") || matches!(name.as_str(), "dump" | "unlink" | "rename" | "remove")));
    match rules::file_of_safeguard(&spot).filter(|_| writes) {
        Some(does) => Err(INLINE_CODE.finding(&does)),
        None => Ok(()),
    }
}
