//! Other scanners over the same sources. None of them looks for the same; what they share is that all of it is read.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use super::used::{Used, used};

/// Rules of this project, written out for Semgrep.
const SEMGREP_RULES: &str = include_str!("semgrep_rules.py");
/// A few patterns are enough for it to read every file.
const AST_GREP_RULES: &str = "\
id: evaluated
language: python
rule:
  any:
    - pattern: eval($A)
    - pattern: exec($A)
    - pattern: os.system($A)
    - pattern: pickle.loads($A)
    - pattern: subprocess.run($$$A, shell=True, $$$B)
";

pub struct Peer {
    pub name: &'static str,
    pub about: String,
    pub used: Used,
}

pub fn all(root: &Path, tools: &Path) -> anyhow::Result<Vec<Peer>> {
    let program = |name: &str| {
        let mut command = Command::new(tools.join("bin").join(name));
        command.current_dir(root);
        command
    };
    let folder = tempfile::tempdir()?;
    let rules = folder.path().join("rules.yaml");
    let count = semgrep_rules(tools, &rules)?;
    let mut semgrep = program("semgrep");
    // It looks for its own parts on the path.
    semgrep.env("PATH", path_with(&tools.join("bin"))?);
    semgrep.args([
        "scan",
        "--metrics=off",
        "--disable-version-check",
        "--quiet",
        "--json",
        "--jobs",
        "2",
    ]);
    semgrep.arg("--config").arg(&rules).arg(".");
    let mut bandit = program("bandit");
    bandit.args(["--quiet", "--recursive", "--format", "json", "."]);
    let mut ruff = program("ruff");
    ruff.args([
        "check",
        "--isolated",
        "--no-cache",
        "--exit-zero",
        "--select",
        "S",
        "--output-format",
        "json",
        ".",
    ]);
    let mut ast_grep = program("ast-grep");
    ast_grep.args(["scan", "--json=compact", "--inline-rules", AST_GREP_RULES, "."]);
    Ok(vec![
        Peer {
            name: "semgrep",
            about: format!("{count} of our rules"),
            used: used(semgrep, &[0, 1])?,
        },
        Peer {
            name: "bandit",
            about: "its own".to_owned(),
            used: used(bandit, &[0, 1])?,
        },
        Peer {
            name: "ruff",
            about: "its `S`".to_owned(),
            used: used(ruff, &[0])?,
        },
        Peer {
            name: "ast-grep",
            about: "five patterns".to_owned(),
            used: used(ast_grep, &[0, 1])?,
        },
    ])
}

fn semgrep_rules(tools: &Path, file: &Path) -> anyhow::Result<usize> {
    let rules: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../safeguard-scan/src/rules");
    let output = Command::new(tools.join("bin/python"))
        .args(["-c", SEMGREP_RULES])
        .arg(&rules)
        .arg(file)
        .output()
        .context("cannot start Python")?;
    ensure!(
        output.status.success(),
        "rules for Semgrep: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

fn path_with(folder: &Path) -> anyhow::Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}
