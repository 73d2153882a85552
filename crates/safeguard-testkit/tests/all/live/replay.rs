//! What was decided comes to the same when it is computed again from an export, and a changed document is named.

use serde_json::Value;

use super::up::{QUICK_STAGES, Up, runtime};

#[test]
fn decisions_are_computed_again_and_a_changed_document_is_named() {
    runtime().block_on(async {
        let up = Up::start(QUICK_STAGES).await;
        let first = up.artifact("shop-1-0", "first");
        let live = up.release(&first, "1.0", &[]).await;
        up.until_phase(&live, "live").await;
        let second = up.artifact("shop-1-0", "second");
        let walking = up.release(&second, "1.1", &[]).await;
        up.ok("POST", &format!("/api/v1/releases/{walking}/rollback"), None)
            .await;
        up.until_phase(&walking, "rolled_back").await;

        let exported = up.safeguard(&["audit", "export", "log"]);
        assert!(
            exported.status.success(),
            "{}",
            String::from_utf8_lossy(&exported.stderr)
        );
        let replayed = up.safeguard(&["audit", "replay", "log", "--json"]);
        let told: Value = serde_json::from_slice(&replayed.stdout).expect("JSON");
        assert!(replayed.status.success(), "{told:#}");
        assert!(told["plans"].as_u64() > Some(12), "{told:#}");

        let content = up.state.path().join("log/content");
        let changed = std::fs::read_dir(&content)
            .expect("documents")
            .next()
            .expect("one")
            .expect("readable")
            .path();
        std::fs::write(&changed, "{}").expect("written");
        let replayed = up.safeguard(&["audit", "replay", "log"]);
        assert_eq!(replayed.status.code(), Some(1));
        let said = String::from_utf8_lossy(&replayed.stdout).into_owned();
        let name = changed
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            said.contains(&format!("document sha256:{name} was changed")),
            "{said}"
        );
        // The log itself is as it was: documents are named by it, and not within it.
        assert!(up.safeguard(&["audit", "verify", "log"]).status.success());
    });
}
