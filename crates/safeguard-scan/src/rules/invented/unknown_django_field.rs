//! Django: queries by fields that the model of this repository does not have.

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

/// Methods of a manager whose named arguments begin with fields.
const BY_FIELD: &[&str] = &[
    "filter",
    "exclude",
    "get",
    "aget",
    "create",
    "acreate",
    "get_or_create",
];
/// What may follow a field of its own.
const LOOKUPS: &[&str] = &[
    "contains",
    "date",
    "day",
    "endswith",
    "exact",
    "gt",
    "gte",
    "hour",
    "icontains",
    "iendswith",
    "iexact",
    "in",
    "iregex",
    "isnull",
    "istartswith",
    "lt",
    "lte",
    "month",
    "range",
    "regex",
    "startswith",
    "time",
    "week",
    "year",
];
const FILES_MAX: usize = 300;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if !project.is_known() || source.is_test() {
        return;
    }
    let code = Code::of(source);
    let tree = code.tree;
    for call in source.calls().iter().copied() {
        if !BY_FIELD.contains(&code.called(call)) {
            continue;
        }
        // `Contact.objects.filter(…)`
        let Some(model) = code
            .receiver(call)
            .filter(|of| code.kind(*of) == Kind::Member && code.name(*of) == "objects")
            .and_then(|of| code.child(of, Role::Object))
            .filter(|model| code.kind(*model) == Kind::Name)
        else {
            continue;
        };
        let asked: Vec<NodeId> = tree
            .children_in(call, Role::Arg)
            .filter(|arg| code.kind(*arg) == Kind::Keyword && code.name(*arg) != "defaults")
            .collect();
        if asked.is_empty() {
            continue;
        }
        let name = code.name(model);
        let elsewhere = file_of(source, project, name);
        let file = elsewhere.as_deref().unwrap_or(source);
        let Some(fields) = fields(file, name) else {
            continue;
        };
        for arg in asked {
            let written = code.name(arg);
            let mut parts = written.split("__");
            let field = parts.next().unwrap_or(written);
            let plain = parts.all(|part| LOOKUPS.contains(&part));
            let known = fields.contains(field)
                || field
                    .strip_suffix("_id")
                    .is_some_and(|relation| fields.contains(relation));
            if plain && !known && !is_way_back(project, field) {
                reports.add(
                    arg,
                    format!(
                        "the model `{name}` of this repository has no field `{field}`{}",
                        data::hint(field, fields.iter().map(String::as_str))
                    ),
                );
            }
        }
    }
}

/// The fields of a model that is written out whole: it has no base but Django's, and no manager of its own.
fn fields(file: &Source, name: &str) -> Option<BTreeSet<String>> {
    let code = Code::of(file);
    let tree = code.tree;
    let mut classes = file
        .of_kind(Kind::Class)
        .iter()
        .copied()
        .filter(|class| tree.name(*class) == name);
    let class = classes.next().filter(|_| classes.next().is_none())?;
    let bases: Vec<&str> = tree
        .children_in(class, Role::Base)
        .map(|base| tree.source(base))
        .collect();
    if bases != ["models.Model"] || tree.child(class, Role::Decorator).is_some() {
        return None;
    }
    let mut found: BTreeSet<String> = ["id", "pk"].map(str::to_owned).into();
    let mut declared = 0;
    for statement in tree.children(code.body(class)?) {
        match tree.kind(statement) {
            Kind::Assign => {
                let target = code.child(statement, Role::Target)?;
                let value = code.child(statement, Role::Value);
                let made = value.map_or("", |value| code.path(value));
                if tree.name(target) == "objects" {
                    return None;
                }
                // A field of another package may bring others with it.
                if value.is_some_and(|value| code.kind(value) == Kind::Call) && !made.contains("models.") {
                    return None;
                }
                declared += usize::from(made.contains("models."));
                found.insert(tree.name(target).to_owned());
            }
            Kind::Function | Kind::Class | Kind::Pass => {
                found.insert(tree.name(statement).to_owned());
            }
            Kind::ExprStmt => {}
            _ => return None,
        }
    }
    // What is added to the class later is not seen.
    let added = ["add_to_class", "contribute_to_class", "setattr("]
        .iter()
        .any(|word| tree.text().contains(word));
    (declared > 0 && !added).then_some(found)
}

/// Whether a name may be the way back of a relation: of a model of that name, or by its `related_name`.
fn is_way_back(project: &Project, field: &str) -> bool {
    let class = field.trim_end_matches("_set").replace('_', "");
    project
        .files()
        .filter(|path| path.ends_with(".py") && path.contains("models"))
        .take(FILES_MAX)
        .filter_map(|path| project.text(path))
        .any(|text| {
            text.contains(&format!("related_name=\"{field}\""))
                || text.contains(&format!("related_name='{field}'"))
                || text.contains("related_query_name")
                || text.lines().any(|line| {
                    line.trim_start().strip_prefix("class ").is_some_and(|rest| {
                        rest.split(['(', ':'])
                            .next()
                            .is_some_and(|name| name.eq_ignore_ascii_case(&class))
                    })
                })
        })
}
