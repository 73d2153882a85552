//! Fields and methods of the structs of the repository's own Go packages.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analysis::code::Code;
use crate::analysis::go_types::{self, Package, Reference};
use crate::matching::Source;
use crate::project::{Project, folder};
use crate::rules::Reports;
use crate::rules::invented::data::{self, GO_TYPES};
use crate::tree::{Flags, Kind, NodeId, Role};

/// How many members and calls are followed.
const DEPTH_MAX: usize = 6;

pub(super) fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if source.is_test() || !project.is_known() || project.go.module_of(&source.path).is_none() {
        return;
    }
    let file = File {
        code: Code::of(source),
        project,
        imports: go_types::imports(&source.tree),
        folder: folder(&source.path),
    };
    if file.imports.contains_key("C") {
        return;
    }
    for member in source.of_kind(Kind::Member).iter().copied() {
        let Some(object) = file.code.child(member, Role::Object) else {
            continue;
        };
        let name = file.code.name(member);
        let Some((package, of)) = file.type_of(object, 0) else {
            file.standard_member(member, object, reports);
            continue;
        };
        let Some(known) = package.structs.get(&of).filter(|known| !known.open) else {
            continue;
        };
        if known.fields.contains_key(name) || known.methods.contains(name) {
            continue;
        }
        let near = known.fields.keys().chain(&known.methods).map(String::as_str);
        reports.add(
            member,
            format!(
                "`{of}` of this repository has no field or method `{name}`{}",
                data::hint(name, near)
            ),
        );
    }
}

struct File<'f> {
    code: Code<'f>,
    project: &'f Project,
    imports: BTreeMap<String, String>,
    folder: &'f str,
}

/// A struct: its package, and its name in it.
type Of = (Arc<Package>, String);

