//! Never two requests from one, never a hang: raw bytes in; what the client got and what the app saw out.

use crate::town::Town;

/// The statuses of all responses, then how the connection ended, then what the app saw.
async fn seen(bytes: &[u8]) -> String {
    let town = Town::new().await;
    let got = town.raw(bytes).await;
    let statuses: Vec<&str> = got
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|response| &response[..3])
        .collect();
    let end = if got.ends_with("(reset)") { " reset" } else { "" };
    format!(
        "{}{end} | {}",
        statuses.join(" "),
        town.stable.requests().join(", ")
    )
    .trim_end_matches(" | ")
    .to_owned()
}

#[tokio::test]
async fn what_is_not_exactly_right_is_refused_and_the_connection_closes() {
    let cases: &[(&str, &str)] = &[
        // Two lengths.
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\nabcd",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4, 4\r\n\r\nabcd",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +4\r\n\r\nabcd",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -4\r\n\r\nabcd",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x4\r\n\r\nabcd",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4 4\r\n\r\nabcd",
            "400",
        ),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length:\r\n\r\nabcd", "400"),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\nabcd",
            "400",
        ),
        // Transfer encodings.
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "400",
        ),
        // Lines.
        ("GET / HTTP/1.1\nhost: a\n\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\n\r\n", "400"),
        (
            "GET / HTTP/1.1\r\nhost: a\r\nx: 1\rGET /2 HTTP/1.1\r\n\r\n",
            "400",
        ),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n folded\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n host: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nx : 1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\n: 1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nx\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nx\0: b\r\n\r\n", "400"),
        ("\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        // Request lines.
        ("GET  / HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("GET /\tx HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("GET / x HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1 \r\nhost: a\r\n\r\n", "400"),
        ("GET /\r\nhost: a\r\n\r\n", "400"),
        ("GET / HTTP/2.0\r\nhost: a\r\n\r\n", "505"),
        ("GET x HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("GET /#x HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("G(T / HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        ("\x16\x03\x01\x02", "400"),
        ("CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n", "405"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
        // Hosts.
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost:\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n", "400"),
        ("GET http://u@a/ HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        (
            "POST / HTTP/1.1\r\nhost: a\r\nexpect: the-best\r\ncontent-length: 1\r\n\r\n",
            "417",
        ),
        // What follows a refused head is not looked at.
        (
            "GET / HTTP/1.1\r\nhost: a\r\nx\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n",
            "400",
        ),
    ];
    for (bytes, wanted) in cases {
        assert_eq!(seen(bytes.as_bytes()).await, *wanted, "{bytes:?}");
    }
}

#[tokio::test]
async fn chunks_are_read_strictly() {
    let head = "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    let long_extension = format!("3;{}\r\nabc\r\n0\r\n\r\n", "x".repeat(300));
    let long_trailer = format!("0\r\nx: {}\r\n\r\n", "x".repeat(9000));
    let cases: &[(&str, &str)] = &[
        ("3\r\nabc\r\n0\r\n\r\n", "200 | POST /echo abc"),
        (
            "3;name=value\r\nabc\r\n00\r\ntrailer: 1\r\n\r\n",
            "200 | POST /echo abc",
        ),
        (
            "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
            "200 | POST /echo 01234567890123456789",
        ),
        ("x\r\nabc\r\n0\r\n\r\n", "400"),
        ("\r\nabc\r\n0\r\n\r\n", "400"),
        (" 3\r\nabc\r\n0\r\n\r\n", "400"),
        ("3 \r\nabc\r\n0\r\n\r\n", "400"),
        ("0x3\r\nabc\r\n0\r\n\r\n", "400"),
        ("+3\r\nabc\r\n0\r\n\r\n", "400"),
        ("-1\r\nabc\r\n0\r\n\r\n", "400"),
        ("3\nabc\r\n0\r\n\r\n", "400"),
        ("3\rabc\r\n0\r\n\r\n", "400"),
        ("3\r\nabcd\r\n0\r\n\r\n", "400"),
        ("3\r\nabc\n0\r\n\r\n", "400"),
        ("3;a\nb\r\nabc\r\n0\r\n\r\n", "400"),
        ("10000000000000000\r\nabc\r\n0\r\n\r\n", "400"),
        ("0\r\nx\r\n\r\n", "400"),
        ("0\r\n x: 1\r\n\r\n", "400"),
        (&long_extension, "400"),
        (&long_trailer, "400 | POST /echo (cut)"),
    ];
    for (body, wanted) in cases {
        let bytes = format!("{head}{body}{smuggled}");
        assert_eq!(seen(bytes.as_bytes()).await, *wanted, "{body:?}");
    }
}

#[tokio::test]
async fn what_is_right_passes_once_each() {
    let close = "GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let cases: &[(&str, &str)] = &[
        ("", "200 | GET /last"),
        ("\r\n", "200 | GET /last"),
        (
            "GET /1 HTTP/1.1\r\nhost: a\r\n\r\n",
            "200 200 | GET /1, GET /last",
        ),
        (
            "POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
            "200 200 | POST /1 abc, GET /last",
        ),
        (
            "POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            "200 200 | POST /1, GET /last",
        ),
        (
            "POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 38\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: aaaa\r\n\r\n",
            "200 200 | POST /1 GET /smuggled HTTP/1.1\r\nhost: aaaa, GET /last",
        ),
        (
            "POST /1 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            "200 200 | POST /1 a, GET /last",
        ),
        (
            "HEAD /head HTTP/1.1\r\nhost: a\r\n\r\n",
            "200 200 | HEAD /head, GET /last",
        ),
        (
            "GET /204 HTTP/1.1\r\nhost: a\r\n\r\n",
            "204 200 | GET /204, GET /last",
        ),
        (
            "GET /304 HTTP/1.1\r\nhost: a\r\n\r\n",
            "304 200 | GET /304, GET /last",
        ),
        (
            "GET /chunked HTTP/1.1\r\nhost: a\r\n\r\n",
            "200 200 | GET /chunked, GET /last",
        ),
        (
            "GET /until-close HTTP/1.1\r\nhost: a\r\n\r\n",
            "200 200 | GET /until-close, GET /last",
        ),
        (
            "GET http://b:8/1?q HTTP/1.1\r\nhost: a\r\n\r\n",
            "200 200 | GET /1?q, GET /last",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n",
            "200 200 | OPTIONS *, GET /last",
        ),
        // The app's answers that can not be passed on.
        (
            "GET /nonsense HTTP/1.1\r\nhost: a\r\n\r\n",
            "502 200 | GET /nonsense, GET /last",
        ),
        (
            "GET /both HTTP/1.1\r\nhost: a\r\n\r\n",
            "502 200 | GET /both, GET /last",
        ),
        (
            "GET /101 HTTP/1.1\r\nhost: a\r\n\r\n",
            "502 200 | GET /101, GET /last",
        ),
        (
            "GET /close HTTP/1.1\r\nhost: a\r\n\r\n",
            "502 200 | GET /close, GET /last",
        ),
        ("GET /cut HTTP/1.1\r\nhost: a\r\n\r\n", "200 reset | GET /cut"),
        (
            "GET /cut-chunked HTTP/1.1\r\nhost: a\r\n\r\n",
            "200 reset | GET /cut-chunked",
        ),
        // HTTP/1.0 closes unless it asks.
        ("GET /1 HTTP/1.0\r\n\r\n", "200 | GET /1"),
        (
            "GET /1 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
            "200 200 | GET /1, GET /last",
        ),
        (
            "GET /chunked HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
            "200 | GET /chunked",
        ),
        (
            "GET /cut-chunked HTTP/1.0\r\n\r\n",
            "200 reset | GET /cut-chunked",
        ),
    ];
    for (bytes, wanted) in cases {
        let bytes = format!("{bytes}{close}");
        assert_eq!(seen(bytes.as_bytes()).await, *wanted, "{bytes:?}");
    }
}

#[tokio::test]
async fn one_byte_at_a_time_is_the_same() {
    let town = Town::new().await;
    let mut client = town.connect().await;
    client.stream.set_nodelay(true).unwrap();
    let bytes = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
                 5;x=y\r\nabcde\r\n3\r\nfgh\r\n0\r\nt: 1\r\n\r\n";
    for byte in bytes.as_bytes() {
        client.send(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.response(false).await.unwrap().body, "abcdefgh");
}

#[tokio::test]
async fn fields_of_one_connection_stay_there() {
    let town = Town::new().await;
    let mut client = town.connect().await;
    let request = "GET /hop HTTP/1.1\r\nhost: shop\r\nconnection: keep-alive, x-mine\r\nx-mine: 1\r\nx-kept: 2\r\n\
                   keep-alive: 5\r\nte: trailers\r\nproxy-connection: x\r\nupgrade: h2c\r\nhttp2-settings: x\r\n\
                   x-forwarded-for: 1.2.3.4\r\nforwarded: for=1.2.3.4\r\nx-forwarded-proto: https\r\n\
                   x-forwarded-host: evil\r\nsafeguard-arm: candidate\r\nsafeguard-tester: x\r\n\
                   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nx-request-id: 1\r\n\r\n";
    let response = client.request(request).await;
    let identity =
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nx-request-id: 1\r\n";
    assert_eq!(
        town.stable.last(),
        format!(
            "GET /hop HTTP/1.1\r\nhost: shop\r\nx-kept: 2\r\n{identity}x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\n\
         x-forwarded-host: shop\r\n\r\n"
        )
    );
    let release = crate::town::release(1);
    assert_eq!(
        response.head,
        format!(
            "HTTP/1.1 200 OK\r\nx-kept: 2\r\nsafeguard-release: {release}\r\n{identity}content-length: 0\r\n\r\n"
        )
    );
}

#[tokio::test]
async fn interim_responses_pass() {
    let town = Town::new().await;
    let mut client = town.connect().await;
    let head = "POST /late-continue HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n";
    let hints = client.request(head).await;
    assert_eq!((hints.status, hints.field("link")), (103, Some("x")));
    assert_eq!(client.response(false).await.unwrap().status, 100);
    client.send(b"abc").await;
    assert_eq!(client.response(false).await.unwrap().body, "stable");
    assert!(town.stable.last().contains("expect: 100-continue"));
}
