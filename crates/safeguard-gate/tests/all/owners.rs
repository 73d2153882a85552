//! CODEOWNERS: the examples of GitHub's documentation, and traps.

use insta::assert_snapshot;
use proptest::prelude::*;
use safeguard_gate::Owners;
use safeguard_gate::owners::{CODEOWNERS_BYTES_MAX, RULES_MAX};

/// The owners of each path, a line each, then the lines that were skipped.
fn owners(codeowners: &str, paths: &[&str]) -> String {
    let owners = Owners::read(codeowners).unwrap();
    let mut text = String::new();
    for path in paths {
        text.push_str(&format!("{path}: {}\n", owners.of(path).join(" ")));
    }
    for (line, why) in &owners.skipped {
        text.push_str(&format!("line {line} skipped: {why}\n"));
    }
    text
}

/// Whether one pattern matches, each as GitHub's documentation or gitignore(5) says.
#[test]
fn patterns() {
    for (pattern, path, owned) in [
        ("*", "a/b/c.rs", true),
        ("*.js", "a/b.js", true),
        ("*.js", "a/b.jsx", false),
        ("/*.js", "b.js", true),
        ("/*.js", "a/b.js", false),
        ("/build/logs/", "build/logs/x/y", true),
        ("/build/logs/", "a/build/logs/x", false),
        ("/build/logs/", "build/logs", false),
        ("docs/*", "docs/a.md", true),
        ("docs/*", "docs/build-app/a.md", false),
        ("docs/*", "a/docs/b.md", false),
        ("apps/", "a/b/apps/c/d", true),
        ("apps/", "apps", false),
        ("apps", "a/apps", true),
        ("apps", "a/apps/b", true),
        ("/docs", "docs/a/b", true),
        ("docs/api", "docs/api/x", true),
        ("docs/api", "a/docs/api/x", false),
        ("**/logs", "build/logs/x", true),
        ("**/logs", "logs", true),
        ("a/**", "a/b/c", true),
        ("a/**", "a", false),
        ("a/**/b", "a/b", true),
        ("a/**/b", "a/x/y/b", true),
        ("a/**/b", "a/x/y/bb", false),
        ("a/**/*.rs", "a/b.rs", true),
        ("a?c", "abc", true),
        ("a?c", "a/c", false),
        ("a*c*e", "abcde", true),
        ("a*c*e", "abdde", false),
        ("with\\ space", "with space", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("A", "a", false),
    ] {
        let read = Owners::read(&format!("{pattern} @o")).unwrap();
        assert_eq!(!read.of(path).is_empty(), owned, "{pattern} and {path}");
    }
}

#[test]
fn the_last_match_decides_also_for_nobody() {
    assert_snapshot!(
        owners(
            "# everything\n*       @global-owner1 @global-owner2\n*.js    @js-owner #This is an inline comment.\n\
            *.go docs@example.com\n*.txt @octo-org/octocats\n/apps/ @octocat\n/apps/github\n",
            &["x", "a.js", "b/c.go", "d.txt", "apps/x", "apps/github/y"],
        ),
        @r"
        x: @global-owner1 @global-owner2
        a.js: @js-owner
        b/c.go: docs@example.com
        d.txt: @octo-org/octocats
        apps/x: @octocat
        apps/github/y:
        "
    );
}

#[test]
fn a_line_that_is_not_understood_is_skipped_and_told() {
    assert_snapshot!(
        owners(
            "\u{feff}* @all\r\n!a @b\n[ab].rs @b\n***/x @b\na//b @b\n/ @b\nx.rs b\ny.rs @b @\nz.rs @a/b/c\n",
            &["a", "x.rs", "y.rs"],
        ),
        @r"
        a: @all
        x.rs: @all
        y.rs: @all
        line 2 skipped: `!a` begins with `!`, which CODEOWNERS does not know
        line 3 skipped: `[ab].rs` has a character class, which CODEOWNERS does not know
        line 4 skipped: `***/x` has three asterisks in a row
        line 5 skipped: `a//b` has an empty part
        line 6 skipped: `/` has an empty part
        line 7 skipped: `b` is not an owner
        line 8 skipped: `@` is not an owner
        line 9 skipped: `@a/b/c` is not an owner
        "
    );
}

#[test]
fn limits_are_told() {
    let many = "a @b\n".repeat(RULES_MAX + 1);
    assert_snapshot!(Owners::read(&many).unwrap_err(), @"line 20001: more than 20000 rules");
    let long = " ".repeat(CODEOWNERS_BYTES_MAX + 1);
    assert_snapshot!(Owners::read(&long).unwrap_err(), @"CODEOWNERS has 3145729 bytes (limit 3145728)");
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a*?/\\\\ @#\\[!\n]{0,60}", path in "[a/*]{0,20}") {
        prop_assert!(Owners::read(&text).unwrap().of(&path).len() <= text.len());
    }
}

/// The classic pattern that a backtracking matcher never ends on.
#[test]
fn asterisks_without_end_take_no_time() {
    let pattern = "a*".repeat(400) + "b @o";
    let owners = Owners::read(&pattern).unwrap();
    assert!(owners.of(&"a".repeat(4000)).is_empty());
    let deep = "**/a/".repeat(200) + "b @o";
    let owners = Owners::read(&deep).unwrap();
    assert!(owners.of(&"a/".repeat(2000)).is_empty());
}
