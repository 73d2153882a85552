//! Queries that found only what belongs to whoever asks, and find what belongs to anybody now.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::asked_around;
use crate::analysis::functions::{body_nodes, called, head, is_rewritten};
use crate::analysis::guards::guards;
use crate::analysis::words::{has_word, words};
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken, pairs};
use crate::tree::{Kind, NodeId, Role, Tree};

/// Whose something is.
const WHOSE: &[&str] = &[
    "owner",
    "user",
    "tenant",
    "account",
    "org",
    "organization",
    "organisation",
    "company",
    "workspace",
    "customer",
    "team",
    "merchant",
];
/// What finds rows.
const FINDS: &[&str] = &[
    "filter",
    "filter_by",
    "get",
    "get_object_or_404",
    "get_or_404",
    "find",
    "find_one",
    "findOne",
    "findOneBy",
    "findFirst",
    "findFirstOrThrow",
    "findUnique",
    "findUniqueOrThrow",
    "findMany",
    "findAll",
    "findById",
    "findByPk",
    "where",
    "Where",
    "First",
    "Find",
    "Take",
    "update",
    "updateMany",
    "delete",
    "deleteMany",
    "findOneAndUpdate",
    "findOneAndDelete",
    "deleteOne",
    "updateOne",
];

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, is) = (&both.base.tree, &both.head.tree);
    for (name, old, new) in pairs(both) {
        let before = body_nodes(was, old);
        let asked = whose(was, &before);
        if asked.is_empty() {
            continue;
        }
        let after = body_nodes(is, new);
        let now = is.source(new);
        // Whatever else names whose it is may ask for it.
        let still = |column: &str| {
            after
                .iter()
                .any(|id| is.name(*id).contains(column) && !is_unused_param(is, new, *id))
        };
        let gone = asked
            .iter()
            .find(|column| !still(column) && !both.moved.mentions(column));
        let Some(gone) = gone.filter(|_| still_finds(was, &before, is, &after)) else {
            continue;
        };
        let asks_more = guards(is, &after).len() > guards(was, &before).len()
            || asked_around(both.head, new)
                .difference(&asked_around(both.base, old))
                .next()
                .is_some();
        if asks_more || now.contains(".owner") || now.contains("Owner") {
            continue;
        }
        let for_few = has_word(
            &name,
            &[
                "admin",
                "staff",
                "all",
                "internal",
                "system",
                "backoffice",
                "job",
                "worker",
                "migrate",
            ],
        );
        taken.push(Taken {
            node: head(is, new),
            severity: Severity::Critical,
            confidence: match for_few || is_rewritten(was, &before, is, &after) {
                true => Confidence::Medium,
                false => Confidence::High,
            },
            message: format!(
                "`{name}` found only what `{gone}` says is the caller's, and finds what belongs to anybody now"
            ),
        });
    }
}

/// A parameter is there to be called with, whether it is used or not.
fn is_unused_param(tree: &Tree, function: NodeId, id: NodeId) -> bool {
    tree.ancestors(id)
        .take_while(|around| *around != function)
        .chain(std::iter::once(id))
        .any(|around| matches!(tree.role(around), Role::Param | Role::Receiver))
}

/// The columns that a function's queries compare with whoever asks.
fn whose(tree: &Tree, nodes: &[NodeId]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for id in nodes.iter().copied() {
        let named = match tree.kind(id) {
            Kind::Keyword => Some(tree.name(id)),
            Kind::Pair => tree.child(id, Role::Key).map(|key| tree.name(key)),
            Kind::Binary if matches!(tree.name(id), "==" | "===") => tree
                .child(id, Role::Left)
                .filter(|left| tree.kind(*left) == Kind::Member)
                .map(|left| tree.name(left)),
            Kind::Str => {
                if let Some(column) = in_sql(tree.name(id)).filter(|_| is_asked(tree, id)) {
                    found.insert(column.to_owned());
                }
                None
            }
            // `findByIdAndOwnerId`, `get_for_user`
            Kind::Call => {
                if let Some(part) = called(tree, id).and_then(in_name) {
                    found.insert(part.to_owned());
                }
                None
            }
            _ => None,
        };
        let value = tree
            .child(id, Role::Value)
            .or_else(|| tree.child(id, Role::Right));
        let is_caller = value.is_some_and(|value| {
            tree.subtree(value).any(|part| {
                matches!(tree.kind(part), Kind::Name | Kind::Member)
                    && has_word(
                        tree.name(part),
                        &[
                            "user",
                            "caller",
                            "session",
                            "tenant",
                            "principal",
                            "auth",
                            "me",
                            "viewer",
                            "account",
                            "org",
                        ],
                    )
            })
        });
        if let Some(name) = named.filter(|name| is_caller && is_whose(name) && finds(tree, id)) {
            found.insert(name.to_owned());
        }
    }
    found
}

