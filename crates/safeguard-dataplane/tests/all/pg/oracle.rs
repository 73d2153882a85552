//! The guard against PostgreSQL itself, through the proxy: statements in thousands of spellings, in every form that the protocol
//! has for them, with a superuser behind.
//!
//! A second connection compares rows and catalog before and after. What was refused or allowed must have changed nothing, what
//! was measured no more rows than its budget; what is harmless and did not run is counted, and named.

#[path = "../../../../safeguard-testkit/tests/all/oracle/statements.rs"]
mod statements;

use std::collections::{BTreeMap, HashMap};

use safeguard_api::Environment;
use safeguard_api::config::{GuardPolicy, Quota, Quotas};
use safeguard_api::guard::{Asker, GuardAnswer, Principal, RowBudget};
use safeguard_guard::{judge, read};
use tokio_postgres::{Client, NoTls};

use super::server::{ALMIGHTY_ROLE, Server};
use super::town::{LOGIN_PASSWORD, Town};
use super::wire::{Wire, bind, close, execute, execute_some, message, parse, query, run, sync};
use statements::{CATALOG_STATE, ROWS, ROWS_STATE, SHOP, again, variants};

/// Small, so that most of what is measured would change more.
const BUDGET: RowBudget = RowBudget {
    rows_changed_max: 2,
    rows_deleted_max: 0,
};
const DATABASE: &str = "scratch";
const EVERY_ROW: &str = "SELECT 'user ' || id, t::text FROM users t UNION ALL SELECT 'order ' || id, t::text FROM orders t
    UNION ALL SELECT 'entry ' || id, t::text FROM entries t UNION ALL SELECT 'setting ' || key, t::text FROM app.settings t
    UNION ALL SELECT 'large object ' || m.oid, (SELECT md5(string_agg(l.data, '' ORDER BY pageno)) FROM pg_largeobject l WHERE l.loid = m.oid)
    FROM pg_largeobject_metadata m";

/// A form of the protocol: what is sent at once ends with one answer that the server is ready.
struct Protocol {
    name: &'static str,
    rounds: fn(&str) -> Vec<Vec<u8>>,
    /// How often the statement runs, each time in a transaction of its own.
    runs: u64,
}

const BY_SQL: &str = "by SQL's own PREPARE";

const PROTOCOLS: &[Protocol] = &[
    Protocol {
        name: "simple",
        rounds: |sql| vec![query(sql)],
        runs: 1,
    },
    Protocol {
        name: "without a name",
        rounds: |sql| vec![[run(sql), sync()].concat()],
        runs: 1,
    },
    Protocol {
        name: "by name, twice",
        rounds: |sql| {
            let once = [bind("", "s"), execute(""), sync()].concat();
            vec![[parse("s", sql), sync()].concat(), once.clone(), once]
        },
        runs: 2,
    },
    Protocol {
        name: "a portal in parts",
        rounds: |sql| {
            let prepared = [parse("", sql), bind("p", "")].concat();
            let parts = [execute_some("p", 1), execute_some("p", 1), close(b'P', "p")].concat();
            vec![[prepared, parts, sync()].concat()]
        },
        runs: 1,
    },
    Protocol {
        name: "among others",
        rounds: |sql| {
            let before = [run("SELECT 1"), message(b'H', &[])].concat();
            vec![[before, run(sql), run("SELECT 2"), sync()].concat()]
        },
        runs: 1,
    },
    Protocol {
        name: BY_SQL,
        rounds: |sql| vec![query(&format!("PREPARE o AS {sql}")), query("EXECUTE o")],
        runs: 1,
    },
];

/// A database, and what it is made anew from.
struct Scratch {
    town: Town,
    server: Server,
    maintenance: Client,
    observer: Client,
    wires: HashMap<Principal, Wire>,
    rows: String,
    catalog: String,
    every_row: HashMap<String, Option<String>>,
}

/// What a statement did, as the second connection sees it.
#[derive(Debug, PartialEq, Eq)]
enum Effect {
    Nothing,
    Rows { changed: u64, deleted: u64 },
    Catalog,
}

