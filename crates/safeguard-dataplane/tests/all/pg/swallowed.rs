//! Networks that swallow packets: nothing comes any more, neither bytes nor an end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use safeguard_api::Span;
use safeguard_api::config::{GuardPolicy, Quota};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::faults::last_word;
use super::idle::for_agents;
use super::server::{ROLE, Server, server};
use super::town::{LOGIN_PASSWORD, Town};
use super::unknown::{a_second_and_no_measuring, is_unknown};
use super::wire::{Wire, query};

const ROWS: &str =
    "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ann'), (2, 'Ben')";
const UPDATE: &str = "UPDATE users SET name = 'Eve' WHERE id = 1";
/// Fails where somebody still holds the row.
const FREE: &str = "SET lock_timeout = '60s'; SELECT string_agg(name, ' ') FROM (SELECT name FROM users ORDER BY id FOR UPDATE) u";
const ALL: usize = usize::MAX;

/// Passes on what both say, and swallows the connections whose number is below a figure, the first being 0: what they carry is
/// not read, and that one end has closed is not told to the other.
async fn network(target: SocketAddr) -> (SocketAddr, watch::Sender<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (swallows, swallowed) = watch::channel(0);
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((one, _)) = listener.accept().await {
            let Ok(other) = TcpStream::connect(target).await else {
                return;
            };
            let (from_one, to_one) = one.into_split();
            let (from_other, to_other) = other.into_split();
            tokio::spawn(carry(number, from_one, to_other, swallowed.clone()));
            tokio::spawn(carry(number, from_other, to_one, swallowed.clone()));
            number += 1;
        }
    });
    (address, swallows)
}

async fn carry(
    number: usize,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut swallowed: watch::Receiver<usize>,
) {
    let mut bytes = [0; 4 << 10];
    while swallowed.wait_for(|below| number >= *below).await.is_ok() {
        let read = tokio::select! {
            biased;
            _ = swallowed.changed() => continue,
            read = from.read(&mut bytes) => read,
        };
        match read {
            Ok(count @ 1..) if to.write_all(&bytes[..count]).await.is_ok() => {}
            Ok(_) | Err(_) => return drop(to.shutdown().await),
        }
    }
    // The test is over, and holds it open until then.
}

/// A database whose role is ended by the server where nobody else ends it, as `safeguard db harden` sets it.
async fn hardened() -> String {
    let database = tokio::task::spawn_blocking(|| server().database(ROWS))
        .await
        .unwrap();
    let sql =
        format!("ALTER ROLE {ROLE} IN DATABASE {database} SET idle_in_transaction_session_timeout = '3s'");
    let altered = database.clone();
    tokio::task::spawn_blocking(move || server().must(&altered, &sql))
        .await
        .unwrap();
    database
}

