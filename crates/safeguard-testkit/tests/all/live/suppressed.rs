//! A comment that would let a critical finding pass holds a release until somebody without a hand in its change has signed it.

use safeguard_api::approval::Signable;
use safeguard_api::suppression::{SUPPRESSION_API, SuppressionStatement};
use serde_json::{Value, json};

use super::signers::{NAMESPACE, Signers, Waiting};
use super::up::runtime;

fn statement() -> SuppressionStatement {
    SuppressionStatement {
        api: SUPPRESSION_API.to_owned(),
        finding: "5d41".repeat(16),
        rule: "delete-everything".to_owned(),
        reason: "the table is a test's own".to_owned(),
        owner: "lee".to_owned(),
        until: "2999-01-31".to_owned(),
    }
}

/// The report of `safeguard check`, with what was signed.
fn report(approval: Option<&Value>) -> Value {
    let said = statement();
    let mut properties = json!({
        "safeguard/reason": said.reason, "safeguard/owner": said.owner, "safeguard/until": said.until,
    });
    if let Some(approval) = approval {
        properties["safeguard/approval"] = approval.to_string().into();
    }
    json!({
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "safeguard-check" } },
            "invocations": [{ "executionSuccessful": true }],
            "results": [{
                "ruleId": said.rule, "level": "error", "message": { "text": "empties the table" }, "baselineState": "new",
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "src/pay.rs" }, "region": { "startLine": 1 } } }],
                "properties": { "security-severity": "9.5", "tags": ["security"] },
                "partialFingerprints": { "safeguard/v1": said.finding },
                "suppressions": [{
                    "kind": "inSource", "status": if approval.is_some() { "accepted" } else { "underReview" }, "properties": properties,
                }],
            }],
        }],
    })
}

#[test]
fn a_comment_holds_the_gate_until_somebody_else_has_signed_it() {
    runtime().block_on(async {
        let signers =
            Signers::start_with(|config| config.replacen("\"human-approval\"", "\"security-scan\"", 1)).await;
        let people = json!({ "author": "Lee Roe <lee@example.org>" });
        let Waiting { release, change, .. } = signers.waiting("1.0", people).await;
        let up = &signers.up;
        let change = up.ok("GET", &format!("/api/v1/changes/{change}"), None).await;
        let head = change["head"].as_str().expect("a commit");
        let path = format!("/api/v1/evidence?service=shop&format=sarif&commit={head}");
        let waits = async |why: &str| {
            up.until(why, async || {
                let (_, said) = up
                    .call("GET", &format!("/api/v1/releases/{release}/gates"), None)
                    .await;
                let verdict = &said["verdicts"][0];
                (verdict["verdict"] == "inconclusive" && verdict["reason"].as_str()?.contains(why))
                    .then_some(())
            })
            .await;
        };
        up.ok("POST", &path, Some(report(None))).await;
        waits("nobody has signed it").await;
        let text = String::from_utf8(statement().bytes()).expect("text");
        let own = signers.sign("lee", NAMESPACE, &text, &[]);
        up.ok("POST", &path, Some(report(Some(&own)))).await;
        waits("Lee Roe signed it, who has a hand in the change").await;
        let other = signers.sign("kim", NAMESPACE, &text.replace("own", "all"), &[]);
        up.ok("POST", &path, Some(report(Some(&other)))).await;
        waits("about another finding or another comment").await;
        assert_ne!(up.phase(&release).await, "live");
        let signed = signers.sign("kim", NAMESPACE, &text, &[]);
        up.ok("POST", &path, Some(report(Some(&signed)))).await;
        up.until_phase(&release, "live").await;
    });
}
