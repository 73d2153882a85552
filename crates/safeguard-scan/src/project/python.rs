//! What a repository of Python declares that it needs.

use std::collections::BTreeSet;

use super::file_name;
use super::requirement::{name_of, normal};
use crate::language::{self, Language};
use crate::tree::Kind;

#[derive(Debug, Default)]
pub struct Python {
    /// Distributions, normalised: declared, or locked.
    pub distributions: BTreeSet<String>,
    /// What the repository's own distributions are called.
    pub own: BTreeSet<String>,
    /// Something is declared.
    pub declares: bool,
    /// There is a lock file: what is needed by what is needed is known too.
    pub locked: bool,
    /// A manifest could not be read: what it declares is not known.
    pub unsure: bool,
}

pub fn is_manifest(path: &str) -> bool {
    let name = file_name(path);
    matches!(
        name,
        "pyproject.toml"
            | "setup.cfg"
            | "setup.py"
            | "Pipfile"
            | "Pipfile.lock"
            | "poetry.lock"
            | "uv.lock"
            | "pdm.lock"
            | "pixi.toml"
            | "tox.ini"
            | "noxfile.py"
            | "environment.yml"
            | "environment.yaml"
            | "conda.yml"
            | "conda.yaml"
    ) || is_requirements(path)
        || name.starts_with("Dockerfile")
        || name.ends_with(".Dockerfile")
        || (path.contains(".github/workflows/") && (name.ends_with(".yml") || name.ends_with(".yaml")))
}

fn is_requirements(path: &str) -> bool {
    let name = file_name(path);
    let ends = name.ends_with(".txt") || name.ends_with(".in") || name.ends_with(".pip");
    let lower = name.to_ascii_lowercase();
    let folder = super::folder(path);
    ends && (lower.contains("require")
        || lower.contains("constraints")
        || lower.starts_with("deps")
        || folder.ends_with("requirements")
        || folder.ends_with("requires"))
}

