//! Java: `product.setStock(product.getStock() - count)` of an entity that was read without a lock.

use crate::analysis::code::Code;
use crate::analysis::outside::java_decorators;
use crate::analysis::{bodies, calls, rows, typed};
use crate::matching::{Source, canonical};
use crate::project::{Project, file_name};
use crate::rules::Reports;
use crate::tree::{Kind, NodeId, Role, Tree};

const FILES_MAX: usize = 2_000;

pub(super) fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for function in source.of_kind(Kind::Function).iter().copied() {
        let nodes = bodies::body(tree, function);
        let sets: Vec<NodeId> = nodes
            .iter()
            .copied()
            .filter(|id| tree.kind(*id) == Kind::Call && is_step(source, *id))
            .collect();
        if sets.is_empty() || rows::is_protected(source, function) {
            continue;
        }
        let managed = java_decorators(tree, function)
            .iter()
            .any(|mark| mark.contains("Transactional"));
        for set in sets {
            let Some(row) = calls::receiver(tree, set).filter(|row| tree.kind(*row) == Kind::Name) else {
                continue;
            };
            let saved = managed
                || nodes
                    .iter()
                    .any(|id| *id > set && tree.kind(*id) == Kind::Call && is_save(tree, *id));
            let Some(read) = read(source, &nodes, row, set).filter(|_| saved) else {
                continue;
            };
            let told = format!(
                "`{}` is computed from what was read before and written back; what others wrote meanwhile is lost",
                tree.source(set)
            );
            match locked_elsewhere(source, project, row, read) {
                Some(true) => {}
                Some(false) => reports.add(set, told),
                None => reports.note(set, told),
            }
        }
    }
}

/// `a.setX(a.getX() - n)`, `a.setX(a.getX().subtract(n))`, `a.setX(Math.max(0, a.getX() - n))`
fn is_step(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    let Some((field, object)) = calls::name(tree, call)
        .strip_prefix("set")
        .filter(|field| !field.is_empty())
        .zip(calls::receiver(tree, call))
    else {
        return false;
    };
    let Some(given) = calls::arg(tree, call, 0) else {
        return false;
    };
    // `int left = item.getAvailable() - wanted; …; item.setAvailable(left)`
    let value = Code::of(source).set_to(given).unwrap_or(given);
    let own = canonical(tree, object);
    let is_own = |id: NodeId| {
        tree.kind(id) == Kind::Call
            && calls::name(tree, id).strip_prefix("get") == Some(field)
            && calls::receiver(tree, id).is_some_and(|of| canonical(tree, of) == own)
    };
    let is_text = tree
        .subtree(value)
        .any(|part| matches!(tree.kind(part), Kind::Str | Kind::Interp));
    !is_text
        && tree.subtree(value).any(|part| match tree.kind(part) {
            Kind::Binary if matches!(tree.name(part), "+" | "-") => tree.children(part).any(is_own),
            Kind::Call if matches!(calls::name(tree, part), "add" | "subtract" | "plus" | "minus") => {
                calls::receiver(tree, part).is_some_and(is_own)
            }
            _ => false,
        })
}

fn is_save(tree: &Tree, call: NodeId) -> bool {
    matches!(
        calls::name(tree, call),
        "save" | "saveAndFlush" | "saveAll" | "merge" | "persist" | "update" | "saveOrUpdate" | "flush"
    )
}

/// The call that has read a row: `findById(id).orElseThrow()`, `entityManager.find(Product.class, id)`.
fn read(source: &Source, nodes: &[NodeId], row: NodeId, before: NodeId) -> Option<NodeId> {
    let tree = &source.tree;
    let name = tree.name(row);
    let read = nodes.iter().copied().rfind(|id| {
        *id < before
            && tree.kind(*id) == Kind::Assign
            && tree
                .child(*id, Role::Target)
                .is_some_and(|target| tree.name(target) == name)
    })?;
    let value = tree.child(read, Role::Value)?;
    tree.subtree(value).find(|part| {
        if tree.kind(*part) != Kind::Call {
            return false;
        }
        let Some(of) = calls::receiver(tree, *part) else {
            return false;
        };
        let ty = typed::declared_type(source, of).unwrap_or("");
        let names = format!("{} {ty}", tree.source(of)).to_ascii_lowercase();
        let from_store = ["repo", "dao", "entitymanager", "session", "store"]
            .iter()
            .any(|part| names.contains(part))
            || tree.source(of) == "em";
        let reads = ["find", "getOne", "getById", "getReference", "load", "get"]
            .iter()
            .any(|begin| calls::name(tree, *part).starts_with(begin));
        from_store && reads
    })
}

/// Whether the class of the row has a version, or its repository locks what it reads; `None` where that can not be seen.
fn locked_elsewhere(source: &Source, project: &Project, row: NodeId, read: NodeId) -> Option<bool> {
    let code = Code::of(source);
    let class = typed::declared_type(source, row)
        .filter(|class| *class != "var")
        .map(str::to_owned)
        .or_else(|| {
            let repository = typed::declared_type(source, code.receiver(read)?)?;
            repository
                .strip_suffix("Repository")
                .or(repository.strip_suffix("Dao"))
                .map(str::to_owned)
        })?;
    let text_of = |name: &str| {
        let file = format!("{name}.java");
        let found = project
            .files()
            .take(FILES_MAX)
            .find(|path| file_name(path) == file && *path != source.path)?;
        project.text(found)
    };
    let own = source.tree.text();
    let entity = match own.contains(&format!("class {class} ")) {
        true => own.to_owned(),
        false => text_of(&class)?,
    };
    // What it extends may have one as well.
    if entity.contains("@Version") || entity.contains("OptimisticLock") {
        return Some(true);
    }
    if let Some((_, base)) = entity.split_once(&format!("class {class} extends ")) {
        let base: String = base.chars().take_while(|char| char.is_alphanumeric()).collect();
        if text_of(&base)?.contains("@Version") {
            return Some(true);
        }
    }
    let repository = code
        .receiver(read)
        .and_then(|of| typed::declared_type(source, of))
        .and_then(text_of);
    Some(repository.is_some_and(|text| text.contains("@Lock(") || text.contains("FOR UPDATE")))
}
