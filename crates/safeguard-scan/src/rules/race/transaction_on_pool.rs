//! Transactions whose statements go to different connections.

use safeguard_api::evidence::Severity;

use crate::analysis::calls;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "transaction-on-pool",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-662"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in source.of_kind(Kind::Call).iter().copied() {
        if !matches!(
            calls::name(tree, id),
            "query"
                | "execute"
                | "exec"
                | "Exec"
                | "ExecContext"
                | "fetch"
                | "raw"
                | "$executeRaw"
                | "$executeRawUnsafe"
        ) {
            continue;
        }
        let begins = calls::args(tree, id).take(2).any(|arg| {
            tree.kind(arg) == Kind::Str && {
                let text = tree.name(arg).trim().trim_end_matches(';').to_ascii_uppercase();
                matches!(
                    text.as_str(),
                    "BEGIN" | "BEGIN TRANSACTION" | "START TRANSACTION" | "BEGIN WORK"
                ) || text.starts_with("BEGIN ISOLATION")
                    || text.starts_with("START TRANSACTION ")
            }
        });
        let Some(receiver) = calls::receiver(tree, id) else {
            continue;
        };
        if begins && is_pool(source, receiver) {
            let name = tree.source(receiver);
            reports.add(id, format!("`{name}` may run each statement on another connection: what follows is not in this transaction"));
        }
    }
}

fn is_pool(source: &Source, receiver: NodeId) -> bool {
    let tree = &source.tree;
    let name = match tree.kind(receiver) {
        Kind::Name | Kind::Member => tree.name(receiver),
        _ => return false,
    };
    let made = source
        .of_kind(Kind::Assign)
        .iter()
        .filter(|assign| {
            tree.child(**assign, Role::Target)
                .is_some_and(|target| tree.name(target) == name || tuple_begins(tree, target, name))
        })
        .filter_map(|assign| tree.child(*assign, Role::Value))
        .map(|value| {
            if tree.kind(value) == Kind::Await {
                tree.child(value, Role::Value).unwrap_or(value)
            } else {
                value
            }
        });
    let mut single = false;
    for value in made {
        if !matches!(tree.kind(value), Kind::Call | Kind::New) {
            continue;
        }
        let path = calls::path(source, value);
        let last = path.rsplit('.').next().unwrap_or_default();
        if matches!(last, "Pool" | "createPool" | "create_pool")
            || matches!(
                path.as_str(),
                "sql.Open" | "sqlx.Open" | "sqlx.Connect" | "pgxpool.New" | "sqlx.MustConnect"
            )
        {
            return true;
        }
        // `client = await pool.connect()` is one connection.
        single = true;
    }
    let lower = name.to_ascii_lowercase();
    !single
        && (lower.contains("pool")
            || tree.language() == Language::Go && typed_as_db(source, name)
            || name.starts_with("prisma"))
}

fn tuple_begins(tree: &Tree, target: NodeId, name: &str) -> bool {
    tree.kind(target) == Kind::Tuple
        && tree
            .children(target)
            .next()
            .is_some_and(|first| tree.name(first) == name)
}

fn typed_as_db(source: &Source, name: &str) -> bool {
    let tree = &source.tree;
    source
        .of_kind(Kind::Param)
        .iter()
        .chain(source.of_kind(Kind::Field))
        .any(|param| {
            tree.name(*param) == name
                && tree
                    .child(*param, Role::Type)
                    .is_some_and(|type_| matches!(tree.name(type_), "*sql.DB" | "*sqlx.DB" | "*pgxpool.Pool"))
        })
}
