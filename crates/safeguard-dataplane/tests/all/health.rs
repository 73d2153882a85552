//! The candidate is taken down by what the supervisor knows of its processes, and nothing is held against it that stable
//! suffers as well.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use safeguard_api::instance::{
    Exit, InstanceReport, InstanceState, SupervisorAnswer, SupervisorCall, SupervisorReport,
};
use safeguard_api::stage::Environment;
use safeguard_api::time::{Span, Timestamp};
use safeguard_api::traffic::{JournalEvent, TripCause};
use tokio::task::JoinHandle;

use crate::town::{DEADLINE, Setup, Town, percent, release};

/// Answers the router's questions with what it was told to say.
struct Supervisor {
    dir: tempfile::TempDir,
    instances: Arc<Mutex<Vec<InstanceReport>>>,
    answers: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Supervisor {
    fn start() -> Supervisor {
        let dir = tempfile::tempdir().unwrap();
        let (instances, answers) = (Arc::default(), Arc::default());
        let task = answer(&socket(&dir), &instances, &answers);
        Supervisor {
            dir,
            instances,
            answers,
            task,
        }
    }

    async fn restart(&mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
        self.task = answer(&socket(&self.dir), &self.instances, &self.answers);
    }

    fn says(&self, instances: &[InstanceReport]) {
        *self.instances.lock().unwrap() = instances.to_vec();
    }

    /// Says it until the router has looked at it, which must move nobody.
    async fn moves_nobody(&self, town: &mut Town, instances: &[InstanceReport], what: &str) {
        self.says(instances);
        // It asks again only when it has looked at an answer, and the first may have been on its way already.
        let enough = self.answers.load(Ordering::SeqCst) + 3;
        let end = tokio::time::Instant::now() + DEADLINE;
        while self.answers.load(Ordering::SeqCst) < enough {
            assert_eq!(town.report().await.weight, percent(50), "{what}");
            assert!(tokio::time::Instant::now() < end, "the router does not ask");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(town.report().await.weight, percent(50), "{what}");
    }
}

fn socket(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("supervisor")
}

fn answer(
    socket: &Path,
    instances: &Arc<Mutex<Vec<InstanceReport>>>,
    answers: &Arc<AtomicU64>,
) -> JoinHandle<()> {
    let (instances, answers) = (Arc::clone(instances), Arc::clone(answers));
    let listener = safeguard_link::bind(socket).unwrap();
    tokio::spawn(safeguard_link::serve(listener, move |call: SupervisorCall| {
        assert_eq!(call, SupervisorCall::Report);
        let report = SupervisorReport {
            generation: 1,
            pid: 1,
            roles: Vec::new(),
            instances: instances.lock().unwrap().clone(),
            stopped: Vec::new(),
        };
        answers.fetch_add(1, Ordering::SeqCst);
        async { SupervisorAnswer::Report(report).into() }
    }))
}

/// An instance of release 1, which is stable, or 2, which is the candidate.
fn healthy(number: u32) -> InstanceReport {
    InstanceReport {
        id: format!("shop-{number}"),
        service: "shop".parse().unwrap(),
        environment: Environment::Production,
        release: release(number),
        state: InstanceState::Healthy { since: now() },
        pid: Some(number),
        address: None,
        starts: 1,
        exits: Vec::new(),
        health_failures: 0,
        memory_bytes: 1 << 20,
        cpu_ms: 1,
        limits: Vec::new(),
    }
}

fn crashed(number: u32, exits: usize) -> InstanceReport {
    let exit = Exit {
        at: now(),
        how: "signal 6 (SIGABRT)".to_owned(),
        out_of_memory: false,
    };
    InstanceReport {
        exits: vec![exit; exits],
        ..healthy(number)
    }
}

fn sick(number: u32, health_failures: u32) -> InstanceReport {
    InstanceReport {
        state: InstanceState::Unhealthy,
        health_failures,
        ..healthy(number)
    }
}

fn out_of_memory(number: u32) -> InstanceReport {
    let exit = Exit {
        at: now(),
        how: "signal 9 (SIGKILL)".to_owned(),
        out_of_memory: true,
    };
    InstanceReport {
        exits: vec![exit],
        ..healthy(number)
    }
}

fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Timestamp(i64::try_from(since_1970.as_millis()).unwrap())
}

async fn judged_town(supervisor: &Supervisor) -> Town {
    supervisor.says(&[healthy(1), healthy(2)]);
    let mut town = Town::with(Setup {
        supervisor: Some(socket(&supervisor.dir)),
        ..Setup::default()
    })
    .await;
    let table = town.table(2, Some(50));
    town.apply(table).await;
    town
}

/// Each trigger, as the supervisor tells of it for release 1 or 2, and what the journal says of it.
type Trigger = (fn(u32) -> InstanceReport, TripCause);

const TRIGGERS: [Trigger; 3] = [
    (
        |number| crashed(number, 2),
        TripCause::Exits {
            count: 2,
            within: Span::seconds(60),
        },
    ),
    (|number| sick(number, 3), TripCause::HealthChecks { failed: 3 }),
    (out_of_memory, TripCause::OutOfMemory),
];

#[tokio::test]
async fn each_trigger_takes_the_candidate_down_and_the_journal_says_why() {
    for (troubled, expected) in TRIGGERS {
        let supervisor = Supervisor::start();
        let mut town = judged_town(&supervisor).await;
        supervisor
            .moves_nobody(&mut town, &[healthy(1), healthy(2)], "all is well")
            .await;
        supervisor.says(&[healthy(1), troubled(2)]);
        let report = town.reported("down", |report| report.weight == percent(0)).await;
        assert_eq!(report.epoch, 2);
        for user in 0..20 {
            assert_eq!(town.get("/", &format!("user-{user}")).await.body, "stable");
        }
        let journal = town.journal().await;
        assert_eq!((journal.len(), &journal[0].release), (1, &release(2)));
        let JournalEvent::Tripped { cause, .. } = &journal[0].event else {
            panic!("{:?}", journal[0]);
        };
        assert_eq!(*cause, expected);
    }
}

#[tokio::test]
async fn what_befalls_both_arms_alike_takes_nobody_down() {
    let supervisor = Supervisor::start();
    let mut town = judged_town(&supervisor).await;
    // Two instances of each, one of them in trouble: the same share.
    let other = |number| InstanceReport {
        id: format!("shop-{number}-other"),
        ..healthy(number)
    };
    for (troubled, cause) in TRIGGERS {
        let all = [troubled(1), troubled(2)];
        supervisor.moves_nobody(&mut town, &all, &cause.to_string()).await;
        let half = [troubled(1), other(1), other(2), troubled(2)];
        supervisor
            .moves_nobody(&mut town, &half, &cause.to_string())
            .await;
    }
    assert!(town.journal().await.is_empty());
    // It would have been noticed: now the candidate alone is in trouble.
    supervisor.says(&[healthy(1), crashed(2, 2)]);
    town.reported("down", |report| report.weight == percent(0)).await;
}

#[tokio::test]
async fn too_little_too_old_or_another_ones_trouble_is_none() {
    let supervisor = Supervisor::start();
    let mut town = judged_town(&supervisor).await;
    let mut long_ago = crashed(2, 16);
    for exit in &mut long_ago.exits {
        exit.at = Timestamp(exit.at.0 - 61_000);
    }
    let mut of_another_service = crashed(2, 2);
    of_another_service.service = "till".parse().unwrap();
    let mut of_staging = sick(2, 3);
    of_staging.environment = Environment::Staging;
    for (what, instances) in [
        ("one exit", vec![healthy(1), crashed(2, 1)]),
        ("two failed checks", vec![healthy(1), sick(2, 2)]),
        ("old exits", vec![healthy(1), long_ago]),
        ("stable's exits", vec![crashed(1, 5), healthy(2)]),
        (
            "another service",
            vec![healthy(1), healthy(2), of_another_service],
        ),
        ("another environment", vec![healthy(1), healthy(2), of_staging]),
        ("another release", vec![healthy(1), healthy(2), out_of_memory(3)]),
        ("no word of anybody", Vec::new()),
    ] {
        supervisor.moves_nobody(&mut town, &instances, what).await;
    }
    assert!(town.journal().await.is_empty());
}

#[tokio::test]
async fn in_observe_mode_the_trigger_is_written_down_and_nobody_moves() {
    let supervisor = Supervisor::start();
    let mut town = judged_town(&supervisor).await;
    let mut table = town.table(3, Some(50));
    table.routes[0].candidate.as_mut().unwrap().observe = true;
    town.apply(table).await;
    supervisor.says(&[healthy(1), out_of_memory(2)]);
    let end = tokio::time::Instant::now() + DEADLINE;
    while town.journal().await.is_empty() {
        assert!(tokio::time::Instant::now() < end, "never written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(town.report().await.weight, percent(50));
    let JournalEvent::WouldTrip { cause, .. } = &town.journal().await[0].event else {
        panic!("{:?}", town.journal().await);
    };
    assert_eq!(*cause, TripCause::OutOfMemory);
}

#[tokio::test]
async fn a_supervisor_that_was_away_is_heard_again() {
    let mut supervisor = Supervisor::start();
    let mut town = judged_town(&supervisor).await;
    let well = [healthy(1), healthy(2)];
    supervisor.moves_nobody(&mut town, &well, "all is well").await;
    supervisor.restart().await;
    supervisor.moves_nobody(&mut town, &well, "it was away").await;
    supervisor.says(&[healthy(1), crashed(2, 2)]);
    town.reported("down", |report| report.weight == percent(0)).await;
}
