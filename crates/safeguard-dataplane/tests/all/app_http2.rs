//! What runs behind the router and speaks HTTP/2 without TLS; the path says what it does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use safeguard_api::config::UpstreamProtocol;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::app::App;

/// Few, so that more requests at once need more connections.
pub const STREAMS_MAX: u32 = 10;

impl App {
    pub async fn speaking(upstream: UpstreamProtocol, name: &'static str) -> App {
        match upstream {
            UpstreamProtocol::Http1 => App::start(name).await,
            UpstreamProtocol::H2c => App::start_http2(name).await,
        }
    }

    async fn start_http2(name: &'static str) -> App {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, name, Arc::clone(&all)));
            }
        });
        App { address, seen, task }
    }
}

async fn serve(stream: TcpStream, name: &'static str, seen: Arc<Mutex<Vec<String>>>) {
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(STREAMS_MAX);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
        return;
    };
    let mut streams = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        if request.uri().path() == "/hang-up" {
            return;
        }
        if request.uri().path() == "/last" {
            connection.graceful_shutdown();
        }
        let seen = Arc::clone(&seen);
        streams.spawn(async move {
            // What the router makes of a stream that ends early, the test sees.
            answer(request, respond, name, seen).await.ok();
        });
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    name: &str,
    seen: Arc<Mutex<Vec<String>>>,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let mut text = format!(
        "{} {} HTTP/1.1\r\n",
        head.method,
        head.uri.path_and_query().unwrap()
    );
    text.push_str(&format!("authority: {}\r\n", head.uri.authority().unwrap()));
    for (name, value) in &head.headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    let at = {
        let mut seen = seen.lock().unwrap();
        seen.push(text.clone());
        seen.len() - 1
    };
    if head.uri.path() == "/early" {
        respond.send_response(Response::builder().status(409).body(()).unwrap(), true)?;
        return Ok(());
    }
    let mut content = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        content.extend_from_slice(&piece);
        body.flow_control().release_capacity(piece.len())?;
    }
    let content = String::from_utf8(content).unwrap();
    seen.lock().unwrap()[at] = format!("{text}\r\n{content}");
    let whole = |status: u16, body: String| {
        let response = Response::builder()
            .status(status)
            .header("content-length", body.len());
        (response.body(()).unwrap(), body)
    };
    // What only the candidate does.
    let path = match head.uri.path().strip_prefix("/candidate") {
        Some(rest) if name == "candidate" => rest,
        Some(_) => "/",
        None => head.uri.path(),
    };
    let (response, content) = match path {
        "/500" => whole(500, "broken".to_owned()),
        "/204" => (Response::builder().status(204).body(()).unwrap(), String::new()),
        "/echo" => whole(200, content),
        "/unsized" => (Response::new(()), "x".repeat(100_000)),
        "/cookies" => {
            let response = Response::builder()
                .header("set-cookie", "a=1")
                .header("set-cookie", "b=2");
            (response.body(()).unwrap(), String::new())
        }
        "/reset" => {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return Ok(());
        }
        "/cut" => {
            let mut stream = respond.send_response(Response::new(()), false)?;
            stream.send_data("abc".into(), false)?;
            // A reset overtakes what was not sent yet.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            stream.send_reset(Reason::INTERNAL_ERROR);
            return Ok(());
        }
        "/silent" => return std::future::pending().await,
        _ => whole(200, name.to_owned()),
    };
    let ends = content.is_empty();
    let mut stream = respond.send_response(response, ends)?;
    if !ends {
        stream.send_data(content.into(), false)?;
        stream.send_trailers(http::HeaderMap::new())?;
    }
    Ok(())
}
