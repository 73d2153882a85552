//! Members of objects whose classes are the repository's own.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::analysis::classes::{self, Class};

use super::*;

#[derive(Debug, Clone, Copy, Default)]
struct Bound {
    is_param: bool,
    times_set: usize,
}

impl File<'_> {
    pub(super) fn own_objects(&self, reports: &mut Reports) {
        let tree = &self.source.tree;
        if self.source.is_test() {
            return;
        }
        let (classes, made) = classes::of_file(tree);
        let bound = self.bound();
        // By the object's name: most are asked about again and again.
        let mut known: Map<&str, Option<Rc<(String, Class)>>> = Map::default();
        let mut guarded: Option<HashSet<&str>> = None;
        for member in self.source.of_kind(Kind::Member) {
            let name = tree.name(*member);
            if matches!(tree.role(*member), Role::Target) || tree.flags(*member).has(Flags::OPTIONAL) {
                continue;
            }
            let Some(object) = tree.child(*member, Role::Object) else {
                continue;
            };
            let of = if tree.language() == Language::Python {
                match (self.held(object), tree.kind(object)) {
                    (Some(class), _) => self.held_object(class, &classes).map(Rc::new),
                    (None, Kind::Name) => {
                        let name = tree.name(object);
                        let python = || self.python_object(name, &classes, &made, &bound).map(Rc::new);
                        known.entry(name).or_insert_with(python).clone()
                    }
                    (None, _) => None,
                }
            } else if tree.role(*member) == Role::Callee {
                self.javascript_object(*member, object, &classes).map(Rc::new)
            } else {
                None
            };
            let Some(of) = of.filter(|of| !of.1.has(name)) else {
                continue;
            };
            let (class_name, class) = &*of;
            if OF_ALL_OBJECTS.contains(&name)
                || guarded.get_or_insert_with(|| self.guarded()).contains(name)
                || attempt(tree, *member, &["AttributeError"]) == Attempt::Tried
                || self.is_asked(*member)
            {
                continue;
            }
            let told = format!(
                "`{class_name}` of this repository has no `{name}`{}",
                data::hint(name, class.members.iter().map(String::as_str))
            );
            if tree.language() == Language::JavaScript {
                reports.note(*member, told);
            } else {
                reports.add(*member, told);
            }
        }
    }

    /// An object whose class is known in its function.
    fn held_object(&self, class: String, classes: &BTreeMap<String, Class>) -> Option<(String, Class)> {
        let found = match classes.get(&class) {
            Some(found) => found.clone(),
            None => {
                let (item, exports) = self.imported(&class)?;
                exports.classes.get(&item)?.clone()
            }
        };
        let extended = found.is_extended || self.source.tree.text().contains(&format!("({class})"));
        (!found.is_model && !extended).then_some((class, found))
    }

    /// `settings.x`, where `settings = Settings()` is in the file or imported, or is a parameter of that type.
    fn python_object(
        &self,
        name: &str,
        classes: &BTreeMap<String, Class>,
        made: &BTreeMap<String, String>,
        bound: &Map<&str, Bound>,
    ) -> Option<(String, Class)> {
        let bound = bound.get(name).copied().unwrap_or_default();
        if let Some(class) = made.get(name) {
            let found = match classes.get(class) {
                Some(found) => Some(found.clone()),
                None => self
                    .imported(class)
                    .and_then(|(item, exports)| exports.classes.get(&item).cloned()),
            };
            return found
                .filter(|_| !bound.is_param && bound.times_set == 1)
                .map(|found| (class.clone(), found));
        }
        if bound.is_param || bound.times_set > 0 {
            return None;
        }
        let (item, exports) = self.imported(name)?;
        let class = exports.made.get(&item)?;
        Some((class.clone(), exports.classes.get(class)?.clone()))
    }

    /// What a name is in the one file that it is imported from.
    fn imported(&self, name: &str) -> Option<Imported> {
        if let Some(known) = self.imported.borrow().get(name) {
            return known.clone();
        }
        let found = self.imported_from(name);
        self.imported.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    fn imported_from(&self, name: &str) -> Option<Imported> {
        let tree = &self.source.tree;
        if !self.project.is_known() {
            return None;
        }
        let mut found = None;
        for import in self.source.of_kind(Kind::Import) {
            for item in tree.children_in(*import, Role::Item) {
                let local = tree
                    .child(item, Role::Target)
                    .map_or("", |local| tree.name(local));
                if local != name || matches!(tree.name(item), "" | "*") {
                    continue;
                }
                if found.is_some() {
                    return None;
                }
                let path = &self.source.path;
                let place = match tree.language() {
                    Language::Python => resolve::python(self.project, path, tree.name(*import)),
                    _ => resolve::javascript(self.project, path, tree.name(*import)),
                };
                let Found::Files(files) = place else {
                    return None;
                };
                let [file] = files.as_slice() else {
                    return None;
                };
                found = Some((tree.name(item).to_owned(), self.project.exports(file)?));
            }
        }
        found
    }

    /// What binds each name of the file, anywhere in it.
    fn bound(&self) -> Map<&str, Bound> {
        let tree = &self.source.tree;
        let mut bound: Map<&str, Bound> = Map::default();
        for param in self.source.of_kind(Kind::Param) {
            bound.entry(tree.name(*param)).or_default().is_param = true;
        }
        for name in self.source.of_kind(Kind::Name) {
            let imported = || {
                tree.parent(*name)
                    .is_some_and(|parent| tree.kind(parent) == Kind::ImportItem)
            };
            if tree.role(*name) == Role::Target && !imported() {
                bound.entry(tree.name(*name)).or_default().times_set += 1;
            }
        }
        bound
    }

    /// `this.users.x()` where `constructor(private users: UsersService)`, and `this.x()`.
    fn javascript_object(
        &self,
        member: NodeId,
        object: NodeId,
        classes: &BTreeMap<String, Class>,
    ) -> Option<(String, Class)> {
        let tree = &self.source.tree;
        let class = tree
            .ancestors(member)
            .find(|around| tree.kind(*around) == Kind::Class)?;
        // A function that is no arrow has a `this` of its own.
        let inner = tree
            .ancestors(member)
            .find(|around| tree.kind(*around) == Kind::Function)?;
        let is_method = tree
            .parent(inner)
            .and_then(|body| tree.parent(body))
            .is_some_and(|outer| outer == class);
        if !is_method || tree.flags(inner).has(Flags::STATIC) {
            return None;
        }
        let in_lambda_function = tree
            .ancestors(member)
            .take_while(|around| *around != inner)
            .any(|around| {
                tree.kind(around) == Kind::Lambda && tree.source(around).trim_start().starts_with("function")
            });
        if in_lambda_function {
            return None;
        }
        if tree.kind(object) == Kind::Name && tree.name(object) == "this" {
            let found = classes.get(tree.name(class))?;
            return Some((tree.name(class).to_owned(), found.clone()));
        }
        let is_own = tree.kind(object) == Kind::Member
            && tree
                .child(object, Role::Object)
                .is_some_and(|of| tree.name(of) == "this");
        if !is_own {
            return None;
        }
        let constructor = tree
            .children(tree.child(class, Role::Body)?)
            .find(|id| tree.kind(*id) == Kind::Function && tree.name(*id) == "constructor")?;
        let param = tree
            .children_in(constructor, Role::Param)
            .find(|param| tree.name(*param) == tree.name(object))?;
        let written = tree.name(tree.child(param, Role::Type)?).to_owned();
        // Set anew, it may be something else.
        let again = self
            .source
            .of_kind(Kind::Member)
            .iter()
            .any(|id| tree.role(*id) == Role::Target && tree.name(*id) == tree.name(object));
        if again {
            return None;
        }
        if let Some(found) = classes.get(&written) {
            return Some((written, found.clone()));
        }
        let (item, exports) = self.imported(&written)?;
        Some((written, exports.classes.get(&item)?.clone()))
    }
}
