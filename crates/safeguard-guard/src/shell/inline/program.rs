//! A file of a program, judged before it runs. What an application may well hold is let be: statements with a place for a value,
//! rows that are asked for by a condition, commands of which a part only shows when they run.

use safeguard_api::guard::GuardFinding;

use super::calls::{Call, STRONG, call};
use super::names::{around, elements, end_of, opening, places};
use super::removes::{removed_values, removes_in_file};
use super::tokens::{self, Language, Token, path_at};
use super::values::{filled, values};
use super::{Code, literals};
use crate::shell::rules::{self, INLINE_CODE, Invocation};
use crate::shell::walk::Walk;
use crate::shell::word::UNKNOWN;

/// They say which rows are meant.
const NARROWS: &[&str] = &[
    "exclude",
    "filter",
    "filter_by",
    "find",
    "first",
    "get",
    "where",
    "whereIn",
];

/// Judges a program; returns the commands that it would run.
pub(super) fn judge(
    walk: &Walk<'_>,
    invocation: &Invocation,
    code: &Code,
) -> Result<Vec<String>, GuardFinding> {
    let tokens = &code.tokens;
    literals::in_file(walk, code)?;
    literals::written(invocation, tokens)?;
    handed_on(invocation, code)?;
    let mut runs = Vec::new();
    let mut unseen = false;
    let mut at = 0;
    while at < tokens.len() {
        if let Token::Command(text) = &tokens[at] {
            runs.push(filled(code, at, text, 0));
        }
        let defines = at > 0
            && matches!(&tokens[at - 1], Token::Name(name) if matches!(name.as_str(), "def" | "fn" | "func" | "function" | "sub"));
        let Some((path, after)) = path_at(tokens, at, &code.aliases).filter(|_| !defines) else {
            at += 1;
            continue;
        };
        // A method of a class, as in `delete(id) {`.
        let close = after + arguments_of(tokens, after).len() + 2;
        if code.language == Language::JavaScript
            && !path.contains('.')
            && tokens.get(close) == Some(&Token::Sign('{'))
        {
            at = after;
            continue;
        }
        let place = (at, after);
        at = after;
        let deletes = |token: &Token| token.text() == Some("DELETE");
        if path == "fetch" && arguments_of(tokens, after).iter().any(deletes) {
            runs.push(format!("curl -X DELETE {}", commands(code, after).join(" ")));
        }
        let row_by_row = each_row(code, &path, place.0);
        let Some(call) = called(code, &path, after).or(row_by_row.then_some(Call::DeletesRows)) else {
            continue;
        };
        let shown = path
            .rsplit_once(").")
            .map_or(path.clone(), |(_, last)| format!("(…).{last}"));
        match call {
            Call::Evaluates => {
                let text = tokens.get(after + 1).and_then(Token::text);
                if path.ends_with("compile") || path.contains("import") || text.is_some() {
                    continue;
                }
                return Err(INLINE_CODE.finding(&format!("runs a text as code by `{shown}`")));
            }
            Call::DeletesRows if !row_by_row && !empties(tokens, &path, after) && is_of_some(code, place) => {
            }
            Call::DeletesRows => {
                return Err(INLINE_CODE.finding(&format!("deletes rows or tables by `{shown}`")));
            }
            Call::TakesAway => {
                return Err(INLINE_CODE.finding(&format!("takes away what others use by `{shown}`")));
            }
            // Only empty folders go.
            Call::Removes { .. } if path.ends_with("removedirs") => {}
            Call::Removes { recursive } => {
                let last = path.rsplit('.').next().unwrap_or("");
                let arguments = &tokens[after..end_of(tokens, (after + 1).min(tokens.len()))];
                let all = arguments_of(tokens, after);
                let says = all
                    .iter()
                    .any(|token| matches!(token, Token::Name(name) if name == "recursive"));
                // Of a folder with something in it these remove nothing unless they are told to.
                let told = matches!(last, "rm" | "rmSync" | "rmdir" | "rmdirSync") && !arguments.is_empty();
                let recursive = recursive && (says || !told || code.language != Language::JavaScript);
                removes_in_file(invocation, code, place, recursive, &shown)?;
            }
            Call::Runs => {
                let found = commands(code, after);
                unseen |= found.is_empty();
                runs.extend(found);
            }
            Call::RunsBy(program) => {
                runs.push(format!("{program} {}", commands(code, after).join(" ")));
            }
        }
    }
    if unseen || starts_processes(tokens) {
        guessed(walk, code)?;
    }
    Ok(runs)
}

