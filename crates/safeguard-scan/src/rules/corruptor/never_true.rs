//! Conditions of queries that hold for no row, or for every one: `Customer.deleted_at is None`, `= NULL` in a text; and a position taken for a yes.

use super::values;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::rows;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: EVERY_LANGUAGE,
    run,
    ..values::IDENTITY
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    texts(code, reports);
    match source.tree.language() {
        Language::Python => columns(code, reports),
        Language::JavaScript | Language::TypeScript | Language::Tsx => positions(code, reports),
        _ => {}
    }
}

/// `WHERE paid_at = NULL` in a statement that the program sends.
fn texts(code: Code<'_>, reports: &mut Reports) {
    let kinds = [Kind::Str, Kind::Interp];
    for id in kinds.iter().flat_map(|kind| code.source.of_kind(*kind)).copied() {
        let inner = code
            .tree
            .parent(id)
            .is_some_and(|parent| code.kind(parent) == Kind::Interp);
        let Some(sql) = (!inner).then(|| rows::sql_of(code.tree, id)).flatten() else {
            continue;
        };
        // Behind the condition nothing is set: what is there is compared.
        let Some((_, condition)) = sql.split_once(" where ") else {
            continue;
        };
        let sets = condition.contains(" set ") || condition.contains(":=");
        let compares = ["= null", "<> null", "!= null"].iter().any(|wanted| {
            condition.match_indices(wanted).any(|(at, found)| {
                let before = condition[..at].trim_end().chars().next_back();
                let after = condition[at + found.len()..].chars().next();
                before.is_some_and(|char| char.is_alphanumeric() || matches!(char, '_' | '"' | ')' | '`'))
                    && after.is_none_or(|char| !char.is_alphanumeric() && char != '_' && char != '(')
            })
        });
        if compares && !sets && !undoes_or_tests(code, id) {
            reports.add(
                id,
                "nothing equals NULL, and nothing differs from it: the condition holds for no row",
            );
        }
    }
}

/// A column within a query's condition that Python itself compares: the query is given `False` or one of two conditions.
fn columns(code: Code<'_>, reports: &mut Reports) {
    if !code.tree.text().contains("sqlalchemy") && !code.tree.text().contains("sqlmodel") {
        return;
    }
    for call in code.source.of_kind(Kind::Call).iter().copied() {
        let in_query = code.receiver(call).is_some()
            && matches!(code.called(call), "where" | "filter" | "having")
            || matches!(code.called(call), "and_" | "or_" | "not_");
        if !in_query || undoes_or_tests(code, call) {
            continue;
        }
        for arg in code.args(call) {
            match (code.kind(arg), code.name(arg)) {
                (Kind::Binary, "is" | "is not") => {
                    let of_column = code
                        .child(arg, Role::Left)
                        .is_some_and(|left| is_column(code, left));
                    if of_column
                        && code
                            .child(arg, Role::Right)
                            .is_some_and(|right| code.is_null(right))
                    {
                        reports.add(arg, "Python compares the column itself, which is never `None`: the query is not asked for it; `.is_(None)` asks");
                    }
                }
                (Kind::Binary, "and" | "or") => {
                    let sides = [Role::Left, Role::Right].map(|role| code.child(arg, role));
                    let conditions = sides.iter().flatten().all(|side| {
                        code.comparison(*side).is_some_and(|(operator, left, _)| {
                            matches!(operator, "==" | "!=" | "<" | ">" | "<=" | ">=") && is_column(code, left)
                        })
                    });
                    if conditions {
                        reports.add(arg, format!("Python's `{}` takes one of the two conditions and drops the other: `and_(…)`, `or_(…)` or a comma joins them", code.name(arg)));
                    }
                }
                (Kind::Unary, "not")
                    if code
                        .child(arg, Role::Value)
                        .is_some_and(|value| is_column(code, value)) =>
                {
                    reports.add(
                        arg,
                        "Python's `not` asks the column itself, and not the rows: `~` or `not_(…)` asks them",
                    );
                }
                _ => {}
            }
        }
    }
}

/// `Customer.deleted_at`
fn is_column(code: Code<'_>, id: NodeId) -> bool {
    code.kind(id) == Kind::Member
        && code.child(id, Role::Object).is_some_and(|of| {
            let name = code.name(of);
            code.kind(of) == Kind::Name
                && name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.bytes().any(|byte| byte.is_ascii_lowercase())
        })
}

/// `if (names.indexOf(name))`: 0 is the first, and -1, for none, is true.
fn positions(code: Code<'_>, reports: &mut Reports) {
    for call in code.source.of_kind(Kind::Call).iter().copied() {
        if !matches!(code.called(call), "indexOf" | "findIndex" | "lastIndexOf")
            || code.receiver(call).is_none()
        {
            continue;
        }
        let Some(parent) = code.tree.parent(call) else {
            continue;
        };
        let truth = match code.kind(parent) {
            Kind::If | Kind::Conditional => code.tree.role(call) == Role::Condition,
            Kind::Unary => code.name(parent) == "not",
            Kind::Binary => {
                matches!(code.name(parent), "and" | "or")
                    && code.tree.parent(parent).is_some_and(|around| {
                        code.kind(around) == Kind::If && code.tree.role(parent) == Role::Condition
                    })
            }
            _ => false,
        };
        // `!~a.indexOf(b)` is an old way to ask rightly.
        if truth && !undoes_or_tests(code, call) {
            reports.add(
                call,
                "the first has the position 0, which is no, and what is not there has -1, which is yes",
            );
        }
    }
}
