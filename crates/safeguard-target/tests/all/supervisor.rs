//! What the supervisor owns outlives its children, and nothing outlives the supervisor.

use std::io::Read;
use std::net::{TcpListener, TcpStream};

use safeguard_api::instance::{InstanceState, Role, SupervisorAnswer, SupervisorCall};
use safeguard_link::Link;
use safeguard_target::supervisor::{LimitsBy, SupervisorError, run};

use crate::helper::{
    DEADLINE, World, ask, kill_9, make_app, runs, settings, spec, supervisor_process, this_program, until,
};

#[tokio::test]
async fn an_older_generation_is_refused() {
    let mut world = World::new(LimitsBy::Sampling);
    let instance = world.spec("older-0");
    let apply = |generation, instances| SupervisorCall::Apply {
        generation,
        instances,
    };
    let table = [
        (apply(5, vec![instance.clone()]), None),
        (apply(4, vec![]), Some("generation 4 is older than 5")),
        (apply(5, vec![instance.clone()]), None),
        (apply(5, vec![]), Some("generation 5 was something else before")),
        (
            apply(6, vec![instance.clone(), instance.clone()]),
            Some("instance `older-0` is named twice"),
        ),
        (
            apply(6, vec![world.spec("../etc")]),
            Some("`../etc` is not the id of an instance"),
        ),
    ];
    for (call, refusal) in table {
        let why = match world.call(&call).await {
            SupervisorAnswer::Refused { why } => Some(why),
            SupervisorAnswer::Report(report) => {
                assert_eq!((report.generation, report.instances.len()), (5, 1));
                None
            }
            other @ SupervisorAnswer::Listeners { .. } => panic!("{other:?}"),
        };
        assert_eq!(why.as_deref(), refusal, "{call:?}");
    }
    assert_eq!(world.healthy().await.starts, 1);
    world.stop().await;
}

#[tokio::test]
async fn a_killed_role_comes_back_while_connections_queue_and_the_app_stays() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut world = World::with(LimitsBy::Sampling, |settings| {
        settings.listeners = vec![(Role::Router, "shop".to_owned(), listener)];
        settings.roles = vec![(Role::Router, this_program("helper::role"))];
    });
    let instance = world.spec("stays-0");
    world.apply(vec![instance]).await;
    let app = world.healthy().await.pid;
    let mut pids = Vec::new();
    for restarts in 0..3 {
        let answered: u32 = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text.parse().unwrap()
        })
        .await
        .unwrap();
        let report = world.report().await;
        assert_eq!(
            (report.roles[0].pid, report.roles[0].restarts),
            (Some(answered), restarts)
        );
        assert!(!pids.contains(&answered));
        pids.push(answered);
        kill_9(answered);
        until("the role ends", async || !runs(answered)).await;
    }
    let instance = world.report().await.instances.remove(0);
    assert_eq!((instance.pid, instance.starts), (app, 1));
    world.stop().await;
    assert!(!runs(app.unwrap()));
}

#[tokio::test]
async fn apps_end_with_a_killed_supervisor() {
    let folder = tempfile::tempdir().unwrap();
    make_app(folder.path());
    let mut supervisor = supervisor_process(folder.path());
    let mut link = Link::new(folder.path().join("s"));
    let apply = SupervisorCall::Apply {
        generation: 1,
        instances: vec![spec(folder.path(), "orphan-0")],
    };
    let mut answer = ask(&mut link, &apply).await;
    let app = loop {
        match answer {
            SupervisorAnswer::Report(report) => match report.instances.first() {
                Some(instance) if matches!(instance.state, InstanceState::Healthy { .. }) => {
                    break instance.pid;
                }
                Some(_) | None => answer = ask(&mut link, &SupervisorCall::Report).await,
            },
            other => panic!("{other:?}"),
        }
    };
    assert!(runs(app.unwrap()));
    let second = run(
        settings(folder.path(), LimitsBy::Sampling),
        std::future::pending(),
    )
    .await;
    assert!(matches!(second, Err(SupervisorError::AlreadyRunning { .. })));
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    until("the app ends", async || !runs(app.unwrap())).await;
}
