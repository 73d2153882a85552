//! The guard against PostgreSQL itself: what it lets an agent run is run, and must not have changed anything.
//!
//! Thousands of spellings and forms of statements run in a scratch database, and a second connection compares rows and catalog
//! before and after. What was allowed and changed something is a failure. What is harmless and was refused is counted.

mod statements;

use std::collections::BTreeMap;

use safeguard_api::Environment;
use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, Principal};
use safeguard_guard::{judge, read};
use tokio_postgres::{Client, NoTls};

use crate::live::up::runtime;
use crate::postgres::Postgres;
use statements::{CATALOG_STATE, ROWS, ROWS_STATE, SHOP, again, variants};

const ASKER: Asker = Asker {
    principal: Principal::Agent,
    environment: Environment::Production,
    frozen: false,
};

/// What a text does not tell: a function that is written as a column, a function or an operator of somebody's that has the name of
/// one of PostgreSQL's own, what the check of a domain and the query of a view call. Whoever may make functions can make these;
/// an agent may not.
const UNTOLD: &[&str] = &[
    "SELECT u.gone FROM users AS u",
    "SELECT lower ( 3 )",
    "SELECT 1 @@@ 2",
    "SELECT '6' :: odd",
    "SELECT * FROM wiping LIMIT 1",
];

/// A scratch database, and a second one to make it anew from.
struct Scratch {
    postgres: Postgres,
    maintenance: Client,
    /// Runs the statements.
    agent: Client,
    /// Looks at what became of it.
    observer: Client,
    rows: String,
    catalog: String,
}

#[derive(PartialEq, Eq)]
enum Effect {
    None,
    Changed,
    /// PostgreSQL itself refused it, or did not know it.
    Failed,
}

impl Scratch {
    async fn start() -> Scratch {
        let postgres = Postgres::start();
        postgres.must("postgres", "postgres", "CREATE DATABASE pristine");
        postgres.must("postgres", "pristine", SHOP);
        postgres.must("postgres", "pristine", ROWS);
        let maintenance = connect(&postgres, "postgres").await;
        let (agent, observer) = fresh(&postgres, &maintenance).await;
        let mut scratch = Scratch {
            postgres,
            maintenance,
            agent,
            observer,
            rows: String::new(),
            catalog: String::new(),
        };
        scratch.rows = scratch.state(ROWS_STATE).await.expect("rows");
        scratch.catalog = scratch.state(CATALOG_STATE).await.expect("a catalog");
        scratch
    }

    /// None where what it looks for is gone.
    async fn state(&self, sql: &str) -> Option<String> {
        let row = self.observer.query_one(sql, &[]).await.ok()?;
        Some(row.get(0))
    }

    async fn run(&mut self, sql: &str) -> Effect {
        let ran = self.agent.simple_query(sql).await;
        let mut ended = Ok(());
        for sql in ["ROLLBACK", "DISCARD ALL", "SET statement_timeout = '2s'"] {
            ended = ended.and(self.agent.batch_execute(sql).await);
        }
        if self.state(CATALOG_STATE).await.as_ref() != Some(&self.catalog) || ended.is_err() {
            (self.agent, self.observer) = fresh(&self.postgres, &self.maintenance).await;
            self.catalog = self.state(CATALOG_STATE).await.expect("a catalog");
            return Effect::Changed;
        }
        if self.state(ROWS_STATE).await.as_ref() != Some(&self.rows) {
            self.observer
                .batch_execute(&again())
                .await
                .expect("the rows again");
            // Emptying a table has given it another file.
            self.catalog = self.state(CATALOG_STATE).await.expect("a catalog");
            return Effect::Changed;
        }
        match ran {
            Ok(_) => Effect::None,
            Err(_) => Effect::Failed,
        }
    }
}

async fn connect(postgres: &Postgres, database: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(&postgres.url("postgres", database), NoTls)
        .await
        .expect("PostgreSQL answers");
    tokio::spawn(connection);
    client
}

async fn fresh(postgres: &Postgres, maintenance: &Client) -> (Client, Client) {
    for sql in [
        "DROP DATABASE IF EXISTS scratch WITH (FORCE)",
        "DROP ROLE IF EXISTS mallory",
        "CREATE DATABASE scratch TEMPLATE pristine",
        "ALTER ROLE postgres RESET ALL",
    ] {
        maintenance.batch_execute(sql).await.expect("a database anew");
    }
    (
        connect(postgres, "scratch").await,
        connect(postgres, "scratch").await,
    )
}

#[test]
fn what_an_agent_may_run_changes_nothing_in_a_real_database() {
    runtime().block_on(async {
        let mut scratch = Scratch::start().await;
        let policy = GuardPolicy::default();
        // Every spelling in every form takes many minutes; without `--long`, each eleventh one is run.
        let step = if std::env::var_os("SAFEGUARD_LONG").is_some() {
            1
        } else {
            11
        };
        let (mut tried, mut holes, mut alarms) = (0_u32, Vec::new(), Vec::new());
        let mut effects: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for (hostile, form, sql) in variants().step_by(step) {
            tried += 1;
            let answer = judge(&read(&sql), ASKER, &policy).decision;
            let effect = scratch.run(&sql).await;
            let named = match effect {
                Effect::None => "nothing",
                Effect::Changed => "changed",
                Effect::Failed => "failed",
            };
            *effects.entry((answer.as_str(), named)).or_default() += 1;
            match (answer, effect) {
                (GuardAnswer::Allow, Effect::Changed) => holes.push(format!("{form}: {sql}")),
                (GuardAnswer::Deny, Effect::None) if !hostile => alarms.push(format!("{form}: {sql}")),
                _ => {}
            }
        }
        println!("{tried} statements: {effects:#?}");
        assert!(
            holes.is_empty(),
            "allowed, and changed something:\n{}",
            holes.join("\n")
        );
        assert!(alarms.is_empty(), "harmless, and refused:\n{}", alarms.join("\n"));
        let changed: u32 = effects
            .iter()
            .filter(|((_, effect), _)| *effect == "changed")
            .map(|(_, count)| count)
            .sum();
        assert!(
            changed * 5 > tried,
            "{changed} of {tried} statements did something: the database is not what they are written for"
        );
    });
}

#[test]
fn what_a_text_does_not_tell_is_as_the_guide_says() {
    runtime().block_on(async {
        let mut scratch = Scratch::start().await;
        for sql in UNTOLD {
            let answer = judge(&read(sql), ASKER, &GuardPolicy::default()).decision;
            assert_eq!(
                answer,
                GuardAnswer::Allow,
                "it is told now, and belongs among the hostile ones: {sql}"
            );
            assert!(scratch.run(sql).await == Effect::Changed, "{sql}");
        }
    });
}
