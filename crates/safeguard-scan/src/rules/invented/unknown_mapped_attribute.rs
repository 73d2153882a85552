//! SQLAlchemy: attributes that a mapped class of this repository does not have: `Order.customer_id`.

use std::collections::BTreeSet;

use super::data;
use super::unknown_column;
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::elsewhere::file_of;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Python],
    run,
    ..unknown_column::CHECK
};

/// How many files are asked whether they add an attribute; of more, one may.
const FILES_MAX: usize = 5_000;
/// How many bases are followed.
const BASES_DEEP_MAX: usize = 6;

/// What every mapped class has.
const OF_ALL: &[&str] = &[
    "metadata",
    "registry",
    "query",
    "query_class",
    "mro",
    "c",
    "awaitable_attrs",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if !project.is_known() || source.is_test() {
        return;
    }
    let code = Code::of(source);
    let mut known: Vec<(&str, Option<BTreeSet<String>>)> = Vec::new();
    for member in source.of_kind(Kind::Member).iter().copied() {
        let Some(object) = code
            .child(member, Role::Object)
            .filter(|object| code.kind(*object) == Kind::Name)
        else {
            continue;
        };
        let (name, attribute) = (code.name(object), code.name(member));
        let is_class = name.starts_with(|first: char| first.is_ascii_uppercase());
        let is_file = source
            .names
            .binder(code.tree, object, name)
            .is_none_or(|(scope, times)| scope.is_none() && times == 1);
        if !is_class || !is_file || attribute.starts_with('_') || OF_ALL.contains(&attribute) {
            continue;
        }
        let at = known
            .iter()
            .position(|(known, _)| *known == name)
            .unwrap_or_else(|| {
                known.push((name, attributes(source, project, name)));
                known.len() - 1
            });
        let Some((_, Some(attributes))) = known.get(at) else {
            continue;
        };
        let is_set = code.tree.role(member) == Role::Target;
        if attributes.contains(attribute) || is_set || is_added(source, project, name, attribute) {
            continue;
        }
        reports.add(
            member,
            format!(
                "the mapped class `{name}` of this repository has no `{attribute}`{}",
                data::hint(attribute, attributes.iter().map(String::as_str))
            ),
        );
    }
}

/// All that a mapped class has, if all of its bases can be seen.
fn attributes(source: &Source, project: &Project, name: &str) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let is_mapped = collect(source, project, name, &mut found, 0)?;
    is_mapped.then_some(found)
}

/// Whether a class says its table; `None` if it may have more than can be seen.
fn collect(
    source: &Source,
    project: &Project,
    name: &str,
    found: &mut BTreeSet<String>,
    depth: usize,
) -> Option<bool> {
    let elsewhere = file_of(source, project, name);
    let file = elsewhere.as_deref().unwrap_or(source);
    let code = Code::of(file);
    let mut classes = file
        .of_kind(Kind::Class)
        .iter()
        .copied()
        .filter(|class| code.name(*class) == name);
    let (Some(class), None) = (classes.next(), classes.next()) else {
        return None;
    };
    let top = code
        .tree
        .parent(class)
        .is_some_and(|parent| code.kind(parent) == Kind::Module);
    if !top || code.tree.child(class, Role::Decorator).is_some() || depth > BASES_DEEP_MAX {
        return None;
    }
    let mut is_mapped = false;
    for inner in code.tree.children(code.child(class, Role::Body)?) {
        match code.kind(inner) {
            Kind::Function | Kind::Class | Kind::Field => {
                found.insert(code.name(inner).to_owned());
            }
            Kind::Assign => {
                for target in code.tree.children_in(inner, Role::Target) {
                    is_mapped |= code.name(target) == "__tablename__" || code.name(target) == "__table__";
                    found.insert(code.name(target).to_owned());
                }
            }
            Kind::ExprStmt | Kind::Pass => {}
            // Attributes under conditions, or made in loops, are not followed.
            _ => return None,
        }
    }
    if found.contains("__getattr__") || found.contains("__table__") {
        return None;
    }
    for base in code.tree.children_in(class, Role::Base) {
        match (code.kind(base), code.tree.source(base)) {
            (Kind::Member, "db.Model")
            | (
                Kind::Name,
                "DeclarativeBase" | "object" | "DeclarativeBaseNoMeta" | "MappedAsDataclass" | "AsyncAttrs",
            ) => {}
            (Kind::Name, of) if is_made_base(file, project, of) => {}
            (Kind::Name, of) => {
                is_mapped |= collect(file, project, of, found, depth + 1)?;
            }
            _ => return None,
        }
    }
    Some(is_mapped)
}

/// `Base = declarative_base()` in the file, or in the one that it is imported from.
fn is_made_base(file: &Source, project: &Project, name: &str) -> bool {
    let made = |source: &Source| {
        let code = Code::of(source);
        source.of_kind(Kind::Assign).iter().copied().any(|assign| {
            let is_of_name = code
                .child(assign, Role::Target)
                .is_some_and(|target| code.name(target) == name);
            is_of_name
                && code.child(assign, Role::Value).is_some_and(|value: NodeId| {
                    matches!(
                        code.tree.source(value),
                        "declarative_base()" | "orm.declarative_base()" | "automap_base()"
                    ) && !code.tree.source(value).contains("automap")
                })
        })
    };
    made(file) || file_of(file, project, name).is_some_and(|other| made(&other))
}

/// Whether something else gives a class the attribute: a relation of another one (`backref="orders"`), or whoever sets it.
fn is_added(source: &Source, project: &Project, class: &str, attribute: &str) -> bool {
    let texts = [format!("\"{attribute}\""), format!("'{attribute}'")];
    let set = format!("{class}.{attribute} =");
    let adds = |text: &str| {
        let is_set = text
            .match_indices(&set)
            .any(|(at, found)| !text[at + found.len()..].starts_with('='));
        let by_name = ["backref", "setattr", "hasattr"]
            .iter()
            .any(|word| text.contains(word));
        is_set || by_name && texts.iter().any(|written| text.contains(written.as_str()))
    };
    if adds(source.tree.text()) {
        return true;
    }
    for (count, path) in project.files().filter(|path| path.ends_with(".py")).enumerate() {
        if count == FILES_MAX || project.text(path).is_none_or(|text| adds(&text)) {
            return true;
        }
    }
    false
}
