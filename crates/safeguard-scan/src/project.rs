//! What is known of the repository around a file: its files, what its manifests declare, and what its other files define.
//!
//! The shell gives the paths and a look-up of texts; everything else is decided here.

mod go;
mod javascript;
mod python;
mod requirement;
mod rust;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use crate::analysis::exports::{self, Exports};
use crate::analysis::go_types::{self, Package};
use crate::analysis::schema::{self, Schema};
use crate::language::{self, Language};
use crate::matching::Source;

pub use go::Go;
pub use javascript::JavaScript;
pub use python::Python;
pub use rust::Rust;

/// How many files a repository may have for its paths to be looked at.
pub const PATHS_MAX: usize = 500_000;
/// How many manifests are read.
const MANIFESTS_MAX: usize = 2_000;

/// Gives the text of a file of the repository; `None` where it can not be had.
pub type Reader = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What a repository has and declares; empty where nothing is known.
#[derive(Default)]
pub struct Project {
    /// Sorted, each once.
    files: Vec<String>,
    /// All folders with a file in them, at any depth.
    folders: HashSet<String>,
    /// Folders that modules of Python begin in: they hold some, and are no package themselves.
    python_roots: BTreeSet<String>,
    /// What can be imported from those: modules, and folders with some in them.
    python_names: HashSet<String>,
    pub python: Python,
    pub javascript: JavaScript,
    pub go: Go,
    pub rust: Rust,
    reader: Option<Reader>,
    /// What files define, by path. A file is read when it is first asked for; the same path always gives the same answer, so that it does not
    /// matter who asks first.
    exports: Mutex<HashMap<String, Option<Arc<Exports>>>>,
    /// The structs of the repository's own Go packages, by folder.
    go_packages: Mutex<HashMap<String, Option<Arc<Package>>>>,
    /// Files that rules have looked into, by path, as for what they define; the last few of them.
    sources: Mutex<HashMap<String, Option<Arc<Source>>>>,
    schema: OnceLock<Schema>,
}

/// So many parsed files are kept: the imports of a few files.
const SOURCES_KEPT_MAX: usize = 48;

impl fmt::Debug for Project {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Project")
            .field("files", &self.files.len())
            .field("python", &self.python)
            .field("javascript", &self.javascript)
            .field("go", &self.go)
            .field("rust", &self.rust)
            .finish_non_exhaustive()
    }
}

impl Project {
    pub fn new(paths: impl IntoIterator<Item = String>, reader: Reader) -> Project {
        let mut files: Vec<String> = paths.into_iter().take(PATHS_MAX).collect();
        files.sort_unstable();
        files.dedup();
        let mut project = Project {
            reader: Some(reader),
            ..Project::default()
        };
        // Files of one folder mostly follow each other.
        let mut last = "";
        for path in &files {
            let folder = folder(path);
            if folder != last {
                project.add_folder(folder);
                last = folder;
            }
        }
        project.add_python(&files);
        project.files = files;
        let manifests: Vec<String> = project
            .files
            .iter()
            .filter(|path| is_manifest(path))
            .take(MANIFESTS_MAX)
            .cloned()
            .collect();
        for path in &manifests {
            let Some(text) = project.text(path) else {
                continue;
            };
            project.python.read(path, &text);
            project.javascript.read(path, &text);
            project.go.read(path, &text);
            project.rust.read(path, &text);
        }
        project
    }

    fn add_folder(&mut self, folder: &str) {
        for outer in folders_up(folder) {
            if outer.is_empty() || self.folders.contains(outer) {
                break;
            }
            self.folders.insert(outer.to_owned());
        }
    }

    /// The names that modules of Python can be imported by: a module's own where its folder is no package, else its outermost package's; without
    /// `__init__.py`, any folder on the way may be one.
    fn add_python(&mut self, files: &[String]) {
        let has = |file: String| files.binary_search(&file).is_ok();
        // Python begins where Django's `manage.py` is run, though the folder may be a package as well.
        let begins = |folder: &str| {
            let within = |file: &str| match folder {
                "" => file.to_owned(),
                folder => format!("{folder}/{file}"),
            };
            has(within("manage.py")) || !has(within("__init__.py"))
        };
        let modules = || files.iter().filter(|path| has_ending(path, PYTHON_ENDINGS));
        // All folders with one in them, at any depth.
        let mut folders: HashMap<&str, bool> = HashMap::new();
        for path in modules() {
            for outer in folders_up(folder(path)) {
                if folders.contains_key(outer) {
                    break;
                }
                folders.insert(outer, begins(outer));
            }
        }
        let begins = |folder: &str| folders.get(folder) == Some(&true);
        let roots = folders.keys().filter(|folder| begins(folder));
        self.python_roots = roots.map(|folder| (*folder).to_owned()).collect();
        let packages = folders
            .keys()
            .filter(|inner| !inner.is_empty() && begins(folder(inner)));
        let alone = modules().filter(|path| begins(folder(path)));
        let names = packages
            .map(|package| file_name(package))
            .chain(alone.map(|path| stem(path)));
        self.python_names = names
            .filter(|name| *name != "__init__")
            .map(str::to_owned)
            .collect();
    }

    /// Folders that modules of Python begin in.
    pub fn python_roots(&self) -> impl Iterator<Item = &str> {
        self.python_roots.iter().map(String::as_str)
    }

    /// Whether anything is known of the repository.
    pub fn is_known(&self) -> bool {
        !self.files.is_empty()
    }

