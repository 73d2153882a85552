//! What fails on the canary is answered by stable where that can do no harm, and is held against the canary all the same.

use safeguard_api::config::{RouterLimits, TrafficSettings};
use safeguard_api::id::Digest;
use safeguard_api::time::Span;

use crate::town::{Response, Setup, Town, percent, release};

async fn town(shield: bool, weight: u8) -> Town {
    let mut town = Town::with(Setup {
        traffic: TrafficSettings {
            shield,
            ..TrafficSettings::default()
        },
        limits: RouterLimits {
            response_longest: Span(300),
            ..RouterLimits::default()
        },
        ..Setup::default()
    })
    .await;
    let table = town.table(2, Some(weight));
    town.apply(table).await;
    town
}

async fn asked(town: &Town, request: &str) -> (u16, String) {
    let response: Response = town.connect().await.request(request).await;
    let served = response.field("safeguard-release").unwrap_or("nobody").to_owned();
    (response.status, served)
}

#[tokio::test]
async fn a_failure_that_nobody_has_seen_is_answered_by_stable() {
    let mut town = town(true, 100).await;
    let stable = release(1).as_str().to_owned();
    let mut failures = 0;
    for path in ["/500", "/close", "/nonsense", "/both", "/101", "/silent"] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let request =
                format!("{method} /candidate{path} HTTP/1.1\r\nhost: a\r\ncookie: sid={path}\r\n\r\n");
            assert_eq!(asked(&town, &request).await, (200, stable.clone()), "{request}");
            failures += 1;
        }
    }
    let report = town.report().await;
    let (stable, candidate) = (report.stable.unwrap(), report.candidate.unwrap());
    assert_eq!((candidate.shielded, candidate.errors), (failures, failures));
    assert_eq!((candidate.requests, stable.requests), (failures, failures));
    // The first leg is evidence, the second is not.
    assert!(candidate.judged_requests > 0 && candidate.judged_errors > 0);
    assert_eq!(stable.judged_requests, 0);
    assert_eq!((stable.errors, stable.lost), (0, 0));
}

#[tokio::test]
async fn what_may_have_done_something_or_was_seen_is_not_sent_again() {
    let mut town = town(true, 100).await;
    let candidate = release(2).as_str().to_owned();
    for (request, status) in [
        (
            "POST /candidate/500 HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            500,
        ),
        (
            "PUT /candidate/500 HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            500,
        ),
        ("DELETE /candidate/500 HTTP/1.1\r\nhost: a\r\n\r\n", 500),
        (
            "GET /candidate/500 HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx",
            500,
        ),
        ("GET /candidate/400 HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    ] {
        assert_eq!(
            asked(&town, request).await,
            (status, candidate.clone()),
            "{request}"
        );
    }
    let cut = town.raw(b"GET /candidate/cut HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(
        cut.starts_with("HTTP/1.1 200") && cut.ends_with("abc(reset)"),
        "{cut}"
    );
    // A tester wants to see what the candidate does.
    let mut table = town.table(3, Some(100));
    table.routes[0].testers = vec![Digest::of(b"let me")];
    town.apply(table).await;
    let tester = "GET /candidate/500 HTTP/1.1\r\nhost: a\r\nsafeguard-arm: candidate\r\nsafeguard-tester: let me\r\n\r\n";
    assert_eq!(asked(&town, tester).await, (500, candidate));
    let report = town.report().await;
    assert_eq!(report.candidate.unwrap().shielded, 0);
    assert_eq!(report.stable.unwrap().requests, 0);
}

#[tokio::test]
async fn without_the_shield_users_see_what_fails() {
    let mut town = town(false, 100).await;
    assert_eq!(town.get("/candidate/500", "kim").await.status, 500);
    assert_eq!(town.report().await.candidate.unwrap().shielded, 0);
}

#[tokio::test]
async fn a_shielded_candidate_is_taken_down_though_no_user_saw_a_failure() {
    let mut town = town(true, 50).await;
    let mut client = town.connect().await;
    for user in 0..2000 {
        let name = format!("user-{user}");
        for path in ["/", "/candidate/500"] {
            assert_eq!(client.get(path, &name).await.status, 200);
        }
        if user % 20 == 0 && town.report().await.weight == percent(0) {
            assert_eq!(town.journal().await.len(), 1);
            return;
        }
    }
    panic!("never taken down: {:#?}", town.report().await);
}
