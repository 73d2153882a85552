//! What the SQL files of a repository say of one table: how it is made, and whether anything in it is unique.

use crate::project::Project;

const FILES_MAX: usize = 600;

#[derive(Debug, Default)]
pub struct Made {
    /// What each column is made as, by its name: type and what stands behind, in lower case.
    pub columns: Vec<(String, String)>,
    /// Something but a number of its own must be different in each row.
    pub unique: bool,
}

impl Made {
    pub fn column(&self, name: &str) -> Option<&str> {
        self.columns
            .iter()
            .find(|(column, _)| column == name)
            .map(|(_, ty)| ty.as_str())
    }
}

/// The table of that name, if an SQL file makes it. `but` is a file that is not read.
pub fn of(project: &Project, table: &str, but: &str) -> Option<Made> {
    let table = table
        .rsplit('.')
        .next()
        .unwrap_or(table)
        .trim_matches(['"', '`', '[', ']'])
        .to_ascii_lowercase();
    if !project.is_known() || table.is_empty() {
        return None;
    }
    let mut made: Option<Made> = None;
    let mut unique = false;
    let files = project
        .files()
        .filter(|path| *path != but && says_of_tables(path));
    for (at, path) in files.enumerate() {
        let text = project.text(path).filter(|_| at < FILES_MAX)?;
        let lower = text.to_ascii_lowercase();
        if !lower.contains(&table) {
            continue;
        }
        if !path.to_ascii_lowercase().ends_with(".sql") {
            unique |= lower.contains("unique");
            continue;
        }
        for statement in plain(&lower).split(';') {
            let statement = statement.trim();
            if let Some(inner) = created(statement, &table) {
                let found = columns(inner);
                unique |= found.unique;
                made = Some(found);
            }
            unique |= makes_unique(statement, &table);
        }
    }
    let mut made = made?;
    made.unique |= unique;
    Some(made)
}

fn says_of_tables(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.ends_with(".sql")
        || lower.ends_with(".prisma")
        || [
            "migrat",
            "alembic",
            "models",
            "entities",
            "entity",
            "schema",
            "liquibase",
            "changelog",
        ]
        .iter()
        .any(|part| lower.contains(part))
            && [
                ".py", ".ts", ".js", ".go", ".java", ".kt", ".rs", ".rb", ".xml", ".yml", ".yaml",
            ]
            .iter()
            .any(|ending| lower.ends_with(ending))
}

/// Without comments and quotes, with one space between words.
fn plain(text: &str) -> String {
    let without: Vec<&str> = text
        .lines()
        .map(|line| line.split("--").next().unwrap_or(line))
        .collect();
    without
        .join(" ")
        .replace(['"', '`'], "")
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace(',', " , ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// What stands in the parentheses of `create table name ( … )`.
fn created<'t>(statement: &'t str, table: &str) -> Option<&'t str> {
    let rest = statement.strip_prefix("create ")?;
    let rest = rest
        .strip_prefix("unlogged ")
        .unwrap_or(rest)
        .strip_prefix("table ")?;
    let rest = rest.strip_prefix("if not exists ").unwrap_or(rest);
    let (name, inner) = rest.split_once(" ( ")?;
    (name.rsplit('.').next() == Some(table)).then_some(inner)
}

fn makes_unique(statement: &str, table: &str) -> bool {
    let words: Vec<&str> = statement.split(' ').collect();
    let names = words.iter().any(|word| word.rsplit('.').next() == Some(table));
    let index = statement.starts_with("create unique index");
    let altered = statement.starts_with("alter table")
        && (words.contains(&"unique") || words.contains(&"exclude") || statement.contains("primary key ("));
    names && (index || altered)
}

fn columns(inner: &str) -> Made {
    let mut made = Made::default();
    let mut depth = 0_usize;
    let mut part: Vec<&str> = Vec::new();
    let mut parts = Vec::new();
    for word in inner.split(' ') {
        match word {
            "(" => depth += 1,
            ")" if depth == 0 => break,
            ")" => depth -= 1,
            "," if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(word);
    }
    parts.push(part);
    for part in parts {
        let text = part.join(" ");
        let Some(name) = part.first() else {
            continue;
        };
        let is_key = text.contains("primary key");
        match *name {
            "primary" | "constraint" | "unique" | "foreign" | "check" | "exclude" | "key" | "index"
            | "like" => {
                let of_id = text.contains("primary key ( id )");
                made.unique |=
                    is_key && !of_id || part.contains(&"unique") || *name == "exclude" || *name == "like";
            }
            _ => {
                let given = [
                    "serial",
                    "identity",
                    "uuid",
                    "auto_increment",
                    "autoincrement",
                    "gen_random",
                ]
                .iter()
                .any(|word| text.contains(word))
                    || *name == "id";
                made.unique |= part.contains(&"unique") || is_key && !given;
                made.columns
                    .push(((*name).to_owned(), part.get(1..).unwrap_or_default().join(" ")));
            }
        }
    }
    made
}
