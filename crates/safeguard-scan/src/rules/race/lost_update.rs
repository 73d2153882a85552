//! A value that is read from a row, computed anew, and written back: what others wrote meanwhile is lost.

mod collections;
mod setters;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, rows};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "lost-update",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-367"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let is_java = tree.language() == Language::Java;
    if is_java {
        setters::run(source, project, reports);
    }
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions.copied() {
        let nodes = bodies::body(tree, function);
        let mut rows = rows::read_in(source, function);
        // Migrations and jobs that are started by hand go over all rows while nobody else does.
        if !source.path.contains("migrations/") && !source.path.contains("management/commands/") {
            rows.extend(collections::rows_of_many(source, function));
        }
        if rows.is_empty() || rows::is_protected(source, function) {
            continue;
        }
        for id in &nodes {
            match tree.kind(*id) {
                Kind::Assign if !is_java => {
                    member(source, *id, &nodes, &rows, reports);
                    set_anew(source, *id, &nodes, &rows, reports);
                }
                Kind::Call => {
                    if !is_java {
                        update_call(source, *id, &nodes, &rows, reports);
                    }
                    statement(source, *id, &nodes, &rows, reports);
                }
                _ => {}
            }
        }
    }
}

/// `account.balance -= amount` … `account.save()`.
fn member(source: &Source, id: NodeId, nodes: &[NodeId], rows: &[rows::Row<'_>], reports: &mut Reports) {
    let tree = &source.tree;
    let (Some(target), Some(value)) = (tree.child(id, Role::Target), tree.child(id, Role::Value)) else {
        return;
    };
    // Python: `card["balance"] -= cents`
    let of_item = tree.kind(target) == Kind::Index
        && tree
            .child(target, Role::Index)
            .is_some_and(|key| tree.kind(key) == Kind::Str)
        && tree.language() == Language::Python;
    if tree.kind(target) != Kind::Member && !of_item {
        return;
    }
    let Some(owner) = tree
        .child(target, Role::Object)
        .filter(|owner| tree.kind(*owner) == Kind::Name)
    else {
        return;
    };
    let own = canonical(tree, target);
    let changes = match tree.name(id) {
        "+=" | "-=" => true,
        "=" => {
            is_sum(tree, value)
                && tree.subtree(value).any(|part| {
                    matches!(tree.kind(part), Kind::Member | Kind::Index) && canonical(tree, part) == own
                })
        }
        _ => false,
    };
    let atomic = tree.subtree(value).any(|part| {
        tree.kind(part) == Kind::Call
            && matches!(
                calls::name(tree, part),
                "F" | "Expr" | "increment" | "raw" | "literal"
            )
    });
    // Text, lists and dates are put together too.
    let is_text = tree.subtree(value).any(|part| {
        matches!(tree.kind(part), Kind::Str | Kind::Interp | Kind::List) && tree.role(part) != Role::Index
    });
    let row = rows
        .iter()
        .any(|row| row.name == tree.name(owner) && row.read < id);
    let is_call = |id: NodeId| tree.kind(id) == Kind::Call;
    let saved = nodes.iter().any(|other| {
        *other > id
            && (rows::is_save(tree, *other) || is_call(*other) && rows::saves_by_helper(source, *other))
    });
    // `Account.balance` is a column, not a row's value.
    let is_class = tree.subtree(value).any(|part| {
        tree.kind(part) == Kind::Member
            && tree.child(part, Role::Object).is_some_and(|object| {
                tree.kind(object) == Kind::Name
                    && tree
                        .name(object)
                        .starts_with(|first: char| first.is_ascii_uppercase())
            })
            && tree.language() == Language::Python
    });
    if changes && !atomic && !is_text && !is_class && row && saved {
        let name = tree.source(target);
        reports.add(id, format!("`{name}` is computed from what was read before and written back; what others wrote meanwhile is lost"));
    }
}

/// SeaORM: `account.balance = Set(row.balance - amount)`.
fn set_anew(source: &Source, id: NodeId, nodes: &[NodeId], rows: &[rows::Row<'_>], reports: &mut Reports) {
    let tree = &source.tree;
    if tree.language() != Language::Rust {
        return;
    }
    let value = tree
        .child(id, Role::Value)
        .filter(|value| tree.kind(*value) == Kind::Call && calls::name(tree, *value) == "Set")
        .and_then(|set| calls::arg(tree, set, 0));
    if let Some(value) = value
        && let Some(name) = computed_from(tree, value, id, nodes, rows, 0)
    {
        reports.add(id, format!("this writes a value computed from `{name}`, which was read before; what others wrote meanwhile is lost"));
    }
}

fn is_sum(tree: &Tree, id: NodeId) -> bool {
    tree.kind(id) == Kind::Binary && matches!(tree.name(id), "+" | "-")
        || tree.kind(id) == Kind::Call
            && matches!(
                calls::name(tree, id),
                "max"
                    | "min"
                    | "Number"
                    | "round"
                    | "Add"
                    | "Sub"
                    | "minus"
                    | "plus"
                    | "sub"
                    | "add"
                    | "int"
                    | "float"
                    | "Decimal"
            )
            && tree.children(id).any(|child| is_sum(tree, child))
}

/// `prisma.account.update({ data: { balance: account.balance - amount } })`, `.update(stock=product.stock - 1)`.
fn update_call(source: &Source, id: NodeId, nodes: &[NodeId], rows: &[rows::Row<'_>], reports: &mut Reports) {
    let tree = &source.tree;
    let updates = matches!(
        calls::name(tree, id),
        "update"
            | "updateOne"
            | "updateMany"
            | "findByIdAndUpdate"
            | "findOneAndUpdate"
            | "update_one"
            | "update_many"
            | "Update"
            | "Updates"
            | "UpdateColumn"
            | "values"
            | "set"
            | "upsert"
            | "find_one_and_update"
            | "updateDoc"
            | "aupdate"
            | "put_item"
    );
    // DynamoDB: `client.send(new PutCommand({ Item: { …, left: item.left - 1 } }))`
    let puts = calls::name(tree, id) == "send"
        && calls::arg(tree, id, 0).is_some_and(|command| {
            matches!(
                calls::name(tree, command),
                "PutCommand" | "PutItemCommand" | "UpdateCommand"
            )
        });
    if !updates && !puts {
        return;
    }
    // Go: `db.Model(&p).Update("stock", p.Stock-1)`.
    let by_position = calls::arg(tree, id, 1).filter(|value| {
        matches!(calls::name(tree, id), "Update" | "UpdateColumn") && tree.kind(*value) == Kind::Binary
    });
    let parts = tree.children_in(id, Role::Arg).flat_map(|arg| tree.subtree(arg));
    let values = parts
        .filter(|part| matches!(tree.kind(*part), Kind::Pair | Kind::Keyword))
        .filter_map(|pair| tree.child(pair, Role::Value))
        .chain(by_position);
    for value in values {
        if let Some(name) = computed_from(tree, value, id, nodes, rows, 0) {
            reports.add(id, format!("this writes a value computed from `{name}`, which was read before; what others wrote meanwhile is lost"));
            return;
        }
    }
}

/// The row that a sum is computed from, here or by way of a name.
fn computed_from<'t>(
    tree: &'t Tree,
    value: NodeId,
    before: NodeId,
    nodes: &[NodeId],
    rows: &[rows::Row<'t>],
    depth: usize,
) -> Option<&'t str> {
    const DEPTH_MAX: usize = 3;
    if depth > DEPTH_MAX {
        return None;
    }
    if is_sum(tree, value) {
        let text = tree
            .subtree(value)
            .any(|part| matches!(tree.kind(part), Kind::Str | Kind::Interp));
        let atomic = tree.subtree(value).any(|part| {
            tree.kind(part) == Kind::Call
                && matches!(calls::name(tree, part), "F" | "Expr" | "raw" | "literal" | "sql")
        });
        if text && tree.name(value) == "+" || atomic {
            return None;
        }
        return tree
            .subtree(value)
            .filter(|part| tree.kind(*part) == Kind::Name && tree.role(*part) != Role::Callee)
            .find_map(|part| {
                let name = tree.name(part);
                if rows.iter().any(|row| row.name == name && row.read < before) {
                    return Some(name);
                }
                taken_from_row(tree, name, before, nodes, rows)
            });
    }
    if tree.kind(value) == Kind::Name {
        // The value is computed before: `new_balance = account.balance - amount`.
        let assign = nodes.iter().copied().rfind(|id| {
            *id < before
                && tree.kind(*id) == Kind::Assign
                && tree
                    .children_in(*id, Role::Target)
                    .any(|target| tree.kind(target) == Kind::Name && tree.name(target) == tree.name(value))
        })?;
        if matches!(tree.name(assign), "+=" | "-=") {
            return taken_from_row(tree, tree.name(value), assign, nodes, rows);
        }
        return computed_from(
            tree,
            tree.child(assign, Role::Value)?,
            assign,
            nodes,
            rows,
            depth + 1,
        );
    }
    None
}

/// `balance = row[0]`, `const stock = product.stock`.
fn taken_from_row<'t>(
    tree: &'t Tree,
    name: &str,
    before: NodeId,
    nodes: &[NodeId],
    rows: &[rows::Row<'t>],
) -> Option<&'t str> {
    if let Some(row) = rows.iter().find(|row| row.name == name && row.read < before) {
        return Some(row.name);
    }
    let assign = nodes.iter().copied().rfind(|id| {
        *id < before
            && tree.kind(*id) == Kind::Assign
            && tree
                .children_in(*id, Role::Target)
                .any(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
    })?;
    let value = tree.child(assign, Role::Value)?;
    tree.subtree(value).find_map(|part| {
        let row = rows
            .iter()
            .find(|row| tree.kind(part) == Kind::Name && row.name == tree.name(part) && row.read < assign)?;
        (row.name != name).then_some(row.name)
    })
}

/// `UPDATE accounts SET balance = %s` with a value computed from a `SELECT` of the same table.
fn statement(source: &Source, id: NodeId, nodes: &[NodeId], rows: &[rows::Row<'_>], reports: &mut Reports) {
    let tree = &source.tree;
    let Some((at, text)) = calls::args(tree, id).find_map(|arg| Some((arg, rows::sql_of(tree, arg)?))) else {
        return;
    };
    let Some(rest) = text.strip_prefix("update ") else {
        return;
    };
    let table = rest.split(' ').next().unwrap_or_default();
    let read = nodes.iter().any(|other| {
        *other < id
            && tree.kind(*other) == Kind::Call
            && calls::args(tree, *other).any(|arg| {
                rows::sql_of(tree, arg).is_some_and(|text| {
                    text.starts_with("select") && text.contains(&format!(" from {table}"))
                })
            })
    });
    // `SET balance = balance - ?` is computed by the database, and a `WHERE` on the old value notices the others.
    if !read || computes_itself(rest) {
        return;
    }
    let values = tree
        .children_in(id, Role::Arg)
        .filter(|arg| *arg != at)
        .chain(calls::bound(tree, id))
        .flat_map(|arg| tree.subtree(arg))
        .chain(tree.subtree(at))
        .filter(|part| matches!(tree.kind(*part), Kind::Name | Kind::Binary | Kind::Call));
    for value in values {
        if let Some(name) = computed_from(tree, value, id, nodes, rows, 0) {
            reports.add(id, format!("this writes a value computed from `{name}`, which an earlier statement read; what others wrote meanwhile is lost"));
            return;
        }
    }
}

fn computes_itself(update: &str) -> bool {
    let Some((_, set)) = update.split_once(" set ") else {
        return true;
    };
    let (set, condition) = set.split_once(" where ").unwrap_or((set, ""));
    let (column, value) = set.split_once('=').unwrap_or((set, ""));
    let column = column.trim();
    value
        .split(|char: char| !char.is_alphanumeric() && char != '_')
        .any(|word| word == column)
        || condition
            .split(|char: char| !char.is_alphanumeric() && char != '_')
            .any(|word| word == column)
}
