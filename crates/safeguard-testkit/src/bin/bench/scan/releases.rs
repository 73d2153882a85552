//! How often `safeguard check` refuses what is most likely right: releases of healthy packages against the ones before.
//!
//! What a package ships is good code with few exceptions, so a refusal is taken for a false alarm until somebody has looked at it; each
//! is printed. `releases.txt` names packages for which no rule was changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::{compared, done, target};
use crate::report::Row;

/// A registry, a package, the release before, the release.
const RELEASES: &str = include_str!("releases.txt");
/// Of a hundred changed files.
const REFUSALS_MAX: f64 = 0.05;

#[derive(Default)]
struct Counts {
    packages: usize,
    files: u64,
    refusals: u64,
    refused: usize,
}

pub fn run() -> anyhow::Result<Vec<Row>> {
    let archives = target()?.join("bench-releases");
    let mut by_registry: BTreeMap<&str, Counts> = BTreeMap::new();
    for line in RELEASES.lines().filter(|line| !line.starts_with('#')) {
        let [registry, package, before, after] = line.split(' ').collect::<Vec<_>>()[..] else {
            bail!("`{line}` is not a registry, a package and two versions");
        };
        let folder = archives.join(registry).join(package);
        let lay_out = |version: &str, root: &Path| unpack(&folder.join(version), root);
        let report = compared(|root| lay_out(before, root), |root| lay_out(after, root))
            .with_context(|| line.to_owned())?;
        let counts = by_registry.entry(registry).or_default();
        counts.packages += 1;
        counts.files += report["files"].as_u64().context("no number of files")?;
        let findings = report["findings"].as_array().context("no findings")?;
        let refusals: Vec<&Value> = findings
            .iter()
            .filter(|finding| finding["blocks"] == true)
            .collect();
        counts.refusals += refusals.len() as u64;
        counts.refused += usize::from(!refusals.is_empty());
        for finding in refusals {
            let text = |key: &str| finding[key].as_str().unwrap_or_default();
            eprintln!(
                "  {package} {after}: {} {}:{}: {}",
                text("rule"),
                text("path"),
                finding["place"]["line"],
                text("message")
            );
        }
    }
    let rows = by_registry.iter().map(|(registry, counts)| {
        let share = 100.0 * counts.refusals as f64 / counts.files.max(1) as f64;
        let name = format!(
            "{registry}: refusals in 100 changed files ({} in {} files, {} of {} releases)",
            counts.refusals, counts.files, counts.refused, counts.packages
        );
        Row::new(name, share, "").at_most(REFUSALS_MAX)
    });
    Ok(rows.collect())
}

/// The one archive of a folder: a wheel, or what npm packs. What pip adds about the wheel itself is left out.
fn unpack(folder: &Path, root: &Path) -> anyhow::Result<()> {
    let found = fs::read_dir(folder)
        .with_context(|| {
            format!(
                "`{}` is not there; `./bench releases` fetches it",
                folder.display()
            )
        })?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<PathBuf>>>()?;
    let [archive] = &found[..] else {
        bail!("`{}` holds {} archives", folder.display(), found.len());
    };
    if archive.extension().is_some_and(|ending| ending == "tgz") {
        let mut tar = Command::new("tar");
        return done(
            tar.args(["--no-same-owner", "-xzf"])
                .arg(archive)
                .arg("-C")
                .arg(root),
        );
    }
    ensure!(
        archive.extension().is_some_and(|ending| ending == "whl"),
        "`{}`",
        archive.display()
    );
    let mut python = Command::new("python3");
    done(python.args(["-m", "zipfile", "-e"]).arg(archive).arg(root))?;
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "dist-info") {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}
