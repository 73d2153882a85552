//! Pages that are asked for again and again, because nothing moves on to the next one.

mod fixed;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, change, loops, reach};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub use fixed::FIXED;

pub static CHECK: Check = Check {
    id: "cursor-never-advanced",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: ALL_LANGUAGES,
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
        if let Some((again, text)) = skipped(source, id, &round) {
            reports.add(
                again,
                format!("when nothing of a page is wanted, the next round begins before `{text}` is moved on, and asks for the same page again"),
            );
        }
    }
}

/// A `continue` for a page of which nothing is wanted, before the cursor is moved on.
fn skipped<'s>(source: &'s Source, id: NodeId, round: &[NodeId]) -> Option<(NodeId, &'s str)> {
    let tree = &source.tree;
    // Whoever waits in between asks again on purpose.
    if reach::any_waits(source, id) {
        return None;
    }
    let body = tree.child(id, Role::Body)?;
    for again in round
        .iter()
        .copied()
        .filter(|node| tree.kind(*node) == Kind::Continue)
    {
        if loops::around(tree, again).first() != Some(&id) || !tree.name(again).is_empty() {
            continue;
        }
        let block = tree.parent(again)?;
        let Some(branch) = tree
            .parent(block)
            .filter(|branch| tree.kind(*branch) == Kind::If && tree.parent(*branch) == Some(body))
        else {
            continue;
        };
        let only_tells = tree.children(block).all(|statement| {
            statement == again
                || tree.child(statement, Role::Value).is_some_and(|value| {
                    tree.kind(value) == Kind::Call
                        && matches!(
                            calls::name(tree, value),
                            "log"
                                | "debug"
                                | "info"
                                | "warn"
                                | "warning"
                                | "print"
                                | "Printf"
                                | "Println"
                                | "Debug"
                                | "Info"
                        )
                })
        });
        let Some(kept) = tree
            .child(branch, Role::Condition)
            .and_then(|condition| empty(tree, condition))
            .filter(|name| only_tells && is_selected(source, name, round, again))
        else {
            continue;
        };
        let before: Vec<NodeId> = round.iter().copied().filter(|node| *node < again).collect();
        let set_before = change::set(tree, &before);
        let moved = round.iter().copied().find_map(|node| {
            let target = tree.child(node, Role::Target).filter(|_| node > again)?;
            let name = tree.name(target);
            let advances = tree.kind(node) == Kind::Assign
                && tree.kind(target) == Kind::Name
                && tree.role(node) != Role::Update
                && name != kept
                && !set_before.contains(name);
            let asked = before.iter().any(|used| {
                tree.kind(*used) == Kind::Name && tree.name(*used) == name && asks_with(source, *used, id)
            });
            (advances && asked && moves_on(name)).then_some(name)
        });
        if let Some(name) = moved {
            return Some((again, name));
        }
    }
    None
}

fn moves_on(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    is_cursor(name)
        || [
            "cursor", "token", "page", "offset", "after", "last", "since", "next", "start", "marker", "skip",
            "position",
        ]
        .iter()
        .any(|part| lower.contains(part))
}

/// The list that a condition finds empty: `rows.length === 0`, `not rows`, `len(rows) == 0`.
fn empty(tree: &Tree, condition: NodeId) -> Option<&str> {
    let list = match tree.kind(condition) {
        Kind::Unary if tree.name(condition) == "not" => tree.child(condition, Role::Value)?,
        Kind::Binary if matches!(tree.name(condition), "==" | "===" | "<" | "<=") => {
            let right = tree.child(condition, Role::Right)?;
            if tree.kind(right) != Kind::Num || !matches!(tree.name(right), "0" | "1") {
                return None;
            }
            tree.child(condition, Role::Left)?
        }
        _ => return None,
    };
    let list = match tree.kind(list) {
        Kind::Member if matches!(tree.name(list), "length" | "size") => tree.child(list, Role::Object)?,
        Kind::Call if calls::name(tree, list) == "len" => calls::arg(tree, list, 0)?,
        _ => list,
    };
    (tree.kind(list) == Kind::Name).then(|| tree.name(list))
}

/// Whether a list has only those of a page that were picked from it.
fn is_selected(source: &Source, name: &str, round: &[NodeId], before: NodeId) -> bool {
    let tree = &source.tree;
    let picked = round
        .iter()
        .copied()
        .filter(|node| *node < before)
        .any(|node| match tree.kind(node) {
            Kind::Assign => {
                let set = tree
                    .child(node, Role::Target)
                    .is_some_and(|target| tree.kind(target) == Kind::Name && tree.name(target) == name);
                set && tree.child(node, Role::Value).is_some_and(|value| {
                    tree.subtree(value).any(|part| match tree.kind(part) {
                        Kind::Clause => tree.child(part, Role::Condition).is_some(),
                        Kind::Call => matches!(
                            calls::name(tree, part),
                            "filter" | "Filter" | "reject" | "compact"
                        ),
                        _ => false,
                    })
                })
            }
            _ => false,
        });
    // `if wanted(row) { kept = append(kept, row) }`
    let appended = round.iter().copied().filter(|node| *node < before).any(|node| {
        tree.kind(node) == Kind::Call
            && matches!(calls::name(tree, node), "append" | "push")
            && calls::receiver(tree, node)
                .or_else(|| calls::arg(tree, node, 0))
                .is_some_and(|list| tree.kind(list) == Kind::Name && tree.name(list) == name)
            && tree
                .ancestors(node)
                .take_while(|around| tree.kind(*around) != Kind::ForEach)
                .any(|around| tree.kind(around) == Kind::If)
    });
    picked || appended
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
