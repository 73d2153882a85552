//! HTTP/2 in front: the same router as for HTTP/1.1, and the limits that only HTTP/2 needs.

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use safeguard_api::config::{Http2Limits, Rate, RateLimits, RouterLimits, TrafficSettings};
use safeguard_api::time::Span;
use tokio::task::JoinSet;

use crate::tls::{Certified, connect, town_with};
use crate::town::{DEADLINE, Setup, Town, percent};

pub struct Front {
    pub town: Town,
    pub certified: Certified,
    tasks: JoinSet<()>,
}

impl Front {
    pub async fn new(setup: Setup) -> Front {
        let certified = Certified::new();
        Front {
            town: town_with(&certified, setup).await,
            certified,
            tasks: JoinSet::new(),
        }
    }

    async fn client(&mut self) -> SendRequest<Bytes> {
        let stream = connect(&self.town, &[&self.certified.der], &[b"h2"])
            .await
            .unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        self.tasks.spawn(async move {
            // How it ends, the test sees at its streams.
            connection.await.ok();
        });
        client
    }
}

pub fn limited(http2: Http2Limits) -> Setup {
    Setup {
        limits: RouterLimits {
            http2,
            body_idle_longest: Span(500),
            ..RouterLimits::default()
        },
        ..Setup::default()
    }
}

fn request(method: &str, path: &str, user: &str) -> Request<()> {
    Request::builder()
        .method(method)
        .uri(format!("https://localhost{path}"))
        .header("cookie", "first=crumb")
        .header("cookie", format!("sid={user}"))
        .body(())
        .unwrap()
}

/// Sends a request with a body, if there is one, and waits for the head of its response.
async fn ask(
    client: &mut SendRequest<Bytes>,
    request: Request<()>,
    body: Option<Bytes>,
) -> Result<Response<RecvStream>, h2::Error> {
    *client = client.clone().ready().await?;
    let (response, mut stream) = client.send_request(request, body.is_none())?;
    let send = async {
        let mut body = body.unwrap_or_default();
        while !body.is_empty() {
            stream.reserve_capacity(body.len());
            let room = std::future::poll_fn(|cx| stream.poll_capacity(cx))
                .await
                .unwrap()?;
            let piece = body.split_to(room.min(body.len()));
            stream.send_data(piece, body.is_empty())?;
        }
        Ok::<(), h2::Error>(())
    };
    let answered = async { tokio::join!(send, response) };
    let (sent, response) = tokio::time::timeout(DEADLINE, answered)
        .await
        .expect("an answer in time");
    sent.and(response)
}

async fn text(response: Response<RecvStream>) -> Result<String, h2::Error> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(piece) = tokio::time::timeout(DEADLINE, body.data())
        .await
        .expect("a body in time")
    {
        let piece = piece?;
        bytes.extend_from_slice(&piece);
        body.flow_control().release_capacity(piece.len())?;
    }
    Ok(String::from_utf8(bytes).unwrap())
}

async fn get(client: &mut SendRequest<Bytes>, path: &str, user: &str) -> Result<(u16, String), h2::Error> {
    let response = ask(client, request("GET", path, user), None).await?;
    Ok((response.status().as_u16(), text(response).await?))
}

#[tokio::test]
async fn users_are_divided_counted_and_judged_as_ever() {
    let mut front = Front::new(Setup::default()).await;
    let table = front.town.table(2, Some(50));
    front.town.apply(table).await;
    let mut client = front.client().await;
    let mut arms = std::collections::BTreeMap::new();
    for round in 0..3 {
        for user in 0..40 {
            let user = format!("user-{user}");
            let (status, body) = get(&mut client, "/", &user).await.unwrap();
            assert_eq!(status, 200);
            let before = arms.insert(user, body.clone());
            assert!(round == 0 || before == Some(body), "a user stays where it is");
        }
    }
    let report = front.town.report().await;
    let (stable, candidate) = (report.stable.unwrap(), report.candidate.unwrap());
    assert!(stable.requests > 20 && candidate.requests > 20);
    assert_eq!(stable.requests + candidate.requests, 120);
    assert_eq!(stable.judged_requests + candidate.judged_requests, 120);
    let response = ask(&mut client, request("GET", "/", "user-1"), None)
        .await
        .unwrap();
    let field = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
    assert!(
        field("safeguard-release").is_some()
            && field("x-request-id").is_some()
            && field("traceparent").is_some()
    );
    assert_eq!((field("connection"), field("transfer-encoding")), (None, None));
    let seen = [front.town.stable.last(), front.town.candidate.last()].concat();
    assert!(
        seen.contains("cookie: first=crumb; sid=user-1\r\n"),
        "crumbs are one cookie again: {seen}"
    );
    assert!(seen.contains("x-forwarded-proto: https\r\n") && seen.contains("host: localhost\r\n"));
}

