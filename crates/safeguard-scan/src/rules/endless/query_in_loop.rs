//! A query for each row of another one.

use safeguard_api::evidence::Severity;

use super::all_rows_at_once::is_whole_table;
use crate::analysis::code::Code;
use crate::analysis::{bodies, calls, loops, served, typed};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "query-in-loop",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1073"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in source.of_kind(Kind::Call).iter().copied() {
        if !is_query(source, id) {
            continue;
        }
        let Some(around) = loops::around(tree, id)
            .into_iter()
            .find(|around| tree.kind(*around) == Kind::ForEach)
            .or_else(|| callback_of_a_list(source, id))
        else {
            continue;
        };
        if !asks_for_the_entry(source, id, around) || is_batch(source, around) {
            continue;
        }
        let whole = list_of(source, around).is_some_and(|list| is_whole_table(Code::of(source), list));
        let function = bodies::enclosing(tree, around).filter(|_| whole);
        if function.is_some_and(|function| {
            takes_state(source, function) || served::is_served(source, project, function)
        }) {
            reports.add(
                id,
                "one request asks the database once for each row of a table: it gets slower with every row, and stops the database for all others",
            );
        } else {
            reports.note(id, "this asks the database once for each entry of the loop");
        }
    }
}

/// Rust: `State(pool): State<PgPool>` is what handlers of axum take.
fn takes_state(source: &Source, function: NodeId) -> bool {
    let tree = &source.tree;
    tree.language() == Language::Rust
        && bodies::params(tree, function).any(|param| {
            tree.child(param, Role::Type)
                .is_some_and(|ty| tree.name(ty).starts_with("State<"))
        })
}

/// What the loop goes over, or the list whose callback it is.
fn list_of(source: &Source, around: NodeId) -> Option<NodeId> {
    let tree = &source.tree;
    match tree.kind(around) {
        Kind::ForEach => tree.child(around, Role::Iter),
        _ => calls::receiver(tree, tree.parent(around)?),
    }
}

fn is_query(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    let name = calls::name(tree, id);
    let path = calls::path(source, id);
    let begins_select = calls::args(tree, id).take(2).any(|arg| {
        let text = match tree.kind(arg) {
            Kind::Str => tree.name(arg),
            Kind::Interp | Kind::Binary => tree
                .source(arg)
                .trim_start_matches(|char: char| !char.is_alphabetic() || matches!(char, 'f' | 'r')),
            _ => return false,
        };
        text.trim_start()
            .get(..6)
            .is_some_and(|word| word.eq_ignore_ascii_case("select"))
    });
    match tree.language() {
        Language::Python => {
            path.contains(".objects.")
                && matches!(name, "get" | "filter" | "first" | "count" | "exists" | "all")
                || matches!(
                    name,
                    "execute" | "fetch" | "fetchrow" | "fetchval" | "fetch_one" | "fetch_all"
                ) && begins_select
                || calls::chain(tree, id).contains(&"query")
                    && matches!(
                        name,
                        "first" | "all" | "one" | "count" | "get" | "scalar" | "one_or_none"
                    )
                || matches!(name, "find_one" | "get_item")
                // `session.scalar(select(…).where(…))`, `session.get(Model, key)`
                || matches!(name, "scalar" | "scalars" | "execute")
                    && calls::arg(tree, id, 0)
                        .is_some_and(|first| calls::chain(tree, first).last() == Some(&"select"))
                || name == "get" && path.ends_with("session.get") && calls::args(tree, id).count() == 2
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            matches!(name, "query" | "execute" | "raw" | "$queryRaw" | "all") && begins_select
                || matches!(
                    name,
                    "findOne"
                        | "findUnique"
                        | "findFirst"
                        | "findById"
                        | "findByPk"
                        | "findMany"
                        | "findOneBy"
                        | "findAll"
                        | "countDocuments"
                )
        }
        Language::Go => {
            matches!(
                name,
                "Query"
                    | "QueryRow"
                    | "QueryContext"
                    | "QueryRowContext"
                    | "Get"
                    | "GetContext"
                    | "Select"
                    | "SelectContext"
            ) && begins_select
                || matches!(name, "First" | "Find" | "Take")
                    && (path.to_ascii_lowercase().contains("db") || calls::chain(tree, id).contains(&"Where"))
        }
        Language::Java => {
            let asks = [
                "findBy",
                "findAllBy",
                "findOne",
                "getBy",
                "getReferenceBy",
                "countBy",
                "existsBy",
                "findFirst",
            ]
            .iter()
            .any(|begin| name.starts_with(begin));
            let of_rows = calls::receiver(tree, id)
                .and_then(|of| typed::declared_type(source, of))
                .is_some_and(|ty| {
                    ["Repository", "Repo", "Dao", "Mapper"]
                        .iter()
                        .any(|ending| ty.ends_with(ending))
                });
            asks && of_rows || name.starts_with("query") && begins_select
        }
        Language::Rust => {
            matches!(
                name,
                "fetch_one" | "fetch_optional" | "fetch_all" | "query_row" | "query_one" | "query_opt"
            ) && tree.subtree(id).any(|part| {
                tree.kind(part) == Kind::Str
                    && tree
                        .name(part)
                        .trim_start()
                        .get(..6)
                        .is_some_and(|word| word.eq_ignore_ascii_case("select"))
            }) || name == "one"
                && calls::chain(tree, id)
                    .iter()
                    .any(|link| matches!(*link, "find" | "find_by_id"))
        }
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => false,
    }
}

/// `rows.map(async row => …)`.
fn callback_of_a_list(source: &Source, id: NodeId) -> Option<NodeId> {
    let tree = &source.tree;
    let function = bodies::enclosing(tree, id)?;
    let call = tree.parent(function)?;
    let each = tree.kind(call) == Kind::Call
        && tree.role(function) == Role::Arg
        && matches!(calls::name(tree, call), "map" | "forEach" | "flatMap");
    each.then_some(function)
}

/// Whether the query has something of the loop's entry in it.
fn asks_for_the_entry(source: &Source, id: NodeId, around: NodeId) -> bool {
    let tree = &source.tree;
    let mut names: Vec<&str> = Vec::new();
    for target in tree.children(around) {
        match tree.role(target) {
            Role::Target => names.extend(
                tree.subtree(target)
                    .filter(|id| tree.kind(*id) == Kind::Name)
                    .map(|id| tree.name(id)),
            ),
            Role::Param => {
                names.push(tree.name(target));
                names.extend(
                    tree.subtree(target)
                        .filter(|id| tree.kind(*id) == Kind::Name)
                        .map(|id| tree.name(id)),
                );
            }
            _ => {}
        }
    }
    names.retain(|name| *name != "_" && !name.is_empty());
    tree.subtree(id)
        .any(|id| tree.kind(id) == Kind::Name && names.contains(&tree.name(id)))
}

fn is_batch(source: &Source, around: NodeId) -> bool {
    let tree = &source.tree;
    tree.child(around, Role::Iter).is_some_and(|iter| {
        let text = tree.source(iter).to_ascii_lowercase();
        ["chunk", "batch", "page", "table", "range("]
            .iter()
            .any(|part| text.contains(part))
            || matches!(tree.kind(iter), Kind::List | Kind::Tuple)
            || source.names.constant(tree, iter).is_some()
    })
}
