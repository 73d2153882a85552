//! Which functions run for many at once: those that answer requests, and those that these call, also from other files.

use std::collections::BTreeSet;

use super::{bodies, calls, place};
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::{Project, file_name, folder, stem};
use crate::scan;
use crate::tree::NodeId;

const FILES_MAX: usize = 400;
const PARSED_MAX: usize = 12;
const HOPS_MAX: usize = 3;
const STEPS_MAX: usize = 4_000;

/// Whether requests come to a function: it answers them, or somebody calls it who does.
pub fn is_served(source: &Source, project: &Project, function: NodeId) -> bool {
    let mut steps = 0;
    if within(source, function, 0, &mut steps) {
        return true;
    }
    let name = Code::of(source).function_name(function);
    name.len() > 2
        && callers(source, project, name, &mut |other, call| {
            bodies::enclosing(&other.tree, call).is_some_and(|around| within(other, around, 0, &mut steps))
        })
}

fn within(source: &Source, function: NodeId, hops: usize, steps: &mut usize) -> bool {
    let tree = &source.tree;
    if bodies::is_handler(source, function)
        || functions_around(tree, function).any(|around| bodies::is_handler(source, around))
    {
        return true;
    }
    let name = Code::of(source).function_name(function);
    if name.is_empty() || hops == HOPS_MAX {
        return false;
    }
    source.calls().iter().any(|call| {
        *steps += 1;
        *steps < STEPS_MAX
            && calls::name(tree, *call) == name
            && !tree.within(*call, function)
            && bodies::enclosing(tree, *call).is_some_and(|around| within(source, around, hops + 1, steps))
    })
}

/// Looks at the calls of a name in the files that may have it from this one, the near ones first, until one fulfils the test.
pub fn callers(
    source: &Source,
    project: &Project,
    name: &str,
    test: &mut dyn FnMut(&Source, NodeId) -> bool,
) -> bool {
    let own_folder = folder(&source.path);
    let own_stem = match source.tree.language() {
        Language::Go => file_name(own_folder),
        _ => match stem(&source.path) {
            "index" | "__init__" | "mod" => file_name(own_folder),
            other => other,
        },
    };
    let called = format!("{name}(");
    let mut seen = BTreeSet::new();
    let mut parsed = 0;
    let near = project
        .below(own_folder)
        .chain(project.below(folder(own_folder)))
        .chain(project.files());
    for path in near {
        if path == source.path || place::is_test(path) || !seen.insert(path) {
            continue;
        }
        let Some(language) =
            Language::of(path).filter(|language| same_family(*language, source.tree.language()))
        else {
            continue;
        };
        if seen.len() > FILES_MAX {
            return false;
        }
        let Some(text) = project.text(path) else {
            continue;
        };
        let same_package = source.tree.language() == Language::Go && folder(path) == own_folder;
        if !text.contains(&called) || !(same_package || text.contains(own_stem)) {
            continue;
        }
        parsed += 1;
        if parsed > PARSED_MAX {
            return false;
        }
        let Ok(other) = scan::read(path, language, &text) else {
            continue;
        };
        let found = other
            .calls()
            .iter()
            .any(|call| calls::name(&other.tree, *call) == name && test(&other, *call));
        if found {
            return true;
        }
    }
    false
}

fn same_family(left: Language, right: Language) -> bool {
    let script = |language| {
        matches!(
            language,
            Language::JavaScript | Language::TypeScript | Language::Tsx
        )
    };
    left == right || script(left) && script(right)
}
