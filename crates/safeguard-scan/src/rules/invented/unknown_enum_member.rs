//! Members of the repository's own enumerations that they do not have, in Python, TypeScript and Java.

use std::collections::{BTreeMap, BTreeSet};

use super::data;
use super::resolve::{self, Found};
use super::{unknown_java_member, unknown_member};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    languages: &[
        Language::Java,
        Language::Python,
        Language::Tsx,
        Language::TypeScript,
    ],
    run,
    ..unknown_member::CHECK
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    if source.is_test() {
        return;
    }
    // By what they are called in the file.
    let mut known: BTreeMap<&str, Option<BTreeSet<String>>> = BTreeMap::new();
    for member in source.of_kind(Kind::Member).iter().copied() {
        let (Some(object), name) = (tree.child(member, Role::Object), tree.name(member)) else {
            continue;
        };
        let of = tree.name(object);
        let is_constant = match tree.language() {
            Language::Python | Language::Java => {
                name.len() > 1
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
            }
            _ => name.starts_with(|first: char| first.is_ascii_uppercase()),
        };
        let may_be = tree.kind(object) == Kind::Name
            && of.starts_with(|first: char| first.is_ascii_uppercase())
            && is_constant
            && tree.role(member) != Role::Target
            && tree.role(member) != Role::Callee;
        if !may_be {
            continue;
        }
        let declared = known
            .entry(of)
            .or_insert_with(|| declared(source, project, object));
        let Some(members) = declared.as_ref().filter(|members| !members.contains(name)) else {
            continue;
        };
        // What the file asks for by its name it knows to be perhaps not there.
        if source.of_kind(Kind::Str).iter().any(|id| tree.name(*id) == name)
            && tree.text().contains("hasattr(")
        {
            continue;
        }
        reports.add(
            member,
            format!(
                "`{of}` of this repository has no `{name}`{}",
                data::hint(name, members.iter().map(String::as_str))
            ),
        );
    }
}

/// The members of the enumeration that a name stands for, if it stands for one whose members can all be seen.
fn declared(source: &Source, project: &Project, object: NodeId) -> Option<BTreeSet<String>> {
    let tree = &source.tree;
    let name = tree.name(object);
    let mut own = source
        .of_kind(Kind::Class)
        .iter()
        .filter(|class| tree.name(**class) == name);
    if let Some(class) = own.next() {
        return own.next().is_none().then(|| members(tree, *class))?;
    }
    // Set anew, or a parameter of that name: it may be anything.
    if tree.all().any(|id| {
        tree.name(id) == name
            && (tree.kind(id) == Kind::Param
                || tree.kind(id) == Kind::Name && tree.role(id) == Role::Target && !is_imported(tree, id))
    }) {
        return None;
    }
    let (path, wanted) = match tree.language() {
        Language::Java => (
            unknown_java_member::own::file_of(source, project, name)?,
            name.to_owned(),
        ),
        _ => imported(source, project, name)?,
    };
    let other = project.source(&path)?;
    let mut classes = other
        .of_kind(Kind::Class)
        .iter()
        .filter(|class| other.tree.name(**class) == wanted);
    let (Some(class), None) = (classes.next(), classes.next()) else {
        return None;
    };
    members(&other.tree, *class)
}

fn is_imported(tree: &Tree, id: NodeId) -> bool {
    tree.parent(id)
        .is_some_and(|parent| tree.kind(parent) == Kind::ImportItem)
}

/// The one file that a name is imported from, and what it is called there.
pub(super) fn imported(source: &Source, project: &Project, name: &str) -> Option<(String, String)> {
    let tree = &source.tree;
    if !project.is_known() {
        return None;
    }
    let mut found = None;
    for item in source.of_kind(Kind::ImportItem).iter().copied() {
        let local = tree
            .child(item, Role::Target)
            .map_or("", |local| tree.name(local));
        if local != name || matches!(tree.name(item), "" | "*" | "default") {
            continue;
        }
        let module = tree.name(tree.parent(item)?);
        let place = match tree.language() {
            Language::Python => resolve::python(project, &source.path, module),
            _ => resolve::javascript(project, &source.path, module),
        };
        let Found::Files(files) = place else {
            return None;
        };
        let [file] = files.as_slice() else {
            return None;
        };
        if found.is_some() {
            return None;
        }
        found = Some((file.clone(), tree.name(item).to_owned()));
    }
    found
}

/// What an enumeration has; `None` for other classes, and where more may be added.
fn members(tree: &Tree, class: NodeId) -> Option<BTreeSet<String>> {
    let head = tree.source(class).split('{').next().unwrap_or("");
    match tree.language() {
        Language::Python => {
            const BASES: &[&str] = &[
                "Enum",
                "IntEnum",
                "StrEnum",
                "TextChoices",
                "IntegerChoices",
                "Flag",
                "IntFlag",
                "str",
                "int",
            ];
            let bases: Vec<&str> = tree
                .children_in(class, Role::Base)
                .map(|base| tree.name(base))
                .collect();
            let is_enum = bases.iter().all(|base| BASES.contains(base))
                && bases.iter().any(|base| !matches!(*base, "str" | "int"));
            let open = tree
                .children_in(class, Role::Decorator)
                .any(|decorator| !tree.source(decorator).contains("unique"))
                || tree.source(class).contains("vars(")
                || tree.source(class).contains("locals(")
                || tree.source(class).contains("__getattr__");
            if !is_enum || open {
                return None;
            }
        }
        Language::Java => {
            let is_enum = head.split_whitespace().any(|word| word == "enum");
            if !is_enum {
                return None;
            }
        }
        _ => {
            let is_enum = tree.flags(class).has(Flags::TYPE_ONLY)
                && head.split_whitespace().any(|word| word == "enum")
                && !tree.text().contains(&format!("namespace {}", tree.name(class)));
            if !is_enum {
                return None;
            }
        }
    }
    let body = tree.child(class, Role::Body)?;
    let mut found = BTreeSet::new();
    for id in tree.children(body) {
        match tree.kind(id) {
            Kind::Field | Kind::Function | Kind::Class => {
                found.insert(tree.name(id).to_owned());
            }
            Kind::Assign => {
                for target in tree.children_in(id, Role::Target) {
                    crate::analysis::exports::names_in(tree, target, &mut found);
                }
            }
            Kind::If | Kind::ForEach | Kind::Other => return None,
            _ => {}
        }
    }
    (!found.is_empty()).then_some(found)
}
