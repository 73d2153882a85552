//! Approvers with real keys, and a release that waits for them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::up::{QUICK_STAGES, Up};

pub const NAMESPACE: &str = "safeguard-approval@v1";

/// An installation whose dev is left only with two approvals, one of a senior who owns `src/pay.rs`.
pub struct Signers {
    pub up: Up,
    keys: tempfile::TempDir,
}

pub struct Waiting {
    pub release: String,
    pub change: String,
    pub artifact: String,
}

pub fn make_key(folder: &Path, name: &str, kind: &[&str]) -> String {
    let path = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .args(kind)
        .output()
        .expect("ssh-keygen runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::read_to_string(path.with_extension("pub"))
        .expect("a public key")
        .trim()
        .to_owned()
}

impl Signers {
    pub async fn start() -> Signers {
        Signers::start_with(|config| config).await
    }

    /// Starts with a configuration that the test has the last word on.
    pub async fn start_with(adapt: impl FnOnce(String) -> String) -> Signers {
        let keys = tempfile::tempdir().expect("a temporary folder");
        let ed25519 = ["-t", "ed25519"];
        let mut people = String::new();
        for (person, role, first) in [
            ("Kim Doe", "senior", "kim"),
            ("Lee Roe", "senior", "lee"),
            ("Sam Poe", "engineer", "sam"),
        ] {
            let one = make_key(keys.path(), first, &ed25519);
            let two = make_key(keys.path(), &format!("{first}-2"), &["-t", "ecdsa", "-b", "256"]);
            people.push_str(&format!(
                "[[approvers]]\nperson = \"{person}\"\nroles = [\"{role}\"]\nemails = [\"{first}@example.org\"]\n\
                 owner_names = [\"@{first}\"]\nkeys = [\"{one}\", \"{two}\"]\n"
            ));
        }
        people.push_str("[[approvers]]\nperson = \"Max Coe\"\nroles = [\"engineer\"]\nemails = [\"max@example.org\"]\npasskey = true\n");
        make_key(keys.path(), "stranger", &ed25519);
        make_key(keys.path(), "rsa", &["-t", "rsa", "-b", "2048"]);
        let stages = QUICK_STAGES.replacen("gates = []", "gates = [\"human-approval\"]", 1);
        let stages = format!(
            "{stages}\n[gates.layers]\nrequired = false\n[gates.documentation]\nrequired = false\n[gates.checklist]\nrequired = false\n[gates.risk]\napplied = false\n[gates.human-approval]\nquorum = 2\nseniors = 1\n"
        );
        let up = Up::start_with(&stages, |config| adapt(format!("{config}\n{people}"))).await;
        Signers { up, keys }
    }

    pub fn key(&self, name: &str) -> PathBuf {
        self.keys.path().join(name)
    }

    /// Signs as `ssh-keygen` does.
    pub fn sign(&self, key: &str, namespace: &str, text: &str, more: &[&str]) -> Value {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("statement");
        std::fs::write(&file, text).expect("written");
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", namespace])
            .args(more)
            .arg("-f")
            .arg(self.key(key))
            .arg(&file)
            .output()
            .expect("ssh-keygen runs");
        assert!(
            signed.status.success(),
            "{}",
            String::from_utf8_lossy(&signed.stderr)
        );
        let signature = std::fs::read_to_string(file.with_extension("sig")).expect("a signature");
        json!({ "text": text, "signature": { "kind": "ssh", "signature": signature } })
    }

    /// Records a change to `src/pay.rs` and a release of it, which waits for approvals before it leaves dev.
    pub async fn waiting(&self, version: &str, people: Value) -> Waiting {
        self.waiting_with(version, people, &[]).await
    }

    /// The same with more words for `release create`.
    pub async fn waiting_with(&self, version: &str, people: Value, more: &[&str]) -> Waiting {
        let mut change = json!({
            "service": "shop", "title": format!("version {version}"), "base": "a".repeat(40),
            "head": format!("{:040x}", version.bytes().fold(7_u128, |sum, byte| sum * 131 + u128::from(byte))),
            "merge_tree": "c".repeat(40), "author": "Ann Moe <ann@example.org>", "prompter": "Pat Zoe",
            "ai_tool": "scribe", "ai_tool_version": "3.1",
        });
        let fields = change.as_object_mut().expect("an object");
        fields.extend(people.as_object().expect("an object").clone());
        let recorded = self.up.ok("POST", "/api/v1/changes", Some(change)).await;
        let change = recorded["id"].as_str().expect("an id").to_owned();
        let diff = "diff --git a/src/pay.rs b/src/pay.rs\nindex 1111111..2222222 100644\n--- a/src/pay.rs\n+++ b/src/pay.rs\n\
                    @@ -1 +1 @@\n-once\n+twice\n";
        let history = json!({
            "api": "safeguard.history/1", "codeowners": "src/pay.rs @kim\n",
            "files": { "src/pay.rs": {
                "first_commit_at": "2026-01-01T00:00:00Z", "last_commit_at": "2026-06-01T00:00:00Z",
                "commits": 2, "commits_last_90_days": 1, "authors": { "Kim Doe <kim@example.org>": 2 },
            } },
        });
        for (kind, text) in [
            ("diff", diff.to_owned()),
            ("history", history.to_string()),
            ("intent", "Charge twice, since once was too little.\n".to_owned()),
            ("prompts", "please charge twice \u{1b}[31m\n".to_owned()),
            ("recovery", "Roll the release back.\n".to_owned()),
        ] {
            self.attach(&change, kind, &text);
        }
        let artifact = self.up.artifact("shop-1-0", version);
        let artifact = artifact.display().to_string();
        let mut words = vec!["release", "create", "--service", "shop", "--artifact", &artifact];
        words.extend(["--version", version, "--change", &change, "--json"]);
        words.extend(more);
        let made = self.up.safeguard(&words);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        let release = made["release"]["id"].as_str().expect("an id").to_owned();
        let artifact = made["release"]["artifact"].as_str().expect("a digest").to_owned();
        Waiting {
            release,
            change,
            artifact,
        }
    }

    pub fn attach(&self, change: &str, kind: &str, text: &str) {
        let file = self.up.state.path().join(kind);
        std::fs::write(&file, text).expect("written");
        let attached = self
            .up
            .safeguard(&["change", "attach", change, kind, &file.display().to_string()]);
        assert!(
            attached.status.success(),
            "{}",
            String::from_utf8_lossy(&attached.stderr)
        );
    }

    /// Waits until the release has shown enough in dev, and only approvals stand in its way.
    pub async fn until_only_approvals_lack(&self, release: &str) {
        let up = &self.up;
        up.until("only approvals are lacking", async || {
            let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
            let blocks = shown["rollout"]["blocks"].as_array()?.clone();
            let gate = |block: &Value| block["name"] == "gate" && block["gate"] == "human-approval";
            (!blocks.is_empty() && blocks.iter().all(gate)).then_some(())
        })
        .await;
    }

    /// Proposes a policy, and lets two people sign it.
    pub async fn change_policy(&self, policy: Value) {
        let spec = json!({ "policy": policy, "reason": "it was agreed" });
        let change = self.up.ok("POST", "/api/v1/policy/changes", Some(spec)).await;
        let id = change["id"].as_str().expect("an id");
        let text = change["statement"].to_string();
        for key in ["lee", "sam"] {
            let path = format!("/api/v1/policy/changes/{id}/sign");
            let signed = self.sign(key, NAMESPACE, &text, &[]);
            self.up.ok("POST", &path, Some(signed)).await;
        }
    }

    pub async fn request(&self, release: &str, spec: Value) -> Value {
        let path = format!("/api/v1/releases/{release}/approvals/request");
        self.up.ok("POST", &path, Some(spec)).await
    }

    pub async fn add(&self, release: &str, signed: Value) -> (u16, Value) {
        self.up
            .call(
                "POST",
                &format!("/api/v1/releases/{release}/approvals"),
                Some(signed),
            )
            .await
    }

    /// A whole approval by one key.
    pub async fn approve(&self, release: &str, key: &str, spec: Value) -> (u16, Value) {
        let request = self.request(release, spec).await;
        let text = request["text"].as_str().expect("a text");
        self.add(release, self.sign(key, NAMESPACE, text, &[])).await
    }

    pub async fn approved(&self, release: &str, key: &str) {
        let (status, answer) = self.approve(release, key, json!({ "decision": "approve" })).await;
        assert_eq!(status, 200, "{answer:#}");
    }

    /// Expects a refusal whose words contain `said`, and the entry that it left.
    pub async fn refused(&self, (status, answer): (u16, Value), said: &str) {
        let words = answer.to_string();
        assert!(
            (400..500).contains(&status) && words.contains(said),
            "wanted {said}, got {status} {answer:#}"
        );
        let entry = answer["entry"].as_u64().expect("a refusal leaves an entry");
        let proof = self
            .up
            .ok("GET", &format!("/api/v1/audit/prove/{entry}"), None)
            .await;
        let leaf = proof["leaf"].as_str().expect("a leaf");
        assert!(leaf.contains(".refused\""), "{leaf}");
    }

    pub async fn who(&self, release: &str) -> Value {
        self.up
            .ok("GET", &format!("/api/v1/releases/{release}/approvers"), None)
            .await
    }

    pub async fn counted(&self, release: &str) -> u64 {
        self.who(release).await["approved"].as_u64().expect("a number")
    }

    /// Waits until the log says of the release that an approval became void.
    pub async fn until_void(&self, release: &str, kind: &str, reason: &str) {
        let up = &self.up;
        up.until(&format!("{kind}: {reason}"), async || {
            let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
            let entries = shown["entries"].as_array()?.clone();
            let told = |entry: &&Value| {
                entry["kind"] == kind && entry["text"].as_str().is_some_and(|text| text.contains(reason))
            };
            entries.iter().find(told).map(|_| ())
        })
        .await;
        assert_ne!(self.up.phase(release).await, "live");
    }
}
