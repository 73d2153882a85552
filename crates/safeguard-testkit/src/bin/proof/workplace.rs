//! What one walk needs on disk: a repository with base and change, keys of reviewers, data for each environment, settings.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use safeguard_api::{Gate, Stage};

use crate::change::{Copies, copy_folder};
use crate::child;
use crate::corpus::{Case, Corpus};
use crate::measure::{seed, variables};

pub const ENVIRONMENTS: [&str; 4] = ["dev", "qa", "staging", "production"];
/// Two, since a high risk asks for one approval more; both say yes to everything.
pub const REVIEWERS: [Reviewer; 2] = [
    Reviewer {
        person: "Rika Alvarez",
        email: "rika@example.org",
        key: "rika",
    },
    Reviewer {
        person: "Noor Haddad",
        email: "noor@example.org",
        key: "noor",
    },
];
const TEAM: &str = "Rika Alvarez <rika@example.org>";
const CODEOWNERS: &str = "* rika@example.org\n";
/// Of any of git and ssh-keygen.
const TOOL_LONGEST: Duration = Duration::from_secs(60);
const AGENT: &str = "Coding Agent <agent@example.org>";
/// Who asked the agent for the change, and so may not approve it.
pub const PROMPTER: &str = "Sam Ode";

pub struct Reviewer {
    pub person: &'static str,
    email: &'static str,
    /// The file of the private key.
    key: &'static str,
}

pub struct Workplace {
    pub folder: PathBuf,
    pub base_commit: String,
    pub change_commit: String,
}

impl Workplace {
    pub fn make(corpus: &Corpus, case: &Case, copies: &Copies, folder: &Path) -> anyhow::Result<Workplace> {
        let mut place = Workplace {
            folder: folder.to_owned(),
            base_commit: String::new(),
            change_commit: String::new(),
        };
        std::fs::create_dir_all(place.repository())?;
        std::fs::create_dir_all(place.data())?;
        place.commits(case, copies)?;
        for reviewer in &REVIEWERS {
            place.make_key(reviewer)?;
        }
        for environment in ENVIRONMENTS {
            let scale = if environment == "production" {
                "production"
            } else {
                "testing"
            };
            let script = corpus.service(case).join("seed.py");
            seed(&script, &place.database(environment), scale)?;
        }
        std::fs::write(place.folder.join("intent.md"), &case.told.intent)?;
        std::fs::write(place.folder.join("recovery.md"), RECOVERY)?;
        Ok(place)
    }

    pub fn repository(&self) -> PathBuf {
        self.folder.join("repository")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn database(&self, environment: &str) -> PathBuf {
        self.data().join(format!("{environment}.db"))
    }

    pub fn config(&self) -> PathBuf {
        self.folder.join("safeguard.toml")
    }

    pub fn key(&self, reviewer: &Reviewer) -> PathBuf {
        self.folder.join(reviewer.key)
    }

    /// The team's commit, and the agent's upon it.
    fn commits(&mut self, case: &Case, copies: &Copies) -> anyhow::Result<()> {
        let repository = self.repository();
        git(&repository, &["init", "--quiet", "--initial-branch", "main"])?;
        commit(&repository, TEAM, "Begin")?;
        copy_folder(&copies.base(), &repository)?;
        std::fs::write(repository.join("CODEOWNERS"), CODEOWNERS)?;
        self.base_commit = commit(&repository, TEAM, "The service as it is")?;
        empty(&repository)?;
        copy_folder(&copies.changed(), &repository)?;
        std::fs::write(repository.join("CODEOWNERS"), CODEOWNERS)?;
        self.change_commit = commit(&repository, AGENT, &case.told.title)?;
        Ok(())
    }

    fn make_key(&self, reviewer: &Reviewer) -> anyhow::Result<()> {
        let mut command = child::command("ssh-keygen");
        command
            .args(["-q", "-t", "ed25519", "-N", "", "-C", reviewer.email, "-f"])
            .arg(self.key(reviewer));
        let made = child::output(&mut command, TOOL_LONGEST)?;
        ensure!(
            made.status.success(),
            "no key could be made: is `ssh-keygen` there?"
        );
        Ok(())
    }

    /// The shipped defaults, but for soaks and the least numbers of canary requests, which would take a week.
    pub fn write_config(&self, case: &Case, mode: Mode, without: Option<Gate>) -> anyhow::Result<()> {
        let service = &case.told.service;
        let mut text = format!("mode = \"{}\"\n\n[listen]\napi = \"127.0.0.1:0\"\n", mode.name());
        for reviewer in &REVIEWERS {
            let public = std::fs::read_to_string(self.key(reviewer).with_extension("pub"))?;
            let (person, email) = (reviewer.person, reviewer.email);
            text.push_str(&format!(
                "\n[[approvers]]\nperson = \"{person}\"\nroles = [\"senior\"]\nemails = [\"{email}\"]\n\
                 keys = [\"{}\"]\n",
                public.trim()
            ));
        }
        text.push_str(&format!(
            "\n[services.{service}]\ncommand = [\"bin/{service}\"]\nuser_key = {{ cookie = \"visit\" }}\n\n\
             [services.{service}.listen]\n"
        ));
        for environment in ENVIRONMENTS {
            text.push_str(&format!("{environment} = \"127.0.0.1:0\"\n"));
        }
        for environment in ENVIRONMENTS {
            text.push_str(&format!("\n[services.{service}.variables.{environment}]\n"));
            for (name, value) in variables(service, &self.database(environment)) {
                text.push_str(&format!("{name} = \"{value}\"\n"));
            }
        }
        text.push_str(drill(service)?);
        for stage in Stage::ALL {
            text.push_str(&format!("\n[stages.{stage}]\n{}", shortened(stage)));
            if let Some(without) = without {
                text.push_str(&format!("gates = {}\n", gates(stage, without)?));
            }
        }
        if mode == Mode::TheBaseGoesLive {
            text.push_str("\n[judge]\nwarm_up = \"0s\"\n");
        }
        // Its boxes are answered by people, who say yes to everything here.
        text.push_str("\n[gates.checklist]\nrequired = false\n");
        std::fs::write(self.config(), text)?;
        Ok(())
    }
}

/// What an installation is for at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nobody judges what users have already.
    TheBaseGoesLive,
    TheChangeIsJudged,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Mode::TheBaseGoesLive => "observe",
            Mode::TheChangeIsJudged => "enforce",
        }
    }
}

