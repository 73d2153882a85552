//! Observe mode holds and moves nothing, and says what it would have done.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::faulty;
use super::load::Load;
use super::up::{Up, runtime};

/// All soaks and gates are the defaults: hours, and seven gates of which none has evidence. Only the canary's steps,
/// which take their time in observe mode too, are short.
const STAGES: &str = r#"
mode = "observe"
[stages.canary]
steps = [{ weight = 50, soak = "1500ms" }, { weight = 100, soak = "300ms" }]
[gates.risk]
applied = false
[judge]
warm_up = "100ms"
planned = "10m"
"#;

#[test]
fn nothing_is_held_and_what_would_have_held_is_told() {
    runtime().block_on(async {
        let outside = tempfile::tempdir().expect("a temporary folder");
        let fault = outside.path().join("fault");
        std::fs::write(&fault, "").expect("the fault is there from the start");
        let up = Up::start_with(STAGES, |config| faulty::configured(&config, &fault)).await;

        let first = up.release(&faulty::artifact(&up, "good"), "1.0", &[]).await;
        up.until_phase(&first, "live").await;
        let would = would_have(&up, &first).await;
        for (stage, soak) in [
            ("dev", "2h"),
            ("qa", "24h"),
            ("staging", "48h"),
            ("production", "24h"),
        ] {
            let found = held(&would, stage, "soak");
            assert!(
                found.contains(&format!("(needs {soak})")),
                "the policy's own figure, {soak}: {found}"
            );
            held(&would, stage, "gate");
        }
        held(&would, "canary", "gate");

        let freeze = json!({ "reason": "stock-taking" });
        up.ok("POST", "/api/v1/freezes", Some(freeze)).await;
        let load = Load::start(up.production(), 4);
        let bad = up.release(&faulty::artifact(&up, "bad"), "1.1", &[]).await;
        let triggered = up
            .until("the log has what would have been done", async || {
                let entries = up.ok("GET", "/api/v1/audit/entries?limit=200", None).await;
                let wanted = |entry: &&Value| entry["event"]["kind"] == "rollback.would_trigger";
                entries.as_array()?.iter().find(wanted).cloned()
            })
            .await;
        assert_eq!(triggered["event"]["subject"][0], bad.as_str(), "{triggered:#}");
        up.until_phase(&bad, "live").await;
        let (answered, failed, lost) = load.stop().await;
        println!("{answered} answered, {failed} failed, {lost} lost");
        assert!(0 < failed, "users were left with the bad release");
        let would = would_have(&up, &bad).await;
        let stages: BTreeSet<&str> = ["dev", "qa", "staging", "canary", "production"]
            .into_iter()
            .filter(|stage| {
                would
                    .iter()
                    .any(|one| one.starts_with(&format!("held in {stage} by freeze: ")))
            })
            .collect();
        assert_eq!(
            stages.len(),
            5,
            "the freeze would have held it in every stage: {would:#?}"
        );
        assert!(
            would
                .iter()
                .any(|one| one.starts_with("rolled back in canary by ")),
            "{would:#?}"
        );

        let entries = up.ok("GET", "/api/v1/audit/entries?limit=200", None).await;
        let acted = |entry: &Value| entry["event"]["kind"] == "rollback.triggered";
        assert!(
            !entries.as_array().expect("a list").iter().any(acted),
            "nothing was moved"
        );
        let shown = up.safeguard(&["release", "show", &first]);
        let shown = String::from_utf8_lossy(&shown.stdout);
        assert!(shown.contains("would have held in dev by soak: "), "{shown}");
    });
}

async fn would_have(up: &Up, release: &str) -> Vec<String> {
    let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
    let would = shown["rollout"]["would_have"].as_array().expect("a list");
    would
        .iter()
        .map(|one| one["decision"].as_str().expect("a text").to_owned())
        .collect()
}

fn held<'w>(would: &'w [String], stage: &str, kind: &str) -> &'w str {
    let prefix = format!("held in {stage} by {kind}: ");
    let found = would.iter().find(|one| one.starts_with(&prefix));
    found.unwrap_or_else(|| panic!("no `{prefix}` in {would:#?}"))
}
