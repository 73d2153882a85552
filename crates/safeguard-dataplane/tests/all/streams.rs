//! Long-lived connections through a change of weight.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::town::{DEADLINE, Town};

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
