//! An exec target with a real program, which the tests make behave well and badly.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use safeguard_api::Span;
use safeguard_api::config::ExecTarget;
use safeguard_api::instance::{
    InstanceReport, InstanceSpec, InstanceState, Role, SupervisorAnswer, SupervisorCall,
};
use safeguard_link::Link;
use safeguard_target::supervisor::{LimitsBy, run};

use crate::helper::{World, ask, kill_9, make_app, runs, settings, spec, supervisor_process, until};

/// Reads one question, notes it, and does what the file `bad-<op>` says, or else what it should.
const PROGRAM: &str = r#"#!/bin/sh
folder=$1
read -r question || exit 9
printf '%s\n' "$question" >>"$folder/questions"
field() { printf '%s' "$question" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
op=$(field op); program=$(field TEST_PROGRAM); instance=$(field instance)
port=$(cat "$folder/port")
said="{\"ok\":true,\"endpoints\":[\"127.0.0.1:$port\"],\"handle\":\"unit-$instance\"}"
alive() { [ -f "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; }
case "$(cat "$folder/bad-$op" 2>/dev/null)" in
    '') ;;
    hangs) trap '' TERM; echo "waiting" >&2; sleep 1000; sleep 1000 ;;
    floods) exec yes ;;
    lies) echo "deployed!"; exit 0 ;;
    unknown) echo '{"ok":true,"endpoint":"127.0.0.1:1"}'; exit 0 ;;
    half) printf '{"ok":tr'; echo "out of luck" >&2; kill -9 $$ ;;
    silent) echo "out of luck" >&2; exit 3 ;;
    fails) echo "$said"; exit 1 ;;
    refuses) echo '{"ok":false,"message":"no room"}'; exit 1 ;;
    elsewhere) echo '{"ok":true,"endpoints":["192.0.2.1:80"]}'; exit 0 ;;
    other) echo '{"ok":true,"endpoints":["127.0.0.1:9"],"handle":"another"}'; exit 0 ;;
    shouts) yes | head -c 300000 >&2 ;;
esac
case $op in
    deploy)
        if ! alive; then
            PORT=$port HOST=127.0.0.1 setsid "$program" helper::app --exact --nocapture >/dev/null 2>&1 </dev/null 3>&- &
            echo $! >"$folder/pid"
            # The group of this call is killed when it ends: the app must have left it by then.
            # An app that has ended already has left no trace of a session, and none at all once this shell has noticed.
            while [ -e "/proc/$!" ] && [ "$(cut -d ' ' -f 6 "/proc/$!/stat")" != $! ] && [ "$(cut -d ' ' -f 3 "/proc/$!/stat")" != Z ]; do
                sleep 0.01
            done
        fi
        echo "$said" ;;
    status) if alive; then echo "$said"; else echo '{"ok":false,"message":"it is gone"}'; fi ;;
    stop)
        if [ -f "$folder/pid" ]; then
            kill "$(cat "$folder/pid")" 2>/dev/null
            while alive; do sleep 0.05; done
            rm "$folder/pid"
        fi
        echo '{"ok":true}' ;;
esac
"#;

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Makes the program in `folder` and returns an instance that it runs.
fn exec_spec(folder: &Path, id: &str, deadline: Span) -> InstanceSpec {
    let program = folder.join("target.sh");
    std::fs::write(&program, PROGRAM).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(folder.join("port"), free_port().to_string()).unwrap();
    InstanceSpec {
        target: Some(ExecTarget {
            exec: vec![program.display().to_string(), folder.display().to_string()],
            deadline,
            status_every: Span(200),
            inherit: Vec::new(),
        }),
        ..spec(folder, id)
    }
}

fn world() -> World {
    World::new(LimitsBy::Sampling)
}

const LONG: Span = Span::seconds(60);

fn bad(world: &World, op: &str, how: &str) {
    std::fs::write(world.folder.path().join(format!("bad-{op}")), how).unwrap();
}

