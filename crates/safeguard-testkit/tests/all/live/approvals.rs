//! Gate 7 with the real server and real keys: what lets a release move, and everything that must not.

use serde_json::{Value, json};

use super::signers::{NAMESPACE, Signers, Waiting};
use super::up::runtime;

#[test]
fn a_release_moves_when_enough_people_have_signed_its_dossier() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        let up = &signers.up;
        let who = up.safeguard(&["approval", "who", &release]);
        let who = String::from_utf8_lossy(&who.stdout).into_owned();
        assert!(who.contains("for qa: 0 of 2 people, 0 of 1 seniors"), "{who}");
        assert!(
            who.contains("may, as senior") && who.contains("not senior: owns none"),
            "{who}"
        );

        // Nobody agrees, so nothing is signed.
        let key = signers.key("kim").display().to_string();
        let unasked = up.safeguard(&["approve", &release, "--key", &key]);
        assert_eq!(unasked.status.code(), Some(1));
        let kim = up.safeguard(&["approve", &release, "--key", &key, "--yes"]);
        let shown = String::from_utf8_lossy(&kim.stdout).into_owned();
        assert!(kim.status.success(), "{}", String::from_utf8_lossy(&kim.stderr));
        for wanted in [
            "Charge twice",
            "please charge twice",
            "src/pay.rs",
            "human-approval",
            "Roll the release back",
        ] {
            assert!(shown.contains(wanted), "{wanted} is not shown:\n{shown}");
        }
        assert!(
            !shown.contains('\u{1b}'),
            "an AI's words reach the terminal as they are"
        );
        assert_ne!(up.phase(&release).await, "live");

        let key = signers.key("sam-2").display().to_string();
        let sam = up.safeguard(&["approve", &release, "--key", &key, "--yes"]);
        assert!(sam.status.success(), "{}", String::from_utf8_lossy(&sam.stderr));
        up.until_phase(&release, "live").await;
        let listed = up.safeguard(&["approval", "list", &release]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(
            listed.contains("Kim Doe") && listed.contains("Sam Poe"),
            "{listed}"
        );
        let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
        let kinds: Vec<&str> = shown["entries"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|entry| entry["kind"].as_str())
            .collect();
        assert!(
            kinds.contains(&"approval.requested") && kinds.contains(&"approval.granted"),
            "{kinds:?}"
        );
        // Names lie beside the log, where they can be erased.
        let entries = up
            .ok("GET", "/api/v1/audit/entries?limit=200", None)
            .await
            .to_string();
        assert!(!entries.contains("Sam Poe\",\"sig"), "a name is in the log");
    });
}

#[test]
fn a_signature_that_is_not_exactly_right_is_refused() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting {
            release, artifact, ..
        } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        let spec = || json!({ "decision": "approve" });
        let request = signers.request(&release, spec()).await;
        let text = request["text"].as_str().expect("a text");

        let altered = text.replace("\"environment\":\"qa\"", "\"environment\":\"production\"");
        assert_ne!(altered, text);
        let signed = signers.sign("kim", NAMESPACE, &altered, &[]);
        signers
            .refused(
                signers.add(&release, signed).await,
                "is not the one that the server made",
            )
            .await;
        let spaced = text.replacen(':', ": ", 1);
        let signed = signers.sign("kim", NAMESPACE, &spaced, &[]);
        signers
            .refused(
                signers.add(&release, signed).await,
                "is not the one that the server made",
            )
            .await;
        let mut swapped = signers.sign("kim", NAMESPACE, &altered, &[]);
        swapped["text"] = text.into();
        signers
            .refused(signers.add(&release, swapped).await, "not one of these bytes")
            .await;
        for namespace in ["file", "git", "safeguard-approval@v2"] {
            let signed = signers.sign("kim", namespace, text, &[]);
            signers
                .refused(signers.add(&release, signed).await, "was made for")
                .await;
        }
        let signed = signers.sign("stranger", NAMESPACE, text, &[]);
        signers
            .refused(signers.add(&release, signed).await, "belongs to no approver")
            .await;
        for more in [&[][..], &["-O", "hashalg=sha512"]] {
            let signed = signers.sign("rsa", NAMESPACE, text, more);
            signers
                .refused(signers.add(&release, signed).await, "can not sign approvals")
                .await;
        }
        let made_up = request["statement"]
            .to_string()
            .replace(request["statement"]["nonce"].as_str().expect("one"), "0");
        let signed = signers.sign("kim", NAMESPACE, &made_up, &[]);
        signers
            .refused(signers.add(&release, signed).await, "made no such statement")
            .await;

        // The right one counts once, and its second key makes nobody two people.
        let signed = signers.sign("kim", NAMESPACE, text, &[]);
        let (status, answer) = signers.add(&release, signed.clone()).await;
        assert_eq!(status, 200, "{answer:#}");
        signers
            .refused(signers.add(&release, signed).await, "was signed before")
            .await;
        signers.approved(&release, "kim-2").await;
        assert_eq!(signers.counted(&release).await, 1);

        // The agent's token neither approves nor adds evidence.
        let token = signers
            .up
            .ok(
                "POST",
                "/api/v1/tokens",
                Some(json!({ "name": "agent", "scope": "propose" })),
            )
            .await;
        let mut signers = signers;
        let own = std::mem::replace(
            &mut signers.up.token,
            token["secret"].as_str().expect("a secret").to_owned(),
        );
        let asked = format!("/api/v1/releases/{release}/approvals/request");
        assert_eq!(signers.up.call("POST", &asked, Some(spec())).await.0, 403);
        let report = format!("/api/v1/evidence?service=shop&format=safeguard&artifact={artifact}");
        assert_eq!(signers.up.call("POST", &report, Some(evidence())).await.0, 403);
        signers.up.token = own;
        assert_ne!(signers.up.phase(&release).await, "live");
    });
}

