//! What goes wrong around a session: a database that ends and comes back, peers that vanish, and thousands that only sit there.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::sockopt::tcp_user_timeout;
use rustix::net::{getpeername, getsockname};
use rustix::process::{
    PidfdFlags, PidfdGetfdFlags, Resource, Rlimit, getpid, getrlimit, pidfd_getfd, pidfd_open, setrlimit,
};
use tokio::io::{AsyncReadExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::server::{ALMIGHTY_ROLE, PASSWORD, ROLE, Server, server};
use super::town::{LOGIN_PASSWORD, Town};
use super::wire::{Wire, field, query};

pub const DATABASE: &str = "postgres";
const LONGEST: Duration = Duration::from_secs(60);

/// A server that a test may end, with a proxy in front of it.
pub async fn of_its_own(settings: &'static str) -> (Server, Town) {
    let server = tokio::task::spawn_blocking(move || Server::start_with(settings))
        .await
        .unwrap();
    let port = server.address.port();
    let town = Town::in_front_of(DATABASE.to_owned(), |proxy| {
        proxy.proxy.upstream.port = port;
        proxy.proxy.limits.sessions_max = 6_000;
        ALMIGHTY_ROLE.clone_into(&mut proxy.proxy.upstream.user);
    });
    (server, town)
}

pub async fn through(town: &Town) -> Wire {
    Wire::connect(town.address, "service", LOGIN_PASSWORD, DATABASE).await
}

/// The last word of a session, whatever came before it.
pub async fn last_word(wire: &mut Wire) -> String {
    let mut last = "nothing".to_owned();
    while let Some((tag, body)) = wire.message().await {
        if tag == b'E' {
            last = format!(
                "{} {} {}",
                field(&body, b'V'),
                field(&body, b'C'),
                field(&body, b'M')
            );
        }
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_restarted_ends_its_sessions_with_a_word_and_takes_new_ones() {
    let (server, town) = of_its_own("").await;
    server.must(DATABASE, "CREATE TABLE t (a int)");
    for (signal, told) in [
        (
            "INT",
            "FATAL 57P01 terminating connection due to administrator command",
        ),
        ("QUIT", "FATAL 08006 the database closed the connection"),
    ] {
        let (mut writing, mut waiting, mut idle) =
            (through(&town).await, through(&town).await, through(&town).await);
        assert_eq!(writing.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
        assert_eq!(
            writing.ask(&query("INSERT INTO t VALUES (1)")).await,
            "C:INSERT 0 1 Z:T"
        );
        waiting.send(&query("SELECT pg_sleep(50)")).await;
        let sleeps =
            "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(50)' AND state = 'active'";
        let begun = tokio::time::Instant::now();
        while server.must(DATABASE, sleeps) != "1" {
            assert!(begun.elapsed() < LONGEST, "it does not sleep");
        }
        server.stop(signal);
        assert_eq!(last_word(&mut writing).await, told, "{signal}");
        assert_eq!(last_word(&mut waiting).await, told, "{signal}");
        assert_eq!(last_word(&mut idle).await, told, "{signal}");
        let away = Wire::connect(town.address, "service", LOGIN_PASSWORD, DATABASE);
        let away = tokio::spawn(away)
            .await
            .err()
            .map(|panic| format!("{:?}", panic.into_panic().downcast::<String>()));
        assert!(
            away.as_ref()
                .is_some_and(|told| told.contains("the database can not be reached")),
            "{away:?}"
        );
        server.start_again();
        let mut next = through(&town).await;
        assert_eq!(
            next.ask(&query("SELECT * FROM t LIMIT 1")).await,
            "T C:SELECT 0 Z:I",
            "{signal}"
        );
    }
}

/// Passes on what both say, so that the address is nobody else's; returns it.
async fn relayed(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut one, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut other = TcpStream::connect(target).await.unwrap();
                drop(copy_bidirectional(&mut one, &mut other).await);
            });
        }
    });
    address
}