impl Scratch {
    async fn start() -> Scratch {
        let server = tokio::task::spawn_blocking(|| {
            let server = Server::start_with("");
            server.must("postgres", "CREATE DATABASE pristine");
            server.must("pristine", &format!("SET ROLE {ALMIGHTY_ROLE}; {SHOP}; {ROWS}"));
            server.must(
                "postgres",
                &format!("ALTER ROLE {ALMIGHTY_ROLE} SET statement_timeout = '5s'"),
            );
            server
        })
        .await
        .unwrap();
        let port = server.address.port();
        let town = Town::in_front_of(DATABASE.to_owned(), |settings| {
            settings.proxy.upstream.port = port;
            ALMIGHTY_ROLE.clone_into(&mut settings.proxy.upstream.user);
        });
        let maintenance = client(&server, "postgres").await;
        anew(&maintenance).await;
        let observer = client(&server, DATABASE).await;
        let mut scratch = Scratch {
            town,
            server,
            maintenance,
            observer,
            wires: HashMap::new(),
            rows: String::new(),
            catalog: String::new(),
            every_row: HashMap::new(),
        };
        scratch.take_stock().await;
        scratch
    }

    async fn take_stock(&mut self) {
        self.rows = self.state(ROWS_STATE).await.unwrap();
        self.catalog = self.state(CATALOG_STATE).await.unwrap();
        self.every_row = self.every_row().await;
    }

    /// None where what it looks for is gone.
    async fn state(&self, sql: &str) -> Option<String> {
        let row = self.observer.query_one(sql, &[]).await.ok()?;
        Some(row.get(0))
    }

