//! Names that are taken from modules and objects that do not have them.

mod go;
mod held;
mod members;
mod own;
mod spaces;

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use safeguard_api::evidence::Severity;

use super::data;
use super::resolve::{self, Found};
use super::third_party;
use super::values::Values;
use crate::Map;
use crate::analysis::exports::Exports;
use crate::analysis::imports::{Attempt, FAILED_IMPORT, Imports, attempt, required};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "unknown-member",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &[],
    languages: EVERY_LANGUAGE,
    run,
};

/// How far `from a import *` is followed.
const STARS_DEEP_MAX: usize = 8;

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let imports = Imports::of(source);
    let values = Values::of(source, &imports);
    let file = File {
        source,
        project,
        imports: &imports,
        values: &values,
        imported: RefCell::default(),
    };
    match source.tree.language() {
        Language::Python => {
            file.python_imports(reports);
            if project.is_known() && !source.is_test() {
                file.python_namespaces(reports);
            }
            file.members(&data::PYTHON_MEMBERS, reports);
            file.own_objects(reports);
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            file.javascript_imports(reports);
            if project.is_known() && !source.is_test() {
                file.javascript_namespaces(reports);
            }
            file.members(&data::NODE_MEMBERS, reports);
            file.own_objects(reports);
        }
        Language::Go => {
            file.go_members(reports);
            go::run(source, project, reports);
        }
        Language::Dockerfile
        | Language::Hcl
        | Language::Java
        | Language::Rust
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => {}
    }
}

/// The name that an item has in the file that it comes from, and what that exports.
type Imported = (String, Arc<Exports>);

struct File<'f> {
    source: &'f Source,
    project: &'f Project,
    imports: &'f Imports,
    values: &'f Values<'f>,
    /// What names are in the files that they are imported from, once it was asked.
    imported: RefCell<Map<String, Option<Imported>>>,
}

