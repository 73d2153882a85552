//! Go: names that are taken from a package of the repository that declares none such: `state.Shipped`, `store.NewReader(…)`.

use super::{data, unknown_member};
use crate::analysis::{change, go_types};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Go],
    run,
    ..unknown_member::CHECK
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    if !project.is_known() || source.is_test() || project.go.module_of(&source.path).is_none() {
        return;
    }
    let imports = go_types::imports(tree);
    let whole: Vec<NodeId> = tree.all().collect();
    // A variable or a parameter may bear the name of a package.
    let set = change::set(tree, &whole);
    for member in source.of_kind(Kind::Member).iter().copied() {
        let name = tree.name(member);
        let Some(object) = tree
            .child(member, Role::Object)
            .filter(|object| tree.kind(*object) == Kind::Name)
        else {
            continue;
        };
        let of = tree.name(object);
        let hidden = set.contains(of)
            || source
                .of_kind(Kind::Param)
                .iter()
                .any(|param| tree.name(*param) == of);
        let Some(path) = imports
            .get(of)
            .filter(|_| !hidden && name.starts_with(char::is_uppercase))
        else {
            continue;
        };
        let Some((_, package_folder)) = project.go.own(path) else {
            continue;
        };
        // A folder without files, or one that a build makes, is not known.
        let has_files = project.below(&package_folder).any(|file| {
            folder(file) == package_folder && file.ends_with(".go") && !file.ends_with("_test.go")
        });
        let Some(package) = project.go_package(&package_folder).filter(|_| has_files) else {
            continue;
        };
        if !package.dotted && !package.names.is_empty() && !package.names.contains(name) {
            reports.add(
                member,
                format!(
                    "the package `{of}` of this repository declares no `{name}`{}",
                    data::hint(name, package.names.iter().map(String::as_str))
                ),
            );
        }
    }
}
