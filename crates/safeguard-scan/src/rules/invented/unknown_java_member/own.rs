//! Java: methods that a class of the repository does not have, where all of it can be seen.

use std::collections::BTreeMap;

use super::File;
use crate::analysis::typed::declared_type;
use crate::language::{self, Language};
use crate::matching::Source;
use crate::project::{Project, folder, stem};
use crate::rules::invented::data;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check { run, ..super::CHECK };

/// How many files of the repository are read for one file.
const FILES_MAX: usize = 40;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if !project.is_known() || source.is_test() {
        return;
    }
    let file = File::of(source, project);
    let tree = &source.tree;
    let mut known: BTreeMap<String, Option<Methods>> = BTreeMap::new();
    for call in source.of_kind(Kind::Call) {
        let Some(callee) = tree
            .child(*call, Role::Callee)
            .filter(|callee| tree.kind(*callee) == Kind::Member)
        else {
            continue;
        };
        let Some(class) = tree
            .child(callee, Role::Object)
            .and_then(|object| class(&file, object))
        else {
            continue;
        };
        if !known.contains_key(&class) {
            if known.len() == FILES_MAX {
                return;
            }
            let methods =
                file_of(source, project, &class).and_then(|path| methods(&project.text(&path)?, &class));
            known.insert(class.clone(), methods);
        }
        let name = tree.name(callee);
        let Some(Some(methods)) = known.get(&class) else {
            continue;
        };
        if let Some(taken) = methods.get(name) {
            let given = tree.children_in(*call, Role::Arg).count();
            if taken.iter().all(|takes| !takes.fits(given)) {
                let takes = taken
                    .iter()
                    .map(|takes| takes.count.to_string())
                    .collect::<Vec<_>>();
                reports.add(
                    callee,
                    format!(
                        "`{class}.{name}` of this repository takes {} arguments, and gets {given}",
                        takes.join(" or ")
                    ),
                );
            }
        } else if !super::of_all(name) {
            reports.add(
                callee,
                format!(
                    "`{class}` of this repository has no method `{name}`{}",
                    data::hint(name, methods.keys().map(String::as_str))
                ),
            );
        }
    }
}

/// How many arguments each method of a name takes.
type Methods = BTreeMap<String, Vec<Takes>>;

struct Takes {
    count: usize,
    /// The last one may come any number of times.
    rest: bool,
}

impl Takes {
    fn fits(&self, given: usize) -> bool {
        given == self.count || self.rest && given + 1 >= self.count
    }
}

/// The class that a variable or a field is declared with, that is made, or whose name is written.
fn class(file: &File<'_>, object: NodeId) -> Option<String> {
    let tree = file.tree();
    let written = match tree.kind(object) {
        Kind::Name => match file.declared(object) {
            Some(written) => written,
            None if file
                .source
                .names
                .binder(tree, object, tree.name(object))
                .is_none() =>
            {
                tree.name(object).to_owned()
            }
            None => return None,
        },
        Kind::Member => {
            let of = tree.child(object, Role::Object)?;
            (tree.name(of) == "this")
                .then(|| declared_type(file.source, object))??
                .to_owned()
        }
        Kind::New if tree.child(object, Role::Body).is_none() => {
            declared_type(file.source, object)?.to_owned()
        }
        _ => return None,
    };
    written
        .starts_with(|char: char| char.is_ascii_uppercase())
        .then_some(written)
}

/// The one file of the repository that a class of that name is in: of the same package, or imported.
pub fn file_of(source: &Source, project: &Project, class: &str) -> Option<String> {
    let tree = &source.tree;
    if source
        .of_kind(Kind::Class)
        .iter()
        .any(|id| tree.name(*id) == class)
    {
        return None;
    }
    let imported = source
        .of_kind(Kind::ImportItem)
        .iter()
        .find(|item| tree.name(**item) == class)
        .and_then(|item| tree.parent(*item))
        .map(|import| format!("{}/{class}.java", tree.name(import).replace('.', "/")));
    let mut files = project
        .files()
        .filter(|path| path.ends_with(".java") && stem(path) == class);
    let (Some(file), None) = (files.next(), files.next()) else {
        return None;
    };
    let fits = match imported {
        Some(end) => file.ends_with(&end),
        None => folder(file) == folder(&source.path),
    };
    fits.then(|| file.to_owned())
}

/// The methods of a class that takes none from elsewhere.
fn methods(text: &str, class: &str) -> Option<Methods> {
    let tree = language::parse(Language::Java, text).ok()?;
    let mut classes = tree
        .children(NodeId::ROOT)
        .filter(|id| tree.kind(*id) == Kind::Class && tree.name(*id) == class);
    let (Some(found), None) = (classes.next(), classes.next()) else {
        return None;
    };
    let head = tree.source(found).split('{').next().unwrap_or("");
    // Bases bring methods of theirs, and annotations may have some written (Lombok, Immutables).
    let harmless = [
        "Service",
        "Component",
        "Repository",
        "RestController",
        "Controller",
        "Configuration",
        "Entity",
        "Table",
        "Transactional",
        "RequestMapping",
        "SuppressWarnings",
        "Singleton",
        "ApplicationScoped",
        "Deprecated",
        "Slf4j",
        "RequiredArgsConstructor",
    ];
    let is_open = tree.child(found, Role::Base).is_some()
        || head.contains(" extends ")
        || head.contains(" implements ")
        || head.contains("@interface")
        || head.contains(" record ")
        || head.contains("enum ")
        || head.starts_with("record ")
        || tree.children_in(found, Role::Decorator).any(|decorator| {
            let written = tree.source(decorator).trim_start_matches('@');
            let name = written.split(['(', ' ', '\n']).next().unwrap_or("");
            let last = name.rsplit('.').next().unwrap_or(name);
            !harmless.contains(&last)
        })
        || text.contains("lombok.Getter")
        || text.contains("lombok.Setter")
        || text.contains("lombok.*")
        || text.contains("lombok.experimental");
    if is_open {
        return None;
    }
    let body = tree.child(found, Role::Body)?;
    Some(methods_in(&tree, body))
}

fn methods_in(tree: &Tree, body: NodeId) -> Methods {
    let mut found = Methods::new();
    for method in tree.children(body).filter(|id| tree.kind(*id) == Kind::Function) {
        let params: Vec<NodeId> = tree.children_in(method, Role::Param).collect();
        let rest = params
            .last()
            .is_some_and(|last| tree.flags(*last).has(Flags::REST) || tree.source(*last).contains("..."));
        found
            .entry(tree.name(method).to_owned())
            .or_default()
            .push(Takes {
                count: params.len(),
                rest,
            });
    }
    found
}