async fn goes_on(wire: &mut Wire) {
    assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_not_heard_any_more_holds_nothing_for_longer_than_its_limit() {
    for (name, quota, sqlstate) in [
        (
            "idle",
            Quota {
                idle_in_transaction_longest: Some(Span::seconds(1)),
                ..Quota::default()
            },
            "25P03",
        ),
        (
            "in all",
            Quota {
                transaction_longest: Some(Span::seconds(1)),
                ..Quota::default()
            },
            "25P04",
        ),
    ] {
        let town = Town::new(ROWS).await;
        town.set(for_agents(quota), false);
        let (address, swallows) = network(town.address).await;
        let mut wire = Wire::connect(address, "agent", LOGIN_PASSWORD, &town.database).await;
        let mut other = Wire::through(&town, "agent").await;
        assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
        assert_eq!(wire.ask(&query(UPDATE)).await, "C:UPDATE 1 Z:T");
        swallows.send_replace(ALL);
        wire.send(&query("COMMIT")).await;
        goes_on(&mut other).await;
        assert_eq!(town.truth(FREE).await, "Ann Ben", "{name}");
        goes_on(&mut other).await;
        // When the network is mended, the client hears what became of it.
        swallows.send_replace(0);
        let told = last_word(&mut wire).await;
        assert!(
            told.starts_with(&format!("FATAL {sqlstate} the transaction was open")),
            "{name}: {told}"
        );
        assert!(
            told.ends_with("it is rolled back, and the session ends"),
            "{name}: {told}"
        );
    }
}

fn with_statements_of_a_second() -> GuardPolicy {
    for_agents(Quota {
        statement_longest: Some(Span::seconds(1)),
        ..Quota::default()
    })
}

/// Through a network to the database that is told how long a login may take.
async fn behind(database: &str) -> (Town, watch::Sender<usize>) {
    let (address, swallows) = network(server().address).await;
    let town = Town::in_front_of(database.to_owned(), |settings| {
        settings.proxy.upstream.port = address.port();
        settings.proxy.limits.login_longest = Span::seconds(2);
    });
    (town, swallows)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_heard_any_more_ends_the_session_within_its_limit() {
    let database = hardened().await;
    // Neither the statement nor the request to cancel it arrives; or that alone does.
    for (name, below, why) in [
        (
            "all is swallowed",
            ALL,
            "the database could not be asked to cancel it, and so the session ends",
        ),
        (
            "what was open is swallowed",
            1,
            "the database did not end it when it was asked to, and so the session ends",
        ),
    ] {
        let (town, swallows) = behind(&database).await;
        town.set(with_statements_of_a_second(), false);
        let mut wire = Wire::through(&town, "agent").await;
        let mut other = Wire::past(&database).await;
        assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T", "{name}");
        assert_eq!(wire.ask(&query(UPDATE)).await, "C:UPDATE 1 Z:T", "{name}");
        swallows.send_replace(below);
        wire.send(&query("SELECT 1")).await;
        let (tag, body) = wire.message().await.unwrap();
        assert_eq!(tag, b'E', "{name}");
        let field = |wanted| super::wire::field(&body, wanted);
        assert_eq!(
            (field(b'V').as_str(), field(b'C').as_str()),
            ("FATAL", "57014"),
            "{name}"
        );
        assert!(field(b'D').contains(why), "{name}: {}", field(b'D'));
        assert_eq!(wire.message().await, None, "{name}: it goes on");
        goes_on(&mut other).await;
        if below != ALL {
            goes_on(&mut Wire::through(&town, "agent").await).await;
        }
        // What the server does not hear of, it ends by its own limit.
        assert_eq!(town.truth(FREE).await, "Ann Ben", "{name}");
        swallows.send_replace(0);
        goes_on(&mut Wire::through(&town, "agent").await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_may_have_been_swallowed_is_not_said_to_be_rolled_back() {
    let database = hardened().await;
    let (town, swallows) = behind(&database).await;
    town.set(a_second_and_no_measuring(), false);
    let mut wire = Wire::through(&town, "agent").await;
    assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    assert_eq!(wire.ask(&query(UPDATE)).await, "C:UPDATE 1 Z:T");
    swallows.send_replace(ALL);
    wire.send(&query("COMMIT")).await;
    let told = last_word(&mut wire).await;
    assert!(is_unknown(&told), "{told}");
    assert_eq!(town.truth(FREE).await, "Ann Ben");
}

/// Another machine, as far as packets go: a namespace of the network, and a wire that leads there.
struct Elsewhere {
    name: String,
    here: Ipv4Addr,
    there: Ipv4Addr,
}

impl Elsewhere {
    /// None where this process may make none. Each test has a number of its own.
    fn new(test: u32) -> Option<Elsewhere> {
        let number = (std::process::id() * 2 + test) % (1 << 14);
        let [_, _, high, low] = (number * 4).to_be_bytes();
        let name = format!("sg{number}");
        let elsewhere = Elsewhere {
            here: Ipv4Addr::new(10, 213, high, low + 1),
            there: Ipv4Addr::new(10, 213, high, low + 2),
            name: name.clone(),
        };
        let (near, far) = (format!("{name}a"), format!("{name}b"));
        let (here, there) = (
            format!("{}/30", elsewhere.here),
            format!("{}/30", elsewhere.there),
        );
        let made = ip(&["netns", "add", &name])
            && ip(&[
                "link", "add", &near, "type", "veth", "peer", "name", &far, "netns", &name,
            ])
            && ip(&["address", "add", &here, "dev", &near])
            && ip(&["link", "set", &near, "up"])
            && ip(&["-n", &name, "address", "add", &there, "dev", &far])
            && ip(&["-n", &name, "link", "set", &far, "up"]);
        made.then_some(elsewhere)
    }

    /// From here on packets are sent to nobody, in both directions; whoever sends them hears nothing of that.
    fn swallow(&self) {
        let nobody = |address: Ipv4Addr| {
            [
                address.to_string(),
                "lladdr".to_owned(),
                "02:00:00:00:00:01".to_owned(),
            ]
        };
        let (near, far) = (format!("{}a", self.name), format!("{}b", self.name));
        for (within, address, device) in [(&[][..], self.there, near), (&["-n", &self.name], self.here, far)]
        {
            let address = nobody(address);
            let mut words = within.to_vec();
            words.extend(["neighbour", "replace"]);
            words.extend(address.iter().map(String::as_str));
            words.extend(["dev", &device, "nud", "permanent"]);
            assert!(ip(&words), "{words:?}");
        }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // The wire goes with it.
        ip(&["netns", "delete", &self.name]);
    }
}

fn ip(words: &[&str]) -> bool {
    let output = Command::new("ip").args(words).output();
    output.is_ok_and(|output| output.status.success())
}

const LEFT_OUT: &str = "left out: only root can make a network whose packets are dropped, with `ip netns`";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_packets_the_kernel_drops_holds_nothing_either() {
    let Some(elsewhere) = Elsewhere::new(0) else {
        println!("{LEFT_OUT}");
        return;
    };
    let mut address = SocketAddr::from((elsewhere.here, 0));
    let town = Town::with_settings(ROWS, |settings| {
        settings.socket = std::net::TcpListener::bind(address).unwrap();
        address = settings.socket.local_addr().unwrap();
    })
    .await;
    let idle = Quota {
        idle_in_transaction_longest: Some(Span::seconds(1)),
        ..Quota::default()
    };
    town.set(for_agents(idle), false);
    let url = format!("postgres://agent@{address}/{}", town.database);
    let mut psql = Command::new("ip")
        .args(["netns", "exec", &elsewhere.name, "psql", "-X", "-q", &url])
        .env("PGPASSWORD", LOGIN_PASSWORD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(psql.stdin.as_mut().unwrap(), "BEGIN; {UPDATE};\n\\echo holds").unwrap();
    let mut said = String::new();
    BufReader::new(psql.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert_eq!(said, "holds\n");
    let held = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND state = 'idle in transaction'",
        town.database
    );
    assert_eq!(town.truth(&held).await, "1");
    elsewhere.swallow();
    let mut other = Wire::connect(address, "agent", LOGIN_PASSWORD, &town.database).await;
    goes_on(&mut other).await;
    assert_eq!(town.truth(FREE).await, "Ann Ben");
    goes_on(&mut other).await;
    psql.kill().unwrap();
    psql.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_packets_the_kernel_drops_ends_the_session_too() {
    let Some(elsewhere) = Elsewhere::new(1) else {
        println!("{LEFT_OUT}");
        return;
    };
    let by = ["ip", "netns", "exec", &elsewhere.name];
    let lost = Server::start_at(elsewhere.there, &by, "-c idle_in_transaction_session_timeout=3s");
    let database = lost.database(ROWS);
    let town_of_others = Town::new(ROWS).await;
    let mut other = Wire::through(&town_of_others, "agent").await;
    let town = Town::in_front_of(database.clone(), |settings| {
        settings.proxy.upstream.host = elsewhere.there.to_string();
        settings.proxy.upstream.port = lost.address.port();
        settings.proxy.limits.login_longest = Span::seconds(2);
    });
    town.set(with_statements_of_a_second(), false);
    let mut wire = Wire::through(&town, "agent").await;
    assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    assert_eq!(wire.ask(&query(UPDATE)).await, "C:UPDATE 1 Z:T");
    elsewhere.swallow();
    wire.send(&query("SELECT 1")).await;
    let told = last_word(&mut wire).await;
    assert!(told.starts_with("FATAL 57014 the statement ran for "), "{told}");
    goes_on(&mut other).await;
    assert_eq!(lost.must(&database, FREE), "Ann Ben");
}
