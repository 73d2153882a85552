//! A lock of the standard library that is held while something is awaited.

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::analysis::guarded::guards;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::Kind;

pub static CHECK: Check = Check {
    id: "lock-across-await",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-833"],
    languages: &[Language::Rust],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for guard in guards(source) {
        if guard.awaited || !bodies::in_async(tree, guard.taken) {
            continue;
        }
        if let Some(awaits) = guard.under.iter().find(|id| tree.kind(**id) == Kind::Await) {
            reports.add(
                *awaits,
                "a lock of the standard library is held here: whoever wants it blocks its thread until this has come back",
            );
        }
    }
}
