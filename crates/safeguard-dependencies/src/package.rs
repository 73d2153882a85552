//! Packages as lock files and manifests name them.

use std::fmt;
use std::ops::Range;

/// Where packages of a kind come from, and how their versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    Cargo,
    Go,
    Maven,
    Npm,
    Packagist,
    Pypi,
    RubyGems,
}

impl Ecosystem {
    pub const ALL: &'static [Ecosystem] = &[
        Ecosystem::Cargo,
        Ecosystem::Go,
        Ecosystem::Maven,
        Ecosystem::Npm,
        Ecosystem::Packagist,
        Ecosystem::Pypi,
        Ecosystem::RubyGems,
    ];

    /// The name of OSV's schema.
    pub fn osv(self) -> &'static str {
        match self {
            Ecosystem::Cargo => "crates.io",
            Ecosystem::Go => "Go",
            Ecosystem::Maven => "Maven",
            Ecosystem::Npm => "npm",
            Ecosystem::Packagist => "Packagist",
            Ecosystem::Pypi => "PyPI",
            Ecosystem::RubyGems => "RubyGems",
        }
    }

    /// Of OSV's name; a suffix (`Maven:https://…`) names a registry that is not the usual one.
    pub fn of_osv(name: &str) -> Option<Ecosystem> {
        Ecosystem::ALL.iter().copied().find(|one| one.osv() == name)
    }

    /// A name as the registry compares it.
    pub fn normal(self, name: &str) -> String {
        match self {
            Ecosystem::Pypi => normal_pypi(name),
            Ecosystem::Packagist => name.to_lowercase(),
            Ecosystem::Cargo | Ecosystem::Go | Ecosystem::Maven | Ecosystem::Npm | Ecosystem::RubyGems => {
                name.to_owned()
            }
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.osv())
    }
}

/// `Flask_Login` is `flask-login` (PEP 503).
fn normal_pypi(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for char in name.trim().chars() {
        if matches!(char, '-' | '_' | '.') {
            if !normal.ends_with('-') {
                normal.push('-');
            }
        } else {
            normal.extend(char.to_lowercase());
        }
    }
    normal
}

/// Where a package's code comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A registry; which one, where the file says it.
    Registry(Option<String>),
    Git(String),
    /// An archive at an address.
    Archive(String),
    /// A folder or file beside the project, or a part of the project itself.
    Path(String),
}

impl Source {
    pub fn registry() -> Source {
        Source::Registry(None)
    }

    pub fn is_registry(&self) -> bool {
        matches!(self, Source::Registry(_))
    }

    /// In words, without what may be secret in an address.
    pub fn shown(&self) -> String {
        match self {
            Source::Registry(None) => "the registry".to_owned(),
            Source::Registry(Some(url)) => format!("`{}`", without_user(url)),
            Source::Git(url) => format!("git `{}`", without_user(url)),
            Source::Archive(url) => format!("`{}`", without_user(url)),
            Source::Path(path) => format!("the folder `{path}`"),
        }
    }
}

/// An address without the name and the password before its host.
pub fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// The host of an address, in lower case, without a port.
pub fn host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(six) => six.split(']').next()?,
        None => host.split(':').next()?,
    };
    (!host.is_empty()).then(|| host.to_lowercase())
}

/// A package in a lock file, or a wish for one in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    pub ecosystem: Ecosystem,
    /// As the registry compares names.
    pub name: String,
    /// The one version, where the file says one.
    pub version: Option<String>,
    /// What versions would do, as it is written; empty in most lock files.
    pub requirement: String,
    pub source: Source,
    /// What the content must hash to.
    pub integrity: Vec<String>,
    /// In bytes of the file.
    pub span: Range<usize>,
    /// Whether the project itself asks for it; nothing where the file does not tell.
    pub direct: Option<bool>,
    /// For development or tests alone.
    pub dev: bool,
    /// The file says that it runs a script when it is installed.
    pub install_script: bool,
    /// When the registry got it, where the file says it: seconds since 1970.
    pub uploaded: Option<i64>,
    /// No lock file has it: peers, and what builds the project.
    pub outside_lock: bool,
    /// The name that a manifest gives it, where that is another.
    pub alias: Option<String>,
}

impl Dependency {
    pub fn new(ecosystem: Ecosystem, name: &str, span: Range<usize>) -> Dependency {
        Dependency {
            ecosystem,
            name: ecosystem.normal(name),
            version: None,
            requirement: String::new(),
            source: Source::registry(),
            integrity: Vec::new(),
            span,
            direct: None,
            dev: false,
            install_script: false,
            uploaded: None,
            outside_lock: false,
            alias: None,
        }
    }

    /// The name that the manifest has.
    pub fn asked_as(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }

    pub fn key(&self) -> (Ecosystem, &str) {
        (self.ecosystem, self.name.as_str())
    }
}

/// Another place to get packages from that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    pub ecosystem: Ecosystem,
    pub url: String,
    /// It is asked beside the usual one, so that whichever has the higher version wins.
    pub extra: bool,
    /// Only names that begin so come from it (`@acme`), or only packages that name it.
    pub scope: Option<String>,
    pub span: Range<usize>,
}

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub dependencies: Vec<Dependency>,
    pub registries: Vec<Registry>,
    /// Scripts of the project itself that run when it is installed: name, text, place.
    pub scripts: Vec<(String, String, Range<usize>)>,
    /// What the lock file remembers of the manifest: names, or names and what was asked of them.
    pub remembered: Vec<Remembered>,
    /// Modules that Go's sums speak of, and the like: names that are locked without being listed.
    pub names: Vec<String>,
    /// Hashes of `go.sum`: module and version, hash, place.
    pub sums: Vec<(String, String, Range<usize>)>,
    /// The manifest puts other versions in place of those that are asked for.
    pub overrides: bool,
    /// The project's own name, which is nobody's package.
    pub own: Vec<String>,
    /// Other files that belong to it (`-r base.txt`).
    pub includes: Vec<String>,
    /// How long a version must have been out, in seconds, and who is excepted.
    pub cooling: Vec<crate::cooling::Cooling>,
    /// What could not be understood.
    pub unread: Vec<String>,
}

/// A wish of the manifest as the lock file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The folder of the manifest, from the lock file's.
    pub folder: String,
    pub name: String,
    /// Compared as text; empty where the lock file keeps the name alone.
    pub requirement: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_addresses_are_not_shown() {
        assert_eq!(
            without_user("https://kim:hush@pkgs.example.org/simple"),
            "https://pkgs.example.org/simple"
        );
        assert_eq!(without_user("https://a.org/x@y"), "https://a.org/x@y");
        assert_eq!(
            host("git+ssh://git@Code.Example.org:22/a"),
            Some("code.example.org".to_owned())
        );
        assert_eq!(host("file:../x"), None);
    }

    #[test]
    fn names_are_compared_as_registries_do() {
        assert_eq!(Ecosystem::Pypi.normal("Zope.Interface__X"), "zope-interface-x");
        assert_eq!(Ecosystem::Npm.normal("JSONStream"), "JSONStream");
    }
}
