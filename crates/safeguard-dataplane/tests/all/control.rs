//! Tables, the lease, restarts, and changes under load.

use std::time::Duration;

use safeguard_api::time::Span;
use safeguard_api::traffic::{JournalEvent, RouterAnswer, RouterCall};

use crate::town::{DEADLINE, Town, percent, release};

#[tokio::test]
async fn an_older_table_is_never_applied() {
    let mut town = Town::new().await;
    let table = town.table(5, Some(100));
    town.apply(table).await;
    let table = town.table(4, None);
    let answer = town.call(RouterCall::Apply { table }).await;
    assert!(matches!(answer, RouterAnswer::Refused { .. }), "{answer:?}");
    // The same generation is taken to be the same table.
    let table = town.table(5, None);
    assert_eq!(town.apply(table).await.generation, 5);
    assert_eq!(town.get("/", "u").await.body, "candidate");
}

#[tokio::test]
async fn a_lease_that_ends_takes_the_candidate_down_until_a_table_knows() {
    let mut town = Town::new().await;
    let mut table = town.table(2, Some(100));
    table.lease = Span(150);
    town.apply(table.clone()).await;
    for _ in 0..30 {
        town.apply(table.clone()).await;
        assert_eq!(
            town.get("/", "u").await.body,
            "candidate",
            "renewed by the same generation"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    town.reported("without weight", |report| report.weight == percent(0))
        .await;
    assert_eq!(town.get("/", "u").await.body, "stable");
    let journal = town.journal().await;
    assert_eq!(journal.len(), 1);
    assert_eq!(
        journal[0].event,
        JournalEvent::LeaseExpired {
            lease: Span(150),
            weight: percent(100)
        }
    );
    table.lease = Span::minutes(1);
    for (generation, journal_seen, weight) in [(2, 0, 0), (3, 0, 0), (4, 1, 100)] {
        table.generation = generation;
        table.routes[0].candidate.as_mut().unwrap().journal_seen = journal_seen;
        assert_eq!(
            town.apply(table.clone()).await.routes[0].weight,
            percent(weight),
            "{generation}"
        );
    }
    assert_eq!(town.get("/", "u").await.body, "candidate");
}

#[tokio::test]
async fn a_candidate_without_a_stable_arm_keeps_serving() {
    let mut town = Town::new().await;
    let mut table = town.table(2, Some(100));
    table.lease = Span(1);
    table.routes[0].stable = None;
    town.apply(table).await;
    town.restart().await;
    assert_eq!(town.get("/", "u").await.body, "candidate");
    assert_eq!(town.report().await.weight, percent(100));
    assert!(town.journal().await.is_empty());
}

#[tokio::test]
async fn a_restart_fails_static_and_raises_no_weight() {
    let mut town = Town::new().await;
    let mut table = town.table(2, Some(100));
    town.apply(table.clone()).await;
    let before = town.call(RouterCall::Report).await;
    // The lease holds: as before, with nobody else alive.
    town.restart().await;
    assert_eq!(town.get("/", "u").await.body, "candidate");
    let (RouterAnswer::Report(before), RouterAnswer::Report(after)) =
        (before, town.call(RouterCall::Report).await)
    else {
        panic!("no report");
    };
    assert_eq!(after.generation, 2);
    assert_ne!(before.incarnation, after.incarnation);
    // The lease is over: 0, before the first request.
    table.generation = 3;
    table.lease = Span(1);
    std::fs::remove_file(town.state().join("lease.json")).unwrap();
    town.restart().await;
    assert_eq!(town.get("/", "u").await.body, "stable");
    assert_eq!(
        town.journal().await[0].event,
        JournalEvent::Restarted { weight: percent(100) }
    );
    // Once said is enough, and it goes on being so.
    town.restart().await;
    assert_eq!(town.get("/", "u").await.body, "stable");
    assert_eq!(town.journal().await.len(), 1);
    table.lease = Span::minutes(1);
    assert_eq!(town.apply(table.clone()).await.routes[0].weight, percent(0));
    table.generation = 4;
    table.routes[0].candidate.as_mut().unwrap().journal_seen = 1;
    assert_eq!(town.apply(table).await.routes[0].weight, percent(100));
}

#[tokio::test]
async fn an_arm_that_leaves_finishes_and_is_reported_until_then() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(100));
    town.apply(table).await;
    let mut slow = town.connect().await;
    slow.send(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na")
        .await;
    town.reported("in flight", |report| {
        report.candidate.as_ref().is_some_and(|arm| arm.in_flight == 1)
    })
    .await;
    let table = town.table(3, None);
    let route = town.apply(table).await.routes.remove(0);
    let leaving = route.candidate.unwrap();
    assert_eq!(
        (leaving.release, leaving.in_flight, route.weight),
        (release(2), 1, percent(0))
    );
    assert_eq!(town.get("/", "u").await.body, "stable");
    assert_eq!(slow.request("bc").await.body, "abc");
    town.reported("gone", |report| report.candidate.is_none()).await;
}

#[tokio::test]
async fn becoming_stable_begins_new_counters() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(100));
    town.apply(table).await;
    town.get("/", "u").await;
    let mut table = town.table(3, None);
    table.routes[0].stable = Some(town.arm(2, &town.candidate));
    let route = town.apply(table).await.routes.remove(0);
    let stable = route.stable.unwrap();
    assert_eq!((stable.release, stable.requests), (release(2), 0));
    assert_eq!(town.get("/", "u").await.body, "candidate");
}

#[tokio::test]
async fn weights_change_under_load_and_nothing_is_lost() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(0));
    town.apply(table).await;
    let address = town.address;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut load = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let stopped = stopped.clone();
        load.spawn(async move {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let mut client = crate::town::Client {
                stream,
                bytes: Vec::new(),
            };
            let mut count = 0u32;
            while !*stopped.borrow() {
                let user = format!("user-{worker}-{}", count % 50);
                let response = if count.is_multiple_of(3) {
                    let post = format!(
                        "POST /echo HTTP/1.1\r\nhost: a\r\ncookie: sid={user}\r\ncontent-length: 3\r\n\r\nabc"
                    );
                    client.request(&post).await
                } else {
                    client.get("/", &user).await
                };
                assert_eq!(response.status, 200);
                count += 1;
            }
            count
        });
    }
    for step in 0..60u64 {
        let mut table = town.table(3 + step, Some([1, 50, 100, 10, 0][step as usize % 5]));
        table.routes[0].candidate.as_mut().unwrap().epoch = step as u32;
        town.apply(table).await;
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    stop.send(true).unwrap();
    let counts = tokio::time::timeout(DEADLINE, load.join_all()).await.unwrap();
    let report = town.report().await;
    let (stable, candidate) = (report.stable.unwrap(), report.candidate.unwrap());
    assert_eq!(
        u64::from(counts.iter().sum::<u32>()),
        stable.requests + candidate.requests
    );
    assert_eq!((stable.lost, candidate.lost, report.unrouted), (0, 0, 0));
    assert!(
        stable.requests > 100 && candidate.requests > 100,
        "{} {}",
        stable.requests,
        candidate.requests
    );
}
