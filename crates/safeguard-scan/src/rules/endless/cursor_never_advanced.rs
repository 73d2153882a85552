//! Pages that are asked for again and again, because nothing moves on to the next one.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, change, loops};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "cursor-never-advanced",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in loops::conditional(source) {
        let round = loops::round(tree, id);
        let scope = bodies::enclosing(tree, id).unwrap_or(NodeId::ROOT);
        let set = change::set(tree, &round);
        let inner = change::set_by_inner(tree, scope);
        let used = round.iter().copied().filter(|id| {
            tree.kind(*id) == Kind::Name && is_cursor(tree.name(*id)) && tree.role(*id) != Role::Target
        });
        let mut told: Vec<&str> = Vec::new();
        for name in used {
            let text = tree.name(name);
            if told.contains(&text)
                || set.contains(text)
                || inner.contains(text)
                || !begins_plain(tree, scope, id, text)
                || !asks_with(source, name, id)
            {
                continue;
            }
            // A loop that leaves in its first round asks once.
            if always_leaves(source, id) {
                continue;
            }
            told.push(text);
            reports.add(
                name,
                format!(
                    "`{text}` is the same in every round, so this loop asks for the same page again and again"
                ),
            );
        }
    }
}

fn is_cursor(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|char| *char != '_')
        .flat_map(char::to_lowercase)
        .collect();
    matches!(
        plain.as_str(),
        "page"
            | "pagenum"
            | "pagenumber"
            | "pageno"
            | "currentpage"
            | "pageindex"
            | "offset"
            | "cursor"
            | "nextcursor"
            | "nexttoken"
            | "pagetoken"
            | "nextpagetoken"
            | "continuationtoken"
            | "skip"
            | "startafter"
            | "startat"
            | "after"
            | "sinceid"
            | "marker"
            | "nextmarker"
            | "nextpage"
            | "aftercursor"
            | "endcursor"
            | "lastkey"
            | "exclusivestartkey"
            | "lastevaluatedkey"
            | "startkey"
            | "lastid"
    )
}

/// Whether the name's only value in the function is a literal, given before the loop.
fn begins_plain(tree: &Tree, scope: NodeId, id: NodeId, name: &str) -> bool {
    let mut values = tree.subtree(scope).filter(|at| {
        tree.kind(*at) == Kind::Assign
            && tree
                .children_in(*at, Role::Target)
                .any(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
    });
    let (Some(only), None) = (values.next(), values.next()) else {
        return false;
    };
    only < id
        && matches!(tree.name(only), "=" | ":=")
        && tree.child(only, Role::Value).is_none_or(|value| {
            matches!(tree.kind(value), Kind::Num | Kind::Null)
                || tree.kind(value) == Kind::Str && tree.name(value).is_empty()
                || tree.kind(value) == Kind::Name && tree.name(value) == "undefined"
        })
}

/// Whether the name is part of what a call in the loop asks for.
fn asks_with(source: &Source, name: NodeId, within: NodeId) -> bool {
    const ASKS: &[&str] = &[
        "get",
        "post",
        "fetch",
        "request",
        "query",
        "execute",
        "find",
        "find_many",
        "findMany",
        "list",
        "search",
        "send",
        "scan",
        "paginate",
        "all",
        "fetchall",
        "Get",
        "Do",
        "Query",
        "QueryContext",
        "Find",
        "List",
        "NewRequest",
        "Scan",
        "offset",
        "skip",
        "Offset",
        "axios",
        "urlopen",
        "read_page",
        "findAll",
        "select",
        "Select",
        "QueryRow",
        "$fetch",
    ];
    let tree = &source.tree;
    tree.ancestors(name)
        .take_while(|id| *id != within)
        .any(|id| match tree.kind(id) {
            Kind::Call => {
                let called = calls::name(tree, id);
                let lower = called.to_ascii_lowercase();
                let is_arg = tree.children_in(id, Role::Arg).any(|arg| tree.within(name, arg));
                let asks = ASKS.contains(&called)
                    || ["fetch", "list", "get", "query", "search", "load", "find"]
                        .iter()
                        .any(|start| lower.starts_with(start));
                is_arg && asks && !matches!(calls::path(source, id).as_str(), "list" | "getattr")
            }
            // `url = f"…?page={page}"`, which is then asked for.
            Kind::Interp => {
                tree.source(id).contains("page=")
                    || tree.source(id).contains("offset=")
                    || tree.source(id).contains("cursor=")
            }
            _ => false,
        })
}

/// Whether the last statement of each round leaves the loop.
fn always_leaves(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    let Some(last) = tree
        .child(id, Role::Body)
        .and_then(|body| tree.children(body).last())
    else {
        return true;
    };
    matches!(tree.kind(last), Kind::Return | Kind::Break | Kind::Raise)
}
