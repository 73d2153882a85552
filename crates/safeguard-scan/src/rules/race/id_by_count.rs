//! Numbers for new rows that are computed from the rows there are.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, rows, typed};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "id-by-count",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-694"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in source.of_kind(Kind::Binary).iter().copied() {
        let (Some(left), Some(right)) = (tree.child(id, Role::Left), tree.child(id, Role::Right)) else {
            continue;
        };
        if tree.name(id) != "+" || tree.name(right) != "1" || tree.kind(right) != Kind::Num {
            continue;
        }
        let Some(name) = names_row(tree, id) else {
            continue;
        };
        match counted(source, left, id, 0) {
            Some(true) => reports.add(
                id,
                format!(
                    "`{name}` is computed from the rows there are: two requests at once get the same one"
                ),
            ),
            Some(false) if bodies::handler_around(source, id).is_some() => {
                reports.note(id, format!("`{name}` is computed from the entries there are: it is given twice when two come at once, or one was removed"));
            }
            _ => {}
        }
    }
    for id in source.of_kind(Kind::Str).iter().copied() {
        let Some(text) = rows::sql_of(tree, id) else {
            continue;
        };
        if next_by_max(&text) && !text.contains("for update") && tree.role(id) == Role::Arg {
            reports.add(
                id,
                "this takes the greatest number there is and adds one: two at once get the same one",
            );
        }
    }
}

/// `SELECT MAX(id) + 1`, `COALESCE(MAX(id), 0) + 1`.
fn next_by_max(sql: &str) -> bool {
    let Some(at) = sql.find("max(") else {
        return false;
    };
    let rest: String = sql[at + 4..]
        .chars()
        .filter(|char| !char.is_whitespace())
        .collect();
    let Some((column, after)) = rest.split_once(')') else {
        return false;
    };
    let is_number = [
        "id",
        "number",
        "no",
        "num",
        "seq",
        "sequence",
        "position",
        "code",
        "order_number",
    ]
    .iter()
    .any(|ending| {
        column
            .rsplit(['_', '.'])
            .next()
            .is_some_and(|last| last == *ending)
    });
    is_number && (after.starts_with("+1") || after.starts_with(",0)+1"))
}

/// What the number is for, if it is a row's: an argument, a key or a name that says so.
fn names_row(tree: &Tree, id: NodeId) -> Option<&str> {
    for around in tree.ancestors(id) {
        let name = match tree.kind(around) {
            Kind::Keyword => tree.name(around),
            Kind::Pair => tree.child(around, Role::Key).map_or("", |key| tree.name(key)),
            Kind::Assign => tree
                .child(around, Role::Target)
                .map_or("", |target| match tree.kind(target) {
                    Kind::Name | Kind::Member => tree.name(target),
                    Kind::Index => tree
                        .child(target, Role::Index)
                        .map_or("", |index| tree.name(index)),
                    _ => "",
                }),
            // `f"INV-{n + 1}"`, `String(n + 1)`, `(n or 0) + 1`
            Kind::Interp | Kind::Binary | Kind::Conditional => continue,
            Kind::Call
                if matches!(
                    calls::name(tree, around),
                    "str" | "String" | "padStart" | "zfill" | "int" | "toString" | "Sprintf" | "format"
                ) =>
            {
                continue;
            }
            Kind::Member if matches!(tree.name(around), "toString" | "padStart" | "zfill") => continue,
            _ => return None,
        };
        return is_row_number(name).then_some(name);
    }
    None
}

fn is_row_number(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower == "id"
        || lower == "pk"
        || name.ends_with("Id")
        || name.ends_with("ID")
        || ["_id", "number", "_no", "_num", "sequence", "seq", "_code"]
            .iter()
            .any(|ending| lower.ends_with(ending))
            && ![
                "page", "line", "version", "retry", "attempt", "port", "phone", "build", "step", "row",
                "round", "lineno", "question", "slide", "status", "zip", "week", "column", "chunk",
            ]
            .iter()
            .any(|other| lower.contains(other))
}

