//! What a repository of JavaScript declares that it needs: `package.json` files, lock files, and names that only its own tools know.

use std::collections::{BTreeMap, BTreeSet};

use super::{file_name, folder, folders_up, join};

#[derive(Debug, Default)]
pub struct JavaScript {
    /// By the folder that `package.json` lies in.
    packages: BTreeMap<String, Package>,
    /// What lock files name.
    locked: BTreeSet<String>,
    pub has_lock: bool,
    /// The texts of what may give names to folders: configurations of compilers, bundlers and test runners.
    configurations: Vec<(String, String)>,
    paths: Vec<Alias>,
    /// A manifest could not be read: what it declares is not known.
    pub unsure: bool,
}

#[derive(Debug, Default)]
pub struct Package {
    pub name: String,
    dependencies: BTreeSet<String>,
}

/// `"@/*": ["src/*"]` of a `tsconfig.json`.
#[derive(Debug)]
struct Alias {
    folder: String,
    from: String,
    to: Vec<String>,
}

pub fn is_manifest(path: &str) -> bool {
    matches!(
        file_name(path),
        "package.json"
            | "package-lock.json"
            | "npm-shrinkwrap.json"
            | "yarn.lock"
            | "pnpm-lock.yaml"
            | "bun.lock"
    ) || is_configuration(path)
}

fn is_configuration(path: &str) -> bool {
    let name = file_name(path);
    let stems = [
        "tsconfig",
        "jsconfig",
        "vite.config",
        "vitest.config",
        "webpack",
        "babel.config",
        ".babelrc",
        "jest.config",
        "next.config",
        "nuxt.config",
        "rollup.config",
        "deno.json",
        "import_map",
        "importmap",
        "svelte.config",
        "astro.config",
        "metro.config",
        "rspack",
        "craco",
        "vue.config",
    ];
    stems.iter().any(|stem| name.starts_with(stem))
}

impl JavaScript {
    pub fn read(&mut self, path: &str, text: &str) {
        let name = file_name(path);
        match name {
            "package.json" => {
                self.configurations
                    .push((folder(path).to_owned(), text.to_owned()));
                match serde_json::from_str::<serde_json::Value>(text) {
                    Ok(value) => {
                        self.packages.insert(folder(path).to_owned(), package(&value));
                    }
                    Err(_) => self.unsure = true,
                }
            }
            "package-lock.json" | "npm-shrinkwrap.json" => {
                match serde_json::from_str::<serde_json::Value>(text) {
                    Ok(value) => self.npm_lock(&value),
                    Err(_) => self.unsure = true,
                }
            }
            "yarn.lock" | "pnpm-lock.yaml" | "bun.lock" => {
                self.has_lock = true;
                self.locked.extend(text.lines().flat_map(locked_names));
            }
            _ if is_configuration(path) => {
                if name.starts_with("tsconfig") || name.starts_with("jsconfig") {
                    self.type_script(folder(path), text);
                }
                self.configurations
                    .push((folder(path).to_owned(), text.to_owned()));
            }
            _ => {}
        }
    }

    fn npm_lock(&mut self, value: &serde_json::Value) {
        self.has_lock = true;
        let keys = |field: &str| {
            value
                .get(field)
                .and_then(|field| field.as_object())
                .into_iter()
                .flat_map(|field| field.keys())
        };
        for path in keys("packages") {
            if let Some((_, name)) = path.rsplit_once("node_modules/") {
                self.locked.insert(name.to_owned());
            }
        }
        self.locked.extend(keys("dependencies").cloned());
    }

    fn type_script(&mut self, folder: &str, text: &str) {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(&plain_json(text)) else {
            return;
        };
        let Some(options) = value.get("compilerOptions") else {
            return;
        };
        let base = options
            .get("baseUrl")
            .and_then(|base| base.as_str())
            .unwrap_or(".");
        let Some(base) = join(folder, base) else { return };
        for (from, to) in options
            .get("paths")
            .and_then(|paths| paths.as_object())
            .into_iter()
            .flatten()
        {
            let to = to.as_array().into_iter().flatten().filter_map(|to| to.as_str());
            self.paths.push(Alias {
                folder: folder.to_owned(),
                from: from.clone(),
                to: to.filter_map(|to| join(&base, to)).collect(),
            });
        }
    }

    /// Whether any manifest around a file declares anything.
    pub fn declares(&self, path: &str) -> bool {
        self.around(path).any(|package| !package.dependencies.is_empty())
    }

