//! SQL in the strings of programs: what a text with holes does to the data, as far as its words say.
//!
//! No parser of a dialect: a tokenizer that knows comments and quotes, and the first words of statements. What it does not understand it does not judge.

pub use super::sql_tokens::text_of;
use crate::analysis::code::Code;
pub use crate::language::sql::tokens::{HOLE, Token, statements};
use crate::tree::NodeId;

/// What a statement destroys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destroys {
    /// `DELETE` of all rows.
    Rows {
        table: String,
    },
    /// `UPDATE` of all rows.
    Values {
        table: String,
    },
    Truncates {
        table: String,
    },
    Table {
        table: String,
    },
    Column {
        table: String,
        column: String,
    },
    Schema {
        name: String,
    },
    Database {
        name: String,
    },
}

impl Destroys {
    /// What it is done to.
    pub fn of(&self) -> &str {
        match self {
            Destroys::Rows { table }
            | Destroys::Values { table }
            | Destroys::Truncates { table }
            | Destroys::Table { table }
            | Destroys::Column { table, .. } => table,
            Destroys::Schema { name } | Destroys::Database { name } => name,
        }
    }

    pub fn told(&self) -> String {
        let name = self.of().replace(HOLE, "…");
        match self {
            Destroys::Rows { .. } => format!("deletes every row of `{name}`"),
            Destroys::Values { .. } => format!("overwrites every row of `{name}`"),
            Destroys::Truncates { .. } => format!("empties `{name}`"),
            Destroys::Table { .. } => format!("drops the table `{name}` with all it holds"),
            Destroys::Column { column, .. } => {
                format!(
                    "drops the column `{}` of `{name}` with all it holds",
                    column.replace(HOLE, "…")
                )
            }
            Destroys::Schema { .. } => format!("drops the schema `{name}` with all it holds"),
            Destroys::Database { .. } => format!("drops the database `{name}`"),
        }
    }
}

/// What the statements of a text destroy.
pub fn destroys(text: &str) -> Vec<Destroys> {
    let statements = statements(text);
    let renamed: Vec<String> = statements
        .iter()
        .filter_map(|statement| renamed_to(statement))
        .collect();
    let mut made: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for statement in &statements {
        if let Some(table) = created(statement) {
            made.push(table);
        }
        if let Some(destroyed) = destroyed(statement) {
            let name = destroyed.of().to_ascii_lowercase();
            // A table that is built anew under another name takes the old one's place; what the text itself has made it may drop.
            if !renamed.contains(&name) && !made.contains(&name) {
                found.push(destroyed);
            }
        }
    }
    found
}

