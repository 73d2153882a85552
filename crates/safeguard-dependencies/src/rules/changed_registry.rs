//! `changed-registry`.

use safeguard_api::evidence::Severity;

use super::Rule;
use crate::change::{Change, Facts};
use crate::finding::Finding;
use crate::package::{Ecosystem, Registry, host, without_user};

pub(super) static RULE: Rule = Rule {
    id: "changed-registry",
    failure: "X3",
    cwe: &["CWE-427"],
    page: include_str!("changed_registry.md"),
    check,
};

fn check(change: &Change, _: &Facts, findings: &mut Vec<Finding>) {
    for file in change.files.iter().filter(|file| file.changed) {
        let before = file
            .base
            .as_ref()
            .map_or(&[][..], |base| base.registries.as_slice());
        for registry in file.head.iter().flat_map(|head| &head.registries) {
            let was_there = before.iter().any(|other| {
                other.url == registry.url && other.extra == registry.extra && other.scope == registry.scope
            });
            if was_there || is_usual(registry) {
                continue;
            }
            let (message, certain) = said(registry);
            findings.push(Finding {
                rule: RULE.id,
                path: file.path.clone(),
                span: registry.span.clone(),
                message,
                severity: if certain { Severity::High } else { Severity::Medium },
                certain,
                about: None,
            });
        }
    }
}

fn said(registry: &Registry) -> (String, bool) {
    let url = without_user(&registry.url);
    let local = host(&registry.url).is_none_or(|host| host == "localhost" || host.starts_with("127."));
    let plain = registry.url.trim_start_matches("sparse+").starts_with("http://");
    if plain && !local {
        let why = "whoever is on the way can put other code there";
        return (
            format!("packages are fetched from `{url}` without encryption: {why}"),
            true,
        );
    }
    if registry
        .url
        .split("://")
        .nth(1)
        .is_some_and(|rest| rest.split('/').next().unwrap_or("").contains(':'))
        && url != registry.url
    {
        return (format!("the password of `{url}` stands in the file"), true);
    }
    let message = match (&registry.scope, registry.extra, registry.ecosystem) {
        (Some(scope), ..) => format!("packages of `{scope}` are taken from `{url}`"),
        (None, true, Ecosystem::Pypi) => format!(
            "`{url}` is asked beside the usual index: of a name that both have, the higher version wins, whoever put it there"
        ),
        (None, true, _) => format!("packages may be taken from `{url}` too"),
        (None, false, _) => format!("all packages are taken from `{url}`"),
    };
    (message, false)
}

/// The registry that would be asked anyway.
fn is_usual(registry: &Registry) -> bool {
    let usual: &[&str] = match registry.ecosystem {
        Ecosystem::Cargo => &["index.crates.io", "github.com"],
        Ecosystem::Go => &["proxy.golang.org"],
        Ecosystem::Maven => &[
            "repo.maven.apache.org",
            "repo1.maven.org",
            "plugins.gradle.org",
            "maven.google.com",
            "dl.google.com",
        ],
        Ecosystem::Npm => &["registry.npmjs.org", "registry.yarnpkg.com"],
        Ecosystem::Packagist => &["packagist.org", "repo.packagist.org"],
        Ecosystem::Pypi => &["pypi.org", "pypi.python.org"],
        Ecosystem::RubyGems => &["rubygems.org"],
    };
    let encrypted = registry.url.trim_start_matches("sparse+").starts_with("https://");
    encrypted && host(&registry.url).is_some_and(|host| usual.contains(&host.as_str()))
}
