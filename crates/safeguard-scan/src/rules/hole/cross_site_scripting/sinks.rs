//! Where a text becomes part of a page.

use std::collections::BTreeMap;

use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// Where a text becomes part of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    /// Said to be HTML: `innerHTML`, `mark_safe`.
    Html,
    /// The body of an answer, which is HTML if it looks like it.
    Answer,
    /// The body of an answer that is sent as HTML even if it does not look like it.
    Plain,
}

pub(super) fn sinks(source: &Source) -> BTreeMap<NodeId, Sink> {
    let tree = &source.tree;
    let mut sinks = BTreeMap::new();
    if source.is_test() {
        return sinks;
    }
    for call in source.of_kind(Kind::Call) {
        of_call(source, *call, &mut sinks);
    }
    match tree.language() {
        Language::Python => {
            for function in source.of_kind(Kind::Function) {
                if is_flask_view(source, *function) {
                    let returns = tree
                        .subtree(*function)
                        .filter(|id| tree.kind(*id) == Kind::Return);
                    for value in returns.filter_map(|id| tree.child(id, Role::Value)) {
                        // `return page, 404`
                        let body = if tree.kind(value) == Kind::Tuple {
                            tree.children(value).next().unwrap_or(value)
                        } else {
                            value
                        };
                        if matches!(
                            tree.kind(body),
                            Kind::Interp | Kind::Binary | Kind::Name | Kind::Call
                        ) {
                            sinks.entry(body).or_insert(Sink::Plain);
                        }
                    }
                }
            }
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            for assign in source.of_kind(Kind::Assign) {
                let (Some(target), Some(value)) = (
                    tree.child(*assign, Role::Target),
                    tree.child(*assign, Role::Value),
                ) else {
                    continue;
                };
                if tree.kind(target) == Kind::Member {
                    match tree.name(target) {
                        "innerHTML" | "outerHTML" | "srcdoc" => {
                            sinks.insert(value, Sink::Html);
                        }
                        "body"
                            if tree.child(target, Role::Object).is_some_and(|owner| {
                                matches!(tree.source(owner), "ctx" | "ctx.response")
                            }) =>
                        {
                            sinks.insert(value, Sink::Answer);
                        }
                        _ => {}
                    }
                }
            }
            // `dangerouslySetInnerHTML={{ __html: text }}`
            for pair in source.of_kind(Kind::Pair) {
                if let (Some(key), Some(value)) =
                    (tree.child(*pair, Role::Key), tree.child(*pair, Role::Value))
                    && tree.name(key) == "__html"
                {
                    sinks.insert(value, Sink::Html);
                }
            }
            for new in source.of_kind(Kind::New) {
                if tree.name_of_callee(*new) == "Response"
                    && let Some(body) = tree.child(*new, Role::Arg)
                    && tree.source(*new).to_ascii_lowercase().contains("text/html")
                {
                    sinks.insert(body, Sink::Answer);
                }
            }
        }
        Language::Go | Language::Java | Language::Rust => {}
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
    sinks
}

fn of_call(source: &Source, call: NodeId, sinks: &mut BTreeMap<NodeId, Sink>) {
    let tree = &source.tree;
    let name = tree.name_of_callee(call);
    let args: Vec<NodeId> = tree.children_in(call, Role::Arg).collect();
    let object = tree
        .child(call, Role::Callee)
        .and_then(|callee| tree.child(callee, Role::Object));
    let owner = object.map_or("", |object| tree.source(object));
    let positional = |at: usize| {
        args.get(at)
            .copied()
            .filter(|argument| !matches!(tree.kind(*argument), Kind::Keyword | Kind::Object))
    };
    let named = |wanted: &[&str]| {
        args.iter().find_map(|argument| {
            (tree.kind(*argument) == Kind::Keyword && wanted.contains(&tree.name(*argument)))
                .then(|| tree.child(*argument, Role::Value))
                .flatten()
        })
    };
    let mut add = |node: Option<NodeId>, sink: Sink| {
        if let Some(node) = node {
            sinks.insert(node, sink);
        }
    };
    match tree.language() {
        Language::Python => {
            let is_other_kind = ["json", "text/plain", "csv", "xml", "octet-stream", "pdf"]
                .iter()
                .any(|kind| tree.source(call).contains(kind));
            match name {
                "mark_safe" | "Markup" | "SafeString" | "SafeText" => add(positional(0), Sink::Html),
                "format_html" => add(positional(0), Sink::Html),
                "HTMLResponse" => add(positional(0).or(named(&["content"])), Sink::Answer),
                "HttpResponse" | "make_response" | "Response" | "HTTPResponse" if !is_other_kind => {
                    add(
                        positional(0).or(named(&["response", "content", "text", "body"])),
                        Sink::Answer,
                    );
                }
                "write" if matches!(owner, "self" | "self.wfile") => add(positional(0), Sink::Answer),
                _ => {}
            }
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            let is_other_kind = [
                "json",
                "text/plain",
                "type(\"text\")",
                "type('text')",
                "type('txt')",
            ]
            .iter()
            .any(|kind| tree.source(call).contains(kind) || owner.contains(kind));
            let begins = owner.split('.').next().unwrap_or(owner);
            match name {
                "send" if matches!(begins, "res" | "response") && !is_other_kind => {
                    add(positional(0), Sink::Plain)
                }
                "send" if begins == "reply" && owner.contains("html") => add(positional(0), Sink::Answer),
                "end" | "write" if matches!(begins, "res" | "response") && !is_other_kind => {
                    add(positional(0), Sink::Answer);
                }
                "write" | "writeln" if owner == "document" => add(positional(0), Sink::Html),
                "insertAdjacentHTML" => add(positional(1), Sink::Html),
                "createContextualFragment" => add(positional(0), Sink::Html),
                "html" if object.is_some() => {
                    let is_jquery = owner.starts_with('$') || owner.starts_with("jQuery(");
                    add(positional(0), if is_jquery { Sink::Html } else { Sink::Answer });
                }
                "bypassSecurityTrustHtml" => add(positional(0), Sink::Html),
                _ => {}
            }
        }
        Language::Go => match (owner, name) {
            ("template", "HTML" | "JS" | "HTMLAttr" | "URL" | "JSStr" | "CSS") => {
                add(positional(0), Sink::Html)
            }
            ("fmt", "Fprintf") if is_writer(tree, args.first()) => add(Some(call), Sink::Answer),
            ("fmt", "Fprint" | "Fprintln") if is_writer(tree, args.first()) => {
                for argument in args.iter().skip(1) {
                    add(Some(*argument), Sink::Answer);
                }
            }
            ("io", "WriteString") if is_writer(tree, args.first()) => add(positional(1), Sink::Answer),
            (_, "Write") if is_writer(tree, object.as_ref()) => add(positional(0), Sink::Answer),
            (_, "HTMLBlob") => add(positional(1), Sink::Answer),
            (_, "HTML") if args.len() == 2 => add(positional(1), Sink::Answer),
            (_, "Data") if args.len() == 3 && tree.source(call).contains("html") => {
                add(positional(2), Sink::Answer)
            }
            _ => {}
        },
        Language::Dockerfile
        | Language::Hcl
        | Language::Java
        | Language::Rust
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
}

fn is_writer(tree: &Tree, node: Option<&NodeId>) -> bool {
    node.is_some_and(|node| {
        tree.kind(*node) == Kind::Name
            && crate::analysis::outside::parameter(tree, *node)
                .is_some_and(|param| crate::analysis::outside::type_of(tree, param) == "http.ResponseWriter")
            || tree.source(*node).ends_with(".Writer")
    })
}

/// A function whose text Flask sends as HTML.
fn is_flask_view(source: &Source, function: NodeId) -> bool {
    let tree = &source.tree;
    let imports = source.of_kind(Kind::Import).iter().any(|import| {
        matches!(
            tree.name(*import).split('.').next(),
            Some("flask" | "bottle" | "quart")
        )
    });
    imports
        && tree.children_in(function, Role::Decorator).any(|decorator| {
            tree.child(decorator, Role::Value).is_some_and(|value| {
                tree.kind(value) == Kind::Call
                    && matches!(
                        tree.name_of_callee(value),
                        "route" | "get" | "post" | "put" | "patch" | "delete" | "errorhandler"
                    )
            })
        })
}
