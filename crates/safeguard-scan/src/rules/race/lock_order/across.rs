//! Go: two types whose methods take each other's locks in opposite orders, over the files of a package.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::{bodies, calls, locks, typed};
use crate::language::Language;
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rules::Reports;
use crate::scan;
use crate::tree::{Kind, NodeId, Role, Tree};

const FILES_MAX: usize = 60;

/// The lock of a type: `Account.mu`.
type Lock = (String, String);

/// What a package's methods do with locks.
#[derive(Default)]
struct Package {
    /// By the name of a method: the types that have it, and the lock of their own that each takes.
    methods: BTreeMap<String, Vec<(String, Option<Lock>)>>,
    /// Fields by type: name and type.
    fields: BTreeMap<(String, String), String>,
}

/// A lock that is taken while another one is held.
struct Taken {
    outer: Lock,
    inner: Lock,
    at: NodeId,
    method: String,
}

pub(super) fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if source.tree.language() != Language::Go || !source.tree.text().contains("Lock()") {
        return;
    }
    let mut others = Vec::new();
    if project.is_known() {
        let own = folder(&source.path);
        let near = project
            .below(own)
            .filter(|path| folder(path) == own && path.ends_with(".go") && !path.ends_with("_test.go"))
            .filter(|path| *path != source.path);
        for path in near.take(FILES_MAX) {
            if let Some(text) = project.text(path)
                && let Ok(other) = scan::read(path, Language::Go, &text)
            {
                others.push(other);
            }
        }
    }
    let mut package = Package::default();
    for file in std::iter::once(source).chain(&others) {
        package.add(file);
    }
    let own = taken(source, &package);
    if own.is_empty() {
        return;
    }
    let theirs: Vec<Taken> = others.iter().flat_map(|other| taken(other, &package)).collect();
    let mut told: BTreeSet<(Lock, Lock)> = BTreeSet::new();
    for one in &own {
        let back = own
            .iter()
            .chain(&theirs)
            .find(|other| other.outer == one.inner && other.inner == one.outer);
        let Some(back) = back else {
            continue;
        };
        if told.contains(&(one.inner.clone(), one.outer.clone()))
            || !told.insert((one.outer.clone(), one.inner.clone()))
        {
            continue;
        }
        let name = |lock: &Lock| format!("{}.{}", lock.0, lock.1);
        reports.add(
            one.at,
            format!(
                "`{}` takes `{}` while it holds `{}`, and `{}` the other way round: each can wait for the other for ever",
                one.method,
                name(&one.inner),
                name(&one.outer),
                back.method
            ),
        );
    }
}

fn type_of_receiver(tree: &Tree, method: NodeId) -> Option<String> {
    let receiver = tree.child(method, Role::Receiver)?;
    let ty = tree
        .name(tree.child(receiver, Role::Type)?)
        .trim_start_matches('*');
    Some(ty.split('[').next().unwrap_or(ty).to_owned())
}

/// The lock of its own object that a method takes and holds, if it takes one: `a.mu` of `func (a *Account)`.
fn own_lock(source: &Source, method: NodeId) -> Option<Lock> {
    let tree = &source.tree;
    let own = bodies::own_object(tree, method)?;
    let held = locks::held_in(source, method);
    held.iter()
        .find_map(|held| lock_of(tree, own, &type_of_receiver(tree, method)?, held.object))
}

/// `a.mu`, and `a` where the lock is embedded.
fn lock_of(tree: &Tree, own: &str, ty: &str, object: NodeId) -> Option<Lock> {
    match tree.kind(object) {
        Kind::Member => {
            let of = tree.child(object, Role::Object)?;
            (tree.kind(of) == Kind::Name && tree.name(of) == own)
                .then(|| (ty.to_owned(), tree.name(object).to_owned()))
        }
        Kind::Name => (tree.name(object) == own).then(|| (ty.to_owned(), "Mutex".to_owned())),
        _ => None,
    }
}

