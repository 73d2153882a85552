//! Go's modules: `go.mod`, `go.work` and `vendor/modules.txt`.

use super::{file_name, folder, folders_up};

#[derive(Debug, Default)]
pub struct Go {
    modules: Vec<Module>,
}

#[derive(Debug)]
pub struct Module {
    /// The folder that `go.mod` lies in.
    pub folder: String,
    pub name: String,
    pub requires: Vec<String>,
}

pub fn is_manifest(path: &str) -> bool {
    file_name(path) == "go.mod"
}

impl Go {
    pub fn read(&mut self, path: &str, text: &str) {
        if !is_manifest(path) {
            return;
        }
        let mut module = Module {
            folder: folder(path).to_owned(),
            name: String::new(),
            requires: Vec::new(),
        };
        let mut block = "";
        for line in text.lines() {
            let line = line.split("//").next().unwrap_or("").trim();
            let mut words = line.split_whitespace();
            let Some(first) = words.next() else { continue };
            if line == ")" {
                block = "";
            } else if line.ends_with('(') {
                block = first;
            } else if first == "module" {
                module.name = words.next().unwrap_or("").trim_matches('"').to_owned();
            } else if matches!(first, "require" | "replace" | "tool") {
                module
                    .requires
                    .extend(words.next().map(|name| name.trim_matches('"').to_owned()));
            } else if matches!(block, "require" | "replace" | "tool") {
                module.requires.push(first.trim_matches('"').to_owned());
            }
        }
        if !module.name.is_empty() {
            self.modules.push(module);
        }
    }

    /// The module that a file belongs to.
    pub fn module_of(&self, path: &str) -> Option<&Module> {
        folders_up(folder(path)).find_map(|folder| self.modules.iter().find(|module| module.folder == folder))
    }

    /// The repository's own module that a package belongs to, and the package's folder.
    pub fn own(&self, package: &str) -> Option<(&Module, String)> {
        let module = self
            .modules
            .iter()
            .filter(|module| within(package, &module.name))
            .max_by_key(|module| module.name.len())?;
        let rest = package[module.name.len()..].trim_start_matches('/');
        super::join(&module.folder, rest).map(|folder| (module, folder))
    }
}

impl Module {
    pub fn requires(&self, package: &str) -> bool {
        self.requires.iter().any(|module| within(package, module))
    }
}

/// Whether a package's path is a module's or lies in it.
fn within(package: &str, module: &str) -> bool {
    package
        .strip_prefix(module)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