    pub fn text(&self, path: &str) -> Option<String> {
        self.reader.as_ref().and_then(|reader| reader(path))
    }

    pub fn has(&self, path: &str) -> bool {
        self.files
            .binary_search_by(|file| file.as_str().cmp(path))
            .is_ok()
    }

    pub fn has_folder(&self, path: &str) -> bool {
        path.is_empty() || self.folders.contains(path)
    }

    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// The files right in a folder and below it.
    pub fn below<'p>(&'p self, folder: &str) -> impl Iterator<Item = &'p str> + use<'p> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let begin = self.files.partition_point(|path| *path < prefix);
        self.files[begin..]
            .iter()
            .map(String::as_str)
            .take_while(move |path| path.starts_with(&prefix))
    }

    /// Whether a module of Python may be one of the repository's own.
    pub fn has_python_name(&self, name: &str) -> bool {
        self.python_names.contains(name)
    }

    /// The repository's tables, read when they are first asked for.
    pub fn schema(&self) -> &Schema {
        self.schema
            .get_or_init(|| Schema::of(self.files(), |path| self.text(path)))
    }

    /// The structs of the Go files of a folder; `None` if not all of them can be read.
    pub fn go_package(&self, folder: &str) -> Option<Arc<Package>> {
        if let Ok(known) = self.go_packages.lock()
            && let Some(found) = known.get(folder)
        {
            return found.clone();
        }
        let files = self
            .below(folder)
            .filter(|path| self::folder(path) == folder && path.ends_with(".go"));
        let found = go_types::of(files.map(|path| self.text(path))).map(Arc::new);
        if let Ok(mut known) = self.go_packages.lock() {
            known.insert(folder.to_owned(), found.clone());
        }
        found
    }

    /// The texts of the Go files of a package by its last name, tests left out; without a name, of the package that `path` is in.
    pub fn go_texts<'p>(&'p self, path: &'p str, package: &'p str) -> impl Iterator<Item = String> + 'p {
        const FILES_MAX: usize = 3_000;
        let own = folder(path);
        self.files()
            .take(FILES_MAX)
            .filter(|path| path.ends_with(".go") && !path.ends_with("_test.go"))
            .filter(move |path| match package {
                "" => folder(path) == own,
                package => file_name(folder(path)) == package,
            })
            .filter_map(|path| self.text(path))
    }

    /// A file of the repository, if it is in a language that is read.
    pub fn source(&self, path: &str) -> Option<Arc<Source>> {
        if let Ok(known) = self.sources.lock()
            && let Some(found) = known.get(path)
        {
            return found.clone();
        }
        let read = || {
            let tree = language::parse(Language::of(path)?, &self.text(path)?).ok()?;
            Some(Arc::new(Source::new(path, tree)))
        };
        let found = read();
        if let Ok(mut known) = self.sources.lock() {
            if known.len() >= SOURCES_KEPT_MAX {
                known.clear();
            }
            known.insert(path.to_owned(), found.clone());
        }
        found
    }

    /// What a file defines for others; `None` if it is not there or can not be read.
    pub fn exports(&self, path: &str) -> Option<Arc<Exports>> {
        if let Ok(known) = self.exports.lock()
            && let Some(found) = known.get(path)
        {
            return found.clone();
        }
        let found = Language::of(path)
            .filter(|_| self.has(path))
            .and_then(|language| exports::of(path, language, &self.text(path)?))
            .map(Arc::new);
        if let Ok(mut known) = self.exports.lock() {
            known.insert(path.to_owned(), found.clone());
        }
        found
    }
}

const PYTHON_ENDINGS: &[&str] = &[".py", ".pyi", ".pyx", ".pxd", ".so", ".pyd"];

/// Whether a file says how data look, without being code: documents and data that rules may look into.
pub fn is_document(path: &str) -> bool {
    const ENDINGS: &[&str] = &[
        ".md",
        ".rst",
        ".txt",
        ".csv",
        ".tsv",
        ".json",
        ".jsonl",
        ".ndjson",
        ".properties",
        ".prisma",
    ];
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// Whether a file says what a repository needs or where its modules are.
pub fn is_manifest(path: &str) -> bool {
    let in_dependency = path
        .split('/')
        .any(|part| part == "node_modules" || part == "site-packages" || part == ".venv");
    !in_dependency
        && (python::is_manifest(path)
            || javascript::is_manifest(path)
            || go::is_manifest(path)
            || rust::is_manifest(path))
}

/// Whether rules may ask for the text of a file: its language is read, or it says what the repository needs, what its tables have, or what is kept how long.
pub fn is_read(path: &str) -> bool {
    is_manifest(path) || Language::of(path).is_some() || schema::is_read(path) || is_document(path)
}

pub(crate) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A file's name up to its first dot.
pub(crate) fn stem(path: &str) -> &str {
    file_name(path).split('.').next().unwrap_or("")
}

pub(crate) fn has_ending(path: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| path.ends_with(ending))
}

/// A path from a folder, `.` and `..` taken; `None` if it leaves the repository.
pub(crate) fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The folder and those that it lies in, from the inside out; the last is the repository's own, `""`.
pub(crate) fn folders_up(folder: &str) -> impl Iterator<Item = &str> {
    let first = (!folder.is_empty()).then_some(folder);
    std::iter::successors(first, |inner| inner.rsplit_once('/').map(|(outer, _)| outer))
        .chain(std::iter::once(""))
}
