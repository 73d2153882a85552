//! Go: a function that is called by its bare name, and that neither the package nor the language has.

use std::collections::BTreeSet;

use super::{data, unknown_name};
use crate::analysis::code::Code;
use crate::analysis::go_types;
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Go],
    run,
    ..unknown_name::CHECK
};

/// A package in which more names are unknown is made from more than its files.
const UNKNOWN_MAX: usize = 4;

const BUILT_IN: &[&str] = &[
    "append",
    "cap",
    "clear",
    "close",
    "complex",
    "copy",
    "delete",
    "imag",
    "len",
    "make",
    "max",
    "min",
    "new",
    "panic",
    "print",
    "println",
    "real",
    "recover",
    "any",
    "bool",
    "byte",
    "comparable",
    "complex64",
    "complex128",
    "error",
    "float32",
    "float64",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "rune",
    "string",
    "uint",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uintptr",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    if !project.is_known()
        || source.is_test()
        || project.go.module_of(&source.path).is_none()
        || go_types::imports(tree)
            .keys()
            .any(|name| name == "." || name == "C")
    {
        return;
    }
    // All files of the folder are one package, but for those that a build leaves out: what they declare counts.
    let Some(package) = project.go_package(folder(&source.path)) else {
        return;
    };
    if package.dotted || package.names.is_empty() {
        return;
    }
    let bound: BTreeSet<&str> = bound(code);
    let imported = go_types::imports(tree);
    let unknown: Vec<NodeId> = source
        .of_kind(Kind::Call)
        .iter()
        .filter_map(|call| tree.child(*call, Role::Callee))
        .filter(|callee| tree.kind(*callee) == Kind::Name)
        .filter(|callee| {
            let name = tree.name(*callee);
            !name.is_empty()
                && name.chars().all(|char| char.is_alphanumeric() || char == '_')
                && !BUILT_IN.contains(&name)
                && !package.names.contains(name)
                && !bound.contains(name)
                && !imported.contains_key(name)
        })
        .collect();
    let names: BTreeSet<&str> = unknown.iter().map(|callee| tree.name(*callee)).collect();
    if names.len() > UNKNOWN_MAX {
        return;
    }
    for callee in unknown {
        let name = tree.name(callee);
        reports.add(
            callee,
            format!(
                "no file of this package declares `{name}`{}",
                data::hint(name, package.names.iter().map(String::as_str))
            ),
        );
    }
}

/// All names that the functions of a file bind, wherever: parameters, variables, types, labels.
fn bound<'s>(code: Code<'s>) -> BTreeSet<&'s str> {
    let tree = code.tree;
    let mut names = BTreeSet::new();
    for id in tree.all() {
        match tree.kind(id) {
            Kind::Param
            | Kind::Class
            | Kind::Function
            | Kind::Field
            | Kind::Switch
            | Kind::Case
            | Kind::Other
            | Kind::Type => {
                names.insert(tree.name(id));
            }
            Kind::Assign | Kind::ForEach => {
                for target in tree.children_in(id, Role::Target) {
                    names.extend(
                        tree.subtree(target)
                            .filter(|part| tree.kind(*part) == Kind::Name)
                            .map(|part| tree.name(part)),
                    );
                }
            }
            _ => {}
        }
    }
    // `done func()`, wherever it stands: what may be called by that name.
    for (at, _) in tree.text().match_indices(" func(") {
        let before = &tree.text()[..at];
        names.extend(
            before
                .rsplit(|char: char| !char.is_alphanumeric() && char != '_')
                .next()
                .filter(|word| !word.is_empty()),
        );
    }
    // `func Map[T, U any](…)`: what stands in brackets behind a name of a function or a type.
    for line in tree.text().lines() {
        let line = line.trim_start();
        if !(line.starts_with("func ") || line.starts_with("type ")) {
            continue;
        }
        let mut rest = line;
        while let Some((_, behind)) = rest.split_once('[') {
            let inner = behind.split(']').next().unwrap_or("");
            names.extend(
                inner
                    .split(|char: char| !char.is_alphanumeric() && char != '_')
                    .filter(|word| !word.is_empty()),
            );
            rest = behind;
        }
        // Named results: `func f() (done func(), err error)`
        names.extend(
            line.split(|char: char| !char.is_alphanumeric() && char != '_')
                .filter(|word| !word.is_empty()),
        );
    }
    names
}