#[test]
fn nobody_approves_what_they_made_or_another_release() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let spec = || json!({ "decision": "approve" });
        for (version, people, part) in [
            ("1.1", json!({ "author": "K. D. <Kim@Example.org>" }), "author"),
            (
                "1.2",
                json!({ "co_authors": ["Doe, Kim <k@elsewhere.example>"] }),
                "co-author",
            ),
            ("1.3", json!({ "prompter": "@kim" }), "prompter"),
        ] {
            let Waiting { release, .. } = signers.waiting(version, people).await;
            let refused = signers.approve(&release, "kim", spec()).await;
            signers.refused(refused, part).await;
            let refused = signers.approve(&release, "kim-2", spec()).await;
            signers.refused(refused, "may not approve").await;
            signers
                .up
                .ok("POST", &format!("/api/v1/releases/{release}/rollback"), None)
                .await;
        }

        // An approval of one release says nothing of its sibling, nor of the same change pushed anew.
        let one = signers.waiting("2.0", json!({})).await;
        let request = signers.request(&one.release, spec()).await;
        let text = request["text"].as_str().expect("a text");
        let pushed = signers.waiting("2.1", json!({ "title": "version 2.0" })).await;
        let signed = signers.sign("kim", NAMESPACE, text, &[]);
        signers
            .refused(signers.add(&pushed.release, signed).await, "speaks of")
            .await;
        signers.approved(&one.release, "kim").await;
        assert_eq!(signers.counted(&one.release).await, 1);
        assert_eq!(signers.counted(&pushed.release).await, 0);

        // Another environment is another question.
        signers
            .up
            .ok(
                "POST",
                &format!("/api/v1/releases/{}/rollback", one.release),
                None,
            )
            .await;
        let elsewhere = json!({ "decision": "approve", "environment": "production" });
        let (status, answer) = signers.approve(&pushed.release, "kim", elsewhere).await;
        assert_eq!(status, 200, "{answer:#}");
        let who = signers.who(&pushed.release).await;
        assert_eq!(who["approved"], 0, "{who:#}");
        assert!(
            who.to_string().contains("it is for production, and this is qa"),
            "{who:#}"
        );
    });
}

