//! Calls that remove files: which ones, as far as that is in sight.

use safeguard_api::guard::GuardFinding;

use super::Code;
use super::names::{elements, end_of, loop_before, opening};
use super::tokens::Token;
use super::values::{is_scratch, values};
use crate::shell::rules::{self, INLINE_CODE, Invocation};
use crate::shell::word::UNKNOWN;

/// A path in the brackets, or in those before the call as in `Path("x").unlink()`, is judged as `rm` would be.
pub(super) fn removes(
    invocation: &Invocation,
    tokens: &[Token],
    (at, after): (usize, usize),
    recursive: bool,
    shown: &str,
) -> Result<(), GuardFinding> {
    let argument = match tokens.get(after) {
        Some(Token::Sign('(')) => tokens.get(after + 1),
        other => other,
    };
    let ends = |token: Option<&Token>| matches!(token, Some(Token::Sign(')' | ',' | ';' | '\n')) | None);
    let behind = match tokens.get(after) {
        Some(Token::Sign('(')) => tokens.get(after + 2),
        _ => tokens.get(after + 1),
    };
    if let Some(Token::Name(name)) = argument
        && ends(behind)
        && is_for_a_while(tokens, name)
    {
        return Ok(());
    }
    let before = at.checked_sub(3).and_then(|from| tokens.get(from));
    let called_on = at.checked_sub(2).is_some_and(|at| tokens[at] == Token::Sign(')'));
    let text = match (argument.and_then(Token::text), before.and_then(Token::text)) {
        (Some(text), _) if ends(behind) => text,
        (None, Some(text)) if called_on && argument == Some(&Token::Sign(')')) => text,
        _ => return Err(INLINE_CODE.finding(&format!("removes what only shows when it runs by `{shown}`"))),
    };
    let end = |token: &&Token| !matches!(token, Token::Sign(')' | ';' | '\n'));
    let more = tokens[after..].iter().take_while(end).filter_map(Token::text);
    for text in std::iter::once(text).chain(more) {
        if let Some(does) = rules::removed_by_code(invocation, text, recursive) {
            return Err(INLINE_CODE.finding(&format!("{does} by `{shown}`")));
        }
    }
    Ok(())
}

/// Whether a name only ever stands for a folder that was made to be removed.
fn is_for_a_while(tokens: &[Token], name: &str) -> bool {
    let sets = |at: &usize| {
        matches!(&tokens[*at], Token::Name(found) if found == name)
            && tokens.get(at + 1) == Some(&Token::Sign('='))
    };
    let is_made = |at: usize| {
        let made = |token: &Token| matches!(token, Token::Name(name) if matches!(name.as_str(), "mkdtemp" | "mkdtempSync"));
        tokens[at + 2..]
            .iter()
            .take_while(|token| !matches!(token, Token::Sign(';' | '\n' | ',')))
            .any(made)
    };
    let mut places = (0..tokens.len()).filter(sets).peekable();
    places.peek().is_some() && places.all(is_made)
}

/// The same in a file: what is removed is what the file says of the names in the brackets. One file that only shows when it
/// runs may go: programs remove what they have made; a folder may not.
pub(super) fn removes_in_file(
    invocation: &Invocation,
    code: &Code,
    (at, after): (usize, usize),
    recursive: bool,
    shown: &str,
) -> Result<(), GuardFinding> {
    let tokens = &code.tokens;
    let argument = match tokens.get(after) {
        Some(Token::Sign('(')) => after + 1,
        _ => after,
    };
    let end = end_of(tokens, argument);
    let listed = tokens.get(argument) == Some(&Token::Sign('['));
    let found = match end > argument {
        true if listed => {
            let all = elements(tokens, argument).into_iter();
            all.flat_map(|at| values(code, at, end_of(tokens, at))).collect()
        }
        true => values(code, argument, end),
        // What it was called upon, as in `Path("x").unlink()` or `out.rmdir()`.
        false => {
            let (from, until) = called_on(tokens, at, after);
            values(code, from, until)
        }
    };
    // Of what lies in one folder a condition may choose some.
    let chosen = !recursive && loop_before(tokens, at).is_some_and(|from| chooses(&tokens[from..at]));
    let is_one_folder = |path: &&String| chosen && path.ends_with("/*") && !path.contains("**");
    let found: Vec<String> = found
        .iter()
        .filter(|path| !is_one_folder(path))
        .cloned()
        .collect();
    if chosen && found.is_empty() {
        return Ok(());
    }
    // Options alone, as of `tmp.remove({ … })`, name nothing.
    removed_values(invocation, &found, recursive, shown)
}

/// Whether a loop asks what kind of file it has come to, or how old it is.
fn chooses(tokens: &[Token]) -> bool {
    const ASK: &[&str] = &[
        "endsWith",
        "endswith",
        "extname",
        "fnmatch",
        "getmtime",
        "match",
        "mtime",
        "mtimeMs",
        "st_mtime",
        "startsWith",
        "startswith",
        "suffix",
    ];
    tokens
        .iter()
        .any(|token| matches!(token, Token::Name(name) if ASK.contains(&name.as_str())))
}

/// Where the expression lies that a method is called on.
fn called_on(tokens: &[Token], at: usize, after: usize) -> (usize, usize) {
    // The last name of a dotted one is the method.
    let until = after.saturating_sub(1);
    let mut from = at;
    while from > 1 && tokens[from - 1] == Token::Sign('.') {
        from = match tokens[from - 2] {
            Token::Sign(')' | ']') => match opening(tokens, from - 2) {
                Some(open) if matches!(tokens.get(open.wrapping_sub(1)), Some(Token::Name(_))) => open - 1,
                Some(open) => open,
                None => break,
            },
            Token::Name(_) | Token::Text(_) => from - 2,
            Token::Sign(_) | Token::Command(_) => break,
        };
    }
    (from, until)
}

pub(super) fn removed_values(
    invocation: &Invocation,
    found: &[String],
    recursive: bool,
    shown: &str,
) -> Result<(), GuardFinding> {
    let unseen = [UNKNOWN.to_string()];
    let found = if found.is_empty() { &unseen } else { found };
    for path in found {
        // No path has lines.
        let path = if path.contains('\n') { &unseen[0] } else { path };
        if let Some((before, _)) = path.split_once(UNKNOWN) {
            let known = before.trim_end_matches('/');
            let in_what_is_made =
                before.ends_with('/') && !known.is_empty() && is_meant_to_go(invocation, known);
            let named = path.rsplit('/').next().unwrap_or("").replace(UNKNOWN, "");
            let in_what_is_made = in_what_is_made || (is_scratch(&named) && !path.contains(".."));
            // Of files in a folder that is not known nothing is said that holds more than of one.
            if in_what_is_made || !recursive && (before.is_empty() || !path.contains('*')) {
                continue;
            }
        } else if is_meant_to_go(invocation, path) {
            continue;
        }
        if let Some(does) = rules::removed_by_code(invocation, path, recursive) {
            return Err(INLINE_CODE.finding(&format!("{does} by `{shown}`")));
        }
    }
    Ok(())
}

/// A folder of the project that is named for being made again, or for a test.
fn is_meant_to_go(invocation: &Invocation, path: &str) -> bool {
    let spot = invocation.spot(path);
    let by_name = spot.root == crate::shell::paths::Root::Project
        && spot.parts.iter().any(|part| {
            let part = part.trim_start_matches('.');
            is_scratch(part) && !part.ends_with(".py") && !part.contains('*')
        });
    spot.is_made_again() || by_name
}
