//! A change of lock files and manifests: as they were against as they are, and what of it is new.

use std::collections::{BTreeMap, BTreeSet};

use crate::cooling::Cooling;
use crate::osv::Advisory;
use crate::package::{Dependency, Ecosystem, Listing, Registry, Source, host};
use crate::read::{self, Format, Role};
use crate::registry::Answer;

/// A file of the repository. Both texts are the same where the change leaves it alone.
#[derive(Debug, Clone, Copy)]
pub struct Text<'t> {
    pub path: &'t str,
    pub base: Option<&'t str>,
    pub head: Option<&'t str>,
}

#[derive(Debug)]
pub struct File {
    pub path: String,
    pub format: Format,
    pub base: Option<Listing>,
    pub head: Option<Listing>,
    /// Whether the change touches it.
    pub changed: bool,
}

impl File {
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

type Key = (Ecosystem, String);

/// What a change does, and what was there before.
#[derive(Debug, Default)]
pub struct Change {
    pub files: Vec<File>,
    /// Path and reason.
    pub unread: Vec<(String, String)>,
    names_before: BTreeSet<Key>,
    versions_before: BTreeMap<Key, BTreeSet<String>>,
    /// Asked for in manifests as they are.
    declared: BTreeSet<Key>,
    own: BTreeSet<Key>,
    /// The settings as they were: who writes a change does not make its exceptions.
    pub cooling: Vec<Cooling>,
}

/// A package of a file that was not there before in this version.
#[derive(Debug, Clone, Copy)]
pub struct Added<'c> {
    pub file: &'c File,
    pub dependency: &'c Dependency,
    /// No file had the package in any version.
    pub is_new: bool,
    /// The same package in the same file as it was.
    pub before: Option<&'c Dependency>,
}

/// What the registry is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub ecosystem: Ecosystem,
    pub name: String,
    /// Where the project says that it is; empty for the usual one.
    pub registries: Vec<String>,
    /// The versions that the change takes.
    pub versions: BTreeSet<String>,
    /// Where it is asked for.
    pub path: String,
}

/// What is known from outside.
#[derive(Debug, Default)]
pub struct Facts {
    /// In seconds since 1970.
    pub now: i64,
    pub answers: BTreeMap<Key, Answer>,
    pub advisories: BTreeMap<Key, Vec<Advisory>>,
}

impl Facts {
    pub fn answer(&self, dependency: &Dependency) -> Option<&Answer> {
        self.answers.get(&(dependency.ecosystem, dependency.name.clone()))
    }

    /// What the registry knows, if it was asked and does.
    pub fn known(&self, dependency: &Dependency) -> Option<&crate::registry::Facts> {
        match self.answer(dependency)? {
            Answer::Known(facts) => Some(facts),
            Answer::Absent | Answer::Unreachable(_) | Answer::NotAsked => None,
        }
    }
}

