//! Evidence goes in, and moves a release: only what is about that very release, and only from who may give it.

use serde_json::{Value, json};

use super::up::{Up, runtime};

const STAGES: &str = r#"
[stages.dev]
soak = "1s"
gates = ["data-integrity"]
[stages.qa]
soak = "1s"
gates = []
[stages.staging]
soak = "1s"
gates = []
[stages.canary]
gates = []
steps = [{ weight = 100, soak = "1s" }]
[stages.production]
soak = "1s"
gates = []
[gates.layers]
required = false
[gates.documentation]
required = false
[judge]
warm_up = "200ms"
"#;

fn invariants(violations: u64) -> Value {
    json!({
        "api": "safeguard.evidence/1", "tool": { "name": "sums" },
        "facts": {
            "kind": "invariants", "migrations": [],
            "checks": [{ "name": "orders-have-sums", "checked": 1000, "violations": violations }],
        },
    })
}

#[test]
fn a_release_waits_for_evidence_about_itself() {
    runtime().block_on(async {
        let up = Up::start(STAGES).await;
        let artifact = up.artifact("shop-1-0", "one");
        let release = up.release(&artifact, "1.0", &[]).await;
        let gates = format!("/api/v1/releases/{release}/gates");
        let verdict = async || {
            let (status, said) = up.call("GET", &gates, None).await;
            (status == 200).then(|| said["verdicts"][0].clone())
        };
        let waits = up.until("the gate speaks", async || verdict().await).await;
        assert_eq!(waits["verdict"], "inconclusive", "{waits}");
        assert!(
            waits["missing"]
                .as_array()
                .is_some_and(|missing| !missing.is_empty()),
            "{waits}"
        );

        let add = |digest: &str| format!("/api/v1/evidence?service=shop&format=safeguard&artifact={digest}");
        let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
        let digest = shown["release"]["artifact"]
            .as_str()
            .expect("a digest")
            .to_owned();
        let stray = up
            .ok(
                "POST",
                &add(&format!("sha256:{}", "0".repeat(64))),
                Some(invariants(0)),
            )
            .await;
        assert_eq!(
            up.ok("GET", &gates, None).await["verdicts"][0]["verdict"],
            "inconclusive"
        );
        let listed = up.ok("GET", "/api/v1/evidence?service=shop", None).await;
        assert_eq!(listed[0]["id"], stray["id"]);

        // Without the diff nobody knows whether it migrates data.
        let change = shown["release"]["new_changes"][0]
            .as_str()
            .expect("a change")
            .to_owned();
        let diff =
            "diff --git a/src/pay.rs b/src/pay.rs\n--- a/src/pay.rs\n+++ b/src/pay.rs\n@@ -1 +1 @@\n-a\n+b\n";
        std::fs::write(up.state.path().join("change.diff"), diff).expect("written");
        let attached = up.safeguard(&["change", "attach", &change, "diff", "change.diff"]);
        assert!(
            attached.status.success(),
            "{}",
            String::from_utf8_lossy(&attached.stderr)
        );

        let bad = up.ok("POST", &add(&digest), Some(invariants(3))).await;
        let fails = up
            .until("the gate fails", async || {
                verdict().await.filter(|said| said["verdict"] == "fail")
            })
            .await;
        assert_eq!(fails["evidence"], json!([bad["id"]]), "{fails}");
        up.ok("POST", &add(&digest), Some(invariants(0))).await;
        up.until_phase(&release, "live").await;

        let entries = up
            .ok(
                "GET",
                &format!("/api/v1/audit/entries?subject={release}&limit=200"),
                None,
            )
            .await;
        let results = entries.as_array().expect("a list").iter();
        let results = results
            .filter(|entry| entry["event"]["kind"] == "gate.result")
            .count();
        assert!((3..20).contains(&results), "{results} results were recorded");
        let exported = up.safeguard(&["audit", "export", "log"]);
        assert!(
            exported.status.success(),
            "{}",
            String::from_utf8_lossy(&exported.stderr)
        );
        let replayed = up.safeguard(&["audit", "replay", "log", "--json"]);
        let told: Value = serde_json::from_slice(&replayed.stdout).expect("JSON");
        assert!(
            replayed.status.success() && told["verdicts"] == json!(results),
            "{told:#}"
        );
    });
}

