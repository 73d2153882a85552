//! `./run` and `./test` on a machine that lacks something: one line that says what, and what mends it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use super::{assert_none, root, text};

/// What every machine has that can run the scripts at all.
const ALWAYS: &[&str] = &["bash", "cat", "cut", "dirname", "env", "head", "id", "sort"];
const RUSTUP: &str = "curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y";

/// Runs the script with these programs alone, each a shell script with such a body, and a home of their own.
fn told_by(script: &str, programs: &[(&str, &str)]) -> String {
    let machine = tempfile::tempdir().unwrap();
    let bin = machine.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for program in ALWAYS {
        symlink(found(program), bin.join(program)).unwrap();
    }
    for (program, body) in programs {
        let path = machine.path().join(program);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = Command::new(root().join(script))
        .env_clear()
        .env("PATH", &bin)
        .env("HOME", machine.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(output.stdout, b"");
    let told = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with("==> ")).collect();
    assert_eq!(lines.len(), 1, "{told}");
    // Whoever is not root has to say so.
    lines[0].replace("sudo ", "")
}

fn found(program: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("this machine has no `{program}`"))
}

// It reads what it is given, as compilers do.
const CC: (&str, &str) = ("bin/cc", "cat > /dev/null");
const CARGO: (&str, &str) = ("bin/cargo", "exit 1");
const RUSTC: (&str, &str) = ("bin/rustc", "echo 'rustc 1.95.0 (59807616e 2026-04-14)'");
const RUSTC_OLD: (&str, &str) = ("bin/rustc", "echo 'rustc 1.63.0'");

#[test]
fn what_is_lacking_is_said_in_a_line_with_what_mends_it() {
    let cc =
        "this machine lacks a C compiler with its library; mend it with: apt-get install -y gcc libc6-dev";
    assert_eq!(told_by("run", &[]), format!("run: {cc}"));
    assert_eq!(told_by("test", &[]), format!("test: {cc}"));
    assert_eq!(
        told_by("run", &[("bin/cc", "echo no stdio.h >&2; exit 1")]),
        format!("run: {cc}")
    );

    let rust = format!("run: this machine lacks Rust; mend it with: {RUSTUP}");
    assert_eq!(told_by("run", &[CC]), rust);
    assert_eq!(told_by("run", &[CC, CARGO]), rust, "cargo alone is not enough");
    assert_eq!(
        told_by(
            "run",
            &[CC, CARGO, ("bin/rustc", "exit 1"), ("bin/rustup", "exit 1")]
        ),
        "run: this machine lacks Rust; mend it with: rustup toolchain install stable && rustup default stable"
    );
    assert_eq!(
        told_by("run", &[CC, CARGO, RUSTC_OLD]),
        format!("run: this machine lacks Rust 1.95 or newer (it has 1.63.0); mend it with: {RUSTUP}")
    );

    assert_eq!(
        told_by("test", &[CC, CARGO, RUSTC]),
        "test: this machine lacks rustfmt; mend it with: apt-get install -y rustfmt"
    );
    assert_eq!(
        told_by("test", &[CC, CARGO, RUSTC, ("bin/rustup", "exit 1")]),
        "test: this machine lacks rustfmt; mend it with: rustup component add rustfmt"
    );
    assert_eq!(
        told_by("test", &[CC, ("bin/cargo", "[ $1 = fmt ]"), RUSTC]),
        "test: this machine lacks clippy; mend it with: apt-get install -y rust-clippy"
    );
}

#[test]
fn a_newer_rust_at_home_is_taken_instead_of_an_older_one_on_the_path() {
    let at_home = (".cargo/bin/rustc", "echo 'rustc 1.99.0'");
    let cargo_at_home = (".cargo/bin/cargo", "exit 1");
    // That it goes on to the components says that the version satisfied it.
    assert_eq!(
        told_by("test", &[CC, CARGO, RUSTC_OLD, at_home, cargo_at_home]),
        "test: this machine lacks rustfmt; mend it with: apt-get install -y rustfmt"
    );
}

#[test]
fn what_the_fast_tests_leave_out_is_a_test() {
    let script = text("test");
    let left_out: Vec<&str> = script
        .split("--skip ")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
        .collect();
    assert!(!left_out.is_empty());
    let is_test = |name: &&&str| {
        super::files("crates", "rs")
            .iter()
            .any(|file| text(file).contains(&format!("fn {name}(")))
    };
    let strangers: Vec<String> = left_out
        .iter()
        .filter(|name| !is_test(name))
        .map(|name| (*name).to_owned())
        .collect();
    assert_none("no test has this name", &strangers);
}