impl Change {
    pub fn read<'t>(texts: impl IntoIterator<Item = Text<'t>>) -> Change {
        let mut change = Change::default();
        for text in texts {
            if let Some(format) = Format::of(text.path) {
                change.add(format, text);
            }
        }
        change.files.sort_by(|left, right| left.path.cmp(&right.path));
        change.index();
        change
    }

    fn add(&mut self, format: Format, text: Text<'_>) {
        let changed = text.base != text.head;
        let mut listing = |text: Option<&str>, path: &str, tell: bool| match read::read(format, text?) {
            Ok(listing) => {
                if tell {
                    let unread = listing.unread.iter().map(|why| (path.to_owned(), why.clone()));
                    self.unread.extend(unread);
                }
                Some(listing)
            }
            Err(error) => {
                if tell {
                    self.unread.push((path.to_owned(), error.to_string()));
                }
                None
            }
        };
        let head = listing(text.head, text.path, changed);
        // A file that could not be read before held nothing that is known: all of it counts as new.
        let base = if changed {
            listing(text.base, text.path, false)
        } else {
            head.clone()
        };
        self.files.push(File {
            path: text.path.to_owned(),
            format,
            base,
            head,
            changed,
        });
    }

    fn index(&mut self) {
        for file in &self.files {
            for dependency in file.base.iter().flat_map(|base| &base.dependencies) {
                let key = (dependency.ecosystem, dependency.name.clone());
                let versions = self.versions_before.entry(key.clone()).or_default();
                versions.extend(dependency.version.clone());
                self.names_before.insert(key);
            }
            for listing in file.base.iter().chain(&file.head) {
                let ecosystem = file.format.ecosystem();
                let own = listing
                    .own
                    .iter()
                    .filter_map(|name| Some((ecosystem?, ecosystem?.normal(name))));
                self.own.extend(own);
            }
            if let (Role::Manifest, Some(head)) = (file.format.role(), &file.head) {
                let asked = head.dependencies.iter().filter(|one| one.direct != Some(false));
                self.declared
                    .extend(asked.map(|one| (one.ecosystem, one.name.clone())));
            }
            // New settings may ask for more, and except nobody.
            let before = file.base.iter().flat_map(|base| base.cooling.iter().cloned());
            self.cooling.extend(before);
            if file.changed {
                let now = file.head.iter().flat_map(|head| head.cooling.iter().cloned());
                self.cooling.extend(now.map(|one| Cooling {
                    excepted: Vec::new(),
                    ..one
                }));
            }
        }
    }

    /// Whether a package is a part of the project.
    pub fn is_own(&self, dependency: &Dependency) -> bool {
        self.own
            .contains(&(dependency.ecosystem, dependency.name.clone()))
    }

    /// Whether the project itself asks for it.
    pub fn is_direct(&self, dependency: &Dependency) -> bool {
        match dependency.direct {
            Some(direct) => direct,
            None => {
                let of_kind = |(ecosystem, _): &Key| *ecosystem == dependency.ecosystem;
                // Without any manifest, nothing tells who asked.
                !self.declared.iter().any(of_kind)
                    || self
                        .declared
                        .contains(&(dependency.ecosystem, dependency.name.clone()))
            }
        }
    }

    /// What the change adds or takes in another version.
    pub fn added(&self) -> Vec<Added<'_>> {
        let mut added = Vec::new();
        for file in self.files.iter().filter(|file| file.changed) {
            let mut before: BTreeMap<(Ecosystem, &str), Vec<&Dependency>> = BTreeMap::new();
            for dependency in file.base.iter().flat_map(|base| &base.dependencies) {
                before.entry(dependency.key()).or_default().push(dependency);
            }
            for dependency in file.head.iter().flat_map(|head| &head.dependencies) {
                if self.is_own(dependency) {
                    continue;
                }
                let same = before.get(&dependency.key()).map_or(&[][..], Vec::as_slice);
                let is_there =
                    |one: &&&Dependency| one.version == dependency.version && one.source == dependency.source;
                if same.iter().any(|one| is_there(&one)) {
                    continue;
                }
                let key = (dependency.ecosystem, dependency.name.clone());
                added.push(Added {
                    file,
                    dependency,
                    is_new: !self.names_before.contains(&key),
                    before: same.first().copied(),
                });
            }
        }
        added
    }

    /// Whether any file had the package in this very version.
    pub fn had_version(&self, dependency: &Dependency) -> bool {
        let key = (dependency.ecosystem, dependency.name.clone());
        let versions = self.versions_before.get(&key);
        dependency
            .version
            .as_ref()
            .is_some_and(|version| versions.is_some_and(|versions| versions.contains(version)))
    }

    /// The versions that any file had before.
    pub fn versions_before(&self, dependency: &Dependency) -> impl Iterator<Item = &str> {
        let versions = self
            .versions_before
            .get(&(dependency.ecosystem, dependency.name.clone()));
        versions.into_iter().flatten().map(String::as_str)
    }

    /// What registries are to be asked: of each package that the project asks for and that comes from one, where it is new or in a new version.
    pub fn questions(&self) -> Vec<Question> {
        let mut questions: BTreeMap<Key, Question> = BTreeMap::new();
        for added in self.added() {
            let Added { file, dependency, .. } = added;
            let is_wanted = added.is_new || dependency.version.is_some() && !self.had_version(dependency);
            if !dependency.source.is_registry() || !self.is_direct(dependency) || !is_wanted {
                continue;
            }
            let key = (dependency.ecosystem, dependency.name.clone());
            let question = questions.entry(key).or_insert_with(|| Question {
                ecosystem: dependency.ecosystem,
                name: dependency.name.clone(),
                registries: self.registries(dependency, file),
                versions: BTreeSet::new(),
                path: file.path.clone(),
            });
            question.versions.extend(dependency.version.clone());
            if file.format.role() == Role::Manifest {
                question.path.clone_from(&file.path);
            }
        }
        questions.into_values().collect()
    }

    /// The registries that the project's settings name for a package, in this file's folder or above it.
    fn registries(&self, dependency: &Dependency, file: &File) -> Vec<String> {
        let scope = dependency.name.split_once('/').map(|(scope, _)| scope);
        let settings: Vec<&Registry> = self
            .files
            .iter()
            .filter(|other| is_within(file.folder(), other.folder()))
            .filter_map(|other| other.head.as_ref())
            .flat_map(|head| &head.registries)
            .filter(|registry| registry.ecosystem == dependency.ecosystem)
            .filter(|registry| is_asked(registry))
            .collect();
        let named = settings
            .iter()
            .filter(|registry| registry.scope.as_deref() == scope || registry.ecosystem == Ecosystem::Pypi);
        let mut urls: Vec<String> = named
            .map(|registry| registry.url.trim_start_matches("sparse+").to_owned())
            .collect();
        if urls.is_empty() {
            let common = settings.iter().filter(|registry| registry.scope.is_none());
            urls.extend(common.map(|registry| registry.url.trim_start_matches("sparse+").to_owned()));
        }
        // With sources beside the usual one, the usual one is asked too.
        let replaced = settings
            .iter()
            .any(|registry| !registry.extra && registry.scope.is_none());
        let has_own_scope =
            scope.is_some() && settings.iter().any(|registry| registry.scope.as_deref() == scope);
        if !urls.is_empty() && !replaced && !has_own_scope {
            urls.push(String::new());
        }
        urls.dedup();
        urls
    }

    /// Hosts that the project took packages from before, or that its settings name.
    pub fn known_hosts(&self) -> BTreeSet<String> {
        let mut hosts = BTreeSet::new();
        for file in &self.files {
            for dependency in file.base.iter().flat_map(|base| &base.dependencies) {
                if let Source::Registry(Some(url)) = &dependency.source {
                    hosts.extend(host(url));
                }
            }
            let registries = file
                .base
                .iter()
                .chain(&file.head)
                .flat_map(|listing| &listing.registries);
            hosts.extend(registries.filter_map(|registry| host(&registry.url)));
        }
        hosts
    }

    /// The packages whose advisories are asked for: those that are added, and what was there before them has the same names.
    pub fn names(&self) -> BTreeSet<(Ecosystem, String)> {
        let added = self.added().into_iter();
        added
            .filter(|added| added.dependency.version.is_some())
            .map(|added| (added.dependency.ecosystem, added.dependency.name.clone()))
            .collect()
    }
}

/// Whether there is something to ask: an address, and of cargo's the kind that answers of one crate.
fn is_asked(registry: &Registry) -> bool {
    match registry.ecosystem {
        Ecosystem::Cargo => registry.url.starts_with("sparse+http"),
        _ => registry.url.starts_with("http:") || registry.url.starts_with("https:"),
    }
}

/// Whether a folder is another or lies in it.
pub fn is_within(folder: &str, outer: &str) -> bool {
    outer.is_empty()
        || folder
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
