//! `safeguard up` on the example's shop for one bench, and the commands that are typed to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::processes::{Running, until};

const START_LONGEST: Duration = Duration::from_secs(20);
/// One gate in the way of dev, and nothing else that takes time; nothing comes further than QA.
const CONFIG: &str = r#"[listen]
api = "127.0.0.1:0"

[services.shop]
command = ["./shop"]

[services.shop.listen]
dev = "127.0.0.1:0"
qa = "127.0.0.1:0"
staging = "127.0.0.1:0"
production = "127.0.0.1:0"

[stages.dev]
soak = "1ms"
gates = ["data-integrity"]

[stages.qa]
gates = []

[stages.staging]
gates = []

[stages.canary]
gates = []

[stages.production]
gates = []

[gates.layers]
required = false

[gates.documentation]
required = false

[gates.checklist]
required = false

[gates.risk]
applied = false
"#;

pub struct Installation {
    // Ends before its folder goes.
    _up: Running,
    binary: PathBuf,
    folder: tempfile::TempDir,
}

impl Installation {
    pub fn start() -> anyhow::Result<Installation> {
        let own = std::env::current_exe()?;
        let binary = own.with_file_name("safeguard");
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("safeguard.toml");
        let database = folder.path().join("shop.db");
        let variables = format!(
            "\n[services.shop.variables]\ndev = {{ SHOP_DATABASE = \"{0}-dev\" }}\nqa = {{ SHOP_DATABASE = \"{0}-qa\" }}\n",
            database.display()
        );
        fs::write(&config, format!("{CONFIG}{variables}"))?;
        let mut command = Command::new(&binary);
        command
            .args(["up", "--state"])
            .arg(folder.path().join("state"))
            .current_dir(folder.path());
        let installation = Installation {
            _up: Running::start(command)?,
            binary,
            folder,
        };
        until(START_LONGEST, || Ok(installation.typed(&["status"]).is_ok()))
            .context("`safeguard up` did not come up")?;
        Ok(installation)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Types a command that must be allowed, and reads its JSON.
    pub fn typed(&self, words: &[&str]) -> anyhow::Result<Value> {
        let output = Command::new(&self.binary)
            .args(words)
            .arg("--json")
            .env("SAFEGUARD_STATE", self.folder.path().join("state"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()?;
        if !output.status.success() {
            bail!(
                "`safeguard {}`: {}",
                words.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        if output.stdout.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Records a change without documents; its number makes it unlike others.
    pub fn change(&self, number: u32) -> anyhow::Result<String> {
        let (base, head) = (format!("{number:07x}"), format!("{:07x}", number + 1));
        let words = [
            "change",
            "add",
            "--service",
            "shop",
            "--title",
            "a change",
            "--author",
            "Ann",
            "--base",
            &base,
            "--head",
            &head,
        ];
        id(&self.typed(&words)?["id"])
    }

    /// Attaches a document that is written here.
    pub fn attach(&self, change: &str, kind: &str, text: &str) -> anyhow::Result<()> {
        fs::write(self.folder.path().join(kind), text)?;
        self.typed(&["change", "attach", change, kind, kind]).map(drop)
    }
}

pub fn id(value: &Value) -> anyhow::Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("there is no id in {value}"))
}
