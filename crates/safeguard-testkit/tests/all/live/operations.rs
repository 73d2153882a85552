//! Every operation that changes something refuses a stranger and leaves an entry in the log.

use safeguard_api::operation::{OPERATIONS, Scope};
use serde_json::{Value, json};

use super::credentials::{ELSEWHERE, VERIFIER};
use super::exceptions::unix_ms;
use super::up::{QUICK_STAGES, Up, runtime};

async fn log_size(up: &Up) -> u64 {
    let entries = up.ok("GET", "/api/v1/audit/entries?limit=1", None).await;
    entries[0]["index"].as_u64().map_or(0, |index| index + 1)
}

#[test]
fn every_mutating_operation_refuses_a_stranger_and_leaves_an_entry() {
    runtime().block_on(async {
        let mut up = Up::start_with(QUICK_STAGES, |config| config + ELSEWHERE).await;
        let first = up.artifact("shop-1-0", "first");
        let live = up.release(&first, "1.0", &[]).await;
        up.until_phase(&live, "live").await;
        let second = up.artifact("shop-1-0", "second");
        let mut walking = up.release(&second, "1.1", &[]).await;
        let third = up.artifact("shop-1-0", "third");
        let hotfix = up.release(&third, "1.0.1", &["--hotfix"]).await;
        up.ok("POST", &format!("/api/v1/releases/{hotfix}/rollback"), None).await;
        up.until_phase(&hotfix, "rolled_back").await;
        let reviewer = json!({ "name": "kim", "scope": "operate" });
        let reviewer = up.ok("POST", "/api/v1/tokens", Some(reviewer)).await;
        let freeze = up.ok("POST", "/api/v1/freezes", Some(json!({ "reason": "stock-taking" }))).await;
        let token = json!({ "name": "pipeline", "scope": "propose" });
        let spare = up.ok("POST", "/api/v1/tokens", Some(token.clone())).await;
        let token = up.ok("POST", "/api/v1/tokens", Some(token)).await;
        let change = json!({
            "service": "shop", "title": "faster", "base": "aaaaaaa", "head": "bbbbbbb", "author": "Ada",
        });
        let recorded = up.ok("POST", "/api/v1/changes", Some(change.clone())).await;
        let shown = up.ok("GET", &format!("/api/v1/releases/{live}"), None).await;
        let artifact = shown["release"]["artifact"].as_str().expect("a digest").to_owned();
        let report = json!({
            "api": "safeguard.evidence/1", "tool": { "name": "checks" },
            "facts": { "kind": "invariants", "checks": [{ "name": "sums", "checked": 10, "violations": 0 }], "migrations": [] },
        });
        let policy = up.ok("GET", "/api/v1/policy", None).await["policy"].clone();
        let own = up.token.clone();
        let soon = safeguard_api::Timestamp(unix_ms() + 600_000);
        let glass = json!({ "release": walking, "reason": "checkout is down", "expires": soon });
        let glass = up.ok("POST", "/api/v1/breakglasses", Some(glass)).await;
        let waiver = json!({ "release": walking, "gate": "static-analysis", "reason": "a false alarm", "expires": soon });
        let waiver = up.ok("POST", "/api/v1/waivers", Some(waiver)).await;
        let credential = json!({ "proxy": "shop", "user": "coder", "verifier": VERIFIER });
        let login = up.ok("POST", "/api/v1/credentials", Some(credential.clone())).await;
        let unsigned = json!({ "text": "{}", "signature": { "kind": "ssh", "signature": "" } });

        for operation in OPERATIONS.iter().filter(|operation| operation.mutates()) {
            let (id, body) = match operation.id {
                // The tar itself goes through the command line; here only who may send it is asked.
                "artifact.put" => (artifact.clone(), None),
                "bisect.start" => (hotfix.clone(), Some(json!({ "method": "rebuild" }))),
                "bisect.try" => (hotfix.clone(), None),
                "bisect.unbuilt" => (hotfix.clone(), Some(json!({ "trial": 1, "why": "a conflict" }))),
                "change.add" => (String::new(), Some(change.clone())),
                // Whoever recorded the change does not answer for it: refused, and recorded.
                "change.attest" => (
                    recorded["id"].as_str().expect("an id").to_owned(),
                    Some(json!({ "question": "on-call", "answer": "yes", "reason": "until Friday" })),
                ),
                "change.attach" => (recorded["id"].as_str().expect("an id").to_owned(), Some(json!("# Why"))),
                "credential.issue" => (String::new(), Some(credential.clone())),
                "credential.revoke" => (login["id"].as_str().expect("an id").to_owned(), None),
                // What was revoked a moment ago is not rotated: another is.
                "credential.rotate" => {
                    let login = up.ok("POST", "/api/v1/credentials", Some(credential.clone())).await;
                    let next = json!({ "grace": "30s", "verifier": VERIFIER });
                    (login["id"].as_str().expect("an id").to_owned(), Some(next))
                }
                "evidence.add" => (String::new(), Some(report.clone())),
                "freeze.close" => (freeze["id"].as_str().expect("an id").to_owned(), None),
                "freeze.open" => (String::new(), Some(json!({ "reason": "holidays" }))),
                "policy.apply" => (String::new(), Some(policy.clone())),
                // Nobody is asked to sign here, so there is nothing to propose: refused, and recorded.
                "policy.propose" => (String::new(), Some(json!({ "policy": policy, "reason": "shorter soaks" }))),
                // Nothing was proposed: there is nothing to sign, and who tried is recorded.
                "policy.sign" => ("pch_0000000004000001".to_owned(), Some(unsigned.clone())),
                "release.create" => (
                    String::new(),
                    Some(json!({ "service": "shop", "artifact": artifact, "version": "2", "changes": [recorded["id"]] })),
                ),
                "statement.record" => (
                    String::new(),
                    Some(json!({ "proxy": "shop", "environment": "production", "decisions": [{
                        "decision": "dcn_0000000004000001", "at": soon, "login": "coder", "principal": "agent",
                        "outcome": "refused", "classes": ["delete"], "relations": ["users"],
                    }] })),
                ),
                // Nothing may be approved, and no code is known: refused, and recorded.
                "statement.approve" => ("dcn_0000000004000001".to_owned(), Some(unsigned.clone())),
                "statement.redeem" => (
                    String::new(),
                    Some(json!({ "code": "sga_0", "proxy": "shop", "environment": "production", "login": "coder", "statement": artifact })),
                ),
                "statement.review" => ("dcn_0000000004000001".to_owned(), Some(json!({ "finding": "it was right" }))),
                "token.create" => (String::new(), Some(json!({ "name": "reader", "scope": "read" }))),
                "token.revoke" => (spare["id"].as_str().expect("an id").to_owned(), None),
                "approval.add" => (walking.clone(), Some(unsigned.clone())),
                "approval.link" => (walking.clone(), None),
                "approval.request" => (walking.clone(), Some(json!({ "decision": "approve" }))),
                "breakglass.request" => (
                    String::new(),
                    Some(json!({ "release": walking, "reason": "checkout is down", "expires": soon })),
                ),
                "breakglass.review" => (
                    glass["id"].as_str().expect("an id").to_owned(),
                    Some(json!({ "finding": "it was right" })),
                ),
                "breakglass.sign" => (glass["id"].as_str().expect("an id").to_owned(), Some(unsigned.clone())),
                // Without an invitation, for nobody and of no key: refused, and recorded.
                "passkey.enrol" => (
                    String::new(),
                    Some(json!({ "credential": "", "attestation_object": "", "client_data": "" })),
                ),
                "passkey.invite" => (String::new(), Some(json!({ "person": "Nobody" }))),
                "passkey.revoke" => ("none".to_owned(), None),
                "waiver.request" => (
                    String::new(),
                    Some(json!({ "release": walking, "gate": "static-analysis", "reason": "a false alarm", "expires": soon })),
                ),
                "waiver.revoke" => (waiver["id"].as_str().expect("an id").to_owned(), None),
                "waiver.sign" => (waiver["id"].as_str().expect("an id").to_owned(), Some(unsigned.clone())),
                "audit.export" => (String::new(), None),
                "drill.run" | "release.clear" | "release.hold" | "release.promote" | "release.rollback" => (walking.clone(), None),
                "release.review" => (hotfix.clone(), Some(json!({ "note": "the cause is known" }))),
                other => panic!("{other}: say here how it is called"),
            };
            let mut path = operation.path.replace("{id}", &id).replace("{digest}", &id).replace("{kind}", "intent");
            if operation.id == "evidence.add" {
                path.push_str(&format!("?service=shop&format=safeguard&artifact={artifact}"));
            }
            if operation.id == "bisect.try" {
                path.push_str(&format!("?trial=1&digest={artifact}"));
            }
            let method = match operation.method {
                safeguard_api::operation::Method::Get => "GET",
                safeguard_api::operation::Method::Post => "POST",
                safeguard_api::operation::Method::Put => "PUT",
            };

            let before = log_size(&up).await;
            for stranger in ["", "sgt_0000"] {
                up.token = stranger.to_owned();
                let (status, answer) = up.call(method, &path, body.clone()).await;
                assert_eq!(status, 401, "{} lets a stranger in: {answer}", operation.id);
            }
            // One scope less than what is asked for is not enough either.
            if operation.scope > Scope::Propose {
                up.token = token["secret"].as_str().expect("a secret").to_owned();
                let (status, answer) = up.call(method, &path, body.clone()).await;
                assert!(status == 403, "{} lets a pipeline in: {status} {answer}", operation.id);
            }
            up.token.clone_from(&own);
            if ["artifact.put", "bisect.try"].contains(&operation.id) {
                continue;
            }
            if operation.id == "release.clear" {
                // Only what was rolled back can be cleared.
                up.ok("POST", &format!("/api/v1/releases/{walking}/rollback"), None).await;
                up.until_phase(&walking, "rolled_back").await;
            }
            if operation.id == "release.review" {
                let (status, answer) = up.call(method, &path, body.clone()).await;
                assert_eq!(status, 409, "who created a hotfix reviews it: {answer:#}");
                let warnings = up.ok("GET", "/api/v1/status", None).await["warnings"].to_string();
                assert!(warnings.contains("was not reviewed"), "{warnings}");
                up.token = reviewer["secret"].as_str().expect("a secret").to_owned();
            }
            let before_call = log_size(&up).await;
            assert!(before_call >= before);
            let (status, answer) = up.call(method, &path, body).await;
            let unknown = ["policy.sign", "statement.approve", "statement.review"].contains(&operation.id) && status == 404;
            assert!(status == 200 || status == 409 || unknown, "{}: {status} {answer:#}", operation.id);
            up.token.clone_from(&own);
            if operation.id == "release.create" {
                walking = answer["release"]["id"].as_str().expect("an id").to_owned();
            }
            up.until(&format!("{} leaves an entry", operation.id), async || {
                let entries = up.ok("GET", "/api/v1/audit/entries?limit=200", None).await;
                let known = |entry: &&Value| {
                    entry["index"].as_u64() >= Some(before_call) && entry["event"]["actor"]["id"] != "planner"
                };
                entries.as_array()?.iter().find(known).map(|_| ())
            })
            .await;
        }

        // What the tar route leaves: the three artifacts that the command line stored.
        let entries = up.ok("GET", "/api/v1/audit/entries?limit=200", None).await;
        let stored = entries.as_array().expect("a list").iter().filter(|entry| entry["event"]["kind"] == "artifact.stored");
        assert_eq!(stored.count(), 3);
    });
}

