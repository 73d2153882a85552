//! Which texts are statements, and what stands at a place of one.

/// What a hole in a statement is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Between quotes.
    Quoted,
    /// Where a value stands: `= …`, `IN (…)`.
    Value,
    /// `LIMIT …`, which mostly is a number.
    Count,
    /// A table or column, or a whole condition.
    Name,
    /// The number or name of a placeholder: `$1`, `:name`.
    Placeholder,
    /// No part of a statement.
    None,
}

/// Whether a text is a statement or a part of one.
pub(super) fn speaks_sql(text: &str) -> bool {
    let lower = format!(
        " {} ",
        text.to_ascii_lowercase()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    );
    let begins = |word: &str| lower.starts_with(&format!(" {word} "));
    let has = |word: &str| lower.contains(&format!(" {word} "));
    (begins("select") && has("from"))
        || (begins("with") && has("select"))
        || (begins("insert") && has("into"))
        || (begins("replace") && has("into"))
        || (begins("update") && has("set"))
        || (begins("delete") && has("from"))
        || (has("where") && (lower.contains('=') || has("like") || has("in")))
        || (begins("and") || begins("or")) && (lower.contains('=') || has("like") || has("in"))
        || begins("order by")
        || [
            "create table",
            "drop table",
            "alter table",
            "truncate table",
            "create database",
            "drop database",
            "create user",
            "grant",
        ]
        .iter()
        .any(|begin| begins(begin))
}

/// What stands at a place of a statement.
pub(super) fn place(text: &str, at: usize) -> Place {
    let before = &text[..at];
    let quotes = |quote: char| before.chars().filter(|char| *char == quote).count() % 2 == 1;
    if quotes('\'') {
        return Place::Quoted;
    }
    let in_double = quotes('"');
    if quotes('`') {
        return Place::Name;
    }
    // `name LIKE "%…`: MySQL and SQLite take these quotes for texts too.
    let opened = if in_double {
        before.rfind('"').map_or(before, |quote| &before[..quote])
    } else {
        before
    };
    let trimmed = opened.trim_end();
    if !in_double && before.ends_with(['$', ':', '@']) || before.ends_with("%(") {
        return Place::Placeholder;
    }
    let upper = trimmed.to_ascii_uppercase();
    let last_word = upper
        .rsplit(|char: char| !(char.is_ascii_alphanumeric() || char == '_'))
        .next()
        .unwrap_or("");
    let compares = upper.ends_with(['=', '<', '>'])
        || matches!(last_word, "LIKE" | "ILIKE" | "BETWEEN" | "REGEXP" | "RLIKE")
        || in_list(&upper);
    if compares {
        return if in_double { Place::Quoted } else { Place::Value };
    }
    match last_word {
        "LIMIT" | "OFFSET" | "TOP" | "INTERVAL" => Place::Count,
        "FROM" | "JOIN" | "INTO" | "UPDATE" | "TABLE" | "BY" | "SELECT" | "DISTINCT" | "SET" | "VIEW"
        | "INDEX" | "EXISTS" | "ON" | "DATABASE" | "SCHEMA" | "USER" | "ROLE" | "WHERE" | "AND" | "OR"
        | "COLUMN" => Place::Name,
        _ if in_double => Place::Name,
        _ => Place::None,
    }
}

/// `IN (`, `VALUES (`, and what follows a comma there.
fn in_list(upper: &str) -> bool {
    let Some(open) = upper.rfind('(') else {
        return false;
    };
    if upper[open..].contains(')') || !upper.ends_with(['(', ',']) {
        return false;
    }
    let before = upper[..open].trim_end();
    ["VALUES", "IN", "ANY", "COALESCE", "LOWER", "UPPER", "CONCAT"]
        .iter()
        .any(|word| {
            before.ends_with(word)
                && !before[..before.len() - word.len()].ends_with(|char: char| char.is_ascii_alphanumeric() || char == '_')
        })
        // Further rows: `VALUES (1), (`.
        || (before.ends_with("),") && before.contains("VALUES"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::built::HOLE;

    fn place_of(text: &str) -> Place {
        let text = text.replace('§', &HOLE.to_string());
        let at = text.find(HOLE).expect("a hole");
        place(&text, at)
    }

    #[test]
    fn a_hole_is_a_value_or_a_name_by_what_stands_before_it() {
        assert_eq!(place_of("SELECT * FROM t WHERE name = '§'"), Place::Quoted);
        assert_eq!(place_of("SELECT * FROM t WHERE id = §"), Place::Value);
        assert_eq!(place_of("SELECT * FROM t WHERE id IN (§)"), Place::Value);
        assert_eq!(place_of("INSERT INTO t VALUES (1, §)"), Place::Value);
        assert_eq!(place_of("SELECT * FROM t WHERE a LIKE \"%§%\""), Place::Quoted);
        assert_eq!(place_of("SELECT * FROM §"), Place::Name);
        assert_eq!(place_of("SELECT * FROM t ORDER BY §"), Place::Name);
        assert_eq!(place_of("SELECT * FROM \"§\""), Place::Name);
        assert_eq!(place_of("INSERT INTO t (§) VALUES (?)"), Place::None);
        assert_eq!(place_of("SELECT * FROM t WHERE a = $§"), Place::Placeholder);
        assert_eq!(place_of("SELECT * FROM t LIMIT §"), Place::Count);
    }
}
