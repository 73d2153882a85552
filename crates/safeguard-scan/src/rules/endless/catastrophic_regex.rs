//! Regular expressions that one short text can keep busy for years.

use safeguard_api::evidence::Severity;

use crate::analysis::{ambiguity, calls};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "catastrophic-regex",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1333"],
    // Go's engine does not backtrack.
    languages: SCRIPT_LANGUAGES,
    run,
};

const MESSAGE: &str =
    "the time that this pattern takes can double with every character of a text that does not fit";

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in source.of_kind(Kind::Regex).iter().copied() {
        let pattern = tree
            .name(id)
            .rsplit_once('/')
            .map_or(tree.name(id), |(pattern, _)| pattern);
        if ambiguity::is_exponential(pattern, false) {
            reports.add(id, MESSAGE);
        }
    }
    for id in source
        .of_kind(Kind::Call)
        .iter()
        .chain(source.of_kind(Kind::New))
        .copied()
    {
        let path = calls::path(source, id);
        let whole = path.ends_with("fullmatch");
        let is_regex = match path.as_str() {
            "RegExp" => true,
            _ => path.strip_prefix("re.").is_some_and(|function| {
                matches!(
                    function,
                    "compile"
                        | "match"
                        | "search"
                        | "fullmatch"
                        | "sub"
                        | "subn"
                        | "split"
                        | "findall"
                        | "finditer"
                )
            }),
        };
        if !is_regex || is_verbose(source, id) {
            continue;
        }
        let Some(pattern) = calls::arg(tree, id, 0) else {
            continue;
        };
        let pattern = source.names.constant(tree, pattern).unwrap_or(pattern);
        if tree.kind(pattern) == Kind::Str && ambiguity::is_exponential(tree.name(pattern), whole) {
            reports.add(id, MESSAGE);
        }
    }
}

/// Whether white space in the pattern means nothing.
fn is_verbose(source: &Source, id: NodeId) -> bool {
    source
        .tree
        .subtree(id)
        .any(|id| matches!(source.tree.name(id), "VERBOSE" | "X") && source.tree.kind(id) == Kind::Member)
}
