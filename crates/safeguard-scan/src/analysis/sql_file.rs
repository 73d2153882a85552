//! The statements of SQL files, and what the file is for.

use std::collections::BTreeSet;

use super::sql_text::{Token, statements};
use crate::matching::Source;
use crate::tree::{Kind, NodeId};

/// A statement of a file, as it is run.
#[derive(Debug)]
pub struct Statement {
    pub node: NodeId,
    pub tokens: Vec<Token>,
}

impl Statement {
    /// The word at a place, in lower case; empty where there is none.
    pub fn word(&self, at: usize) -> String {
        match self.tokens.get(at) {
            Some(Token::Word(word)) => word.to_ascii_lowercase(),
            _ => String::new(),
        }
    }

    pub fn is(&self, at: usize, word: &str) -> bool {
        matches!(self.tokens.get(at), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    /// Whether it begins with these words.
    pub fn begins(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(at, word)| self.is(at, word))
    }

    /// Where these words stand behind each other first.
    pub fn find(&self, words: &[&str]) -> Option<usize> {
        (0..self.tokens.len()).find(|at| {
            words
                .iter()
                .enumerate()
                .all(|(behind, word)| self.is(at + behind, word))
        })
    }

    pub fn has(&self, words: &[&str]) -> bool {
        self.find(words).is_some()
    }

    /// A name of one part or several, and where it ends.
    pub fn name(&self, mut at: usize) -> Option<(String, usize)> {
        let mut name = String::new();
        loop {
            match self.tokens.get(at)? {
                Token::Word(part) => name.push_str(part),
                _ => return None,
            }
            at += 1;
            if self.tokens.get(at) != Some(&Token::Sign('.')) {
                return Some((name, at));
            }
            name.push('.');
            at += 1;
        }
    }

    /// The table of `ALTER TABLE [IF EXISTS] [ONLY] name`, and where its name ends.
    pub fn altered_table(&self) -> Option<(String, usize)> {
        if !self.begins(&["alter", "table"]) {
            return None;
        }
        let at = 2 + if self.is(2, "if") { 2 } else { 0 };
        self.name(at + usize::from(self.is(at, "only")))
    }

    /// The table of `CREATE TABLE [IF NOT EXISTS] name`, and where its name ends.
    pub fn created_table(&self) -> Option<(String, usize)> {
        if !self.is(0, "create") {
            return None;
        }
        let at = (1..4).find(|at| self.is(*at, "table"))? + 1;
        self.name(at + if self.is(at, "if") { 3 } else { 0 })
    }

    /// The places that are not within parentheses that begin behind `from`.
    pub fn top(&self, from: usize) -> impl Iterator<Item = usize> + '_ {
        let mut depth = 0usize;
        self.tokens
            .iter()
            .enumerate()
            .skip(from)
            .filter_map(move |(at, token)| {
                match token {
                    Token::Sign('(') => depth += 1,
                    Token::Sign(')') => depth = depth.saturating_sub(1),
                    _ => {}
                }
                (depth == 0).then_some(at)
            })
    }

    /// The columns of `CREATE TABLE name (…)` and of `ADD [COLUMN] …`: name and type, in lower case, and the words behind.
    pub fn columns(&self) -> Vec<Column> {
        if let Some((_, end)) = self.created_table() {
            let begins = (end..self.tokens.len()).find(|at| self.tokens.get(*at) == Some(&Token::Sign('(')));
            return begins.map_or_else(Vec::new, |at| {
                self.parts(at + 1)
                    .into_iter()
                    .filter_map(|part| self.column(part))
                    .collect()
            });
        }
        let Some((_, end)) = self.altered_table() else {
            return Vec::new();
        };
        let parts = self.parts(end);
        let added = parts.into_iter().filter_map(|(from, to)| {
            let add = self.is(from, "add");
            let mut at = from + usize::from(add);
            at += usize::from(self.is(at, "column"));
            at += if self.is(at, "if") { 3 } else { 0 };
            add.then(|| self.column((at, to))).flatten()
        });
        added.collect()
    }

    /// What commas part, from a place to the parenthesis that closes around it.
    fn parts(&self, from: usize) -> Vec<(usize, usize)> {
        let (mut depth, mut begins) = (0usize, from);
        let mut parts = Vec::new();
        for (at, token) in self.tokens.iter().enumerate().skip(from) {
            match token {
                Token::Sign('(') => depth += 1,
                Token::Sign(')') if depth == 0 => {
                    parts.push((begins, at));
                    return parts;
                }
                Token::Sign(')') => depth -= 1,
                Token::Sign(',') if depth == 0 => {
                    parts.push((begins, at));
                    begins = at + 1;
                }
                _ => {}
            }
        }
        parts.push((begins, self.tokens.len()));
        parts
    }

