//! `git diff` as the real program writes it, and texts that it would never write.

use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use proptest::prelude::*;
use safeguard_gate::read_diff;

/// One line for each file, or why there is none.
fn read(bytes: &[u8]) -> String {
    let diff = match read_diff(bytes) {
        Ok(diff) => diff,
        Err(refused) => return refused.to_string(),
    };
    let lines = diff.files.iter().map(|file| {
        let mut line = format!("{:?} {:?}", file.status, file.path);
        if let Some(from) = &file.moved_from {
            line.push_str(&format!(" from {from:?}"));
        }
        if let Some(mode) = &file.mode {
            line.push_str(&format!(" mode {mode}"));
        }
        if file.binary {
            line.push_str(" binary");
        }
        line + &format!(" +{:?} -{}\n", file.added, file.removed_lines)
    });
    lines.collect()
}

/// A repository with two commits, made by `before` and `after`; returns what git says is between them.
fn real(before: fn(&Path), after: fn(&Path), options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(arguments)
            .current_dir(folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        done.stdout
    };
    git(&["init", "-q"]);
    for make in [before, after] {
        make(folder.path());
        git(&["add", "-A"]);
        git(&["commit", "-qm", "."]);
    }
    let mut arguments = vec!["diff", "--no-color", "--no-ext-diff"];
    arguments.extend(options);
    arguments.extend(["HEAD~1", "HEAD"]);
    git(&arguments)
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn twenty_lines() -> String {
    (1..=20).map(|n| format!("line {n}\n")).collect()
}

fn odd_files_before(folder: &Path) {
    write(folder, "edited", twenty_lines());
    write(folder, "moved", twenty_lines());
    write(folder, "moved and edited", twenty_lines());
    write(folder, "removed", "a\nb\n");
    write(folder, "script", "x\n");
    write(folder, "picture", [0, 1, 2]);
    write(folder, "link", "was a file\n");
    write(folder, "no-newline", "a\nb");
    write(folder, "spaced name", "a\n");
    write(folder, "a/b b/b", "a\n");
}

fn odd_files_after(folder: &Path) {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let rename = |from: &str, to: &str| std::fs::rename(folder.join(from), folder.join(to)).unwrap();
    write(
        folder,
        "edited",
        twenty_lines()
            .replace("line 3\n", "three\nand more\n")
            .replace("line 15\n", ""),
    );
    write(folder, "here/placed", "");
    rename("moved", "here/moved");
    rename("moved and edited", "here/moved too");
    write(folder, "here/moved too", twenty_lines() + "line 21\n");
    std::fs::remove_file(folder.join("removed")).unwrap();
    std::fs::set_permissions(folder.join("script"), PermissionsExt::from_mode(0o755)).unwrap();
    write(folder, "picture", [0, 1, 3]);
    std::fs::remove_file(folder.join("link")).unwrap();
    symlink("edited", folder.join("link")).unwrap();
    write(folder, "no-newline", "a\nc");
    write(folder, "spaced name", "b\n");
    write(folder, "a/b b/b", "b\n");
    write(folder, "täb\there \"quoted\"", "new\n");
    // Lines that look like headers once they have a sign before them.
    write(
        folder,
        "sql",
        "-- a/comment\n++ b/more\n@@ -1 +1 @@\ndiff --git a/x b/x\n",
    );
}

#[test]
fn everything_that_git_writes_is_read() {
    assert_snapshot!(read(&real(odd_files_before, odd_files_after, &["-M"])), @r#"
    Modified "a/b b/b" +[1] -1
    Modified "edited" +[3-4] -2
    Modified "here/moved" from "moved" +[] -0
    Modified "here/moved too" from "moved and edited" +[21] -0
    Added "here/placed" mode 100644 +[] -0
    Modified "link" mode 120000 +[1] -1
    Modified "no-newline" +[2] -1
    Modified "picture" binary +[] -0
    Removed "removed" +[] -2
    Modified "script" mode 100755 +[] -0
    Modified "spaced name" +[1] -1
    Added "sql" mode 100644 +[1-4] -0
    Added "täb\there \"quoted\"" mode 100644 +[1] -0
    "#);
}

#[test]
fn binary_patches_and_context_do_not_matter() {
    let plain = read(&real(odd_files_before, odd_files_after, &["-M"]));
    for options in [
        &["-M", "--binary"][..],
        &["-M", "-U0"],
        &["-M", "-U9", "--full-index"],
    ] {
        assert_eq!(
            read(&real(odd_files_before, odd_files_after, options)),
            plain,
            "{options:?}"
        );
    }
}

#[test]
fn a_removed_line_that_looks_like_a_header_is_a_line() {
    let before: fn(&Path) = |folder| write(folder, "sql", "-- a/other\nselect 1;\n");
    let after: fn(&Path) = |folder| write(folder, "sql", "++ b/other\nselect 1;\n");
    assert_snapshot!(read(&real(before, after, &[])), @r#"Modified "sql" +[1] -1"#);
}

#[test]
fn what_git_would_not_write_is_refused_with_its_line() {
    let file = "diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n";
    for (name, text) in [
        ("merge", "diff --cc f\nindex 1,2..3\n".to_owned()),
        ("commit message", "commit 123\n\n    text\n".to_owned()),
        ("hunk cut short", format!("{file}@@ -1,2 +1,2 @@\n a\n")),
        ("hunk too long", format!("{file}@@ -1 +1,2 @@\n-a\n-b\n+c\n")),
        ("line after a hunk", format!("{file}@@ -1 +1 @@\n-a\n+b\n+c\n")),
        ("huge line numbers", format!("{file}@@ -1 +4294967295,9 @@\n-a\n")),
        ("negative line numbers", format!("{file}@@ -1 +-4 @@\n-a\n")),
        ("line 0", format!("{file}@@ -1 +0 @@\n-a\n+b\n")),
        (
            "hunks out of order",
            format!("{file}@@ -9 +9 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b\n"),
        ),
        (
            "names that differ",
            "diff --git a/f b/f\n--- a/f\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n".to_owned(),
        ),
        (
            "another prefix",
            "diff --git i/f w/f\n--- i/f\n+++ w/f\n@@ -1 +1 @@\n-a\n+b\n".to_owned(),
        ),
        (
            "a way out",
            "diff --git a/../f b/../f\nnew file mode 100644\n".to_owned(),
        ),
        (
            "copy",
            "diff --git a/f b/g\nsimilarity index 100%\ncopy from f\ncopy to g\n".to_owned(),
        ),
        ("half a rename", "diff --git a/f b/g\nrename from f\n".to_owned()),
        (
            "submodule as log",
            "Submodule lib 123..456:\n  > a commit\n".to_owned(),
        ),
        ("twice", format!("{file}{file}")),
        (
            "not removed",
            "diff --git a/f b/f\n--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n".to_owned(),
        ),
        ("quotes", "diff --git \"a/f b/f\"\n--- \"a/\\9\"\n".to_owned()),
    ] {
        assert!(
            read_diff(text.as_bytes()).is_err(),
            "{name} was taken: {}",
            read(text.as_bytes())
        );
    }
    assert_snapshot!(read(b"diff --cc f\n"), @"line 1: a combined diff of a merge; it must be against one commit");
    assert_snapshot!(read(format!("{file}@@ -1,2 +1,2 @@\n a\n").as_bytes()), @"line 6: the diff ends within a hunk, 1 and 1 lines too early");
    assert_snapshot!(read(b"\x1f\x8b\x08\x00"), @"line 1: `����` is not `diff --git …`");
    assert_snapshot!(read(b""), @"");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(read_diff(&bytes));
    }

    /// Whatever a line says, git's own counting and ours agree.
    #[test]
    fn added_lines_are_those_that_are_new(
        before in prop::collection::vec("[-+@ d\\\\]{0,3}", 0..12),
        after in prop::collection::vec("[-+@ d\\\\]{0,3}", 0..12),
    ) {
        let hunk = |sign: char, lines: &[String]| -> String {
            lines.iter().map(|line| format!("{sign}{line}\n")).collect()
        };
        let (old, new) = (before.len(), after.len());
        let text = format!(
            "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -{},{old} +{},{new} @@\n{}{}",
            u8::from(old > 0), u8::from(new > 0), hunk('-', &before), hunk('+', &after)
        );
        let diff = read_diff(text.as_bytes()).unwrap();
        prop_assert_eq!(diff.added_lines(), new as u64);
        prop_assert_eq!(diff.removed_lines(), old as u64);
    }

    #[test]
    fn a_diff_cut_anywhere_is_refused_or_shorter(cut in 0usize..400) {
        let whole = real_once();
        let cut = cut % whole.len();
        if let Ok(part) = read_diff(&whole[..cut]) {
            let all = read_diff(whole).unwrap();
            prop_assert!(part.files.iter().all(|file| file.added.len() <= all.added_lines()));
            prop_assert!(part.files.len() <= all.files.len());
        }
    }
}

fn real_once() -> &'static [u8] {
    static REAL: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    REAL.get_or_init(|| real(odd_files_before, odd_files_after, &["-M"]))
}
