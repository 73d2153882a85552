//! A router with two releases behind it, and what a client needs to look at it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use safeguard_api::config::{JudgePolicy, RouterLimits, TrafficSettings, UserKey};
use safeguard_api::id::ReleaseId;
use safeguard_api::stage::{Environment, Percent};
use safeguard_api::time::Span;
use safeguard_api::traffic::{
    Arm, Candidate, Endpoint, JournalEntry, Route, RouteReport, RouterAnswer, RouterCall, RouterReport,
    TrafficTable,
};
use safeguard_dataplane::{Injection, ListenerSettings, RouterError, RouterSettings, run};
use safeguard_link::Link;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub const DEADLINE: Duration = Duration::from_secs(10);

/// A small HTTP server; the path says what it does.
pub struct App {
    pub address: SocketAddr,
    /// Every request as it came, the head and the decoded body.
    pub seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
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

async fn web_socket(mut stream: TcpStream, key: &str, name: &str) -> Option<()> {
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
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

async fn read_until(stream: &mut TcpStream, bytes: &mut Vec<u8>, end: &[u8]) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = bytes.windows(end.len()).position(|window| window == end) {
            return Some(bytes.drain(..at + end.len()).collect());
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn read_exactly(stream: &mut TcpStream, bytes: &mut Vec<u8>, length: usize) -> Option<Vec<u8>> {
    while bytes.len() < length {
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(bytes.drain(..length).collect())
}

/// A router with a stable and a candidate app. Dropping the running part is as a kill -9: nothing is tidied up.
pub struct Town {
    pub stable: App,
    pub candidate: App,
    pub address: SocketAddr,
    pub dir: tempfile::TempDir,
    listener: std::net::TcpListener,
    pub setup: Setup,
    router: Option<JoinHandle<Result<(), RouterError>>>,
    link: Link,
}

/// What the router is started with.
#[derive(Clone, Default)]
pub struct Setup {
    pub limits: RouterLimits,
    pub traffic: TrafficSettings,
    /// The supervisor's socket.
    pub supervisor: Option<PathBuf>,
    pub injection: Arc<Injection>,
}

impl Drop for Town {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn release(number: u32) -> ReleaseId {
    ReleaseId::new(1_700_000_000_000, number)
}

pub fn percent(value: u8) -> Percent {
    Percent::try_from(value).unwrap()
}

impl Town {
    /// Everybody goes to stable.
    pub async fn new() -> Town {
        Town::with(Setup::default()).await
    }

    pub async fn with_limits(limits: RouterLimits) -> Town {
        Town::with(Setup {
            limits,
            ..Setup::default()
        })
        .await
    }

    pub async fn with_traffic(traffic: TrafficSettings) -> Town {
        Town::with(Setup {
            traffic,
            ..Setup::default()
        })
        .await
    }

    pub async fn with(setup: Setup) -> Town {
        let dir = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut town = Town {
            stable: App::start("stable").await,
            candidate: App::start("candidate").await,
            address: listener.local_addr().unwrap(),
            link: Link::new(dir.path().join("control")),
            dir,
            listener,
            setup,
            router: None,
        };
        town.start().await;
        let table = town.table(1, None);
        town.apply(table).await;
        town
    }

    pub async fn start(&mut self) {
        let settings = RouterSettings {
            listeners: vec![ListenerSettings {
                name: "shop.production".to_owned(),
                socket: self.listener.try_clone().unwrap(),
                traffic: self.setup.traffic.clone(),
            }],
            control: self.dir.path().join("control"),
            state: self.state(),
            supervisor: self.setup.supervisor.clone(),
            limits: self.setup.limits.clone(),
            injection: Some(Arc::clone(&self.setup.injection)),
        };
        self.router = Some(tokio::spawn(run(settings, std::future::pending())));
        self.link = Link::new(self.dir.path().join("control"));
        let end = tokio::time::Instant::now() + DEADLINE;
        while self.try_report().await.is_none() {
            assert!(tokio::time::Instant::now() < end, "the router does not answer");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn kill(&mut self) {
        if let Some(router) = self.router.take() {
            router.abort();
        }
    }

    pub async fn restart(&mut self) {
        let router = self.router.take().unwrap();
        router.abort();
        assert!(router.await.unwrap_err().is_cancelled());
        self.start().await;
    }

    pub fn arm(&self, number: u32, app: &App) -> Arm {
        Arm {
            release: release(number),
            version: number.to_string(),
            endpoints: vec![Endpoint {
                instance: format!("shop-{number}"),
                address: app.address,
            }],
        }
    }

    /// Release 1 is stable; release 2 is the candidate with this weight, if there is one.
    pub fn table(&self, generation: u64, weight: Option<u8>) -> TrafficTable {
        TrafficTable {
            generation,
            lease: Span::minutes(10),
            routes: vec![Route {
                service: "shop".parse().unwrap(),
                environment: Environment::Production,
                user_key: UserKey {
                    cookie: Some("sid".to_owned()),
                    header: None,
                },
                stable: Some(self.arm(1, &self.stable)),
                candidate: weight.map(|weight| Candidate {
                    arm: self.arm(2, &self.candidate),
                    weight: percent(weight),
                    salt: "salt".to_owned(),
                    epoch: 1,
                    journal_seen: 0,
                    judged: true,
                    observe: false,
                    judge: JudgePolicy {
                        warm_up: Span(0),
                        ..JudgePolicy::default()
                    },
                }),
                testers: Vec::new(),
            }],
        }
    }

    pub async fn call(&mut self, call: RouterCall) -> RouterAnswer {
        self.link.call(&call, DEADLINE).await.unwrap()
    }

    pub async fn apply(&mut self, table: TrafficTable) -> RouterReport {
        match self.call(RouterCall::Apply { table }).await {
            RouterAnswer::Report(report) => report,
            other => panic!("{other:?}"),
        }
    }

    pub async fn try_report(&mut self) -> Option<RouteReport> {
        match self.link.call(&RouterCall::Report, DEADLINE).await {
            Ok(RouterAnswer::Report(mut report)) => Some(report.routes.remove(0)),
            _ => None,
        }
    }

    pub async fn report(&mut self) -> RouteReport {
        self.try_report().await.unwrap()
    }

    pub async fn journal(&mut self) -> Vec<JournalEntry> {
        match self.call(RouterCall::Journal { after: 0, limit: 100 }).await {
            RouterAnswer::Journal { entries } => entries,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the report is as wanted.
    pub async fn reported(&mut self, what: &str, wanted: impl Fn(&RouteReport) -> bool) -> RouteReport {
        let end = tokio::time::Instant::now() + DEADLINE;
        loop {
            let report = self.report().await;
            if wanted(&report) {
                return report;
            }
            assert!(tokio::time::Instant::now() < end, "never {what}: {report:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub async fn connect(&self) -> Client {
        Client {
            stream: TcpStream::connect(self.address).await.unwrap(),
            bytes: Vec::new(),
        }
    }

    /// Sends the bytes and reads until the router closes.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.rest().await
    }

    /// Gets a path as a user with a session.
    pub async fn get(&self, path: &str, user: &str) -> Response {
        self.connect().await.get(path, user).await
    }
}

/// What a client got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields(name).into_iter().next()
    }
    pub fn fields(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }
}

pub struct Client {
    pub stream: TcpStream,
    pub bytes: Vec<u8>,
}

impl Client {
    pub async fn send(&mut self, bytes: &[u8]) {
        // The router may refuse and close before everything is sent.
        self.stream.write_all(bytes).await.ok();
    }

    /// Everything until the end of the connection; `(reset)` at the end if it was reset.
    pub async fn rest(&mut self) -> String {
        let read = async {
            loop {
                match self.stream.read_buf(&mut self.bytes).await {
                    Ok(0) => return "",
                    Ok(_) => {}
                    Err(_) => return "(reset)",
                }
            }
        };
        let end = tokio::time::timeout(DEADLINE, read)
            .await
            .expect("the router closes");
        format!("{}{end}", String::from_utf8_lossy(&self.bytes))
    }

    pub async fn get(&mut self, path: &str, user: &str) -> Response {
        self.try_request(&format!(
            "GET {path} HTTP/1.1\r\nhost: shop\r\ncookie: sid={user}\r\n\r\n"
        ))
        .await
        .unwrap()
    }

    pub async fn request(&mut self, request: &str) -> Response {
        self.try_request(request).await.unwrap()
    }

    /// One request and its response, none when there is no whole one.
    pub async fn try_request(&mut self, request: &str) -> Option<Response> {
        self.send(request.as_bytes()).await;
        self.response(request.starts_with("HEAD")).await
    }

    pub async fn response(&mut self, to_head: bool) -> Option<Response> {
        let (stream, bytes) = (&mut self.stream, &mut self.bytes);
        let read = async {
            let head = read_until(stream, bytes, b"\r\n\r\n").await?;
            let mut response = Response {
                status: std::str::from_utf8(&head[9..12]).unwrap().parse().unwrap(),
                head: String::from_utf8(head).unwrap(),
                body: String::new(),
            };
            if to_head || matches!(response.status, 100..=199 | 204 | 304) {
                return Some(response);
            }
            let mut body = Vec::new();
            if let Some(length) = response.field("content-length") {
                body = read_exactly(stream, bytes, length.parse().unwrap()).await?;
            } else if response.field("transfer-encoding").is_some() {
                loop {
                    let size = read_until(stream, bytes, b"\r\n").await?;
                    let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim(), 16).unwrap();
                    body.extend(read_exactly(stream, bytes, size).await?);
                    read_exactly(stream, bytes, 2).await?;
                    if size == 0 {
                        break;
                    }
                }
            }
            response.body = String::from_utf8(body).unwrap();
            Some(response)
        };
        tokio::time::timeout(DEADLINE, read)
            .await
            .expect("an answer in time")
    }
}
