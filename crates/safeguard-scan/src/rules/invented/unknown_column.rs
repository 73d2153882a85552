//! Columns and fields that the repository's own schema does not have.

mod prisma;

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use super::data;
use crate::analysis::code::Code;
use crate::analysis::schema::{Schema, Table};
use crate::analysis::sql_text::{Token, statements, text_of};
use crate::language::sql::tokens::HOLE;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "unknown-column",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &[],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if !project.is_known() || source.is_test() {
        return;
    }
    let code = Code::of(source);
    let mut candidates: Vec<(NodeId, String)> = Vec::new();
    for kind in [Kind::Str, Kind::Interp, Kind::Binary] {
        for id in source.of_kind(kind) {
            let outer = code
                .tree
                .parent(*id)
                .map_or(Kind::Module, |parent| code.kind(parent));
            let is_part = matches!(outer, Kind::Interp)
                || outer == Kind::Binary
                    && code
                        .tree
                        .parent(*id)
                        .is_some_and(|parent| code.name(parent) == "+");
            if is_part || !begins_statement(code, *id) {
                continue;
            }
            if let Some(text) = text_of(code, *id) {
                candidates.push((*id, text));
            }
        }
    }
    if !candidates.is_empty() && !project.schema().tables.is_empty() {
        let mine = own_tables(source);
        for (node, text) in &candidates {
            for tokens in statements(text) {
                for (column, table) in unknown(&tokens, project.schema(), &mine) {
                    tell(*node, &column, &table, project.schema(), reports);
                }
            }
        }
    }
    prisma::run(source, project, reports);
}

fn tell(node: NodeId, column: &str, table: &str, schema: &Schema, reports: &mut Reports) {
    let columns = schema.tables.get(table).map(|table| &table.columns);
    let near = columns.into_iter().flatten().map(String::as_str);
    let told = format!(
        "the table `{table}` of this repository has no column `{column}`{}",
        data::hint(column, near)
    );
    if schema.is_named_elsewhere(column) {
        return;
    }
    reports.add(node, told);
}

/// Whether a text is a statement, by its first word: a look that costs little.
fn begins_statement(code: Code<'_>, id: NodeId) -> bool {
    let first = code.tree.subtree(id).find(|id| code.kind(*id) == Kind::Str);
    first.is_some_and(|first| {
        let text = code.name(first).trim_start();
        ["select ", "select\n", "insert ", "update ", "delete "]
            .iter()
            .any(|word| {
                text.get(..word.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
            })
    })
}

/// Tables that the file itself makes or changes, in lower case.
fn own_tables(source: &Source) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for id in source.of_kind(Kind::Str) {
        let text = source.tree.name(*id).to_ascii_lowercase();
        if text.contains("create ") || text.contains("alter ") {
            let words = text.split(|char: char| !char.is_alphanumeric() && char != '_');
            found.extend(words.map(str::to_owned));
        }
    }
    found
}

