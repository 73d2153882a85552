//! `safeguard verify` in repositories with real tests: pytest and node.

mod differences;
mod mutants;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Where `./test` puts a Python with the packages of `tests/verify/requirements.txt`.
pub fn tools() -> PathBuf {
    let folder = match std::env::var_os("SAFEGUARD_VERIFY_TOOLS") {
        Some(folder) => PathBuf::from(folder),
        // The program lies in `target/debug`.
        None => Path::new(env!("CARGO_BIN_EXE_safeguard"))
            .ancestors()
            .nth(2)
            .expect("the target folder")
            .join("verify-tools"),
    };
    assert!(
        folder.join("bin/python").exists(),
        "`{}` has no Python: ./test makes it (`need_python_packages`)",
        folder.display()
    );
    folder
}

pub fn git(folder: &Path, words: &[&str]) -> String {
    let done = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args([
            "-c",
            "user.name=Kim",
            "-c",
            "user.email=kim@example.org",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(words)
        .output()
        .expect("git");
    assert!(
        done.status.success(),
        "git {words:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).into_owned()
}

pub fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
}

/// A repository with `base` on `main`, and `head` in the working tree of a branch.
pub fn repository(base: &[(&str, &str)], head: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["init", "-q", "-b", "main"]);
    write(folder.path(), base);
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "base"]);
    git(folder.path(), &["checkout", "-q", "-b", "change"]);
    write(folder.path(), head);
    folder
}

pub fn verify(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_safeguard"))
        .arg("verify")
        .args(words)
        .current_dir(folder)
        .output()
        .expect("safeguard")
}

pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
