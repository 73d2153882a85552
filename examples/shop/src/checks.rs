//! What the shop's pipeline runs before it releases: tests of one version, the same load on it and on the one before, and
//! a count of what must hold in the data afterwards. Each becomes a report that safeguard takes as evidence.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;
use rusqlite::{Connection, OpenFlags};
use safeguard_api::Timestamp;
use safeguard_api::evidence::{
    Facts, InvariantCheck, Invariants, Load, LoadSeries, PLAIN_REPORT_API, PlainReport, Tool,
};

use crate::load::exchange::{Connections, Outcome};
use crate::load::visits::Visit;

const START_LONGEST: Duration = Duration::from_secs(20);
/// Requests of the load on each version, in short rounds that take turns, so that a busy moment of the machine meets both.
const ROUNDS: usize = 30;
const ROUND_REQUESTS: usize = 60;
/// Requests on their way at the same time.
const CONCURRENT: usize = 16;
/// Visitors whose orders are counted.
const BUYERS: usize = 20;
/// The longest answer that is told from a longer one.
const MICROS_MAX: u64 = 60_000_000;

pub struct Options {
    /// The version that is live.
    pub base: PathBuf,
    /// The version to be released.
    pub head: PathBuf,
    /// Where the reports go.
    pub out: PathBuf,
}

/// Runs everything, and writes `tests.xml`, `invariants.json`, `load-base.json` and `load-head.json`.
///
/// # Errors
/// A version does not start, or a report can not be written.
pub fn run(options: &Options) -> anyhow::Result<()> {
    std::fs::create_dir_all(&options.out)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (base, head) = (
            Shop::start(&options.base).await?,
            Shop::start(&options.head).await?,
        );
        let tests = head.tests().await;
        std::fs::write(options.out.join("tests.xml"), junit(&tests))?;
        let (mut at_base, mut at_head) = (Run::new()?, Run::new()?);
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                base.load(&mut at_base).await;
                head.load(&mut at_head).await;
            } else {
                head.load(&mut at_head).await;
                base.load(&mut at_base).await;
            }
        }
        report(&options.out.join("load-base.json"), Facts::Load(at_base.load()))?;
        report(&options.out.join("load-head.json"), Facts::Load(at_head.load()))?;
        head.buy().await;
        report(
            &options.out.join("invariants.json"),
            Facts::Invariants(head.invariants()?),
        )
    })
}

/// One version on its own, with a database of its own.
struct Shop {
    process: Child,
    connections: Arc<Connections>,
    folder: tempfile::TempDir,
}

struct Test {
    name: &'static str,
    seconds: f64,
    failure: Option<String>,
}

