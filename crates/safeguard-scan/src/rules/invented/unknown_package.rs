//! Imports of packages that nothing declares.

use safeguard_api::evidence::Severity;

use super::{data, packages, rust_packages};
use crate::analysis::imports::{Attempt, FAILED_IMPORT, attempt, required};
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId};
use packages::Known;

pub static CHECK: Check = Check {
    id: "unknown-package",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1357"],
    languages: &[
        Language::Go,
        Language::JavaScript,
        Language::Python,
        Language::Rust,
        Language::TypeScript,
        Language::Tsx,
    ],
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if !project.is_known() {
        return;
    }
    match source.tree.language() {
        Language::Python => python(source, project, reports),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript(source, project, reports),
        Language::Go => go(source, project, reports),
        Language::Rust => rust_packages::check(source, project, reports),
        Language::Java => {}
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
}

/// Folders whose code often needs what the project itself does not.
pub(super) fn is_aside(path: &str) -> bool {
    const FOLDERS: &[&str] = &[
        "docs",
        "doc",
        "examples",
        "example",
        "scripts",
        "script",
        "benchmarks",
        "benchmark",
        "bench",
        "tools",
        "notebooks",
        "samples",
        "demo",
        "demos",
        "ci",
        ".github",
        "hack",
        "contrib",
        "experiments",
        "playground",
        "fixtures",
        "__fixtures__",
        "testdata",
        "e2e",
        "website",
        "templates",
        "plugins",
        "docs_src",
    ];
    path.split('/').rev().skip(1).any(|part| FOLDERS.contains(&part))
}

/// A package that was there before is none that the change brings, however the statement that names it changes.
fn tell(reports: &mut Reports, node: NodeId, package: &str, certain: bool, message: String) {
    if certain {
        reports.add(node, message);
    } else {
        reports.note(node, message);
    }
    reports.known_by(package);
}

fn python(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let declared = &project.python;
    if !declared.declares || declared.unsure || tree.text().contains("# /// script") {
        return;
    }
    for import in source.of_kind(Kind::Import) {
        let module = tree.name(*import);
        let first = module.split('.').next().unwrap_or(module);
        if first.is_empty() || data::PYTHON_MODULES.contains(first) || project.has_python_name(first) {
            continue;
        }
        let known = packages::python(module, declared);
        let attempt = attempt(tree, *import, FAILED_IMPORT);
        if known == Known::Yes || attempt == Attempt::Tried || tree.text().contains("importorskip") {
            continue;
        }
        // In a function it may be what only some installations have; and code may say itself where modules are.
        let lazy = functions_around(tree, *import).next().is_some() && !declared.locked;
        let elsewhere = ["sys.path", "syspath_prepend", "site.addsitedir"]
            .iter()
            .any(|word| tree.text().contains(word));
        let untested = is_test(&source.path) && !declared.locked;
        // An adapter is called as what it adapts.
        let stem = source
            .path
            .rsplit('/')
            .next()
            .and_then(|file| file.strip_suffix(".py"));
        let certain = known == Known::No
            && stem != Some(first)
            && !lazy
            && !elsewhere
            && !untested
            && attempt == Attempt::No
            && !is_aside(&source.path)
            && !source.path.ends_with("setup.py");
        let lock = if declared.locked {
            "declared nor locked"
        } else {
            "declared"
        };
        let told = format!(
            "`{first}` is no module of Python or of this repository, and no package that is {lock} brings it{}",
            near(first, declared.distributions.iter().map(String::as_str))
        );
        tell(reports, *import, first, certain, told);
    }
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| {
        matches!(part, "tests" | "test" | "t" | "testing")
            || part.starts_with("test_")
            || part == "conftest.py"
            || part.ends_with("_test.py")
    })
}

fn near<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> String {
    data::likeliest(name, names).map_or(String::new(), |other| format!("; `{other}` is declared"))
}

fn javascript(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let declared = &project.javascript;
    if declared.unsure || !declared.declares(&source.path) {
        return;
    }
    let imports = source
        .of_kind(Kind::Import)
        .iter()
        .map(|id| (*id, tree.name(*id)));
    let calls = source
        .of_kind(Kind::Call)
        .iter()
        .filter_map(|id| required(tree, *id).map(|name| (*id, name)));
    for (id, specifier) in imports.chain(calls) {
        let bare = specifier.strip_prefix("node:").unwrap_or(specifier);
        if specifier.starts_with("node:") {
            if !data::NODE_MODULES.contains(bare) {
                let told = format!(
                    "Node has no module `{specifier}`{}",
                    data::hint(bare, data::NODE_MODULES.iter().copied())
                );
                reports.add(id, told);
            }
            continue;
        }
        let Some(name) = packages::npm_name(specifier) else {
            continue;
        };
        let first = name.split('/').next().unwrap_or(name);
        if data::NODE_MODULES.contains(bare)
            || data::NODE_MODULES.contains(first)
            || !project.javascript.aliased(&source.path, specifier).is_empty()
        {
            continue;
        }
        let attempt = attempt(tree, id, FAILED_IMPORT);
        let shadowed = tree.kind(id) == Kind::Call && source.names.binder(tree, id, "require").is_some();
        if attempt == Attempt::Tried || shadowed {
            continue;
        }
        let known = packages::npm(&source.path, name, project);
        if known == Known::Yes {
            continue;
        }
        let only_types = tree.flags(id).has(Flags::TYPE_ONLY);
        let certain = known == Known::No
            && attempt == Attempt::No
            && !only_types
            && !is_aside(&source.path)
            && !is_configuration(&source.path);
        tell(
            reports,
            id,
            name,
            certain,
            format!(
                "`{name}` is no module of Node or of this repository, and no `package.json` around this file declares it"
            ),
        );
    }
}

/// What configures a tool runs where the tool is, with what that brings.
fn is_configuration(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.contains(".config.") || name.starts_with('.') || name.contains("rc.")
}

fn go(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let Some(module) = project.go.module_of(&source.path) else {
        return;
    };
    for import in source.of_kind(Kind::Import) {
        let package = tree.name(*import);
        let first = package.split('/').next().unwrap_or(package);
        if data::GO_PACKAGES.contains(package) || package.starts_with('.') || package.is_empty() {
            continue;
        }
        if let Some((_, folder)) = project.go.own(package) {
            let has_code = project
                .below(&folder)
                .any(|file| file.ends_with(".go") || file.ends_with(".s") || file.ends_with(".c"));
            let made = [
                "gen", "pb", "proto", "mock", "api", "client", "fake", "vendor", "ent", "graph", "sqlc",
                "swagger", "docs",
            ]
            .iter()
            .any(|word| folder.contains(word));
            if !has_code && !module.requires(package) && !made {
                reports.add(
                    *import,
                    format!("this repository has no package `{package}`: there is no Go in `{folder}`"),
                );
            }
            continue;
        }
        if module.requires(package) || first == "C" {
            continue;
        }
        let vendored = project.has_folder(&format!(
            "{}vendor/{package}",
            if module.folder.is_empty() {
                String::new()
            } else {
                format!("{}/", module.folder)
            }
        ));
        if vendored {
            continue;
        }
        if first.contains('.') {
            reports.add(
                *import,
                format!("no module that `go.mod` requires has the package `{package}`"),
            );
        } else {
            let told = format!(
                "Go's standard library has no package `{package}`{}",
                data::hint(package, data::GO_PACKAGES.iter().copied())
            );
            reports.add(*import, told);
        }
    }
}