impl Package {
    fn add(&mut self, source: &Source) {
        let tree = &source.tree;
        for method in source.of_kind(Kind::Function).iter().copied() {
            if let Some(ty) = type_of_receiver(tree, method) {
                self.methods
                    .entry(tree.name(method).to_owned())
                    .or_default()
                    .push((ty, own_lock(source, method)));
            }
        }
        for class in source.of_kind(Kind::Class).iter().copied() {
            let Some(body) = tree.child(class, Role::Body) else {
                continue;
            };
            for field in tree
                .children(body)
                .filter(|field| tree.kind(*field) == Kind::Field)
            {
                if let Some(ty) = tree.child(field, Role::Type) {
                    self.fields.insert(
                        (tree.name(class).to_owned(), tree.name(field).to_owned()),
                        tree.name(ty).trim_start_matches('*').to_owned(),
                    );
                }
            }
        }
    }

    /// The type of what a method is called on, as far as the package says it.
    fn type_of(&self, source: &Source, own: &str, ty: &str, object: NodeId) -> Option<String> {
        let tree = &source.tree;
        match tree.kind(object) {
            Kind::Name if tree.name(object) == own => Some(ty.to_owned()),
            Kind::Name => typed::declared_type(source, object)
                .filter(|found| !found.is_empty())
                .map(|found| found.trim_start_matches('*').to_owned())
                .or_else(|| self.ranged(source, own, ty, object)),
            Kind::Member => {
                let of = self.type_of(source, own, ty, tree.child(object, Role::Object)?)?;
                self.fields.get(&(of, tree.name(object).to_owned())).cloned()
            }
            _ => None,
        }
    }

    /// The type of a loop's variable: `for _, a := range accounts`, of a parameter or a field.
    fn ranged(&self, source: &Source, own: &str, ty: &str, name: NodeId) -> Option<String> {
        let tree = &source.tree;
        let around = tree.ancestors(name).find(|around| {
            tree.kind(*around) == Kind::ForEach
                && tree.children_in(*around, Role::Target).any(|target| {
                    tree.subtree(target)
                        .any(|part| tree.name(part) == tree.name(name))
                })
        })?;
        let iter = tree.child(around, Role::Iter)?;
        let whole = match tree.kind(iter) {
            Kind::Name => {
                let function = bodies::enclosing(tree, name)?;
                bodies::params(tree, function)
                    .find(|param| tree.name(*param) == tree.name(iter))
                    .and_then(|param| tree.child(param, Role::Type))
                    .map(|ty| tree.name(ty).to_owned())
            }
            _ => self.type_of(source, own, ty, iter),
        }?;
        let element = match whole.strip_prefix("map[") {
            Some(rest) => rest.split_once(']')?.1,
            None => whole.trim_start_matches("...").trim_start_matches("[]"),
        };
        Some(element.trim_start_matches('*').to_owned())
    }
}

/// The locks of other types that the methods of a file take while they hold their own.
fn taken(source: &Source, package: &Package) -> Vec<Taken> {
    let tree = &source.tree;
    let mut found = Vec::new();
    for method in source.of_kind(Kind::Function).iter().copied() {
        let (Some(own), Some(ty)) = (bodies::own_object(tree, method), type_of_receiver(tree, method)) else {
            continue;
        };
        for held in locks::held_in(source, method) {
            let Some(outer) = lock_of(tree, own, &ty, held.object) else {
                continue;
            };
            for call in bodies::body(tree, method) {
                let waits_apart = || {
                    tree.ancestors(call)
                        .take_while(|around| *around != method)
                        .any(|around| tree.kind(around) == Kind::Go)
                };
                if tree.kind(call) != Kind::Call || !held.covers(call) || waits_apart() {
                    continue;
                }
                let Some(object) = calls::receiver(tree, call) else {
                    continue;
                };
                let inner = match calls::name(tree, call) {
                    // `b.mu.Lock()` of another object.
                    "Lock" | "RLock" => {
                        let of = match tree.kind(object) {
                            Kind::Member => tree.child(object, Role::Object),
                            _ => None,
                        };
                        of.and_then(|of| package.type_of(source, own, &ty, of))
                            .map(|ty| (ty, tree.name(object).to_owned()))
                    }
                    name => {
                        let of = package.type_of(source, own, &ty, object);
                        let all = package.methods.get(name);
                        of.zip(all)
                            .and_then(|(of, all)| all.iter().find(|(ty, _)| *ty == of))
                            .and_then(|(_, lock)| lock.clone())
                    }
                };
                if let Some(inner) = inner.filter(|inner| inner.0 != outer.0) {
                    found.push(Taken {
                        outer: outer.clone(),
                        inner,
                        at: call,
                        method: format!("{ty}.{}", tree.name(method)),
                    });
                }
            }
        }
    }
    found
}
