//! A thread waits for a condition under an `if`, and takes for granted that it holds when it goes on.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::loops;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "wait-without-loop",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-667"],
    languages: &[Language::Go, Language::Java, Language::Python],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if !waits_for_condition(code, call) || undoes_or_tests(code, call) {
            continue;
        }
        let branch = code
            .tree
            .ancestors(call)
            .take_while(|around| !matches!(code.kind(*around), Kind::Function | Kind::Lambda))
            .find(|around| code.kind(*around) == Kind::If || loops::is_loop(code.kind(*around)));
        let Some(branch) = branch.filter(|branch| code.kind(*branch) == Kind::If) else {
            continue;
        };
        // A round of an outer loop asks again.
        let asked_again = !loops::around(code.tree, branch).is_empty();
        if !asked_again && code.child(branch, Role::Else).is_none() {
            reports.add(
                call,
                "who is woken has to ask again: another thread may have been faster, and threads wake without being called",
            );
        }
    }
}

/// `wait()` of an object's monitor, `await()` of a condition, `Wait()` of a `sync.Cond`.
fn waits_for_condition(code: Code<'_>, call: NodeId) -> bool {
    let name = code.called(call);
    let receiver = code.receiver(call);
    let is_condition = || {
        receiver.is_some_and(|of| {
            let last = code.last_name(of).to_ascii_lowercase();
            last.contains("cond")
                || last.contains("notempty")
                || last.contains("notfull")
                || last.contains("not_empty")
        })
    };
    match code.tree.language() {
        Language::Java => {
            let waits = name == "wait" && receiver.is_none_or(|of| code.tree.source(of) == "this")
                || name == "await" && is_condition();
            waits && code.args(call).is_empty()
        }
        Language::Go => name == "Wait" && is_condition() && code.tree.text().contains("sync.Cond"),
        Language::Python => {
            name == "wait"
                && is_condition()
                && code.tree.text().contains("Condition(")
                && code.args(call).is_empty()
        }
        _ => false,
    }
}
