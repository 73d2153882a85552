//! Each limit of the router, and what a client gets who passes it.

use std::time::Duration;

use safeguard_api::config::RouterLimits;
use safeguard_api::time::Span;
use tokio::io::AsyncReadExt as _;

use crate::town::{DEADLINE, Town};

fn limits() -> RouterLimits {
    RouterLimits::default()
}

const SHORT: Span = Span(80);

async fn status(town: &Town, bytes: &[u8]) -> String {
    let got = town.raw(bytes).await;
    got.get(9..12).unwrap_or(&got).to_owned()
}

#[tokio::test]
async fn header_bytes() {
    let town = Town::with_limits(RouterLimits {
        header_bytes_max: 1000,
        ..limits()
    })
    .await;
    let request = |length: usize| {
        format!(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: {}\r\n\r\n",
            "y".repeat(length)
        )
    };
    let fits = 1000 - request(0).len();
    assert_eq!(status(&town, request(fits).as_bytes()).await, "200");
    assert_eq!(status(&town, request(fits + 1).as_bytes()).await, "431");
    assert_eq!(status(&town, request(100_000).as_bytes()).await, "431");
    assert_eq!(
        status(&town, format!("GET /{}", "y".repeat(1000)).as_bytes()).await,
        "431"
    );
    assert_eq!(town.stable.requests().len(), 1);
}

#[tokio::test]
async fn header_count() {
    let town = Town::with_limits(RouterLimits {
        headers_max: 10,
        ..limits()
    })
    .await;
    let request = |count: usize| {
        format!(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{}\r\n",
            "x: y\r\n".repeat(count)
        )
    };
    assert_eq!(status(&town, request(8).as_bytes()).await, "200");
    assert_eq!(status(&town, request(9).as_bytes()).await, "431");
}

#[tokio::test]
async fn body_bytes() {
    let town = Town::with_limits(RouterLimits {
        body_bytes_max: 10,
        ..limits()
    })
    .await;
    let request = |length: usize| {
        format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{}",
            "x".repeat(length)
        )
    };
    let chunked = |count: usize| {
        format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
            "5\r\nabcde\r\n".repeat(count)
        )
    };
    assert_eq!(status(&town, request(10).as_bytes()).await, "200");
    assert_eq!(status(&town, request(11).as_bytes()).await, "413");
    assert_eq!(status(&town, chunked(2).as_bytes()).await, "200");
    assert_eq!(status(&town, chunked(3).as_bytes()).await, "413");
}