fn is(token: Option<&Token>, word: &str) -> bool {
    matches!(token, Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
}

fn word(token: Option<&Token>) -> Option<String> {
    match token {
        Some(Token::Word(word)) => Some(word.to_ascii_lowercase()),
        _ => None,
    }
}

/// Words that are no columns, wherever they stand.
fn is_key_word(word: &str) -> bool {
    matches!(
        word,
        "select"
            | "from"
            | "where"
            | "and"
            | "or"
            | "not"
            | "null"
            | "true"
            | "false"
            | "case"
            | "when"
            | "then"
            | "else"
            | "end"
            | "distinct"
            | "all"
            | "as"
            | "on"
            | "using"
            | "exists"
            | "interval"
            | "default"
            | "current_timestamp"
            | "current_date"
            | "current_time"
            | "current_user"
            | "localtimestamp"
            | "date"
            | "time"
            | "timestamp"
            | "rowid"
            | "_rowid_"
            | "oid"
            | "ctid"
            | "xmin"
            | "tableoid"
            | "row"
            | "array"
            | "any"
            | "some"
            | "cast"
            | "set"
            | "values"
            | "limit"
            | "offset"
            | "order"
            | "group"
            | "by"
            | "asc"
            | "desc"
            | "nulls"
            | "first"
            | "last"
            | "top"
            | "sql_calc_found_rows"
            | "session_user"
            | "rank"
            | "rownum"
            | "sysdate"
            | "rand"
            | "binary"
            | "collate"
            | "user"
            | "value"
    )
}

/// The columns of a statement that its tables do not have, with the table.
fn unknown(tokens: &[Token], schema: &Schema, own: &BTreeSet<String>) -> Vec<(String, String)> {
    let has_hole = tokens.iter().any(|token| match token {
        Token::Hole => true,
        Token::Word(word) => word.contains(HOLE),
        _ => false,
    });
    let count = |wanted: &str| tokens.iter().filter(|token| is(Some(token), wanted)).count();
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    let closed = |name: &str| -> Option<&Table> {
        let table = schema.tables.get(name)?;
        (!table.open && !own.contains(name)).then_some(table)
    };
    let Some(tables) = tables(tokens) else {
        return Vec::new();
    };
    // `a.column`, where `a` is one table under one name.
    for at in 1..tokens.len().saturating_sub(1) {
        let (Some(of), Some(column)) = (word(tokens.get(at - 1)), word(tokens.get(at + 1))) else {
            continue;
        };
        let is_pair = tokens.get(at) == Some(&Token::Sign('.'))
            && (at < 2 || tokens.get(at - 2) != Some(&Token::Sign('.')))
            && !matches!(tokens.get(at + 2), Some(Token::Sign('.' | '(')))
            && !before_is_table(tokens, at - 1);
        if let Some(Some(name)) = tables.get(&of)
            && is_pair
            && let Some(table) = closed(name)
            && !column.contains(HOLE)
            && !table.columns.contains(&column)
            && !is_key_word(&column)
        {
            found.insert((column, name.clone()));
        }
    }
    // Names by themselves belong to the one table that there is.
    let names: BTreeSet<&String> = tables.values().flatten().collect();
    let only = names
        .iter()
        .next()
        .filter(|_| names.len() == 1 && tables.values().all(Option::is_some));
    let is_simple =
        count("select") + count("insert") + count("update") + count("delete") - count_for(tokens) == 1;
    if let Some(name) = only
        && is_simple
        && !has_hole
        && let Some(table) = closed(name)
    {
        let aliases: BTreeSet<String> = (0..tokens.len())
            .filter(|at| is(tokens.get(*at), "as"))
            .filter_map(|at| word(tokens.get(at + 1)))
            .collect();
        for column in columns(tokens) {
            if !table.columns.contains(&column)
                && !aliases.contains(&column)
                && !tables.contains_key(&column)
                && !is_key_word(&column)
            {
                found.insert((column, (*name).clone()));
            }
        }
    }
    found.into_iter().collect()
}

/// `FOR UPDATE`, `ON CONFLICT … DO UPDATE`, `ON UPDATE` are no statements.
fn count_for(tokens: &[Token]) -> usize {
    let behind = |at: usize| {
        ["for", "do", "key", "on"]
            .iter()
            .any(|word| is(tokens.get(at), word))
    };
    (1..tokens.len())
        .filter(|at| is(tokens.get(*at), "update") && behind(at - 1))
        .count()
}

/// Whether a name stands where a table's does: `FROM public.users`.
fn before_is_table(tokens: &[Token], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| {
        ["from", "join", "into", "update", "only", "table"]
            .iter()
            .any(|word| is(tokens.get(before), word))
    })
}

