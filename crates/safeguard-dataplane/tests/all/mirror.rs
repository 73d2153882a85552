//! Copies for the candidate: they are thrown away, count for nothing, and nobody waits for them.

use safeguard_api::config::{RouterLimits, TrafficSettings};
use safeguard_api::time::Span;

use crate::town::{DEADLINE, Setup, Town, percent};

async fn town(share: u8, weight: u8) -> Town {
    let mut town = Town::with(Setup {
        traffic: TrafficSettings {
            mirror: percent(share),
            ..TrafficSettings::default()
        },
        limits: RouterLimits {
            response_longest: Span(500),
            ..RouterLimits::default()
        },
        ..Setup::default()
    })
    .await;
    let table = town.table(2, Some(weight));
    town.apply(table).await;
    town
}

#[tokio::test]
async fn a_share_is_copied_and_counts_for_nothing() {
    let mut town = town(25, 0).await;
    let mut client = town.connect().await;
    for user in 0..40 {
        assert_eq!(
            client.get("/candidate/500", &format!("user-{user}")).await.status,
            200
        );
    }
    let report = town
        .reported("copied", |report| {
            report
                .candidate
                .as_ref()
                .is_some_and(|arm| arm.mirrored_errors == 10)
        })
        .await;
    let candidate = report.candidate.unwrap();
    assert_eq!((candidate.mirrored, candidate.mirror_skipped), (10, 0));
    assert_eq!(
        (candidate.requests, candidate.errors, candidate.judged_requests),
        (0, 0, 0)
    );
    assert_eq!(report.stable.unwrap().requests, 40);
    assert!(town.journal().await.is_empty());
    let copy = town.candidate.last();
    assert!(
        copy.contains("safeguard-mirror: 1\r\n") && copy.contains("cookie: sid=user-"),
        "{copy}"
    );
    assert!(!town.stable.last().contains("safeguard-mirror"));
}

#[tokio::test]
async fn only_safe_requests_of_stables_users_are_copied() {
    let mut town = town(100, 50).await;
    let mut client = town.connect().await;
    for user in 0..50 {
        client.get("/", &format!("user-{user}")).await;
        let post = format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\ncookie: sid=user-{user}\r\nsafeguard-mirror: 1\r\ncontent-length: 1\r\n\r\nx"
        );
        assert_eq!(client.request(&post).await.status, 200);
    }
    let report = town
        .reported("copied", |report| {
            let (stable, candidate) = (
                report.stable.as_ref().unwrap(),
                report.candidate.as_ref().unwrap(),
            );
            candidate.mirrored == stable.requests / 2
        })
        .await;
    assert_eq!(report.candidate.unwrap().mirrored_errors, 0);
    let copied = |request: &String| request.contains("safeguard-mirror");
    let seen = town.candidate.seen.lock().unwrap().clone();
    assert!(
        seen.iter()
            .filter(|request| copied(request))
            .all(|request| request.starts_with("GET "))
    );
    assert!(
        !town.stable.seen.lock().unwrap().iter().any(copied),
        "a client can not mark its own"
    );
}

#[tokio::test]
async fn a_candidate_that_hangs_or_is_gone_holds_nobody_up() {
    let mut town = town(100, 0).await;
    let mut client = town.connect().await;
    // More than can wait or be under way.
    let asked = async {
        for user in 0..300 {
            assert_eq!(
                client
                    .get("/candidate/silent", &format!("user-{user}"))
                    .await
                    .status,
                200
            );
        }
    };
    tokio::time::timeout(DEADLINE, asked)
        .await
        .expect("nobody waits for copies");
    let report = town
        .reported("some left out", |report| {
            report
                .candidate
                .as_ref()
                .is_some_and(|arm| arm.mirror_skipped > 0 && arm.mirrored > 0)
        })
        .await;
    assert_eq!(report.stable.unwrap().errors, 0);
    let mut table = town.table(3, Some(0));
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    table.routes[0].candidate.as_mut().unwrap().arm.endpoints[0].address = gone;
    town.apply(table).await;
    let before = town.report().await.candidate.unwrap().mirrored_errors;
    assert_eq!(client.get("/", "user").await.status, 200);
    town.reported("refused", |report| {
        report
            .candidate
            .as_ref()
            .is_some_and(|arm| arm.mirrored_errors > before && arm.errors == 0)
    })
    .await;
}
