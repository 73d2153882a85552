//! Package URLs (`pkg:npm/%40acme/ui@1.0.0`), as the purl specification writes each kind.

use crate::package::{Dependency, Ecosystem, Source, without_user};

pub fn purl(dependency: &Dependency) -> String {
    let version = dependency.version.as_deref();
    let mut purl = of(dependency.ecosystem, &dependency.name, version);
    let qualifier = match &dependency.source {
        Source::Git(url) => Some(("vcs_url", without_user(url))),
        Source::Archive(url) => Some(("download_url", without_user(url))),
        Source::Registry(Some(url)) if !is_usual(dependency.ecosystem, url) => {
            Some(("repository_url", without_user(url)))
        }
        Source::Registry(_) | Source::Path(_) => None,
    };
    if let Some((key, value)) = qualifier {
        purl.push_str(&format!("?{key}={}", encoded(&value, b"/:")));
    }
    purl
}

fn is_usual(ecosystem: Ecosystem, url: &str) -> bool {
    let hosts: &[&str] = match ecosystem {
        Ecosystem::Npm => &["registry.npmjs.org", "registry.yarnpkg.com"],
        Ecosystem::Pypi => &["pypi.org", "files.pythonhosted.org"],
        Ecosystem::Cargo => &["index.crates.io"],
        Ecosystem::Go | Ecosystem::Maven | Ecosystem::Packagist | Ecosystem::RubyGems => &[],
    };
    crate::package::host(url).is_some_and(|host| hosts.contains(&host.as_str()))
}

/// Kind, namespace and name, and version.
pub fn of(ecosystem: Ecosystem, name: &str, version: Option<&str>) -> String {
    let (kind, name) = match ecosystem {
        Ecosystem::Cargo => ("cargo", name.to_owned()),
        Ecosystem::Go => ("golang", name.to_lowercase()),
        Ecosystem::Maven => ("maven", name.replacen(':', "/", 1)),
        Ecosystem::Npm => ("npm", name.to_lowercase()),
        Ecosystem::Packagist => ("composer", name.to_lowercase()),
        Ecosystem::Pypi => ("pypi", ecosystem.normal(name)),
        Ecosystem::RubyGems => ("gem", name.to_owned()),
    };
    let parts: Vec<String> = name.split('/').map(|part| encoded(part, b":")).collect();
    let mut purl = format!("pkg:{kind}/{}", parts.join("/"));
    if let Some(version) = version.filter(|version| !version.is_empty()) {
        purl.push_str(&format!("@{}", encoded(version, b":")));
    }
    purl
}

fn encoded(text: &str, also_plain: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also_plain.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
