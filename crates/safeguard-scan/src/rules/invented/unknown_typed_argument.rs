//! Go, TypeScript, Rust: calls of the repository's own functions with more or fewer arguments than they take.

use std::collections::BTreeMap;

use super::resolve::{self, Found};
use super::unknown_argument;
use super::unknown_own_item::module_file;
use crate::analysis::code::Code;
use crate::analysis::go_types;
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    languages: &[Language::Go, Language::Rust, Language::TypeScript, Language::Tsx],
    run,
    ..unknown_argument::CHECK
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if !project.is_known() || source.is_test() {
        return;
    }
    let code = Code::of(source);
    match source.tree.language() {
        Language::Go => go(code, project, reports),
        Language::TypeScript | Language::Tsx | Language::Rust => imported(code, project, reports),
        Language::Dockerfile
        | Language::Hcl
        | Language::Java
        | Language::JavaScript
        | Language::Python
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
}

/// How many arguments a function takes.
#[derive(Debug, Clone, Copy)]
struct Takes {
    least: usize,
    most: usize,
}

fn tell(code: Code<'_>, call: NodeId, takes: Takes, reports: &mut Reports) {
    let given: Vec<NodeId> = code.tree.children_in(call, Role::Arg).collect();
    let spread = given.iter().any(|arg| code.kind(*arg) == Kind::Spread);
    // Go: what a call gives may be several values.
    let several =
        code.tree.language() == Language::Go && matches!(given.as_slice(), [only] if code.is_call(*only));
    if spread || several || (takes.least..=takes.most).contains(&given.len()) {
        return;
    }
    let count = match takes.least == takes.most {
        true => takes.most.to_string(),
        false => format!("{} to {}", takes.least, takes.most),
    };
    let name = code.called(call);
    let told = format!(
        "`{name}` of this repository takes {count} arguments, and gets {}",
        given.len()
    );
    reports.add(call, told);
}

fn go(code: Code<'_>, project: &Project, reports: &mut Reports) {
    let source = code.source;
    if project.go.module_of(&source.path).is_none() {
        return;
    }
    let imports = go_types::imports(code.tree);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let Some(callee) = code.child(call, Role::Callee) else {
            continue;
        };
        let (package, of) = match code.kind(callee) {
            Kind::Name => (folder(&source.path).to_owned(), callee),
            Kind::Member => {
                let Some(object) = code.child(callee, Role::Object) else {
                    continue;
                };
                let own = imports
                    .get(code.name(object))
                    .filter(|_| code.kind(object) == Kind::Name)
                    .and_then(|path| project.go.own(path));
                match own {
                    Some((_, package)) => (package, object),
                    None => continue,
                }
            }
            _ => continue,
        };
        // A local name may be another function.
        let is_local = code.functions(of).last().is_some_and(|outermost| {
            let wanted = code.name(of);
            code.tree.subtree(outermost).any(|id| match code.kind(id) {
                Kind::Param => code.name(id) == wanted,
                Kind::Name => code.name(id) == wanted && code.tree.role(id) == Role::Target,
                _ => false,
            })
        });
        if is_local {
            continue;
        }
        let Some(package) = project.go_package(&package) else {
            continue;
        };
        if let Some(Some(count)) = package.parameters.get(code.name(callee)) {
            let takes = Takes {
                least: *count,
                most: *count,
            };
            tell(code, call, takes, reports);
        }
    }
}

/// TypeScript and Rust: functions that are imported by their name from one file.
fn imported(code: Code<'_>, project: &Project, reports: &mut Reports) {
    let source = code.source;
    let mut known: BTreeMap<&str, Option<Takes>> = BTreeMap::new();
    for call in source.of_kind(Kind::Call).iter().copied() {
        let callee = code
            .child(call, Role::Callee)
            .filter(|callee| code.kind(*callee) == Kind::Name);
        let Some(name) = callee.map(|callee| code.name(callee)) else {
            continue;
        };
        let takes = *known
            .entry(name)
            .or_insert_with(|| of_import(code, project, name));
        let bound_once = callee.is_some_and(|callee| {
            source
                .names
                .binder(code.tree, callee, name)
                .is_none_or(|(scope, times)| scope.is_none() && times == 1)
        });
        if let Some(takes) = takes.filter(|_| bound_once) {
            tell(code, call, takes, reports);
        }
    }
}

fn of_import(code: Code<'_>, project: &Project, name: &str) -> Option<Takes> {
    let mut items = code
        .source
        .of_kind(Kind::ImportItem)
        .iter()
        .copied()
        .filter(|item| {
            code.child(*item, Role::Target)
                .is_some_and(|local| code.name(local) == name)
        });
    let (Some(item), None) = (items.next(), items.next()) else {
        return None;
    };
    let (import, wanted) = (code.name(code.tree.parent(item)?), code.name(item));
    let file = match code.tree.language() {
        Language::Rust => module_file(project, &code.source.path, import)?,
        _ => match resolve::javascript(project, &code.source.path, import) {
            Found::Files(files) => match files.as_slice() {
                [file] => file.clone(),
                _ => return None,
            },
            Found::Folder(_) | Found::Missing | Found::Unknown => return None,
        },
    };
    let other = project.source(&file)?;
    of_function(&other.tree, wanted)
}

/// The one function of a name at the top of a file.
fn of_function(tree: &Tree, name: &str) -> Option<Takes> {
    let mut named = tree
        .all()
        .filter(|id| matches!(tree.kind(*id), Kind::Function | Kind::Class) && tree.name(*id) == name);
    let function = named.next().filter(|id| {
        tree.kind(*id) == Kind::Function && tree.parent(*id).is_some_and(|top| tree.kind(top) == Kind::Module)
    })?;
    // Several declarations of one name are so many ways to call it; a macro may write what is not seen.
    if named.next().is_some()
        || tree.child(function, Role::Decorator).is_some() && tree.language() != Language::Rust
    {
        return None;
    }
    let (mut least, mut most) = (0, 0);
    for param in tree.children_in(function, Role::Param) {
        let flags = tree.flags(param);
        let written = tree
            .child(param, Role::Type)
            .map_or("", |written| tree.name(written));
        if flags.has(Flags::REST) || tree.name(param) == "this" || written.contains("void") {
            return None;
        }
        most += 1;
        if !flags.has(Flags::OPTIONAL) && tree.child(param, Role::Default).is_none() {
            least = most;
        }
    }
    Some(Takes { least, most })
}
