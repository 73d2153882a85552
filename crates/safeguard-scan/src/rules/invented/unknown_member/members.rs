//! What a module or a value has, looked up name by name.

use super::*;

/// How many files that pass names on are followed.
const FILES_MAX: usize = 100;

impl File<'_> {
    pub(super) fn javascript_file_has(
        &self,
        file: &str,
        name: &str,
        seen: &mut HashSet<String>,
        near: &mut Vec<String>,
    ) -> bool {
        let Some(exports) = self.project.exports(file) else {
            return true;
        };
        // A default export is made up for what has `module.exports`.
        let common = name == "default"
            && !exports.names.contains("default")
            && self
                .project
                .text(file)
                .is_none_or(|text| text.contains("exports"));
        if exports.open || exports.names.contains(name) || common {
            return true;
        }
        near.extend(exports.names.iter().cloned());
        if !seen.insert(file.to_owned()) {
            return false;
        }
        // Behind so many files anything may be.
        if seen.len() > FILES_MAX {
            return true;
        }
        name != "default"
            && exports
                .stars
                .iter()
                .any(|star| match resolve::javascript(self.project, file, star) {
                    Found::Files(files) => files
                        .iter()
                        .any(|inner| self.javascript_file_has(inner, name, seen, near)),
                    Found::Folder(_) | Found::Missing | Found::Unknown => true,
                })
    }

    /// `import { readFileAsync } from 'fs'`, `const { readFileAsync } = require('fs')`
    pub(super) fn node_imports(&self, reports: &mut Reports) {
        let tree = &self.source.tree;
        let mut tell = |id: NodeId, module: &str, name: &str, only_types: bool| {
            let bare = module.strip_prefix("node:").unwrap_or(module);
            // A type is no value of Node's, and what begins with a capital may be one.
            let may_be_type = only_types
                || tree.language() != Language::JavaScript
                    && name.starts_with(|char: char| char.is_ascii_uppercase());
            if let Some(members) = data::NODE_MEMBERS
                .get(bare)
                .filter(|_| data::NODE_MODULES.contains(bare))
                && !members.contains(name)
                && !matches!(name, "" | "*" | "default")
                && !may_be_type
            {
                reports.add(
                    id,
                    format!(
                        "Node's `{bare}` has no `{name}`{}",
                        data::hint(name, members.iter())
                    ),
                );
            }
        };
        for import in self.source.of_kind(Kind::Import) {
            let only_types = tree.flags(*import).has(Flags::TYPE_ONLY);
            for item in tree.children_in(*import, Role::Item) {
                tell(
                    item,
                    tree.name(*import),
                    tree.name(item),
                    only_types || tree.flags(item).has(Flags::TYPE_ONLY),
                );
            }
        }
        for call in self.source.of_kind(Kind::Call) {
            let Some(module) = required(tree, *call) else {
                continue;
            };
            let parent = tree
                .parent(*call)
                .filter(|parent| tree.kind(*parent) == Kind::Assign);
            let Some(target) = parent.and_then(|parent| tree.child(parent, Role::Target)) else {
                continue;
            };
            if tree.kind(target) == Kind::Object && attempt(tree, *call, FAILED_IMPORT) == Attempt::No {
                for pair in tree.children(target) {
                    let has_default = tree
                        .child(pair, Role::Value)
                        .is_some_and(|value| tree.kind(value) == Kind::Assign);
                    if let Some(key) = tree
                        .child(pair, Role::Key)
                        .filter(|_| !has_default && !tree.flags(pair).has(Flags::COMPUTED))
                    {
                        tell(pair, module, tree.name(key), false);
                    }
                }
            }
        }
    }

    /// `a.b` where what `a` is, is known.
    pub(super) fn members(&self, known: &data::Sets, reports: &mut Reports) {
        let tree = &self.source.tree;
        let mut guarded: Option<HashSet<&str>> = None;
        let is_python = tree.language() == Language::Python;
        // A script shares its objects with other scripts, which may have given them members.
        let is_script = !is_python
            && self.source.of_kind(Kind::Import).is_empty()
            && !tree.text().contains("require(")
            && !tree.text().contains("module.exports")
            && !tree.all().any(|id| tree.flags(id).has(Flags::EXPORTED));
        for member in self.source.of_kind(Kind::Member) {
            let name = tree.name(*member);
            if name.starts_with(['_', '#'])
                || matches!(name, "register" | "mro")
                || matches!(tree.role(*member), Role::Target)
                || tree.flags(*member).has(Flags::OPTIONAL)
            {
                continue;
            }
            let Some(object) = tree.child(*member, Role::Object) else {
                continue;
            };
            let Some((path, members)) = self.object(object, known) else {
                continue;
            };
            if !is_python && OF_ALL_OBJECTS.contains(&name)
                || is_script && !path.starts_with("global.Math") && !path.starts_with("global.JSON")
            {
                continue;
            }
            if members.contains(name) {
                self.tell_gone(*member, &path, name, reports);
                continue;
            }
            // What is set, asked for by its name, or tried, is there or not as the code itself finds.
            let guarded = guarded.get_or_insert_with(|| self.guarded());
            if guarded.contains(name)
                || attempt(tree, *member, &["AttributeError", "ImportError"]) == Attempt::Tried
                || is_of_platform(&path, name)
                || self.is_asked(*member)
            {
                continue;
            }
            let shown = path
                .trim_start_matches("builtins.")
                .trim_start_matches("prototype.")
                .trim_start_matches("global.");
            reports.add(
                *member,
                format!("`{shown}` has no `{name}`{}", data::hint(name, members.iter())),
            );
        }
    }

    pub(super) fn tell_gone(&self, member: NodeId, path: &str, name: &str, reports: &mut Reports) {
        if self.source.tree.language() == Language::Python
            && let Some(version) = data::PYTHON_GONE.get(format!("{path}.{name}").as_str())
            && attempt(&self.source.tree, member, &["AttributeError", "ImportError"]) == Attempt::No
        {
            reports.note(
                member,
                format!("Python's `{path}` has no `{name}` since {version}"),
            );
        }
    }

    /// What an object is, by its key in the data, and what that has.
    pub(super) fn object(&self, object: NodeId, known: &data::Sets) -> Option<(String, data::Names)> {
        let tree = &self.source.tree;
        let is_python = tree.language() == Language::Python;
        if let Some(path) = self.imports.path(self.source, object) {
            let members = known.get(path.as_str()).filter(|_| self.is_standard(&path))?;
            // `os.environ` and their like are values whose classes are not in the data; an object may be set anew.
            return (!members.contains("__getattr__") || is_python && path.matches('.').count() > 0)
                .then_some((path, members));
        }
        if !is_python && tree.kind(object) == Kind::Name {
            let name = tree.name(object);
            let path = format!("global.{name}");
            let own = self.source.names.binder(tree, object, name).is_some() || self.imports.has(name);
            if let Some(members) = known.get(path.as_str()).filter(|_| !own) {
                return Some((path, members));
            }
        }
        let path = self.values.type_of(object)?;
        let third = third_party::members(&path).filter(|_| self.is_others(&path));
        let members = known.get(path.as_str()).or(third)?;
        (!members.contains("__getattr__")).then_some((path, members))
    }

    /// Whether a package is not the repository's own.
    fn is_others(&self, path: &str) -> bool {
        let package = path.split('.').next().unwrap_or(path);
        !self.project.has_python_name(package)
    }

    /// Names that the file sets on anything, or has as texts (`hasattr(a, "b")`, patches).
    pub(super) fn guarded(&self) -> HashSet<&str> {
        let tree = &self.source.tree;
        let set = self.source.of_kind(Kind::Member).iter().filter(|id| {
            tree.role(**id) == Role::Target
                || tree
                    .parent(**id)
                    .is_some_and(|parent| tree.role(parent) == Role::Target)
        });
        let texts = self.source.of_kind(Kind::Str).iter();
        set.chain(texts).map(|id| tree.name(*id)).collect()
    }

    /// `if (fs.rm)`, `typeof fs.rm`, `fs.rm || other`: whether it is there is what is asked.
    pub(super) fn is_asked(&self, member: NodeId) -> bool {
        let tree = &self.source.tree;
        if tree.language() == Language::Python {
            return false;
        }
        let asks = |id: NodeId| match tree.parent(id) {
            Some(parent) => match tree.kind(parent) {
                Kind::If | Kind::Conditional => tree.role(id) == Role::Condition,
                Kind::Binary => matches!(
                    tree.name(parent),
                    "and" | "or" | "??" | "===" | "!==" | "==" | "!=" | "in"
                ),
                Kind::Unary => true,
                Kind::Cast => true,
                _ => false,
            },
            None => false,
        };
        // Wherever the file asks for this member, it knows that it may not be there.
        let text = tree.source(member);
        asks(member)
            || self.source.of_kind(Kind::Member).iter().any(|other| {
                tree.name(*other) == tree.name(member)
                    && tree.source(*other) == text
                    && (asks(*other) || tree.flags(*other).has(Flags::OPTIONAL))
            })
    }

    pub(super) fn go_members(&self, reports: &mut Reports) {
        let tree = &self.source.tree;
        for member in self.source.of_kind(Kind::Member) {
            let Some(object) = tree
                .child(*member, Role::Object)
                .filter(|object| tree.kind(*object) == Kind::Name)
            else {
                continue;
            };
            let Some(package) = self.imports.name(self.source, object) else {
                continue;
            };
            let name = tree.name(*member);
            if let Some(members) = data::GO_MEMBERS.get(package)
                && !members.contains(name)
                && name.starts_with(|char: char| char.is_ascii_uppercase())
            {
                reports.add(
                    *member,
                    format!(
                        "Go's package `{package}` has no `{name}`{}",
                        data::hint(name, members.iter())
                    ),
                );
            }
        }
    }
}