/// Seconds instead of hours, and a twentieth of the canary's requests. Gate 5 watches staging for its minute all the same.
fn shortened(stage: Stage) -> &'static str {
    match stage {
        Stage::Dev | Stage::Qa | Stage::Staging | Stage::Production => "soak = \"2s\"\n",
        Stage::Canary => CANARY,
    }
}

const CANARY: &str = r#"steps = [
  { weight = 1, soak = "2s", requests_min = 10 },
  { weight = 5, soak = "2s", requests_min = 25 },
  { weight = 10, soak = "2s", requests_min = 50 },
  { weight = 25, soak = "2s", requests_min = 50 },
  { weight = 50, soak = "2s", requests_min = 100 },
  { weight = 100, soak = "2s", requests_min = 100 },
]
"#;

/// What the shipped policy asks for in this stage, but one.
fn gates(stage: Stage, without: Gate) -> anyhow::Result<String> {
    let shipped = safeguard_api::config::Stages::default();
    let gates = match stage {
        Stage::Dev => shipped.dev.gates,
        Stage::Qa => shipped.qa.gates,
        Stage::Staging => shipped.staging.gates,
        Stage::Canary => shipped.canary.gates,
        Stage::Production => shipped.production.gates,
    };
    let left: Vec<Gate> = gates.into_iter().filter(|gate| *gate != without).collect();
    Ok(serde_json::to_string(&left)?)
}

/// What the drill asks of each service; a team writes this once.
fn drill(service: &str) -> anyhow::Result<&'static str> {
    match service {
        "storefront" => Ok(r#"
[services.storefront.drill]
read = ["/products", "/products/p7", "/products?search=oak"]

[services.storefront.drill.write]
path = "/orders"
headers = { X-Customer = "customer-7", Content-Type = "application/json" }
body = '{"note":"{key}","lines":[{"sku":"p7","quantity":1}]}'

[services.storefront.drill.verify]
path = "/orders?note={key}"
headers = { X-Customer = "customer-7" }
"#),
        "filing" => Ok(r#"
[services.filing.drill]
read = ["/healthz", "/links/none"]

[services.filing.drill.write]
path = "/documents"
headers = { Authorization = "Bearer session-7", Content-Type = "application/json" }
body = '{"title":"{key}","body":"drill"}'

[services.filing.drill.verify]
path = "/documents?search={key}"
headers = { Authorization = "Bearer session-7" }
"#),
        other => bail!("nobody has written how the drill uses `{other}`"),
    }
}

const RECOVERY: &str = "# Recovery\n\n1. `safeguard release rollback RELEASE`\n2. If rows are wrong: stop the service, and restore the copy \
                        of the database that was saved before the release.\n";

fn commit(repository: &Path, author: &str, message: &str) -> anyhow::Result<String> {
    let (name, email) = author
        .trim_end_matches('>')
        .split_once(" <")
        .context("an author has an address")?;
    let (name, email) = (format!("user.name={name}"), format!("user.email={email}"));
    git(repository, &["add", "--all"])?;
    git(
        repository,
        &[
            "-c",
            &name,
            "-c",
            &email,
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            message,
        ],
    )?;
    git(repository, &["rev-parse", "HEAD"])
}

/// Removes what is checked out.
fn empty(repository: &Path) -> anyhow::Result<()> {
    git(repository, &["rm", "--quiet", "-r", "."]).map(drop)
}

fn git(repository: &Path, words: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("git");
    command.args(words).current_dir(repository);
    let output = child::output(&mut command, TOOL_LONGEST)?;
    if !output.status.success() {
        bail!(
            "git {}: {}",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
