//! What was only marked as deleted, and is deleted now: the row does not come back.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::functions::{body_nodes, head};
use crate::analysis::words::{has_word, words};
use crate::rule::Confidence;
use crate::rules::ALL_LANGUAGES;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "hard-delete",
    failure: "X1",
    cwe: &["CWE-1057"],
    languages: ALL_LANGUAGES,
    run,
    gone: None,
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.is_test() {
        return;
    }
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    for (name, old, new) in pairs(both) {
        let before = body_nodes(was.tree, old);
        if !before.iter().any(|id| marks(was, *id)) || before.iter().any(|id| deletes(was, *id)) {
            continue;
        }
        let after = body_nodes(is.tree, new);
        if after.iter().any(|id| marks(is, *id)) {
            continue;
        }
        let purges = has_word(&name, &["purge", "erase", "gdpr", "forget", "anonymize", "hard"]);
        if let Some(node) = after
            .iter()
            .copied()
            .find(|id| deletes(is, *id))
            .filter(|_| !purges)
        {
            taken.push(Taken {
                node: if is.is_call(node) {
                    node
                } else {
                    head(is.tree, new)
                },
                severity: Severity::Critical,
                confidence: Confidence::High,
                message: format!(
                    "`{name}` only marked what it was given as deleted, and deletes it for good now"
                ),
            });
        }
    }
}

/// `deleted_at = now()`, `isDeleted: true`, `SET deleted_at = …`
fn marks(code: Code<'_>, id: NodeId) -> bool {
    match code.kind(id) {
        Kind::Assign => code
            .child(id, Role::Target)
            .is_some_and(|target| is_mark(code.last_name(target))),
        Kind::Pair => code.key(id).is_some_and(is_mark),
        Kind::Keyword => is_mark(code.name(id)),
        Kind::Str => {
            let lower = code.name(id).to_ascii_lowercase();
            lower.contains("update ")
                && lower.contains(" set ")
                && words(&lower).windows(2).any(|pair| is_pair(&pair[0], &pair[1]))
        }
        // gorm: `Update("deleted_at", now)`
        Kind::Call if matches!(code.called(id), "Update" | "UpdateColumn" | "set") => code
            .arg(id, 0)
            .and_then(|column| code.text(column))
            .is_some_and(is_mark),
        Kind::Call => matches!(
            code.called(id),
            "setDeletedAt" | "setDeleted" | "softDelete" | "soft_delete" | "softRemove" | "markDeleted"
        ),
        _ => false,
    }
}

fn is_mark(name: &str) -> bool {
    let words = words(name);
    words.windows(2).any(|pair| is_pair(&pair[0], &pair[1])) && words.len() == 2
}

fn is_pair(first: &str, second: &str) -> bool {
    matches!(
        (first, second),
        ("deleted" | "removed" | "archived", "at" | "on" | "time") | ("is", "deleted" | "archived")
    )
}

/// What takes rows away for good.
/// What `remove` takes a row from, and no element.
const STORES: &[&str] = &[
    "repository",
    "repo",
    "model",
    "collection",
    "manager",
    "entity",
    "em",
    "dao",
];

fn deletes(code: Code<'_>, id: NodeId) -> bool {
    match code.kind(id) {
        Kind::Str => {
            let lower = code.name(id).trim_start().to_ascii_lowercase();
            lower.starts_with("delete from ")
        }
        Kind::Call => {
            let of = code.receiver(id).map_or("", |of| code.last_name(of));
            let on_collection = has_word(
                of,
                &[
                    "set", "map", "cache", "headers", "params", "list", "keys", "storage",
                ],
            );
            matches!(
                code.called(id),
                "delete"
                    | "destroy"
                    | "deleteOne"
                    | "deleteMany"
                    | "deleteById"
                    | "Delete"
                    | "findByIdAndDelete"
                    | "findOneAndDelete"
                    | "delete_one"
                    | "hard_delete"
                    | "remove"
            ) && code.receiver(id).is_some()
                && !on_collection
                && (code.called(id) != "remove" || has_word(of, STORES))
        }
        _ => false,
    }
}