    fn column(&self, (from, to): (usize, usize)) -> Option<Column> {
        const OTHERS: &[&str] = &[
            "constraint",
            "primary",
            "foreign",
            "unique",
            "check",
            "key",
            "index",
            "exclude",
            "like",
            "period",
            "partition",
            "fulltext",
            "spatial",
        ];
        let name = self.word(from);
        let ty = self.word(from + 1);
        (!name.is_empty() && !ty.is_empty() && !OTHERS.contains(&name.as_str())).then(|| Column {
            name,
            ty,
            words: (from + 2..to).map(|at| self.word(at)).collect(),
        })
    }
}

/// A column that a statement makes.
#[derive(Debug)]
pub struct Column {
    pub name: String,
    pub ty: String,
    /// What stands behind the type: empty for what is no word.
    pub words: Vec<String>,
}

impl Column {
    pub fn has(&self, words: &[&str]) -> bool {
        self.words
            .windows(words.len())
            .any(|found| found.iter().zip(words).all(|(one, other)| one == other))
    }
}

/// What an SQL file does when it is run, without its way down. Nothing for files that undo, and for tests.
pub fn of(source: &Source) -> &[Statement] {
    source.statements.get_or_init(|| read(source))
}

fn read(source: &Source) -> Vec<Statement> {
    if undoes(&source.path) || source.is_test() {
        return Vec::new();
    }
    let tree = &source.tree;
    source
        .of_kind(Kind::Statement)
        .iter()
        .filter(|node| {
            !tree
                .ancestors(**node)
                .any(|around| tree.kind(around) == Kind::Function)
        })
        .map(|node| Statement {
            node: *node,
            tokens: statements(tree.name(*node))
                .into_iter()
                .next()
                .unwrap_or_default(),
        })
        .filter(|statement| !statement.tokens.is_empty())
        .collect()
}

/// Whether a statement stands in the body of a function or a procedure, which runs when it is called; the body of `DO` runs at once.
pub fn is_in_function(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    tree.ancestors(node).any(|around| {
        tree.kind(around) == Kind::Statement
            && tree
                .name(around)
                .get(..3)
                .is_none_or(|word| !word.eq_ignore_ascii_case("do "))
    })
}

/// Whether a file takes back what another one did: `0007_x.down.sql`, `U7__x.sql`, `revert/x.sql`.
fn undoes(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let mut parts: Vec<&str> = path.split('/').collect();
    let file = parts.pop().unwrap_or("");
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let in_folder = parts.iter().any(|part| {
        matches!(
            *part,
            "down" | "downgrade" | "revert" | "rollback" | "rollbacks" | "undo" | "uninstall" | "teardown"
        )
    });
    let flyway = stem
        .strip_prefix('u')
        .is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()) && rest.contains("__"));
    let words = crate::analysis::words::words(stem);
    in_folder
        || flyway
        || words.last().is_some_and(|word| word == "down")
        || words.iter().any(|word| {
            matches!(
                word.as_str(),
                "rollback" | "revert" | "undo" | "downgrade" | "uninstall" | "teardown"
            )
        })
}

/// Whether a file makes a database from nothing, as dumps and schemas do: what it drops first it makes again.
pub fn makes_anew(source: &Source, all: &[Statement]) -> bool {
    let head: String = source
        .tree
        .text()
        .lines()
        .take(12)
        .collect::<Vec<_>>()
        .join("\n")
        .to_ascii_lowercase();
    let dump = [
        "database dump",
        "mysql dump",
        "mariadb dump",
        "sql dump",
        "dump of",
        "phpmyadmin",
    ];
    let file = source.path.rsplit('/').next().unwrap_or("").to_ascii_lowercase();
    let named = crate::analysis::words::words(&file).iter().any(|word| {
        matches!(
            word.as_str(),
            "schema"
                | "structure"
                | "seed"
                | "seeds"
                | "dump"
                | "init"
                | "setup"
                | "install"
                | "create"
                | "bootstrap"
                | "sample"
                | "demo"
                | "fixture"
                | "fixtures"
        )
    });
    let migration = is_migration(&source.path);
    dump.iter().any(|text| head.contains(text))
        || named && !migration
        || !migration && all.iter().filter(|one| one.created_table().is_some()).count() > 3
}

/// Whether a file is one step of a database's way, by its path.
pub fn is_migration(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let file = path.rsplit('/').next().unwrap_or("");
    let flyway = file.strip_prefix(['v', 'r']).is_some_and(|rest| {
        rest.contains("__") && (rest.starts_with(|char: char| char.is_ascii_digit()) || rest.starts_with('_'))
    });
    let numbered = file.bytes().take_while(u8::is_ascii_digit).count() >= 3;
    flyway
        || numbered
        || [
            "migration",
            "migrate",
            "alembic",
            "changelog",
            "changesets",
            "deploy/",
        ]
        .iter()
        .any(|part| path.contains(part))
}

/// The tables that a file makes, in lower case.
pub fn created(all: &[Statement]) -> BTreeSet<String> {
    all.iter()
        .filter_map(|one| Some(one.created_table()?.0.to_ascii_lowercase()))
        .collect()
}