impl File<'_> {
    /// Whether a module is one of the standard library here, and not one of the repository that is called the same.
    fn is_standard(&self, module: &str) -> bool {
        let first = module.split('.').next().unwrap_or(module);
        match self.source.tree.language() {
            Language::Python => {
                let own = self
                    .source
                    .path
                    .rsplit('/')
                    .next()
                    .is_some_and(|file| file.strip_suffix(".py") == Some(first));
                data::PYTHON_MODULES.contains(first) && !self.project.has_python_name(first) && !own
            }
            _ => data::NODE_MODULES.contains(module.split('.').next().unwrap_or(module)),
        }
    }

    fn python_imports(&self, reports: &mut Reports) {
        let tree = &self.source.tree;
        for import in self.source.of_kind(Kind::Import) {
            let module = tree.name(*import);
            if attempt(tree, *import, FAILED_IMPORT) != Attempt::No {
                continue;
            }
            if self.is_standard(module) {
                self.standard_import(*import, module, reports);
                continue;
            }
            if !self.project.is_known() || module == "__future__" {
                continue;
            }
            match resolve::python(self.project, &self.source.path, module) {
                Found::Missing => {
                    reports.add(*import, format!("this repository has no module `{module}`"));
                }
                Found::Files(files) => self.python_items(*import, &files, reports),
                Found::Folder(folder) => {
                    for item in tree.children_in(*import, Role::Item) {
                        let name = tree.name(item);
                        if !matches!(name, "" | "*")
                            && !name.starts_with('_')
                            && !resolve::python_submodule(self.project, &folder, name)
                        {
                            reports.add(item, format!("`{module}` has no module `{name}`, and no `__init__.py` that could define it"));
                        }
                    }
                }
                Found::Unknown => {}
            }
        }
    }

    fn standard_import(&self, import: NodeId, module: &str, reports: &mut Reports) {
        let tree = &self.source.tree;
        if let Some(version) = data::PYTHON_GONE.get(module) {
            reports.note(import, format!("Python has no module `{module}` since {version}"));
            return;
        }
        let Some(members) = data::PYTHON_MEMBERS.get(module) else {
            let (outer, name) = module.rsplit_once('.').unwrap_or(("", module));
            if let Some(members) = data::PYTHON_MEMBERS.get(outer)
                && !members.contains(name)
                && !name.starts_with('_')
            {
                reports.add(
                    import,
                    format!(
                        "Python's `{outer}` has no module `{name}`{}",
                        data::hint(name, members.iter())
                    ),
                );
            }
            return;
        };
        for item in tree.children_in(import, Role::Item) {
            let name = tree.name(item);
            if matches!(name, "" | "*") || name.starts_with('_') || members.contains("__getattr__") {
                continue;
            }
            if !members.contains(name) {
                if !is_of_platform(module, name) {
                    reports.add(
                        item,
                        format!(
                            "Python's `{module}` has no `{name}`{}",
                            data::hint(name, members.iter())
                        ),
                    );
                }
            } else if let Some(version) = data::PYTHON_GONE.get(format!("{module}.{name}").as_str()) {
                reports.note(
                    item,
                    format!("Python's `{module}` has no `{name}` since {version}"),
                );
            }
        }
    }

    fn python_items(&self, import: NodeId, files: &[String], reports: &mut Reports) {
        let tree = &self.source.tree;
        for item in tree.children_in(import, Role::Item) {
            let name = tree.name(item);
            if matches!(name, "" | "*") || name.starts_with("__") {
                continue;
            }
            let mut near: Vec<String> = Vec::new();
            let has = files.iter().any(|file| {
                let mut seen = HashSet::new();
                self.python_file_has(file, name, &mut seen, &mut near, 0)
            });
            if !has {
                let hint = data::hint(name, near.iter().map(String::as_str));
                reports.add(
                    item,
                    format!("`{}` defines no `{name}`{hint}", files.join("`, `")),
                );
            }
        }
    }

    /// Whether a file has a name, or may have it.
    pub(super) fn python_file_has(
        &self,
        file: &str,
        name: &str,
        seen: &mut HashSet<String>,
        near: &mut Vec<String>,
        depth: usize,
    ) -> bool {
        let Some(exports) = self.project.exports(file) else {
            return true;
        };
        if exports.open || exports.names.contains(name) || depth > STARS_DEEP_MAX {
            return true;
        }
        near.extend(exports.names.iter().cloned());
        let base = file
            .strip_suffix("/__init__.py")
            .or_else(|| file.strip_suffix("/__init__.pyi"))
            .or(if matches!(file, "__init__.py") {
                Some("")
            } else {
                None
            });
        if base.is_some_and(|base| resolve::python_submodule(self.project, base, name)) {
            return true;
        }
        seen.insert(file.to_owned());
        exports
            .stars
            .iter()
            .any(|star| match resolve::python(self.project, file, star) {
                Found::Files(files) => files.iter().any(|inner| {
                    !seen.contains(inner) && self.python_file_has(inner, name, seen, near, depth + 1)
                }),
                Found::Folder(_) | Found::Missing | Found::Unknown => true,
            })
    }

    fn javascript_imports(&self, reports: &mut Reports) {
        let tree = &self.source.tree;
        if !self.project.is_known() {
            return self.node_imports(reports);
        }
        self.node_imports(reports);
        for import in self.source.of_kind(Kind::Import) {
            let specifier = tree.name(*import);
            match resolve::javascript(self.project, &self.source.path, specifier) {
                Found::Missing => self.tell_missing(*import, specifier, reports),
                Found::Files(files) => {
                    for item in tree.children_in(*import, Role::Item) {
                        let name = tree.name(item);
                        if !matches!(name, "" | "*") {
                            self.javascript_item(item, name, &files, reports);
                        }
                    }
                }
                Found::Folder(_) | Found::Unknown => {}
            }
        }
        for call in self.source.of_kind(Kind::Call) {
            let Some(specifier) = required(tree, *call) else {
                continue;
            };
            if attempt(tree, *call, FAILED_IMPORT) != Attempt::No
                || !specifier.starts_with('.')
                || self.source.names.binder(tree, *call, "require").is_some()
            {
                continue;
            }
            match resolve::javascript(self.project, &self.source.path, specifier) {
                Found::Missing => self.tell_missing(*call, specifier, reports),
                Found::Files(files) => {
                    // `const { a } = require('./b')`
                    let parent = tree
                        .parent(*call)
                        .filter(|parent| tree.kind(*parent) == Kind::Assign);
                    let target = parent
                        .and_then(|parent| tree.child(parent, Role::Target))
                        .filter(|target| tree.kind(*target) == Kind::Object);
                    for pair in target.into_iter().flat_map(|target| tree.children(target)) {
                        let key = tree
                            .child(pair, Role::Key)
                            .filter(|_| !tree.flags(pair).has(Flags::COMPUTED));
                        let has_default = tree
                            .child(pair, Role::Value)
                            .is_some_and(|value| tree.kind(value) == Kind::Assign);
                        if let Some(key) = key.filter(|_| !has_default) {
                            self.javascript_item(pair, tree.name(key), &files, reports);
                        }
                    }
                }
                Found::Folder(_) | Found::Unknown => {}
            }
        }
    }

    fn tell_missing(&self, id: NodeId, specifier: &str, reports: &mut Reports) {
        let told = format!("there is no file `{specifier}` here");
        if self.source.tree.flags(id).has(Flags::TYPE_ONLY) {
            reports.note(id, told);
        } else {
            reports.add(id, told);
        }
    }

    pub(super) fn javascript_item(&self, item: NodeId, name: &str, files: &[String], reports: &mut Reports) {
        let mut near = Vec::new();
        let has = files.iter().any(|file| {
            let mut seen = HashSet::new();
            self.javascript_file_has(file, name, &mut seen, &mut near)
        });
        if !has {
            let what = if name == "default" {
                "has no default export".to_owned()
            } else {
                format!("exports no `{name}`")
            };
            let hint = data::hint(name, near.iter().map(String::as_str));
            reports.add(item, format!("`{}` {what}{hint}", files.join("`, `")));
        }
    }
}

/// What every object or function of JavaScript has.
const OF_ALL_OBJECTS: &[&str] = &[
    "apply",
    "arguments",
    "bind",
    "call",
    "caller",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "length",
    "name",
    "propertyIsEnumerable",
    "prototype",
    "toLocaleString",
    "toString",
    "valueOf",
    "default",
];

/// Constants that some systems have, and no list has all of.
fn is_of_platform(module: &str, name: &str) -> bool {
    let modules = [
        "socket",
        "signal",
        "errno",
        "os",
        "select",
        "ssl",
        "stat",
        "fcntl",
        "termios",
        "resource",
        "locale",
        "mmap",
        "winreg",
        "msvcrt",
        "curses",
        "syslog",
        "tty",
        "ctypes",
        "constants",
        "posix",
        "time",
    ];
    let constant = name
        .chars()
        .all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_');
    constant
        && modules
            .iter()
            .any(|one| module == *one || module.ends_with(&format!(".{one}")))
}
