//! Arguments that a function does not take, and calls that lack some that it needs.

use std::collections::HashSet;

use safeguard_api::evidence::Severity;

use super::data::{self, Names};
use super::resolve::{self, Found};
use super::third_party;
use super::values::Values;
use crate::Map;
use crate::analysis::imports::{Attempt, Imports, attempt};
use crate::analysis::signatures::{self, Misfit, Signature};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unknown-argument",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-628"],
    languages: &[Language::Python],
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let imports = Imports::of(source);
    let values = Values::of(source, &imports);
    let own = signatures::of_file(tree);
    let mut of_others: Map<&str, Option<Signature>> = Map::default();
    let mut set: Option<HashSet<&str>> = None;
    for call in source.of_kind(Kind::Call) {
        let Some(callee) = tree.child(*call, Role::Callee) else {
            continue;
        };
        if let Some(called) = standard(source, project, &imports, &values, callee) {
            let Some(names) = names_of(tree, *call, &called) else {
                continue;
            };
            for argument in tree
                .children_in(*call, Role::Arg)
                .filter(|argument| tree.kind(*argument) == Kind::Keyword)
            {
                let name = tree.name(argument);
                if !names.contains(name) && attempt(tree, argument, &["TypeError"]) != Attempt::Tried {
                    let shown = called.trim_start_matches("builtins.");
                    reports.add(
                        argument,
                        format!(
                            "`{shown}` takes no argument `{name}`{}",
                            data::hint(name, names.iter())
                        ),
                    );
                }
            }
            continue;
        }
        let name = tree.source(callee);
        let signature = match tree.kind(callee) {
            Kind::Name if is_of_file(source, callee) => own.get(name).cloned(),
            Kind::Name if source.names.is_bound(tree, callee, name) => None,
            Kind::Name => of_others
                .entry(name)
                .or_insert_with(|| of_repository(source, project, callee))
                .clone(),
            Kind::Member => of_self(source, callee, set.get_or_insert_with(|| set_names(source))),
            _ => None,
        };
        if let Some(signature) = signature.filter(|_| attempt(tree, *call, &["TypeError"]) != Attempt::Tried)
        {
            tell(source, *call, name, &signature, reports);
        }
    }
}

/// The names that a function of the standard library takes, if they are known.
fn names_of(tree: &Tree, call: NodeId, called: &str) -> Option<Names> {
    let has_class = tree
        .children_in(call, Role::Arg)
        .any(|argument| tree.kind(argument) == Kind::Keyword && tree.name(argument) == "cls");
    // What else these are given goes to a class, which takes nothing else unless it is one's own.
    match called {
        "json.dump" | "json.dumps" if !has_class => Some(Names(
            "obj fp skipkeys ensure_ascii check_circular allow_nan cls indent separators default sort_keys",
        )),
        "json.load" | "json.loads" if !has_class => Some(Names(
            "s fp cls object_hook parse_float parse_int parse_constant object_pairs_hook strict array_hook encoding",
        )),
        _ => data::PYTHON_ARGUMENTS
            .get(called)
            .or(third_party::arguments(called)),
    }
}

fn tell(source: &Source, call: NodeId, name: &str, signature: &Signature, reports: &mut Reports) {
    for misfit in signatures::misfits(&source.tree, call, signature) {
        match misfit {
            Misfit::Unknown {
                argument,
                name: unknown,
            } => {
                let names = signature
                    .parameters
                    .iter()
                    .map(|parameter| parameter.name.as_str());
                reports.add(
                    argument,
                    format!(
                        "`{name}` takes no argument `{unknown}`{}",
                        data::hint(&unknown, names)
                    ),
                );
            }
            Misfit::TooMany {
                argument,
                given,
                taken,
            } => {
                reports.add(
                    argument,
                    format!("`{name}` takes {taken} arguments by position, and gets {given}"),
                );
            }
            Misfit::Missing { names } => reports.add(
                call,
                format!(
                    "`{name}` needs `{}`, which this call does not give",
                    names.join("`, `")
                ),
            ),
        }
    }
}

