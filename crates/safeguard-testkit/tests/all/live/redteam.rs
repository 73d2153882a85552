//! What an author does to be judged by rules of their own, or to have something else go out than what was approved.

use std::path::Path;
use std::process::Command;

use safeguard_api::Change;
use safeguard_store::StoreError;
use serde_json::{Value, json};

use super::exceptions::store_of;
use super::signers::{Signers, Waiting};
use super::up::{binary, runtime};

/// A repository whose base is by Kim and Lee: Kim owns `src/pay.rs`.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new(policy: &str) -> Repository {
        let repository = Repository {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.write("src/pay.rs", "once\n");
        repository.write("CODEOWNERS", "src/pay.rs @kim\n");
        repository.write("safeguard.toml", policy);
        repository.commit("Kim Doe <kim@example.org>", "Charge once");
        repository.write("src/pay.rs", "once, and say so\n");
        repository.commit("Lee Roe <lee@example.org>", "Say so");
        repository
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, words: &[&str]) -> String {
        let told = Command::new("git")
            .args(["-c", "user.name=Ann Moe", "-c", "user.email=ann@example.org"])
            .args(words)
            .current_dir(self.path())
            .output()
            .expect("git runs");
        assert!(
            told.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&told.stderr)
        );
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    }

    fn commit(&self, author: &str, title: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--author", author, "-m", title]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Types it in the repository.
    fn safeguard(&self, signers: &Signers, words: &[&str]) -> std::process::Output {
        Command::new(binary("safeguard"))
            .args(words)
            .env("SAFEGUARD_SERVER", format!("http://{}", signers.up.api))
            .env(
                "SAFEGUARD_TOKEN_FILE",
                signers.up.state_path().join("admin.token"),
            )
            .current_dir(self.path())
            .output()
            .expect("safeguard runs")
    }

    fn record(&self, signers: &Signers, more: &[&str]) -> String {
        let mut words = vec!["change", "add", "--service", "shop", "--prompter", "Pat Zoe"];
        words.extend(["--ai-tool", "scribe"]);
        words.extend(more);
        let told = self.safeguard(signers, &words);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    }
}

fn release(signers: &Signers, version: &str, change: &str) -> String {
    let artifact = signers.up.artifact("shop-1-0", version).display().to_string();
    let mut words = vec!["release", "create", "--service", "shop", "--artifact", &artifact];
    words.extend(["--version", version, "--change", change, "--json"]);
    let made = signers.up.safeguard(&words);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    made["release"]["id"].as_str().expect("an id").to_owned()
}

/// The policy as its author would like it: nobody is asked, and no soak is waited for.
fn lenient(policy: &str) -> String {
    let lenient = policy
        .replace("gates = [\"human-approval\"]", "gates = []")
        .replace("quorum = 2", "quorum = 1")
        .replace("seniors = 1", "seniors = 0");
    assert_ne!(lenient, policy);
    lenient
}

#[test]
fn a_change_of_policy_and_owners_is_judged_by_those_that_were_in_force() {
    runtime().block_on(async {
        let mut signers = Signers::start().await;
        let config = signers.up.state.path().join("safeguard.toml");
        let policy = std::fs::read_to_string(&config).expect("a configuration");
        let before = signers.up.ok("GET", "/api/v1/policy", None).await;

        let repository = Repository::new(&policy);
        repository.write("src/pay.rs", "twice\n");
        repository.write("CODEOWNERS", "* @lee\n");
        repository.write("safeguard.toml", &lenient(&policy));
        repository.commit("Ann Moe <ann@example.org>", "Charge twice");
        let change = repository.record(&signers, &[]);
        let release = release(&signers, "1.0", &change);
        signers.until_only_approvals_lack(&release).await;

        // By the owners in its own commit Lee, who has worked there, would be the senior that is asked for.
        signers.approved(&release, "lee").await;
        signers.approved(&release, "sam").await;
        let who = signers.who(&release).await;
        assert_eq!(
            (
                &who["quorum"],
                &who["approved"],
                &who["seniors"],
                &who["seniors_min"]
            ),
            (&json!(2), &json!(2), &json!(0), &json!(1)),
            "{who:#}"
        );
        assert!(
            who["missing"]
                .to_string()
                .contains("one who owns `src/pay.rs` (@kim)"),
            "{who:#}"
        );

        // Nor is the policy of its commit put in force by applying it there, or by a start with its file.
        let applied = repository.safeguard(&signers, &["policy", "apply"]);
        let told = String::from_utf8_lossy(&applied.stderr).into_owned();
        assert_eq!(applied.status.code(), Some(1), "{told}");
        assert!(told.contains("asks 2 of its approvers to sign"), "{told}");
        signers.up.stop();
        std::fs::write(&config, lenient(&policy)).expect("written");
        signers.up.start_again().await;
        let after = signers.up.ok("GET", "/api/v1/policy", None).await;
        assert_eq!(after["id"], before["id"]);
        let status = signers.up.ok("GET", "/api/v1/status", None).await;
        assert!(
            status["warnings"]
                .to_string()
                .contains("differs from the policy in force"),
            "{status:#}"
        );
        signers.until_only_approvals_lack(&release).await;
        assert_eq!(signers.who(&release).await["missing"], who["missing"]);
        signers.approved(&release, "kim").await;
        signers.up.until_phase(&release, "live").await;
    });
}

