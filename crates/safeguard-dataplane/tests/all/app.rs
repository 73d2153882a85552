//! What runs behind the router.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// A small HTTP server; the path says what it does.
pub struct App {
    pub address: SocketAddr,
    /// Every request as it came, the head and the decoded body.
    pub seen: Arc<Mutex<Vec<String>>>,
    pub task: JoinHandle<()>,
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl App {
    pub async fn start(name: &'static str) -> App {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(accept(listener, name, Arc::clone(&seen)));
        App { address, seen, task }
    }

    /// Method, target and body of each request.
    pub fn requests(&self) -> Vec<String> {
        let line = |request: &String| {
            let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, "(cut)"));
            let first = head.lines().next().unwrap().strip_suffix(" HTTP/1.1").unwrap();
            format!("{first} {body}").trim_end().to_owned()
        };
        self.seen.lock().unwrap().iter().map(line).collect()
    }

    pub fn last(&self) -> String {
        self.seen.lock().unwrap().last().cloned().unwrap()
    }
}

async fn accept(listener: TcpListener, name: &'static str, seen: Arc<Mutex<Vec<String>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let seen = Arc::clone(&seen);
        connections.spawn(async move {
            serve(stream, name, seen).await;
        });
    }
}

async fn serve(mut stream: TcpStream, name: &str, seen: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let head = read_until(&mut stream, &mut bytes, b"\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let field = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines
                .filter(|(field, _)| field.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
                .next()
        };
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let path = path.split('?').next().unwrap();
        // What only the candidate does.
        let path = match path.strip_prefix("/candidate") {
            Some(rest) if name == "candidate" => rest,
            Some(_) => "/",
            None => path,
        };
        if path == "/late-continue" {
            stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
                .await
                .ok()?;
        }
        let at = {
            let mut seen = seen.lock().unwrap();
            seen.push(head.trim_end().to_owned());
            seen.len() - 1
        };
        let body = if let Some(length) = field("content-length") {
            read_exactly(&mut stream, &mut bytes, length.parse().unwrap()).await?
        } else if field("transfer-encoding").is_some() {
            let mut body = Vec::new();
            loop {
                let size = read_until(&mut stream, &mut bytes, b"\r\n").await?;
                let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim(), 16).unwrap();
                body.extend(read_exactly(&mut stream, &mut bytes, size).await?);
                read_exactly(&mut stream, &mut bytes, 2).await?;
                if size == 0 {
                    break body;
                }
            }
        } else {
            Vec::new()
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        seen.lock().unwrap()[at] = format!("{head}{body}");
        let plain = |status: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let answer = match path {
            "/500" => plain("500 Internal Server Error", "broken"),
            "/400" => plain("400 Bad Request", ""),
            "/204" => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
            "/304" => "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n".to_owned(),
            "/head" => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n".to_owned(),
            "/hop" => "HTTP/1.1 200 OK\r\nconnection: x-secret, close\r\nx-secret: 1\r\nx-kept: 2\r\nkeep-alive: timeout=1\r\nsafeguard-release: liar\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "/echo" => plain("200 OK", &body),
            "/chunked" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n".to_owned(),
            "/until-close" => "HTTP/1.1 200 OK\r\n\r\nabcde".to_owned(),
            "/cut" => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc".to_owned(),
            "/cut-chunked" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n".to_owned(),
            "/nonsense" => "nonsense\r\n\r\n".to_owned(),
            "/both" => "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            "/101" => "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n".to_owned(),
            "/close" => return None,
            "/silent" => return std::future::pending().await,
            "/half" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc").await.ok()?;
                return std::future::pending().await;
            }
            "/large" => plain("200 OK", &"x".repeat(32 << 20)),
            "/events" => return events(stream, name).await,
            "/half-event" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: a\n").await.ok()?;
                return std::future::pending().await;
            }
            "/many-events" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").await.ok()?;
                loop {
                    stream.write_all(&b"data: a\n\n".repeat(1000)).await.ok()?;
                }
            }
            "/half-frame" => return half_frame(stream, bytes, &field("sec-websocket-key")?).await,
            "/ws" => return web_socket(stream, &field("sec-websocket-key")?, name).await,
            _ => plain("200 OK", name),
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
        if path.starts_with("/cut") || path == "/until-close" {
            return None;
        }
    }
}

async fn events(mut stream: TcpStream, name: &str) -> Option<()> {
    stream
        .write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .await
        .ok()?;
    for number in 0u64.. {
        // Each event comes in two pieces, so that a cut at a piece would show.
        for piece in [format!("data: {name}\n"), format!("id: {number}\n\n")] {
            let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
            stream.write_all(chunk.as_bytes()).await.ok()?;
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
    None
}

/// Sends a half of a frame, and the rest once the client has said anything.
async fn half_frame(mut stream: TcpStream, mut bytes: Vec<u8>, key: &str) -> Option<()> {
    stream.write_all(upgraded(key).as_bytes()).await.ok()?;
    stream.write_all(&[0x82, 10, 0, 1, 2, 3]).await.ok()?;
    read_exactly(&mut stream, &mut bytes, 1).await?;
    stream.write_all(&[4, 5, 6, 7, 8, 9]).await.ok()?;
    std::future::pending().await
}

fn upgraded(key: &str) -> String {
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    )
}

async fn web_socket(mut stream: TcpStream, key: &str, name: &str) -> Option<()> {
    stream.write_all(upgraded(key).as_bytes()).await.ok()?;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if let Ok(text) = message.to_text()
            && message.is_text()
        {
            let answer = format!("{name}: {text}");
            futures_util::SinkExt::send(&mut socket, answer.into())
                .await
                .ok()?;
        }
    }
    Some(())
}

pub async fn read_until(stream: &mut TcpStream, bytes: &mut Vec<u8>, end: &[u8]) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = bytes.windows(end.len()).position(|window| window == end) {
            return Some(bytes.drain(..at + end.len()).collect());
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

pub async fn read_exactly(stream: &mut TcpStream, bytes: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while bytes.len() < length {
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(bytes.drain(..length).collect())
}
