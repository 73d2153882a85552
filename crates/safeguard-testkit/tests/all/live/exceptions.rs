//! What two people may let through: a waived gate, a freeze for one release; and a clock that nobody may set back.

use safeguard_api::audit::{Actor, Event};
use safeguard_api::{Digest, Timestamp};
use safeguard_store::{Place, Settings, Store, StoreError};
use serde_json::{Value, json};

use super::signers::{NAMESPACE, Signers, Waiting};
use super::up::runtime;

#[test]
fn a_waiver_needs_two_people_and_does_not_exist_for_everything() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let people = json!({ "author": "Lee Roe <lee@example.org>" });
        let Waiting { release, artifact, .. } = signers.waiting("1.0", people).await;
        signers.until_only_approvals_lack(&release).await;
        let up = &signers.up;
        let request = |gate: &str, ms: i64| {
            json!({ "release": release, "gate": gate, "reason": "a false alarm", "expires": Timestamp(unix_ms() + ms) })
        };
        for gate in ["data-integrity", "rollback-test"] {
            let refused = up.call("POST", "/api/v1/waivers", Some(request(gate, 60_000))).await;
            signers.refused(refused, "can not be waived, by nobody").await;
        }
        let refused = up.call("POST", "/api/v1/waivers", Some(request("human-approval", 99 * 86_400_000))).await;
        signers.refused(refused, "within 336h").await;
        let critical = json!({
            "api": "safeguard.evidence/1", "tool": { "name": "scanner" },
            "facts": { "kind": "components", "scanned": true, "components": 1, "tools": [{ "name": "scanner" }], "vulnerabilities": [
                { "severity": "critical", "id": "CVE-2026-1", "affects": ["pkg:cargo/pay@1"], "excused": false },
            ] },
        });
        let path = format!("/api/v1/evidence?service=shop&format=safeguard&artifact={artifact}");
        up.ok("POST", &path, Some(critical)).await;
        let whole = up.call("POST", "/api/v1/waivers", Some(request("security-scan", 60_000))).await;
        signers.refused(whole, "can not be waived as a whole").await;
        let id = Digest::of(b"CVE-2026-1\npkg:cargo/pay@1");
        let mut one = request("security-scan", 60_000);
        one["findings"] = json!([&id.hex()[..16]]);
        let refused = up.call("POST", "/api/v1/waivers", Some(one)).await;
        signers.refused(refused, "is critical, and can not be waived").await;

        let waiver = up.ok("POST", "/api/v1/waivers", Some(request("human-approval", 600_000))).await;
        let id = waiver["id"].as_str().expect("an id").to_owned();
        let text = canonical(&waiver["statement"]);
        let path = format!("/api/v1/waivers/{id}/sign");
        let author = signers.sign("lee", NAMESPACE, &text, &[]);
        signers.refused(up.call("POST", &path, Some(author)).await, "has a hand in").await;
        let kim = signers.sign("kim", NAMESPACE, &text, &[]);
        up.ok("POST", &path, Some(kim)).await;
        let again = signers.sign("kim-2", NAMESPACE, &text, &[]);
        signers.refused(up.call("POST", &path, Some(again)).await, "counts once").await;
        assert_ne!(up.phase(&release).await, "live", "one person waives nothing");
        let key = signers.key("sam").display().to_string();
        let signed = up.safeguard(&["waiver", "sign", &id, "--key", &key, "--yes"]);
        assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
        up.until_phase(&release, "live").await;
        let listed = up.safeguard(&["waiver", "list"]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(listed.contains("in force") && listed.contains("Kim Doe, Sam Poe"), "{listed}");
        let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
        assert!(shown.to_string().contains("waiver.signed"), "{shown:#}");
        let shown = up.safeguard(&["release", "show", &release]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("of human-approval: signed by Kim Doe, Sam Poe"), "{shown}");
    });
}

#[test]
fn a_revoked_waiver_waives_nothing() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        let up = &signers.up;
        let request = json!({
            "release": release, "gate": "human-approval", "reason": "a false alarm",
            "expires": Timestamp(unix_ms() + 600_000),
        });
        let waiver = up.ok("POST", "/api/v1/waivers", Some(request)).await;
        let id = waiver["id"].as_str().expect("an id").to_owned();
        up.ok("POST", &format!("/api/v1/waivers/{id}/revoke"), None).await;
        let signed = signers.sign("kim", NAMESPACE, &canonical(&waiver["statement"]), &[]);
        let refused = up
            .call("POST", &format!("/api/v1/waivers/{id}/sign"), Some(signed))
            .await;
        signers.refused(refused, "is revoked").await;
    });
}