#[tokio::test]
async fn a_failing_candidate_is_taken_down_by_users_of_http_2() {
    let mut front = Front::new(Setup::default()).await;
    let table = front.town.table(2, Some(50));
    front.town.apply(table).await;
    let mut client = front.client().await;
    for user in 0..2000 {
        let user = format!("user-{user}");
        get(&mut client, "/", &user).await.unwrap();
        get(&mut client, "/candidate/500", &user).await.unwrap();
        if front.town.report().await.weight == percent(0) {
            return;
        }
    }
    panic!("never taken down");
}

#[tokio::test]
async fn bodies_of_every_kind_pass_both_ways() {
    let mut front = Front::new(Setup::default()).await;
    let mut client = front.client().await;
    // More than any window.
    let body = Bytes::from(vec![b'x'; 3 << 20]);
    for said in [true, false] {
        let mut request = request("POST", "/echo", "u");
        if said {
            request.headers_mut().insert("content-length", body.len().into());
        }
        let response = ask(&mut client, request, Some(body.clone())).await.unwrap();
        assert_eq!(text(response).await.unwrap().len(), body.len());
        assert_eq!(
            front.town.stable.last().contains("transfer-encoding: chunked"),
            !said
        );
    }
    assert_eq!(
        get(&mut client, "/chunked", "u").await.unwrap(),
        (200, "abcde".to_owned())
    );
    assert_eq!(
        get(&mut client, "/until-close", "u").await.unwrap(),
        (200, "abcde".to_owned())
    );
    assert_eq!(get(&mut client, "/204", "u").await.unwrap(), (204, String::new()));
    let response = ask(&mut client, request("HEAD", "/head", "u"), None)
        .await
        .unwrap();
    assert_eq!(response.headers()["content-length"], "5");
    assert!(text(response).await.unwrap().is_empty());
    // Many at once.
    let mut many = JoinSet::new();
    for user in 0..90 {
        let mut client = client.clone();
        many.spawn(async move { get(&mut client, "/", &user.to_string()).await.unwrap() });
    }
    assert!(
        many.join_all()
            .await
            .iter()
            .all(|got| *got == (200, "stable".to_owned()))
    );
}

#[tokio::test]
async fn what_is_cut_on_one_side_is_cut_on_the_other() {
    let mut front = Front::new(Setup::default()).await;
    let mut client = front.client().await;
    for path in ["/cut", "/cut-chunked"] {
        let error = get(&mut client, path, "u").await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR), "{path}");
    }
    assert_eq!(front.town.report().await.stable.unwrap().lost, 2);
    // A client that takes its request back: the instance is no longer asked, and it is no evidence.
    for path in ["/silent", "/half"] {
        client = client.ready().await.unwrap();
        let (response, mut stream) = client.send_request(request("GET", path, "u"), true).unwrap();
        front
            .town
            .reported("asked", |report| {
                report.stable.as_ref().is_some_and(|arm| arm.in_flight == 1)
            })
            .await;
        stream.send_reset(Reason::CANCEL);
        drop(response);
        let report = front
            .town
            .reported("taken back", |report| {
                report.stable.as_ref().is_some_and(|arm| arm.in_flight == 0)
            })
            .await;
        assert_eq!(report.stable.unwrap().lost, 2);
    }
    assert_eq!(
        get(&mut client, "/", "u").await.unwrap().0,
        200,
        "the connection goes on"
    );
}

#[tokio::test]
async fn a_router_that_ends_finishes_streams_and_takes_no_more() {
    let mut front = Front::new(Setup::default()).await;
    let mut client = front.client().await;
    let (response, mut stream) = client.send_request(request("POST", "/echo", "u"), false).unwrap();
    stream.send_data("ab".into(), false).unwrap();
    front
        .town
        .reported("in flight", |report| {
            report.stable.as_ref().is_some_and(|arm| arm.in_flight == 1)
        })
        .await;
    let finishes = async {
        let end = tokio::time::Instant::now() + DEADLINE;
        while get(&mut client, "/", "u").await.is_ok() {
            assert!(tokio::time::Instant::now() < end, "it still takes requests");
        }
        stream.send_data("cd".into(), true).unwrap();
        assert_eq!(text(response.await.unwrap()).await.unwrap(), "abcd");
    };
    tokio::join!(front.town.stop(), finishes);
}

#[tokio::test]
async fn events_end_between_two_events() {
    let mut front = Front::new(Setup::default()).await;
    let table = front.town.table(2, Some(100));
    front.town.apply(table).await;
    let mut client = front.client().await;
    let response = ask(&mut client, request("GET", "/events", "u"), None)
        .await
        .unwrap();
    let table = front.town.table(3, Some(0));
    front.town.apply(table).await;
    let events = text(response).await.expect("the stream ends whole");
    assert!(events.starts_with("data: candidate\nid: 0\n\n") && events.ends_with("\n\n"));
    assert_eq!(get(&mut client, "/", "u").await.unwrap().1, "stable");
}

