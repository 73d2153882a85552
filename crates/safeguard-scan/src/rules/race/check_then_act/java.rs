//! Java: repositories that are asked whether there is a row, or how many, and what keeps two of them apart.

use super::Lookup;
use crate::analysis::outside::java_decorators;
use crate::analysis::{bodies, calls, typed};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, file_name};
use crate::tree::{Kind, NodeId};

const FILES_MAX: usize = 2_000;

/// `bookings.existsBySeatId(id)`, `orders.countByCustomer(…)`, `seats.findByNumber(…)`.
pub(super) fn lookup(source: &Source, call: NodeId) -> Option<Lookup> {
    let tree = &source.tree;
    if tree.language() != Language::Java {
        return None;
    }
    let name = calls::name(tree, call);
    let begins = |word: &str| {
        name.strip_prefix(word)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(|first: char| first.is_ascii_uppercase()))
    };
    let counts = begins("count");
    if !counts
        && !["existsBy", "exists", "findBy", "findFirst", "findOneBy"]
            .iter()
            .any(|word| begins(word))
    {
        return None;
    }
    Some(Lookup {
        model: model(source, calls::receiver(tree, call)?)?,
        counts,
        ranges: !counts
            && ["Before", "After", "Between", "LessThan", "GreaterThan", "Overlap"]
                .iter()
                .any(|word| name.contains(word)),
    })
}

/// What a repository keeps: `Booking` of a field `BookingRepository bookings`.
fn model(source: &Source, repository: NodeId) -> Option<String> {
    let ty = typed::declared_type(source, repository)?;
    ["Repository", "Repo", "Dao"]
        .iter()
        .find_map(|ending| ty.strip_suffix(ending))
        .filter(|model| !model.is_empty())
        .map(str::to_owned)
}

fn text_of(source: &Source, project: &Project, class: &str) -> Option<String> {
    let own = source.tree.text();
    if ["class", "interface", "record"]
        .iter()
        .any(|kind| own.contains(&format!("{kind} {class} ")))
    {
        return Some(own.to_owned());
    }
    let file = format!("{class}.java");
    let found = project
        .files()
        .take(FILES_MAX)
        .find(|path| file_name(path) == file)?;
    project.text(found)
}

/// Whether a repository that the function asks locks what it reads, or a row with a version is changed by it.
pub(in crate::rules::race) fn locks(source: &Source, project: &Project, function: NodeId) -> bool {
    let tree = &source.tree;
    let mut asked: Vec<&str> = bodies::body(tree, function)
        .into_iter()
        .filter(|id| tree.kind(*id) == Kind::Call)
        .filter_map(|call| typed::declared_type(source, calls::receiver(tree, call)?))
        .filter(|ty| ty.ends_with("Repository") || ty.ends_with("Dao"))
        .collect();
    asked.sort_unstable();
    asked.dedup();
    asked.iter().any(|ty| {
        text_of(source, project, ty).is_some_and(|text| {
            ["@Lock(", "FOR UPDATE", "for update"]
                .iter()
                .any(|word| text.contains(word))
        })
    })
}

/// Whether the repository has the entity, and neither it nor the way of the database says that anything of it is unique.
pub(super) fn is_never_unique(source: &Source, project: &Project, model: &str) -> bool {
    if source.tree.language() != Language::Java || !project.is_known() {
        return false;
    }
    let Some(entity) = text_of(source, project, model).filter(|text| text.contains("@Entity")) else {
        return false;
    };
    // Its own key may be what is asked for.
    if !entity.contains("GeneratedValue") || entity.to_ascii_lowercase().contains("unique") {
        return false;
    }
    let says_unique = |path: &str| {
        ["sql", "xml", "yaml", "yml"]
            .iter()
            .any(|ending| path.ends_with(&format!(".{ending}")))
            && project
                .text(path)
                .is_some_and(|text| text.to_ascii_lowercase().contains("unique"))
    };
    !project
        .files()
        .filter(|path| path.contains("resources") || path.contains("migrat") || path.ends_with(".sql"))
        .take(FILES_MAX)
        .any(says_unique)
}

/// Whether a function is one of a bean that all requests share: `@Service`, `@Component`.
pub(super) fn is_of_bean(source: &Source, function: NodeId) -> bool {
    let tree = &source.tree;
    tree.language() == Language::Java
        && bodies::class_of(tree, function).is_some_and(|class| {
            java_decorators(tree, class)
                .iter()
                .any(|mark| matches!(*mark, "Service" | "Component" | "ApplicationScoped" | "Singleton"))
        })
}