/// Whether a program takes in what starts others: under another name it is not known where.
fn starts_processes(tokens: &[Token]) -> bool {
    const MODULES: &[&str] = &[
        "child_process",
        "execa",
        "pexpect",
        "plumbum",
        "shelljs",
        "subprocess",
        "zx",
    ];
    tokens.iter().any(|token| match token {
        Token::Name(name) => MODULES.contains(&name.as_str()),
        Token::Text(text) => MODULES.contains(&text.trim_start_matches("node:")),
        Token::Command(_) | Token::Sign(_) => false,
    })
}

fn called(code: &Code, path: &str, after: usize) -> Option<Call> {
    let tokens = &code.tokens;
    let bracket = tokens.get(after) == Some(&Token::Sign('('));
    let text = matches!(tokens.get(after), Some(Token::Text(_)));
    let bare = matches!(
        code.language,
        Language::Perl | Language::Ruby | Language::Php | Language::Other
    ) && (text || matches!(tokens.get(after), Some(Token::Name(_))));
    let tagged = code.language == Language::JavaScript && matches!(path, "" | "$") && text;
    let found = call(path, code.language);
    // Ruby calls without brackets.
    let plain = code.language == Language::Ruby && path.contains('.') && found == Some(Call::DeletesRows);
    let found = found.filter(|_| bracket || bare || plain);
    let found = found.or_else(|| empties(tokens, path, after).then_some(Call::DeletesRows));
    found.or(tagged.then_some(Call::Runs))
}

/// Whether each row of a table is deleted by itself: `for user in User.objects.all(): user.delete()`.
fn each_row(code: &Code, path: &str, at: usize) -> bool {
    const ALL: &[&str] = &["objects", "query"];
    let Some((name, "delete")) = path.split_once('.') else {
        return false;
    };
    let all = |(from, end): (usize, usize)| {
        let names = || {
            code.tokens[from..end].iter().filter_map(|token| match token {
                Token::Name(name) => Some(name.as_str()),
                Token::Text(_) | Token::Command(_) | Token::Sign(_) => None,
            })
        };
        end <= at && names().any(|name| ALL.contains(&name)) && !names().any(|name| NARROWS.contains(&name))
    };
    places(code, name).into_iter().any(all)
}

/// Whether a mapper is told to empty a table, or to make all of them anew.
fn empties(tokens: &[Token], path: &str, after: usize) -> bool {
    let last = path.rsplit('.').next().unwrap_or("");
    if last == "delete" && tokens.get(after) == Some(&Token::Sign('(')) {
        // A table behind an interface, as of `.from("users").delete().eq("id", id)`.
        const OF_ROWS: &[&str] = &["contains", "eq", "filter", "in", "like", "lt", "lte", "match"];
        let close = after + arguments_of(tokens, after).len() + 2;
        let of_a_table = path.contains(')') && chain(tokens, after, after).any(|name| name == "from");
        return of_a_table && !narrows_behind(tokens, close, OF_ROWS);
    }
    let option = match last {
        "destroy" => "truncate",
        "sync" | "synchronize" => "force",
        _ => return false,
    };
    let told = |three: &[Token]| {
        three[1] == Token::Sign(':')
            && matches!(&three[0], Token::Name(name) if name == option)
            && matches!(&three[2], Token::Name(value) if value == "true")
    };
    arguments_of(tokens, after).windows(3).any(told)
}

/// The tokens within the brackets of a call.
fn arguments_of(tokens: &[Token], open: usize) -> &[Token] {
    if tokens.get(open) != Some(&Token::Sign('(')) {
        return &[];
    }
    let mut depth = 0_usize;
    let close = tokens[open..].iter().position(|token| {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Sign(_) | Token::Name(_) | Token::Text(_) | Token::Command(_) => {}
        }
        depth == 0
    });
    close.map_or(&tokens[open..], |close| &tokens[open + 1..open + close])
}