    fn around<'p>(&'p self, path: &'p str) -> impl Iterator<Item = &'p Package> {
        folders_up(folder(path)).filter_map(|folder| self.packages.get(folder))
    }

    /// Whether a package is declared for a file, is locked, or is one of the repository's own.
    pub fn knows(&self, path: &str, name: &str) -> bool {
        let types = format!("@types/{}", name.trim_start_matches('@').replace('/', "__"));
        self.around(path)
            .any(|package| package.dependencies.contains(name) || package.dependencies.contains(&types))
            || self.locked.contains(name)
            || self.locked.contains(&types)
            || self.packages.values().any(|package| package.name == name)
    }

    /// Whether another package of the repository declares it.
    pub fn declared_elsewhere(&self, name: &str) -> bool {
        self.packages
            .values()
            .any(|package| package.dependencies.contains(name))
    }

    pub fn depends_on(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.declared_elsewhere(name))
    }

    /// Whether some configuration speaks of a name, so that it may stand for a folder.
    pub fn is_configured(&self, name: &str) -> bool {
        self.configurations.iter().any(|(_, text)| {
            text.match_indices(name).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                matches!(
                    before,
                    Some('"' | '\'' | '`' | '^' | '(' | '/' | ' ' | '{' | ',' | '\n' | '\t')
                ) && text[at + name.len()..].starts_with(['"', '\'', '`', '/', '$', ':', '\\', '(', '*'])
            })
        })
    }

    pub fn mentions(&self, text: &str) -> bool {
        self.configurations
            .iter()
            .any(|(_, configuration)| configuration.contains(text))
    }

    /// What a name stands for by `paths` of a `tsconfig.json` around the file.
    pub fn aliased(&self, path: &str, specifier: &str) -> Vec<String> {
        let folder = folder(path);
        let around = |alias: &&Alias| folders_up(folder).any(|outer| outer == alias.folder);
        let mut found = Vec::new();
        for alias in self.paths.iter().filter(around) {
            match alias.from.split_once('*') {
                Some((before, after)) => {
                    if let Some(rest) = specifier
                        .strip_prefix(before)
                        .and_then(|rest| rest.strip_suffix(after))
                    {
                        found.extend(alias.to.iter().map(|to| to.replacen('*', rest, 1)));
                    }
                }
                None if alias.from == specifier => found.extend(alias.to.iter().cloned()),
                None => {}
            }
        }
        found
    }
}

fn package(value: &serde_json::Value) -> Package {
    let mut package = Package {
        name: value
            .get("name")
            .and_then(|name| name.as_str())
            .unwrap_or("")
            .to_owned(),
        dependencies: BTreeSet::new(),
    };
    for field in [
        "dependencies",
        "devDependencies",
        "peerDependencies",
        "optionalDependencies",
        "bundledDependencies",
        "bundleDependencies",
    ] {
        match value.get(field) {
            Some(serde_json::Value::Object(names)) => package.dependencies.extend(names.keys().cloned()),
            Some(serde_json::Value::Array(names)) => {
                package
                    .dependencies
                    .extend(names.iter().filter_map(|name| name.as_str()).map(str::to_owned));
            }
            _ => {}
        }
    }
    package
}

/// Packages in a line of a lock file: `"@a/b@^1.0", b@2:`, `  /@a/b@1.0:`, `  '@a/b@1.0':`.
fn locked_names(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in line.split([',', '[', '"', '\'']) {
        let part = part.trim().trim_start_matches('/');
        let from = usize::from(part.starts_with('@'));
        if let Some(at) = part.get(from..).and_then(|rest| rest.find('@')) {
            let name = &part[..from + at];
            if !name.is_empty() && !name.contains(char::is_whitespace) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// JSON without comments and without commas before a closing bracket.
fn plain_json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_string = false;
    while let Some(char) = chars.next() {
        if in_string {
            plain.push(char);
            match char {
                '\\' => plain.extend(chars.next()),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match (char, chars.peek()) {
            ('/', Some('/')) => while chars.next_if(|next| *next != '\n').is_some() {},
            ('/', Some('*')) => {
                let mut before = ' ';
                for next in chars.by_ref().skip(1) {
                    if before == '*' && next == '/' {
                        break;
                    }
                    before = next;
                }
            }
            (']' | '}', _) => {
                let end = plain.trim_end().len();
                if plain[..end].ends_with(',') {
                    plain.truncate(end - 1);
                }
                plain.push(char);
            }
            _ => {
                in_string = char == '"';
                plain.push(char);
            }
        }
    }
    plain
}
