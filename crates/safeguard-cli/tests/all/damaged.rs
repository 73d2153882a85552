//! `safeguard check` where git can not read its own history.

use std::process::Command;

use crate::check::{check, git, repository};

#[test]
fn a_damaged_history_is_said_to_be_damaged() {
    let folder = repository();
    let root = folder.path();
    let commit = |name: &str| {
        let output = Command::new("git")
            .args(["rev-parse", name])
            .current_dir(root)
            .output();
        String::from_utf8_lossy(&output.expect("git").stdout)
            .trim()
            .to_owned()
    };
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
