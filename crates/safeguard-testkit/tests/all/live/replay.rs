//! What was decided comes to the same when it is computed again from an export, and a changed document is named.

use safeguard_api::Timestamp;
use safeguard_api::audit::{Actor, Event};
use safeguard_store::StoreError;
use serde_json::{Value, json};

use super::exceptions::{store_of, unix_ms};
use super::faulty;
use super::load::Load;
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
        // One that is not there can not be computed either.
        std::fs::remove_file(&changed).expect("removed");
        let replayed = up.safeguard(&["audit", "replay", "log"]);
        assert_eq!(replayed.status.code(), Some(1));
        let said = String::from_utf8_lossy(&replayed.stdout).into_owned();
        assert!(
            said.contains(&format!("document sha256:{name} is not in the export")),
            "{said}"
        );
        // The log itself is as it was: documents are named by it, and not within it.
        assert!(up.safeguard(&["audit", "verify", "log"]).status.success());
    });
}

/// As it is when the disk was full while something was decided: the log has the decision alone.
#[test]
fn a_decision_whose_document_was_not_kept_is_named_and_decides_nothing() {
    runtime().block_on(async {
        let mut up = Up::start(QUICK_STAGES).await;
        up.stop();
        let store = store_of(&up.state_path());
        let event = |kind: &str, actor: &str, cause: Value| Event {
            v: 1,
            kind: kind.to_owned(),
            ts: Timestamp(unix_ms()),
            actor: Actor::system(actor),
            subject: vec!["rel_0000000004000001".to_owned()],
            refs: Vec::new(),
            commit: Vec::new(),
            decision: json!({ "text": "as decided", "cause": cause }),
            late: false,
        };
        let events = [
            event("deploy.live", "planner", Value::Null),
            event("rollback.triggered", "router", json!({ "name": "judge" })),
            event("rollback.triggered", "router", json!({ "name": "out_of_memory" })),
            event("gate.result", "gates", Value::Null),
        ];
        let first = store
            .write(move |tx| -> Result<u64, StoreError> {
                let mut first = None;
                for event in &events {
                    let entry = tx.append(event)?;
                    first.get_or_insert(entry);
                }
                Ok(first.expect("there are some"))
            })
            .await
            .expect("written")
            .expect("appended");
        store.close().await;
        up.start_again().await;
        assert!(up.safeguard(&["audit", "export", "log"]).status.success());
        let replayed = up.safeguard(&["audit", "replay", "log"]);
        let said = String::from_utf8_lossy(&replayed.stdout).into_owned();
        assert_eq!(replayed.status.code(), Some(2), "{said}");
        for (entry, what) in [
            (first, "`deploy.live`: the log names no plan"),
            (
                first + 1,
                "`rollback.triggered`: the log names no evaluations of the judge",
            ),
            (first + 3, "`gate.result`: the log names no case"),
        ] {
            assert!(
                said.contains(&format!("can not be computed: entry {entry}: {what}")),
                "{said}"
            );
        }
        assert!(said.contains("3 have no document"), "{said}");
    });
}

/// One in two requests fails, so that it is the judge who takes the candidate off, and no trigger that counts failures in a row.
#[test]
fn what_the_judge_saw_comes_to_the_figure_that_took_a_release_off() {
    runtime().block_on(async {
        let quick = r#"steps = [{ weight = 50, soak = "300ms" }, { weight = 100, soak = "300ms" }]"#;
        let steps = r#"steps = [{ weight = 50, soak = "20m" }, { weight = 100, soak = "300ms" }]"#;
        assert!(QUICK_STAGES.contains(quick));
        let outside = tempfile::tempdir().expect("a temporary folder");
        let fault = outside.path().join("fault");
        let stages = QUICK_STAGES.replace(quick, steps);
        let up = Up::start_with(&stages, |config| faulty::configured(&config, &fault)).await;
        let first = up.release(&faulty::artifact(&up, "good"), "1.0", &[]).await;
        up.until_phase(&first, "live").await;
        // What is in force when the judge speaks is not what the release entered under.
        let second = up
            .release(&faulty::artifact(&up, "bad-at-times"), "1.1", &[])
            .await;
        let mut policy = up.ok("GET", "/api/v1/policy", None).await["policy"].clone();
        policy["judge"]["planned"] = json!("1h");
        up.ok("POST", "/api/v1/policy", Some(policy)).await;
        up.until_phase(&second, "analyzing").await;
        let load = Load::start(up.production(), 4);
        std::fs::write(&fault, "").expect("the fault begins");
        up.until_phase(&second, "rolled_back").await;
        load.stop().await;
        let path = format!("/api/v1/audit/entries?subject={second}&limit=200");
        let entries = up.ok("GET", &path, None).await;
        let by_judge = |entry: &&Value| {
            let event = &entry["event"];
            event["actor"]["id"] == "router" && event["decision"]["cause"]["name"] == "judge"
        };
        let tripped: Vec<&Value> = entries
            .as_array()
            .expect("a list")
            .iter()
            .filter(by_judge)
            .collect();
        assert_eq!(tripped.len(), 1, "{entries:#}");

        assert!(up.safeguard(&["audit", "export", "log"]).status.success());
        let replayed = up.safeguard(&["audit", "replay", "log", "--json"]);
        let told: Value = serde_json::from_slice(&replayed.stdout).expect("JSON");
        assert!(replayed.status.success() && told["judgements"] == 1, "{told:#}");
        let seen = tripped[0]["event"]["refs"][0]["sha256"]
            .as_str()
            .expect("a digest");
        let seen = seen.trim_start_matches("sha256:");
        std::fs::remove_file(up.state.path().join("log/content").join(seen)).expect("removed");
        let replayed = up.safeguard(&["audit", "replay", "log"]);
        let said = String::from_utf8_lossy(&replayed.stdout).into_owned();
        assert_eq!(replayed.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("document sha256:{seen} is not in the export")),
            "{said}"
        );
    });
}
