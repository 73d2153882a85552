//! Versions, compared as each kind of package compares them. A version that is none of its kind compares with nothing.

mod maven;
mod packagist;
mod ruby;

use std::cmp::Ordering;
use std::str::FromStr;

use crate::package::Ecosystem;

/// How long a version may be.
pub const VERSION_BYTES_MAX: usize = 256;

/// A version that was read, so that it can be compared with many.
#[derive(Debug, Clone)]
pub enum Version {
    Maven(maven::Version),
    Packagist(packagist::Version),
    Pypi(Box<pep440_rs::Version>),
    Ruby(ruby::Version),
    Semver(Box<semver::Version>),
}

impl Version {
    pub fn read(ecosystem: Ecosystem, text: &str) -> Option<Version> {
        let text = text.trim();
        if text.is_empty() || text.len() > VERSION_BYTES_MAX {
            return None;
        }
        match ecosystem {
            Ecosystem::Cargo | Ecosystem::Npm => {
                semver(text.trim_start_matches(['v', '='])).map(Version::Semver)
            }
            // Before there were modules, versions from 2 on were marked.
            Ecosystem::Go => {
                semver(text.trim_start_matches('v').trim_end_matches("+incompatible")).map(Version::Semver)
            }
            Ecosystem::Maven => Some(Version::Maven(maven::Version::read(text))),
            Ecosystem::Packagist => packagist::Version::read(text).map(Version::Packagist),
            Ecosystem::Pypi => pep440_rs::Version::from_str(text)
                .ok()
                .map(|version| Version::Pypi(Box::new(version))),
            Ecosystem::RubyGems => ruby::Version::read(text).map(Version::Ruby),
        }
    }

    pub fn compare(&self, other: &Version) -> Option<Ordering> {
        match (self, other) {
            (Version::Maven(left), Version::Maven(right)) => Some(left.cmp(right)),
            (Version::Packagist(left), Version::Packagist(right)) => Some(left.cmp(right)),
            (Version::Pypi(left), Version::Pypi(right)) => Some(left.cmp(right)),
            (Version::Ruby(left), Version::Ruby(right)) => Some(left.cmp(right)),
            (Version::Semver(left), Version::Semver(right)) => Some(left.cmp_precedence(right)),
            _ => None,
        }
    }
}

/// Parts that are missing are 0: advisories write `1.2`.
fn semver(text: &str) -> Option<Box<semver::Version>> {
    if let Ok(version) = semver::Version::parse(text) {
        return Some(Box::new(version));
    }
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at(end);
    let mut parts: Vec<&str> = core.split('.').collect();
    if parts.len() >= 3 {
        return None;
    }
    while parts.len() < 3 {
        parts.push("0");
    }
    let whole = format!("{}{rest}", parts.join("."));
    semver::Version::parse(&whole).ok().map(Box::new)
}

/// Compares two versions as texts; nothing where one is no version.
pub fn compare(ecosystem: Ecosystem, left: &str, right: &str) -> Option<Ordering> {
    Version::read(ecosystem, left)?.compare(&Version::read(ecosystem, right)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line of a list is lower than the next.
    fn rises(ecosystem: Ecosystem, list: &str) {
        let all: Vec<&str> = list.split_whitespace().collect();
        for (at, left) in all.iter().enumerate() {
            for (to, right) in all.iter().enumerate() {
                assert_eq!(
                    compare(ecosystem, left, right),
                    Some(at.cmp(&to)),
                    "{ecosystem}: {left} and {right}"
                );
            }
        }
    }

    #[test]
    fn versions_rise_as_their_registries_say() {
        rises(
            Ecosystem::Pypi,
            "1.0.dev1 1.0a1 1.0b2 1.0rc1 1.0 1.0+local 1.0.post1 1.1 1!0.1",
        );
        rises(
            Ecosystem::Npm,
            "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.2 2.0.0",
        );
        rises(
            Ecosystem::Go,
            "v0.0.0-20191109021931-daa7c04131f5 v0.1.0 v1.0.0 v2.0.0+incompatible v2.0.1",
        );
        // The order of Maven's own ComparableVersion.
        rises(
            Ecosystem::Maven,
            "1.0-alpha1 1.0-beta-1 1.0-milestone-1 1.0-rc1 1.0-SNAPSHOT 1.0 1.0-sp 1.0-foo 1.0-1 1.0.1 1.2 1.10 2.0",
        );
        rises(
            Ecosystem::RubyGems,
            "1.0.0.alpha 1.0.0.alpha.1 1.0.0.beta 1.0.0.rc1 1.0.0 1.0.1 1.2 1.10",
        );
        rises(
            Ecosystem::Packagist,
            "dev-main 1.0.0-dev 1.0.0-alpha1 1.0.0-beta2 1.0.0-RC1 1.0.0 1.0.0-patch1 1.0.1 1.2 1.10",
        );
    }

    #[test]
    fn what_is_written_differently_may_be_the_same() {
        for (ecosystem, left, right) in [
            (Ecosystem::Pypi, "1.0", "v1.0.0"),
            (Ecosystem::Maven, "1", "1.0.0"),
            (Ecosystem::Maven, "1.0-ga", "1.0-final"),
            (Ecosystem::Maven, "1.0-cr1", "1.0-rc1"),
            (Ecosystem::RubyGems, "1.0", "1"),
            (Ecosystem::Packagist, "v1.0", "1.0.0.0"),
            (Ecosystem::Npm, "1.0.0+build", "1.0.0"),
        ] {
            assert_eq!(
                compare(ecosystem, left, right),
                Some(Ordering::Equal),
                "{left} and {right}"
            );
        }
        assert_eq!(compare(Ecosystem::Npm, "latest", "1.0.0"), None);
        assert_eq!(compare(Ecosystem::Pypi, "1.0", "2004-x"), None);
    }
}
