//! The trace and the id of a request: the instance, the client and the reports of errors get to see the same.

use crate::town::{Response, Town};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What the app saw in the last request's field.
fn at_the_app<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    let lines = request.lines().filter_map(|line| line.split_once(": "));
    lines
        .filter(|(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .collect()
}

async fn asked(town: &Town, lines: &str) -> (String, Response) {
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\n{lines}\r\n");
    let response = town.connect().await.request(&request).await;
    (town.stable.last(), response)
}

#[tokio::test]
async fn a_trace_and_an_id_go_on() {
    let town = Town::new().await;
    let lines =
        format!("traceparent: {TRACE}\r\ntracestate: a=b\r\ntracestate: c=d\r\nX-Request-ID: abc-1\r\n");
    let (seen, response) = asked(&town, &lines).await;
    assert_eq!(at_the_app(&seen, "traceparent"), [TRACE]);
    assert_eq!(at_the_app(&seen, "tracestate"), ["a=b", "c=d"]);
    assert_eq!(at_the_app(&seen, "x-request-id"), ["abc-1"]);
    assert_eq!(response.fields("traceparent"), [TRACE]);
    assert_eq!(response.fields("x-request-id"), ["abc-1"]);
}

#[tokio::test]
async fn what_is_not_well_formed_is_replaced() {
    let town = Town::new().await;
    let long = "x".repeat(129);
    let cases = [
        String::new(),
        "traceparent: 00-0-0-01\r\ntracestate: a=b\r\nx-request-id: a b\r\n".to_owned(),
        format!(
            "traceparent: {TRACE}\r\ntraceparent: {TRACE}\r\ntracestate: a=b\r\nx-request-id: a\r\nx-request-id: a\r\n"
        ),
        format!("tracestate: a=b\r\nx-request-id: {long}\r\n"),
        "x-request-id: <script>\r\n".to_owned(),
    ];
    let mut ids = std::collections::BTreeSet::new();
    for lines in cases {
        let (seen, response) = asked(&town, &lines).await;
        let (trace, id) = (
            at_the_app(&seen, "traceparent"),
            at_the_app(&seen, "x-request-id"),
        );
        assert_eq!((trace.len(), id.len()), (1, 1), "{lines}");
        assert!(trace[0] != TRACE && trace[0].starts_with("00-") && trace[0].ends_with("-01"));
        assert_eq!(trace[0].len(), TRACE.len());
        assert_eq!(id[0].len(), 32);
        assert_eq!(at_the_app(&seen, "tracestate"), [""; 0], "{lines}");
        assert_eq!(response.fields("traceparent"), trace);
        assert_eq!(response.fields("x-request-id"), id);
        assert!(ids.insert(trace[0].to_owned()) && ids.insert(id[0].to_owned()));
    }
}

#[tokio::test]
async fn errors_name_their_request() {
    let mut town = Town::new().await;
    let mut client = town.connect().await;
    assert_eq!(town.report().await.stable.unwrap().last_bad_request, None);
    for (path, status) in [("/500", 500), ("/close", 502)] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nx-request-id: lost{status}\r\n\r\n");
        let response = client.request(&request).await;
        let id = format!("lost{status}");
        assert_eq!(
            (response.status, response.fields("x-request-id")),
            (status, vec![id.as_str()])
        );
        if status == 502 {
            assert!(
                response.body.ends_with("\nrequest: lost502\n"),
                "{}",
                response.body
            );
        }
        let report = town.report().await.stable.unwrap();
        assert_eq!(report.last_bad_request, Some(id));
    }
    // What can not be read has an id too.
    let refused = town
        .connect()
        .await
        .request("GET / HTTP/1.1\r\nno colon\r\n\r\n")
        .await;
    let id = refused.field("x-request-id").unwrap();
    assert!(refused.status == 400 && id.len() == 32 && refused.body.contains(id));
}

#[tokio::test]
async fn a_web_socket_has_them_too() {
    let town = Town::new().await;
    let mut client = town.connect().await;
    let request = "GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-request-id: ws-1\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let response = client.request(request).await;
    assert_eq!(
        (response.status, response.field("x-request-id")),
        (101, Some("ws-1"))
    );
}
