//! A WebSocket and a stream of server-sent events through a rollback: they end in order, and new ones go to stable.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use super::up::{QUICK_STAGES, Up, runtime};

const ROLE: &str = "TEST_APP";

/// Not a test by itself: with the variable set, this very program is the service under test.
#[test]
fn app() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    runtime().block_on(async {
        let host = std::env::var("HOST").expect("HOST");
        let port = std::env::var("PORT").expect("PORT");
        let release = std::env::var("SAFEGUARD_RELEASE").expect("SAFEGUARD_RELEASE");
        let listener = TcpListener::bind(format!("{host}:{port}")).await.expect("bound");
        loop {
            let (stream, _) = listener.accept().await.expect("accepted");
            tokio::spawn(serve(stream, release.clone()));
        }
    });
}

async fn serve(stream: TcpStream, release: String) {
    let mut head = vec![0; 4096];
    let count = stream.peek(&mut head).await.expect("a request");
    let head = String::from_utf8_lossy(&head[..count]).to_ascii_lowercase();
    if head.starts_with("get /ws") {
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("an upgrade");
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(Message::text(release.clone())).await.is_err() {
                return;
            }
        }
        return;
    }
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line).await, Ok(count) if count > 0) {
            return;
        }
        let path = line.clone();
        while line != "\r\n" {
            line.clear();
            if !matches!(stream.read_line(&mut line).await, Ok(count) if count > 0) {
                return;
            }
        }
        if path.starts_with("GET /events") {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).await.expect("written");
            while stream
                .write_all(format!("data: {release}\n\n").as_bytes())
                .await
                .is_ok()
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            return;
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{release}",
            release.len()
        );
        stream.write_all(answer.as_bytes()).await.expect("written");
    }
}

#[test]
fn websockets_and_events_go_through_a_rollback() {
    runtime().block_on(async {
        let steps = r#"steps = [{ weight = 100, soak = "20m" }]"#;
        let quick = r#"steps = [{ weight = 50, soak = "300ms" }, { weight = 100, soak = "300ms" }]"#;
        let own = std::env::current_exe().expect("a path");
        let command = "command = [\"./shop\"]";
        let up = Up::start_with(QUICK_STAGES, |config| {
            assert!(config.contains(command));
            let config = config.replace(
                command,
                "command = [\"./app\", \"--exact\", \"live::streams::app\", \"--nocapture\"]",
            );
            ["dev", "qa", "staging", "production"]
                .into_iter()
                .fold(config, |config, name| {
                    config.replace(
                        &format!("{name} = {{ SHOP_DATABASE"),
                        &format!("{name} = {{ {ROLE} = \"1\", SHOP_DATABASE"),
                    )
                })
        })
        .await;
        let artifact = |mark: &str| {
            let folder = up.state.path().join(format!("app-{mark}"));
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::copy(&own, folder.join("app")).expect("copied");
            std::fs::write(folder.join("MARK"), mark).expect("a mark");
            folder
        };
        let first = up.release(&artifact("first"), "1.0", &[]).await;
        up.until_phase(&first, "live").await;
        let config_path = up.state.path().join("safeguard.toml");
        let config = std::fs::read_to_string(&config_path).expect("the configuration");
        std::fs::write(&config_path, config.replace(quick, steps)).expect("written");
        let applied = up.safeguard(&["policy", "apply", "--config", "safeguard.toml"]);
        assert!(
            applied.status.success(),
            "{}",
            String::from_utf8_lossy(&applied.stderr)
        );

        let second = up.release(&artifact("second"), "1.1", &[]).await;
        let address = up.production();
        up.until("the candidate serves", async || {
            (http(address).await? == second).then_some(())
        })
        .await;
        let mut socket = websocket(address).await;
        assert_eq!(say(&mut socket).await.as_deref(), Some(second.as_str()));
        let mut events = sse(address).await;
        assert_eq!(next_event(&mut events).await.as_deref(), Some(second.as_str()));

        let rolled_back = up.safeguard(&["release", "rollback", &second]);
        assert!(
            rolled_back.status.success(),
            "{}",
            String::from_utf8_lossy(&rolled_back.stderr)
        );
        // Both streams end, each event whole, and nothing hangs.
        let ended = tokio::time::timeout(Duration::from_secs(20), async {
            while say(&mut socket).await.is_some() {}
            while let Some(event) = next_event(&mut events).await {
                assert_eq!(event, second);
            }
        });
        ended.await.expect("the streams end with the rollback");
        up.until_phase(&second, "rolled_back").await;
        assert_eq!(http(address).await.as_deref(), Some(first.as_str()));
        assert_eq!(
            say(&mut websocket(address).await).await.as_deref(),
            Some(first.as_str())
        );
        assert_eq!(
            next_event(&mut sse(address).await).await.as_deref(),
            Some(first.as_str())
        );
    });
}

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

async fn websocket(address: SocketAddr) -> Socket {
    let stream = TcpStream::connect(address).await.expect("connected");
    let request = format!("ws://{address}/ws")
        .into_client_request()
        .expect("a request");
    tokio_tungstenite::client_async(request, stream)
        .await
        .expect("upgraded")
        .0
}

/// Sends a word and returns the answer; none when the socket is closed.
async fn say(socket: &mut Socket) -> Option<String> {
    socket.send(Message::text("who")).await.ok()?;
    match socket.next().await? {
        Ok(message) if message.is_text() => Some(message.into_text().ok()?.to_string()),
        Ok(_) | Err(_) => None,
    }
}

async fn sse(address: SocketAddr) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let request = format!("GET /events HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    BufReader::new(stream)
}

/// The next event's text, skipping headers and chunk lengths; none at the end.
async fn next_event(stream: &mut BufReader<TcpStream>) -> Option<String> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(text) = line.strip_prefix("data: ") {
            return Some(text.trim_end().to_owned());
        }
    }
}

async fn http(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer)
        .await
        .ok()?;
    answer.split("\r\n\r\n").nth(1).map(|body| body.trim().to_owned())
}
