//! The real binary, as a person meets it: it is started, asked, and ended.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod agent;
mod check;
mod components;
mod damaged;
mod dependencies;
mod secrets;
mod suppressions;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(60);

const CONFIG: &str = r#"
mode = "observe"
[listen]
api = "127.0.0.1:0"
[services.shop]
command = ["bin/shop"]
listen = { dev = "127.0.0.1:0", qa = "127.0.0.1:0", staging = "127.0.0.1:0", production = "127.0.0.1:0" }
"#;

const CHANGE: &[&str] = &[
    "change",
    "add",
    "--service",
    "shop",
    "--title",
    "Charge once",
    "--base",
    "aaaaaaa",
    "--head",
    "bbbbbbb",
    "--author",
    "Ann",
];

#[test]
fn an_installation_starts_answers_and_ends() {
    let place = Place::new();
    assert_eq!(place.exit(&["status"]), 2, "nothing runs: it can not decide");
    let mut up = place.up();
    let refused = place.run(&["up"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).starts_with("error: another `safeguard up` runs on"),
        "{}",
        stderr(&refused)
    );

    let added = place.run(CHANGE);
    assert_eq!(added.status.code(), Some(0), "{}", stderr(&added));
    let id = String::from_utf8(added.stdout).unwrap().trim().to_owned();
    assert!(id.starts_with("chg_"), "{id}");
    assert_eq!(place.json(&["change", "show", &id])["title"], "Charge once");
    assert_eq!(place.json(&["status"])["mode"], "observe");
    assert_eq!(place.exit(&["change", "show", "chg_0000000000000000"]), 1);
    assert_eq!(place.exit(&["doctor"]), 0);

    let stranger = place
        .command(&["status"])
        .env("SAFEGUARD_TOKEN", "sgt_unknown")
        .output()
        .unwrap();
    assert_eq!(stranger.status.code(), Some(1));

    assert_eq!(place.exit(&["audit", "prove", "0"]), 0);
    assert_eq!(place.exit(&["audit", "export", "log"]), 0);
    assert_eq!(
        place.exit(&["audit", "verify", "log", "--pin", "log/checkpoint"]),
        0
    );
    let bundle = fs::read_dir(place.folder.path().join("log/tile/entries/000.p"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let mut bytes = fs::read(bundle.path()).unwrap();
    bytes[10] ^= 1;
    fs::write(bundle.path(), bytes).unwrap();
    let altered = place.run(&["audit", "verify", "log"]);
    assert_eq!(altered.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&altered.stdout).starts_with("altered: entry 0 was altered"));

    up.end();
    assert!(!place.folder.path().join(".safeguard/run.json").exists());
}

#[test]
fn what_is_wrong_is_refused_before_anything_starts() {
    let place = Place::new();
    fs::write(place.folder.path().join("safeguard.toml"), "mode = \"obsrve\"").unwrap();
    let refused = place.run(&["up"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("safeguard.toml:1:8"),
        "{}",
        stderr(&refused)
    );
    assert!(!place.folder.path().join(".safeguard").exists());
    assert_eq!(place.exit(&["init"]), 1, "it never overwrites");
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("safeguard.toml"), CONFIG).unwrap();
        Place { folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safeguard"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        for name in ["TOKEN", "TOKEN_FILE", "SERVER", "STATE", "CONFIG"] {
            command.env_remove(format!("SAFEGUARD_{name}"));
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn exit(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        serde_json::from_slice(&self.run(&all).stdout).unwrap()
    }

    /// Starts everything and waits until it says so.
    fn up(&self) -> Up {
        let said = self.folder.path().join("up.out");
        let errors = self.folder.path().join("up.err");
        let child = self
            .command(&["up"])
            .stdout(fs::File::create(&said).unwrap())
            .stderr(fs::File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let up = Up { child };
        until(&errors, || {
            fs::read_to_string(&said).unwrap().contains("log in once at")
        });
        up
    }
}

struct Up {
    child: Child,
}

impl Up {
    fn end(&mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        until(&PathBuf::new(), || self.child.try_wait().unwrap().is_some());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Whatever it started dies with it; an error means that it has ended already.
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

fn until(log: &Path, mut there: impl FnMut() -> bool) {
    let start = Instant::now();
    while !there() {
        let text = || fs::read_to_string(log).unwrap_or_else(|error| error.to_string());
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}:\n{}", text());
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