/// The tables of a statement by the names that they have in it: `None` where a name stands for something else. Nothing if that can not be said.
fn tables(tokens: &[Token]) -> Option<BTreeMap<String, Option<String>>> {
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    if is(tokens.first(), "with") {
        return None;
    }
    for at in 0..tokens.len() {
        let begins = ["from", "join", "into"]
            .iter()
            .any(|word| is(tokens.get(at), word))
            || is(tokens.get(at), "update") && at == 0;
        // `EXTRACT(year FROM created_at)`, `IS DISTINCT FROM`
        let in_call = is(tokens.get(at), "from")
            && (at >= 3
                && matches!(tokens.get(at - 2), Some(Token::Sign('(')))
                && word(tokens.get(at - 3)).is_some()
                || at >= 1 && is(tokens.get(at - 1), "distinct"));
        if !begins || in_call {
            continue;
        }
        let mut next = at + 1;
        while ["only", "lateral"].iter().any(|word| is(tokens.get(next), word)) {
            next += 1;
        }
        let Some(name) = word(tokens.get(next)) else {
            // A statement within, or a piece that is not known.
            return None;
        };
        if matches!(tokens.get(next + 1), Some(Token::Sign('.' | '('))) && !is(tokens.first(), "insert") {
            return None;
        }
        if tokens.get(next + 1) == Some(&Token::Sign('.')) {
            return None;
        }
        found.insert(name.clone(), Some(name.clone()));
        let behind = next + 1 + usize::from(is(tokens.get(next + 1), "as"));
        match word(tokens.get(behind)) {
            Some(alias)
                if !is_key_word(&alias)
                    && !matches!(
                        alias.as_str(),
                        "join"
                            | "left"
                            | "right"
                            | "inner"
                            | "outer"
                            | "full"
                            | "cross"
                            | "natural"
                            | "having"
                            | "union"
                            | "returning"
                            | "for"
                            | "window"
                            | "fetch"
                            | "force"
                            | "use"
                            | "ignore"
                            | "lock"
                            | "tablesample"
                            | "indexed"
                            | "straight_join"
                            | "except"
                            | "intersect"
                    ) =>
            {
                let known = found.entry(alias).or_insert_with(|| Some(name.clone()));
                if known.as_deref() != Some(name.as_str()) {
                    *known = None;
                }
                if tokens.get(behind + 1) == Some(&Token::Sign(',')) {
                    return None;
                }
            }
            _ if tokens.get(behind) == Some(&Token::Sign(',')) => return None,
            _ => {}
        }
    }
    Some(found)
}

/// Names that surely are columns, by where they stand.
fn columns(tokens: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    let sign = |at: usize, sign: char| tokens.get(at) == Some(&Token::Sign(sign));
    let at_word = |at: usize, words: &[&str]| words.iter().any(|word| is(tokens.get(at), word));
    let from = (0..tokens.len()).find(|at| is(tokens.get(*at), "from"));
    let mut depth = 0usize;
    // The list that a place is in: of what is selected, set, sorted by.
    let mut list = "";
    for at in 0..tokens.len() {
        if sign(at, '(') {
            depth += 1;
            continue;
        }
        if sign(at, ')') {
            depth = depth.saturating_sub(1);
            continue;
        }
        let Some(name) = word(tokens.get(at)) else {
            continue;
        };
        match name.as_str() {
            "select" | "where" | "set" | "having" | "returning" => list = "",
            "by" if depth == 0 => list = "by",
            "limit" | "for" | "on" | "values" => list = "-",
            _ => {}
        }
        if at == 0 || sign(at - 1, '.') || sign(at + 1, '.') || sign(at + 1, '(') {
            continue;
        }
        let behind_comma = sign(at - 1, ',') && depth == 0;
        let selected = is(tokens.first(), "select")
            && from.is_some_and(|from| at < from)
            && (at_word(at - 1, &["select", "distinct"]) || behind_comma)
            && (sign(at + 1, ',') || at_word(at + 1, &["from", "as"]));
        let is_operator = matches!(tokens.get(at + 1), Some(Token::Sign('=' | '<' | '>' | '!')))
            || at_word(at + 1, &["is", "in", "like", "ilike", "between"])
            || at_word(at + 1, &["not"]) && at_word(at + 2, &["in", "like", "ilike", "between", "null"]);
        let compared = is_operator
            && (at_word(at - 1, &["where", "and", "or", "not"])
                || sign(at - 1, '(') && at >= 2 && at_word(at - 2, &["where", "and", "or", "not"]));
        let set = is(tokens.first(), "update")
            && (at_word(at - 1, &["set"]) || behind_comma && list.is_empty())
            && sign(at + 1, '=');
        let sorted = list == "by"
            && depth == 0
            && (at_word(at - 1, &["by"]) || behind_comma)
            && (at + 1 == tokens.len()
                || sign(at + 1, ',')
                || at_word(at + 1, &["asc", "desc", "limit", "nulls"]));
        if selected || compared || set || sorted {
            found.push(name);
        }
    }
    // `INSERT INTO t (a, b)`
    if is(tokens.first(), "insert")
        && let Some(into) = (0..tokens.len()).find(|at| is(tokens.get(*at), "into"))
        && sign(into + 2, '(')
    {
        let inside = tokens
            .iter()
            .skip(into + 3)
            .take_while(|token| **token != Token::Sign(')'));
        found.extend(inside.filter_map(|token| word(Some(token))));
    }
    found
}