impl Python {
    pub fn read(&mut self, path: &str, text: &str) {
        if !is_manifest(path) {
            return;
        }
        let name = file_name(path);
        match name {
            "pyproject.toml" | "Pipfile" | "pixi.toml" => match toml::from_str::<toml::Table>(text) {
                Ok(table) => self.table(&table),
                Err(_) => self.unsure = true,
            },
            "poetry.lock" | "uv.lock" | "pdm.lock" => match toml::from_str::<toml::Table>(text) {
                Ok(table) => self.packages(&table),
                Err(_) => self.unsure = true,
            },
            "Pipfile.lock" => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(value) => {
                    for group in ["default", "develop"] {
                        for name in value
                            .get(group)
                            .and_then(|group| group.as_object())
                            .into_iter()
                            .flat_map(|group| group.keys())
                        {
                            self.add(name);
                        }
                    }
                    self.locked = true;
                }
                Err(_) => self.unsure = true,
            },
            "setup.py" | "noxfile.py" => self.code(text),
            "setup.cfg" | "tox.ini" => {
                for line in text.lines() {
                    // `install_requires = a`, and the lines under it; `py39: coverage`.
                    let value = line
                        .split_once(['=', ':'])
                        .filter(|(key, _)| {
                            key.trim_end()
                                .chars()
                                .all(|char| char.is_alphanumeric() || "_-{},".contains(char))
                        })
                        .map_or(line, |(_, value)| value);
                    for one in [line, value] {
                        self.add(one);
                    }
                }
            }
            name if name.starts_with("environment") || name.starts_with("conda") => {
                for line in text.lines() {
                    if let Some(item) = line.trim().strip_prefix("- ") {
                        self.add(item.trim_matches(['"', '\'']));
                    }
                }
            }
            _ if is_requirements(path) => self.lines(text),
            _ => self.commands(text),
        }
    }

    fn add(&mut self, requirement: &str) {
        if let Some(name) = name_of(requirement) {
            self.declares = true;
            self.distributions.insert(name);
        }
    }

    fn lines(&mut self, text: &str) {
        let mut pinned = 0;
        for line in text.lines() {
            let line = line.trim();
            let line = line
                .strip_prefix("-e ")
                .or_else(|| line.strip_prefix("--editable "))
                .unwrap_or(line);
            let bare = line.split(" #").next().unwrap_or("");
            pinned += usize::from(line.contains("# via"));
            self.add(bare);
        }
        // What pip-compile writes names everything that is needed.
        self.locked |= pinned > 0;
    }

    /// What commands install: `pip install a b`.
    fn commands(&mut self, text: &str) {
        let declares = self.declares;
        let text = text.replace("\\\n", " ");
        for line in text.lines() {
            for (at, _) in line.match_indices("install ") {
                for word in line[at..]
                    .split_whitespace()
                    .skip(1)
                    .take_while(|word| !matches!(*word, "&&" | ";" | "||" | "|"))
                {
                    self.add(word.trim_matches(['"', '\'']));
                }
            }
        }
        // What an image has is no list of what the code needs.
        self.declares = declares;
    }

    /// `setup.py` may put its lists together in any way: every text in it that could be a requirement is taken for one.
    fn code(&mut self, text: &str) {
        let Ok(tree) = language::parse(Language::Python, text) else {
            self.unsure = true;
            return;
        };
        let declares = self.declares;
        for id in tree.all().filter(|id| tree.kind(*id) == Kind::Str) {
            for line in tree.name(id).lines() {
                self.add(line);
            }
        }
        let requires = ["install_requires", "requires", "tests_require", "extras_require"];
        self.declares = declares || requires.iter().any(|word| text.contains(word));
    }

    fn packages(&mut self, table: &toml::Table) {
        for package in table
            .get("package")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(name) = package.get("name").and_then(toml::Value::as_str) {
                self.add(name);
                self.locked = true;
            }
        }
    }

    /// PEP 621 and 735, poetry, uv, pdm, hatch, flit, Pipfile, pixi.
    fn table(&mut self, table: &toml::Table) {
        for (key, value) in table {
            match (key.as_str(), value) {
                ("project", toml::Value::Table(project)) => {
                    if let Some(name) = project.get("name").and_then(toml::Value::as_str) {
                        self.own.insert(normal(name));
                        self.distributions.insert(normal(name));
                    }
                    let dynamic = project.get("dynamic").and_then(toml::Value::as_array);
                    let elsewhere = dynamic.is_some_and(|names| {
                        names
                            .iter()
                            .any(|name| name.as_str().is_some_and(|name| name.ends_with("dependencies")))
                    });
                    // A build's own code may say them.
                    self.unsure |= elsewhere && !table.contains_key("tool");
                    self.lists(project.get("dependencies"));
                    self.lists(project.get("optional-dependencies"));
                }
                ("build-system", toml::Value::Table(build)) => {
                    let declares = self.declares;
                    self.lists(build.get("requires"));
                    self.declares = declares;
                }
                ("dependency-groups", value) => self.lists(Some(value)),
                ("tool", toml::Value::Table(tools)) => {
                    for tool in [
                        "poetry",
                        "uv",
                        "pdm",
                        "hatch",
                        "flit",
                        "pixi",
                        "rye",
                        "setuptools",
                    ] {
                        if let Some(tool) = tools.get(tool) {
                            self.tool(tool, 0);
                        }
                    }
                }
                (
                    "packages" | "dev-packages" | "dependencies" | "pypi-dependencies",
                    toml::Value::Table(names),
                ) => {
                    names.keys().for_each(|name| self.add(name));
                }
                ("feature", value) => self.tool(value, 0),
                _ => {}
            }
        }
    }

    fn lists(&mut self, value: Option<&toml::Value>) {
        match value {
            Some(toml::Value::String(requirement)) => self.add(requirement),
            Some(toml::Value::Array(items)) => items.iter().for_each(|item| self.lists(Some(item))),
            Some(toml::Value::Table(groups)) => groups.values().for_each(|group| self.lists(Some(group))),
            _ => {}
        }
    }

    /// Whatever a tool calls dependencies, at any depth.
    fn tool(&mut self, value: &toml::Value, depth: usize) {
        const DEPTH_MAX: usize = 8;
        let toml::Value::Table(table) = value else { return };
        for (key, value) in table {
            if key.ends_with("dependencies") || matches!(key.as_str(), "requires" | "requires-extra") {
                match value {
                    toml::Value::Table(names) => {
                        names.keys().for_each(|name| self.add(name));
                        names
                            .values()
                            .filter(|value| value.is_array())
                            .for_each(|list| self.lists(Some(list)));
                    }
                    list => self.lists(Some(list)),
                }
            } else if depth < DEPTH_MAX {
                self.tool(value, depth + 1);
            }
        }
    }
}
