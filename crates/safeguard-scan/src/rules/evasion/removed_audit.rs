//! What a function does was written into the audit log, and is not any more.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::functions::{body_nodes, head, is_rewritten};
use crate::analysis::words::has_word;
use crate::rule::Confidence;
use crate::rules::ALL_LANGUAGES;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "removed-audit",
    failure: "X3",
    cwe: &["CWE-778"],
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
        let Some(told) = before.iter().copied().find(|id| tells(was, *id)) else {
            continue;
        };
        let after = body_nodes(is.tree, new);
        let still = after.iter().any(|id| tells(is, *id))
            || is
                .tree
                .children_in(new, Role::Decorator)
                .any(|decorator| is.mentions(decorator, about_audit));
        // Whoever writes it elsewhere now says so in what is added.
        let moved = both
            .moved
            .added()
            .any(|added| added.contains("audit") || added.contains("Audit"));
        // Without what it told of there is nothing to tell.
        let does = |code: Code<'_>, nodes: &[NodeId]| {
            nodes
                .iter()
                .filter(|id| code.is_call(**id) || code.kind(**id) == Kind::Assign)
                .count()
        };
        if still || moved || does(is, &after) == 0 {
            continue;
        }
        taken.push(Taken {
            node: head(is.tree, new),
            severity: Severity::High,
            confidence: match is_rewritten(was.tree, &before, is.tree, &after) {
                true => Confidence::Medium,
                false => Confidence::High,
            },
            message: format!(
                "`{}` wrote down what `{name}` did, and this change takes it away",
                was.called(told)
            ),
        });
    }
}

/// `audit.record(…)`, `AuditEvent.objects.create(…)`, `self.audit_log.write(…)`, `record(…)` of a module for it.
fn tells(code: Code<'_>, id: NodeId) -> bool {
    if !code.is_call(id) {
        return false;
    }
    let reads = matches!(
        code.called(id),
        "get"
            | "find"
            | "findMany"
            | "filter"
            | "all"
            | "list"
            | "query"
            | "count"
            | "first"
            | "select"
            | "getLogger"
    );
    !reads
        && (about_audit(code.path(id))
            || about_audit(code.called(id))
            || code.receiver(id).is_some_and(|of| code.mentions(of, about_audit)))
}

fn about_audit(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    has_word(name, &["audit", "auditor", "audits", "audited", "auditlog"])
        || ["activity_log", "activitylog", "security_event", "securityevent"]
            .iter()
            .any(|part| lower.contains(part))
}