#[tokio::test]
async fn header_time_and_idle_time() {
    let town = Town::with_limits(RouterLimits {
        header_longest: SHORT,
        ..limits()
    })
    .await;
    assert_eq!(status(&town, b"GET / HTTP/1.1\r\nhost").await, "408");
    // A byte now and then does not help.
    let mut client = town.connect().await;
    client.send(b"GET / HTTP/1.1\r\n").await;
    let (mut read, mut write) = client.stream.split();
    let mut got = String::new();
    let feed = async {
        loop {
            tokio::io::AsyncWriteExt::write_all(&mut write, b"x: y\r\n")
                .await
                .ok();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended = tokio::select! {
        read = read.read_to_string(&mut got) => read.is_ok() || got.starts_with("HTTP/1.1 408"),
        () = feed => false,
        () = tokio::time::sleep(DEADLINE) => false,
    };
    assert!(
        ended && (got.is_empty() || got.starts_with("HTTP/1.1 408")),
        "{got}"
    );

    let town = Town::with_limits(RouterLimits {
        idle_longest: SHORT,
        ..limits()
    })
    .await;
    assert_eq!(status(&town, b"").await, "");
    let mut client = town.connect().await;
    assert_eq!(client.get("/", "u").await.status, 200);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn body_idle_time() {
    let town = Town::with_limits(RouterLimits {
        body_idle_longest: SHORT,
        ..limits()
    })
    .await;
    // A slow client.
    assert_eq!(
        status(
            &town,
            b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc"
        )
        .await,
        "408"
    );
    assert_eq!(
        status(
            &town,
            b"POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\n"
        )
        .await,
        "408"
    );
    // A slow app: the client has a part and must be able to tell.
    let got = town.raw(b"GET /half HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(got.ends_with("abc(reset)"), "{got}");
    // A client that does not read.
    let mut client = town.connect().await;
    client.send(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut town = town;
    town.reported("given up", |report| {
        report
            .stable
            .as_ref()
            .is_some_and(|arm| arm.requests == 4 && arm.in_flight == 0)
    })
    .await;
    let report = town.report().await.stable.unwrap();
    assert_eq!(
        (report.errors, report.lost),
        (1, 1),
        "only the slow app is to blame"
    );
}

#[tokio::test]
async fn response_time() {
    let mut town = Town::with_limits(RouterLimits {
        response_longest: SHORT,
        ..limits()
    })
    .await;
    assert_eq!(town.get("/silent", "u").await.status, 504);
    // The time counts from the request's end.
    let mut client = town.connect().await;
    client
        .send(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na")
        .await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(client.request("bc").await.body, "abc");
    assert_eq!(town.report().await.stable.unwrap().lost, 1);
}

#[tokio::test]
async fn connect_time_and_refused_connections() {
    let mut town = Town::with_limits(RouterLimits {
        connect_longest: SHORT,
        ..limits()
    })
    .await;
    let mut table = town.table(2, None);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    table.routes[0].stable.as_mut().unwrap().endpoints[0].address = address;
    // A full backlog does not answer.
    socket_backlog_fills(address).await;
    town.apply(table.clone()).await;
    assert_eq!(town.get("/", "u").await.status, 504);
    drop(listener);
    assert_eq!(town.get("/", "u").await.status, 502);
    table.generation = 3;
    table.routes[0].stable = None;
    town.apply(table).await;
    assert_eq!(town.get("/", "u").await.status, 503);
    assert_eq!(town.report().await.unrouted, 1);
}

/// Connects until the kernel takes no more.
async fn socket_backlog_fills(address: std::net::SocketAddr) {
    loop {
        let connect = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(300), connect).await {
            Ok(stream) => std::mem::forget(stream.unwrap()),
            Err(_) => return,
        }
    }
}

#[tokio::test]
async fn connections() {
    let town = Town::with_limits(RouterLimits {
        connections_max: 2,
        ..limits()
    })
    .await;
    let mut first = town.connect().await;
    let mut second = town.connect().await;
    assert_eq!(first.get("/", "u").await.status, 200);
    assert_eq!(second.get("/", "u").await.status, 200);
    assert!(town.raw(b"").await.starts_with("HTTP/1.1 503"));
    drop(second);
    let end = tokio::time::Instant::now() + DEADLINE;
    while town.get("/", "u").await.status != 200 {
        assert!(tokio::time::Instant::now() < end);
    }
}

#[tokio::test]
async fn upstream_connections_are_used_again_and_grow_old() {
    let town = Town::with_limits(RouterLimits {
        upstream_idle_longest: Span(500),
        ..limits()
    })
    .await;
    let mut client = town.connect().await;
    for _ in 0..3 {
        assert_eq!(client.get("/", "u").await.body, "stable");
    }
    let open = || open_to(town.stable.address.port());
    assert_eq!(open(), 1);
    let end = tokio::time::Instant::now() + DEADLINE;
    while open() > 0 {
        assert!(tokio::time::Instant::now() < end, "an idle connection stays open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let town = Town::with_limits(RouterLimits {
        upstream_idle_max: 0,
        ..limits()
    })
    .await;
    assert_eq!(town.get("/", "u").await.status, 200);
    assert_eq!(town.get("/", "u").await.status, 200);
    assert_eq!(open_to(town.stable.address.port()), 0);
}

/// Established connections from this machine to the port.
fn open_to(port: u16) -> usize {
    let remote = format!(":{port:04X} 01 ");
    std::fs::read_to_string("/proc/net/tcp")
        .unwrap()
        .lines()
        .filter(|line| line.contains(&remote))
        .count()
}