impl Shop {
    async fn start(binary: &Path) -> anyhow::Result<Shop> {
        let address = free_address()?;
        let folder = tempfile::tempdir()?;
        let process = Command::new(binary)
            .env("HOST", address.ip().to_string())
            .env("PORT", address.port().to_string())
            .env("SHOP_DATABASE", folder.path().join("shop.db"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run `{}`", binary.display()))?;
        let shop = Shop {
            process,
            connections: Arc::new(Connections::new(address)),
            folder,
        };
        let until = Instant::now() + START_LONGEST;
        while shop.visit("probe", &get("/healthz")).await != Some(200) {
            if until < Instant::now() {
                bail!("`{}` does not answer", binary.display());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(shop)
    }

    /// The status, none when no complete answer came.
    async fn visit(&self, visitor: &str, visit: &Visit) -> Option<u16> {
        match self
            .connections
            .exchange(visit, &format!("session={visitor}"))
            .await
        {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::Lost { .. } => None,
        }
    }

    async fn tests(&self) -> Vec<Test> {
        let table = [
            ("the catalogue is shown", get("/"), 200),
            ("a product is shown", get("/product/1"), 200),
            (
                "a product that is not there is not found",
                get("/product/999"),
                404,
            ),
            ("a cart begins empty", get("/cart"), 200),
            (
                "an article is put into the cart",
                post("/cart", "article=1&greeting=hello"),
                200,
            ),
            (
                "an article that is not there is not put into it",
                post("/cart", "article=999&greeting="),
                404,
            ),
            ("the cart becomes an order", post("/checkout", ""), 200),
            ("the order is listed", get("/orders"), 200),
            ("a page that is not there is not found", get("/no-such-page"), 404),
        ];
        let mut tests = Vec::new();
        for (name, visit, wanted) in table {
            let began = Instant::now();
            let found = self.visit("tester", &visit).await;
            let failure = (found != Some(wanted)).then(|| match found {
                Some(status) => format!("answered {status}, and {wanted} is right"),
                None => "no complete answer".to_owned(),
            });
            tests.push(Test {
                name,
                seconds: began.elapsed().as_secs_f64(),
                failure,
            });
        }
        tests
    }

    /// One round: readers, some at a time.
    async fn load(&self, run: &mut Run) {
        let began = Instant::now();
        let mut running = tokio::task::JoinSet::new();
        let mut sent = 0;
        while sent < ROUND_REQUESTS || !running.is_empty() {
            if sent < ROUND_REQUESTS && running.len() < CONCURRENT {
                let path = ["/", "/product/3", "/cart", "/product/7"][sent % 4];
                let (connections, visit) = (Arc::clone(&self.connections), get(path));
                let visitor = format!("session=reader-{}", sent % 50);
                running.spawn(async move {
                    let began = Instant::now();
                    (connections.exchange(&visit, &visitor).await, began.elapsed())
                });
                sent += 1;
                continue;
            }
            let Some(Ok((outcome, took))) = running.join_next().await else {
                continue;
            };
            run.take(&outcome, took);
        }
        run.seconds += began.elapsed().as_secs_f64();
    }

    async fn buy(&self) {
        for buyer in 0..BUYERS {
            let visitor = format!("buyer-{buyer}");
            for article in 0..=buyer % 3 {
                let form = format!("article={}&greeting=", 1 + (buyer + article) % 12);
                self.visit(&visitor, &post("/cart", &form)).await;
            }
            self.visit(&visitor, &post("/checkout", "")).await;
        }
    }

    /// Counts in the database itself, whatever the shop says of it.
    fn invariants(&self) -> anyhow::Result<Invariants> {
        let path = self.folder.path().join("shop.db");
        let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let check = |name: &str, checked: &str, violations: &str| -> anyhow::Result<InvariantCheck> {
            let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0));
            Ok(InvariantCheck {
                name: name.to_owned(),
                checked: count(checked)?.unsigned_abs(),
                violations: count(violations)?.unsigned_abs(),
            })
        };
        Ok(Invariants {
            checks: vec![
                check(
                    "every order has a price above zero and a receipt",
                    "SELECT count(*) FROM orders",
                    "SELECT count(*) FROM orders WHERE cents <= 0 OR receipt = ''",
                )?,
                check(
                    "every buyer has one order, and nothing left in the cart",
                    "SELECT count(DISTINCT session) FROM orders WHERE session LIKE 'buyer-%'",
                    "SELECT (SELECT count(*) FROM carts WHERE session LIKE 'buyer-%')
                     + (SELECT count(*) FROM (SELECT 1 FROM orders WHERE session LIKE 'buyer-%'
                        GROUP BY session HAVING count(*) <> 1))",
                )?,
                check(
                    "no article costs nothing",
                    "SELECT count(*) FROM articles",
                    "SELECT count(*) FROM articles WHERE cents <= 0",
                )?,
            ],
            migrations: Vec::new(),
        })
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What a load met, all rounds together.
struct Run {
    micros: Histogram<u64>,
    failed: u64,
    seconds: f64,
}

impl Run {
    fn new() -> anyhow::Result<Run> {
        Ok(Run {
            micros: Histogram::new_with_max(MICROS_MAX, 3)?,
            failed: 0,
            seconds: 0.0,
        })
    }

    fn take(&mut self, outcome: &Outcome, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.saturating_record(micros);
        if !matches!(outcome, Outcome::Answered { status, .. } if *status < 500) {
            self.failed += 1;
        }
    }

    fn load(&self) -> Load {
        let at = |quantile: f64| Some(self.micros.value_at_quantile(quantile) as f64 / 1000.0);
        let requests = self.micros.len();
        let series = LoadSeries {
            requests,
            failed: self.failed,
            requests_per_second: (self.seconds > 0.0).then(|| requests as f64 / self.seconds),
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
        };
        Load {
            series: [("all".to_owned(), series)].into(),
        }
    }
}

fn report(path: &Path, facts: Facts) -> anyhow::Result<()> {
    let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let report = PlainReport {
        api: PLAIN_REPORT_API.to_owned(),
        tool: Tool {
            name: "shop-checks".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        },
        produced_at: Some(Timestamp(i64::try_from(at.as_millis())?)),
        facts,
    };
    std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    Ok(())
}

fn junit(tests: &[Test]) -> String {
    let failures = tests.iter().filter(|test| test.failure.is_some()).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"shop\" tests=\"{}\" failures=\"{failures}\">\n",
        tests.len()
    );
    for test in tests {
        let (name, seconds) = (test.name, test.seconds);
        text.push_str(&format!(
            "  <testcase classname=\"shop\" name=\"{name}\" time=\"{seconds:.3}\">"
        ));
        if let Some(failure) = &test.failure {
            text.push_str(&format!("<failure message=\"{failure}\"/>"));
        }
        text.push_str("</testcase>\n");
    }
    text.push_str("</testsuite>\n");
    text
}

fn get(path: &str) -> Visit {
    Visit {
        path: path.to_owned(),
        form: None,
    }
}

fn post(path: &str, form: &str) -> Visit {
    Visit {
        path: path.to_owned(),
        form: Some(form.to_owned()),
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
