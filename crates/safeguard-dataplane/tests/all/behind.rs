//! HTTP/2 without TLS behind the router: the same answers, the same evidence, few connections.

use safeguard_api::config::{RouterLimits, TrafficSettings, UpstreamProtocol};
use safeguard_api::time::Span;
use tokio::task::JoinSet;

use crate::town::{Client, Setup, Town, release};

async fn town(traffic: TrafficSettings) -> Town {
    Town::with(Setup {
        traffic: TrafficSettings {
            upstream: UpstreamProtocol::H2c,
            ..traffic
        },
        limits: RouterLimits {
            response_longest: Span(500),
            ..RouterLimits::default()
        },
        ..Setup::default()
    })
    .await
}

async fn get(client: &mut Client, path: &str) -> (u16, String) {
    let response = client.get(path, "ann").await;
    (response.status, response.body)
}

#[tokio::test]
async fn requests_and_responses_come_across_whole() {
    let town = town(TrafficSettings::default()).await;
    let mut client = town.connect().await;
    assert_eq!(get(&mut client, "/").await, (200, "stable".to_owned()));
    assert_eq!(get(&mut client, "/500").await, (500, "broken".to_owned()));
    assert_eq!(get(&mut client, "/204").await, (204, String::new()));
    assert_eq!(get(&mut client, "/unsized").await, (200, "x".repeat(100_000)));
    let cookies = client.get("/cookies", "ann").await;
    assert!(cookies.fields("set-cookie").contains(&"b=2"), "{}", cookies.head);
    let to_head = client.request("HEAD / HTTP/1.1\r\nhost: shop\r\n\r\n").await;
    assert_eq!(to_head.field("content-length"), Some("6"));
    let chunked = "POST /echo?a=b HTTP/1.1\r\nhost: shop.example\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\
                   connection: x-mine\r\nx-mine: 1\r\nx-kept: 2\r\n\r\n";
    client.send(chunked.as_bytes()).await;
    assert_eq!(client.response(false).await.unwrap().status, 100);
    client.send(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await;
    assert_eq!(client.response(false).await.unwrap().body, "abcde");
    let seen = town.stable.last();
    for field in [
        "POST /echo?a=b ",
        "authority: shop.example\r\n",
        "x-kept: 2\r\n",
        "x-forwarded-for: 127.0.0.1\r\n",
    ] {
        assert!(seen.contains(field), "{field} of {seen}");
    }
    for field in ["x-mine", "expect", "transfer-encoding", "connection", "\r\nhost"] {
        assert!(!seen.contains(field), "{field} in {seen}");
    }
    let large = "y".repeat(300_000);
    let post = format!(
        "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{large}",
        large.len()
    );
    assert_eq!(client.request(&post).await.body, large);
}

#[tokio::test]
async fn what_fails_on_the_way_is_told_as_with_http_1() {
    let mut town = town(TrafficSettings::default()).await;
    let status = async |path: &str| town.get(path, "ann").await.status;
    assert_eq!(status("/reset").await, 502);
    assert_eq!(status("/silent").await, 504);
    let cut = town.raw(b"GET /cut HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(
        cut.contains("3\r\nabc\r\n") && !cut.contains("0\r\n\r\n"),
        "{cut}"
    );
    let web_socket = "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
                      sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    assert_eq!(town.connect().await.request(web_socket).await.status, 501);
    let early = format!(
        "POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 900000\r\n\r\n{}",
        "z".repeat(1000)
    );
    assert_eq!(town.connect().await.request(&early).await.status, 409);
    let report = town.report().await.stable.unwrap();
    assert_eq!(report.errors, 4, "{report:#?}");
}

#[tokio::test]
async fn a_connection_that_ends_is_opened_anew_and_nothing_is_lost() {
    let mut town = town(TrafficSettings::default()).await;
    for _ in 0..3 {
        // The instance says that it takes no more, and answers this one.
        assert_eq!(town.get("/last", "ann").await.status, 200);
        assert_eq!(town.get("/", "ann").await.status, 200);
    }
    // It hangs up: an idle connection that is gone is noticed only by using it.
    assert_eq!(town.get("/hang-up", "ann").await.status, 502);
    assert_eq!(town.get("/", "ann").await.status, 200);
    let report = town.report().await.stable.unwrap();
    assert_eq!(report.errors, 1, "{report:#?}");
}

#[tokio::test]
async fn more_requests_at_once_than_one_connection_takes_are_served() {
    let town = town(TrafficSettings::default()).await;
    let mut clients = JoinSet::new();
    for number in 0..60 {
        let mut client = town.connect().await;
        clients.spawn(async move { client.get("/unsized", &number.to_string()).await.body.len() });
    }
    while let Some(length) = clients.join_next().await {
        assert_eq!(length.unwrap(), 100_000);
    }
}

#[tokio::test]
async fn the_shield_works_as_with_http_1() {
    let mut town = town(TrafficSettings {
        shield: true,
        ..TrafficSettings::default()
    })
    .await;
    let table = town.table(2, Some(100));
    town.apply(table).await;
    let good = town.get("/", "ann").await;
    assert_eq!(good.body, "candidate");
    let failed = town.get("/candidate/reset", "ann").await;
    assert_eq!(
        (failed.status, failed.field("safeguard-release")),
        (200, Some(release(1).as_str()))
    );
    let report = town.report().await.candidate.unwrap();
    assert_eq!((report.shielded, report.errors), (1, 1), "{report:#?}");
}
