//! Methods that a task of Celery does not have: `send_receipt.delay_async(order.id)`.

use super::data::{self, Names};
use super::resolve::{self, Found};
use super::unknown_member;
use crate::analysis::code::Code;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Python],
    run,
    ..unknown_member::CHECK
};

const MEMBERS: Names = Names(
    "delay apply_async apply retry send_event send_events replace signature_from_request subtask_from_request",
);

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let (method, Some(of)) = (code.called(call), code.receiver(call)) else {
            continue;
        };
        const STARTS: &[&str] = &[
            "async",
            "delay",
            "enqueue",
            "later",
            "queue",
            "schedule",
            "send",
            "apply",
            "background",
        ];
        let starts = STARTS.iter().any(|word| method.contains(word));
        if !starts || MEMBERS.contains(method) || code.kind(of) != Kind::Name || !is_task(source, project, of)
        {
            continue;
        }
        reports.add(
            call,
            format!(
                "a task of Celery has no `{method}`{}",
                data::hint(method, MEMBERS.iter())
            ),
        );
    }
}

/// Whether a name is a function that Celery made a task of, in this file or the one that it is imported from.
fn is_task(source: &Source, project: &Project, of: NodeId) -> bool {
    let tree = &source.tree;
    let name = tree.name(of);
    if let Some((scope, times)) = source.names.binder(tree, of, name)
        && scope.is_none()
        && times == 1
        && declares(source, name)
    {
        return true;
    }
    source.of_kind(Kind::ImportItem).iter().any(|item| {
        let local = tree
            .child(*item, Role::Target)
            .map_or("", |local| tree.name(local));
        let import = tree.parent(*item).filter(|_| local == name);
        let Some(import) = import else {
            return false;
        };
        match resolve::python(project, &source.path, tree.name(import)) {
            Found::Files(files) => files
                .iter()
                .filter_map(|file| project.source(file))
                .any(|other| declares(&other, tree.name(*item))),
            Found::Folder(_) | Found::Missing | Found::Unknown => false,
        }
    })
}

fn declares(source: &Source, name: &str) -> bool {
    let tree = &source.tree;
    let is_of_celery = tree.text().contains("celery") || tree.text().contains("Celery");
    is_of_celery
        && source.of_kind(Kind::Function).iter().any(|function| {
            tree.name(*function) == name
                && tree.children_in(*function, Role::Decorator).any(|decorator| {
                    let written = tree.source(decorator).trim_start_matches('@');
                    let head = written.split('(').next().unwrap_or(written).trim();
                    matches!(head.rsplit('.').next(), Some("task" | "shared_task"))
                })
        })
}
