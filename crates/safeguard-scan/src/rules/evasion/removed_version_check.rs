//! A row was written only where nobody had changed it in between, by its version; a change takes that away.

use safeguard_api::evidence::Severity;

use super::removed_protection;
use crate::analysis::functions::{body_nodes, head};
use crate::analysis::rows;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static COMPARISON: Comparison = Comparison {
    id: removed_protection::COMPARISON.id,
    failure: removed_protection::COMPARISON.failure,
    cwe: removed_protection::COMPARISON.cwe,
    languages: removed_protection::COMPARISON.languages,
    run,
    gone: None,
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.is_test() {
        return;
    }
    statements(both, taken);
    fields(both, taken);
}

/// `UPDATE … WHERE id = $1 AND version = $2` that is now `WHERE id = $1`.
fn statements(both: &Both<'_>, taken: &mut Vec<Taken>) {
    for (name, base, now) in pairs(both) {
        let was = updates(&both.base.tree, base);
        let is = updates(&both.head.tree, now);
        for (table, column) in was
            .iter()
            .filter_map(|(table, column, _)| Some((table, column.as_ref()?)))
        {
            let same: Vec<_> = is.iter().filter(|(other, _, _)| other == table).collect();
            if same.is_empty() || same.iter().any(|(_, column, _)| column.is_some()) {
                continue;
            }
            let locks = both.head.tree.source(now).to_ascii_lowercase();
            if ["for update", "for_update", "forupdate", "lock"]
                .iter()
                .any(|word| locks.contains(word))
            {
                continue;
            }
            taken.push(Taken {
                node: head(&both.head.tree, now),
                severity: Severity::High,
                confidence: Confidence::High,
                message: format!("`{name}` wrote `{table}` only where `{column}` was still what had been read, and this change takes that away"),
            });
        }
    }
}

/// The tables that a function updates, each with the column of its version, if the statement asks for it.
fn updates(tree: &Tree, function: NodeId) -> Vec<(String, Option<String>, NodeId)> {
    let texts = body_nodes(tree, function)
        .into_iter()
        .filter(|id| matches!(tree.kind(*id), Kind::Str | Kind::Interp));
    texts
        .filter_map(|id| {
            let sql = rows::sql_of(tree, id)?;
            let rest = sql.trim_start().strip_prefix("update ")?;
            let table = rest
                .split_whitespace()
                .next()?
                .trim_matches(['"', '`'])
                .to_owned();
            let (_, condition) = rest.split_once(" where ")?;
            Some((table, version_in(condition), id))
        })
        .collect()
}

/// The column that a condition compares a version with: `version = $3`, `o.row_version = ?`, `updated_at = :seen`.
fn version_in(condition: &str) -> Option<String> {
    let words: Vec<&str> = condition.split_whitespace().collect();
    words
        .windows(2)
        .find(|pair| {
            let column = pair[0]
                .rsplit('.')
                .next()
                .unwrap_or(pair[0])
                .trim_start_matches('(');
            is_version(column) && pair[1].starts_with('=')
        })
        .map(|pair| pair[0].trim_start_matches('(').to_owned())
}

fn is_version(name: &str) -> bool {
    matches!(
        name,
        "version"
            | "row_version"
            | "rowversion"
            | "lock_version"
            | "revision"
            | "updated_at"
            | "etag"
            | "version_id"
    )
}

/// A field under `@Version`, and SQLAlchemy's `version_id_col`.
fn fields(both: &Both<'_>, taken: &mut Vec<Taken>) {
    for (class, _) in versioned(both.base) {
        let name = both.base.tree.name(class);
        let now = both
            .head
            .of_kind(Kind::Class)
            .iter()
            .copied()
            .find(|other| both.head.tree.name(*other) == name);
        let Some(now) = now else {
            continue;
        };
        let kept = versioned(both.head).any(|(other, _)| other == now);
        // The field may have moved to what the class extends.
        let has_new_base = both.head.tree.children_in(now, Role::Base).count()
            > both.base.tree.children_in(class, Role::Base).count();
        if !kept && !has_new_base && !both.moved.mentions("Version") && !both.moved.mentions("version_id_col")
        {
            taken.push(Taken {
                node: now,
                severity: Severity::High,
                confidence: Confidence::High,
                message: format!("rows of `{name}` had a version, so that nobody wrote over what another had changed; this change takes it away"),
            });
        }
    }
}

/// The classes whose rows have a version, each with what says so.
fn versioned(source: &Source) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
    let tree = &source.tree;
    let decorators = source.of_kind(Kind::Decorator).iter().copied().filter(|id| {
        tree.child(*id, Role::Value).is_some_and(|value| {
            matches!(tree.kind(value), Kind::Name | Kind::Call)
                && matches!(
                    tree.source(value).split('(').next(),
                    Some("Version" | "VersionColumn")
                )
        })
    });
    let mapper = source
        .of_kind(Kind::Str)
        .iter()
        .copied()
        .filter(|id| tree.name(*id) == "version_id_col");
    decorators.chain(mapper).filter_map(|id| {
        let class = tree
            .ancestors(id)
            .find(|around| tree.kind(*around) == Kind::Class)?;
        Some((class, id))
    })
}
