//! Package URLs and bills of materials.

use safeguard_dependencies::package::Ecosystem;
use safeguard_dependencies::purl;
use safeguard_dependencies::read::{Format, read};
use safeguard_dependencies::sbom::{self, Part};

/// The first seven are cases of the purl project's own test suite (MIT, "the purl authors", as in packageurl-python 0.17.6); the others are in
/// the form of its pages on types.
#[test]
fn purls_are_written_as_the_specification_writes_them() {
    for (ecosystem, name, version, expected) in [
        (
            Ecosystem::Maven,
            "org.apache.commons:io",
            "1.3.4",
            "pkg:maven/org.apache.commons/io@1.3.4",
        ),
        (
            Ecosystem::Maven,
            "org.apache.commons:io",
            "",
            "pkg:maven/org.apache.commons/io",
        ),
        (
            Ecosystem::Maven,
            "HTTPClient:HTTPClient",
            "0.3-3",
            "pkg:maven/HTTPClient/HTTPClient@0.3-3",
        ),
        (
            Ecosystem::Go,
            "github.com/nats-io/nats-server/v2/server",
            "v1.2.9",
            "pkg:golang/github.com/nats-io/nats-server/v2/server@v1.2.9",
        ),
        (
            Ecosystem::Npm,
            "@angular/animation",
            "12.3.1",
            "pkg:npm/%40angular/animation@12.3.1",
        ),
        (
            Ecosystem::Pypi,
            "Django_package",
            "1.11.1.dev1",
            "pkg:pypi/django-package@1.11.1.dev1",
        ),
        (
            Ecosystem::Packagist,
            "guzzlehttp/promises",
            "2.0.2",
            "pkg:composer/guzzlehttp/promises@2.0.2",
        ),
        (Ecosystem::Cargo, "rand", "0.7.2", "pkg:cargo/rand@0.7.2"),
        (
            Ecosystem::RubyGems,
            "ruby-advisory-db-check",
            "0.12.4",
            "pkg:gem/ruby-advisory-db-check@0.12.4",
        ),
        (
            Ecosystem::Pypi,
            "torch",
            "2.0.0+cu118",
            "pkg:pypi/torch@2.0.0%2Bcu118",
        ),
    ] {
        assert_eq!(purl::of(ecosystem, name, Some(version)), expected);
    }
}

#[test]
fn a_bill_names_what_is_locked_once_and_is_the_same_each_time() {
    let manifest = "flask>=3\nclick==8.1.7\n";
    let lock = "{\"lockfileVersion\": 3, \"packages\": {\"\": {\"name\": \"shop\"},
        \"node_modules/@acme/ui\": {\"version\": \"1.0.0\", \"resolved\": \"https://npm.example.org/@acme/ui/-/ui-1.0.0.tgz\"},
        \"node_modules/a\": {\"version\": \"2.0.0\", \"dev\": true, \"integrity\": \"sha512-XI5MPzVNApjAyhQzphX8BkmKsKUxD4LdyK24iZeQGinBN9yTQT3bFlCBy/aVx2HrNcqQGsdot8ghrjyrvMCoEA==\"},
        \"node_modules/a/node_modules/a\": {\"version\": \"2.0.0\"}}}";
    let wanted = "{\"dependencies\": {\"a\": \"2.0.0\", \"b\": \"1.0.0\"}}";
    let all = [
        ("requirements.txt", manifest),
        ("web/package-lock.json", lock),
        ("web/package.json", wanted),
    ]
    .map(|(path, text)| {
        let format = Format::of(path).unwrap();
        (path, format.role(), read(format, text).unwrap())
    });
    let bill = || {
        let parts: Vec<Part<'_>> = all
            .iter()
            .map(|(path, role, listing)| Part {
                path,
                role: *role,
                listing,
            })
            .collect();
        sbom::cyclonedx("shop", &parts, "0.1.0")
    };
    let first = bill();
    assert_eq!(first.to_string(), bill().to_string());
    let lines: Vec<String> = first["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let hash = one["hashes"][0]["content"].as_str().map_or(0, str::len);
            format!(
                "{} {} {hash}",
                one["purl"].as_str().unwrap(),
                one["scope"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "pkg:npm/%40acme/ui@1.0.0?repository_url=https://npm.example.org/ required 0",
            // Of its two places the one that is not for development decides.
            "pkg:npm/a@2.0.0 required 128",
            "pkg:pypi/click@8.1.7 required 0",
        ]
    );
    assert_eq!(first["components"][0]["group"], "@acme");
}
