//! One instance at a time, asked for through a real supervisor.

use std::path::Path;

use safeguard_api::instance::InstanceState;
use safeguard_target::log_tail;
use safeguard_target::supervisor::LimitsBy;

use crate::helper::{World, get, runs, until};

#[tokio::test]
async fn starts_is_healthy_and_stops() {
    let mut world = World::new(LimitsBy::BestAvailable);
    let spec = world.spec("starts-0");
    world.apply(vec![spec]).await;
    let instance = world.healthy().await;
    assert_eq!(
        (instance.starts, instance.exits.len(), instance.limits.len()),
        (1, 0, 3)
    );
    let environment = get(instance.address.unwrap(), "/environment").await.unwrap();
    let mut names: Vec<&str> = environment
        .lines()
        .map(|line| line.split('=').next().unwrap())
        .collect();
    // `PWD` and the like are the shell's own, the last one the test runner's.
    names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_", "RUST_TEST_THREADS"].contains(name));
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "HOST",
            "PATH",
            "PORT",
            "SAFEGUARD_ENVIRONMENT",
            "SAFEGUARD_RELEASE",
            "TEST_PROGRAM"
        ]
    );
    world.until(|instance| instance.memory_bytes > 1 << 20).await;
    world.apply(vec![]).await;
    until("it stops", async || world_is_empty(&instance)).await;
    let stopped = world.stopped().await;
    assert_eq!((stopped.id.as_str(), stopped.killed), ("starts-0", false));
    world.stop().await;
}

fn world_is_empty(instance: &safeguard_api::instance::InstanceReport) -> bool {
    !runs(instance.pid.unwrap())
}

