//! Pages that are put together from texts: what a client sent, and what nothing shows to be harmless.

mod components;
mod of_users;
mod sinks;

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use crate::analysis::built::{Built, built};
use crate::analysis::outside::outside;
use crate::language::Language;
use crate::matching::{Source, is_constant_string};
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::taint;
use crate::tree::{Flags, Kind, NodeId, Role};
pub use of_users::CHECK as OF_USERS;
use sinks::{Sink, sinks};

pub const CHECK: Check = Check {
    id: "cross-site-scripting",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-79"],
    languages: EVERY_LANGUAGE,
    run: certain,
};

/// The same where it depends on what can not be seen.
pub const ADVICE: Check = Check {
    confidence: Confidence::Medium,
    run: possible,
    ..CHECK
};

fn certain(source: &Source, _: &Project, reports: &mut Reports) {
    components::raw_html(source, true, reports);
    let sinks = sinks(source);
    if sinks.is_empty() {
        return;
    }
    let sent: Vec<NodeId> = sent(source);
    let clean = escaping(source);
    let html: Vec<NodeId> = sinks
        .iter()
        .filter(|(_, sink)| **sink == Sink::Html)
        .map(|(node, _)| *node)
        .collect();
    let mut told: BTreeSet<NodeId> = BTreeSet::new();
    for (sink, _) in taint::reaches(source, &sent, &html, &clean) {
        told.insert(sink);
    }
    for (hole, sink) in filled(source, &sinks, &sent, &clean) {
        if sink == Sink::Answer {
            told.insert(hole);
        }
    }
    for node in told {
        reports.add(
            node,
            format!(
                "`{}` holds what was sent and becomes part of a page as it is, so it can bring a script with it",
                short(source, node)
            ),
        );
    }
}

fn possible(source: &Source, _: &Project, reports: &mut Reports) {
    components::raw_html(source, false, reports);
    let sinks = sinks(source);
    if sinks.is_empty() {
        return;
    }
    let tree = &source.tree;
    let clean = escaping(source);
    let sent = sent(source);
    for (hole, sink) in filled(source, &sinks, &sent, &clean) {
        if sink == Sink::Plain {
            reports.add(
                hole,
                format!(
                    "`{}` is sent back in a text that browsers read as HTML",
                    short(source, hole)
                ),
            );
        }
    }
    // What is said to be HTML, and is neither fixed nor escaped.
    let html: Vec<NodeId> = sinks
        .iter()
        .filter(|(_, sink)| **sink == Sink::Html)
        .map(|(node, _)| *node)
        .collect();
    let texts = texts(source);
    let nodes: Vec<NodeId> = texts.iter().map(|one| one.node).collect();
    let into: BTreeSet<NodeId> = taint::reaches(source, &nodes, &html, &clean)
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    for text in texts.iter().filter(|one| into.contains(&one.node)) {
        for hole in &text.holes {
            if is_open(source, hole.node) {
                reports.add(
                    hole.node,
                    format!(
                        "`{}` becomes HTML as it is; nothing here escapes it",
                        short(source, hole.node)
                    ),
                );
            }
        }
    }
    for sink in html {
        if matches!(tree.kind(sink), Kind::Name | Kind::Member)
            && is_open(source, sink)
            && is_given(source, sink)
        {
            reports.add(
                sink,
                format!(
                    "`{}` becomes HTML as it is; nothing here escapes it",
                    short(source, sink)
                ),
            );
        }
    }
}

/// The holes of texts that become answers, that are filled with what was sent.
fn filled(
    source: &Source,
    sinks: &BTreeMap<NodeId, Sink>,
    sent: &[NodeId],
    clean: &[NodeId],
) -> Vec<(NodeId, Sink)> {
    if sent.is_empty() {
        return Vec::new();
    }
    let answers: Vec<NodeId> = sinks
        .iter()
        .filter(|(_, sink)| **sink != Sink::Html)
        .map(|(node, _)| *node)
        .collect();
    let texts = built(source);
    let nodes: Vec<NodeId> = texts.iter().map(|one| one.node).collect();
    let mut answered: BTreeMap<NodeId, Sink> = BTreeMap::new();
    for (sink, text) in taint::reaches(source, &nodes, &answers, clean) {
        answered.entry(text).or_insert(sinks[&sink]);
    }
    // What is printed to the client at once: `fmt.Fprintf(w, "<p>%s", name)`.
    for text in &texts {
        if let Some(sink) = sinks.get(&text.node) {
            answered.entry(text.node).or_insert(*sink);
        }
    }
    let mut holes: BTreeMap<NodeId, Sink> = BTreeMap::new();
    for text in &texts {
        let Some(sink) = answered.get(&text.node) else {
            continue;
        };
        let kind = if is_html(&text.text) { Sink::Answer } else { *sink };
        if kind == Sink::Answer && !is_html(&text.text) || text.text.trim_start().starts_with(['{', '[']) {
            continue;
        }
        holes.extend(text.holes.iter().map(|hole| (hole.node, kind)));
    }
    let nodes: Vec<NodeId> = holes.keys().copied().collect();
    let mut reached: Vec<NodeId> = taint::reaches(source, sent, &nodes, clean)
        .into_iter()
        .map(|(hole, _)| hole)
        .collect();
    reached.dedup();
    reached.into_iter().map(|hole| (hole, holes[&hole])).collect()
}

