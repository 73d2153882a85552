//! What a file's path and what stands before a text on its line say of it.

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase()
}

/// What documents write is seldom what runs.
pub(crate) fn is_prose(path: &str) -> bool {
    let file = file_name(path);
    [
        ".md",
        ".mdx",
        ".rst",
        ".adoc",
        ".markdown",
        ".ipynb",
        ".html",
        ".htm",
        ".po",
        ".pot",
        ".tex",
        ".1",
        ".man",
    ]
    .iter()
    .any(|end| file.ends_with(end))
        || [
            "readme",
            "changelog",
            "changes",
            "news",
            "license",
            "copying",
            "copyright",
        ]
        .iter()
        .any(|name| file.starts_with(name))
        || path
            .split('/')
            .any(|part| matches!(part, "docs" | "doc" | "documentation" | "examples" | "example"))
}

/// A file that is there to be copied and filled in, or that was brought along.
pub(crate) fn is_example(path: &str) -> bool {
    const FOLDERS: &[&str] = &[
        "node_modules",
        "vendor",
        "third_party",
        "site-packages",
        "samples",
        "sample",
        "templates",
        "demo",
        "bench",
        "benches",
        "demos",
        "testdata",
        "test-data",
        "test_data",
    ];
    let file = file_name(path);
    file.split(['.', '-', '_']).any(|part| {
        matches!(
            part,
            "example"
                | "sample"
                | "template"
                | "dist"
                | "tmpl"
                | "tpl"
                | "default"
                | "defaults"
                | "test"
                | "tests"
                | "testing"
                | "spec"
        )
    }) || path.split('/').rev().skip(1).any(|part| FOLDERS.contains(&part))
}

/// Whether what stands before it on its line says that it is made up: `const SAMPLE_KEY = "…"`.
pub(crate) fn is_called_example(text: &str, at: usize) -> bool {
    const BYTES_MAX: usize = 80;
    let mut begin = at.saturating_sub(BYTES_MAX);
    while !text.is_char_boundary(begin) {
        begin += 1;
    }
    let line = text[begin..at]
        .rsplit('\n')
        .next()
        .unwrap_or("")
        .to_ascii_lowercase();
    ["sample", "example", "dummy", "fake", "mock", "test_", "_test"]
        .iter()
        .any(|word| line.contains(word))
}

/// Files whose values are not in quotes.
pub(crate) fn is_settings(path: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "env",
        "properties",
        "yaml",
        "yml",
        "json",
        "toml",
        "ini",
        "cfg",
        "conf",
        "config",
        "tf",
        "tfvars",
        "hcl",
        "xml",
        "plist",
        "npmrc",
        "pypirc",
        "netrc",
        "envrc",
        "secret",
        "secrets",
        "credentials",
        "sh",
        "bash",
        "zsh",
        "ps1",
        "bat",
        "cmd",
        "dockerfile",
        "service",
        "kdl",
        "ron",
        "json5",
        "jsonc",
    ];
    let file = file_name(path);
    file.starts_with(".env")
        || file.starts_with("dockerfile")
        || file
            .rsplit('.')
            .next()
            .is_some_and(|ending| ENDINGS.contains(&ending))
}

/// What package managers write: sums, not secrets.
pub(crate) fn is_lock(path: &str) -> bool {
    let file = file_name(path);
    file.ends_with(".lock")
        || file.ends_with(".sum")
        || file.ends_with(".svg")
        || file.ends_with(".map")
        || file.ends_with(".min.js")
        || file.ends_with(".min.css")
        || matches!(
            file.as_str(),
            "package-lock.json"
                | "pnpm-lock.yaml"
                | "npm-shrinkwrap.json"
                | "packages.lock.json"
                | "gradle.lockfile"
                | "pipfile.lock"
        )
}