#[tokio::test]
async fn a_crash_is_recorded_and_the_app_starts_again_on_its_port() {
    let mut world = World::new(LimitsBy::Sampling);
    let spec = world.spec("crash-0");
    world.apply(vec![spec]).await;
    let first = world.healthy().await;
    for starts in 2..=3 {
        assert_eq!(get(first.address.unwrap(), "/crash").await, None);
        let again = world
            .until(|instance| {
                instance.starts == starts && matches!(instance.state, InstanceState::Healthy { .. })
            })
            .await;
        assert_eq!(again.address, first.address);
        assert_ne!(again.pid, first.pid);
        let exit = again.exits.last().unwrap();
        assert_eq!(
            (exit.how.as_str(), exit.out_of_memory),
            ("signal 6 (SIGABRT)", false)
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn an_app_that_says_it_is_sick_is_unhealthy() {
    let mut world = World::new(LimitsBy::Sampling);
    let spec = world.spec("sick-0");
    world.apply(vec![spec]).await;
    let first = world.healthy().await;
    get(first.address.unwrap(), "/sick").await;
    let sick = world
        .until(|instance| instance.state == InstanceState::Unhealthy)
        .await;
    assert!(sick.health_failures >= 3, "{sick:?}");
    assert_eq!(sick.pid, first.pid);
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_start_backs_off_and_leaves_its_last_words() {
    let mut world = World::new(LimitsBy::Sampling);
    std::fs::write(
        world.folder.path().join("artifact/app"),
        "#!/bin/sh\necho no database\nexit 3\n",
    )
    .unwrap();
    let spec = world.spec("words-0");
    world.apply(vec![spec]).await;
    let instance = world.until(|instance| instance.exits.len() == 3).await;
    assert_eq!(instance.exits[0].how, "exit 3");
    let gaps: Vec<u64> = instance
        .exits
        .windows(2)
        .map(|pair| pair[1].at.since(pair[0].at).ms())
        .collect();
    assert!(gaps[0] >= 200 && gaps[1] >= 400, "{gaps:?}");
    assert_eq!(
        log_tail(world.folder.path(), "words-0", 1).unwrap(),
        ["no database"]
    );
    world.stop().await;
}

#[tokio::test]
async fn a_flipped_byte_is_refused_until_the_spec_changes() {
    let mut world = World::new(LimitsBy::Sampling);
    let spec = world.spec("flipped-0");
    let app = world.folder.path().join("artifact/app");
    let sound = std::fs::read(&app).unwrap();
    let mut flipped = sound.clone();
    flipped[20] ^= 1;
    std::fs::write(&app, &flipped).unwrap();
    world.apply(vec![spec.clone()]).await;
    let refused = world
        .until(|instance| matches!(instance.state, InstanceState::Refused { .. }))
        .await;
    assert_eq!((refused.starts, refused.pid), (0, None));
    std::fs::write(&app, &sound).unwrap();
    let mut changed = spec;
    changed.variables.insert("AGAIN".to_owned(), "1".to_owned());
    world.apply(vec![changed]).await;
    let running = world.healthy().await;
    // The next start hashes again.
    std::fs::write(&app, &flipped).unwrap();
    assert_eq!(get(running.address.unwrap(), "/crash").await, None);
    world
        .until(|instance| matches!(instance.state, InstanceState::Refused { .. }))
        .await;
    world.stop().await;
}

#[tokio::test]
async fn memory_is_limited_by_either_mechanism() {
    for (limits, id) in [
        (LimitsBy::BestAvailable, "memory-0"),
        (LimitsBy::Sampling, "memory-1"),
    ] {
        let mut world = World::new(limits);
        let spec = world.spec(id);
        world.apply(vec![spec]).await;
        let instance = world.healthy().await;
        println!("{limits:?}: {}", instance.limits.join("; "));
        let cgroup = instance.limits[0].starts_with("memory: cgroup");
        assert!(
            cgroup || instance.limits[0] == "memory: sampled each second, 256 MiB",
            "{instance:?}"
        );
        assert!(!cgroup || limits == LimitsBy::BestAvailable);
        for _ in 0..3 {
            get(instance.address.unwrap(), "/grow").await;
        }
        let killed = world.until(|instance| !instance.exits.is_empty()).await;
        assert!(killed.exits[0].out_of_memory, "{killed:?}");
        world.healthy().await;
        world.stop().await;
    }
}

#[tokio::test]
async fn cpu_is_limited_by_the_control_group() {
    let mut world = World::new(LimitsBy::BestAvailable);
    let mut spec = world.spec("cpu-0");
    spec.limits.cpu_percent_max = 20;
    world.apply(vec![spec]).await;
    let instance = world.healthy().await;
    if instance.limits[1].starts_with("cpu: cgroup") {
        get(instance.address.unwrap(), "/burn").await;
        let before = world.until(|now| now.cpu_ms > instance.cpu_ms).await.cpu_ms;
        let began = std::time::Instant::now();
        let after = world.until(|now| now.cpu_ms > before + 200).await.cpu_ms;
        let allowed = began.elapsed().as_millis() / 5 + 400;
        assert!(
            u128::from(after - before) <= allowed,
            "{} ms of {allowed} ms",
            after - before
        );
    } else {
        println!(
            "skipped: no control group limits the CPU here ({:?})",
            instance.limits
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn open_files_are_limited() {
    let mut world = World::new(LimitsBy::Sampling);
    let mut spec = world.spec("files-0");
    spec.limits.open_files_max = 64;
    world.apply(vec![spec]).await;
    let instance = world.healthy().await;
    let files: u32 = get(instance.address.unwrap(), "/files")
        .await
        .unwrap()
        .parse()
        .unwrap();
    assert!((32..64).contains(&files), "{files}");
    world.stop().await;
}

#[tokio::test]
async fn grandchildren_end_with_the_app() {
    let mut world = World::new(LimitsBy::BestAvailable);
    let spec = world.spec("children-0");
    world.apply(vec![spec]).await;
    let instance = world.healthy().await;
    let in_cgroup = instance.limits[0].starts_with("memory: cgroup");
    let paths: &[&str] = if in_cgroup {
        &["/child", "/escaped"]
    } else {
        &["/child"]
    };
    let mut children: Vec<u32> = Vec::new();
    for path in paths {
        children.push(
            get(instance.address.unwrap(), path)
                .await
                .unwrap()
                .parse()
                .unwrap(),
        );
    }
    assert!(children.iter().all(|pid| runs(*pid)) && Path::new("/proc/self").exists());
    assert_eq!(get(instance.address.unwrap(), "/crash").await, None);
    until("the children end", async || {
        !children.iter().any(|pid| runs(*pid))
    })
    .await;
    world.stop().await;
}

#[tokio::test]
async fn an_app_that_ignores_sigterm_is_killed_after_its_grace() {
    let mut world = World::new(LimitsBy::Sampling);
    let app = world.folder.path().join("artifact/app");
    std::fs::write(
        &app,
        "#!/bin/sh\ntrap '' TERM\n\"$TEST_PROGRAM\" helper::app --exact --nocapture\nsleep 1000\n",
    )
    .unwrap();
    let mut spec = world.spec("deaf-0");
    spec.stop_grace = safeguard_api::Span(300);
    world.apply(vec![spec]).await;
    let instance = world.healthy().await;
    world.apply(vec![]).await;
    until("it is killed", async || !runs(instance.pid.unwrap())).await;
    let stopped = world.stopped().await;
    assert_eq!(
        (stopped.how.as_str(), stopped.killed),
        ("signal 9 (SIGKILL)", true)
    );
    world.stop().await;
}
