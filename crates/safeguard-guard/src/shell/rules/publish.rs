//! What is published can not be taken back.

use super::{CommandRule, POLICY};
use crate::shell::options::{Row, row_of};

pub(super) static RULE: CommandRule = CommandRule {
    id: "publish",
    page: include_str!("publish.md"),
    sqlstate: POLICY,
    why: "a version that is out is used within minutes, and most registries never take it back",
    instead: "let the pipeline publish what was reviewed (`--dry-run` shows what would go out), and have a person take a version back",
    check: |invocation| {
        row_of(
            TABLE,
            &invocation.program,
            &invocation.args,
            &["--workspace", "-w", "--filter", "-C", "--prefix"],
        )
        .map(str::to_owned)
    },
};

const DRY: &[&str] = &["--dry-run", "-n", "--help", "-h"];
const DOES: &str = "publishes to a registry";

pub(super) const TABLE: &[Row] = &[
    row("npm|pnpm|bun", &["publish"]),
    row("npm|pnpm", &["unpublish|deprecate|dist-tag|owner|access"]),
    row("yarn", &["publish"]),
    row("yarn", &["npm", "publish"]),
    row("lerna|changeset", &["publish"]),
    row("cargo", &["publish|yank|owner"]),
    row("gem", &["push|yank|owner"]),
    row("twine", &["upload"]),
    row("poetry|uv|flit|hatch|pdm|maturin", &["publish|upload"]),
    row("python|python3", &["setup.py", "**", "upload"]),
    row("python|python3", &["twine", "upload"]),
    row("mix", &["hex.publish|hex.retire"]),
    row("dart|flutter", &["pub", "publish"]),
    row("mvn|mvnw", &["**", "deploy|release:perform"]),
    row("gradle|gradlew", &["**", "publish*"]),
    row("dotnet", &["nuget", "push|delete"]),
    row("nuget", &["push|delete"]),
    row("gh", &["release", "create|upload"]),
    row("vsce|ovsx", &["publish|unpublish"]),
    row("jsr", &["publish"]),
    row("deno", &["publish"]),
    row("helm", &["push"]),
];

const fn row(program: &'static str, words: &'static [&'static str]) -> Row {
    Row::of(program, words, DOES).unless(DRY)
}
