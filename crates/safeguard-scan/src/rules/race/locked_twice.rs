//! A lock that is taken again while its guard is still there.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::guarded::{guards, lock_call};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::Kind;

pub static CHECK: Check = Check {
    id: "locked-twice",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-764"],
    languages: &[Language::Rust],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = code.tree;
    for guard in guards(source) {
        let again = guard.under.iter().copied().find(|id| {
            let Some((call, _)) = lock_call(code, *id).filter(|_| tree.kind(*id) != Kind::Name) else {
                return false;
            };
            // Two that only read may be there at once.
            let excludes = guard.method != "read" || code.called(call) != "read";
            excludes
                && code
                    .receiver(call)
                    .is_some_and(|receiver| canonical(tree, receiver) == guard.lock)
        });
        if let Some(again) = again {
            reports.add(
                again,
                "this thread holds the lock already, and waits here for itself",
            );
        }
    }
}
