//! The candidate is taken down by what users see of it, with nobody else alive.

use safeguard_api::traffic::{JournalEvent, RouterAnswer, RouterCall, TripCause};
use safeguard_dataplane::INJECTED_HEADER;

use crate::town::{Town, percent, release};

/// Users come one after the other until the weight is 0, or there were too many.
async fn users_until_down(town: &mut Town, path_on_candidate: &str) -> u32 {
    let mut client = town.connect().await;
    for user in 0..2000 {
        let name = format!("user-{user}");
        let first = client.get("/", &name).await;
        if first.body == "candidate" {
            client.get(path_on_candidate, &name).await;
        }
        if user % 20 == 0 && town.report().await.weight == percent(0) {
            return user;
        }
    }
    panic!("never taken down: {:#?}", town.report().await);
}

#[tokio::test]
async fn a_failing_candidate_loses_its_users_and_the_journal_says_why() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(50));
    town.apply(table.clone()).await;
    users_until_down(&mut town, "/500").await;
    let report = town.report().await;
    assert_eq!((report.weight, report.epoch), (percent(0), 2));
    assert!(report.candidate.unwrap().first_bad_at.is_some());
    assert_eq!(town.get("/", "user-1").await.body, "stable");
    let journal = town.journal().await;
    assert_eq!(
        (journal.len(), journal[0].seq, &journal[0].release),
        (1, 1, &release(2))
    );
    assert!(matches!(
        &journal[0].event,
        JournalEvent::Tripped {
            cause: TripCause::Judge { .. } | TripCause::FailuresInARow { .. },
            ..
        }
    ));

    // A table that does not know of it raises nothing, a restart neither.
    let mut table = town.table(3, Some(50));
    assert_eq!(town.apply(table.clone()).await.routes[0].weight, percent(0));
    town.restart().await;
    assert_eq!(town.report().await.weight, percent(0));
    assert_eq!(town.get("/", "user-1").await.body, "stable");
    table.generation = 4;
    assert_eq!(town.apply(table.clone()).await.routes[0].weight, percent(0));
    // One that knows does, with a new judge.
    table.generation = 5;
    table.routes[0].candidate.as_mut().unwrap().journal_seen = 1;
    let route = town.apply(table).await.routes.remove(0);
    assert_eq!((route.weight, route.epoch), (percent(50), 1));
    users_until_down(&mut town, "/500").await;
    assert_eq!(town.journal().await.len(), 2);
}

#[tokio::test]
async fn nothing_is_held_against_a_healthy_candidate() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(50));
    town.apply(table).await;
    let mut client = town.connect().await;
    for user in 0..300 {
        client
            .get(if user % 10 == 0 { "/500" } else { "/" }, &format!("user-{user}"))
            .await;
    }
    let report = town.report().await;
    assert_eq!(report.weight, percent(50));
    let (stable, candidate) = (report.stable.unwrap(), report.candidate.unwrap());
    assert_eq!(stable.requests + candidate.requests, 300);
    assert_eq!(stable.errors + candidate.errors, 30);
    assert_eq!(stable.judged_requests + candidate.judged_requests, 300);
    assert!(candidate.p95_ms > 0.0 && candidate.p50_ms <= candidate.p95_ms);
    assert!(town.journal().await.is_empty());
}

#[tokio::test]
async fn a_candidate_that_is_judged_from_now_on_is_compared_from_now_on() {
    let mut town = Town::new().await;
    let mut table = town.table(2, Some(50));
    table.routes[0].candidate.as_mut().unwrap().judged = false;
    town.apply(table.clone()).await;
    let mut client = town.connect().await;
    for user in 0..100 {
        client.get("/", &format!("user-{user}")).await;
    }
    let report = town.report().await;
    let (stable, candidate) = (report.stable.unwrap(), report.candidate.unwrap());
    assert_eq!(candidate.sessions, 0, "nobody watches it yet");
    assert_eq!(stable.sessions, stable.requests);
    table.generation = 3;
    table.routes[0].candidate.as_mut().unwrap().judged = true;
    let report = town.apply(table).await.routes.remove(0);
    let (stable, candidate) = (report.stable.unwrap(), report.candidate.unwrap());
    assert_eq!((stable.sessions, candidate.sessions), (0, 0));
}

#[tokio::test]
async fn stable_teaches_the_judge_while_the_candidate_warms_up() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(0));
    town.apply(table).await;
    let mut client = town.connect().await;
    for user in 0..50 {
        assert_eq!(client.get("/", &format!("user-{user}")).await.body, "stable");
    }
    let report = town.report().await;
    assert_eq!(report.stable.unwrap().judged_requests, 50);
    assert_eq!(report.candidate.unwrap().judged_requests, 0);
}

#[tokio::test]
async fn observe_mode_writes_and_moves_nothing() {
    let mut town = Town::new().await;
    let mut table = town.table(2, Some(50));
    table.routes[0].candidate.as_mut().unwrap().observe = true;
    town.apply(table).await;
    let mut client = town.connect().await;
    for user in 0..400 {
        let name = format!("user-{user}");
        let path = if client.get("/", &name).await.body == "candidate" {
            "/500"
        } else {
            "/"
        };
        client.get(path, &name).await;
    }
    assert_eq!(town.report().await.weight, percent(50));
    let journal = town.journal().await;
    assert_eq!(journal.len(), 1);
    assert!(matches!(&journal[0].event, JournalEvent::WouldTrip { .. }));
}

#[tokio::test]
async fn it_is_late_when_the_control_plane_is_silent() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(50));
    town.apply(table).await;
    let end = tokio::time::Instant::now() + std::time::Duration::from_millis(1100);
    while tokio::time::Instant::now() < end {
        town.get("/", "somebody").await;
    }
    users_until_down(&mut town, "/500").await;
    assert!(town.journal().await[0].late);
    let RouterAnswer::Journal { entries } = town.call(RouterCall::Journal { after: 1, limit: 10 }).await
    else {
        panic!("no journal");
    };
    assert!(entries.is_empty());
}

#[tokio::test]
async fn injected_errors_are_the_candidates_alone_and_take_it_down() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(50));
    town.apply(table).await;
    assert_eq!(town.get("/", "user-1").await.status, 200);
    town.setup.injection.start();
    let mut client = town.connect().await;
    let mut injected = 0;
    for user in 0..2000 {
        let answer = client.get("/", &format!("user-{user}")).await;
        if answer.body == "candidate" {
            assert_eq!((answer.status, answer.field(INJECTED_HEADER)), (500, Some("500")));
            injected += 1;
        } else {
            assert_eq!((answer.status, answer.field(INJECTED_HEADER)), (200, None));
        }
        if town.report().await.weight == percent(0) {
            break;
        }
    }
    assert!((1..100).contains(&injected), "{injected}");
    assert_eq!(town.get("/", "user-1").await.status, 200);
}
