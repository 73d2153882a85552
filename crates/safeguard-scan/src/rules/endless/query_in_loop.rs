//! A query for each row of another one.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "query-in-loop",
    failure: "X2",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-1073"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
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
        reports.add(id, "this asks the database once for each entry of the loop");
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
        Language::Dockerfile
        | Language::Hcl
        | Language::Java
        | Language::Rust
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
