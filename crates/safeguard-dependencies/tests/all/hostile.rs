//! Whatever a file holds, it is read within bounds or refused with a reason.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use safeguard_dependencies::change::{Change, Facts, Text};
use safeguard_dependencies::osv;
use safeguard_dependencies::package::Ecosystem;
use safeguard_dependencies::read::{FILE_BYTES_MAX, Format, ReadError, read};
use safeguard_dependencies::registry;
use safeguard_dependencies::rules;
use safeguard_dependencies::version;

const PATHS: &[&str] = &[
    ".cargo/config.toml",
    ".github/dependabot.yml",
    ".npmrc",
    ".yarnrc.yml",
    "Cargo.lock",
    "Cargo.toml",
    "Gemfile.lock",
    "Pipfile",
    "Pipfile.lock",
    "build.gradle",
    "bun.lock",
    "composer.json",
    "composer.lock",
    "go.mod",
    "go.sum",
    "gradle.lockfile",
    "package-lock.json",
    "package.json",
    "pdm.lock",
    "pip.conf",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "poetry.lock",
    "pom.xml",
    "pylock.toml",
    "pyproject.toml",
    "requirements.txt",
    "setup.cfg",
    "uv.lock",
    "uv.toml",
    "yarn.lock",
];

/// What took more than linear time would take hours; the machine is shared.
const LONGEST: Duration = Duration::from_secs(120);

#[test]
fn what_is_nested_or_long_is_read_or_refused_soon() {
    let begin = Instant::now();
    let deep_json = "{\"packages\":".repeat(20_000);
    let deep_list = format!("{{\"lockfileVersion\":1,\"packages\":{}", "[".repeat(20_000));
    let deep_toml = format!("a = {}", "[".repeat(20_000));
    let deep_xml = "<project>".repeat(20_000);
    let deep_keys: String = (0..2_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let entities =
        "<!DOCTYPE project [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><project>&b;</project>".to_owned();
    let one_line = "a".repeat(1 << 20);
    let many_lines = "a\n".repeat(20_000);
    let quotes = "\"".repeat(1 << 18);
    for text in [
        deep_json, deep_list, deep_toml, deep_xml, deep_keys, entities, one_line, many_lines, quotes,
    ] {
        for path in PATHS {
            // Either is right; that it comes to an end is what is tried.
            if let Err(error) = read(Format::of(path).unwrap(), &text) {
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(begin.elapsed() < LONGEST, "{:?}", begin.elapsed());
}

#[test]
fn limits_are_told() {
    let long = " ".repeat(FILE_BYTES_MAX + 1);
    assert_eq!(
        read(Format::Requirements, &long),
        Err(ReadError::TooLong {
            bytes: FILE_BYTES_MAX + 1
        })
    );
    let many = (0..100_001)
        .map(|number| format!("package-{number}\n"))
        .collect::<String>();
    assert_eq!(read(Format::Requirements, &many), Err(ReadError::TooMany));
    let newer = read(Format::PackageLock, "{\"lockfileVersion\": 9, \"packages\": {}}");
    assert_eq!(newer, Err(ReadError::Version("9".to_owned())));
    for (path, text) in [
        ("package-lock.json", "<<<<<<< HEAD\n{}"),
        ("pnpm-lock.yaml", "nothing: here\n"),
        ("yarn.lock", "<html></html>\n"),
        ("uv.lock", "[[package]]\nname = 'a'\n"),
        ("poetry.lock", "[[package]]\nname = 'a'\n"),
        ("Cargo.lock", "[[package]]\nname = 'a'\n"),
        ("go.sum", "one two\n"),
        ("pom.xml", "<project>"),
    ] {
        assert!(read(Format::of(path).unwrap(), text).is_err(), "{path}");
    }
}

#[test]
fn what_can_not_be_read_is_named() {
    let change = Change::read([Text {
        path: "package-lock.json",
        base: None,
        head: Some("{"),
    }]);
    assert_eq!(change.unread.len(), 1);
    // What lies there unchanged is nobody's fault here.
    let change = Change::read([Text {
        path: "package-lock.json",
        base: Some("{"),
        head: Some("{"),
    }]);
    assert_eq!(change.unread, []);
}

#[test]
fn a_key_that_stands_twice_counts_as_it_does_for_the_tool() {
    let text = "{\"dependencies\": {\"a\": \"1.0.0\"}, \"dependencies\": {\"b\": \"1.0.0\"}}";
    let listing = read(Format::PackageJson, text).unwrap();
    assert_eq!(listing.dependencies[0].name, "b");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read_or_refused(text in "[a-z0-9@:/.,=\\[\\]{}<>\"'#\\\\ \n\t-]{0,200}", at in 0..PATHS.len()) {
        let format = Format::of(PATHS[at]).unwrap();
        if let Ok(listing) = read(format, &text) {
            for one in &listing.dependencies {
                prop_assert!(text.get(one.span.clone()).is_some(), "{:?} in {text:?}", one.span);
            }
            let change = Change::read([Text { path: PATHS[at], base: None, head: Some(&text) }]);
            rules::judge(&change, &Facts::default());
        }
    }

    #[test]
    fn any_answer_and_version_is_read_or_refused(left in "\\PC{0,60}", right in "[0-9a-z.+!-]{0,30}") {
        for ecosystem in Ecosystem::ALL {
            let order = version::compare(*ecosystem, &left, &right);
            prop_assert_eq!(order, version::compare(*ecosystem, &right, &left).map(std::cmp::Ordering::reverse));
        }
        for answer in [&left, &right] {
            prop_assert!(registry::pypi(answer).is_err());
            prop_assert!(osv::read(answer.as_bytes()).is_err());
        }
    }
}
