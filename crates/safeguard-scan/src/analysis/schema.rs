//! The tables of a repository and their columns, by its SQL files and its schemas of Prisma.

use std::collections::{BTreeMap, BTreeSet};

use super::sql_file::Statement;
use super::sql_text::{Token, statements};
use crate::tree::NodeId;

/// How many files are read, and how large one may be.
const FILES_MAX: usize = 2_000;
const FILE_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Default)]
pub struct Schema {
    /// By their names in lower case.
    pub tables: BTreeMap<String, Table>,
    /// Prisma's models, by their names.
    pub models: BTreeMap<String, Model>,
    /// Texts that may change tables in ways that are not read: migrations in other languages.
    other: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Table {
    /// In lower case.
    pub columns: BTreeSet<String>,
    /// It may have more than can be seen.
    pub open: bool,
    /// A statement that makes it was read.
    created: bool,
}

#[derive(Debug, Default)]
pub struct Model {
    /// By name: the type, without what says that it is a list or may be none.
    pub fields: BTreeMap<String, String>,
    /// The names of its keys of several fields.
    pub keys: BTreeSet<String>,
}

/// Whether a file may say which tables and models there are.
pub fn is_read(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.ends_with(".sql") || lower.ends_with(".prisma") || may_change_tables(&lower)
}

impl Schema {
    /// `text` gives a file of the repository.
    pub fn of<'p>(paths: impl Iterator<Item = &'p str>, text: impl Fn(&str) -> Option<String>) -> Schema {
        let mut schema = Schema::default();
        let mut read = 0;
        for path in paths {
            let lower = path.to_ascii_lowercase();
            let is_sql = lower.ends_with(".sql");
            let is_prisma = lower.ends_with(".prisma");
            if !is_read(path) {
                continue;
            }
            read += 1;
            let text = text(path).filter(|text| read <= FILES_MAX && text.len() <= FILE_BYTES_MAX);
            match text {
                Some(text) if is_sql => schema.add_sql(&text),
                Some(text) if is_prisma => schema.add_prisma(&text),
                Some(text) => schema.other.push(text.to_ascii_lowercase()),
                // What is not read may hold anything.
                None => {
                    schema.tables.clear();
                    schema.models.clear();
                    return schema;
                }
            }
        }
        // What is only altered here was made somewhere else, with columns of its own.
        for table in schema.tables.values_mut() {
            table.open |= !table.created;
        }
        schema
    }

    /// Whether a migration that is not read names this word.
    pub fn is_named_elsewhere(&self, word: &str) -> bool {
        self.other.iter().any(|text| text.contains(word))
    }

    /// The model that `prisma.name` means.
    pub fn model_of(&self, name: &str) -> Option<(&str, &Model)> {
        self.models.iter().find_map(|(model, found)| {
            let mut chars = model.chars();
            let first = chars.next()?.to_lowercase().to_string();
            (format!("{first}{}", chars.as_str()) == name).then_some((model.as_str(), found))
        })
    }

    fn add_sql(&mut self, text: &str) {
        for tokens in statements(text) {
            let statement = Statement {
                node: NodeId::ROOT,
                tokens,
            };
            self.add_statement(&statement);
        }
    }

    fn add_statement(&mut self, statement: &Statement) {
        let columns = statement.columns().into_iter().map(|column| column.name);
        if let Some((name, end)) = statement.created_table() {
            let table = self.tables.entry(plain(&name)).or_default();
            table.columns.extend(columns);
            table.created = true;
            let has = |word: &str| statement.tokens.iter().skip(end).any(|token| is(token, word));
            // `CREATE TABLE a AS SELECT …`, `LIKE b`, `INHERITS (b)`, a virtual table's module.
            table.open |= has("select") || has("inherits") || has("like") || has("partition") || has("using");
            table.open |= table.columns.is_empty();
        } else if let Some((name, end)) = statement.altered_table() {
            let table = self.tables.entry(plain(&name)).or_default();
            table.columns.extend(columns);
            for at in end..statement.tokens.len() {
                if !(statement.is(at, "rename") || statement.is(at, "change")) {
                    continue;
                }
                // `RENAME [COLUMN] a TO b`, `CHANGE [COLUMN] a b type`, `RENAME TO b`
                let words: Vec<String> = (at + 1..at + 6)
                    .map(|at| statement.word(at))
                    .filter(|word| !word.is_empty())
                    .collect();
                if words.first().is_some_and(|word| word == "to" || word == "as") {
                    table.open = true;
                    let to = words.get(1).cloned().unwrap_or_default();
                    self.tables.entry(to).or_default().open = true;
                    break;
                }
                table.columns.extend(words);
            }
        } else if statement.is(0, "create")
            && let Some(at) = (1..6).find(|at| statement.is(*at, "view"))
        {
            let at = at + if statement.is(at + 1, "if") { 3 } else { 0 };
            if let Some((name, _)) = statement.name(at + 1) {
                self.tables.entry(plain(&name)).or_default().open = true;
            }
        }
    }

    fn add_prisma(&mut self, text: &str) {
        let mut model: Option<String> = None;
        for line in text.lines() {
            let line = line.split("//").next().unwrap_or("").trim();
            let mut words = line.split_whitespace();
            let first = words.next().unwrap_or("");
            match (&model, first) {
                (None, "model" | "view") => {
                    let name = words.next().unwrap_or("").trim_end_matches('{');
                    self.models.entry(name.to_owned()).or_default();
                    model = Some(name.to_owned());
                }
                (Some(_), "}") => model = None,
                (Some(name), _) if first.starts_with("@@") => {
                    // `@@unique([a, b], name: "both")`
                    if let Some((_, rest)) = line.split_once('[') {
                        let fields = rest.split(']').next().unwrap_or("");
                        let parts: Vec<&str> = fields
                            .split(',')
                            .map(|field| field.trim().split('(').next().unwrap_or(""))
                            .collect();
                        let keys = &mut self.models.entry(name.clone()).or_default().keys;
                        keys.insert(parts.join("_"));
                        keys.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
                    }
                }
                (Some(name), _) if first.starts_with(char::is_alphabetic) => {
                    let of = words.next().unwrap_or("").trim_end_matches(['?', '[', ']']);
                    let fields = &mut self.models.entry(name.clone()).or_default().fields;
                    fields.insert(first.to_owned(), of.to_owned());
                }
                _ => {}
            }
        }
    }
}

fn is(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word))
}

/// A table's name without its schema, in lower case.
fn plain(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.trim_matches(['"', '`', '[', ']']).to_ascii_lowercase()
}

/// Whether a file may be a migration or make tables, by its path.
fn may_change_tables(path: &str) -> bool {
    let is_code = [
        ".py", ".js", ".ts", ".mjs", ".cjs", ".go", ".rb", ".java", ".kt", ".xml", ".yml", ".yaml", ".json",
        ".php", ".ex", ".exs", ".cs", ".hcl", ".rs", ".dbml",
    ]
    .iter()
    .any(|ending| path.ends_with(ending));
    is_code
        && !path.contains("node_modules/")
        && [
            "migrat",
            "schema",
            "alembic",
            "versions/",
            "liquibase",
            "changelog",
            "ddl",
            "tables",
        ]
        .iter()
        .any(|part| path.contains(part))
}