fn texts(source: &Source) -> Vec<Built> {
    built(source)
        .into_iter()
        .filter(|one| is_html(&one.text))
        .collect()
}

/// Whether a text has a tag in it.
fn is_html(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let tag: String = text[at + 1..]
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        matches!(
            tag.to_ascii_lowercase().as_str(),
            "a" | "b"
                | "body"
                | "br"
                | "button"
                | "code"
                | "div"
                | "em"
                | "form"
                | "h1"
                | "h2"
                | "h3"
                | "h4"
                | "h5"
                | "head"
                | "html"
                | "i"
                | "iframe"
                | "img"
                | "input"
                | "label"
                | "li"
                | "link"
                | "meta"
                | "ol"
                | "option"
                | "p"
                | "pre"
                | "script"
                | "section"
                | "select"
                | "small"
                | "span"
                | "strong"
                | "style"
                | "svg"
                | "table"
                | "tbody"
                | "td"
                | "textarea"
                | "th"
                | "title"
                | "tr"
                | "ul"
        )
    })
}

/// What a client sent, and in a browser what an address or another window holds.
fn sent(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    let mut sent = outside(source);
    if matches!(
        tree.language(),
        Language::JavaScript | Language::TypeScript | Language::Tsx
    ) {
        for member in source.of_kind(Kind::Member) {
            let owner = tree
                .child(*member, Role::Object)
                .map_or("", |owner| tree.source(owner));
            let is_address = matches!(
                owner,
                "location" | "window.location" | "document.location" | "self.location"
            ) && matches!(tree.name(*member), "search" | "hash" | "href");
            let is_document =
                owner == "document" && matches!(tree.name(*member), "URL" | "referrer" | "documentURI");
            if is_address || is_document {
                sent.push(*member);
            }
        }
        for call in source.of_kind(Kind::Call) {
            if matches!(tree.name_of_callee(*call), "useSearchParams" | "useParams") {
                sent.push(*call);
            }
        }
    }
    sent.sort();
    sent.dedup();
    sent
}

/// Calls whose result is escaped, or no text.
fn escaping(source: &Source) -> Vec<NodeId> {
    let tree = &source.tree;
    source
        .of_kind(Kind::Call)
        .iter()
        .copied()
        .filter(|call| {
            let name = tree.name_of_callee(*call);
            is_escaping(name) || name == "format_html" && tree.role(*call) != Role::Callee
        })
        .collect()
}

fn is_escaping(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    [
        "escape",
        "eschtml",
        "sanitize",
        "sanitise",
        "purify",
        "bleach",
        "clean",
        "encode",
        "striptags",
        "strip_tags",
        "quote",
        "url_for",
        "stringify",
        "dumps",
        "jsonify",
        "tojson",
        "highlight",
        "render",
        "markdown",
        "reverse",
        "safe",
    ]
    .iter()
    .any(|part| lower.contains(part))
        && !matches!(
            name,
            "mark_safe" | "unescape" | "render_template_string" | "encode" | "MarkSafe"
        )
}

/// Whether a value is neither fixed nor a number nor escaped, as far as can be seen.
fn is_open(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    if !matches!(tree.kind(node), Kind::Name | Kind::Member) || is_constant_string(source, node, 0) {
        return false;
    }
    let name = tree.name(node);
    let lower = name.to_ascii_lowercase();
    !(name
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        || matches!(
            name,
            "length" | "size" | "i" | "index" | "id" | "count" | "total" | "className" | "children"
        )
        || [
            "html",
            "icon",
            "safe",
            "svg",
            "color",
            "width",
            "height",
            "markup",
            "count",
            "class",
            "style",
            "css",
            "escaped",
            "clean",
            "sanitized",
            "jsonld",
        ]
        .iter()
        .any(|part| lower.contains(part)))
}

/// Whether a value comes from a parameter of a function around it.
fn is_given(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    let mut first = node;
    while tree.kind(first) == Kind::Member {
        match tree.child(first, Role::Object) {
            Some(object) => first = object,
            None => return false,
        }
    }
    tree.kind(first) == Kind::Name
        && !tree.flags(first).has(Flags::CONST)
        && functions_around(tree, first).any(|function| {
            tree.children_in(function, Role::Param).any(|param| {
                tree.name(param) == tree.name(first)
                    || tree.child(param, Role::Target).is_some_and(|target| {
                        tree.subtree(target)
                            .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == tree.name(first))
                    })
            })
        })
}

fn short(source: &Source, node: NodeId) -> String {
    const CHARS_MAX: usize = 80;
    let text = source
        .tree
        .source(node)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    text.chars().take(CHARS_MAX).collect()
}
