//! Pipelines with a refused message among others: all that follows is as after any other error.

use std::sync::Arc;
use std::time::Duration;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use safeguard_api::Span;
use safeguard_api::config::{GuardPolicy, GuardRule, Quota, Quotas};
use safeguard_api::guard::{GuardAnswer, StatementClass};
use safeguard_dataplane::pg::Desk;
use tokio::io::AsyncReadExt as _;

use super::compared::{Compared, compared};
use super::server::{PASSWORD, ROLE, server};
use super::town::Town;
use super::wire::{Wire, bind, close, describe, execute, message, parse, query, run, sync};

const TABLES: &str =
    "CREATE TABLE t (a int); CREATE TABLE kept (a int); INSERT INTO kept SELECT generate_series(1, 10);
CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'INSERT INTO t VALUES (5) RETURNING 1'";
/// What the proxy refuses, and what fails on the server in its place, as late as a refusal does.
const REFUSED: &str = "DELETE FROM kept";
const FAILING: &str = "this fails";
/// What fails when it is bound without values, as a refusal does of what a person may let run with its values.
const FAILING_BOUND: &str = "DELETE FROM kept WHERE a = $1";
/// What returns more rows than are allowed, and what fails on the server after as many.
const TOO_MANY: &str = "SELECT g FROM generate_series(1, 72) g";
const FAILING_LATE: &str = "SELECT 1/(61 - g) FROM generate_series(1, 72) g";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_around_a_refused_message_is_committed() {
    let town = Town::new(TABLES).await;
    let add = "CREATE TEMP TABLE made (a int)";
    for refused in [
        run(REFUSED),
        [parse("s", REFUSED), bind("", "s"), execute("")].concat(),
    ] {
        let mut wire = Wire::through(&town, "agent").await;
        let pipeline = [run(add), refused, run("SELECT 1"), sync()].concat();
        assert_eq!(wire.ask(&pipeline).await, "1 2 C:CREATE TABLE E:42501 Z:I");
        assert_eq!(wire.ask(&query("SELECT * FROM made")).await, "E:42P01 Z:I");
        // The next batch is another transaction.
        let next = [
            run("SELECT 1"),
            sync(),
            run(REFUSED),
            sync(),
            run("SELECT 2"),
            sync(),
        ]
        .concat();
        wire.send(&next).await;
        assert_eq!(
            wire.heard(3).await.join(" "),
            "1 2 D C:SELECT 1 Z:I E:42501 Z:I 1 2 D C:SELECT 1 Z:I"
        );
    }
    let mut person = Wire::through(&town, "person").await;
    let measured = [
        run("INSERT INTO t VALUES (1)"),
        run("TRUNCATE kept"),
        run("INSERT INTO t VALUES (2)"),
        sync(),
    ]
    .concat();
    assert_eq!(person.ask(&measured).await, "1 2 C:INSERT 0 1 E:42501 Z:I");
    assert_eq!(town.truth("SELECT count(*) FROM t").await, "0");
}

