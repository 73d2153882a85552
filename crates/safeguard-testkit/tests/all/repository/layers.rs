//! Which crate may use which.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use super::{assert_none, root};

/// The layers from the bottom up. A crate uses only crates of lower layers, never one of its own.
const LAYERS: &[(&str, &[&str])] = &[
    ("L0", &["safeguard-api", "safeguard-audit", "safeguard-stats"]),
    (
        "L1",
        &[
            "safeguard-calendar",
            "safeguard-dependencies",
            "safeguard-guard",
            "safeguard-rollout",
            "safeguard-scan",
            "safeguard-secrets",
        ],
    ),
    ("L2", &["safeguard-gate", "safeguard-mutation"]),
    // Stands beside the crates of L3, all of which may speak through it.
    ("L3 link", &["safeguard-link"]),
    (
        "L3",
        &["safeguard-store", "safeguard-dataplane", "safeguard-target"],
    ),
    // Runs the router and the process target of L3 as they are, in an installation of its own.
    ("L3 trials", &["safeguard-trial"]),
    ("L4", &["safeguard-server"]),
    ("L5", &["safeguard-cli"]),
    ("dev", &["safeguard-testkit"]),
];

/// L0 to L2 decide: values in, values out.
const ENGINES: &[&str] = &[
    "safeguard-api",
    "safeguard-audit",
    "safeguard-stats",
    "safeguard-calendar",
    "safeguard-dependencies",
    "safeguard-rollout",
    "safeguard-gate",
    "safeguard-guard",
    "safeguard-scan",
    "safeguard-mutation",
    "safeguard-secrets",
];

/// Narrower than the layers: what a crate may use of the crates below it.
const MAY_USE: &[(&str, &[&str])] = &[
    ("safeguard-gate", &["safeguard-api", "safeguard-stats"]),
    ("safeguard-dependencies", &["safeguard-api"]),
    ("safeguard-guard", &["safeguard-api"]),
    ("safeguard-scan", &["safeguard-api"]),
    ("safeguard-mutation", &["safeguard-scan"]),
    ("safeguard-secrets", &[]),
    ("safeguard-link", &["safeguard-api"]),
    (
        "safeguard-store",
        &["safeguard-api", "safeguard-audit", "safeguard-link"],
    ),
    ("safeguard-target", &["safeguard-api", "safeguard-link"]),
    (
        "safeguard-dataplane",
        &[
            "safeguard-api",
            "safeguard-guard",
            "safeguard-link",
            "safeguard-rollout",
        ],
    ),
    (
        "safeguard-trial",
        &[
            "safeguard-api",
            "safeguard-dataplane",
            "safeguard-link",
            "safeguard-target",
        ],
    ),
];

/// What reaches files, sockets, processes, time or chance.
const OUTSIDE_WORLD: &[&str] = &[
    "axum",
    "async-std",
    "futures-util",
    "getrandom",
    "hyper",
    "hyper-util",
    "mio",
    "nix",
    "rand",
    "reqwest",
    "rusqlite",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tracing-subscriber",
];

/// Keys are only read and signatures only verified, which takes no chance; a test over the sources bans asking for any.
const NEVER_CALLED: &[(&str, &str)] = &[("rand_core", "getrandom")];

fn metadata() -> Metadata {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--offline", "--locked", "--filter-platform", host].map(str::to_owned))
        .exec()
        .unwrap()
}

fn height(name: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, crates)| crates.contains(&name))
}

#[test]
fn every_crate_has_a_layer() {
    let metadata = metadata();
    let found: BTreeSet<&str> = metadata
        .workspace_packages()
        .iter()
        .map(|package| package.name.as_str())
        .filter(|name| name.starts_with("safeguard-"))
        .collect();
    let listed: BTreeSet<&str> = LAYERS
        .iter()
        .flat_map(|(_, crates)| crates.iter().copied())
        .collect();
    assert_eq!(found, listed);
}

#[test]
fn arrows_point_down_only() {
    let mut wrong = Vec::new();
    for package in metadata().workspace_packages() {
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_some())
        {
            let (from, to) = (package.name.as_str(), dependency.name.as_str());
            let test_only = dependency.kind == DependencyKind::Development && to == "safeguard-testkit";
            // An example stands outside: it may use anything, and nothing uses it.
            let down = match (height(from), height(to)) {
                (Some(from), Some(to)) => to < from,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            let narrow = MAY_USE
                .iter()
                .find(|(name, _)| *name == from)
                .is_none_or(|(_, may_use)| may_use.contains(&to));
            if !(test_only || down && narrow) {
                wrong.push(format!("{from} uses {to}"));
            }
        }
    }
    assert_none("these arrows are not in DESIGN's picture", &wrong);
}

#[test]
fn engines_know_nothing_of_the_outside_world() {
    let metadata = metadata();
    let name_of: BTreeMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let nodes: BTreeMap<&PackageId, _> = metadata
        .resolve
        .as_ref()
        .unwrap()
        .nodes
        .iter()
        .map(|node| (&node.id, node))
        .collect();
    let mut wrong = Vec::new();
    for engine in ENGINES {
        let start = metadata
            .workspace_packages()
            .into_iter()
            .find(|package| package.name == *engine)
            .unwrap();
        let mut seen = BTreeSet::from([&start.id]);
        let mut to_do = vec![&start.id];
        while let Some(id) = to_do.pop() {
            for dependency in &nodes[id].deps {
                let normal = dependency
                    .dep_kinds
                    .iter()
                    .any(|kind| kind.kind == DependencyKind::Normal);
                if normal && seen.insert(&dependency.pkg) {
                    to_do.push(&dependency.pkg);
                    let (from, to) = (name_of[id], name_of[&dependency.pkg]);
                    if OUTSIDE_WORLD.contains(&to) && !NEVER_CALLED.contains(&(from, to)) {
                        wrong.push(format!("{engine}: {from} brings in {to}"));
                    }
                }
            }
        }
    }
    assert_none("an engine depends on something that does IO", &wrong);
}

#[test]
fn every_crate_takes_the_common_lints() {
    let lacking: Vec<String> = super::files(".", "toml")
        .into_iter()
        .filter(|file| file.ends_with("/Cargo.toml") && !file.contains("/tests/"))
        // Those of the corpus are what is looked at.
        .filter(|file| !file.contains("corpus/changes/"))
        .filter(|file| !super::text(file).contains("[lints]\nworkspace = true"))
        .collect();
    assert_none(
        "`[lints] workspace = true` is missing, and with it `unsafe_code = \"forbid\"`",
        &lacking,
    );
}
