//! Rollback drills as the server holds them: asked for by a person, or by a gate.

use serde_json::Value;

use super::up::{QUICK_STAGES, Up, kill, runtime};

const DRILL: &str = r#"
[services.shop.drill]
read = ["/", "/product/1"]
verify = { path = "/cart" }
[services.shop.drill.write]
path = "/cart"
headers = { content-type = "application/x-www-form-urlencoded" }
body = "article=1&greeting={key}"
"#;

async fn drill(up: &Up, release: &str) -> Value {
    up.ok("GET", &format!("/api/v1/releases/{release}/drill"), None)
        .await
}

#[test]
fn a_drill_is_held_during_a_freeze_and_becomes_evidence() {
    runtime().block_on(async {
        let up = Up::start_with(QUICK_STAGES, |config| config + DRILL).await;
        let live = up.release(&up.artifact("shop-1-0", "first"), "1.0", &[]).await;
        up.until_phase(&live, "live").await;
        up.ok(
            "POST",
            "/api/v1/freezes",
            Some(serde_json::json!({ "reason": "holidays" })),
        )
        .await;
        let release = up.release(&up.artifact("shop-1-1", "second"), "1.1", &[]).await;
        let not_held = drill(&up, &release).await;
        assert_eq!(not_held["state"]["name"], "not_held", "{not_held:#}");

        let output = up.safeguard(&["drill", "run", &release, "--json"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}\n{}", up.log());
        let held: Value = serde_json::from_str(&said).expect("JSON");
        let state = &held["state"];
        assert_eq!(
            (&state["refusals"], &state["missing"]),
            (&Value::Array(vec![]), &Value::Array(vec![]))
        );
        assert_eq!(
            state["drill"]["faults"].as_array().map(Vec::len),
            Some(3),
            "{held:#}"
        );
        assert_eq!(state["drill"]["serves"], held["stable"]);
        assert_eq!(drill(&up, &release).await, held);

        let evidence = state["evidence"].as_str().expect("an id");
        let kept = up.ok("GET", &format!("/api/v1/evidence/{evidence}"), None).await;
        assert_eq!(
            (&kept["facts"]["kind"], &kept["added_by"]),
            (&"drill".into(), &"drills".into())
        );
        let entries = up
            .ok("GET", "/api/v1/audit/entries?limit=20", None)
            .await
            .to_string();
        for kind in ["drill.asked", "drill.started", "drill.finished"] {
            assert!(entries.contains(kind), "{kind} is not in the log: {entries}");
        }

        // Nobody else can say that a drill was held.
        let forged = serde_json::json!({
            "api": "safeguard.evidence/1", "tool": { "name": "mine" }, "facts": kept["facts"],
        });
        let artifact = held["candidate"].as_str().expect("a digest");
        let path = format!("/api/v1/evidence?service=shop&format=safeguard&artifact={artifact}");
        let (status, answer) = up.call("POST", &path, Some(forged)).await;
        assert_eq!(status, 409, "{answer:#}");
    });
}

#[test]
fn a_gate_that_asks_for_it_starts_a_drill_and_kill_9_of_the_server_leaves_nothing_of_it() {
    runtime().block_on(async {
        let asks = QUICK_STAGES.replace(
            "[stages.staging]\nsoak = \"300ms\"\ngates = []",
            "[stages.staging]\nsoak = \"300ms\"\ngates = [\"rollback-test\"]",
        );
        assert_ne!(asks, QUICK_STAGES);
        let up = Up::start_with(&asks, |config| config + DRILL).await;
        let release = up.release(&up.artifact("shop-1-0", "first"), "1.0", &[]).await;
        let apps = up
            .until("the drill's candidate serves", async || {
                let status = drill(&up, &release).await;
                let serves = status["state"]["step"]["text"].as_str()?.contains("serves 100 %");
                serves.then(|| processes_of_drills(&up))
            })
            .await;
        assert!(apps.len() >= 2, "the drill and its app: {apps:?}");
        kill(up.pid("server").await);
        up.until("the drill and everything it started is gone", async || {
            let left = apps
                .iter()
                .any(|pid| std::path::Path::new(&format!("/proc/{pid}")).exists());
            (!left).then_some(())
        })
        .await;
        // The next server knows that there was one, and says when it tries again.
        let status = up
            .until("the server answers", async || {
                let status = drill(&up, &release).await;
                (status["state"]["name"] != "running").then_some(status)
            })
            .await;
        let state = &status["state"];
        assert_eq!(
            (&state["name"], &state["attempts"]),
            (&"undecided".into(), &1.into()),
            "{status:#}"
        );
        assert!(state["again_at"].is_string(), "{status:#}");
        assert_eq!(processes_of_drills(&up), Vec::<u32>::new());
    });
}

/// Processes that work in the folder of the drill, and their children.
fn processes_of_drills(up: &Up) -> Vec<u32> {
    let folder = up.state_path().join("drill");
    let folder = folder.canonicalize().unwrap_or(folder);
    let works_there =
        |pid: &str| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&folder));
    let parent = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        rest.split(' ').nth(1).map(str::to_owned)
    };
    let all = std::fs::read_dir("/proc").expect("/proc");
    let pids = all
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().map(str::to_owned));
    let ours = pids.filter(|pid| works_there(pid) || parent(pid).is_some_and(|parent| works_there(&parent)));
    ours.filter_map(|pid| pid.parse().ok()).collect()
}