#[test]
fn a_release_waits_until_its_changes_are_documented() {
    runtime().block_on(async {
        let asks = STAGES.replace("[gates.documentation]\nrequired = false\n", "");
        let up = Up::start(&asks).await;
        let release = up.release(&up.artifact("shop-1-0", "one"), "1.0", &[]).await;
        let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let digest = text(&shown["release"]["artifact"]);
        let change = text(&shown["release"]["new_changes"][0]);
        let lacks = async |what: &str| {
            up.until(what, async || {
                let shown = up.ok("GET", &format!("/api/v1/releases/{release}"), None).await;
                let blocks = shown["rollout"]["blocks"].as_array()?.clone();
                let block = blocks
                    .into_iter()
                    .find(|block| block["name"] == "documentation")?;
                block["reason"].as_str()?.contains(what).then_some(())
            })
            .await;
        };
        let attach = async |kind: &str, body: &[u8]| {
            let file = up.state.path().join(kind);
            std::fs::write(&file, body).expect("written");
            let file = file.display().to_string();
            let attached = up.safeguard(&["change", "attach", &change, kind, &file]);
            assert!(
                attached.status.success(),
                "{}",
                String::from_utf8_lossy(&attached.stderr)
            );
        };
        lacks("`intent` of").await;
        attach("intent", b"Round sums as the tax office does.").await;
        lacks("`risk` of").await;
        let touches = |path: &str| {
            format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n")
        };
        let diff = touches("migrations/7_round.sql") + &touches("src/pay.rs");
        attach("diff", diff.as_bytes()).await;
        attach("history", br#"{"api":"safeguard.history/1","files":{}}"#).await;
        lacks("a rollback does not take its migration back").await;
        attach("recovery", b"1. restore the sums from `sums_before`").await;
        lacks("`coverage` is missing").await;
        let report = json!({
            "api": "safeguard.evidence/1", "tool": { "name": "lines" },
            "facts": { "kind": "coverage", "files": { "src/pay.rs": { "covered": "1", "missed": "" } } },
        });
        let path = format!("/api/v1/evidence?service=shop&format=safeguard&artifact={digest}");
        up.ok("POST", &path, Some(report)).await;
        let rehearsed = json!({
            "api": "safeguard.evidence/1", "tool": { "name": "sums" },
            "facts": {
                "kind": "invariants",
                "checks": [{ "name": "orders-have-sums", "checked": 1000, "violations": 0 }],
                "migrations": [{
                    "name": "migrations/7_round.sql", "rows_before": 10, "rows_after": 10,
                    "rows_removed_intended": 0, "reversed": true,
                }],
            },
        });
        up.ok("POST", &path, Some(rehearsed)).await;
        up.until_phase(&release, "live").await;
    });
}

/// Debian's, which `./test` unpacks.
fn prometheus() -> std::path::PathBuf {
    let unpacked = || {
        super::up::binary("safeguard")
            .with_file_name("")
            .join("../prometheus/usr/bin/prometheus")
    };
    let program = std::env::var_os("SAFEGUARD_PROMETHEUS").map_or_else(unpacked, Into::into);
    assert!(
        program.exists(),
        "`{}` is missing: ./test unpacks it (`need_prometheus`)",
        program.display()
    );
    program
}

/// Ended when the test is over.
struct Watching(std::process::Child);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0
            .kill()
            .and_then(|()| self.0.wait())
            .expect("Prometheus ends");
    }
}

/// It watches itself.
fn watch_itself(folder: &std::path::Path) -> (Watching, std::net::SocketAddr) {
    let address = crate::ports::free_address();
    let config = format!(
        "global: {{ scrape_interval: 100ms, scrape_timeout: 100ms }}\nscrape_configs:\n- job_name: itself\n  static_configs: [{{ targets: ['{address}'] }}]\n"
    );
    std::fs::write(folder.join("prometheus.yml"), config).expect("written");
    let child = std::process::Command::new(prometheus())
        .args([
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=watched",
            "--log.level=error",
        ])
        .arg(format!("--web.listen-address={address}"))
        .current_dir(folder)
        .spawn()
        .expect("Prometheus starts");
    (Watching(child), address)
}

#[test]
fn a_real_prometheus_is_asked_and_the_question_is_kept() {
    runtime().block_on(async {
        let up = Up::start(STAGES).await;
        let (watching, address) = watch_itself(up.state.path());
        let url = format!("http://{address}");
        let digest = format!("sha256:{}", "1".repeat(64));
        let ask = |more: &[&str]| {
            let words = [
                "evidence",
                "query",
                "--service",
                "shop",
                "--artifact",
                &digest,
                "--prometheus",
                &url,
                "--measure",
                "memory_bytes",
            ];
            let ended = up.safeguard(&[&words[..], more].concat());
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            (ended.status.code(), said)
        };
        let range = [
            "--last",
            "30s",
            "--step",
            "100ms",
            "process_resident_memory_bytes{job=\"itself\"}",
        ];
        let said = up
            .until("Prometheus has watched itself for a second", async || {
                let (code, said) = ask(&range);
                let samples = said.rsplit_once(": ")?.1.split(' ').next()?.parse::<u32>().ok()?;
                (code == Some(0) && samples >= 10).then_some(said)
            })
            .await;
        assert!(
            said.contains("Recorded prometheus about artifact 111111111111"),
            "{said}"
        );

        let listed = up.ok("GET", "/api/v1/evidence?service=shop", None).await;
        let newest = &listed[0];
        assert_eq!(
            newest["asked"]["query"],
            "process_resident_memory_bytes{job=\"itself\"}"
        );
        assert_eq!(newest["asked"]["over"], json!({ "last": "30s", "step": "100ms" }));
        let figures = &newest["facts"];
        assert!(
            figures["memory_bytes_max"]
                .as_u64()
                .is_some_and(|bytes| bytes > 1 << 20),
            "{figures}"
        );

        let (code, said) = ask(&["process_resident_memory_bytes{"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("Prometheus refused the query: invalid parameter \"query\""),
            "{said}"
        );
        drop(watching);
        let (code, said) = ask(&["up"]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("Prometheus gave no answer"), "{said}");
    });
}
