//! The lane of a hotfix from end to end, and releases that make way for a newer one.

use serde_json::{Value, json};

use super::signers::{Signers, Waiting};
use super::up::{QUICK_STAGES, Up, runtime};

fn hour_in_dev(config: &str) -> String {
    let slow = config.replacen("soak = \"300ms\"", "soak = \"1h\"", 1);
    assert_ne!(slow, config);
    slow
}

/// The entries of a kind about a release.
async fn entries(up: &Up, release: &str, kind: &str) -> Vec<Value> {
    let path = format!("/api/v1/audit/entries?subject={release}&limit=200");
    let entries = up.ok("GET", &path, None).await;
    let entries = entries.as_array().expect("a list").iter();
    let of_kind = entries.filter(|entry| entry["event"]["kind"] == kind);
    of_kind.cloned().collect()
}

async fn superseded(up: &Up, older: &str, by: &str) {
    up.until_phase(older, "superseded").await;
    let shown = up.ok("GET", &format!("/api/v1/releases/{older}"), None).await;
    assert_eq!(shown["rollout"]["phase"]["by"], json!(by), "{shown:#}");
    assert_eq!(entries(up, older, "deploy.superseded").await.len(), 1);
}

/// A soak of an hour is a percent of it for a hotfix: within the time that a test waits, no other release leaves dev.
#[test]
fn a_hotfix_soaks_less_asks_for_one_person_more_and_is_reviewed() {
    runtime().block_on(async {
        let lane = "\n[hotfix]\nsoak_percent = 1\napprovals_more = 1\n[judge]";
        let short = |config: String| {
            hour_in_dev(&config)
                .replacen("soak = \"1h\"", "soak = \"4m\"", 1)
                .replacen("\n[judge]", lane, 1)
        };
        let signers = Signers::start_with(short).await;
        let up = &signers.up;
        let ordinary = signers.waiting("1.0", json!({})).await;
        signers.approved(&ordinary.release, "kim").await;
        signers.approved(&ordinary.release, "sam").await;
        up.until("only the soak holds the ordinary release", async || {
            let shown = up
                .ok("GET", &format!("/api/v1/releases/{}", ordinary.release), None)
                .await;
            let blocks = shown["rollout"]["blocks"].as_array()?.clone();
            let soak = |block: &Value| block["name"] == "soak" && block["soak"] == "4m";
            (!blocks.is_empty() && blocks.iter().all(soak)).then_some(())
        })
        .await;

        let Waiting { release, .. } = signers
            .waiting_with("1.0.1", json!({}), &["--hotfix", "--supersede"])
            .await;
        superseded(up, &ordinary.release, &release).await;
        let created = entries(up, &release, "release.created").await;
        let decision = &created[0]["event"]["decision"];
        assert_eq!(
            (
                &decision["lane"],
                &decision["terms"]["soak_percent"],
                &decision["terms"]["approvals_more"]
            ),
            (&json!("hotfix"), &json!(1), &json!(1)),
            "{decision:#}"
        );
        // It has soaked for 2.4 seconds of the 4 minutes, and people alone are lacking: three, where others need two.
        signers.until_only_approvals_lack(&release).await;
        signers.approved(&release, "kim").await;
        signers.approved(&release, "sam").await;
        let who = signers.who(&release).await;
        assert_eq!(
            (&who["approved"], &who["quorum"]),
            (&json!(2), &json!(3)),
            "{who:#}"
        );
        assert!(
            who["missing"].to_string().contains("1 more people must approve"),
            "{who:#}"
        );
        assert_ne!(up.phase(&release).await, "live");
        let warned = async || {
            let status = up.safeguard(&["status"]);
            let told = String::from_utf8_lossy(&status.stdout).into_owned()
                + &String::from_utf8_lossy(&status.stderr);
            told.contains("hotfix 1.0.1 of shop was not reviewed")
        };
        assert!(!warned().await, "it is still on its way");
        signers.approved(&release, "lee").await;
        up.until_phase(&release, "live").await;

        assert!(warned().await);
        let own = up.safeguard(&["release", "review", &release, "--note", "it was right"]);
        let told = String::from_utf8_lossy(&own.stderr).into_owned();
        assert_eq!(own.status.code(), Some(1), "{told}");
        assert!(told.contains("created the release"), "{told}");
        assert!(warned().await);
        let token = json!({ "name": "kim", "scope": "operate" });
        let token = up.ok("POST", "/api/v1/tokens", Some(token)).await;
        let file = up.state.path().join("kim.token");
        std::fs::write(&file, token["secret"].as_str().expect("a secret")).expect("written");
        let file = file.display().to_string();
        let words = [
            "release",
            "review",
            &release,
            "--note",
            "it was right",
            "--token-file",
            &file,
        ];
        let other = up.safeguard(&words);
        assert!(
            other.status.success(),
            "{}",
            String::from_utf8_lossy(&other.stderr)
        );
        assert!(!warned().await);
        assert_eq!(entries(up, &release, "hotfix.reviewed").await.len(), 1);
    });
}

#[test]
fn a_newer_release_closes_those_before_it_by_command_and_by_api() {
    runtime().block_on(async {
        let up = Up::start(&hour_in_dev(QUICK_STAGES)).await;
        let artifact = |mark: &str| up.artifact("shop-1-0", mark);
        let walking = up.release(&artifact("one"), "1.0", &[]).await;
        up.until_phase(&walking, "soaking").await;
        let queued = up.release(&artifact("two"), "1.1", &[]).await;
        assert_eq!(up.phase(&queued).await, "queued");
        let newer = up.release(&artifact("three"), "1.2", &["--supersede"]).await;
        superseded(&up, &walking, &newer).await;
        superseded(&up, &queued, &newer).await;
        up.until_phase(&newer, "soaking").await;

        let shown = up.ok("GET", &format!("/api/v1/releases/{queued}"), None).await;
        let release = &shown["release"];
        let spec = |supersede: bool| {
            json!({
                "service": "shop", "artifact": release["artifact"], "version": "1.3", "changes": release["new_changes"],
                "supersede": supersede,
            })
        };
        // An artifact that made way is as good as it was, and may be released again.
        let waits = up.ok("POST", "/api/v1/releases", Some(spec(false))).await;
        let waits = waits["release"]["id"].as_str().expect("an id").to_owned();
        let newest = up.ok("POST", "/api/v1/releases", Some(spec(true))).await;
        let newest = newest["release"]["id"].as_str().expect("an id").to_owned();
        superseded(&up, &newer, &newest).await;
        superseded(&up, &waits, &newest).await;
        up.until_phase(&newest, "soaking").await;
        let created = entries(&up, &newest, "release.created").await;
        let decision = &created[0]["event"]["decision"];
        assert_eq!(
            (&decision["supersede"], &decision["ahead"]),
            (&json!(true), &json!([newer, waits])),
            "{decision:#}"
        );
    });
}