/// Whether rows are deleted by a condition: one in the brackets, or one that was asked for before.
fn is_of_some(code: &Code, (at, after): (usize, usize)) -> bool {
    const NARROWS: &[&str] = &[
        "exclude",
        "filter",
        "filter_by",
        "find",
        "get",
        "where",
        "whereIn",
    ];
    const NOTHING: &[&str] = &[
        "where",
        "filter",
        "cascade",
        "restartIdentity",
        "truncate",
        "true",
        "force",
    ];
    let tokens = &code.tokens;
    let name = |at: usize| match tokens.get(at) {
        Some(Token::Name(name)) => name.as_str(),
        Some(Token::Text(_) | Token::Command(_) | Token::Sign(_)) | None => "",
    };
    let last = name(after.wrapping_sub(1));
    let wipes =
        last.starts_with("drop") || last.starts_with("truncate") || last.to_lowercase().starts_with("flush");
    // One row by itself, as of `$user->delete()`.
    let one = code.language == Language::Php
        && last.to_lowercase().ends_with("delete")
        && name(at).starts_with('$');
    let says = arguments_of(tokens, after).iter().any(|token| match token {
        Token::Name(name) => !NOTHING.contains(&name.as_str()),
        Token::Text(text) => !text.is_empty(),
        Token::Sign(_) | Token::Command(_) => false,
    });
    // What is named in the brackets is then the table: which rows comes behind it.
    let of_a_table = last == "deleteFrom"
        || last == "delete"
            && matches!(path_at(tokens, at, &code.aliases), Some((path, _)) if call(&path, code.language) == Some(Call::DeletesRows) && !path.contains("objects") && !path.contains("query") && !path.contains(')'));
    if of_a_table {
        let close = after + arguments_of(tokens, after).len() + 2;
        return one || narrows_behind(tokens, close, NARROWS);
    }
    !wipes && (says || one || chain(tokens, at, after).any(|name| NARROWS.contains(&name)))
}

/// Whether a chain of calls goes on with one that says which rows.
fn narrows_behind(tokens: &[Token], from: usize, narrows: &[&str]) -> bool {
    let mut at = from;
    loop {
        while tokens.get(at) == Some(&Token::Sign('\n')) {
            at += 1;
        }
        let (Some(Token::Sign('.')), Some(Token::Name(name))) = (tokens.get(at), tokens.get(at + 1)) else {
            return false;
        };
        if narrows.contains(&name.as_str()) {
            return true;
        }
        at += 2;
        if tokens.get(at) == Some(&Token::Sign('(')) {
            at += arguments_of(tokens, at).len() + 2;
        }
    }
}

/// The names of a chain of calls, from its last one back to where it begins.
fn chain(tokens: &[Token], at: usize, after: usize) -> impl Iterator<Item = &str> {
    let mut names = Vec::new();
    let mut open = after;
    while let Some(place) = open.checked_sub(1) {
        open = place;
        match &tokens[place] {
            Token::Sign(')' | ']' | '}') => match opening(tokens, place) {
                Some(from) => open = from,
                None => break,
            },
            Token::Name(name) => names.push(name.as_str()),
            Token::Sign('.' | '-' | '>' | ':' | '?' | '!') => {}
            Token::Sign('\n') if place < at && tokens.get(place + 1) == Some(&Token::Sign('.')) => {}
            Token::Sign(_) | Token::Text(_) | Token::Command(_) => break,
        }
    }
    names.into_iter()
}

/// The commands that a call would run, as far as they are in sight.
fn commands(code: &Code, after: usize) -> Vec<String> {
    let tokens = &code.tokens;
    let named = |at: usize| name_in_command(code, at);
    let mut found = Vec::new();
    // One name alone stands for what it is set to.
    let alone = match (tokens.get(after), tokens.get(after + 1), tokens.get(after + 2)) {
        (Some(Token::Sign('(')), Some(Token::Name(name)), Some(Token::Sign(')' | ','))) => {
            Some(name.as_str())
        }
        _ => None,
    };
    let set = alone
        .map(|name| places(code, name.trim_start_matches('$')))
        .unwrap_or_default();
    match set.is_empty() {
        true => found.push(tokens::command_with(tokens, after, &named)),
        false => {
            // A list is parted into its words where names are looked up: they belong together again.
            let from = set.first().map_or(after, |(from, _)| *from);
            let open = from
                .checked_sub(1)
                .filter(|open| matches!(tokens[*open], Token::Sign('[' | '(')));
            let listed = open.filter(|open| {
                tokens[*open] == Token::Sign('[') && elements(tokens, *open).len() == set.len()
            });
            match listed {
                Some(open) => found.push(tokens::command_with(tokens, open, &named)),
                None => found.extend(
                    set.iter()
                        .map(|(from, end)| tokens::command_with(&tokens[..*end], *from, &named)),
                ),
            }
        }
    }
    // Its words may have a name of their own, as in `spawn(command, words)`.
    if let (Some(_), [command], Some(Token::Sign(','))) = (alone, found.as_mut_slice(), tokens.get(after + 2))
    {
        for word in values(code, after + 3, end_of(tokens, after + 3)) {
            command.push_str(&format!(" '{}'", word.replace('\'', "")));
        }
    }
    // Where the first text of it begins.
    let first = arguments_of(tokens, after)
        .iter()
        .position(|token| token.text().is_some());
    let text_at = after + 1 + first.unwrap_or(0);
    let texts = found.into_iter().map(|text| filled(code, text_at, &text, 0));
    texts
        .filter(|text| !text.trim_start_matches('\'').starts_with(UNKNOWN) && !text.is_empty())
        .collect()
}