/// `owner`, `user_id`, `tenantId`, `created_by`.
fn is_whose(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["created", "by"] => true,
        [one] | [one, "id" | "uuid"] => WHOSE.contains(one),
        _ => false,
    }
}

/// Whether a condition is an argument of what finds rows.
fn finds(tree: &Tree, id: NodeId) -> bool {
    const DEPTH_MAX: usize = 6;
    tree.ancestors(id)
        .take(DEPTH_MAX)
        .find(|around| tree.kind(*around) == Kind::Call)
        .and_then(|call| called(tree, call))
        .is_some_and(|name| FINDS.contains(&name))
}

/// Whether a text is a statement, or a condition that is given to one.
fn is_asked(tree: &Tree, id: NodeId) -> bool {
    let text = tree.name(id).to_ascii_lowercase();
    text.contains("where ")
        && (text.contains("select ") || text.contains("update ") || text.contains("delete "))
        || tree.parent(id).is_some_and(|call| {
            tree.kind(call) == Kind::Call
                && called(tree, call)
                    .is_some_and(|name| name.eq_ignore_ascii_case("where") || name == "andWhere")
        })
}

/// The column of `tenant_id = $2`.
fn in_sql(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let (column, value) = match word.split_once('=') {
            Some((column, value)) if !column.is_empty() && !value.is_empty() => (column, Some(value)),
            _ if words.peek() == Some(&"=") => {
                words.next();
                (word, words.peek().copied())
            }
            _ => continue,
        };
        let column = column
            .rsplit(['.', '('])
            .next()
            .unwrap_or(column)
            .trim_matches('"');
        if is_whose(column) && value.is_some_and(|value| value.starts_with(['$', '?', '%', ':', '@'])) {
            return Some(column);
        }
    }
    None
}

/// What a finder's name says that it asks for.
fn in_name(name: &str) -> Option<&str> {
    const ENDINGS: &[&str] = &[
        "AndOwnerId",
        "AndUserId",
        "AndTenantId",
        "AndCustomerId",
        "AndAccountId",
        "AndOwner",
        "AndUser",
        "AndTenant",
        "ForUser",
        "ForOwner",
        "ForTenant",
        "_for_user",
        "_for_owner",
        "_for_tenant",
    ];
    ENDINGS.iter().find(|ending| name.ends_with(**ending)).copied()
}

/// Whether the function still finds rows in the same way, by one condition less.
fn still_finds(was: &Tree, before: &[NodeId], is: &Tree, after: &[NodeId]) -> bool {
    let calls = |tree: &Tree, nodes: &[NodeId]| -> BTreeSet<String> {
        nodes
            .iter()
            .filter(|id| tree.kind(**id) == Kind::Call)
            .filter_map(|id| called(tree, *id))
            .filter(|name| FINDS.contains(name) || name.starts_with("find") || name.starts_with("get"))
            .map(|name| name.split("And").next().unwrap_or(name).to_owned())
            .collect()
    };
    let tables = |tree: &Tree, nodes: &[NodeId]| -> BTreeSet<String> {
        let texts = nodes.iter().filter(|id| tree.kind(**id) == Kind::Str);
        texts
            .filter_map(|id| {
                let lower = tree.name(*id).to_ascii_lowercase();
                let (_, rest) = lower
                    .split_once(" from ")
                    .or_else(|| lower.split_once("update "))?;
                rest.split_whitespace().next().map(str::to_owned)
            })
            .collect()
    };
    let (old, new) = (calls(was, before), calls(is, after));
    let same_calls = old.intersection(&new).next().is_some();
    let one_object = ["get_or_404", "get", "findById", "findByPk", "findUnique", "First"]
        .iter()
        .any(|name| new.contains(*name));
    let tables_before = tables(was, before);
    match tables_before.is_empty() {
        true => same_calls || one_object,
        false => tables_before.intersection(&tables(is, after)).next().is_some(),
    }
}