/// Whether a value counts rows of a database (`true`) or of a list (`false`).
fn counted(source: &Source, value: NodeId, at: NodeId, depth: usize) -> Option<bool> {
    const DEPTH_MAX: usize = 3;
    let tree = &source.tree;
    if depth > DEPTH_MAX {
        return None;
    }
    match tree.kind(value) {
        Kind::Await | Kind::Cast => counted(source, tree.child(value, Role::Value)?, at, depth + 1),
        Kind::Binary if matches!(tree.name(value), "or" | "??") => {
            counted(source, tree.child(value, Role::Left)?, at, depth + 1)
        }
        Kind::Conditional => counted(source, tree.child(value, Role::Value)?, at, depth + 1),
        Kind::Call => {
            let name = calls::name(tree, value);
            let chain = calls::chain(tree, value);
            let path = calls::path(source, value);
            // Spring Data: `invoices.count() + 1`, `invoices.findMaxNumber() + 1`
            let of_repository = calls::receiver(tree, value)
                .and_then(|of| typed::declared_type(source, of))
                .is_some_and(|ty| ty.ends_with("Repository") || ty.ends_with("Dao"));
            if of_repository && (name.starts_with("count") || name.contains("Max")) {
                return Some(true);
            }
            match name {
                "count"
                | "countDocuments"
                | "estimatedDocumentCount"
                | "count_documents"
                | "scalar"
                | "max" => {
                    let on_rows = path.contains(".objects.")
                        || chain.iter().any(|name| {
                            matches!(*name, "query" | "filter" | "filter_by" | "execute" | "find")
                        })
                        || tree
                            .parent(value)
                            .is_some_and(|parent| tree.kind(parent) == Kind::Await)
                        || path.contains(".query.");
                    let of_max = name == "scalar" || name == "max";
                    let max = !of_max
                        || tree.source(value).contains("max(")
                            && (name == "scalar"
                                || path.contains("db.")
                                || tree
                                    .parent(value)
                                    .is_some_and(|parent| tree.kind(parent) == Kind::Await));
                    (on_rows && max).then_some(true)
                }
                "len" => {
                    let what = calls::arg(tree, value, 0)?;
                    let rows =
                        tree.source(what).contains(".objects.") || tree.source(what).contains(".query.");
                    (rows || matches!(tree.kind(what), Kind::Name | Kind::Member)).then_some(rows)
                }
                "int" | "Number" | "parseInt" => counted(source, calls::arg(tree, value, 0)?, at, depth + 1),
                _ => None,
            }
        }
        // `Order.objects.aggregate(Max("id"))["id__max"]`, `last.id`, `list.length`
        Kind::Index => {
            let object = tree.child(value, Role::Object)?;
            let aggregate =
                tree.source(object).contains("Max(") && calls::chain(tree, object).contains(&"aggregate");
            if aggregate {
                return Some(true);
            }
            taken_from_last(source, object, at)
        }
        Kind::Member => {
            if tree.name(value) == "length" {
                return Some(false);
            }
            if !is_row_number(tree.name(value))
                && !matches!(tree.name(value), "max" | "last" | "highest" | "maximum")
            {
                return None;
            }
            taken_from_last(source, tree.child(value, Role::Object)?, at)
        }
        Kind::Name => {
            let function = bodies::enclosing(tree, at)?;
            let assign = bodies::body(tree, function).into_iter().rfind(|id| {
                *id < at
                    && tree.kind(*id) == Kind::Assign
                    && tree.children_in(*id, Role::Target).any(|target| {
                        tree.kind(target) == Kind::Name && tree.name(target) == tree.name(value)
                    })
            })?;
            counted(source, tree.child(assign, Role::Value)?, assign, depth + 1)
        }
        _ => None,
    }
}

/// Whether a value is the row with the greatest number: sorted downwards, and the first taken.
fn taken_from_last(source: &Source, object: NodeId, at: NodeId) -> Option<bool> {
    let tree = &source.tree;
    let value = if tree.kind(object) == Kind::Name {
        let function = bodies::enclosing(tree, at)?;
        let assign = bodies::body(tree, function).into_iter().rfind(|id| {
            *id < at
                && tree.kind(*id) == Kind::Assign
                && tree.children_in(*id, Role::Target).any(|target| {
                    tree.subtree(target)
                        .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == tree.name(object))
                })
        })?;
        tree.child(assign, Role::Value)?
    } else {
        object
    };
    let text = tree.source(value);
    let sorted = [
        "order_by(\"-",
        "order_by('-",
        ".desc()",
        "desc(",
        "\"DESC\"",
        "'DESC'",
        " DESC",
        "'desc'",
        "\"desc\"",
        "latest(",
        ": -1",
        ".last()",
        "Max(",
        ".max(",
        "MAX(",
        "_max",
    ]
    .iter()
    .any(|word| text.contains(word));
    (sorted
        && matches!(
            tree.kind(value),
            Kind::Call | Kind::Await | Kind::Index | Kind::Member
        ))
    .then_some(true)
}