#[test]
fn a_break_glass_lifts_a_freeze_for_one_release_and_never_a_gate() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let up = &signers.up;
        let freeze = up
            .ok("POST", "/api/v1/freezes", Some(json!({ "reason": "holidays" })))
            .await;
        let mut policy = up.ok("GET", "/api/v1/policy", None).await["policy"].clone();
        policy["calendars"]["always"] =
            json!({ "kind": "deny", "zone": "UTC", "start": "2020-01-01", "rrule": "FREQ=DAILY" });
        signers.change_policy(policy).await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        let request = json!({
            "release": release, "reason": "checkout is down", "expires": Timestamp(unix_ms() + 600_000),
        });
        let glass = up.ok("POST", "/api/v1/breakglasses", Some(request)).await;
        let id = glass["id"].as_str().expect("an id").to_owned();
        let text = canonical(&glass["statement"]);
        let path = format!("/api/v1/breakglasses/{id}/sign");
        up.ok("POST", &path, Some(signers.sign("kim", NAMESPACE, &text, &[])))
            .await;
        let again = signers.sign("kim-2", NAMESPACE, &text, &[]);
        signers
            .refused(up.call("POST", &path, Some(again)).await, "counts once")
            .await;
        let blocked = async |by: &str| {
            up.until(&format!("a {by} holds it"), async || {
                let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
                let blocks = shown["rollout"]["blocks"].as_array()?.clone();
                blocks.iter().any(|block| block["name"] == by).then_some(())
            })
            .await;
        };
        blocked("freeze").await;
        let closed = format!("/api/v1/freezes/{}/close", freeze["id"].as_str().expect("an id"));
        up.ok("POST", &closed, None).await;
        blocked("calendar").await;
        up.ok("POST", "/api/v1/freezes", Some(json!({ "reason": "holidays" })))
            .await;
        up.ok("POST", &path, Some(signers.sign("sam", NAMESPACE, &text, &[])))
            .await;
        // Freeze and calendar are closed as before, and only the gate holds the release.
        signers.until_only_approvals_lack(&release).await;
        let status = up.ok("GET", "/api/v1/status", None).await;
        assert!(
            status["warnings"].to_string().contains("nobody has reviewed it"),
            "{status:#}"
        );
        signers.approved(&release, "kim").await;
        signers.approved(&release, "sam").await;
        up.until_phase(&release, "live").await;
        let other = signers.waiting("1.1", json!({})).await;
        up.until("the freeze holds the next release", async || {
            let shown = up
                .ok("GET", &format!("/api/v1/releases/{}", other.release), None)
                .await;
            shown["rollout"]["blocks"]
                .to_string()
                .contains("\"freeze\"")
                .then_some(())
        })
        .await;
        let reviewed = up.safeguard(&["breakglass", "review", &id, "--finding", "it was right"]);
        assert!(
            reviewed.status.success(),
            "{}",
            String::from_utf8_lossy(&reviewed.stderr)
        );
        let status = up.ok("GET", "/api/v1/status", None).await;
        assert!(
            !status["warnings"].to_string().contains("nobody has reviewed it"),
            "{status:#}"
        );
        let kinds = up
            .ok("GET", "/api/v1/audit/entries?limit=200", None)
            .await
            .to_string();
        assert!(kinds.contains("breakglass.opened") && kinds.contains("breakglass.reviewed"));
    });
}

