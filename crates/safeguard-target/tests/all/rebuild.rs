//! A real program that makes artifacts of some changes, well and badly.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use safeguard_api::bisect::BatchChange;
use safeguard_api::config::RebuildCommand;
use safeguard_api::{ChangeId, Name, ReleaseId, Span};
use safeguard_target::{RebuildError, Wanted, rebuild};

use crate::helper::launcher_argv;

struct Scene {
    folder: tempfile::TempDir,
    deadline: Span,
}

impl Scene {
    fn new(script: &str) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("rebuild");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Scene {
            folder,
            deadline: Span::seconds(60),
        }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    async fn asked(&self) -> Result<(), RebuildError> {
        let change = |number: u64| BatchChange {
            change: ChangeId::new(number, 0),
            base: "aaaaaaa".to_owned(),
            head: format!("bbbbbb{number}"),
        };
        let (service, release): (Name, ReleaseId) = ("shop".parse().unwrap(), ReleaseId::new(7, 0));
        let out = self.out();
        let wanted = Wanted {
            service: &service,
            release: &release,
            base: "aaaaaaa",
            changes: &[change(1), change(3)],
            out: &out,
        };
        let command = RebuildCommand {
            exec: vec!["./rebuild".to_owned(), "two words".to_owned()],
            deadline: self.deadline,
            inherit: vec!["CARGO_MANIFEST_DIR".to_owned()],
        };
        rebuild(
            &command,
            self.folder.path(),
            &launcher_argv(),
            wanted,
            std::future::pending(),
        )
        .await
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

#[tokio::test]
async fn it_is_told_the_changes_and_gets_nothing_else() {
    let scene = Scene::new(
        "read -r question; echo \"$question\" >question; env >env; echo \"$1\" >word; mkdir out; echo '{\"ok\":true}'",
    );
    scene.asked().await.unwrap();
    let question: serde_json::Value = serde_json::from_str(&scene.read("question")).unwrap();
    assert_eq!(
        question,
        serde_json::json!({
            "api": "safeguard.rebuild/1", "op": "rebuild", "service": "shop", "release": ReleaseId::new(7, 0),
            "base": "aaaaaaa", "out": scene.out(), "deadline_ms": 60_000,
            "changes": [
                { "change": ChangeId::new(1, 0), "base": "aaaaaaa", "head": "bbbbbb1" },
                { "change": ChangeId::new(3, 0), "base": "aaaaaaa", "head": "bbbbbb3" },
            ],
        })
    );
    assert_eq!(scene.read("word"), "two words\n");
    let names: Vec<String> = scene
        .read("env")
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(&name.as_str()))
        .collect();
    for name in &names {
        assert!(
            ["PATH", "HOME", "CARGO_MANIFEST_DIR"].contains(&name.as_str()),
            "{names:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_an_artifact_is_said() {
    for (script, wanted) in [
        (
            "echo '{\"ok\":false,\"message\":\"conflict in cart.py\"}'; exit 1",
            "conflict in cart.py",
        ),
        ("echo '{\"ok\":true}'", "it said ok, and there is nothing at"),
        (
            "mkdir out; echo '{\"ok\":true}'; exit 3",
            "it said ok, and ended with exit 3",
        ),
        ("mkdir out; echo done", "its answer is not safeguard.rebuild/1"),
        (
            "mkdir out; echo '{\"ok\":true,\"endpoints\":[\"127.0.0.1:1\"]}'",
            "it runs nothing",
        ),
        (
            "echo 'error[E0425]' >&2; exit 101",
            "exit 101 and no answer; stderr: error[E0425]",
        ),
        ("exec yes", "more than 65536 bytes on stdout"),
    ] {
        let error = Scene::new(script).asked().await.unwrap_err();
        let said = error.to_string();
        assert!(
            matches!(error, RebuildError::NotBuilt(_)) && said.contains(wanted),
            "{script}: {error:?}"
        );
    }
}

#[tokio::test]
async fn at_its_deadline_it_is_told_to_end_with_all_that_it_started() {
    let mut scene = Scene::new("trap 'exit 0' TERM; sleep 1000 & echo $! >pid; wait");
    scene.deadline = Span::seconds(1);
    let said = scene.asked().await.unwrap_err().to_string();
    assert!(said.contains("no answer after 1s"), "{said}");
    let left = format!("/proc/{}", scene.read("pid").trim());
    let begun = std::time::Instant::now();
    while Path::new(&left).exists() {
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(30),
            "{left} is left"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_says_nothing_of_the_changes() {
    let scene = Scene::new("");
    std::fs::remove_file(scene.folder.path().join("rebuild")).unwrap();
    let error = scene.asked().await.unwrap_err();
    assert!(matches!(error, RebuildError::NotStarted(_)), "{error:?}");
}