fn app(folder: &Path) -> Option<u32> {
    std::fs::read_to_string(folder.join("pid"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The questions with this op.
fn asked(folder: &Path, op: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(folder.join("questions")).unwrap_or_default();
    let questions = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    questions.filter(|question| question["op"] == op).collect()
}

async fn gone(world: &mut World) {
    loop {
        if world.report().await.instances.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn it_is_deployed_asked_for_and_stopped_as_a_process_would_be() {
    let mut world = world();
    let folder = world.folder.path().to_owned();
    let spec = exec_spec(&folder, "good-0", LONG);
    world.apply(vec![spec.clone()]).await;
    let instance = world.healthy().await;
    assert_eq!((instance.starts, instance.exits.len()), (1, 0));
    assert!(
        instance
            .limits
            .iter()
            .all(|limit| limit.contains("not enforced by safeguard")),
        "{instance:?}"
    );
    until("it is asked for", async || asked(&folder, "status").len() > 2).await;
    let pid = app(&folder).unwrap();
    assert!(runs(pid));
    world.apply(vec![]).await;
    gone(&mut world).await;
    assert!(!runs(pid));
    let (deploy, stop) = (asked(&folder, "deploy"), asked(&folder, "stop"));
    assert_eq!((deploy.len(), stop.len()), (1, 1));
    assert_eq!(deploy[0]["api"], "safeguard.exec/1");
    assert_eq!(deploy[0]["digest"], spec.artifact.to_string());
    assert_eq!(deploy[0]["deadline_ms"], 60_000);
    assert_eq!(stop[0]["deadline_ms"], 65_000, "a stop may take its grace longer");
    assert_eq!(stop[0]["handle"], "unit-good-0");
    for question in asked(&folder, "status").iter().chain(&stop) {
        assert_eq!(question["idempotency_key"], deploy[0]["idempotency_key"]);
    }
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_an_answer_is_an_end_with_its_reason() {
    let cases = [
        ("floods", "more than 65536 bytes on stdout"),
        ("lies", "its answer is not safeguard.exec/1: expected value"),
        ("unknown", "unknown field `endpoint`"),
        ("half", "its answer is not safeguard.exec/1: EOF while parsing"),
        ("silent", "exit 3 and no answer; stderr: out of luck"),
        ("fails", "it said ok, and ended with exit 1"),
        ("refuses", "deploy: no room"),
        ("elsewhere", "the endpoint 192.0.2.1:80 is not on this machine"),
    ];
    for (how, wanted) in cases {
        let mut world = world();
        let spec = exec_spec(world.folder.path(), "bad-0", LONG);
        bad(&world, "deploy", how);
        world.apply(vec![spec]).await;
        let ended = world.until(|instance| !instance.exits.is_empty()).await;
        assert!(ended.exits[0].how.contains(wanted), "{how}: {:?}", ended.exits[0]);
        // It is stopped before it is deployed again, with the same key.
        let folder = world.folder.path().to_owned();
        until("it is tried again", async || asked(&folder, "deploy").len() > 1).await;
        assert!(!asked(&folder, "stop").is_empty());
        let deployed = asked(&folder, "deploy");
        assert_eq!(deployed[0]["idempotency_key"], deployed[1]["idempotency_key"]);
        // When it comes to its senses, so does the instance.
        std::fs::remove_file(folder.join("bad-deploy")).unwrap();
        world.healthy().await;
        world.stop().await;
    }
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_what_it_started() {
    let mut world = world();
    let spec = exec_spec(world.folder.path(), "hangs-0", Span::seconds(1));
    bad(&world, "deploy", "hangs");
    world.apply(vec![spec]).await;
    let ended = world.until(|instance| !instance.exits.is_empty()).await;
    // It ignores SIGTERM, so SIGKILL ends it.
    let how = &ended.exits[0].how;
    assert_eq!(
        how,
        "deploy: no answer after 1s; told to end, it ended with signal 9 (SIGKILL)"
    );
    world.apply(vec![]).await;
    world.stop().await;
}

#[tokio::test]
async fn much_on_stderr_is_no_harm() {
    let mut world = world();
    let spec = exec_spec(world.folder.path(), "shouts-0", LONG);
    bad(&world, "deploy", "shouts");
    world.apply(vec![spec]).await;
    world.healthy().await;
    world.stop().await;
}

#[tokio::test]
async fn an_instance_that_is_gone_is_deployed_again() {
    let mut world = world();
    let folder = world.folder.path().to_owned();
    let spec = exec_spec(&folder, "gone-0", LONG);
    world.apply(vec![spec]).await;
    world.healthy().await;
    kill_9(app(&folder).unwrap());
    let again = world
        .until(|instance| instance.starts == 2 && matches!(instance.state, InstanceState::Healthy { .. }))
        .await;
    assert_eq!(again.exits[0].how, "status: it is gone");
    world.stop().await;
}

#[tokio::test]
async fn a_program_that_can_not_be_asked_takes_down_nothing_that_serves() {
    let mut world = world();
    let folder = world.folder.path().to_owned();
    let spec = exec_spec(&folder, "mute-0", LONG);
    world.apply(vec![spec]).await;
    world.healthy().await;
    bad(&world, "status", "lies");
    let before = asked(&folder, "status").len();
    until("it was asked in vain", async || {
        asked(&folder, "status").len() > before + 3
    })
    .await;
    let instance = world.healthy().await;
    assert_eq!((instance.starts, instance.exits.len()), (1, 0));
    // Two answers for one key are a lie about where users are sent.
    bad(&world, "status", "other");
    let ended = world.until(|instance| !instance.exits.is_empty()).await;
    let how = &ended.exits[0].how;
    assert!(
        how.starts_with("status: 127.0.0.1:9 `another` for an idempotency key that was answered with "),
        "{how}"
    );
    world.stop().await;
}

#[tokio::test]
async fn what_was_not_stopped_is_not_taken_for_stopped() {
    let mut world = world();
    let folder = world.folder.path().to_owned();
    let spec = exec_spec(&folder, "stays-0", LONG);
    world.apply(vec![spec]).await;
    world.healthy().await;
    bad(&world, "stop", "refuses");
    world.apply(vec![]).await;
    until("it is asked again", async || asked(&folder, "stop").len() > 2).await;
    let report = world.report().await;
    let states: Vec<&InstanceState> = report.instances.iter().map(|instance| &instance.state).collect();
    assert_eq!(states, [&InstanceState::Stopping]);
    std::fs::remove_file(folder.join("bad-stop")).unwrap();
    gone(&mut world).await;
    world.stop().await;
}

#[tokio::test]
async fn an_endpoint_of_another_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut world = World::with(LimitsBy::Sampling, |settings| {
        settings.listeners = vec![(Role::Router, "shop".to_owned(), listener)];
    });
    let spec = exec_spec(world.folder.path(), "thief-0", LONG);
    std::fs::write(world.folder.path().join("port"), port.to_string()).unwrap();
    world.apply(vec![spec]).await;
    let ended = world.until(|instance| !instance.exits.is_empty()).await;
    let how = &ended.exits[0].how;
    assert_eq!(
        how,
        &format!("deploy: the endpoint 127.0.0.1:{port} belongs to another instance or listener")
    );
    world.stop().await;
}

#[tokio::test]
async fn a_flipped_byte_is_not_deployed() {
    let mut world = world();
    let spec = exec_spec(world.folder.path(), "flipped-0", LONG);
    let mut bytes = std::fs::read(spec.root.join("app")).unwrap();
    bytes[5] ^= 1;
    std::fs::write(spec.root.join("app"), bytes).unwrap();
    world.apply(vec![spec]).await;
    let refused = world
        .until(|instance| matches!(instance.state, InstanceState::Refused { .. }))
        .await;
    assert_eq!(refused.starts, 0);
    assert!(asked(world.folder.path(), "deploy").is_empty());
    world.apply(vec![]).await;
    gone(&mut world).await;
    world.stop().await;
}

fn first_healthy(answer: &SupervisorAnswer) -> Option<InstanceReport> {
    match answer {
        SupervisorAnswer::Report(report) => report
            .instances
            .first()
            .filter(|one| matches!(one.state, InstanceState::Healthy { .. }))
            .cloned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_outlived_the_supervisor_is_kept_when_wanted_and_stopped_when_not() {
    let folder = tempfile::tempdir().unwrap();
    make_app(folder.path());
    let wanted = exec_spec(folder.path(), "outlives-0", LONG);
    let mut supervisor = supervisor_process(folder.path());
    let mut link = Link::new(folder.path().join("s"));
    let apply = |generation, instances: Vec<InstanceSpec>| SupervisorCall::Apply {
        generation,
        instances,
    };
    let mut answer = ask(&mut link, &apply(1, vec![wanted.clone()])).await;
    while first_healthy(&answer).is_none() {
        answer = ask(&mut link, &SupervisorCall::Report).await;
    }
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    let pid = app(folder.path()).unwrap();
    assert!(runs(pid));

    // The next one is told the same, and finds it.
    let mut supervisor = supervisor_process(folder.path());
    let mut link = Link::new(folder.path().join("s"));
    let mut answer = ask(&mut link, &apply(1, vec![wanted])).await;
    while first_healthy(&answer).is_none() {
        answer = ask(&mut link, &SupervisorCall::Report).await;
    }
    assert_eq!(app(folder.path()), Some(pid));
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();

    // The one after is told of nothing, and stops it.
    let settings = settings(folder.path(), LimitsBy::Sampling);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(async move { run(settings, async { stopped.await.unwrap() }).await });
    let mut link = Link::new(folder.path().join("s"));
    ask(&mut link, &apply(1, vec![])).await;
    until("it is stopped", async || !runs(pid)).await;
    stop.send(()).unwrap();
    task.await.unwrap().unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path().join("elsewhere"))
            .unwrap()
            .count(),
        0
    );
}

/// The examples as they are shipped, with `systemctl`, `systemd-run` and `docker` that only look like the real ones.
async fn example(name: &str, more: &[&str]) {
    let mut world = World::new(LimitsBy::Sampling);
    let folder = world.folder.path().to_owned();
    let kept = folder.join("look-alikes");
    std::fs::create_dir(&kept).unwrap();
    let source = env!("CARGO_MANIFEST_DIR");
    let exec = [
        "/usr/bin/env".to_owned(),
        format!(
            "PATH={source}/tests/look-alikes:{}",
            std::env::var("PATH").unwrap()
        ),
        format!("LOOK_ALIKES={}", kept.display()),
        format!("{source}/../../examples/exec-target/{name}/target.py"),
    ];
    let exec = exec
        .into_iter()
        .chain(more.iter().map(|&word| word.to_owned()))
        .collect();
    let mut spec = exec_spec(&folder, "example-0", LONG);
    spec.target = spec.target.map(|target| ExecTarget { exec, ..target });
    world.apply(vec![spec]).await;
    let first = world.healthy().await;
    let pid = || {
        let facts = std::fs::read_dir(&kept).unwrap().next()?.unwrap();
        let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(facts.path()).unwrap()).unwrap();
        u32::try_from(facts["pid"].as_u64().unwrap()).ok()
    };
    let before = pid().unwrap();
    kill_9(before);
    let again = world
        .until(|instance| instance.starts == 2 && matches!(instance.state, InstanceState::Healthy { .. }))
        .await;
    assert_eq!(again.exits.len(), 1, "{again:?}");
    assert!(again.exits[0].how.starts_with("status: "), "{again:?}");
    assert!(first.address.is_some() && again.address.is_some());
    let pid_again = pid().unwrap();
    assert!(runs(pid_again) && pid_again != before);
    world.apply(vec![]).await;
    gone(&mut world).await;
    assert!(!runs(pid_again) && pid().is_none());
    world.stop().await;
}

#[tokio::test]
async fn the_systemd_example_runs_against_a_look_alike() {
    example("systemd", &["--user"]).await;
}

#[tokio::test]
async fn the_docker_compose_example_runs_against_a_look_alike() {
    example("docker-compose", &[]).await;
}
