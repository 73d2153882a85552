//! Lines in a text of statements that are for the client itself.

use std::collections::BTreeMap;

use safeguard_api::guard::GuardFinding;

use super::{Dialect, known_file, out, statements};
use crate::shell::rules;
use crate::shell::walk::Walk;

pub(super) fn psql_command(walk: &mut Walk<'_>, line: &str) -> Result<(), GuardFinding> {
    const HARMLESS: &[&str] = &[
        "a",
        "conninfo",
        "crosstabview",
        "dconfig",
        "echo",
        "encoding",
        "errverbose",
        "g",
        "h",
        "help",
        "pset",
        "q",
        "qecho",
        "r",
        "reset",
        "sf",
        "sv",
        "t",
        "timing",
        "warn",
        "x",
        "z",
        "c",
        "connect",
        "p",
        "print",
        "H",
        "C",
        "f",
        "if",
        "else",
        "endif",
        "unset",
    ];
    let (name, rest) = line[1..]
        .split_once(char::is_whitespace)
        .unwrap_or((&line[1..], ""));
    let name = name.trim_end_matches(['+', 'S', ';']);
    // Several may stand in one line, and backticks within them are a shell's.
    let alone = !rest.contains('\\') && !rest.contains('`') && !rest.contains('|');
    let lists = (name.starts_with('d') || name.starts_with('l')) && name.len() <= 4;
    match name {
        "set" if alone => {
            let (name, value) = rest
                .trim()
                .split_once(char::is_whitespace)
                .unwrap_or((rest.trim(), ""));
            // Several words are put together there, and quotes taken off.
            let value = value.trim();
            let value = match value.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
                Some(text) => text.to_owned(),
                None => value.split_whitespace().collect(),
            };
            // Which of two values counts may hang on a condition; neither is plain then.
            let before = walk.psql.insert(name.to_owned(), value.clone());
            if before.is_some_and(|before| before != value) {
                walk.psql.insert(name.to_owned(), "'".to_owned());
            }
            Ok(())
        }
        "i" | "ir" | "include" | "include_relative" => known_file(walk, rest.trim(), Dialect::Postgres),
        "copy" if rest.trim_start().starts_with('(') && alone && !rest.to_lowercase().contains("program") => {
            let inner = rest
                .trim_start()
                .rsplit_once(')')
                .map_or("", |(inner, _)| &inner[1..]);
            statements(walk, inner, Dialect::Postgres)
        }
        "copy" if rest.to_lowercase().contains(" from ") => {
            Err(rules::UNMEASURED_SQL.finding("sends a statement that adds rows"))
        }
        "o" | "out" | "w" | "write" if alone => out(walk, rest),
        "copy" if alone && !rest.to_lowercase().contains("program") => Ok(()),
        _ if alone && (lists || HARMLESS.contains(&name)) => Ok(()),
        _ => {
            Err(rules::UNSEEN_SCRIPT
                .finding(&format!("has psql run `\\{}`", crate::shell::word::shown(name))))
        }
    }
}

/// A text with the values of psql's variables in the places of their names, as `:name`, `:'name'` and `:"name"`. A value with signs by which
/// texts begin or end stays out: where it would be put in is then not plain, and the grammar refuses the name that is left.
pub(super) fn with_variables(sql: &str, variables: &BTreeMap<String, String>) -> String {
    let is_name = |one: char| one.is_alphanumeric() || one == '_';
    let is_plain = |value: &str| {
        !value.contains(['\'', '"', '$', '\\', ':']) && !value.contains("--") && !value.contains("/*")
    };
    let mut text = String::new();
    let mut rest = sql;
    while let Some((before, behind)) = rest.split_once(':') {
        text.push_str(before);
        let (quote, named) = match behind.chars().next() {
            Some(quote @ ('\'' | '"')) => (Some(quote), &behind[1..]),
            _ => (None, behind),
        };
        let name: String = named.chars().take_while(|one| is_name(*one)).collect();
        let after = &named[name.len()..];
        let closed = quote.is_none_or(|quote| after.starts_with(quote));
        let cast = text.ends_with(':') || behind.starts_with(':');
        match variables
            .get(&name)
            .filter(|value| is_plain(value) && closed && !cast)
        {
            Some(value) => {
                text.extend(quote);
                text.push_str(value);
                text.extend(quote);
                rest = &after[quote.map_or(0, char::len_utf8)..];
            }
            None => {
                text.push(':');
                rest = behind;
            }
        }
    }
    text.push_str(rest);
    text
}

pub(super) fn sqlite_command(walk: &mut Walk<'_>, line: &str) -> Result<(), GuardFinding> {
    const HARMLESS: &[&str] = &[
        ".bail",
        ".changes",
        ".databases",
        ".dbinfo",
        ".dump",
        ".echo",
        ".eqp",
        ".exit",
        ".explain",
        ".fullschema",
        ".headers",
        ".header",
        ".help",
        ".indexes",
        ".indices",
        ".limit",
        ".lint",
        ".mode",
        ".nullvalue",
        ".open",
        ".print",
        ".prompt",
        ".quit",
        ".schema",
        ".separator",
        ".sha3sum",
        ".show",
        ".stats",
        ".tables",
        ".timeout",
        ".timer",
        ".version",
        ".width",
    ];
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match name {
        ".read" => known_file(walk, rest.trim(), Dialect::Sqlite),
        ".once" | ".output" | ".log" if !rest.contains('|') => out(walk, rest),
        _ if HARMLESS.contains(&name) && !rest.contains('|') => Ok(()),
        _ => {
            Err(rules::UNSEEN_SCRIPT
                .finding(&format!("has sqlite run `{}`", crate::shell::word::shown(name))))
        }
    }
}
