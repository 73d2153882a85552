//! Rust's packages: `Cargo.toml` and `Cargo.lock`.

use std::collections::BTreeSet;

use super::{file_name, folder, folders_up};

#[derive(Debug, Default)]
pub struct Rust {
    packages: Vec<Package>,
    /// The names of all packages that lock files have, as code writes them.
    locked: BTreeSet<String>,
}

#[derive(Debug)]
pub struct Package {
    /// The folder that `Cargo.toml` lies in.
    pub folder: String,
    /// What its code may begin a path with: itself, and what it needs.
    pub names: BTreeSet<String>,
}

pub fn is_manifest(path: &str) -> bool {
    matches!(file_name(path), "Cargo.toml" | "Cargo.lock")
}

impl Rust {
    pub fn read(&mut self, path: &str, text: &str) {
        if !is_manifest(path) {
            return;
        }
        let Ok(manifest) = text.parse::<toml::Table>() else {
            return;
        };
        if file_name(path) == "Cargo.lock" {
            let packages = manifest.get("package").and_then(toml::Value::as_array);
            let names = packages
                .into_iter()
                .flatten()
                .filter_map(|package| package.get("name")?.as_str());
            self.locked.extend(names.map(as_written));
            return;
        }
        let Some(name) = manifest
            .get("package")
            .and_then(|package| package.get("name")?.as_str())
        else {
            return;
        };
        let mut names = BTreeSet::from([as_written(name)]);
        let library = manifest
            .get("lib")
            .and_then(|library| library.get("name")?.as_str());
        names.extend(library.map(as_written));
        needs(&manifest, &mut names);
        let targets = manifest.get("target").and_then(toml::Value::as_table);
        for target in targets.into_iter().flat_map(toml::Table::values) {
            if let Some(target) = target.as_table() {
                needs(target, &mut names);
            }
        }
        self.packages.push(Package {
            folder: folder(path).to_owned(),
            names,
        });
    }

    /// The package that a file belongs to.
    pub fn package_of(&self, path: &str) -> Option<&Package> {
        folders_up(folder(path))
            .find_map(|folder| self.packages.iter().find(|package| package.folder == folder))
    }

    /// Whether a lock file has a package of this name, whoever needs it, or it is one of the repository's own.
    pub fn has(&self, name: &str) -> bool {
        self.locked.contains(name) || self.packages.iter().any(|package| package.names.contains(name))
    }
}

/// The names under which the dependencies of a table are known in code.
fn needs(table: &toml::Table, names: &mut BTreeSet<String>) {
    for kind in [
        "dependencies",
        "dev-dependencies",
        "build-dependencies",
        "dev_dependencies",
        "build_dependencies",
    ] {
        let needed = table.get(kind).and_then(toml::Value::as_table);
        names.extend(
            needed
                .into_iter()
                .flat_map(toml::Table::keys)
                .map(|name| as_written(name)),
        );
    }
}

/// `serde-json` is `serde_json` in code.
fn as_written(name: &str) -> String {
    name.replace('-', "_")
}