impl File<'_> {
    fn resolve(&self, reference: &Reference, folder: &str) -> Option<Of> {
        let package = match &reference.package {
            None => self.project.go_package(folder)?,
            Some(path) => self.project.go_package(&self.project.go.own(path)?.1)?,
        };
        package
            .structs
            .contains_key(&reference.name)
            .then(|| (package, reference.name.clone()))
    }

    /// The folder that a type's package lies in.
    fn folder_of(&self, of: &Reference, folder: &str) -> Option<String> {
        match &of.package {
            None => Some(folder.to_owned()),
            Some(path) => Some(self.project.go.own(path)?.1),
        }
    }

    fn type_of(&self, id: NodeId, depth: usize) -> Option<Of> {
        let (reference, folder) = self.reference_of(id, depth)?;
        self.resolve(&reference, &folder)
    }

    /// `b.WriteFormat(…)` of a `strings.Builder`.
    fn standard_member(&self, member: NodeId, object: NodeId, reports: &mut Reports) {
        let name = self.code.name(member);
        let Some(reference) = self.reference_of(object, 0).map(|(reference, _)| reference) else {
            return;
        };
        let Some(package) = reference.package else {
            return;
        };
        let key = format!("{package}.{}", reference.name);
        let Some(known) = GO_TYPES
            .get(&key)
            .filter(|_| self.project.go.own(&package).is_none())
        else {
            return;
        };
        let names = || known.iter().map(|one| one.split('=').next().unwrap_or(one));
        if name.starts_with(|first: char| first.is_ascii_uppercase()) && names().all(|known| known != name) {
            reports.add(
                member,
                format!("Go's `{key}` has no `{name}`{}", data::hint(name, names())),
            );
        }
    }

    /// What a function of the standard library gives, or a method or field of a type of it.
    fn given(&self, key: &str, name: &str) -> Option<(Reference, String)> {
        let of = GO_TYPES
            .get(key)?
            .iter()
            .find_map(|one| one.split_once('=').filter(|(other, _)| *other == name))?
            .1;
        let (package, name) = of.rsplit_once('.')?;
        let reference = Reference {
            package: Some(package.to_owned()),
            name: name.to_owned(),
        };
        Some((reference, self.folder.to_owned()))
    }

    /// What a value's type is called, and the folder that this is said in.
    fn reference_of(&self, id: NodeId, depth: usize) -> Option<(Reference, String)> {
        if depth > DEPTH_MAX {
            return None;
        }
        let code = self.code;
        let here = |written: &str| {
            go_types::reference(written, &self.imports).map(|found| (found, self.folder.to_owned()))
        };
        match code.kind(id) {
            Kind::Name => match self.bound(id)? {
                Bound::Typed(written) => here(code.name(written)),
                Bound::Set(value) => self.reference_of(value, depth + 1),
            },
            Kind::Composite => here(code.name(id)),
            Kind::Unary if code.name(id) == "&" || code.name(id) == "*" => {
                self.reference_of(code.child(id, Role::Value)?, depth + 1)
            }
            Kind::Member => {
                let (outer, folder) = self.reference_of(code.child(id, Role::Object)?, depth + 1)?;
                let (package, name) = self.resolve(&outer, &folder)?;
                let folder = self.folder_of(&outer, &folder)?;
                let field = package.structs.get(&name)?.fields.get(code.name(id))?.clone()?;
                Some((field, folder))
            }
            Kind::Call => {
                let callee = code.child(id, Role::Callee)?;
                let (package, key, folder) = match code.kind(callee) {
                    Kind::Name => {
                        if self.is_bound(callee) {
                            return None;
                        }
                        let package = self.project.go_package(self.folder)?;
                        (package, code.name(callee).to_owned(), self.folder.to_owned())
                    }
                    Kind::Member => {
                        let object = code.child(callee, Role::Object)?;
                        let imported = self
                            .imports
                            .get(code.name(object))
                            .filter(|_| code.kind(object) == Kind::Name && !self.is_bound(object));
                        if let Some(path) = imported {
                            if self.project.go.own(path).is_none() {
                                return self.given(&format!("{path}()"), code.name(callee));
                            }
                            let folder = self.project.go.own(path)?.1;
                            (
                                self.project.go_package(&folder)?,
                                code.name(callee).to_owned(),
                                folder,
                            )
                        } else {
                            let (outer, folder) = self.reference_of(object, depth + 1)?;
                            if let Some(path) = &outer.package
                                && self.project.go.own(path).is_none()
                            {
                                return self.given(&format!("{path}.{}", outer.name), code.name(callee));
                            }
                            let (package, name) = self.resolve(&outer, &folder)?;
                            let folder = self.folder_of(&outer, &folder)?;
                            (package, format!("{name}.{}", code.name(callee)), folder)
                        }
                    }
                    _ => return None,
                };
                Some((package.results.get(&key)?.clone(), folder))
            }
            _ => None,
        }
    }

    fn is_bound(&self, name: NodeId) -> bool {
        !self.binders(name).is_empty()
    }

    /// What gives a name its type, if only one place can.
    fn bound(&self, name: NodeId) -> Option<Bound> {
        let code = self.code;
        let binders = self.binders(name);
        let wanted = code.name(name);
        let only = match binders.as_slice() {
            [only] => *only,
            [] => {
                let mut top = code.tree.children(NodeId::ROOT).filter(|id| {
                    code.kind(*id) == Kind::Assign
                        && code
                            .child(*id, Role::Target)
                            .is_some_and(|target| code.name(target) == wanted)
                });
                let (Some(only), None) = (top.next(), top.next()) else {
                    return None;
                };
                only
            }
            _ => return None,
        };
        // What is declared further down, or in another block, is another one.
        let reaches = match code.kind(only) {
            Kind::Param => code
                .tree
                .parent(only)
                .is_some_and(|function| code.tree.within(name, function)),
            _ if binders.is_empty() => true,
            _ => {
                code.tree.span(only).end <= code.tree.span(name).start
                    && code
                        .tree
                        .parent(only)
                        .is_some_and(|block| code.tree.within(name, block))
            }
        };
        if !reaches {
            return None;
        }
        if code.kind(only) == Kind::Param {
            let plain = !code.tree.flags(only).has(Flags::REST);
            return code.child(only, Role::Type).filter(|_| plain).map(Bound::Typed);
        }
        if code.kind(only) != Kind::Assign {
            return None;
        }
        if let Some(written) = code.child(only, Role::Type) {
            return Some(Bound::Typed(written));
        }
        let value = code.child(only, Role::Value)?;
        let target = code.child(only, Role::Target)?;
        let first = match code.kind(target) {
            Kind::Tuple => code.tree.children(target).next()?,
            _ => target,
        };
        let fits = code.kind(first) == Kind::Name
            && code.name(first) == wanted
            && (code.kind(target) == Kind::Name || code.kind(value) == Kind::Call);
        fits.then_some(Bound::Set(value))
    }

    /// All that declares a name in the outermost function around a place.
    fn binders(&self, name: NodeId) -> Vec<NodeId> {
        let code = self.code;
        let wanted = code.name(name);
        let Some(outermost) = code.functions(name).last() else {
            return Vec::new();
        };
        let sets = |id: NodeId| {
            code.tree.children_in(id, Role::Target).any(|target| {
                code.tree
                    .subtree(target)
                    .any(|part| code.kind(part) == Kind::Name && code.name(part) == wanted)
            })
        };
        code.tree
            .subtree(outermost)
            .filter(|id| match code.kind(*id) {
                Kind::Param => code.name(*id) == wanted,
                Kind::Assign => {
                    (code.name(*id) == ":=" || code.tree.flags(*id).has(Flags::DECLARATION)) && sets(*id)
                }
                Kind::ForEach => sets(*id),
                Kind::Switch | Kind::Case => code.name(*id) == wanted,
                Kind::Class | Kind::Other => code.name(*id) == wanted,
                _ => false,
            })
            .collect()
    }
}

enum Bound {
    /// A node of a type.
    Typed(NodeId),
    /// A node of a value.
    Set(NodeId),
}