#[test]
fn a_break_glass_that_expired_lifts_no_freeze() {
    runtime().block_on(async {
        let signers = Signers::start().await;
        let up = &signers.up;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        signers.until_only_approvals_lack(&release).await;
        up.ok("POST", "/api/v1/freezes", Some(json!({ "reason": "holidays" })))
            .await;
        let frozen = async || {
            let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
            shown["rollout"]["blocks"].to_string().contains("\"freeze\"")
        };
        up.until("the freeze holds it", async || frozen().await.then_some(()))
            .await;
        let expires = Timestamp(unix_ms() + 15_000);
        let request = json!({ "release": release, "reason": "checkout is down", "expires": expires });
        let glass = up.ok("POST", "/api/v1/breakglasses", Some(request)).await;
        let text = canonical(&glass["statement"]);
        let path = format!(
            "/api/v1/breakglasses/{}/sign",
            glass["id"].as_str().expect("an id")
        );
        for key in ["kim", "sam"] {
            up.ok("POST", &path, Some(signers.sign(key, NAMESPACE, &text, &[])))
                .await;
        }
        up.until("the freeze is lifted", async || (!frozen().await).then_some(()))
            .await;
        up.until("the freeze holds it again", async || frozen().await.then_some(()))
            .await;
        assert!(expires.0 <= unix_ms(), "it held before its time was over");
        // With every approval it stays where it is, and nobody signs the break-glass any more.
        signers.approved(&release, "kim").await;
        signers.approved(&release, "sam").await;
        up.until("only the freeze holds it", async || {
            let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
            let blocks = shown["rollout"]["blocks"].as_array()?.clone();
            let freeze = |block: &Value| block["name"] == "freeze";
            (!blocks.is_empty() && blocks.iter().all(freeze)).then_some(())
        })
        .await;
        let late = signers.sign("lee", NAMESPACE, &text, &[]);
        signers
            .refused(up.call("POST", &path, Some(late)).await, "expired at")
            .await;
        // It was used, so somebody looks at it all the same.
        let status = up.ok("GET", "/api/v1/status", None).await;
        assert!(
            status["warnings"].to_string().contains("nobody has reviewed it"),
            "{status:#}"
        );
    });
}

/// The newest entry is of tomorrow, as it is when the clock is set back by a day.
#[test]
fn with_a_clock_that_was_set_back_nothing_is_signed() {
    runtime().block_on(async {
        let mut signers = Signers::start().await;
        let Waiting { release, .. } = signers.waiting("1.0", json!({})).await;
        let request = signers.request(&release, json!({ "decision": "approve" })).await;
        let signed = signers.sign("kim", NAMESPACE, request["text"].as_str().expect("a text"), &[]);
        signers.up.stop();
        let state = signers.up.state_path();
        write_entry_of_tomorrow(&state).await;
        signers.up.start_again().await;
        let (status, answer) = signers.add(&release, signed).await;
        assert_eq!(status, 503, "{answer:#}");
        assert!(answer.to_string().contains("set the clock right"), "{answer:#}");
        let asked = json!({ "decision": "approve" });
        let path = format!("/api/v1/releases/{release}/approvals/request");
        assert_eq!(signers.up.call("POST", &path, Some(asked)).await.0, 503);
        assert_eq!(signers.counted(&release).await, 0);
    });
}

/// The store of an installation that was stopped.
pub fn store_of(state: &std::path::Path) -> Store {
    let key: [u8; 32] = std::fs::read(state.join("log.key"))
        .expect("a key")
        .try_into()
        .expect("32 bytes");
    let public = [b"safeguard log name\n".as_slice(), &key].concat();
    Store::open(Settings {
        place: Place::File(state.join("safeguard.db")),
        origin: format!("safeguard/{}", &Digest::of(&public).hex()[..16]),
        key,
        checkpoint_file: Some(state.join("checkpoint")),
    })
    .expect("the store opens")
}

async fn write_entry_of_tomorrow(state: &std::path::Path) {
    let store = store_of(state);
    let event = Event {
        v: 1,
        kind: "test.tomorrow".to_owned(),
        ts: Timestamp(unix_ms() + 86_400_000),
        actor: Actor::system("test"),
        subject: vec!["clock".to_owned()],
        refs: Vec::new(),
        commit: Vec::new(),
        decision: Value::Null,
        late: false,
    };
    store
        .write(move |tx| -> Result<u64, StoreError> { tx.append(&event) })
        .await
        .expect("written")
        .expect("appended");
    store.close().await;
}

/// RFC 8785 of objects whose numbers are whole and whose keys are ASCII: sorted, without spaces.
fn canonical(statement: &Value) -> String {
    statement.to_string()
}

pub fn unix_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_millis()).expect("milliseconds")
}
