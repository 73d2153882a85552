//! Rows that are looked at first and written afterwards, with a gap between in which others do the same.

mod aggregates;
pub(super) mod java;
mod unique;
mod updates;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, rows, served};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

use aggregates::{aggregated, counted_with, pushed_after};
use unique::{is_never_unique, nothing_unique};
use updates::{set_after, update_after};

pub static CHECK: Check = Check {
    id: "check-then-act",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-367", "CWE-362"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    // A database in a file of its own program has nobody else who writes.
    if tree.language() == Language::Rust
        && ["Sqlite", "rusqlite"]
            .iter()
            .any(|word| tree.text().contains(word))
    {
        return;
    }
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions.copied() {
        let nodes = bodies::body(tree, function);
        if !nodes.iter().any(|id| tree.kind(*id) == Kind::If) || rows::is_protected(source, function) {
            continue;
        }
        if tree.language() == Language::Java && java::locks(source, project, function) {
            continue;
        }
        let does = Does::of(source, function, nodes);
        if does.made.is_empty() && does.updated.is_empty() && does.rows.is_empty() {
            continue;
        }
        for id in does.nodes.iter().copied().filter(|id| tree.kind(*id) == Kind::If) {
            insert_after(source, project, function, id, &does, reports);
            pushed_after(source, id, &does, reports);
            set_after(source, id, &does, reports);
            update_after(source, id, &does, reports);
        }
    }
}

/// What a function does with rows.
struct Does<'s> {
    nodes: Vec<NodeId>,
    /// The calls that make a row, and of what.
    made: Vec<(NodeId, String)>,
    /// The calls with an `UPDATE`, and what follows that word.
    updated: Vec<(NodeId, String)>,
    rows: Vec<rows::Row<'s>>,
}