#[test]
fn what_changes_after_a_signature_makes_it_void() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting {
            release,
            change,
            artifact,
        } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        let up = &signers.up;

        signers.approved(&release, "kim").await;
        let report = format!("/api/v1/evidence?service=shop&format=safeguard&artifact={artifact}");
        up.ok("POST", &report, Some(evidence())).await;
        signers
            .until_void(&release, "approval.invalidated", "evidence was added")
            .await;
        assert_eq!(signers.counted(&release).await, 0);

        signers.approved(&release, "kim").await;
        signers.attach(&change, "intent", "Charge thrice.\n");
        signers
            .until_void(&release, "approval.invalidated", "was attached since then")
            .await;

        // A statement that was made before does not help either.
        let request = signers.request(&release, json!({ "decision": "approve" })).await;
        signers.attach(&change, "intent", "Charge four times.\n");
        let signed = signers.sign("kim", NAMESPACE, request["text"].as_str().expect("a text"), &[]);
        signers
            .refused(signers.add(&release, signed).await, "counts for nothing")
            .await;

        let brief = json!({ "decision": "approve", "valid": "1s" });
        assert_eq!(signers.approve(&release, "kim", brief).await.0, 200);
        signers
            .until_void(&release, "approval.expired", "it expired at")
            .await;

        let tomorrow = json!({ "decision": "approve", "not_before": "2999-01-01T00:00:00Z" });
        assert_eq!(signers.approve(&release, "kim", tomorrow).await.0, 200);
        assert_eq!(signers.counted(&release).await, 0);
        assert!(
            signers
                .who(&release)
                .await
                .to_string()
                .contains("it holds from 2999")
        );

        signers.approved(&release, "kim").await;
        let mut policy = up.ok("GET", "/api/v1/policy", None).await["policy"].clone();
        policy["judge"]["alpha"] = json!(0.002);
        signers.change_policy(policy.clone()).await;
        signers
            .until_void(&release, "approval.invalidated", "the policy was changed")
            .await;

        // A key that the policy in force does not have signs nothing, though the release entered under another policy.
        let approvers = policy["approvers"].as_array_mut().expect("a list");
        let kim = approvers
            .iter_mut()
            .find(|approver| approver["person"] == "Kim Doe")
            .expect("Kim");
        let keys = kim["keys"].as_array_mut().expect("a list");
        keys.retain(|key| key.as_str().is_some_and(|key| key.starts_with("ecdsa")));
        signers.change_policy(policy).await;
        let refused = signers
            .approve(&release, "kim", json!({ "decision": "approve" }))
            .await;
        signers.refused(refused, "belongs to no approver").await;
        signers.approved(&release, "kim-2").await;
        assert_eq!(signers.counted(&release).await, 1);

        // The base moves: the same head merges to another tree.
        let recorded = up.ok("GET", &format!("/api/v1/changes/{change}"), None).await;
        let mut again: Value = json!({});
        for field in ["service", "title", "head", "author", "prompter", "ai_tool"] {
            again[field] = recorded[field].clone();
        }
        again["base"] = json!("b".repeat(40));
        again["merge_tree"] = recorded["merge_tree"].clone();
        up.ok("POST", "/api/v1/changes", Some(again.clone())).await;
        assert_eq!(
            signers.counted(&release).await,
            1,
            "the same tree is the same merge"
        );
        again["merge_tree"] = json!("d".repeat(40));
        up.ok("POST", "/api/v1/changes", Some(again)).await;
        signers
            .until_void(&release, "approval.invalidated", "merges to another tree")
            .await;
        assert_eq!(signers.counted(&release).await, 0);
    });
}

#[test]
fn a_rejection_holds_until_its_signer_takes_it_back() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        let path = format!("/api/v1/releases/{release}/approvals/request");
        let unsaid = signers
            .up
            .call("POST", &path, Some(json!({ "decision": "reject" })))
            .await;
        assert_eq!(unsaid.0, 422, "a rejection says what must change");
        let reject = json!({ "decision": "reject", "reason": "no test of the refund" });
        assert_eq!(signers.approve(&release, "lee", reject).await.0, 200);
        signers.approved(&release, "kim").await;
        signers.approved(&release, "sam").await;
        signers
            .up
            .until("the gate names who rejected", async || {
                let told = signers
                    .up
                    .ok("GET", &format!("/api/v1/releases/{release}/gates"), None)
                    .await;
                told.to_string().contains("rejected by Lee Roe").then_some(())
            })
            .await;
        assert_ne!(signers.up.phase(&release).await, "live");
        assert_eq!(
            signers
                .approve(&release, "lee", json!({ "decision": "withdraw" }))
                .await
                .0,
            200
        );
        signers.up.until_phase(&release, "live").await;
    });
}

fn evidence() -> Value {
    json!({
        "api": "safeguard.evidence/1", "tool": { "name": "checks" },
        "facts": { "kind": "invariants", "checks": [{ "name": "sums", "checked": 10, "violations": 0 }], "migrations": [] },
    })
}
