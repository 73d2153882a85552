//! What was escaped, quoted or cleaned before it was written somewhere, and is written there as it comes now.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::functions::body_nodes;
use crate::matching::canonical;
use crate::rule::Confidence;
use crate::rules::ALL_LANGUAGES;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "removed-escaping",
    failure: "X3",
    cwe: &["CWE-116", "CWE-79", "CWE-78", "CWE-22"],
    languages: ALL_LANGUAGES,
    run,
    gone: None,
};

/// What makes a text harmless where it is written, whatever it is called on.
const ESCAPES: &[&str] = &[
    "escapeHtml",
    "escapeHTML",
    "escape_html",
    "escapeHtml4",
    "htmlEscape",
    "html_escape",
    "HTMLEscapeString",
    "EscapeString",
    "forHtml",
    "forHtmlAttribute",
    "forJavaScript",
    "escapeXml",
    "escape_xml",
    "sanitizeHtml",
    "sanitize_html",
    "sanitizeHTML",
    "secure_filename",
    "sanitizeFilename",
    "sanitize_filename",
    "escapeIdentifier",
    "escapeLiteral",
    "escapeId",
    "quote_ident",
    "quote_identifier",
    "QuoteIdentifier",
    "QuoteLiteral",
    "quoteIdentifier",
    "escapeShellArg",
    "shellescape",
    "shell_escape",
    "escape_filter_chars",
    "escapeRegExp",
    "escape_markdown",
    "encode_text",
    "encode_safe",
];
/// What does so when it comes from one of these.
const OF: &[(&str, &[&str])] = &[
    (
        "escape",
        &[
            "html",
            "markupsafe",
            "validator",
            "mysql",
            "pool",
            "connection",
            "template",
            "he",
            "lodash",
            "_",
        ],
    ),
    ("quote", &["shlex", "pipes", "shell"]),
    (
        "sanitize",
        &["dompurify", "purify", "bluemonday", "policy", "sanitizer"],
    ),
    ("Sanitize", &["policy", "p", "sanitizer", "bluemonday"]),
    ("clean", &["bleach", "nh3", "ammonia", "jsoup"]),
];

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.is_test() {
        return;
    }
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    for (name, old, new) in pairs(both) {
        let before = body_nodes(was.tree, old);
        let escapes: Vec<NodeId> = before.iter().copied().filter(|id| escapes(was, *id)).collect();
        if escapes.is_empty() {
            continue;
        }
        let after = body_nodes(is.tree, new);
        // What stood there bare before, and what does so now: by its place, and what it is.
        let bare_before = bare(was, &before);
        let bare_now = bare(is, &after);
        for call in escapes {
            let Some(what) = was.arg(call, 0) else {
                continue;
            };
            let Some(place) = place_of(was, call) else {
                continue;
            };
            let key = (place, canonical(was.tree, what));
            let Some(nodes) = bare_now.get(&key) else {
                continue;
            };
            let known = bare_before.get(&key).map_or(0, Vec::len);
            let escaper = was.called(call);
            let moved = both.moved.mentions_elsewhere(&both.head.path, escaper);
            if let Some(node) = nodes.last().filter(|_| nodes.len() > known && !moved) {
                taken.push(Taken {
                    node: *node,
                    severity: Severity::High,
                    confidence: Confidence::High,
                    message: format!(
                        "`{}` went through `{escaper}` in `{name}`, and is written as it comes now",
                        is.tree.source(*node)
                    ),
                });
                break;
            }
        }
    }
}

fn escapes(code: Code<'_>, call: NodeId) -> bool {
    if code.kind(call) != Kind::Call || code.args(call).is_empty() {
        return false;
    }
    let name = code.called(call);
    if ESCAPES.contains(&name) {
        return true;
    }
    let path = code.path(call).to_ascii_lowercase();
    OF.iter().any(|(one, of)| {
        let begin = path.rsplit_once(['.', ':']).map_or("", |(begin, _)| begin);
        *one == name && begin.split(['.', ':', '/']).any(|part| of.contains(&part))
    })
}

/// Texts and values at the places where they are written, that no call is around.
fn bare(code: Code<'_>, nodes: &[NodeId]) -> BTreeMap<(String, String), Vec<NodeId>> {
    let mut found: BTreeMap<(String, String), Vec<NodeId>> = BTreeMap::new();
    for id in nodes.iter().copied() {
        let is_value = matches!(
            code.kind(id),
            Kind::Name | Kind::Member | Kind::Index | Kind::Call
        );
        if let Some(place) = place_of(code, id).filter(|_| is_value && !escapes(code, id)) {
            found
                .entry((place, canonical(code.tree, id)))
                .or_default()
                .push(id);
        }
    }
    found
}

/// Where a value is written or given back: in a text, joined to one, given to a call or to a key of its name.
fn place_of(code: Code<'_>, id: NodeId) -> Option<String> {
    let parent = code.tree.parent(id)?;
    match code.kind(parent) {
        Kind::Interp => Some("text".to_owned()),
        Kind::Binary if matches!(code.name(parent), "+" | "%") => Some("joined".to_owned()),
        Kind::Call | Kind::New if code.tree.role(id) == Role::Arg => {
            Some(format!("given to {}", code.called(parent)))
        }
        Kind::Return => Some("given back".to_owned()),
        Kind::Pair => Some(format!("set to {}", code.key(parent)?)),
        Kind::Assign if code.tree.role(id) == Role::Value => {
            let target = code.child(parent, Role::Target)?;
            // What only has a name here may be cleaned further on.
            (code.kind(target) == Kind::Member).then(|| format!("set to {}", code.name(target)))
        }
        _ => None,
    }
}