/// The function of the standard library that is called, as the data calls it.
fn standard(
    source: &Source,
    project: &Project,
    imports: &Imports,
    values: &Values<'_>,
    callee: NodeId,
) -> Option<String> {
    let tree = &source.tree;
    if let Some(path) = imports.path(source, callee) {
        let first = path.split('.').next().unwrap_or(&path);
        let is_known = data::PYTHON_MODULES.contains(first) || third_party::arguments(&path).is_some();
        return (is_known && !project.has_python_name(first)).then_some(path);
    }
    match tree.kind(callee) {
        Kind::Name => {
            let name = tree.name(callee);
            let hidden =
                source.names.binder(tree, callee, name).is_some() || imports.has(name) || has_star(source);
            (!hidden && data::PYTHON_BUILTINS.contains(name)).then(|| format!("builtins.{name}"))
        }
        Kind::Member => {
            let object = tree.child(callee, Role::Object)?;
            values
                .type_of(object)
                .map(|class| format!("{class}.{}", tree.name(callee)))
        }
        _ => None,
    }
}

fn has_star(source: &Source) -> bool {
    source
        .of_kind(Kind::ImportItem)
        .iter()
        .any(|item| source.tree.name(*item) == "*")
}

/// Whether a name means what the file defines at its top.
fn is_of_file(source: &Source, id: NodeId) -> bool {
    matches!(
        source.names.binder(&source.tree, id, source.tree.name(id)),
        Some((None, 1))
    )
}

/// A function of another file of the repository.
fn of_repository(source: &Source, project: &Project, callee: NodeId) -> Option<Signature> {
    let tree = &source.tree;
    let name = tree.name(callee);
    if !project.is_known() {
        return None;
    }
    let mut items = source.of_kind(Kind::ImportItem).iter().filter(|item| {
        tree.child(**item, Role::Target)
            .is_some_and(|target| tree.name(target) == name)
    });
    let (Some(item), None) = (items.next(), items.next()) else {
        return None;
    };
    let import = tree.parent(*item)?;
    match resolve::python(project, &source.path, tree.name(import)) {
        Found::Files(files) => match files.as_slice() {
            [file] => project.exports(file)?.signatures.get(tree.name(*item)).cloned(),
            _ => None,
        },
        Found::Folder(_) | Found::Missing | Found::Unknown => None,
    }
}

/// The names and members that are set anywhere in the file.
fn set_names(source: &Source) -> HashSet<&str> {
    let nodes = [Kind::Member, Kind::Name].map(|kind| source.of_kind(kind));
    let set = nodes
        .into_iter()
        .flatten()
        .filter(|id| source.tree.role(**id) == Role::Target);
    set.map(|id| source.tree.name(*id)).collect()
}

/// `self.method(…)` in the class that defines it, if no class of the file defines another of that name.
fn of_self(source: &Source, callee: NodeId, set: &HashSet<&str>) -> Option<Signature> {
    let tree = &source.tree;
    let object = tree.child(callee, Role::Object)?;
    if tree.kind(object) != Kind::Name || tree.name(object) != "self" {
        return None;
    }
    let name = tree.name(callee);
    let class = tree.ancestors(callee).find(|id| tree.kind(*id) == Kind::Class)?;
    let mut methods = source
        .of_kind(Kind::Function)
        .iter()
        .filter(|id| tree.name(**id) == name);
    let (Some(method), None) = (methods.next(), methods.next()) else {
        return None;
    };
    let body = tree.child(class, Role::Body)?;
    // What only stands for what others define may be called as they are.
    let text = tree.source(*method);
    let stands_for = text.contains("NotImplemented")
        || tree.child(*method, Role::Body).is_none_or(|body| {
            tree.children(body)
                .all(|id| matches!(tree.kind(id), Kind::Pass | Kind::ExprStmt))
        });
    let fits = !stands_for
        && tree.parent(*method) == Some(body)
        && tree.flags(*method).has(Flags::METHOD)
        && !set.contains(name);
    fits.then(|| signatures::of_function(tree, *method, true))?
}
