//! A bad batch is narrowed to the change at fault, with artifacts that are really built and tried, and without.

use serde_json::{Value, json};

use super::catalogue::{self, Batch, GUILTY};
use super::load::Load;
use super::up::{QUICK_STAGES, Up, binary, runtime};

/// The canary waits for users.
fn stages() -> String {
    let quick = "steps = [{ weight = 50, soak = \"300ms\" }, { weight = 100, soak = \"300ms\" }]";
    assert!(QUICK_STAGES.contains(quick));
    let waits = "steps = [{ weight = 50, soak = \"300ms\", requests_min = 1000 }, { weight = 100, soak = \"300ms\" }]";
    let warm = QUICK_STAGES.replace("warm_up = \"100ms\"", "warm_up = \"2s\"");
    warm.replace(quick, waits)
}

/// Users take the batch off in its canary.
async fn taken_off(up: &Up, batch: &Batch) {
    let load = Load::start(up.production(), 4);
    up.until_phase(&batch.release, "rolled_back").await;
    load.stop().await;
}

async fn searched(up: &Up, release: &str) -> Value {
    up.ok("GET", &format!("/api/v1/releases/{release}/bisect"), None)
        .await
}

/// What lies among the artifacts of trials.
fn trial_artifacts(up: &Up) -> Vec<String> {
    let all = std::fs::read_dir(up.state_path().join("trials")).expect("the folder of trials");
    let names = all.map(|entry| {
        entry
            .expect("readable")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    names.filter(|name| name != "incoming").collect()
}

async fn kinds(up: &Up) -> Vec<String> {
    let entries = up.ok("GET", "/api/v1/audit/entries?limit=400", None).await;
    let kinds = entries.as_array().expect("a list").iter();
    kinds
        .map(|entry| entry["event"]["kind"].as_str().expect("a kind").to_owned())
        .collect()
}

#[test]
fn a_bad_batch_is_narrowed_by_artifacts_that_are_built_and_tried() {
    runtime().block_on(async {
        let up = Up::start_with(&stages(), catalogue::configured).await;
        let batch = Batch::new(&up).await;
        let guilty = &batch.changes[GUILTY];

        let early = up.safeguard(&["release", "bisect", &batch.release]);
        let said = String::from_utf8_lossy(&early.stderr).into_owned();
        assert_eq!(early.status.code(), Some(1), "{said}");
        assert!(
            said.contains("is still on its way") && said.contains("safeguard release rollback"),
            "{said}"
        );

        taken_off(&up, &batch).await;
        let shown = up
            .ok("GET", &format!("/api/v1/releases/{}", batch.release), None)
            .await;
        let hint = format!(
            "`safeguard release bisect {}` finds which of its 5 changes is at fault",
            batch.release
        );
        assert_eq!(shown["hints"][0], hint);

        let found = up.safeguard(&[
            "release",
            "bisect",
            &batch.release,
            "--failing-path",
            "/product/12",
        ]);
        let said = String::from_utf8_lossy(&found.stdout).into_owned();
        let talk = String::from_utf8_lossy(&found.stderr).into_owned();
        println!("{said}\n{talk}");
        assert_eq!(found.status.code(), Some(0), "{said}\n{talk}\n{}", up.log());
        assert!(said.contains(&format!("{guilty} is at fault")), "{said}");
        assert!(said.contains("the rest without it is good"), "{said}");
        let rest: Vec<String> = batch
            .changes
            .iter()
            .filter(|change| *change != guilty)
            .map(|change| format!("--change {change}"))
            .collect();
        assert!(talk.contains(&rest.join(" ")), "{talk}");

        let status = searched(&up, &batch.release).await;
        let (bisect, conclusion) = (&status["bisect"], &status["bisect"]["conclusion"]);
        assert_eq!(
            conclusion["culprits"][0]["at_fault"],
            json!([guilty]),
            "{status:#}"
        );
        assert_eq!(
            (&conclusion["rest"], &status["state"]["name"]),
            (&json!("good"), &json!("over"))
        );
        assert_eq!(
            bisect["suspects"][0]["change"], *guilty,
            "the path that failed stands in its diff alone"
        );
        let trials = bisect["trials"].as_array().expect("trials");
        let outcomes: Vec<&str> = trials
            .iter()
            .filter_map(|trial| trial["outcome"]["name"].as_str())
            .collect();
        assert_eq!(outcomes[0], "bad", "the whole batch: {status:#}");
        // On a busy machine one of two equal processes may be slower for a moment: then the base is tried once more.
        let is_good_base =
            |trial: &Value| trial["changes"] == json!([]) && trial["outcome"]["name"] == "good";
        assert!(trials.iter().any(is_good_base), "{status:#}");
        assert!(
            outcomes.contains(&"not_built"),
            "the fourth without the second: {status:#}"
        );
        assert!(trials.len() <= 12, "{status:#}");

        nothing_of_a_trial_can_be_released(&up, trials).await;
        let kinds = kinds(&up).await;
        let count = |wanted: &str| kinds.iter().filter(|kind| *kind == wanted).count();
        assert_eq!((count("bisect.started"), count("bisect.finished")), (1, 1));
        assert_eq!(count("bisect.trial"), trials.len());
        assert_eq!(
            count("bisect.trying"),
            outcomes.iter().filter(|outcome| **outcome != "not_built").count()
        );

        let show = up.safeguard(&["release", "show", &batch.release]);
        let said = String::from_utf8_lossy(&show.stdout).into_owned();
        assert!(
            said.contains(&format!("{guilty} is at fault")) && said.contains("release the rest"),
            "{said}"
        );
        let state = up.ok("GET", "/api/v1/status", None).await;
        assert_eq!(state["services"][0]["live"], batch.live);
        a_release_on_its_way_goes_first(&up, &batch).await;
    });
}

/// Fail closed: an artifact of a trial is nothing that a release can be made of, and what was shown of it passes no gate.
async fn nothing_of_a_trial_can_be_released(up: &Up, trials: &[Value]) {
    assert_eq!(trial_artifacts(up), Vec::<String>::new());
    let digests: Vec<&str> = trials
        .iter()
        .filter_map(|trial| trial["artifact"].as_str())
        .collect();
    let evidence = up
        .ok("GET", "/api/v1/evidence?service=shop&limit=100", None)
        .await
        .to_string();
    let live = up.ok("GET", "/api/v1/releases?limit=10", None).await.to_string();
    // The base and the whole batch, made anew, may come to the same bytes as the releases of them.
    let only_tried: Vec<&&str> = digests.iter().filter(|digest| !live.contains(**digest)).collect();
    assert!(!only_tried.is_empty(), "{digests:?}");
    let change =
        json!({ "service": "shop", "title": "x", "base": "aaaaaaa", "head": "bbbbbbb", "author": "Ada" });
    let change = up.ok("POST", "/api/v1/changes", Some(change)).await["id"].clone();
    for digest in only_tried {
        let spec = json!({ "service": "shop", "artifact": digest, "version": "3", "changes": [change] });
        let (status, answer) = up.call("POST", "/api/v1/releases", Some(spec)).await;
        assert_eq!(status, 409, "{answer:#}");
        assert!(
            answer["title"]
                .as_str()
                .is_some_and(|title| title.contains("is not stored")),
            "{answer:#}"
        );
        assert!(!evidence.contains(*digest), "{evidence}");
    }
}

/// A trial under way is broken off, and no other begins.
async fn a_release_on_its_way_goes_first(up: &Up, batch: &Batch) {
    let mut again = std::process::Command::new(binary("safeguard"))
        .args(["release", "bisect", &batch.release, "--anew"])
        .env("SAFEGUARD_SERVER", format!("http://{}", up.api))
        .env("SAFEGUARD_TOKEN_FILE", up.state_path().join("admin.token"))
        .current_dir(up.state.path())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("safeguard runs");
    up.until("the whole batch is tried", async || {
        let status = searched(up, &batch.release).await;
        (status["state"]["name"] == "trying").then_some(())
    })
    .await;
    // What was rolled back is not released again as it was.
    std::fs::write(up.state.path().join("service/NEWS"), "3").expect("written");
    let next = catalogue::release(up, "3", &batch.changes[..1]);
    up.ok("POST", &format!("/api/v1/releases/{next}/hold"), None)
        .await;
    up.until("the search has ended", async || {
        again.try_wait().expect("it can be asked").map(|_| ())
    })
    .await;
    let ended = again.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("{next} is on its way, and trials wait for it")),
        "{said}"
    );
    assert!(kinds(up).await.contains(&"bisect.broken_off".to_owned()));
    assert_eq!(trial_artifacts(up), Vec::<String>::new());
    let status = searched(up, &batch.release).await;
    assert_eq!(status["state"]["name"], "wants_artifact", "{status:#}");
}