/// A change on a branch of its own, whose release Kim has approved.
async fn approved_branch(signers: &Signers) -> (Repository, String, String) {
    let repository = Repository::new("");
    repository.git(&["checkout", "--quiet", "-b", "pay"]);
    repository.write("src/pay.rs", "twice\n");
    repository.commit("Ann Moe <ann@example.org>", "Charge twice");
    let change = repository.record(signers, &[]);
    let release = release(signers, "1.0", &change);
    signers.until_only_approvals_lack(&release).await;
    signers.approved(&release, "kim").await;
    (repository, change, release)
}

#[test]
fn a_push_over_what_was_approved_makes_the_approval_void() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let (repository, change, release) = approved_branch(&signers).await;
        let follow = || {
            let words = ["change", "follow", &change, "--onto", "main", "--branch", "pay"];
            let told = repository.safeguard(&signers, &words);
            let said = String::from_utf8_lossy(&told.stderr).into_owned();
            (told.status.code(), said)
        };
        assert_eq!(follow().0, Some(0));
        assert_eq!(signers.counted(&release).await, 1);

        repository.write("src/pay.rs", "as often as they pay\n");
        repository.git(&["commit", "--quiet", "--all", "--amend", "--no-edit"]);
        let head = repository.git(&["rev-parse", "HEAD"]);
        let (code, said) = follow();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("its branch is at another head"), "{said}");
        let void = format!("{change} is at other commits");
        signers.until_void(&release, "approval.invalidated", &void).await;
        assert_eq!(signers.counted(&release).await, 0);
        // It is told again, and recorded once.
        assert_eq!(follow().0, Some(1));
        let changes = signers.up.ok("GET", "/api/v1/changes", None).await;
        let anew: Vec<&Value> = changes
            .as_array()
            .expect("a list")
            .iter()
            .filter(|known| known["instead_of"] == json!(change))
            .collect();
        assert_eq!(anew.len(), 1, "{changes:#}");
        assert_eq!(anew[0]["head"], json!(head));
        // A new signature does not help the old release either.
        let refused = signers
            .approve(&release, "sam", json!({ "decision": "approve" }))
            .await;
        signers.refused(refused, "is at other commits").await;
    });
}

#[test]
fn a_base_that_moved_is_seen_from_a_pipeline() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let (repository, change, release) = approved_branch(&signers).await;

        repository.git(&["checkout", "--quiet", "main"]);
        repository.write("src/tax.rs", "nineteen\n");
        repository.commit("Lee Roe <lee@example.org>", "Another tax");
        let words = ["change", "follow", &change, "--onto", "main"];
        let told = repository.safeguard(&signers, &words);
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        assert_eq!(told.status.code(), Some(1), "{said}");
        assert!(
            said.contains("its base moved, and it merges to another tree"),
            "{said}"
        );
        let void = "merges to another tree";
        signers.until_void(&release, "approval.invalidated", void).await;

        // Once it is merged the base moves on with it; a commit that is not there decides nothing.
        repository.git(&["merge", "--quiet", "--no-ff", "-m", "Merge", "pay"]);
        assert_eq!(repository.safeguard(&signers, &words).status.code(), Some(0));
        let elsewhere = ["change", "follow", &change, "--onto", "nowhere"];
        assert_eq!(repository.safeguard(&signers, &elsewhere).status.code(), Some(2));
    });
}

/// Whoever can write the database can not have other commits go out under a signature.
#[test]
fn an_altered_change_is_at_other_commits() {
    runtime().block_on(async {
        let mut signers = Signers::start().await;
        let Waiting { release, change, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        signers.approved(&release, "kim").await;
        signers.up.stop();
        let store = store_of(&signers.up.state_path());
        let id = change.clone();
        store
            .write(move |tx| -> Result<(), StoreError> {
                let mut change = tx.get::<Change>(&id)?.expect("it was recorded");
                change.spec.head = "d".repeat(40);
                tx.put(&change)
            })
            .await
            .expect("written")
            .expect("put");
        store.close().await;
        signers.up.start_again().await;
        let void = format!("{change} is at other commits");
        signers.until_void(&release, "approval.invalidated", &void).await;
        assert_eq!(signers.counted(&release).await, 0);
    });
}
