//! All rows of a table as the answer to one request.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "unbounded-query",
    failure: "X2",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-770"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for id in source.of_kind(Kind::Call).iter().copied() {
        let Some(handler) = bodies::handler_around(source, id) else {
            continue;
        };
        if !asks_for_all(source, id) || limits_elsewhere(source, handler) || goes_on(source, id) {
            continue;
        }
        reports.add(
            id,
            "this reads every row there is for one request, however many there will be",
        );
    }
}

fn asks_for_all(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    let name = calls::name(tree, id);
    let path = calls::path(source, id);
    let chain = calls::chain(tree, id);
    let whole_table = calls::args(tree, id).take(2).any(|arg| {
        tree.kind(arg) == Kind::Str && {
            let text = tree.name(arg).to_ascii_lowercase();
            text.trim_start().starts_with("select")
                && text.contains(" from ")
                && ![
                    " where ",
                    " limit ",
                    "count(",
                    "sum(",
                    "max(",
                    "min(",
                    "fetch first",
                    " top ",
                    "avg(",
                ]
                .iter()
                .any(|part| text.contains(part))
        }
    });
    let plain = calls::args(tree, id).next().is_none();
    match tree.language() {
        Language::Python => {
            name == "all"
                && plain
                && (path.ends_with(".objects.all")
                    || chain.contains(&"query")
                        && !chain
                            .iter()
                            .any(|name| matches!(*name, "limit" | "filter" | "filter_by" | "where"))
                    || path.ends_with(".query.all"))
                || matches!(name, "execute" | "fetch" | "fetch_all")
                    && whole_table
                    && !source.tree.text().contains("fetchmany")
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            matches!(name, "findMany" | "findAll") && plain
                || matches!(name, "query" | "execute" | "all") && whole_table
        }
        Language::Go => matches!(name, "Query" | "QueryContext" | "Select" | "SelectContext") && whole_table,
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

/// Whether the handler speaks of pages anywhere.
fn limits_elsewhere(source: &Source, handler: NodeId) -> bool {
    let text = source.tree.source(handler).to_ascii_lowercase();
    [
        "limit", "paginat", "page", "[:", "slice", "fetchone", "islice", "take(",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// `objects.all().count()`: what is done with the query next says how much is read.
fn goes_on(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    tree.parent(id).is_some_and(|parent| {
        tree.kind(parent) == Kind::Member && !matches!(tree.name(parent), "fetchall" | "values" | "then")
    }) || tree
        .parent(id)
        .is_some_and(|parent| matches!(tree.kind(parent), Kind::Keyword | Kind::Index))
}