fn is(token: Option<&Token>, word: &str) -> bool {
    matches!(token, Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
}

fn any(token: Option<&Token>, words: &[&str]) -> bool {
    words.iter().any(|word| is(token, word))
}

/// The table of `ALTER TABLE a RENAME TO b`.
fn renamed_to(statement: &[Token]) -> Option<String> {
    let at = statement
        .windows(2)
        .position(|pair| is(pair.first(), "rename") && is(pair.get(1), "to"))?;
    name(statement, at + 2).map(|(name, _)| name.to_ascii_lowercase())
}

fn created(statement: &[Token]) -> Option<String> {
    if !is(statement.first(), "create") {
        return None;
    }
    let at = statement.iter().position(|token| is(Some(token), "table"))?;
    let at = if is(statement.get(at + 1), "if") {
        at + 4
    } else {
        at + 1
    };
    name(statement, at).map(|(name, _)| name.to_ascii_lowercase())
}

/// A name with its parts, and where it ends.
fn name(statement: &[Token], from: usize) -> Option<(String, usize)> {
    let mut at = from;
    let mut name = String::new();
    loop {
        match statement.get(at)? {
            Token::Word(part) => name.push_str(part),
            Token::Hole => name.push(HOLE),
            Token::Param => name.push(HOLE),
            Token::Text(_) | Token::Number(_) | Token::Sign(_) => return None,
        }
        at += 1;
        if statement.get(at) != Some(&Token::Sign('.')) {
            return Some((name, at));
        }
        name.push('.');
        at += 1;
    }
}

fn destroyed(statement: &[Token]) -> Option<Destroys> {
    let first = statement.first()?;
    // `BEGIN; …` is two statements; `WITH x AS (…) DELETE …` is one.
    let statement = if is(Some(first), "with") {
        let at = at_top(statement)
            .find(|at| any(statement.get(*at), &["delete", "update", "select", "insert"]))?;
        statement.get(at..)?
    } else {
        statement
    };
    let word = |at: usize| statement.get(at);
    if is(word(0), "delete") {
        let mut at = 1;
        if !is(word(at), "from") {
            return None;
        }
        at += 1;
        at += usize::from(is(word(at), "only"));
        let (table, end) = name(statement, at)?;
        return all_rows(statement, end, &table).then_some(Destroys::Rows { table });
    }
    if is(word(0), "update") {
        let mut at = 1;
        at += usize::from(is(word(at), "only"));
        let (table, end) = name(statement, at)?;
        let sets = is(word(end), "set")
            || is(word(end + 1), "set")
            || is(word(end), "as") && is(word(end + 2), "set");
        return (sets && all_rows(statement, end, &table)).then_some(Destroys::Values { table });
    }
    if is(word(0), "truncate") {
        let at = 1 + usize::from(is(word(1), "table"));
        let at = at + usize::from(is(word(at), "only"));
        let (table, _) = name(statement, at)?;
        return Some(Destroys::Truncates { table });
    }
    if is(word(0), "drop") {
        let mut at = 2;
        if is(word(at), "if") && is(word(at + 1), "exists") {
            at += 2;
        }
        let named = || name(statement, at).map(|(name, _)| name);
        return if is(word(1), "table") {
            named().map(|table| Destroys::Table { table })
        } else if any(word(1), &["database", "keyspace"]) {
            named().map(|name| Destroys::Database { name })
        } else if is(word(1), "schema") {
            named().map(|name| Destroys::Schema { name })
        } else {
            None
        };
    }
    if is(word(0), "alter") && is(word(1), "table") {
        let mut at = 2;
        if is(word(at), "if") {
            at += 2;
        }
        at += usize::from(is(word(at), "only"));
        let (table, end) = name(statement, at)?;
        let drop = at_top(statement).find(|at| *at >= end && is(word(*at), "drop"))?;
        let mut at = drop + 1;
        const OTHERS: &[&str] = &[
            "constraint",
            "index",
            "default",
            "not",
            "primary",
            "foreign",
            "check",
            "key",
            "partition",
            "identity",
            "expression",
            "unique",
            "statistics",
            "attribute",
            "feature",
            "row",
        ];
        if any(word(at), OTHERS) {
            return None;
        }
        at += usize::from(is(word(at), "column"));
        if is(word(at), "if") {
            at += 2;
        }
        let (column, _) = name(statement, at)?;
        // `ALTER COLUMN c DROP DEFAULT` is caught above, `DROP` followed by a hole may be anything.
        return (is(word(drop + 1), "column") || column != HOLE.to_string())
            .then_some(Destroys::Column { table, column });
    }
    None
}

/// The positions that are not within parentheses.
fn at_top(statement: &[Token]) -> impl Iterator<Item = usize> + '_ {
    let mut depth = 0usize;
    statement.iter().enumerate().filter_map(move |(at, token)| {
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

/// Whether nothing limits the rows of a `DELETE` or `UPDATE`.
fn all_rows(statement: &[Token], end: usize, table: &str) -> bool {
    // `DELETE FROM users` with something glued to it: nobody knows how it goes on.
    let open_end = table.ends_with(HOLE) && table.chars().rev().nth(1).is_some_and(char::is_alphanumeric);
    if open_end && end == statement.len() {
        return false;
    }
    let limits = [
        "limit",
        "using",
        "join",
        "returning_limited",
        "top",
        "inner",
        "left",
        "current",
    ];
    if at_top(statement).any(|at| at >= end && any(statement.get(at), &limits)) {
        return false;
    }
    match at_top(statement).find(|at| *at >= end && is(statement.get(*at), "where")) {
        // A hole behind the table or behind what is set may be the condition.
        None => match statement.get(end..) {
            Some(tail) if is(statement.first(), "delete") => !tail.iter().any(|token| match token {
                Token::Hole => true,
                Token::Word(word) => word.contains(HOLE),
                Token::Text(_) | Token::Number(_) | Token::Param | Token::Sign(_) => false,
            }),
            Some(tail) => {
                !matches!(tail.last(), Some(Token::Hole))
                    && !tail
                        .iter()
                        .any(|token| matches!(token, Token::Word(word) if word.contains(HOLE)))
            }
            None => true,
        },
        Some(at) => always_true(statement.get(at + 1..).unwrap_or(&[])),
    }
}

fn always_true(condition: &[Token]) -> bool {
    let condition = match condition {
        [inner @ .., Token::Word(word)] if word.eq_ignore_ascii_case("returning") => inner,
        _ => condition,
    };
    match condition {
        [Token::Word(word)] => word.eq_ignore_ascii_case("true"),
        [Token::Number(number)] => number != "0",
        [left, Token::Sign('='), right] => left == right && !matches!(left, Token::Hole | Token::Param),
        _ => false,
    }
}

/// Whether a call of Go's `database/sql` or sqlx has rows written.
pub fn go_writes(code: Code<'_>, call: NodeId) -> bool {
    let executes = matches!(
        code.called(call),
        "Exec" | "ExecContext" | "NamedExec" | "NamedExecContext" | "MustExec"
    );
    // The first may be a context.
    let text = || {
        code.args(call)
            .into_iter()
            .take(2)
            .find_map(|arg| text_of(code, arg))
    };
    executes
        && text().is_some_and(|text| {
            let lower = text.trim_start().to_ascii_lowercase();
            ["insert", "update", "delete", "merge"]
                .iter()
                .any(|verb| lower.starts_with(verb))
        })
}

#[cfg(test)]
mod tests {
    use super::{Destroys, destroys};

    fn told(text: &str) -> Vec<String> {
        destroys(text).iter().map(Destroys::told).collect()
    }

    #[test]
    fn what_takes_all_is_found() {
        for (text, expected) in [
            ("delete from users", "deletes every row of `users`"),
            (
                "DELETE FROM ONLY public.\"Users\"",
                "deletes every row of `public.Users`",
            ),
            (
                "DELETE FROM users -- WHERE id = 1",
                "deletes every row of `users`",
            ),
            ("DELETE FROM users WHERE 1=1", "deletes every row of `users`"),
            ("DELETE FROM users WHERE true", "deletes every row of `users`"),
            (
                "WITH a AS (SELECT 1 WHERE x) DELETE FROM users",
                "deletes every row of `users`",
            ),
            (
                "UPDATE users SET note = ' WHERE id = 1'",
                "overwrites every row of `users`",
            ),
            (
                "UPDATE users SET a = (SELECT b FROM c WHERE d = 1)",
                "overwrites every row of `users`",
            ),
            ("truncate table a, b cascade", "empties `a`"),
            (
                "DROP TABLE IF EXISTS `a`",
                "drops the table `a` with all it holds",
            ),
            ("SELECT 1; DROP DATABASE app", "drops the database `app`"),
            (
                "ALTER TABLE a ADD b int, DROP COLUMN c",
                "drops the column `c` of `a` with all it holds",
            ),
            ("DELETE FROM \u{fffc}", "deletes every row of `…`"),
            ("DELETE FROM tmp_\u{fffc}x", "deletes every row of `tmp_…x`"),
        ] {
            assert_eq!(told(text), [expected], "{text}");
        }
    }

    #[test]
    fn what_is_limited_or_unknown_is_not() {
        for text in [
            "DELETE FROM users WHERE id = 1",
            "DELETE FROM users WHERE id = ?",
            "DELETE FROM users \u{fffc}",
            "DELETE FROM users\u{fffc}",
            "DELETE FROM users WHERE 1=1 AND id = %s",
            "DELETE FROM users LIMIT 100",
            "DELETE a FROM a JOIN b ON a.x = b.x",
            "UPDATE users SET a = \u{fffc} \u{fffc}",
            "UPDATE users SET a = 1 WHERE b = 2",
            "INSERT INTO a VALUES ('DELETE FROM b')",
            "ALTER TABLE a DROP CONSTRAINT b",
            "ALTER TABLE a ALTER COLUMN b DROP NOT NULL",
            "DROP INDEX a",
            "CREATE TABLE a (b int); DROP TABLE a",
            "CREATE TABLE a_new (b int); DROP TABLE a; ALTER TABLE a_new RENAME TO a",
            "delete the old files from disk",
            "Update users, then set a password",
            "drop table",
        ] {
            assert!(told(text).is_empty(), "{text}: {:?}", told(text));
        }
    }
}
