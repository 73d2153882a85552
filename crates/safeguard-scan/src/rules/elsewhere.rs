//! The file of the repository that an imported name comes from.

use std::sync::Arc;

use super::invented::resolve::{self, Found};
use crate::analysis::imports::required;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::tree::{Kind, NodeId, Role};

/// What a name was imported as: the module as written, and its name there (empty for the module itself).
fn imported<'s>(source: &'s Source, name: &str) -> Option<(&'s str, &'s str)> {
    let tree = &source.tree;
    let by_import = source.of_kind(Kind::ImportItem).iter().find_map(|item| {
        let here = tree
            .child(*item, Role::Target)
            .map_or_else(|| tree.name(*item), |target| tree.name(target));
        let module = tree.name(tree.parent(*item)?);
        (here == name).then_some((module, tree.name(*item)))
    });
    by_import.or_else(|| {
        source.of_kind(Kind::Assign).iter().find_map(|assign| {
            let target = tree.child(*assign, Role::Target)?;
            let module = required(tree, tree.child(*assign, Role::Value)?)?;
            match tree.kind(target) {
                Kind::Name => (tree.name(target) == name).then_some((module, "")),
                Kind::Object => tree
                    .subtree(target)
                    .any(|part: NodeId| tree.kind(part) == Kind::Name && tree.name(part) == name)
                    .then_some((module, "")),
                _ => None,
            }
        })
    })
}

/// The file that an imported name comes from, if it is one of the repository and can be read.
pub(super) fn file_of(source: &Source, project: &Project, name: &str) -> Option<Arc<Source>> {
    project.source(&path_of(source, project, name)?)
}

/// Where it lies.
pub(super) fn path_of(source: &Source, project: &Project, name: &str) -> Option<String> {
    let (module, item) = imported(source, name)?;
    let found = match source.tree.language() {
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            resolve::javascript(project, &source.path, module)
        }
        // `from .routers import admin` may mean the module of that name.
        Language::Python => {
            let inner = match module.ends_with('.') || item.is_empty() {
                true => format!("{module}{item}"),
                false => format!("{module}.{item}"),
            };
            match resolve::python(project, &source.path, &inner) {
                Found::Files(files) => Found::Files(files),
                Found::Folder(_) | Found::Missing | Found::Unknown => {
                    resolve::python(project, &source.path, module)
                }
            }
        }
        Language::Dockerfile
        | Language::Go
        | Language::Hcl
        | Language::Java
        | Language::Rust
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => Found::Unknown,
    };
    let Found::Files(files) = found else {
        return None;
    };
    files.into_iter().find(|file| !file.contains(".d."))
}
