//! A small catalogue in Python, its repository, and a batch of changes to it of which one is at fault: it looks an article
//! up by the first digit of its number, and knows none that begins with 1.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::up::Up;

const SERVICE: &str = r#"
import sys
sys.dont_write_bytecode = True
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import pages


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        try:
            status, text = (200, "ok") if self.path == "/healthz" else pages.page(self.path)
        except Exception as error:
            status, text = 500, type(error).__name__
        body = text.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


Server((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"#;

const FILES: [(&str, &str); 4] = [
    (
        "pages.py",
        "import articles\nimport footer\nimport prices\n\n\ndef page(path):\n    number = int(path.rsplit(\"/\", 1)[1])\n    \
         return 200, f\"{articles.name(number)} {prices.text(number)} {footer.TEXT}\"\n",
    ),
    (
        "articles.py",
        "NAMES = [\"lamp\", \"table\", \"chair\", \"shelf\", \"clock\", \"mirror\", \"carpet\", \"vase\", \"bench\"]\n\n\n\
         def name(number):\n    return NAMES[number % len(NAMES)]\n",
    ),
    ("prices.py", "def text(number):\n    return str(100 + number)\n"),
    ("footer.py", "TEXT = \"thank you\"\n"),
];

/// What each change makes of a file. The fourth needs the second; the third is at fault.
const CHANGES: [(&str, &str, &str); 5] = [
    (
        "a friendlier footer",
        "footer.py",
        "TEXT = \"thank you, and come again\"\n",
    ),
    (
        "prices with their currency",
        "prices.py",
        "def text(number):\n    return f\"{100 + number} EUR\"\n",
    ),
    (
        "articles by their own number",
        "articles.py",
        "NAMES = [\"lamp\", \"table\", \"chair\", \"shelf\", \"clock\", \"mirror\", \"carpet\", \"vase\", \"bench\"]\n\n\n\
         # What stands on the page of /product/{number}.\ndef name(number):\n    \
         return dict(zip(\"23456789\", NAMES))[str(number)[0]]\n",
    ),
    (
        "prices with two decimals",
        "prices.py",
        "def text(number):\n    return f\"{100 + number:.2f} EUR\"\n",
    ),
    (
        "the footer names the shop",
        "footer.py",
        "TEXT = \"the catalogue: thank you, and come again\"\n",
    ),
];
pub const GUILTY: usize = 2;

/// The batch in the repository, which is the folder of the installation.
pub struct Batch {
    pub live: String,
    pub release: String,
    /// In the order in which they were recorded.
    pub changes: Vec<String>,
}

/// How a subset is made, with the example's program, and what the load of a trial asks for.
pub fn configured(config: String) -> String {
    let program = repository_file("examples/rebuild/rebuild.py");
    config
        + &format!(
            "[services.shop.drill]\nread = [\"/product/2\", \"/product/12\"]\nkeeps_nothing = true\n\
             [gates.rollback-test]\nconcurrent_requests_min = 40\n[services.shop.rebuild]\nexec = [\"{}\", \"service\"]\n",
            program.display()
        )
}

fn repository_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

impl Batch {
    /// Makes the repository, the live release and the batch, which walks then.
    pub async fn new(up: &Up) -> Batch {
        git(up, &["init", "--quiet"]);
        git(up, &["config", "user.name", "Ada"]);
        git(up, &["config", "user.email", "ada@example.org"]);
        let service = up.state.path().join("service");
        std::fs::create_dir_all(&service).expect("a folder");
        std::fs::write(service.join("shop"), format!("#!{}\n{SERVICE}", python())).expect("written");
        std::fs::set_permissions(service.join("shop"), std::fs::Permissions::from_mode(0o755))
            .expect("a mode");
        for (name, text) in FILES {
            std::fs::write(service.join(name), text).expect("written");
        }
        git(up, &["add", "service"]);
        git(up, &["commit", "--quiet", "-m", "the first version"]);
        git(up, &["commit", "--quiet", "--allow-empty", "-m", "its release"]);
        let first = change(up);
        let live = release(up, "1", &[first]);
        up.until_phase(&live, "live").await;
        let mut changes = Vec::new();
        for (title, name, text) in CHANGES {
            std::fs::write(service.join(name), text).expect("written");
            git(up, &["commit", "--quiet", "-am", title]);
            changes.push(change(up));
        }
        let release = release(up, "2", &changes);
        Batch {
            live,
            release,
            changes,
        }
    }
}

pub fn release(up: &Up, version: &str, changes: &[String]) -> String {
    let mut words = vec!["release", "create", "--service", "shop", "--artifact", "service"];
    words.extend(["--version", version, "--json"]);
    for change in changes {
        words.extend(["--change", change]);
    }
    let created = json(up, &words);
    created["release"]["id"].as_str().expect("an id").to_owned()
}

/// Records the newest commit.
fn change(up: &Up) -> String {
    let recorded = json(
        up,
        &[
            "change",
            "add",
            "--service",
            "shop",
            "--ai-tool",
            "scribe",
            "--json",
        ],
    );
    recorded["id"].as_str().expect("an id").to_owned()
}

fn json(up: &Up, words: &[&str]) -> Value {
    let output = up.safeguard(words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {said}\n{}", up.log());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn git(up: &Up, words: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(up.state.path())
        .args(words)
        .output()
        .expect("git runs");
    assert!(
        done.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// The interpreter itself: what `PATH` has may be a script that needs more than a service gets.
fn python() -> String {
    let asked = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output();
    let path = String::from_utf8(asked.expect("python3 runs").stdout).expect("UTF-8");
    path.trim().to_owned()
}
