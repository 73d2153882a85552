//! A router with two releases behind it, and what a client needs to look at it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use safeguard_api::config::{JudgePolicy, RouterLimits, TlsFiles, TrafficSettings, UserKey};
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
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::app::{App, read_exactly, read_until};

pub const DEADLINE: Duration = Duration::from_secs(10);

/// A router with a stable and a candidate app. Dropping the running part is as a kill -9: nothing is tidied up.
pub struct Town {
    pub stable: App,
    pub candidate: App,
    pub address: SocketAddr,
    pub dir: tempfile::TempDir,
    listener: std::net::TcpListener,
    pub setup: Setup,
    stop: Arc<Notify>,
    router: Option<JoinHandle<Result<(), RouterError>>>,
    link: Link,
}

/// What the router is started with.
#[derive(Clone)]
pub struct Setup {
    pub limits: RouterLimits,
    pub traffic: TrafficSettings,
    pub drain_longest: Span,
    pub tls: Option<TlsFiles>,
    /// The supervisor's socket.
    pub supervisor: Option<PathBuf>,
    pub injection: Arc<Injection>,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            limits: RouterLimits::default(),
            traffic: TrafficSettings::default(),
            drain_longest: Span::seconds(10),
            tls: None,
            supervisor: None,
            injection: Arc::default(),
        }
    }
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
            stable: App::speaking(setup.traffic.upstream, "stable").await,
            candidate: App::speaking(setup.traffic.upstream, "candidate").await,
            address: listener.local_addr().unwrap(),
            link: Link::new(dir.path().join("control")),
            dir,
            listener,
            setup,
            stop: Arc::default(),
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
                tls: self.setup.tls.clone(),
            }],
            control: self.dir.path().join("control"),
            state: self.state(),
            supervisor: self.setup.supervisor.clone(),
            limits: self.setup.limits.clone(),
            drain_longest: self.setup.drain_longest.into(),
            injection: Some(Arc::clone(&self.setup.injection)),
        };
        self.router = Some(tokio::spawn(run(
            settings,
            Arc::clone(&self.stop).notified_owned(),
        )));
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

    /// Asks the router to end, as SIGTERM does, and waits until it has.
    pub async fn stop(&mut self) {
        self.stop.notify_one();
        let router = self.router.take().unwrap();
        let ended = tokio::time::timeout(DEADLINE * 2, router).await;
        ended.expect("the router ends").unwrap().unwrap();
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
