//! Long-lived connections through a change of weight.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use safeguard_api::time::Span;
use tokio::io::AsyncReadExt as _;

use crate::town::{Client, DEADLINE, Setup, Town};

#[tokio::test]
async fn a_web_socket_is_told_to_come_back() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(100));
    town.apply(table).await;
    let url = format!("ws://{}/ws", town.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    for text in ["hello", &"x".repeat(70_000)] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(
            socket.next().await.unwrap().unwrap().to_text().unwrap(),
            format!("candidate: {text}")
        );
    }
    let report = town.report().await.candidate.unwrap();
    assert_eq!((report.streams, report.in_flight), (1, 0));
    let table = town.table(3, Some(0));
    town.apply(table).await;
    let closed = tokio::time::timeout(DEADLINE, socket.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let Message::Close(Some(frame)) = closed else {
        panic!("{closed:?}")
    };
    assert_eq!(frame.code, CloseCode::Restart);
    assert!(
        tokio::time::timeout(DEADLINE, socket.next())
            .await
            .unwrap()
            .is_none()
    );
    town.reported("drained", |report| {
        report.candidate.as_ref().is_some_and(|arm| arm.streams == 0)
    })
    .await;
    // Coming back, it gets stable.
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    socket.send(Message::text("again")).await.unwrap();
    assert_eq!(
        socket.next().await.unwrap().unwrap().to_text().unwrap(),
        "stable: again"
    );
    assert_eq!(town.report().await.candidate.unwrap().errors, 0);
}

#[tokio::test]
async fn events_end_between_two_events() {
    let mut town = Town::new().await;
    let table = town.table(2, Some(100));
    town.apply(table).await;
    let mut client = town.connect().await;
    client.send(b"GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await;
    town.reported("streaming", |report| {
        report.candidate.as_ref().is_some_and(|arm| arm.streams == 1)
    })
    .await;
    let table = town.table(3, Some(0));
    town.apply(table).await;
    let response = client.response(false).await.expect("the stream ends whole");
    assert!(response.body.starts_with("data: candidate\nid: 0\n\n") && response.body.ends_with("\n\n"));
    assert_eq!(client.rest().await, "");
    town.reported("drained", |report| {
        report.candidate.as_ref().is_some_and(|arm| arm.streams == 0)
    })
    .await;
    let report = town.report().await.candidate.unwrap();
    assert_eq!((report.errors, report.lost), (0, 0));
}

#[tokio::test]
async fn a_client_that_leaves_a_stream_is_noticed() {
    let mut town = Town::new().await;
    let mut client = town.connect().await;
    client.send(b"GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await;
    town.reported("streaming", |report| {
        report.stable.as_ref().is_some_and(|arm| arm.streams == 1)
    })
    .await;
    drop(client);
    let report = town
        .reported("left", |report| {
            report.stable.as_ref().is_some_and(|arm| arm.streams == 0)
        })
        .await;
    assert_eq!(report.stable.unwrap().errors, 0);
}

const HALF_FRAME: &str = "GET /half-frame HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                          sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// A text frame from a client: masked, with one letter.
const CLIENT_FRAME: [u8; 7] = [0x81, 0x81, 1, 2, 3, 4, b'a' ^ 1];

/// A town whose candidate has everybody, with a client that waits for the second half of a frame.
async fn within_a_frame(drain_longest: Span) -> (Town, Client) {
    let mut town = Town::with(Setup {
        drain_longest,
        ..Setup::default()
    })
    .await;
    let table = town.table(2, Some(100));
    town.apply(table).await;
    let mut client = town.connect().await;
    assert_eq!(client.request(HALF_FRAME).await.status, 101);
    while client.bytes.len() < 6 {
        client.stream.read_buf(&mut client.bytes).await.unwrap();
    }
    let table = town.table(3, Some(0));
    town.apply(table).await;
    (town, client)
}

#[tokio::test]
async fn a_frame_is_never_split_by_the_word_to_leave() {
    let (_town, mut client) = within_a_frame(Span::seconds(10)).await;
    // More than the jitter: the word is due, and waits for the frame's end.
    let more = tokio::time::timeout(std::time::Duration::from_millis(1500), client.stream.readable()).await;
    assert!(more.is_err(), "nothing may come within a frame");
    client.send(&CLIENT_FRAME).await;
    let frame = [0x82, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let close = [0x88, 2, 0x03, 0xf4];
    let wanted = [&frame[..], &close].concat();
    let read = async {
        while client.bytes.len() < wanted.len() {
            client.stream.read_buf(&mut client.bytes).await.unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, read).await.unwrap();
    assert_eq!(client.bytes, wanted);
}

#[tokio::test]
async fn an_endless_frame_does_not_hold_up_the_drain() {
    let (mut town, mut client) = within_a_frame(Span(200)).await;
    client.rest().await;
    assert_eq!(
        client.bytes,
        [0x82, 10, 0, 1, 2, 3],
        "half a frame, and no close frame in it"
    );
    town.reported("drained", |report| {
        report.candidate.as_ref().is_some_and(|arm| arm.streams == 0)
    })
    .await;
}

#[tokio::test]
async fn an_endless_event_or_a_client_that_does_not_read_does_not_hold_up_the_drain() {
    for path in ["/half-event", "/many-events"] {
        let mut town = Town::with(Setup {
            drain_longest: Span(200),
            ..Setup::default()
        })
        .await;
        let table = town.table(2, Some(100));
        town.apply(table).await;
        let mut client = town.connect().await;
        client
            .send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes())
            .await;
        town.reported("streaming", |report| {
            report.candidate.as_ref().is_some_and(|arm| arm.streams == 1)
        })
        .await;
        filled(&client).await;
        let table = town.table(3, Some(0));
        town.apply(table).await;
        town.reported("drained", |report| {
            report.candidate.as_ref().is_some_and(|arm| arm.streams == 0)
        })
        .await;
        // It was cut, and can tell.
        assert!(client.rest().await.ends_with("(reset)"), "{path}");
    }
}

/// Waits until nothing more comes in from a client's connection that it does not read.
async fn filled(client: &Client) {
    let mut before = (0, 0);
    while before.1 < 50 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let waiting = rustix::io::ioctl_fionread(&client.stream).unwrap();
        let same = waiting > 0 && waiting == before.0;
        before = (waiting, if same { before.1 + 1 } else { 0 });
    }
}

#[tokio::test]
async fn a_router_that_ends_tells_its_streams() {
    let mut town = Town::new().await;
    let url = format!("ws://{}/ws", town.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let mut client = town.connect().await;
    client.send(b"GET /events HTTP/1.1\r\nhost: a\r\n\r\n").await;
    town.reported("streaming", |report| {
        report.stable.as_ref().is_some_and(|arm| arm.streams == 2)
    })
    .await;
    let leaves = async {
        let closed = tokio::time::timeout(DEADLINE, socket.next()).await.unwrap();
        let closed = closed.unwrap().unwrap();
        let Message::Close(Some(frame)) = closed else {
            panic!("{closed:?}")
        };
        assert_eq!(frame.code, CloseCode::Restart);
        while socket.next().await.is_some() {}
        let response = client.response(false).await.expect("the stream ends whole");
        assert!(response.body.ends_with("\n\n"));
    };
    tokio::join!(town.stop(), leaves);
}
