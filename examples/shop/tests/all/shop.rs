//! One version of the shop as a process, and requests to it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shop::load::exchange::{Connections, Outcome};
use shop::load::visits::Visit;
use tokio::task::JoinSet;

const WAIT_LONGEST: Duration = Duration::from_secs(20);

pub struct Shop {
    process: Child,
    connections: Arc<Connections>,
    folder: tempfile::TempDir,
}

impl Shop {
    /// Carts in the database's file.
    pub fn carts(&self) -> i64 {
        let database = rusqlite::Connection::open(self.folder.path().join("shop.db")).unwrap();
        database
            .query_row("SELECT count(*) FROM carts", [], |row| row.get(0))
            .unwrap()
    }

    pub async fn start(binary: &str) -> Shop {
        let address = free_address();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(binary)
            .env("HOST", address.ip().to_string())
            .env("PORT", address.port().to_string())
            .env("SHOP_DATABASE", folder.path().join("shop.db"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let shop = Shop {
            process,
            connections: Arc::new(Connections::new(address)),
            folder,
        };
        let until = Instant::now() + WAIT_LONGEST;
        while shop.visit(&get("/healthz")).await != Some(200) {
            assert!(Instant::now() < until, "{binary} does not answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        shop
    }

    /// The status, none when no complete answer came.
    pub async fn visit(&self, visit: &Visit) -> Option<u16> {
        answer(self.connections.exchange(visit, "session=u-1").await)
    }

    /// Sends requests at the same time.
    pub fn begin(&self, visit: &Visit, count: usize) -> JoinSet<Outcome> {
        let mut running = JoinSet::new();
        for _ in 0..count {
            let (connections, visit) = (Arc::clone(&self.connections), visit.clone());
            running.spawn(async move { connections.exchange(&visit, "session=u-1").await });
        }
        running
    }

    /// The statuses of requests sent at the same time.
    pub async fn visit_at_once(&self, visit: &Visit, count: usize) -> Vec<Option<u16>> {
        self.begin(visit, count)
            .join_all()
            .await
            .into_iter()
            .map(answer)
            .collect()
    }

    pub fn terminate(&self) {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + WAIT_LONGEST;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it runs still");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

pub fn answer(outcome: Outcome) -> Option<u16> {
    match outcome {
        Outcome::Answered { status, .. } => Some(status),
        Outcome::Lost { .. } => None,
    }
}

pub fn get(path: &str) -> Visit {
    Visit {
        path: path.to_owned(),
        form: None,
    }
}

pub fn greeting(text: &str) -> Visit {
    let text: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    Visit {
        path: "/cart".to_owned(),
        form: Some(format!("article=1&greeting={text}")),
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
}
