//! Notifications that come twice, and are acted on twice.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "repeated-delivery",
    failure: "X4",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-799"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions
        .copied()
        .filter(|function| bodies::is_handler(source, *function))
    {
        if !is_webhook(source, function) {
            continue;
        }
        let text = tree.source(function).to_ascii_lowercase();
        let told = [
            "idempot",
            "processed",
            "already",
            "event_id",
            "eventid",
            "event.id",
            "event[\"id\"]",
            "event['id']",
            "event.get(\"id\")",
            "get_or_create",
            "on conflict",
            "onconflict",
            "duplicate",
            "upsert",
            "update_or_create",
            "unique",
            "exists",
            "delivery",
            "delay(",
            "enqueue",
            "queue",
        ]
        .iter()
        .any(|word| text.contains(word));
        if told {
            continue;
        }
        let acts = bodies::body(tree, function)
            .into_iter()
            .find(|id| match tree.kind(*id) {
                Kind::Assign => {
                    matches!(tree.name(*id), "+=" | "-=")
                        && tree
                            .child(*id, Role::Target)
                            .is_some_and(|target| tree.kind(target) == Kind::Member)
                }
                Kind::Call => {
                    matches!(
                        calls::name(tree, *id),
                        "create"
                            | "insert"
                            | "insertOne"
                            | "insert_one"
                            | "send_mail"
                            | "sendMail"
                            | "increment"
                            | "credit"
                            | "add_credits"
                            | "addCredits"
                            | "Create"
                            | "fulfill_order"
                            | "fulfillOrder"
                    ) || calls::args(tree, *id).any(|arg| {
                        tree.kind(arg) == Kind::Str
                            && tree
                                .name(arg)
                                .trim_start()
                                .to_ascii_lowercase()
                                .starts_with("insert into")
                    })
                }
                _ => false,
            });
        if let Some(acts) = acts {
            reports.add(
                acts,
                "a notification may come more than once; nothing here asks whether this one was dealt with",
            );
        }
    }
}

fn is_webhook(source: &Source, function: NodeId) -> bool {
    let tree = &source.tree;
    let says = |text: &str| text.to_ascii_lowercase().contains("webhook");
    if says(tree.name(function)) {
        return true;
    }
    let decorated = tree
        .children_in(function, Role::Decorator)
        .any(|decorator| says(tree.source(decorator)));
    let routed = tree.role(function) == Role::Arg
        && tree
            .parent(function)
            .and_then(|call| calls::arg(tree, call, 0))
            .is_some_and(|path| tree.kind(path) == Kind::Str && says(tree.name(path)));
    decorated
        || routed
        || tree.language() != Language::Python && says(&source.path) && tree.name(function) == "POST"
}
