//! Lines in a text of statements that are for the client itself.

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
        "set",
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