/// What a name stands for within a command; none where it is no word of it.
fn name_in_command(code: &Code, at: usize) -> Option<String> {
    let tokens = &code.tokens;
    let Some(Token::Name(name)) = tokens.get(at) else {
        return None;
    };
    let goes_on = tokens.get(at + 1) == Some(&Token::Sign('.'));
    let is_call = tokens.get(at + 1) == Some(&Token::Sign('('));
    if goes_on
        || matches!(name.as_str(), "ctx" | "await" | "new" | "str" | "String")
        || is_call && matches!(name.as_str(), "join" | "Path" | "resolve")
    {
        return None;
    }
    if matches!(name.as_str(), "executable" | "execPath") {
        return Some(match code.language {
            Language::Python => "python3".to_owned(),
            Language::JavaScript => "node".to_owned(),
            Language::Perl | Language::Ruby | Language::Php | Language::Braces | Language::Other => {
                UNKNOWN.to_string()
            }
        });
    }
    match values(code, at, at + 1).as_slice() {
        [one] => Some(one.clone()),
        _ => Some(UNKNOWN.to_string()),
    }
}

/// Where commands are run that are not in sight, texts that would destroy something may be those.
fn guessed(walk: &Walk<'_>, code: &Code) -> Result<(), GuardFinding> {
    const TEXTS_MAX: usize = 64;
    let tokens = &code.tokens;
    let begins = |text: &str| {
        let first = text.split_whitespace().next().unwrap_or("");
        rules::STARTED.contains(&first)
    };
    let mut tried = 0;
    for (at, token) in tokens.iter().enumerate() {
        let Some(text) = token.text().filter(|text| begins(text)) else {
            continue;
        };
        let listed = at > 0 && matches!(tokens[at - 1], Token::Sign('[' | '('));
        let command = match text.trim().contains(' ') {
            true => filled(code, at, text, 0),
            false if listed => tokens::command_with(tokens, at - 1, &|at| name_in_command(code, at)),
            false => continue,
        };
        tried += 1;
        if tried > TEXTS_MAX {
            return Err(INLINE_CODE.finding(&format!("holds more than {TEXTS_MAX} commands")));
        }
        if let Some(finding) = walk.destroys(&command) {
            return Err(finding);
        }
    }
    Ok(())
}

/// A function that removes folders and is given to another one to be called, or gets another name.
fn handed_on(invocation: &Invocation, code: &Code) -> Result<(), GuardFinding> {
    const GET: &[&str] = &[
        "__getattribute__",
        "attrgetter",
        "getattr",
        "get",
        "public_send",
        "send",
    ];
    let tokens = &code.tokens;
    let removes = |name: &str| {
        STRONG
            .iter()
            .any(|(strong, call)| *strong == name && *call == Call::Removes { recursive: true })
    };
    let sign =
        |at: usize, signs: &[char]| matches!(tokens.get(at), Some(Token::Sign(sign)) if signs.contains(sign));
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Text(name) if removes(name) && at > 1 => {
                let index = sign(at - 1, &['[']) && !sign(at - 2, &['(', '=', ',', '[', '\n', ':']);
                let got = (at.saturating_sub(5)..at)
                    .any(|at| matches!(&tokens[at], Token::Name(name) if GET.contains(&name.as_str())));
                if index || got {
                    return Err(INLINE_CODE.finding(&format!("calls `{name}` by a text")));
                }
            }
            Token::Name(name) if removes(name) && !sign(at + 1, &['(']) => {
                // Back over `shutil.` to what stands before.
                let mut from = at;
                while from > 1 && sign(from - 1, &['.']) && matches!(tokens[from - 2], Token::Name(_)) {
                    from -= 2;
                }
                let taken_out = sign(at + 1, &[':'])
                    && matches!(tokens.get(at + 2), Some(Token::Name(_)))
                    && sign(end_of(tokens, at) + 1, &['=']);
                if taken_out {
                    return Err(INLINE_CODE.finding(&format!("gives `{name}` another name")));
                }
                let in_call = around(tokens, from).is_some_and(|open| tokens[open] == Token::Sign('('));
                if in_call && sign(from.wrapping_sub(1), &['(', ',']) && sign(at + 1, &[',']) {
                    let found = values(code, at + 2, end_of(tokens, at + 2));
                    removed_values(invocation, &found, true, name)?;
                }
            }
            Token::Name(_) | Token::Text(_) | Token::Command(_) | Token::Sign(_) => {}
        }
    }
    Ok(())
}
