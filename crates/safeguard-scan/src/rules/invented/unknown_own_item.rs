//! Rust and Java: items and classes of the repository itself that are imported and are nowhere.

use super::{data, unknown_member};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder, stem};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    languages: &[Language::Java, Language::Rust],
    run,
    ..unknown_member::CHECK
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if !project.is_known() || source.is_test() {
        return;
    }
    let tree = &source.tree;
    for item in source.of_kind(Kind::ImportItem).iter().copied() {
        let name = tree.name(item);
        let Some(import) = tree.parent(item).filter(|_| !matches!(name, "" | "*" | "self")) else {
            continue;
        };
        match tree.language() {
            Language::Rust => rust(source, project, item, tree.name(import), name, reports),
            _ => java(source, project, item, tree.name(import), name, reports),
        }
    }
}

/// The file of a module of the same package: `crate::prices` is `src/prices.rs` or `src/prices/mod.rs`.
pub fn module_file(project: &Project, path: &str, module: &str) -> Option<String> {
    let rest = module.replace('.', "::");
    let rest = rest.strip_prefix("crate::")?;
    let package = project.rust.package_of(path)?;
    let base = if package.folder.is_empty() {
        "src".to_owned()
    } else {
        format!("{}/src", package.folder)
    };
    // Programs and tests of a package are crates of their own.
    if !path.starts_with(&format!("{base}/")) || path.starts_with(&format!("{base}/bin/")) {
        return None;
    }
    let inner = rest.replace("::", "/");
    [format!("{base}/{inner}.rs"), format!("{base}/{inner}/mod.rs")]
        .into_iter()
        .find(|file| project.has(file))
}

/// `use crate::prices::tax_of;` where `prices.rs` does not have the word.
fn rust(source: &Source, project: &Project, item: NodeId, module: &str, name: &str, reports: &mut Reports) {
    let Some(text) = module_file(project, &source.path, module).and_then(|file| project.text(&file)) else {
        return;
    };
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let has = text.split(|char: char| !is_word(char)).any(|word| word == name);
    // What macros and derives write, and what comes with all of another module, is not in the text.
    let by_macro = text.lines().any(|line| {
        let head = line.trim_start().split('(').next().unwrap_or("");
        let head = head.split('{').next().unwrap_or("").trim_end();
        head.ends_with('!') && head.len() > 1 && !line.starts_with([' ', '\t']) || line.contains("include!")
    });
    let by_derive = name.starts_with(|first: char| first.is_ascii_uppercase())
        && (text.contains("derive(") || text.contains("#["));
    let by_attribute = text.lines().any(|line| {
        line.starts_with("#[")
            && ![
                "derive",
                "cfg",
                "allow",
                "expect",
                "must_use",
                "inline",
                "doc",
                "test",
                "deprecated",
                "non_exhaustive",
            ]
            .iter()
            .any(|plain| line[2..].starts_with(plain))
    });
    let has_file = module_file(project, &source.path, &format!("{module}::{name}")).is_some();
    if has || by_macro || by_derive || by_attribute || has_file || text.contains("::*") {
        return;
    }
    let names = text
        .split("fn ")
        .skip(1)
        .filter_map(|rest| rest.split(|char: char| !is_word(char)).next());
    reports.add(
        item,
        format!("`{module}` has no `{name}`{}", data::hint(name, names)),
    );
}

/// `import shop.TaxCalculator;` where the package `shop` is the repository's own and has no such file.
fn java(source: &Source, project: &Project, item: NodeId, package: &str, name: &str, reports: &mut Reports) {
    let is_class = name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().any(|char| char.is_ascii_lowercase());
    let own = package
        .split('.')
        .next_back()
        .is_some_and(|last| last.starts_with(|first: char| first.is_ascii_lowercase()));
    if !is_class
        || !own
        || source
            .tree
            .source(source.tree.parent(item).unwrap_or(item))
            .contains("static ")
    {
        return;
    }
    let end = format!("/{}", package.replace('.', "/"));
    let is_of_package = |path: &str| {
        let place = folder(path);
        place.ends_with(&end) || place == &end[1..]
    };
    let mut classes: Vec<&str> = Vec::new();
    for path in project.files() {
        // A class of another language may be in any file, and what tools make is not kept.
        if [
            ".kt", ".scala", ".groovy", ".proto", ".xsd", ".wsdl", ".g4", ".avsc", ".thrift", ".xjb", ".clj",
        ]
        .iter()
        .any(|ending| path.ends_with(ending))
        {
            return;
        }
        if path.ends_with(".java") {
            if stem(path) == name {
                return;
            }
            if is_of_package(path) {
                classes.push(stem(path));
            }
        }
    }
    const MADE: &[&str] = &[
        "openapi",
        "swagger",
        "jooq",
        "querydsl",
        "protobuf",
        "grpc",
        "antlr",
        "jaxb",
        "jaxws",
        "axis",
        "avro",
        "graphql",
        "codegen",
        "generator",
        "immutables",
        "autovalue",
        "auto-value",
        "mapstruct",
        "dagger",
        "jsonschema2pojo",
        "thrift",
        "smithy",
        "annotationprocessor",
    ];
    let manifests = ["pom.xml", "build.gradle", "build.gradle.kts"];
    let makes = project
        .files()
        .filter(|path| manifests.iter().any(|manifest| path.ends_with(manifest)))
        .take(50)
        .any(|path| {
            project
                .text(path)
                .is_none_or(|text| MADE.iter().any(|word| text.to_ascii_lowercase().contains(word)))
        });
    // A package that another artifact has too, or of which nothing is here, may have more.
    if classes.is_empty() || makes {
        return;
    }
    reports.add(
        item,
        format!(
            "the package `{package}` of this repository has no class `{name}`{}",
            data::hint(name, classes.into_iter())
        ),
    );
}
