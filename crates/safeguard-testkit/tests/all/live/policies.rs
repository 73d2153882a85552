//! The policy in force changes when its own approvers have signed the change, and not before.

use serde_json::{Value, json};

use super::signers::{NAMESPACE, Signers};
use super::up::runtime;

#[test]
fn another_policy_needs_two_people_of_the_one_in_force() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let up = &signers.up;
        let in_force = async || up.ok("GET", "/api/v1/policy", None).await;
        let before = in_force().await;
        assert_eq!(before["persons_to_change"], 2, "{before:#}");
        // The new policy has an approver more, and only this one would sign it.
        let mut shorter = before["policy"].clone();
        shorter["stages"]["staging"]["soak"] = json!("1ms");
        let direct = up.call("POST", "/api/v1/policy", Some(shorter.clone())).await;
        signers.refused(direct, "asks 2 of its approvers to sign").await;

        let propose = async |policy: &Value| {
            let spec = json!({ "policy": policy, "reason": "nothing ever happens in staging" });
            up.ok("POST", "/api/v1/policy/changes", Some(spec)).await
        };
        let same = json!({ "policy": before["policy"], "reason": "no reason" });
        let same = up.call("POST", "/api/v1/policy/changes", Some(same)).await;
        signers.refused(same, "in force already").await;
        let change = propose(&shorter).await;
        let sibling = propose(&shorter).await;
        let sign = async |change: &Value, key: &str, text: &Value| {
            let id = change["id"].as_str().expect("an id");
            let signed = signers.sign(key, NAMESPACE, &text.to_string(), &[]);
            up.call("POST", &format!("/api/v1/policy/changes/{id}/sign"), Some(signed))
                .await
        };
        signers
            .refused(
                sign(&change, "kim", &sibling["statement"]).await,
                "is not the one",
            )
            .await;
        signers
            .refused(
                sign(&change, "stranger", &change["statement"]).await,
                "belongs to no approver",
            )
            .await;
        assert_eq!(sign(&change, "kim", &change["statement"]).await.0, 200);
        signers
            .refused(sign(&change, "kim-2", &change["statement"]).await, "counts once")
            .await;
        assert_eq!(in_force().await["id"], before["id"], "one person changes nothing");

        let id = change["id"].as_str().expect("an id").to_owned();
        let key = signers.key("sam").display().to_string();
        let signed = up.safeguard(&["policy", "sign", &id, "--key", &key, "--yes"]);
        let told = String::from_utf8_lossy(&signed.stderr).into_owned();
        assert!(signed.status.success(), "{told}");
        assert!(
            told.contains("stages.staging.soak") && told.contains("signed by Kim Doe"),
            "{told}"
        );
        let after = in_force().await;
        assert_eq!(after["policy"]["stages"]["staging"]["soak"], "1ms");

        // Signed twice it would replace what it replaced already; and nothing replaces what is not in force any more.
        signers
            .refused(
                sign(&change, "lee", &change["statement"]).await,
                "in force already",
            )
            .await;
        signers
            .refused(
                sign(&sibling, "kim", &sibling["statement"]).await,
                "not in force any more",
            )
            .await;
        let listed = up.safeguard(&["policy", "changes"]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(
            listed.contains("in force since") && listed.contains("not in force"),
            "{listed}"
        );
        let entries = up
            .ok(
                "GET",
                &format!("/api/v1/audit/entries?subject={id}&limit=20"),
                None,
            )
            .await;
        let kinds: Vec<&str> = entries
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|entry| entry["event"]["kind"].as_str())
            .collect();
        for kind in ["policy.proposed", "policy.signed", "policy.refused"] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
    });
}
