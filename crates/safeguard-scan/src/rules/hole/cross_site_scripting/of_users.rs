//! What people write, or what was fetched, becomes part of a page as it is: it was sent at another time, and by somebody else.

use std::collections::BTreeSet;

use super::sinks::{Sink, sinks};
use super::{escaping, is_given, is_open, short, texts};
use crate::analysis::code::Code;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::taint;
use crate::tree::{Kind, NodeId, Role};

pub const CHECK: Check = Check {
    languages: &[Language::JavaScript, Language::Tsx, Language::TypeScript],
    run,
    ..super::CHECK
};

/// What people write for others to read.
const WRITTEN: &[&str] = &[
    "bio",
    "comment",
    "comments",
    "feedback",
    "guestbook",
    "review",
    "reviews",
    "reply",
    "replies",
    "testimonial",
    "submission",
    "ticket",
    "chat",
    "dm",
    "nickname",
    "username",
    "signature",
];

/// What holds such a text, by the names of its parts.
const PARTS: &[&str] = &[
    "about",
    "author",
    "body",
    "bio",
    "comment",
    "content",
    "description",
    "email",
    "excerpt",
    "label",
    "message",
    "name",
    "note",
    "notes",
    "subject",
    "summary",
    "text",
    "title",
    "username",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let html: Vec<NodeId> = sinks(source)
        .into_iter()
        .filter(|(_, sink)| *sink == Sink::Html)
        .map(|(node, _)| node)
        .collect();
    if html.is_empty() || cleans(source) {
        return;
    }
    let tree = &source.tree;
    let clean = escaping(source);
    let built = texts(source);
    let nodes: Vec<NodeId> = built.iter().map(|one| one.node).collect();
    let into: BTreeSet<NodeId> = taint::reaches(source, &nodes, &html, &clean)
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    let holes = built
        .iter()
        .filter(|one| into.contains(&one.node))
        .flat_map(|one| one.holes.iter().map(|hole| hole.node));
    for node in html.iter().copied().chain(holes) {
        if matches!(tree.kind(node), Kind::Name | Kind::Member)
            && is_open(source, node)
            && (is_written(source, node) || is_fetched(source, node))
        {
            reports.add(
                node,
                format!(
                    "`{}` is what somebody else wrote and becomes part of the page as it is, so it can bring a script with it",
                    short(source, node)
                ),
            );
        }
    }
}

/// Whether the file cleans HTML at all; where, is not followed.
fn cleans(source: &Source) -> bool {
    let lower = source.tree.text().to_ascii_lowercase();
    [
        "purify",
        "sanitiz",
        "sanitis",
        "escapehtml",
        "escape_html",
        "insane",
        "xss(",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

/// `comment.body`, `review.text`, `user.bio`, of a parameter or of a list that is shown.
fn is_written(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    let mut at = node;
    let mut names = vec![tree.name(node)];
    while let Some(object) = tree.child(at, Role::Object) {
        names.push(tree.name(object));
        at = object;
    }
    let written = names
        .iter()
        .flat_map(|name| words(name))
        .any(|word| WRITTEN.contains(&word.as_str()));
    // `message.text` of a chat is written by people, and `message` alone often is not.
    let told = tree.kind(node) == Kind::Member
        && matches!(names.last().copied(), Some("message" | "msg"))
        && matches!(tree.name(node), "text" | "body" | "content");
    (written || told) && is_given(source, node)
}

/// `item.title` in what is shown of an answer: `const items = await (await fetch(…)).json()`.
fn is_fetched(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    let code = Code::of(source);
    let is_part = tree.kind(node) == Kind::Member
        && words(tree.name(node))
            .last()
            .is_some_and(|word| PARTS.contains(&word.as_str()));
    if !is_part {
        return false;
    }
    let root = code.first_name(node);
    let Some(around) = functions_around(tree, node).last() else {
        return false;
    };
    let answer = |id: NodeId| {
        code.kind(id) == Kind::Call
            && (matches!(
                code.called(id),
                "fetch" | "getJSON" | "ajax" | "useSWR" | "useQuery"
            ) || code.called(id) == "json" && code.receiver(id).is_some()
                || code.first_name_of_call(id) == Some("axios"))
    };
    // Set to an answer, or one of its entries.
    let from_answer = |name: &str| {
        tree.subtree(around).any(|id| {
            code.kind(id) == Kind::Assign
                && tree.children_in(id, Role::Target).any(|target| {
                    tree.subtree(target)
                        .any(|part| code.kind(part) == Kind::Name && code.name(part) == name)
                })
                && code
                    .child(id, Role::Value)
                    .is_some_and(|value| tree.subtree(value).any(answer))
        })
    };
    let entry_of = tree.subtree(around).find_map(|id| match code.kind(id) {
        // `for (const item of items)`
        Kind::ForEach
            if tree.within(node, id)
                && code
                    .child(id, Role::Target)
                    .is_some_and(|target| code.last_name(target) == root) =>
        {
            Some(code.first_name(code.child(id, Role::Iter)?))
        }
        // `items.map((item) => …)`, `.then((item) => …)`
        Kind::Lambda
            if tree.within(node, id)
                && tree
                    .children_in(id, Role::Param)
                    .any(|param| code.name(param) == root) =>
        {
            let call = tree.parent(id)?;
            let of = code.receiver(call)?;
            if code.called(call) == "then" && tree.subtree(of).any(answer) {
                return Some("");
            }
            Some(code.first_name(of))
        }
        _ => None,
    });
    match entry_of {
        Some("") => true,
        Some(list) => {
            from_answer(list) || {
                // `.then((items) => items.forEach((item) => …))`
                tree.subtree(around).any(|id| {
                    code.kind(id) == Kind::Lambda
                        && tree.within(node, id)
                        && tree
                            .children_in(id, Role::Param)
                            .any(|param| code.name(param) == list)
                        && tree.parent(id).is_some_and(|call| {
                            code.called(call) == "then"
                                && code.receiver(call).is_some_and(|of| tree.subtree(of).any(answer))
                        })
                })
            }
        }
        None => from_answer(root),
    }
}
