//! Boxes that a person answers: who may, what an open one holds, and where the answers are seen.

use serde_json::{Value, json};

use super::signers::{NAMESPACE, Signers, Waiting};
use super::up::runtime;

#[test]
fn nobody_approves_while_a_box_is_open_and_its_makers_do_not_tick_it() {
    runtime().block_on(async {
        let asks = |config: String| {
            let asked = config.replace("[gates.checklist]\nrequired = false\n", "");
            assert_ne!(asked, config);
            asked
        };
        let signers = Signers::start_with(asks).await;
        let up = &signers.up;
        let Waiting { release, change, .. } = signers.waiting("1.0", json!({})).await;
        up.until("the gate says which box is open", async || {
            let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
            let blocks = shown["rollout"]["blocks"].to_string();
            blocks.contains("no production credentials were in reach").then_some(())
        })
        .await;
        let key = signers.key("kim").display().to_string();
        let approve = || {
            let told = up.safeguard(&["approve", &release, "--key", &key, "--yes"]);
            (told.status.code(), String::from_utf8_lossy(&told.stderr).into_owned())
        };
        let (code, told) = approve();
        assert_eq!(code, Some(1), "{told}");
        for said in [
            "3 boxes of the checklist are open",
            &format!("safeguard change attest {change} credentials --yes"),
            &format!("safeguard change attest {change} flag --yes"),
            &format!("safeguard change attest {change} on-call --yes"),
        ] {
            assert!(told.contains(said), "{said} is not in {told}");
        }
        let reject = json!({ "decision": "reject", "reason": "no flag" });
        assert_eq!(signers.approve(&release, "lee", reject).await.0, 200, "a no needs no ticks");
        let withdraw = json!({ "decision": "withdraw" });
        assert_eq!(signers.approve(&release, "lee", withdraw).await.0, 200);

        let path = format!("/api/v1/changes/{change}/attestations");
        let said = |question: &str, answer: &str| json!({ "question": question, "answer": answer, "reason": "I looked" });
        let token = async |name: &str, scope: &str| {
            let spec = json!({ "name": name, "scope": scope });
            let made = up.ok("POST", "/api/v1/tokens", Some(spec)).await;
            let file = up.state.path().join(format!("{name}.token"));
            std::fs::write(&file, made["secret"].as_str().expect("a secret")).expect("written");
            file.display().to_string()
        };
        // The administrator's token recorded the change.
        let refused = up.call("POST", &path, Some(said("flag", "yes"))).await;
        signers.refused(refused, "recorded chg_").await;
        let attest = |words: &[&str], token: &str| {
            let mut all = vec!["change", "attest", change.as_str()];
            all.extend(words);
            all.extend(["--reason", "I looked", "--token-file", token]);
            let told = up.safeguard(&all);
            let said = String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
            (told.status.code(), said)
        };
        for (name, scope, why) in [
            ("agent", "propose", "operate"),
            ("pipeline", "evidence", "operate"),
            ("ann", "operate", "author of chg_"),
            ("pat-zoe", "operate", "prompter of chg_"),
        ] {
            let token = token(name, scope).await;
            let (code, told) = attest(&["flag", "--yes"], &token);
            assert!(code == Some(1) && told.contains(why), "{name}: {code:?} {told}");
        }
        let lee = token("lee", "operate").await;
        assert_eq!(attest(&["flag"], &lee).0, Some(2), "yes or no must be said");
        assert_eq!(attest(&["gate", "--yes"], &lee).0, Some(2), "there is no such box");
        let (code, told) = attest(&["flag", "credentials", "--yes"], &lee);
        assert_eq!(code, Some(0), "{told}");
        let (code, told) = attest(&["on-call", "--no"], &lee);
        assert_eq!(code, Some(0), "{told}");
        let (code, told) = approve();
        assert!(code == Some(1) && told.contains("1 boxes of the checklist are open"), "{told}");
        assert!(told.contains("no, says lee: I looked"), "{told}");
        assert_eq!(attest(&["on-call", "--yes"], &lee).0, Some(0));

        // All are ticked: what is signed has the answers, and another answer makes it void.
        let shown = up.safeguard(&["change", "show", &change]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("[x] somebody is on call — yes, says lee: I looked"), "{shown}");
        let request = signers.request(&release, json!({ "decision": "approve" })).await;
        let dossier = request["dossier"].as_str().expect("a text");
        assert!(dossier.contains("it sits behind a flag with a kill switch — yes, says lee: I looked"), "{dossier}");
        let signed = signers.sign("kim", NAMESPACE, request["text"].as_str().expect("a text"), &[]);
        assert_eq!(signers.add(&release, signed).await.0, 200);
        assert_eq!(attest(&["flag", "--no"], &lee).0, Some(0));
        let void = format!("a box of the checklist of {change} was answered since then");
        signers.until_void(&release, "approval.invalidated", &void).await;
        assert_eq!(attest(&["flag", "--yes"], &lee).0, Some(0));
        signers.approved(&release, "kim").await;
        signers.approved(&release, "sam").await;
        up.until_phase(&release, "live").await;

        let log = up.ok("GET", &format!("/api/v1/audit/entries?subject={change}&limit=200"), None).await;
        let given = |entry: &&Value| entry["event"]["kind"] == "attestation.given" && entry["event"]["actor"]["id"] == "lee";
        assert_eq!(log.as_array().expect("a list").iter().filter(given).count(), 6, "{log:#}");
        // Another commit has boxes of its own.
        let next = signers.waiting("1.1", json!({ "instead_of": change })).await;
        let shown = up.ok("GET", &format!("/api/v1/changes/{}", next.change), None).await;
        let waits = |one: &&Value| one["state"] == "unknown";
        assert_eq!(shown["checklist"].as_array().expect("a list").iter().filter(waits).count(), 3, "{shown:#}");
    });
}
