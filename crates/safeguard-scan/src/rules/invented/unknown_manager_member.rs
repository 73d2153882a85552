//! Django: what `Model.objects` does not have, where the model has no manager of its own.

use super::data::{self, Names};
use super::unknown_enum_member::imported;
use super::unknown_member;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    languages: &[Language::Python],
    run,
    ..unknown_member::CHECK
};

/// Of managers and of what they give, in all releases.
const MANAGER: Names = Names(
    "aaggregate abulk_create abulk_update acontains acount acreate aearliest aexists aexplain afirst aget aget_or_create \
     aggregate ain_bulk aiterator alast alatest alias all annotate auto_created aupdate aupdate_or_create bulk_create \
     bulk_update check complex_filter contains contribute_to_class count create creation_counter dates datetimes db db_manager \
     deconstruct defer difference distinct earliest exclude exists explain extra filter first from_queryset get get_or_create \
     get_queryset in_bulk intersection iterator last latest model name none only order_by prefetch_related raw reverse \
     select_for_update select_related union update update_or_create use_in_migrations using values values_list",
);

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    if source.is_test() {
        return;
    }
    for member in source.of_kind(Kind::Member).iter().copied() {
        let name = tree.name(member);
        if tree.role(member) != Role::Callee || MANAGER.contains(name) || name.starts_with('_') {
            continue;
        }
        let Some(model) = tree
            .child(member, Role::Object)
            .filter(|objects| tree.kind(*objects) == Kind::Member && tree.name(*objects) == "objects")
            .and_then(|objects| tree.child(objects, Role::Object))
            .filter(|model| tree.kind(*model) == Kind::Name)
        else {
            continue;
        };
        if is_plain(source, project, tree.name(model)) {
            reports.add(
                member,
                format!(
                    "`{}.objects` is Django's own manager, which has no `{name}`{}",
                    tree.name(model),
                    data::hint(name, MANAGER.iter())
                ),
            );
        }
    }
}

/// Whether a name is a model whose whole class can be seen, and that has no manager of its own.
fn is_plain(source: &Source, project: &Project, name: &str) -> bool {
    let plain = |tree: &Tree, class: NodeId| {
        let mut bases = tree.children_in(class, Role::Base).peekable();
        bases.peek().is_some()
            && bases.all(|base| tree.source(base) == "models.Model")
            && tree.text().contains("from django.db import models")
            && !tree.source(class).contains("objects")
    };
    let of = |other: &Source, wanted: &str| {
        let mut classes = other
            .of_kind(Kind::Class)
            .iter()
            .filter(|class| other.tree.name(**class) == wanted);
        let first = classes.next().copied();
        first.is_some_and(|class| classes.next().is_none() && plain(&other.tree, class))
    };
    if of(source, name) {
        return true;
    }
    imported(source, project, name)
        .is_some_and(|(path, wanted)| project.source(&path).is_some_and(|other| of(&other, &wanted)))
}
