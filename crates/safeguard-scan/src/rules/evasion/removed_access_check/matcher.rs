//! Next.js: paths that the middleware stood before, and stands before no more.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::opened::names_for_everybody;
use crate::analysis::code::Code;
use crate::analysis::guards::is_about_access;
use crate::analysis::handlers::is_guard;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role};

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if !matches!(
        both.head.tree.language(),
        Language::JavaScript | Language::TypeScript
    ) {
        return;
    }
    let file = both.head.path.rsplit('/').next().unwrap_or("");
    let code = Code::of(both.head);
    let stands = matches!(file, "middleware.ts" | "middleware.js" | "proxy.ts" | "proxy.js")
        && code.mentions(NodeId::ROOT, |name| is_about_access(name) || is_guard(name));
    let (Some((_, was)), Some((node, now))) = (matched(both.base), matched(both.head)) else {
        return;
    };
    // What is no plain path may stand for all of them.
    if !stands || now.iter().any(|path| path.contains('(')) {
        return;
    }
    let begin = |path: &str| {
        path.split("/:")
            .next()
            .unwrap_or(path)
            .trim_end_matches('/')
            .to_owned()
    };
    let covered = |path: &str| {
        now.iter().any(|other| {
            let (wide, narrow) = (begin(other), begin(path));
            other == path
                || other.contains("/:") && (narrow == wide || narrow.starts_with(&format!("{wide}/")))
        })
    };
    let gone = was
        .iter()
        .find(|path| !covered(path) && !names_for_everybody(&begin(path)));
    if let Some(gone) = gone {
        taken.push(Taken {
            node,
            severity: Severity::Critical,
            confidence: Confidence::High,
            message: format!(
                "whoever wanted `{gone}` came through this middleware first, and comes past it now"
            ),
        });
    }
}

/// The paths of `export const config = { matcher: […] }`.
fn matched(source: &Source) -> Option<(NodeId, BTreeSet<String>)> {
    let code = Code::of(source);
    let pair = source
        .of_kind(Kind::Pair)
        .iter()
        .copied()
        .find(|pair| code.key(*pair) == Some("matcher"))?;
    let value = code.child(pair, Role::Value)?;
    let paths: BTreeSet<String> = match code.kind(value) {
        Kind::List => code
            .tree
            .children(value)
            .filter_map(|item| Some(code.text(item)?.to_owned()))
            .collect(),
        Kind::Str => BTreeSet::from([code.name(value).to_owned()]),
        _ => return None,
    };
    Some((pair, paths))
}
