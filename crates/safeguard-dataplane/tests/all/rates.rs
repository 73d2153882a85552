//! How many requests a client may make, and what it gets who makes more.

use safeguard_api::config::{Rate, RateLimits, TrafficSettings};
use tokio::net::TcpSocket;

use crate::town::{Client, DEADLINE, Town, percent};

fn rate(requests_per_second: f64, burst_requests: u32) -> Option<Rate> {
    Some(Rate {
        requests_per_second,
        burst_requests,
    })
}

async fn town(per_address: Option<Rate>, per_user: Option<Rate>) -> Town {
    Town::with_traffic(TrafficSettings {
        rate_limits: RateLimits {
            per_address,
            per_user,
            ..RateLimits::default()
        },
        ..TrafficSettings::default()
    })
    .await
}

/// A client that comes from an address of its own.
async fn connect_from(town: &Town, address: &str) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    Client {
        stream: socket.connect(town.address).await.unwrap(),
        bytes: Vec::new(),
    }
}

#[tokio::test]
async fn an_address_that_asks_too_much_must_wait_and_others_need_not() {
    // One request in a thousand seconds: nothing comes back while this runs.
    let mut town = town(rate(0.001, 5), None).await;
    let table = town.table(2, Some(50));
    town.apply(table).await;
    let mut client = connect_from(&town, "127.0.0.2").await;
    for user in 0..5 {
        assert_eq!(client.get("/", &format!("user-{user}")).await.status, 200);
    }
    // On the same connection, on another one, as another user: still the same address.
    let refused = client.get("/", "user-6").await;
    let wait: u64 = refused.field("retry-after").unwrap().parse().unwrap();
    assert_eq!(refused.status, 429);
    assert!((900..=1000).contains(&wait), "{wait}");
    assert!(refused.field("x-request-id").is_some() && refused.body.contains("too many requests"));
    assert_eq!(
        client.get("/", "user-7").await.status,
        429,
        "the connection stays"
    );
    assert_eq!(
        connect_from(&town, "127.0.0.2")
            .await
            .get("/", "user-8")
            .await
            .status,
        429
    );
    assert_eq!(
        connect_from(&town, "127.0.0.3")
            .await
            .get("/", "user-9")
            .await
            .status,
        200
    );
    let report = town.report().await;
    assert_eq!(report.rate_limited, 3);
    // They are neither an arm's requests nor evidence.
    let (stable, candidate) = (report.stable.unwrap(), report.candidate.unwrap());
    assert_eq!(stable.requests + candidate.requests, 6);
    assert_eq!(stable.judged_requests + candidate.judged_requests, 6);
    assert_eq!(stable.judged_errors + candidate.judged_errors, 0);
    assert_eq!(report.weight, percent(50));
}

#[tokio::test]
async fn a_user_that_asks_too_much_must_wait_wherever_it_comes_from() {
    let town = town(None, rate(0.001, 2)).await;
    let mut client = connect_from(&town, "127.0.0.2").await;
    assert_eq!(client.get("/", "kim").await.status, 200);
    assert_eq!(
        connect_from(&town, "127.0.0.3")
            .await
            .get("/", "kim")
            .await
            .status,
        200
    );
    assert_eq!(
        connect_from(&town, "127.0.0.4")
            .await
            .get("/", "kim")
            .await
            .status,
        429
    );
    assert_eq!(client.get("/", "sam").await.status, 200);
    // Nobody knows who this is.
    for _ in 0..3 {
        let response = client.request("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert_eq!(response.status, 200);
    }
}

#[tokio::test]
async fn whoever_waits_is_served_again() {
    let town = town(rate(20.0, 1), None).await;
    let mut client = town.connect().await;
    assert_eq!(client.get("/", "kim").await.status, 200);
    let end = tokio::time::Instant::now() + DEADLINE;
    while client.get("/", "kim").await.status != 200 {
        assert!(tokio::time::Instant::now() < end);
    }
}

#[tokio::test]
async fn the_body_of_a_refused_request_is_no_request() {
    let town = town(rate(0.001, 1), None).await;
    assert_eq!(town.get("/", "kim").await.status, 200);
    let got = town
        .raw(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 36\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: aa\r\n\r\n")
        .await;
    assert!(
        got.starts_with("HTTP/1.1 429") && got.matches("HTTP/1.1").count() == 1,
        "{got}"
    );
    assert_eq!(town.stable.requests(), ["GET /"]);
}