impl<'s> Does<'s> {
    fn of(source: &'s Source, function: NodeId, nodes: Vec<NodeId>) -> Does<'s> {
        let tree = &source.tree;
        let calls = || nodes.iter().copied().filter(|id| tree.kind(*id) == Kind::Call);
        let made = calls()
            .filter_map(|call| Some((call, makes(source, call)?)))
            .collect();
        let updated = calls()
            .filter_map(|call| {
                let text = calls::args(tree, call).find_map(|arg| rows::sql_of(tree, arg))?;
                Some((call, text.strip_prefix("update ")?.to_owned()))
            })
            .collect();
        Does {
            made,
            updated,
            rows: rows::read_in(source, function),
            nodes,
        }
    }
}

/// What a lookup asks for: the model or table, and how.
struct Lookup {
    model: String,
    counts: bool,
    ranges: bool,
}

fn lookup(source: &Source, id: NodeId) -> Option<Lookup> {
    let tree = &source.tree;
    if tree.kind(id) != Kind::Call {
        return None;
    }
    let name = calls::name(tree, id);
    if let Some(found) = java::lookup(source, id) {
        return Some(found);
    }
    let text = tree.source(id);
    let ranges = [
        "__lt", "__gt", "$lt", "$gt", "LessThan", "MoreThan", " < ", " > ", "<=", ">=", "lte:", "gte:",
        "lt:", "gt:", "Op.lt", "Op.gt", "BETWEEN",
    ]
    .iter()
    .any(|part| text.contains(part));
    let sql = calls::args(tree, id).find_map(|arg| rows::sql_of(tree, arg));
    if let Some(sql) = sql {
        let (_, rest) = sql.strip_prefix("select ")?.split_once(" from ")?;
        return Some(Lookup {
            model: rest.split(' ').next()?.to_owned(),
            counts: sql.contains("count("),
            ranges,
        });
    }
    if let Some(model) = aggregated(tree, id) {
        return Some(Lookup {
            model,
            counts: true,
            ranges,
        });
    }
    let counts = matches!(
        name,
        "count" | "countDocuments" | "Count" | "acount" | "findAndCount" | "estimatedDocumentCount"
    ) || name
        .strip_prefix("countBy")
        .is_some_and(|by| by.is_empty() || by.starts_with(|first: char| first.is_ascii_uppercase()));
    if !counts
        && !matches!(
            name,
            "exists"
                | "first"
                | "get"
                | "one_or_none"
                | "scalar_one_or_none"
                | "findOne"
                | "findUnique"
                | "findFirst"
                | "findById"
                | "find_one"
                | "findOneBy"
                | "First"
                | "aexists"
        )
    {
        return None;
    }
    Some(Lookup {
        model: model(source, id)?,
        counts,
        ranges,
    })
}

/// `User` of `User.objects.filter(…)`, `db.query(User)`, `select(User)`, `prisma.user.create(…)`, `userRepo.save(…)`.
fn model(source: &Source, call: NodeId) -> Option<String> {
    let tree = &source.tree;
    for part in tree.subtree(call) {
        if tree.kind(part) == Kind::Call
            && matches!(calls::name(tree, part), "query" | "select" | "Model")
            && let Some(arg) = calls::arg(tree, part, 0).and_then(|arg| calls::root(tree, arg))
        {
            return Some(tree.name(arg).to_owned());
        }
    }
    let mut at = call;
    loop {
        at = match tree.kind(at) {
            Kind::Call => tree.child(at, Role::Callee)?,
            Kind::Member => {
                let object = tree.child(at, Role::Object)?;
                let name = tree.name(object);
                let is_client = ["prisma", "db", "tx", "client", "this", "self", "orm"].contains(&name);
                if matches!(tree.name(at), "objects" | "query")
                    || !is_client && tree.kind(object) == Kind::Name
                {
                    return (tree.kind(object) == Kind::Name).then(|| name.to_owned());
                }
                // `prisma.member`, `this.prisma.member`
                if tree.kind(object) == Kind::Name || is_client && tree.kind(object) == Kind::Member {
                    return Some(tree.name(at).to_owned());
                }
                object
            }
            _ => return None,
        };
    }
}

/// The lookup that a condition depends on: in it, or by a name that holds what was found.
fn lookup_of(source: &Source, condition: NodeId, nodes: &[NodeId]) -> Option<Lookup> {
    let tree = &source.tree;
    if let Some(found) = tree.subtree(condition).find_map(|part| lookup(source, part)) {
        return Some(found);
    }
    let mut names: Vec<&str> = tree
        .subtree(condition)
        .filter(|part| tree.kind(*part) == Kind::Name)
        .map(|part| tree.name(part))
        .collect();
    // What a name was set to from another name.
    for id in nodes
        .iter()
        .rev()
        .filter(|id| **id < condition && tree.kind(**id) == Kind::Assign)
    {
        if let (Some(target), Some(value)) = (tree.child(*id, Role::Target), tree.child(*id, Role::Value))
            && names.contains(&tree.name(target))
            && matches!(
                tree.kind(value),
                Kind::Name | Kind::Index | Kind::Member | Kind::Call
            )
        {
            names.extend(calls::root(tree, value).map(|root| tree.name(root)));
        }
    }
    // Go: `db.QueryRow("SELECT count(*) …").Scan(&members)`.
    let scanned = nodes.iter().rev().find(|id| {
        **id < condition
            && tree.kind(**id) == Kind::Call
            && calls::name(tree, **id) == "Scan"
            && calls::args(tree, **id).any(|arg| {
                tree.child(arg, Role::Value)
                    .is_some_and(|value| tree.kind(value) == Kind::Name && names.contains(&tree.name(value)))
            })
    });
    if let Some(found) = scanned.and_then(|scan| tree.subtree(*scan).find_map(|part| lookup(source, part))) {
        return Some(found);
    }
    nodes
        .iter()
        .rev()
        .filter(|id| **id < condition && tree.kind(**id) == Kind::Assign)
        .filter(|id| {
            tree.children_in(**id, Role::Target).any(|target| {
                tree.subtree(target)
                    .any(|part| tree.kind(part) == Kind::Name && names.contains(&tree.name(part)))
            })
        })
        .find_map(|id| {
            tree.child(*id, Role::Value)
                .and_then(|value| tree.subtree(value).find_map(|part| lookup(source, part)))
        })
}

fn leaves(tree: &Tree, id: NodeId) -> bool {
    tree.child(id, Role::Body).is_some_and(|body| {
        tree.children(body).last().is_some_and(|last| {
            matches!(tree.kind(last), Kind::Return | Kind::Raise | Kind::Continue) || {
                tree.kind(last) == Kind::ExprStmt && tree.source(last).contains("abort(")
            }
        })
    })
}

/// The condition says whether a row may be made, and then it is made.
fn insert_after(
    source: &Source,
    project: &Project,
    function: NodeId,
    id: NodeId,
    does: &Does<'_>,
    reports: &mut Reports,
) {
    let tree = &source.tree;
    let Some(condition) = tree.child(id, Role::Condition) else {
        return;
    };
    let mut made = does
        .made
        .iter()
        .filter(|(other, _)| *other > condition && (tree.within(*other, id) || leaves(tree, id)))
        .peekable();
    if made.peek().is_none() {
        return;
    }
    let counted = counted_with(source, condition, &does.rows);
    let Some(lookup) = counted.or_else(|| lookup_of(source, condition, &does.nodes)) else {
        return;
    };
    let Some((made, model)) = made.find(|(_, model)| is_same(model, &lookup.model)) else {
        return;
    };
    if is_told(tree, function) {
        return;
    }
    let made = *made;
    let compares = tree.subtree(condition).any(|part| {
        matches!(tree.name(part), ">=" | "<" | ">" | "<=")
            && tree.kind(part) == Kind::Binary
            && !compares_with_zero(tree, part)
    });
    if lookup.counts && compares {
        reports.add(made, format!("rows of `{model}` are counted before one more is made: two at once both find that there is room"));
    } else if lookup.ranges {
        reports.add(
            made,
            format!("`{model}` is searched for a clash before one more is made: two at once both find none"),
        );
    } else if nothing_unique(project, model)
        && (adds_behind(does, made) || served::is_served(source, project, function))
    {
        reports.add(made, format!("`{model}` is looked for before it is made, and no key of the table holds two apart: two at once both find none"));
    } else if (is_never_unique(source, project, model) || java::is_never_unique(source, project, model))
        && (java::is_of_bean(source, function) || served::is_served(source, project, function))
    {
        reports.add(made, format!("`{model}` is looked for before it is made, and nothing in the database holds two apart: two at once both find none"));
    } else {
        reports.note(made, format!("`{model}` is looked for before it is made: two at once both find none, unless the database holds them apart"));
    }
}

/// `member` is what `members` are.
fn is_same(left: &str, right: &str) -> bool {
    let one = |name: &str| name.trim_end_matches(['s', 'S']).to_ascii_lowercase();
    one(left) == one(right)
}

/// `UPDATE wallets SET cents = cents + $1` behind the row that says that it was done: it is done as often as the row is made.
fn adds_behind(does: &Does<'_>, made: NodeId) -> bool {
    does.updated.iter().any(|(at, text)| {
        let adds = text.split_once(" set ").is_some_and(|(_, set)| {
            let set = set.split(" where ").next().unwrap_or(set);
            set.split(',').any(|one| {
                one.split_once('=').is_some_and(|(column, value)| {
                    let (column, value) = (column.trim(), value.trim());
                    value
                        .strip_prefix(column)
                        .is_some_and(|rest| rest.trim_start().starts_with(['+', '-']))
                })
            })
        });
        *at > made && adds
    })
}

fn compares_with_zero(tree: &Tree, id: NodeId) -> bool {
    tree.child(id, Role::Right)
        .is_some_and(|right| tree.name(right) == "0")
}

/// The model or table that a call makes a row of.
fn makes(source: &Source, id: NodeId) -> Option<String> {
    let tree = &source.tree;
    match tree.kind(id) {
        Kind::Call => {
            let name = calls::name(tree, id);
            if let Some(sql) = calls::args(tree, id).find_map(|arg| rows::sql_of(tree, arg)) {
                let rest = sql.strip_prefix("insert into ")?;
                // The database itself settles it.
                if ["on conflict", "on duplicate", "not exists", "insert or"]
                    .iter()
                    .any(|word| sql.contains(word))
                {
                    return None;
                }
                return Some(rest.split([' ', '(']).next()?.to_owned());
            }
            match name {
                "create" | "acreate" | "insert" | "insertOne" | "insert_one" | "Create" => {
                    model_made(source, id)
                }
                // `db.add(User(…))`, `session.add(user)` with `user = User(…)`
                "add" | "persist" => {
                    let arg = calls::arg(tree, id, 0)?;
                    class_of_value(source, arg)
                }
                // `await new User({…}).save()`, `user.save()` with `user = User(…)`
                "save" | "saveAndFlush" => match tree.language() {
                    Language::Java => class_of_value(source, calls::arg(tree, id, 0)?),
                    _ => class_of_value(source, calls::receiver(tree, id)?),
                },
                _ => None,
            }
        }
        _ => None,
    }
}

fn model_made(source: &Source, id: NodeId) -> Option<String> {
    let tree = &source.tree;
    // Go: `db.Create(&user)`.
    if calls::name(tree, id) == "Create" {
        let arg = calls::arg(tree, id, 0)?;
        return class_of_value(source, arg);
    }
    model(source, id)
}

fn class_of_value(source: &Source, value: NodeId) -> Option<String> {
    let tree = &source.tree;
    match tree.kind(value) {
        Kind::Call | Kind::New => {
            let callee = tree.child(value, Role::Callee)?;
            let name = tree.name(callee);
            name.starts_with(|first: char| first.is_ascii_uppercase())
                .then(|| name.to_owned())
        }
        Kind::Composite => Some(tree.name(value).rsplit('.').next()?.to_owned()),
        Kind::Unary => class_of_value(source, tree.child(value, Role::Value)?),
        Kind::Name => {
            let function = bodies::enclosing(tree, value)?;
            let made = bodies::body(tree, function).into_iter().rfind(|id| {
                *id < value
                    && tree.kind(*id) == Kind::Assign
                    && tree
                        .child(*id, Role::Target)
                        .is_some_and(|target| tree.name(target) == tree.name(value))
            })?;
            let made = tree.child(made, Role::Value)?;
            matches!(
                tree.kind(made),
                Kind::Call | Kind::New | Kind::Composite | Kind::Unary
            )
            .then(|| class_of_value(source, made))?
        }
        _ => None,
    }
}

/// Whether the function deals with the database's own answer that there is one already.
fn is_told(tree: &Tree, function: NodeId) -> bool {
    let text = tree.source(function);
    [
        "IntegrityError",
        "UniqueViolation",
        "UniqueConstraint",
        "P2002",
        "11000",
        "23505",
        "DuplicateKey",
        "ER_DUP_ENTRY",
        "get_or_create",
        "ErrDuplicatedKey",
        "duplicate key",
        "OnConflict",
        "on_conflict",
        "skipDuplicates",
        "ignore_conflicts",
        "ConflictError",
        "DataIntegrityViolation",
        "ConstraintViolation",
        "is_unique_violation",
    ]
    .iter()
    .any(|word| text.contains(word))
}
