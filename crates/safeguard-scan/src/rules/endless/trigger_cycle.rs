//! Triggers of PostgreSQL that fire each other, or themselves, without a condition that ends it.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use crate::analysis::sql_file;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};

pub static CHECK: Check = Check {
    id: "trigger-cycle",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-674", "CWE-835"],
    languages: &[Language::Sql],
    run,
};

/// How many files with triggers are read.
const FILES_MAX: usize = 500;

/// A change of a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Insert,
    Update,
    Delete,
}

#[derive(Debug)]
struct Trigger {
    name: String,
    table: String,
    events: BTreeSet<Event>,
    /// Of `UPDATE OF a, b`; empty: of all.
    columns: BTreeSet<String>,
    guarded: bool,
    function: String,
}

#[derive(Debug)]
struct Write {
    table: String,
    event: Event,
    columns: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Known {
    triggers: BTreeMap<(String, String), Trigger>,
    /// What functions write, unless something in them asks first.
    functions: BTreeMap<String, Vec<Write>>,
}

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let own = source.tree.text();
    if !own.to_ascii_lowercase().contains("trigger") {
        return;
    }
    let mut known = Known::default();
    let mut files: Vec<&str> = project
        .files()
        .filter(|path| path.ends_with(".sql") && !path.contains("down") && *path != source.path)
        .take(FILES_MAX)
        .collect();
    files.sort_unstable();
    let (before, after): (Vec<&str>, Vec<&str>) =
        files.into_iter().partition(|path| *path < source.path.as_str());
    for path in before {
        if let Some(text) = project.text(path) {
            known.read(&text);
        }
    }
    known.read(own);
    for path in after {
        if let Some(text) = project.text(path) {
            known.read(&text);
        }
    }
    let mut mine = Known::default();
    mine.read(own);
    for key in mine.triggers.keys() {
        let Some(round) = known.triggers.get(key).and_then(|trigger| known.round(trigger)) else {
            continue;
        };
        let node = sql_file::of(source).iter().find(|statement| {
            statement.is(0, "create")
                && statement.has(&["trigger"])
                && (0..6).any(|at| statement.word(at).eq_ignore_ascii_case(&key.1))
        });
        if let Some(statement) = node {
            let told = match round.as_slice() {
                [_] => format!(
                    "`{}` writes the table that it fires for, and fires itself: nothing ends this",
                    key.1
                ),
                _ => format!(
                    "these triggers fire each other, and nothing ends this: `{}`",
                    round.join("`, `")
                ),
            };
            reports.add(statement.node, told);
        }
    }
}

impl Known {
    fn read(&mut self, text: &str) {
        let text = plain(text);
        for (at, _) in text.match_indices("function ") {
            let created = text[..at].trim_end().ends_with("create")
                || text[..at].trim_end().ends_with("create or replace");
            if created {
                self.function(&text[at + "function ".len()..]);
            }
        }
        for (at, _) in text.match_indices("trigger ") {
            let before = text[..at].trim_end();
            let created = before.ends_with("create")
                || before.ends_with("create or replace")
                || before.ends_with("create constraint");
            let rest = &text[at + "trigger ".len()..];
            let statement = rest.split(';').next().unwrap_or("");
            if created {
                if let Some(trigger) = trigger(statement) {
                    self.triggers
                        .insert((trigger.table.clone(), trigger.name.clone()), trigger);
                }
            } else if before.ends_with("drop") {
                let words: Vec<&str> = statement
                    .split_whitespace()
                    .filter(|word| !matches!(*word, "if" | "exists"))
                    .collect();
                if let [name, "on", table, ..] = words.as_slice() {
                    self.triggers.remove(&(bare(table), bare(name)));
                }
            }
        }
    }

    /// `name() returns trigger … as $$ … $$`
    fn function(&mut self, rest: &str) {
        let Some((name, rest)) = rest.split_once('(') else {
            return;
        };
        let Some(open) = rest.find('$') else {
            return;
        };
        if !rest[..open].contains("returns trigger") {
            return;
        }
        let Some(tag) = rest[open + 1..].find('$') else {
            return;
        };
        let quote = &rest[open..open + tag + 2];
        let body = rest[open + tag + 2..].split(quote).next().unwrap_or("");
        self.functions.insert(bare(name), writes(body));
    }

