//! `safeguard check` where git can not read its own history.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::check::{check, git, repository};

#[test]
fn a_damaged_history_is_said_to_be_damaged() {
    let folder = repository();
    let root = folder.path();
    let commit = |name: &str| git_says(root, &["rev-parse", name]);
    let remove = |id: &str| {
        let object = root.join(".git/objects").join(&id[..2]).join(&id[2..]);
        std::fs::remove_file(object).expect("an object");
    };
    for text in ["a = 1\n", "a = 2\n"] {
        std::fs::write(root.join("ping.py"), text).expect("a file");
        git(root, &["commit", "-q", "-a", "-m", "more"]);
    }
    remove(&commit("HEAD~1"));
    let output = check(root, &[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("git merge-base: ") && !told.contains("in common"),
        "{told}"
    );

    remove(&commit("main"));
    let output = check(root, &[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("does not have the commit of `refs/heads/main`"),
        "{told}"
    );
}

#[test]
fn a_manifest_that_git_can_not_read_decides_nothing() {
    let folder = TempDir::new().expect("a folder");
    let root = folder.path();
    git(root, &["init", "-q", "-b", "main"]);
    std::fs::write(root.join("requirements.txt"), "flask==3.0.0\n").expect("a file");
    std::fs::write(root.join("app.py"), "import flask\n").expect("a file");
    git(root, &["add", "-A"]);
    git(root, &["commit", "-q", "-m", "base"]);
    git(root, &["checkout", "-q", "-b", "change"]);
    std::fs::write(root.join("app.py"), "import flask\nimport os\n").expect("a file");
    git(root, &["commit", "-q", "-a", "-m", "change"]);
    let range = ["--offline", "--range", "main..change"];
    assert_eq!(check(root, &range).status.code(), Some(0));

    let id = git_says(root, &["rev-parse", "change:requirements.txt"]);
    let object = root.join(".git/objects").join(&id[..2]).join(&id[2..]);
    std::fs::remove_file(&object).expect("an object");
    std::fs::write(&object, "no object of git's").expect("a file");
    let output = check(root, &range);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("git cat-file: ") && told.contains(&id), "{told}");
}

fn git_says(root: &Path, words: &[&str]) -> String {
    let output = Command::new("git").args(words).current_dir(root).output();
    String::from_utf8_lossy(&output.expect("git").stdout)
        .trim()
        .to_owned()
}
