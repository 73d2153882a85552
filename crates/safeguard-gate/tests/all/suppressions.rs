//! A comment that would let a critical finding pass holds the gate until somebody without a hand in the change has signed it.

use safeguard_api::approval::{NAMESPACE, Signable, Signature, SignedStatement};
use safeguard_api::evidence::{Facts, FindingState};
use safeguard_api::gate::{Gate, Verdict};
use safeguard_api::suppression::{SilencingComment, SuppressionStatement};
use safeguard_gate::judge;
use ssh_key::{HashAlg, SshSig};

use crate::approval::{approver, key};
use crate::scene::Scene;

const ASKS: &str = "safeguard-check reports critical delete-everything at src/pay.rs:12 security asks\nmeant for security-scan";

/// A line of the file of approvals, by the key of this number.
fn signed(statement: &SuppressionStatement, seed: u8) -> String {
    let signature = SshSig::sign(&key(seed), NAMESPACE, HashAlg::Sha512, &statement.bytes()).unwrap();
    let line = SignedStatement {
        text: String::from_utf8(statement.bytes()).unwrap(),
        signature: Signature::Ssh {
            signature: signature.to_string(),
        },
    };
    serde_json::to_string(&line).unwrap()
}

/// What the gate says when the comment has become this.
fn told(change: impl FnOnce(&mut SilencingComment)) -> (Verdict, String) {
    let mut scene = Scene::of(ASKS);
    scene.approvers = vec![
        approver("Ann Moe", "senior", &[1]),
        approver("Kim Doe", "engineer", &[2]),
    ];
    let Facts::Findings(findings) = &mut scene.evidence[0].facts else {
        panic!("a scan")
    };
    let finding = &mut findings.findings[0];
    change(finding.comment.as_mut().unwrap());
    if finding.comment.as_ref().unwrap().approval.is_some() {
        finding.state = FindingState::Silenced;
    }
    let report = scene.judge(|case| judge(case, &[Gate::SecurityScan]));
    let verdict = &report.verdicts[0];
    (verdict.verdict, verdict.reason.clone())
}

#[test]
fn somebody_without_a_hand_in_the_change_lets_it_pass() {
    let (verdict, reason) = told(|comment| comment.approval = Some(signed(&comment.statement, 2)));
    assert_eq!(verdict, Verdict::Pass, "{reason}");
}

#[test]
fn it_waits_and_says_for_what() {
    let waits = |why: &str, change: &dyn Fn(&mut SilencingComment)| {
        let (verdict, reason) = told(change);
        assert!(
            verdict == Verdict::Inconclusive
                && reason.contains(why)
                && reason.contains("safeguard suppression approve 0123456789ab"),
            "{verdict:?}: {reason}\nwanted: {why}"
        );
    };
    waits("nobody has signed it", &|_| {});
    waits("Ann Moe signed it, who has a hand in the change", &|comment| {
        comment.approval = Some(signed(&comment.statement, 1));
    });
    waits("belongs to no approver", &|comment| {
        comment.approval = Some(signed(&comment.statement, 3))
    });
    waits("about another finding or another comment", &|comment| {
        comment.approval = Some(signed(&comment.statement, 2));
        comment.statement.reason = "the table is everybody's".to_owned();
    });
    waits("about another finding or another comment", &|comment| {
        comment.approval = Some(signed(&comment.statement, 2));
        comment.statement.finding = "0123456789abcdee".to_owned();
    });
    waits("about another finding or another comment", &|comment| {
        comment.approval = Some(signed(&comment.statement, 2));
        comment.statement.until = "2027-07-01".to_owned();
    });
    waits("it held until 2027-01-14", &|comment| {
        comment.statement.until = "2027-01-14".to_owned();
        comment.approval = Some(signed(&comment.statement, 2));
    });
    waits("it held until 9999", &|comment| {
        comment.statement.until = "9999".to_owned();
        comment.approval = Some(signed(&comment.statement, 2));
    });
    waits("it is no signed approval", &|comment| {
        comment.approval = Some("{}".to_owned())
    });
    waits("not one of these bytes", &|comment| {
        // The signature of one statement under the text of another.
        let mut other = comment.statement.clone();
        other.reason = "another".to_owned();
        let signature: SignedStatement = serde_json::from_str(&signed(&other, 2)).unwrap();
        let text = String::from_utf8(comment.statement.bytes()).unwrap();
        comment.approval = Some(serde_json::to_string(&SignedStatement { text, ..signature }).unwrap());
    });
}

#[test]
fn what_is_not_critical_is_refused_as_ever_unless_it_was_approved() {
    let judged = |approve: bool| {
        let mut scene = Scene::of(&ASKS.replace("critical", "high"));
        scene.approvers = vec![approver("Kim Doe", "engineer", &[2])];
        let Facts::Findings(findings) = &mut scene.evidence[0].facts else {
            panic!("a scan")
        };
        let comment = findings.findings[0].comment.as_mut().unwrap();
        comment.approval = approve.then(|| signed(&comment.statement, 2));
        scene.judge(|case| judge(case, &[Gate::SecurityScan])).verdicts[0].verdict
    };
    assert_eq!((judged(false), judged(true)), (Verdict::Fail, Verdict::Pass));
}

#[test]
fn the_comment_is_read_from_the_report() {
    let report = serde_json::json!({
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "safeguard-check" } },
            "invocations": [{ "executionSuccessful": true }],
            "results": [{
                "ruleId": "delete-everything",
                "level": "error",
                "message": { "text": "empties the table" },
                "baselineState": "new",
                "properties": { "security-severity": "9.5" },
                "partialFingerprints": { "safeguard/v1": "0123" },
                "suppressions": [{ "kind": "inSource", "status": "underReview", "properties": {
                    "safeguard/reason": "a test's own", "safeguard/owner": "ann", "safeguard/until": "2027-06-30", "safeguard/approval": "{}" } }],
            }],
        }],
    });
    let read = safeguard_gate::read_sarif(report.to_string().as_bytes()).unwrap();
    let Facts::Findings(findings) = read.facts else {
        panic!("findings")
    };
    let finding = &findings.findings[0];
    let comment = finding.comment.as_ref().unwrap();
    assert_eq!(finding.state, FindingState::New);
    assert_eq!(
        (
            comment.statement.finding.as_str(),
            comment.statement.rule.as_str(),
            comment.approval.as_deref()
        ),
        ("0123", "delete-everything", Some("{}"))
    );
}