/// One message of a random pipeline; the refused one is another on each side.
#[derive(Debug, Clone)]
enum Piece {
    Simple(&'static str),
    Run(&'static str),
    Parse(&'static str, &'static str),
    Bind(&'static str, &'static str),
    Execute(&'static str),
    Describe(u8, &'static str),
    Close(u8, &'static str),
    Sync,
    Flush,
}

const STATEMENTS: &[&str] = &[
    "SELECT 1",
    "SELECT a FROM t",
    "CREATE TEMP TABLE IF NOT EXISTS x (a int)",
    "SELECT nothing",
    "SELECT 1/0",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT a",
    "ROLLBACK TO a",
    "RELEASE a",
    "COMMIT AND CHAIN",
    "ROLLBACK AND CHAIN",
    "START TRANSACTION",
    "PREPARE q AS INSERT INTO t VALUES (2)",
    "EXECUTE q",
    "EXECUTE z",
    "DEALLOCATE q",
    "DEALLOCATE ALL",
    "SELECT 1; SELECT 2",
    "INSERT INTO t VALUES (3); SELECT 1/0",
    "INSERT INTO t VALUES (4); SELECT 1",
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t SELECT 1/0",
    "SELECT made()",
    "",
    REFUSED,
    REFUSED,
    REFUSED,
    REFUSED,
];
const NAMES: &[&str] = &["", "a", "b"];

fn piece() -> impl proptest::strategy::Strategy<Value = Piece> {
    use proptest::prelude::*;
    let sql = || proptest::sample::select(STATEMENTS);
    let name = || proptest::sample::select(NAMES);
    let kind = || proptest::sample::select(&[b'S', b'P'][..]);
    prop_oneof![
        2 => sql().prop_map(Piece::Simple),
        6 => sql().prop_map(Piece::Run),
        2 => (name(), sql()).prop_map(|(name, sql)| Piece::Parse(name, sql)),
        2 => (name(), name()).prop_map(|(portal, name)| Piece::Bind(portal, name)),
        2 => name().prop_map(Piece::Execute),
        1 => (kind(), name()).prop_map(|(kind, name)| Piece::Describe(kind, name)),
        1 => (kind(), name()).prop_map(|(kind, name)| Piece::Close(kind, name)),
        3 => Just(Piece::Sync),
        1 => Just(Piece::Flush),
    ]
}

/// What stands for [`REFUSED`] in a pipeline.
#[derive(Debug, Clone, Copy)]
struct Stand {
    proxied: &'static str,
    direct: &'static str,
}

impl Piece {
    fn bytes(&self, stand: Stand, through_proxy: bool) -> Vec<u8> {
        let sql = |sql: &'static str| match (sql == REFUSED, through_proxy) {
            (true, true) => stand.proxied,
            (true, false) => stand.direct,
            (false, _) => sql,
        };
        match self {
            Piece::Simple(text) => query(sql(text)),
            Piece::Run(text) => run(sql(text)),
            Piece::Parse(name, text) => parse(name, sql(text)),
            Piece::Bind(portal, name) => bind(portal, name),
            Piece::Execute(portal) => execute(portal),
            Piece::Describe(kind, name) => describe(*kind, name),
            Piece::Close(kind, name) => close(*kind, name),
            Piece::Sync => sync(),
            Piece::Flush => message(b'H', &[]),
        }
    }
}

const LONGEST: Duration = Duration::from_secs(20);
/// What a session ends with when it is too late to undo what came before: a simple query commits an open batch.
const COMMITTED: &str = "E:53400 the statement returned 61 rows (limit 60) and was cancelled";
/// Its answer is the end of a pipeline.
const LAST: &str = "SELECT 'the end'";

async fn outcome(wire: &mut Wire, pieces: &[Piece], stand: Stand, through_proxy: bool) -> Vec<String> {
    let mut bytes: Vec<u8> = pieces
        .iter()
        .flat_map(|piece| piece.bytes(stand, through_proxy))
        .collect();
    bytes.extend([sync(), query("ROLLBACK"), query("DISCARD ALL"), query(LAST)].concat());
    wire.send(&bytes).await;
    let mut heard: Vec<String> = Vec::new();
    loop {
        let part = tokio::time::timeout(LONGEST, wire.heard(1)).await;
        let part = part.unwrap_or_else(|_| {
            panic!("no answer after {heard:?}; through the proxy: {through_proxy}; {pieces:?}")
        });
        let is_last = part.starts_with(&["T".to_owned(), "D".to_owned(), "C:SELECT 1".to_owned()])
            && heard
                .last()
                .is_some_and(|before: &String| before.contains("DISCARD ALL"));
        let part: Vec<String> = part.into_iter().filter(|message| message != "N").collect();
        heard.push(part.join(" "));
        let is_end = heard.last().is_some_and(|last| last.ends_with("end"));
        assert!(
            !is_end || heard.iter().any(|part| part.contains(COMMITTED)),
            "through the proxy: {through_proxy}; {pieces:?}; {heard:?}"
        );
        if is_last || is_end || heard.len() > 100 {
            return heard;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_pipelines_end_as_they_do_without_the_proxy() {
    let stand = Stand {
        proxied: REFUSED,
        direct: FAILING,
    };
    pipelines_end_alike(stand, Quotas::default(), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_pipelines_with_what_is_refused_at_its_values_end_as_with_any_error() {
    let stand = Stand {
        proxied: REFUSED,
        direct: FAILING_BOUND,
    };
    let (desk, _questions) = Desk::new();
    pipelines_end_alike(stand, Quotas::default(), Some(desk)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_pipelines_with_too_many_rows_end_as_with_any_error() {
    let stand = Stand {
        proxied: TOO_MANY,
        direct: FAILING_LATE,
    };
    let person = Quota {
        statement_longest: Some(Span::seconds(60)),
        rows_returned_max: Some(60),
        ..Quota::default()
    };
    let quotas = Quotas {
        person,
        ..Quotas::default()
    };
    pipelines_end_alike(stand, quotas, None).await;
}

/// From 18 on a batch without its Sync stays open over a simple query, which ends it where the proxy measures it: there, each
/// batch has its Sync before a simple query.
const STAYS_OPEN_FROM: u32 = 180_000;

fn closed(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut closed = Vec::new();
    let mut is_open = false;
    for piece in pieces {
        match &piece {
            Piece::Simple(_) if is_open => {
                closed.push(Piece::Sync);
                is_open = false;
            }
            Piece::Simple(_) | Piece::Flush => {}
            Piece::Sync => is_open = false,
            Piece::Run(_) | Piece::Parse(..) | Piece::Bind(..) | Piece::Execute(_) => is_open = true,
            Piece::Describe(..) | Piece::Close(..) => is_open = true,
        }
        closed.push(piece);
    }
    closed
}

/// Leaves out what runs the portal without a name after a simple query. Where that query failed, PostgreSQL keeps its portal and not
/// its text, and a server past the proxy may die of it (13.23 does); the proxy knows of no such portal.
fn harmless(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut is_left = false;
    let keeps = |piece: &Piece| {
        match piece {
            Piece::Simple(_) => is_left = true,
            Piece::Run(_) | Piece::Bind("", _) | Piece::Close(b'P', "") => is_left = false,
            Piece::Execute("") | Piece::Describe(b'P', "") => return !is_left,
            Piece::Parse(..) | Piece::Bind(..) | Piece::Execute(_) | Piece::Describe(..) => {}
            Piece::Close(..) | Piece::Sync | Piece::Flush => {}
        }
        true
    };
    pieces.into_iter().filter(keeps).collect()
}

/// A database past the proxy: what there is of rows, and how it is emptied.
struct Beside {
    client: tokio_postgres::Client,
}

impl Beside {
    async fn connect(database: &str) -> Beside {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(server().address.port());
        config.user(ROLE).password(PASSWORD).dbname(database);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        Beside { client }
    }

    async fn version(&self) -> u32 {
        let row = self
            .client
            .query_one("SHOW server_version_num", &[])
            .await
            .unwrap();
        row.get::<_, &str>(0).parse().unwrap()
    }

    async fn rows(&self) -> String {
        let all = "SELECT concat((SELECT string_agg(a::text, ' ' ORDER BY a) FROM t), '; ', (SELECT count(*) FROM kept))";
        self.client.query_one(all, &[]).await.unwrap().get(0)
    }

    async fn empty(&self) {
        self.client.batch_execute("TRUNCATE t").await.unwrap();
    }
}

/// Makes every run another one; `SAFEGUARD_SEED` repeats one.
fn seed() -> u64 {
    match std::env::var("SAFEGUARD_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            u64::try_from(since.unwrap().as_nanos() % u128::from(u64::MAX)).unwrap()
        }
    }
}

async fn pipelines_end_alike(stand: Stand, quotas: Quotas, desk: Option<Desk>) {
    let town = Town::with_settings(TABLES, |settings| settings.desk = desk.map(Arc::new)).await;
    let beside = tokio::task::spawn_blocking(|| server().database(TABLES))
        .await
        .unwrap();
    let seed = seed();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.to_le_bytes(); 4].concat());
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let pieces = proptest::collection::vec(piece(), 1..14);
    let mut proxied = Wire::through(&town, "person").await;
    let mut direct = Wire::past(&beside).await;
    let (behind, beside) = (
        Beside::connect(&town.database).await,
        Beside::connect(&beside).await,
    );
    let stays_open = behind.version().await >= STAYS_OPEN_FROM;
    let policy = GuardPolicy {
        rules: vec![GuardRule {
            classes: vec![StatementClass::Delete, StatementClass::BulkWrite],
            principals: Vec::new(),
            environments: Vec::new(),
            answer: GuardAnswer::Deny,
        }],
        quotas,
        ..GuardPolicy::default()
    };
    town.set(policy, false);
    let mut not_covered = 0;
    let asked = |name| std::env::var_os(name).is_some();
    let pipelines = match (asked("SAFEGUARD_LONG"), asked("SAFEGUARD_POSTGRES_PROGRAMS")) {
        (true, false) => 100_000,
        // In front of each of the other servers that `--long` asks.
        (true, true) => 20_000,
        (false, _) => 1_000,
    };
    for number in 0..pipelines {
        let mut pieces = harmless(pieces.new_tree(&mut runner).unwrap().current());
        if stays_open {
            pieces = closed(pieces);
        }
        let told = || format!("seed {seed}, pipeline {number}: {pieces:?}");
        let expected = outcome(&mut direct, &pieces, stand, false).await;
        let found = outcome(&mut proxied, &pieces, stand, true).await;
        if found.iter().any(|part| part.contains(COMMITTED)) {
            let simple_in_batch = pieces.iter().any(|piece| matches!(piece, Piece::Simple(_)));
            assert!(simple_in_batch, "{}: {found:?}", told());
            not_covered += 1;
            proxied = Wire::through(&town, "person").await;
            behind.empty().await;
            beside.empty().await;
            continue;
        }
        // A form that is not measured is refused, and what follows is another story.
        if found.iter().any(|part| part.contains("E:0A000")) {
            not_covered += 1;
            behind.empty().await;
            beside.empty().await;
            continue;
        }
        match compared(&found, &expected) {
            Compared::Alike => {}
            Compared::NotCovered => {
                not_covered += 1;
                behind.empty().await;
                beside.empty().await;
                continue;
            }
            Compared::Otherwise => assert_eq!(found, expected, "{}", told()),
        }
        let rows = behind.rows().await;
        assert_eq!(rows, beside.rows().await, "{}", told());
        if rows.len() > ROWS_TEXT_MAX {
            behind.empty().await;
            beside.empty().await;
        }
    }
    assert!(not_covered < pipelines / 20, "{not_covered} were not covered");
    assert!(behind.rows().await.ends_with("; 10"));
}

/// Rows are compared after each pipeline, and few of them are kept.
const ROWS_TEXT_MAX: usize = 100;

/// The memory of this process, in KiB.
pub fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_waited_for_and_rows_are_not_kept() {
    let town = Town::new("").await;
    let mut wire = Wire::through(&town, "service").await;
    let before = memory();
    // 200 MB in rows of 1 MB, and one row of 300 MB.
    let sql =
        "SELECT repeat('x', 1000000) FROM generate_series(1, 200) LIMIT 200; SELECT repeat('y', 300000000)";
    wire.send(&query(sql)).await;
    let mut piece = vec![0; 64 << 10];
    let mut most = before;
    let mut read = 0_u64;
    while read < 500_000_000 {
        let count = wire.stream.read(&mut piece).await.unwrap();
        assert_ne!(count, 0);
        read += count as u64;
        if read < 1_000_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        most = most.max(memory());
    }
    let grown = most.saturating_sub(before);
    // Other tests of this process grow as well.
    assert!(grown < 150 << 10, "grew by {grown} KiB");
}