/// Which timer the kernel keeps for an open socket with these ports: `02` is the one that asks whether the peer is still there.
fn timer(local: Option<u16>, remote: Option<u16>) -> Option<(String, u64)> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().skip(1).find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let port = |word: &str| u16::from_str_radix(word.rsplit(':').next().unwrap(), 16).unwrap();
        let is_asked = |wanted: Option<u16>, word| wanted.is_none_or(|wanted| wanted == port(word));
        let is_open = words[3] == "01";
        (is_open && is_asked(local, words[1]) && is_asked(remote, words[2])).then(|| {
            let (kind, ticks) = words[5].split_once(':').unwrap();
            (kind.to_owned(), u64::from_str_radix(ticks, 16).unwrap())
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernel_asks_peers_on_both_sides_whether_they_are_still_there() {
    let relay = relayed(server().address).await;
    let database = tokio::task::spawn_blocking(|| server().database(""))
        .await
        .unwrap();
    let town = Town::in_front_of(database.clone(), |proxy| proxy.proxy.upstream.port = relay.port());
    let mut wire = Wire::connect(town.address, "service", LOGIN_PASSWORD, &database).await;
    assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
    // While bytes are on their way, another timer is kept.
    let begun = tokio::time::Instant::now();
    for (side, local, remote) in [
        ("client", Some(town.address.port()), None),
        ("database", None, Some(relay.port())),
    ] {
        loop {
            let (kind, ticks) = timer(local, remote).unwrap_or_else(|| panic!("no socket to the {side}"));
            if kind == "02" {
                assert!(
                    ticks <= 60 * 100,
                    "the {side} is asked after {ticks} hundredths of a second"
                );
                break;
            }
            assert!(
                begun.elapsed() < LONGEST,
                "the {side} is never asked: timer {kind}"
            );
        }
    }
    // Somebody else's socket has no such timer.
    let other = Wire::connect(server().address, ROLE, PASSWORD, &database).await;
    let local = other.stream.local_addr().unwrap().port();
    assert_eq!(
        timer(Some(local), None).map(|(kind, _)| kind).as_deref(),
        Some("00")
    );
}

/// After how many milliseconds the kernel gives up on a peer that takes nothing, for this process's socket between these ports.
fn given_up_after(local: Option<u16>, remote: Option<u16>) -> Option<u32> {
    let own = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let numbers = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = numbers.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let port = |address: rustix::net::SocketAddrAny| {
        SocketAddr::try_from(address).ok().map(|address| address.port())
    };
    let is = |wanted: Option<u16>, found: Option<u16>| wanted.is_none() || wanted == found;
    numbers
        .filter_map(|number: i32| pidfd_getfd(&own, number, PidfdGetfdFlags::empty()).ok())
        .find_map(|socket| {
            let near = getsockname(&socket).ok().and_then(port);
            let far = getpeername(&socket).ok().flatten().and_then(port)?;
            let is_asked = is(local, near) && is(remote, Some(far));
            is_asked.then(|| tcp_user_timeout(&socket).unwrap())
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_takes_nothing_is_given_up_when_a_statement_would_be() {
    let relay = relayed(server().address).await;
    let database = tokio::task::spawn_blocking(|| server().database(""))
        .await
        .unwrap();
    for (user, expected) in [("agent", 120_000), ("service", 300_000), ("person", 0)] {
        let town = Town::in_front_of(database.clone(), |proxy| proxy.proxy.upstream.port = relay.port());
        let wire = Wire::connect(town.address, user, LOGIN_PASSWORD, &database).await;
        let client = wire.stream.local_addr().unwrap().port();
        let sides = [
            given_up_after(Some(town.address.port()), Some(client)),
            given_up_after(None, Some(relay.port())),
        ];
        assert_eq!(sides, [Some(expected); 2], "{user}");
        town.stop().await;
    }
}

/// Of a client, of the proxy's two sides: all are in this process.
const FILES_OF_A_SESSION: u64 = 3;
const FILES_OF_OTHERS: u64 = 1_000;
/// With what the client keeps, and an idle connection of the driver's.
const SESSION_KIB: u64 = 100;
const OTHERS_KIB: u64 = 150 << 10;

/// Of the database's process behind each session; half of what is free is left to others.
const PROCESS_KIB: u64 = 2 << 10;

/// As many as `--long` asks for, or this machine has files and memory for.
fn sessions() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let machine = std::fs::read_to_string("/proc/meminfo").unwrap();
    let free = machine
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))
        .unwrap();
    let free: u64 = free.split_whitespace().nth(1).unwrap().parse().unwrap();
    let wanted = if std::env::var_os("SAFEGUARD_LONG").is_some() {
        5_000
    } else {
        300
    };
    let by_files = files.saturating_sub(FILES_OF_OTHERS) / FILES_OF_A_SESSION;
    let possible = by_files.min(free / 2 / PROCESS_KIB);
    if possible < wanted {
        println!(
            "{possible} sessions instead of {wanted}: {files} files can be open, and {free} KiB are free"
        );
    }
    wanted.min(possible)
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_sessions_stay_open_and_cost_little() {
    let sessions = sessions();
    let (_server, town) = of_its_own("-c max_connections=5100 -c autovacuum=off").await;
    let before = super::pipelines::memory();
    let mut opening = JoinSet::new();
    let mut idle = Vec::new();
    for _ in 0..sessions {
        if opening.len() == 16 {
            idle.push(opening.join_next().await.unwrap().unwrap());
        }
        let address = town.address;
        opening.spawn(async move {
            let mut wire = Wire::connect(address, "service", LOGIN_PASSWORD, DATABASE).await;
            assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
            wire
        });
    }
    while let Some(wire) = opening.join_next().await {
        idle.push(wire.unwrap());
    }
    let grown = super::pipelines::memory().saturating_sub(before);
    println!("{sessions} idle sessions: {grown} KiB");
    assert!(
        grown < sessions * SESSION_KIB + OTHERS_KIB,
        "{sessions} sessions take {grown} KiB"
    );
    for wire in &mut idle {
        assert_eq!(wire.ask(&query("SELECT 2")).await, "T D C:SELECT 1 Z:I");
    }
    let mut last = idle.pop().unwrap();
    drop(idle);
    // Those that are gone make room, and the one that is left goes on.
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND backend_type = 'client backend'";
    let begun = tokio::time::Instant::now();
    loop {
        last.send(&query(count)).await;
        let mut left = String::new();
        while let Some((tag, body)) = last.message().await {
            match tag {
                b'D' => left = String::from_utf8(body[6..].to_vec()).unwrap(),
                b'Z' => break,
                _ => {}
            }
        }
        if left == "1" {
            break;
        }
        assert!(begun.elapsed() < LONGEST, "{left} sessions are left");
    }
    assert_eq!(last.ask(&query("SELECT 3")).await, "T D C:SELECT 1 Z:I");
    let mut rest = [0; 1];
    drop(town);
    assert!(matches!(
        tokio::time::timeout(LONGEST, last.stream.read(&mut rest)).await,
        Ok(Ok(0) | Err(_))
    ));
}