    /// The triggers that a trigger fires, up to itself.
    fn round(&self, first: &Trigger) -> Option<Vec<String>> {
        let mut open: Vec<Vec<&Trigger>> = vec![vec![first]];
        let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
        while let Some(way) = open.pop() {
            let last = way.last()?;
            for write in self.functions.get(&last.function).into_iter().flatten() {
                for next in self.triggers.values().filter(|next| next.fires_for(write)) {
                    if next.table == first.table && next.name == first.name {
                        return Some(way.iter().map(|trigger| trigger.name.clone()).collect());
                    }
                    if seen.insert((&next.table, &next.name)) {
                        let mut longer = way.clone();
                        longer.push(next);
                        open.push(longer);
                    }
                }
            }
        }
        None
    }
}

impl Trigger {
    fn fires_for(&self, write: &Write) -> bool {
        let touched = write.event != Event::Update
            || self.columns.is_empty()
            || write.columns.is_empty()
            || self.columns.iter().any(|column| write.columns.contains(column));
        self.table == write.table && self.events.contains(&write.event) && touched && !self.guarded
    }
}

/// In lower case, without comments, with single spaces.
fn plain(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        lines.push_str(line.split("--").next().unwrap_or(""));
        lines.push(' ');
    }
    let mut found = String::with_capacity(lines.len());
    let mut rest = lines.as_str();
    while let Some((before, behind)) = rest.split_once("/*") {
        found.push_str(before);
        rest = behind.split_once("*/").map_or("", |(_, behind)| behind);
    }
    found.push_str(rest);
    let mut one = String::with_capacity(found.len());
    for word in found.split_whitespace() {
        one.push_str(&word.to_ascii_lowercase());
        one.push(' ');
    }
    one
}

/// A name without its schema and quotes.
fn bare(name: &str) -> String {
    let last = name.trim().rsplit('.').next().unwrap_or(name);
    last.trim_matches(|char: char| !char.is_alphanumeric() && char != '_')
        .to_owned()
}

/// `name AFTER INSERT OR UPDATE OF a ON table … EXECUTE FUNCTION f()`
fn trigger(statement: &str) -> Option<Trigger> {
    let (head, call) = statement
        .split_once("execute function ")
        .or_else(|| statement.split_once("execute procedure "))?;
    let (events, rest) = head.split_once(" on ")?;
    let mut words = events.split_whitespace();
    let name = bare(words.next()?);
    let event = |word: &str| events.split_whitespace().any(|other| other == word);
    let mut found = BTreeSet::new();
    for (word, kind) in [
        ("insert", Event::Insert),
        ("update", Event::Update),
        ("delete", Event::Delete),
    ] {
        if event(word) {
            found.insert(kind);
        }
    }
    let columns = events
        .split_once(" of ")
        .map_or_else(BTreeSet::new, |(_, columns)| {
            let columns = columns.split(" or ").next().unwrap_or("");
            columns.split(',').map(bare).collect()
        });
    Some(Trigger {
        name,
        table: bare(rest.split_whitespace().next()?),
        events: found,
        columns,
        // `WHEN (OLD.a IS DISTINCT FROM NEW.a)`
        guarded: rest.contains(" when (") || rest.contains(" when("),
        function: bare(call.split('(').next()?),
    })
}

/// What a function writes whenever it runs: nothing, where it asks something.
fn writes(body: &str) -> Vec<Write> {
    const ASKS: &[&str] = &[
        "pg_trigger_depth",
        " if ",
        "case when",
        "distinct from",
        "exception",
        "not exists",
        "on conflict",
    ];
    let mut found = Vec::new();
    if ASKS.iter().any(|word| body.contains(word)) {
        return found;
    }
    for statement in body.split(';') {
        let statement = statement.trim().trim_start_matches("begin ").trim();
        let differs = statement.contains("<>") || statement.contains("!=") || statement.contains(" is null");
        let rest = |begin: &str| statement.strip_prefix(begin).filter(|_| !differs);
        if let Some(rest) = rest("update ") {
            let rest = rest.strip_prefix("only ").unwrap_or(rest);
            let set = rest.split_once(" set ").map_or("", |(_, set)| set);
            let set = set.split(" where ").next().unwrap_or("");
            let set = set.split(" from ").next().unwrap_or("");
            let columns = set
                .split(',')
                .filter_map(|part| part.split_once('=').map(|(column, _)| bare(column)))
                .collect();
            found.push(Write {
                table: bare(rest.split_whitespace().next().unwrap_or("")),
                event: Event::Update,
                columns,
            });
        } else if let Some(rest) = rest("insert into ") {
            found.push(Write {
                table: bare(rest.split([' ', '(']).next().unwrap_or("")),
                event: Event::Insert,
                columns: BTreeSet::new(),
            });
        }
        // Rows that are deleted do not go again: deletions end.
    }
    found
}