#[tokio::test]
async fn limits_of_every_request_hold() {
    let mut front = Front::new(Setup {
        limits: RouterLimits {
            body_bytes_max: 10,
            header_bytes_max: 4000,
            headers_max: 10,
            ..RouterLimits::default()
        },
        traffic: TrafficSettings {
            rate_limits: RateLimits {
                per_address: Some(Rate {
                    requests_per_second: 0.001,
                    burst_requests: 4,
                }),
                ..RateLimits::default()
            },
            ..TrafficSettings::default()
        },
        ..Setup::default()
    })
    .await;
    let mut client = front.client().await;
    let post = |length: usize| {
        (
            request("POST", "/echo", "u"),
            Some(Bytes::from(vec![b'x'; length])),
        )
    };
    let (fits, body) = post(10);
    assert_eq!(ask(&mut client, fits, body).await.unwrap().status(), 200);
    let (long, body) = post(11);
    assert_eq!(ask(&mut client, long, body).await.unwrap().status(), 413);
    let mut large = request("GET", "/", "u");
    large.headers_mut().insert("x", "y".repeat(4000).parse().unwrap());
    assert_eq!(ask(&mut client, large, None).await.unwrap().status(), 431);
    let mut many = request("GET", "/", "u");
    for _ in 0..20 {
        many.headers_mut().append("x", "y".parse().unwrap());
    }
    assert_eq!(ask(&mut client, many, None).await.unwrap().status(), 431);
    for _ in 0..2 {
        assert_eq!(get(&mut client, "/", "u").await.unwrap().0, 200);
    }
    let refused = ask(&mut client, request("GET", "/", "u"), None).await.unwrap();
    assert!(refused.status() == 429 && refused.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn streams_at_once() {
    let mut front = Front::new(limited(Http2Limits {
        streams_max: 3,
        ..Http2Limits::default()
    }))
    .await;
    let mut client = front.client().await;
    // What the router has said of itself is known once something was answered.
    assert_eq!(get(&mut client, "/", "u").await.unwrap().0, 200);
    let mut waiting = Vec::new();
    for _ in 0..3 {
        client = client.ready().await.unwrap();
        waiting.push(client.send_request(request("GET", "/silent", "u"), true).unwrap());
    }
    front
        .town
        .reported("in flight", |report| {
            report.stable.as_ref().is_some_and(|arm| arm.in_flight == 3)
        })
        .await;
    // One more waits with the client.
    let mut fourth = Box::pin(get(&mut client, "/", "u"));
    let early = tokio::time::timeout(std::time::Duration::from_millis(200), &mut fourth).await;
    assert!(early.is_err() && front.town.stable.requests().len() == 4);
    waiting.pop().unwrap().1.send_reset(Reason::CANCEL);
    assert_eq!(fourth.await.unwrap().0, 200);
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_only_so_much() {
    let mut front = Front::new(limited(Http2Limits::default())).await;
    let mut client = front.client().await;
    let response = ask(&mut client, request("GET", "/large", "u"), None)
        .await
        .unwrap();
    front
        .town
        .reported("given up", |report| {
            report.stable.as_ref().is_some_and(|arm| arm.in_flight == 0)
        })
        .await;
    assert!(text(response).await.is_err(), "it was cut");
}

#[tokio::test]
async fn an_instance_that_does_not_read_gets_only_so_much() {
    let mut front = Front::new(limited(Http2Limits {
        stream_buffer_bytes_max: 65_535,
        connection_buffer_bytes_max: 100_000,
        ..Http2Limits::default()
    }))
    .await;
    // The instance's kernel takes some megabytes; whatever it does not take stays with the client.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut table = front.town.table(2, None);
    table.routes[0].stable.as_mut().unwrap().endpoints[0].address = listener.local_addr().unwrap();
    front.town.apply(table).await;
    let mut client = front.client().await;
    let (_response, mut stream) = client.send_request(request("POST", "/", "u"), false).unwrap();
    let (_instance, _) = tokio::time::timeout(DEADLINE, listener.accept())
        .await
        .unwrap()
        .unwrap();
    let mut sent = 0;
    loop {
        stream.reserve_capacity(1 << 20);
        let room = std::future::poll_fn(|cx| stream.poll_capacity(cx));
        // Refused when the instance has taken nothing for so long, or no room came.
        let Ok(Some(Ok(room))) = tokio::time::timeout(std::time::Duration::from_secs(2), room).await else {
            break;
        };
        if stream.send_data(vec![0; room].into(), false).is_err() {
            break;
        }
        sent += room;
        assert!(sent < 64 << 20, "without an end");
    }
    assert!(sent > 0);
}

#[tokio::test]
async fn curl_speaks_http_2() {
    let front = Front::new(Setup::default()).await;
    let output = tokio::process::Command::new("curl")
        .args(["--silent", "--http2", "--cacert"])
        .arg(&front.certified.files.certificate)
        .args([
            "--resolve",
            &format!("localhost:{}:127.0.0.1", front.town.address.port()),
        ])
        .args(["--data", "hello", "--write-out", " %{http_version} %{http_code}"])
        .arg(format!("https://localhost:{}/echo", front.town.address.port()))
        .output();
    let output = tokio::time::timeout(DEADLINE, output)
        .await
        .unwrap()
        .expect("curl is installed");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello 2 200");
}