#[test]
fn without_a_way_to_rebuild_there_are_suspicions_and_they_are_called_that() {
    runtime().block_on(async {
        let up = Up::start(&stages()).await;
        let batch = Batch::new(&up).await;
        taken_off(&up, &batch).await;
        let told = up.safeguard(&[
            "release",
            "bisect",
            &batch.release,
            "--failing-path",
            "/product/12",
        ]);
        let said = String::from_utf8_lossy(&told.stdout).into_owned();
        let talk = String::from_utf8_lossy(&told.stderr).into_owned();
        assert_eq!(told.status.code(), Some(2), "{said}\n{talk}");
        assert!(talk.contains("has no `[services.shop.rebuild]`"), "{talk}");
        assert!(
            said.contains("nothing was tried: these are suspicions, and no findings"),
            "{said}"
        );
        let first = said.lines().nth(2).expect("the first suspect");
        assert!(first.contains(&batch.changes[GUILTY]), "{said}");
        assert!(
            first.contains("`/product/12`, which failed, stands in its change of service/articles.py"),
            "{said}"
        );
        for change in &batch.changes {
            assert!(said.contains(change), "{said}");
        }
        let status = searched(&up, &batch.release).await;
        assert_eq!(status["bisect"]["trials"], json!([]));
        let kinds = kinds(&up).await;
        assert!(
            kinds.contains(&"bisect.started".to_owned()) && kinds.contains(&"bisect.finished".to_owned())
        );
    });
}
