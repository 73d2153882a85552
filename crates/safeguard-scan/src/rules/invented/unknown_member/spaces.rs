//! Members of files of the repository that are imported as a whole.

use super::*;

/// How many files are asked whether they set a name of another one.
const FILES_MAX: usize = 2_000;

impl File<'_> {
    /// `orders.create` of `const orders = require('./orders')` or `import * as orders from './orders'`.
    pub(super) fn javascript_namespaces(&self, reports: &mut Reports) {
        let tree = &self.source.tree;
        let mut spaces: Map<&str, Vec<String>> = Map::default();
        let mut add = |name: NodeId, specifier: &str| {
            if let Found::Files(files) = resolve::javascript(self.project, &self.source.path, specifier) {
                spaces.insert(tree.name(name), files);
            }
        };
        for import in self.source.of_kind(Kind::Import) {
            for item in tree
                .children_in(*import, Role::Item)
                .filter(|item| tree.name(*item) == "*")
            {
                if let Some(local) = tree.child(item, Role::Target) {
                    add(local, tree.name(*import));
                }
            }
        }
        for call in self.source.of_kind(Kind::Call) {
            let Some(specifier) = required(tree, *call).filter(|specifier| specifier.starts_with('.')) else {
                continue;
            };
            let target = tree
                .parent(*call)
                .filter(|parent| tree.kind(*parent) == Kind::Assign && tree.role(*call) == Role::Value)
                .and_then(|assign| tree.child(assign, Role::Target))
                .filter(|target| tree.kind(*target) == Kind::Name);
            if let Some(target) = target.filter(|_| attempt(tree, *call, FAILED_IMPORT) == Attempt::No) {
                add(target, specifier);
            }
        }
        if spaces.is_empty() {
            return;
        }
        let guarded = self.guarded();
        for member in self.source.of_kind(Kind::Member) {
            let Some(object) = tree.child(*member, Role::Object) else {
                continue;
            };
            let name = tree.name(*member);
            let Some(files) = spaces
                .get(tree.name(object))
                .filter(|_| tree.kind(object) == Kind::Name)
            else {
                continue;
            };
            let is_file = self
                .source
                .names
                .binder(tree, object, tree.name(object))
                .is_none_or(|(scope, times)| scope.is_none() && times == 1);
            let harmless = OF_ALL_OBJECTS.contains(&name)
                || guarded.contains(name)
                || tree.flags(*member).has(Flags::OPTIONAL)
                || tree
                    .parent(*member)
                    .is_some_and(|parent| tree.flags(parent).has(Flags::OPTIONAL))
                || self.is_asked(*member)
                || name.starts_with('_');
            if is_file && !harmless && files.iter().all(|file| self.is_plain_module(file)) {
                self.javascript_item(*member, name, files, reports);
            }
        }
    }

    /// Whether all that a file exports is written in it: an object of names, or exports one by one.
    fn is_plain_module(&self, file: &str) -> bool {
        let Some(text) = self.project.text(file) else {
            return false;
        };
        let object = text
            .split_once("module.exports")
            .map(|(_, rest)| rest.trim_start_matches([' ', '=']))
            .is_none_or(|rest| rest.starts_with('{') || rest.starts_with('.'));
        let once =
            text.matches("module.exports").count() <= 1 || text.matches("module.exports =").count() == 0;
        // `var god = module.exports = { … }`: what is put into it later is not followed.
        let again = text.lines().any(|line| {
            line.find("exports = ")
                .is_some_and(|at| !matches!(line[..at].trim(), "" | "module."))
        });
        object && once && !again && !text.contains("Object.assign(") && !text.contains("exports[")
    }

    /// `config.PAGE_LENGTH` of `from app import config`.
    pub(super) fn python_namespaces(&self, reports: &mut Reports) {
        let tree = &self.source.tree;
        let mut spaces: Map<&str, String> = Map::default();
        for import in self.source.of_kind(Kind::Import) {
            for item in tree.children_in(*import, Role::Item) {
                let Some(local) = tree
                    .child(item, Role::Target)
                    .filter(|_| !matches!(tree.name(item), "" | "*"))
                else {
                    continue;
                };
                let outer = tree.name(*import);
                let inner = match outer.ends_with('.') {
                    true => format!("{outer}{}", tree.name(item)),
                    false => format!("{outer}.{}", tree.name(item)),
                };
                // What the package itself calls so is no module.
                let is_name = match resolve::python(self.project, &self.source.path, outer) {
                    Found::Files(files) => files.iter().any(|file| {
                        self.project
                            .exports(file)
                            .is_none_or(|exports| exports.open || exports.names.contains(tree.name(item)))
                    }),
                    Found::Folder(_) | Found::Missing | Found::Unknown => false,
                };
                if let Found::Files(files) = resolve::python(self.project, &self.source.path, &inner)
                    && let [file] = files.as_slice()
                    && !is_name
                    && !file.ends_with("__init__.py")
                {
                    spaces.insert(tree.name(local), file.clone());
                }
            }
        }
        if spaces.is_empty() {
            return;
        }
        let guarded = self.guarded();
        for member in self.source.of_kind(Kind::Member) {
            let Some(object) = tree
                .child(*member, Role::Object)
                .filter(|object| tree.kind(*object) == Kind::Name)
            else {
                continue;
            };
            let name = tree.name(*member);
            let Some(file) = spaces.get(tree.name(object)) else {
                continue;
            };
            let is_file = self
                .source
                .names
                .binder(tree, object, tree.name(object))
                .is_none_or(|(scope, times)| scope.is_none() && times == 1);
            let mut near = Vec::new();
            if !is_file
                || name.starts_with('_')
                || guarded.contains(name)
                || attempt(tree, *member, &["AttributeError"]) == Attempt::Tried
                || self.python_file_has(file, name, &mut HashSet::new(), &mut near, 0)
                || self.is_set_elsewhere(name)
            {
                continue;
            }
            let hint = data::hint(name, near.iter().map(String::as_str));
            reports.add(*member, format!("`{file}` defines no `{name}`{hint}"));
        }
    }

    /// Whether a file of the repository sets a member of that name: `config.PAGE_LENGTH = 20`.
    fn is_set_elsewhere(&self, name: &str) -> bool {
        let (plain, quoted) = (format!(".{name} ="), format!("\"{name}\""));
        self.project
            .files()
            .filter(|path| path.ends_with(".py"))
            .take(FILES_MAX)
            .any(|path| {
                self.project.text(path).is_none_or(|text| {
                    text.contains(&plain) || text.contains(&quoted) && text.contains("setattr")
                })
            })
    }
}
