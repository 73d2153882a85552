//! A `return` in `finally`, which throws away the error that is on its way.

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, Role};

pub static CHECK: Check = Check {
    id: "left-in-finally",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-584", "CWE-390"],
    languages: &[
        Language::Java,
        Language::JavaScript,
        Language::Python,
        Language::Tsx,
        Language::TypeScript,
    ],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for attempt in source.of_kind(Kind::Try).iter().copied() {
        let Some(finally) = code.child(attempt, Role::Finally) else {
            continue;
        };
        let mut ways = bodies::running(code.tree, finally).into_iter();
        if let Some(way) = ways.find(|id| code.kind(*id) == Kind::Return)
            && !undoes_or_tests(code, way)
        {
            reports.add(
                way,
                "this leaves also when something went wrong: the error is thrown away, and the caller takes the answer for a success",
            );
        }
    }
}
