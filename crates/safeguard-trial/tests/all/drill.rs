//! What earns a certificate, and what does not.

use safeguard_api::Span;
use safeguard_api::config::{DrillSettings, RollbackGate};
use safeguard_api::drill::{DrillWord, FaultKind, Writes};
use safeguard_api::traffic::TripCause;

use crate::scene::{Scene, programs_in, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_version_earns_its_certificate() {
    let scene = Scene::new("shop-1-1").await;
    let drill = scene.held().await;
    let gate = RollbackGate::default();
    assert_eq!(drill.refusals(&gate), Vec::<String>::new());
    assert_eq!(drill.missing(&gate), Vec::<String>::new());
    assert_eq!(drill.candidate, scene.order.candidate.artifact);
    assert_eq!(
        drill.serves,
        scene.order.stable.as_ref().map(|stable| stable.artifact.clone())
    );
    let kinds: Vec<FaultKind> = drill.faults.iter().map(|fault| fault.name).collect();
    assert_eq!(kinds, FaultKind::ALL);
    // SIGSTOP is what nobody but the health check sees, and injected errors nobody but the judge.
    assert!(
        matches!(drill.faults[1].noticed, Some(TripCause::HealthChecks { .. })),
        "{drill:#?}"
    );
    assert!(
        matches!(
            drill.faults[2].noticed,
            Some(TripCause::Judge { .. } | TripCause::FailuresInARow { .. })
        ),
        "{drill:#?}"
    );
    assert!(
        matches!(
            drill.writes,
            Writes::Tried {
                acknowledged: 1..,
                lost: 0,
                unread: 0
            }
        ),
        "{drill:#?}"
    );
    assert!(
        drill
            .faults
            .iter()
            .all(|fault| fault.total() <= Span::seconds(30))
    );
}

/// Answers after a quarter of a second; whoever is called the candidate takes three quarters for its first answers.
const COLD: &str = r#"exec python3 -c '
import http.server, itertools, os, pathlib, time
slow = ANSWERS if pathlib.Path("NAME").read_text() == "candidate" else 0
asked = itertools.count()
class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path != "/healthz":
            time.sleep(0.75 if next(asked) < slow else 0.25)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *told):
        pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
Server((os.environ["HOST"], int(os.environ["PORT"])), Connection).serve_forever()
'"#;

/// Both versions are that service, and keep nothing. Threads of Python are not made for two hundred at once.
async fn cold_for(answers: &str) -> Scene {
    let mut scene = Scene::new("shop-1-1").await;
    let script = COLD.replace("ANSWERS", answers);
    scene.script(&script);
    scene.script_of_stable(&script);
    scene.order.settings.drill = DrillSettings {
        keeps_nothing: true,
        ..DrillSettings::default()
    };
    scene.order.policy.gates.rollback_test.concurrent_requests_min = 40;
    // Slow is what was slow on stable in the windows' last sixth.
    scene.order.policy.judge.window = Span::seconds(6);
    scene.order.policy.judge.warm_up = Span::seconds(4);
    scene
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_slow_while_it_is_cold_is_not_held_against_a_version() {
    let scene = cold_for("60").await;
    let drill = scene.held().await;
    assert_eq!(scene.refusals(&drill), "");
    assert_eq!(drill.faults.len(), FaultKind::ALL.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_slow_a_version_is_under_the_load_of_a_drill_is_not_held_against_it() {
    let scene = cold_for("1000000").await;
    let drill = scene.held().await;
    assert_eq!(scene.refusals(&drill), "");
    assert_eq!(drill.faults.len(), FaultKind::ALL.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_answers_before_it_writes_loses_writes() {
    let scene = Scene::new("shop-1-6").await;
    let drill = scene.held().await;
    let said = scene.refusals(&drill);
    assert!(said.contains("acknowledged writes were lost (limit 0)"), "{said}");
    assert!(matches!(drill.writes, Writes::Tried { lost: 1.., .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_deaf_to_sigterm_is_refused() {
    let mut scene = Scene::new("shop-1-1").await;
    scene.script("trap '' TERM\n./real\nsleep 1000");
    let drill = scene.held().await;
    let said = scene.refusals(&drill);
    assert!(
        said.contains(
            "after injected 5xx: the candidate did not end within 5s of SIGTERM and had to be killed"
        ),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_of_more_than_thirty_seconds_is_refused() {
    let mut scene = Scene::new("shop-1-1").await;
    scene.script("trap '' TERM\n./real\nsleep 1000");
    scene.order.settings.stop_grace = Span::minutes(2);
    let drill = scene.held().await;
    let said = scene.refusals(&drill);
    assert!(
        said.contains("not verified within 30s: its process had not ended"),
        "{said}"
    );
    let errors = drill.faults.iter().any(|fault| fault.name == FaultKind::Errors);
    assert!(!errors, "after a failure no other fault is tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_never_becomes_healthy_is_refused() {
    let mut scene = Scene::new("shop-1-1").await;
    scene.script("echo 'waiting for the moon'\nsleep 1000");
    scene.order.policy.rollback.deploy_longest = Span::seconds(3);
    let drill = scene.held().await;
    let said = scene.refusals(&drill);
    assert!(said.contains("did not become healthy within 3s"), "{said}");
    assert!(said.contains("waiting for the moon"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_release_shows_that_it_can_be_stopped() {
    let mut scene = Scene::new("shop-1-1").await;
    scene.order.stable = None;
    let drill = scene.held().await;
    let gate = RollbackGate::default();
    assert_eq!(drill.refusals(&gate), Vec::<String>::new());
    assert_eq!(drill.missing(&gate), Vec::<String>::new());
    assert_eq!((&drill.stable, &drill.serves), (&None, &None));
    assert!(drill.faults.iter().all(|fault| fault.noticed.is_none()));
    assert!(
        matches!(
            drill.writes,
            Writes::Tried {
                acknowledged: 1..,
                lost: 0,
                unread: 0
            }
        ),
        "{drill:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_flipped_byte_is_not_started() {
    let scene = Scene::new("shop-1-1").await;
    std::fs::write(scene.order.candidate.root.join("NAME"), "candidatf").expect("a flipped byte");
    let drill = scene.held().await;
    let said = scene.refusals(&drill);
    assert!(
        said.contains("it is not started: the artifact's digest is"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_drill_that_is_broken_off() {
    let scene = Scene::new("shop-1-1").await;
    let mut keeper = scene.start();
    while !matches!(keeper.word().await.expect("a word"), DrillWord::Step(step) if step.text.contains("serves 50 %"))
    {
    }
    assert!(!programs_in(scene.folder.path()).is_empty());
    drop(keeper);
    until("everything has ended", || {
        programs_in(scene.folder.path()).is_empty()
    })
    .await;
    until("the folder is gone", || !scene.state().exists()).await;
}
