//! A statement that deletes, and whose conditions all depend on values that may be missing: they are added to its text only when these are there,
//! or the text itself lets each of them hold for nothing.

use super::CHECK;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::{earlier_exits, undoes_or_tests};
use crate::analysis::sql_file;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

/// Statements that are put together piece by piece, in the languages whose builders are objects.
pub static ADDED: Check = Check {
    languages: &[Language::Java, Language::Rust],
    run: added,
    ..CHECK
};

/// `WHERE (:folder IS NULL OR folder = :folder)`
pub static NOTHING_IS_ALL: Check = Check {
    languages: ALL_LANGUAGES,
    run: nothing_is_all,
    ..CHECK
};

pub static IN_SQL: Check = Check {
    languages: &[Language::Sql],
    run: in_sql,
    ..CHECK
};

fn added(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        let Some((name, begin)) = begun(code, assign) else {
            continue;
        };
        let Some(function) = bodies::enclosing(code.tree, assign).filter(|_| !undoes_or_tests(code, assign))
        else {
            continue;
        };
        let grows: Vec<NodeId> = code
            .tree
            .subtree(function)
            .filter(|id| *id > assign && adds_to(code, *id, name))
            .collect();
        let Some(first) = grows.first() else {
            continue;
        };
        let under_condition = |id: NodeId| {
            code.tree
                .ancestors(id)
                .take_while(|around| *around != function)
                .any(|around| code.kind(around) == Kind::If && code.child(around, Role::Else).is_none())
        };
        if grows.iter().all(|grow| under_condition(*grow)) && earlier_exits(code, *first).is_empty() {
            reports.add(
                begin,
                format!(
                    "`{name}` has no condition when nothing above adds one, and then everything is deleted"
                ),
            );
        }
    }
}

/// The name and the text of a statement that is begun here and deletes all as it stands.
fn begun(code: Code<'_>, assign: NodeId) -> Option<(&str, NodeId)> {
    let target = code
        .child(assign, Role::Target)
        .filter(|target| code.kind(*target) == Kind::Name)?;
    let value = code.bare(code.child(assign, Role::Value)?);
    let text = match code.kind(value) {
        Kind::Str => value,
        // `QueryBuilder::new("…")`, `String::from("…")`, `new StringBuilder("…")`, `"…".to_string()`
        Kind::Call | Kind::New => match code.called(value) {
            "new" | "from" | "StringBuilder" | "StringBuffer" => code.arg(value, 0)?,
            "to_string" | "to_owned" | "into" => code.receiver(value)?,
            _ => return None,
        },
        _ => return None,
    };
    let statement = code
        .text(text)?
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_lowercase();
    let rest = statement.strip_prefix("delete from ")?;
    let condition = rest
        .split_once(" where")
        .map_or("", |(_, condition)| condition.trim());
    matches!(condition, "" | "1=1" | "1 = 1" | "true").then_some((code.name(target), text))
}

/// `sql.push(…)`, `sql.append(…)`, `sql += …`
fn adds_to(code: Code<'_>, id: NodeId, name: &str) -> bool {
    match code.kind(id) {
        Kind::Call => {
            matches!(
                code.called(id),
                "push" | "push_str" | "push_bind" | "append" | "separated"
            ) && code.first_name_of_call(id) == Some(name)
        }
        Kind::Assign => code
            .child(id, Role::Target)
            .is_some_and(|target| code.name(target) == name),
        _ => false,
    }
}

fn nothing_is_all(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for text in source.of_kind(Kind::Str).iter().copied() {
        if !holds_for_nothing(code.name(text), &|value: &str| {
            value.starts_with([':', '$', '@', '%', '?', '{'])
        }) || undoes_or_tests(code, text)
        {
            continue;
        }
        let asked = bodies::enclosing(code.tree, text).is_some_and(|function| {
            code.source
                .calls()
                .iter()
                .filter(|call| {
                    code.tree.within(**call, function)
                        && code.tree.span(**call).end >= code.tree.span(text).start
                })
                .any(|call| !earlier_exits(code, *call).is_empty())
        });
        if !asked {
            reports.add(
                text,
                "every condition here holds for a value that is not there: without them everything is deleted",
            );
        }
    }
}

/// Whether a statement deletes, and each of its conditions is `(value IS NULL OR …)` for a value that it is given.
fn holds_for_nothing(text: &str, is_given: &dyn Fn(&str) -> bool) -> bool {
    let begins = text
        .trim_start()
        .get(..6)
        .is_some_and(|word| word.eq_ignore_ascii_case("delete"));
    if !begins {
        return false;
    }
    let text = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_ascii_lowercase();
    let Some((_, conditions)) = text.split_once(" where ") else {
        return false;
    };
    let conditions = conditions.split(" returning ").next().unwrap_or(conditions);
    let mut all = top_level(conditions.trim_end_matches(';').trim(), " and ")
        .into_iter()
        .peekable();
    all.peek().is_some()
        && all.all(|condition| {
            let mut plain = condition.trim();
            while let Some(inner) = plain.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
                plain = inner.trim();
            }
            top_level(plain, " or ").iter().any(|way| {
                way.trim()
                    .strip_suffix(" is null")
                    .is_some_and(|value| is_given(value.trim().trim_start_matches("cast(")))
            })
        })
}

/// The parts of a text between a word, where that stands in no brackets.
fn top_level<'t>(text: &'t str, between: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b' ' if depth == 0
                && at >= begin
                && text.get(at..).is_some_and(|rest| rest.starts_with(between)) =>
            {
                parts.push(&text[begin..at]);
                begin = at + between.len();
            }
            _ => {}
        }
    }
    parts.push(text.get(begin..).unwrap_or(""));
    parts
}

/// The same in a function of the database, whose parameters may be left out.
fn in_sql(source: &Source, _: &Project, reports: &mut Reports) {
    for statement in sql_file::of(source) {
        if statement.word(0) != "delete" || !sql_file::is_in_function(source, statement.node) {
            continue;
        }
        let Some(function) = source
            .tree
            .ancestors(statement.node)
            .filter(|around| source.tree.kind(*around) == Kind::Statement)
            .last()
        else {
            continue;
        };
        let head = source.tree.name(function).to_ascii_lowercase();
        let is_parameter = |value: &str| {
            head.split(|char: char| !char.is_alphanumeric() && char != '_')
                .any(|word| word == value)
        };
        let whole = source.tree.source(function).to_ascii_lowercase();
        if !whole.contains("raise") && holds_for_nothing(source.tree.name(statement.node), &is_parameter) {
            reports.add(
                statement.node,
                "every condition here holds for a parameter that is not there: without them everything is deleted",
            );
        }
    }
}