#[test]
fn an_export_verifies_with_nothing_else_present() {
    runtime().block_on(async {
        let up = Up::start(QUICK_STAGES).await;
        for word in ["one", "two", "three"] {
            let freeze = up
                .ok("POST", "/api/v1/freezes", Some(json!({ "reason": word })))
                .await;
            let id = freeze["id"].as_str().expect("an id");
            up.ok("POST", &format!("/api/v1/freezes/{id}/close"), None).await;
        }
        let exported = up.safeguard(&["audit", "export", "log"]);
        assert!(
            exported.status.success(),
            "{}",
            String::from_utf8_lossy(&exported.stderr)
        );
        let verified = up.safeguard(&["audit", "verify", "log"]);
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        );
        let proved = up.safeguard(&["audit", "prove", "3"]);
        assert!(
            proved.status.success(),
            "{}",
            String::from_utf8_lossy(&proved.stderr)
        );

        let entries = up.state.path().join("log/tile/entries");
        let bundle = std::fs::read_dir(&entries)
            .expect("entries")
            .next()
            .expect("one")
            .expect("readable")
            .path();
        let bundle = if bundle.is_dir() {
            std::fs::read_dir(&bundle)
                .expect("partial")
                .next()
                .expect("one")
                .expect("readable")
                .path()
        } else {
            bundle
        };
        let bytes = std::fs::read(&bundle).expect("a bundle");
        let place = bytes
            .windows(5)
            .position(|window| window == b"\"two\"")
            .expect("the reason is in the log");
        let mut changed = bytes.clone();
        changed[place + 1..place + 4].copy_from_slice(b"six");
        std::fs::write(&bundle, changed).expect("written");
        let refused = up.safeguard(&["audit", "verify", "log"]);
        assert_eq!(refused.status.code(), Some(1), "a changed entry is found");
        let said =
            String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
        assert!(said.contains("entry"), "the entry is named: {said}");
    });
}
