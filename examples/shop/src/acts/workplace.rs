//! What the acts need on disk: a folder with the configuration, an artifact and a commit of each version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::versions::{VERSIONS, Version};

const CONFIG: &str = include_str!("../../safeguard.toml");
const CONFIG_HOST: &str = "127.0.0.1:";
const CONFIG_DATABASES: &str = "/tmp/safeguard-shop/";

/// Who approves in the act with gates: name and address.
pub const REVIEWERS: [(&str, &str); 2] = [("Ada Byron", "ada@example.org"), ("Bo Chen", "bo@example.org")];

/// A temporary folder, gone when this is dropped.
pub struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    /// Lays out the folder; the binaries of the versions lie in `binaries`.
    ///
    /// # Errors
    /// A binary is missing, git is, or the disk is full.
    pub fn new(binaries: &Path) -> anyhow::Result<Workplace> {
        let folder = tempfile::Builder::new().prefix("safeguard-run-").tempdir()?;
        let place = Workplace { folder };
        for (at, (_, address)) in REVIEWERS.iter().enumerate() {
            make_key(&place.key(at), address)?;
        }
        fs::write(place.config(), place.adapted()?)?;
        for version in VERSIONS {
            let artifact = place.artifact(version.name);
            fs::create_dir_all(&artifact)?;
            fs::write(artifact.join("CHANGES.md"), version.notes)?;
            let binary = binaries.join(format!("shop-{}", version.name.replace('.', "-")));
            fs::copy(&binary, artifact.join("shop"))
                .with_context(|| format!("cannot copy `{}`: run `cargo build -p shop`", binary.display()))?;
        }
        fs::create_dir_all(place.source_folder())?;
        place.git(&["init", "--quiet", "--initial-branch", "main"])?;
        place.git(&["remote", "add", "origin", "https://git.example.org/shop.git"])?;
        // Who approves has worked on what is changed.
        for (name, address) in REVIEWERS {
            fs::write(
                place.repository().join("CHANGES.md"),
                format!("# The shop\n\nKept by {name}.\n"),
            )?;
            fs::write(place.source(), format!("//! The shop's pages, kept by {name}.\n"))?;
            place.git(&["add", "--all"])?;
            place.git(&[
                "commit",
                "--quiet",
                "--author",
                &format!("{name} <{address}>"),
                "--message",
                "Begin",
            ])?;
        }
        Ok(place)
    }

    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("safeguard.toml")
    }

    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    #[must_use]
    pub fn messages(&self) -> PathBuf {
        self.folder.path().join("up.log")
    }

    #[must_use]
    pub fn artifact(&self, version: &str) -> PathBuf {
        self.folder.path().join("artifacts").join(version)
    }

    /// What the checks of a version wrote.
    #[must_use]
    pub fn reports(&self, version: &str) -> PathBuf {
        self.folder.path().join("reports").join(version)
    }

    /// The private key of a reviewer, made for this run.
    #[must_use]
    pub fn key(&self, reviewer: usize) -> PathBuf {
        self.folder.path().join(format!("reviewer-{reviewer}"))
    }

    #[must_use]
    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    fn source_folder(&self) -> PathBuf {
        self.repository().join("src")
    }

    /// The module of the version that is checked out.
    fn source(&self) -> PathBuf {
        self.source_folder().join("pages.rs")
    }

    /// Merges a version on top of `onto`, or of the beginning, and returns the new head.
    ///
    /// # Errors
    /// Git refuses.
    pub fn merge(&self, version: &Version, onto: Option<&str>) -> anyhow::Result<String> {
        self.git(&["reset", "--quiet", "--hard", onto.unwrap_or("HEAD")])?;
        fs::write(self.repository().join("CHANGES.md"), version.notes)?;
        fs::write(self.source(), version.source)?;
        self.git(&["add", "--all"])?;
        let text = version.notes.lines().skip(2).collect::<Vec<_>>().join(" ");
        let title = text.split([':', '.']).next().unwrap_or_default();
        let message = format!("{title}\n\n{text}\n\nCo-authored-by: Coding agent <agent@example.org>");
        self.git(&["commit", "--quiet", "--message", &message])?;
        self.git(&["rev-parse", "HEAD"])
    }

    /// The example's configuration, with ports that the kernel chooses and databases in this folder.
    fn adapted(&self) -> anyhow::Result<String> {
        let databases = self.folder.path().join("databases");
        let databases = databases
            .to_str()
            .context("the temporary folder's name is not UTF-8")?;
        let mut lines = Vec::new();
        for line in CONFIG.lines() {
            let line = match line.split_once(CONFIG_HOST) {
                Some((before, _)) if !line.starts_with('#') => format!("{before}{CONFIG_HOST}0\""),
                _ => line.replace(CONFIG_DATABASES, &format!("{databases}/")),
            };
            lines.push(line);
        }
        for (at, (name, address)) in REVIEWERS.iter().enumerate() {
            let key = fs::read_to_string(self.key(at).with_extension("pub"))?;
            lines.push(format!(
                "\n[[approvers]]\nperson = \"{name}\"\nroles = [\"senior\"]\nemails = [\"{address}\"]\nkeys = [\"{}\"]",
                key.trim()
            ));
        }
        Ok(lines.join("\n"))
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=Kim Doe",
                "-c",
                "user.email=kim@example.org",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(arguments)
            .current_dir(self.repository())
            // Whoever runs the example inside a hook of another repository shall not write into that one.
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .output()
            .context("cannot run `git`: `apt-get install git`")?;
        if !output.status.success() {
            bail!(
                "`git {}` failed: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn make_key(path: &Path, comment: &str) -> anyhow::Result<()> {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f"])
        .arg(path)
        .output()
        .context("cannot run `ssh-keygen`: `apt-get install openssh-client`")?;
    if !made.status.success() {
        bail!(
            "`ssh-keygen` failed: {}",
            String::from_utf8_lossy(&made.stderr).trim()
        );
    }
    Ok(())
}
