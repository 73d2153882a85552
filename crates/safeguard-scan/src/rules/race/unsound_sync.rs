//! Rust: a type is declared safe to share between threads though what it holds is not.

use safeguard_api::evidence::Severity;

use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unsound-sync",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362"],
    languages: &[Language::Rust],
    run,
};

/// A `static mut` that is changed where threads or tasks are.
pub static STATIC: Check = Check {
    id: "static-mut",
    run: changed,
    ..CHECK
};

fn changed(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let text = tree.text();
    let at_once = [
        "thread::spawn",
        "thread::scope",
        "rayon::",
        "tokio::",
        "async fn",
        "actix_web",
        "axum::",
    ]
    .iter()
    .any(|word| text.contains(word));
    if !at_once || source.is_test() {
        return;
    }
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        let Some(target) = tree.child(assign, Role::Target) else {
            continue;
        };
        let name = tree.name(target);
        let is_static = tree.kind(target) == Kind::Name
            && !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
            && text.contains(&format!("static mut {name}:"));
        let function = functions_around(tree, assign).next();
        // What `main` sets before it starts others is there for them all.
        if is_static && function.is_some_and(|function| tree.name(function) != "main") {
            reports.add(
                assign,
                format!("every thread may change `{name}` at the same time: changes are lost, and the compiler takes for granted that it does not happen"),
            );
        }
    }
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let text = tree.text();
    if !text.contains("unsafe impl") || source.is_test() {
        return;
    }
    for (at, _) in text.match_indices("unsafe impl") {
        let head: String = text[at..].chars().take_while(|char| *char != '{').collect();
        let Some((of, name)) = head.rsplit_once(" for ") else {
            continue;
        };
        let (sync, send) = (of.trim_end().ends_with("Sync"), of.trim_end().ends_with("Send"));
        let name = name.split(['<', ' ', '\n']).next().unwrap_or("").trim();
        // Where there are no threads, anything may be shared.
        let line_before = text[..at].trim_end().rsplit('\n').next().unwrap_or("");
        if !(sync || send) || name.is_empty() || line_before.contains("cfg(") {
            continue;
        }
        let Some(held) = held(source, name) else {
            continue;
        };
        let bad = if sync {
            ["RefCell<", "Rc<"].iter().find(|of| has_word(&held, of))
        } else {
            ["Rc<"].iter().find(|of| has_word(&held, of))
        };
        let locked = ["Mutex", "RwLock", "lock", "ThreadId", "Atomic", "owner"]
            .iter()
            .any(|word| held.contains(word));
        if let Some(of) = bad.filter(|_| !locked)
            && let Some(node) = node_at(tree, at)
        {
            let of = of.trim_end_matches('<');
            reports.add(
                node,
                format!("`{name}` holds a `{of}`, which two threads must not touch at once, and this says that they may"),
            );
        }
    }
}

/// Whether a type stands in a text as it is, and not as the end of another: `Rc<` is not in `Arc<`.
fn has_word(held: &str, of: &str) -> bool {
    held.match_indices(of).any(|(at, _)| {
        !held[..at]
            .chars()
            .next_back()
            .is_some_and(|char| char.is_alphanumeric() || char == '_')
    })
}

/// What a struct of the file holds, as written.
fn held(source: &Source, name: &str) -> Option<String> {
    let tree = &source.tree;
    source
        .of_kind(Kind::Class)
        .iter()
        .find(|class| tree.name(**class) == name && tree.source(**class).contains("struct"))
        .map(|class| tree.source(*class).to_owned())
}

/// The smallest node that a place is in.
fn node_at(tree: &Tree, at: usize) -> Option<NodeId> {
    tree.all()
        .filter(|id| {
            let span = tree.span(*id);
            span.start <= at && at < span.end && *id != NodeId::ROOT
        })
        .min_by_key(|id| tree.span(*id).end - tree.span(*id).start)
        .or_else(|| tree.children(NodeId::ROOT).next())
}