    async fn every_row(&self) -> HashMap<String, Option<String>> {
        let rows = self.observer.query(EVERY_ROW, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// What came of everything since the last time; then it is as it was.
    async fn effect(&mut self) -> Effect {
        if self.state(CATALOG_STATE).await.as_ref() != Some(&self.catalog) {
            self.wires.clear();
            anew(&self.maintenance).await;
            self.observer = client(&self.server, DATABASE).await;
            self.take_stock().await;
            return Effect::Catalog;
        }
        if self.state(ROWS_STATE).await.as_ref() == Some(&self.rows) {
            return Effect::Nothing;
        }
        let found = self.every_row().await;
        let gone = |row: &&String| !found.contains_key(*row);
        let deleted = self.every_row.keys().filter(gone).count() as u64;
        let differs = |(key, row): &(&String, &Option<String>)| self.every_row.get(*key) != Some(*row);
        let changed = found.iter().filter(differs).count() as u64;
        self.observer.batch_execute(&again()).await.unwrap();
        self.take_stock().await;
        Effect::Rows { changed, deleted }
    }

    /// Sends a statement through the proxy; the errors that came.
    async fn send(&mut self, principal: Principal, protocol: &Protocol, sql: &str) -> Vec<String> {
        if !self.wires.contains_key(&principal) {
            let wire = Wire::connect(self.town.address, principal.as_str(), LOGIN_PASSWORD, DATABASE).await;
            self.wires.insert(principal, wire);
        }
        let wire = self.wires.get_mut(&principal).unwrap();
        let (errors, goes_on) = sent(wire, protocol, sql).await;
        if !goes_on {
            self.wires.remove(&principal);
        }
        errors
    }

    /// The same past the proxy.
    async fn send_past(&self, protocol: &Protocol, sql: &str) -> Vec<String> {
        let mut wire = Wire::connect(self.server.address, ALMIGHTY_ROLE, "", DATABASE).await;
        sent(&mut wire, protocol, sql).await.0
    }
}

async fn client(server: &Server, database: &str) -> Client {
    let address = server.address;
    let config = format!(
        "host=127.0.0.1 port={} user={ALMIGHTY_ROLE} dbname={database}",
        address.port()
    );
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET statement_timeout = 0").await.unwrap();
    client
}

async fn anew(maintenance: &Client) {
    for sql in [
        "DROP DATABASE IF EXISTS scratch WITH (FORCE)",
        "DROP ROLE IF EXISTS mallory",
        "CREATE DATABASE scratch TEMPLATE pristine",
    ] {
        maintenance.batch_execute(sql).await.unwrap();
    }
}

/// The errors that came, and whether the session goes on, as if nothing had been sent.
async fn sent(wire: &mut Wire, protocol: &Protocol, sql: &str) -> (Vec<String>, bool) {
    let mut errors = Vec::new();
    let ends = [query("ROLLBACK"), query("DISCARD ALL")];
    for round in (protocol.rounds)(sql).into_iter().chain(ends) {
        let is_extended = round.first() != Some(&b'Q');
        wire.send(&round).await;
        loop {
            match wire.message().await {
                None => return (errors, false),
                Some((b'Z', _)) => break,
                Some((b'E', body)) => errors.push(super::wire::field(&body, b'C')),
                // Rows are awaited: there are none. A Sync that was sent before does not count.
                Some((b'G', _)) => {
                    let synced = if is_extended { sync() } else { Vec::new() };
                    wire.send(&[message(b'c', &[]), synced].concat()).await;
                }
                Some(_) => {}
            }
        }
    }
    (errors, true)
}

fn policy() -> GuardPolicy {
    let mut policy = GuardPolicy {
        quotas: Quotas {
            agent: Quota::default(),
            service: Quota::default(),
            ..Quotas::default()
        },
        ..GuardPolicy::default()
    };
    policy.budgets.agent = BUDGET;
    policy.budgets.service = BUDGET;
    policy
}

/// What was found wrong, by kind.
#[derive(Default)]
struct Found {
    tried: u32,
    outcomes: BTreeMap<String, u32>,
    holes: Vec<String>,
    unsaid: Vec<String>,
    alarms: Vec<String>,
}

impl Found {
    /// One statement as one principal: in every form, and what came of it.
    async fn try_all(&mut self, scratch: &mut Scratch, principal: Principal, hostile: bool, sql: &str) {
        let asker = Asker {
            principal,
            environment: Environment::Production,
            frozen: false,
        };
        let facts = read(sql);
        let answer = judge(&facts, asker, &policy()).decision;
        for (at, protocol) in PROTOCOLS.iter().enumerate() {
            self.tried += 1;
            let errors = scratch.send(principal, protocol, sql).await;
            let told = || format!("{principal}, {}: {sql}", protocol.name);
            if answer == GuardAnswer::Deny && errors.is_empty() {
                self.unsaid.push(told());
            }
            // Of several statements only the first would be prepared, and its name stands for what the whole text does.
            let is_harmless = !hostile && (protocol.name != BY_SQL || facts.cost.statements == 1);
            if is_harmless && !errors.is_empty() && scratch.send_past(protocol, sql).await.is_empty() {
                self.alarms.push(format!("{}: {errors:?}", told()));
            }
            // What must change nothing is looked at when it was sent in every form.
            let looked = answer == GuardAnswer::Measure || at + 1 == PROTOCOLS.len();
            let effect = if looked {
                scratch.effect().await
            } else {
                Effect::Nothing
            };
            let within = match (answer, &effect) {
                (_, Effect::Nothing) => true,
                (GuardAnswer::Measure, Effect::Rows { changed, deleted }) => {
                    *changed <= protocol.runs * BUDGET.rows_changed_max && *deleted == BUDGET.rows_deleted_max
                }
                _ => false,
            };
            if !within {
                self.holes.push(format!("{} ({answer}): {effect:?}", told()));
            }
            let named = match (&effect, errors.first()) {
                (Effect::Nothing, None) => "nothing".to_owned(),
                (Effect::Nothing, Some(error)) => error.clone(),
                _ => "changed".to_owned(),
            };
            *self.outcomes.entry(format!("{answer} {named}")).or_default() += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_in_any_form_changes_no_more_than_the_policy_lets_it() {
    let mut scratch = Scratch::start().await;
    scratch.town.set(policy(), false);
    // Everything takes many minutes; without `--long`, and in front of the other servers that it asks, each 41st statement is sent.
    let asked = |name| std::env::var_os(name).is_some();
    let is_long = asked("SAFEGUARD_LONG") && !asked("SAFEGUARD_POSTGRES_PROGRAMS");
    let mut found = Found::default();
    for (hostile, _, sql) in variants().step_by(if is_long { 1 } else { 41 }) {
        for principal in [Principal::Agent, Principal::Service] {
            found.try_all(&mut scratch, principal, hostile, &sql).await;
        }
    }
    println!("{} sent: {:#?}", found.tried, found.outcomes);
    println!(
        "{} harmless ones were refused:\n{}",
        found.alarms.len(),
        found.alarms.join("\n")
    );
    assert!(
        found.holes.is_empty(),
        "changed too much:\n{}",
        found.holes.join("\n")
    );
    assert!(
        found.unsaid.is_empty(),
        "refused, and not told:\n{}",
        found.unsaid.join("\n")
    );
    assert!(found.alarms.is_empty());
    for outcome in ["allow nothing", "deny 42501", "measure changed", "measure 53400"] {
        let count = found.outcomes.get(outcome).copied().unwrap_or_default();
        assert!(count > 20, "{outcome}: {count} of {}", found.tried);
    }
}
