//! `dependency-source`.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use super::Rule;
use crate::change::{Added, Change, Facts, File, is_within};
use crate::finding::Finding;
use crate::package::{Dependency, Ecosystem, Source, host};
use crate::read::Role;

pub(super) static RULE: Rule = Rule {
    id: "dependency-source",
    failure: "X3",
    cwe: &["CWE-494"],
    page: include_str!("dependency_source.md"),
    check,
};

/// The registries' own hosts.
const USUAL: &[&str] = &[
    "crates.io",
    "files.pythonhosted.org",
    "github.com",
    "index.crates.io",
    "npm.jsr.io",
    "npm.pkg.github.com",
    "packagist.org",
    "pypi.org",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "repo.maven.apache.org",
    "repo1.maven.org",
    "rubygems.org",
];

fn check(change: &Change, _: &Facts, findings: &mut Vec<Finding>) {
    let hosts = change.known_hosts();
    let mut of_files: BTreeMap<&str, Hosts> = BTreeMap::new();
    for added in change.added() {
        let Added { file, dependency, .. } = added;
        let of_file = of_files.entry(&file.path).or_insert_with(|| Hosts::of(file));
        if let Some((message, certain)) = judge(change, &hosts, of_file, &added) {
            findings.push(Finding {
                rule: RULE.id,
                path: file.path.clone(),
                span: dependency.span.clone(),
                message,
                severity: Severity::High,
                certain,
                about: Some((dependency.ecosystem, dependency.name.clone())),
            });
        }
    }
}

fn judge(
    change: &Change,
    hosts: &BTreeSet<String>,
    of_file: &Hosts,
    added: &Added<'_>,
) -> Option<(String, bool)> {
    let Added {
        file,
        dependency,
        before,
        ..
    } = *added;
    let name = &dependency.name;
    let from = dependency.source.shown();
    let url = match &dependency.source {
        Source::Git(url) | Source::Archive(url) => Some(url),
        Source::Registry(url) => url.as_ref(),
        Source::Path(_) => None,
    };
    if let Some(url) = url.filter(|url| is_plain(url)) {
        let why = "whoever is on the way can put other code there";
        return Some((
            format!(
                "`{name}` is fetched without encryption from {}: {why}",
                shown(url)
            ),
            true,
        ));
    }
    let is_lock = file.format.role() == Role::Lock;
    if is_lock && let Some(asked) = asked_elsewhere(change, file, dependency) {
        return Some((
            format!("`{name}` is asked of {asked} by the manifest, and taken from {from} by the lock file"),
            true,
        ));
    }
    match &dependency.source {
        Source::Registry(Some(url)) => {
            let host = host(url)?;
            let is_known = hosts.contains(&host) || USUAL.contains(&host.as_str());
            let was = before
                .map(|before| &before.source)
                .filter(|source| **source != dependency.source);
            let others = is_lock && of_file.is_alone(&host);
            match was {
                Some(was) if !is_known => Some((
                    format!("`{name}` came from {}, and comes from {from}", was.shown()),
                    others,
                )),
                None if !is_known && others => Some((
                    format!(
                        "`{name}` comes from {from}, which no setting names and no other package of this file does"
                    ),
                    true,
                )),
                _ => None,
            }
        }
        Source::Git(_) | Source::Archive(_) => match before {
            Some(before) if before.source.is_registry() => Some((
                format!(
                    "`{name}` came from {}, and comes from {from}",
                    before.source.shown()
                ),
                false,
            )),
            None => Some((
                format!("`{name}` comes from {from}, where a version is whatever is there"),
                false,
            )),
            Some(_) => None,
        },
        Source::Registry(None) | Source::Path(_) => None,
    }
}

fn shown(url: &str) -> String {
    format!("`{}`", crate::package::without_user(url))
}

fn is_plain(url: &str) -> bool {
    let url = url.trim_start_matches("git+").trim_start_matches("sparse+");
    let plain = url.starts_with("http://") || url.starts_with("git://");
    let local = host(url)
        .is_none_or(|host| host == "localhost" || host.starts_with("127.") || host.ends_with(".localhost"));
    plain && !local
}

/// What the manifest beside a lock file asks for, where the lock file has another source.
fn asked_elsewhere(change: &Change, lock: &File, dependency: &Dependency) -> Option<String> {
    let differs = matches!(dependency.source, Source::Git(_) | Source::Archive(_));
    if !differs || dependency.direct != Some(true) || dependency.ecosystem == Ecosystem::Go {
        return None;
    }
    let manifests = change
        .files
        .iter()
        .filter(|file| file.format.role() == Role::Manifest && is_within(file.folder(), lock.folder()));
    let wishes: Vec<&Dependency> = manifests
        .filter_map(|file| file.head.as_ref())
        .flat_map(|head| &head.dependencies)
        .filter(|wish| wish.key() == dependency.key())
        .collect();
    // A workspace may ask for it in several places, and one of them may mean this.
    let all_registry = !wishes.is_empty() && wishes.iter().all(|wish| wish.source.is_registry());
    all_registry.then(|| "the registry".to_owned())
}

/// How many packages of a file come from which host.
struct Hosts {
    counts: BTreeMap<String, usize>,
    all: usize,
}

impl Hosts {
    fn of(file: &File) -> Hosts {
        let mut hosts = Hosts {
            counts: BTreeMap::new(),
            all: 0,
        };
        for dependency in file.head.iter().flat_map(|head| &head.dependencies) {
            if let Source::Registry(url) = &dependency.source {
                hosts.all += 1;
                if let Some(host) = url.as_deref().and_then(host) {
                    *hosts.counts.entry(host).or_default() += 1;
                }
            }
        }
        hosts
    }

    /// Whether one package comes from a host, and others from others.
    fn is_alone(&self, host: &str) -> bool {
        self.all > 1 && self.counts.get(host) == Some(&1)
    }
}
