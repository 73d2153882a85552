//! What a credential must not be able to do, tried: each attempt in a transaction that is always rolled back.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use safeguard_api::Environment;
use safeguard_api::guard::Principal;
use safeguard_guard::milliseconds;
use tokio_postgres::{Client, Row};

use super::connect::told;
use crate::doctor::{Check, bad, care, good};

/// Deleting from more tables than this is not tried; the catalog answers for all of them.
const TABLES_MAX: i64 = 200;
const REACH_LONGEST: Duration = Duration::from_secs(3);
/// What the server, and the proxy in front of it, refuse with.
const REFUSALS: [&str; 5] = ["42501", "25006", "0A000", "53400", "54001"];

const LOCK_LONGEST_MS: u64 = 2_000;

struct Attempt {
    name: &'static str,
    what: String,
    sql: String,
}

/// Tries what `principal` must be refused in `environment`.
pub async fn try_all(client: &Client, principal: Principal, environment: Environment) -> Vec<Check> {
    let mut attempts = of_everybody();
    if principal != Principal::Migration {
        attempts.extend(of_who_does_not_migrate());
    }
    let is_unattended = matches!(principal, Principal::Agent | Principal::Service);
    let listed = match is_unattended || environment == Environment::Staging {
        true => tables(client).await,
        false => Ok(Vec::new()),
    };
    let mut checks = Vec::new();
    match listed {
        Ok(tables) => attempts.extend(tables.into_iter().map(|table| Attempt {
            name: "tried: delete",
            what: format!("deleting from {table}"),
            // Privileges are asked for, and no row is met.
            sql: format!("DELETE FROM ONLY {table} WHERE false"),
        })),
        Err(why) => checks.push(bad("tried: delete", why, "let it read pg_catalog")),
    }
    for name in [
        "tried: host",
        "tried: observers",
        "tried: create",
        "tried: delete",
    ] {
        let attempts: Vec<&Attempt> = attempts.iter().filter(|attempt| attempt.name == name).collect();
        if !attempts.is_empty() {
            checks.push(try_each(client, name, &attempts).await);
        }
    }
    checks
}

fn of_everybody() -> Vec<Attempt> {
    let attempt = |name, what: &str, sql: &str| Attempt {
        name,
        what: what.to_owned(),
        sql: sql.to_owned(),
    };
    vec![
        attempt(
            "tried: host",
            "running a program",
            "COPY (SELECT 1) TO PROGRAM 'true'",
        ),
        attempt(
            "tried: host",
            "reading a file",
            "SELECT pg_read_file('PG_VERSION')",
        ),
        attempt(
            "tried: observers",
            "switching triggers off",
            "SET LOCAL session_replication_role = replica",
        ),
    ]
}

fn of_who_does_not_migrate() -> Vec<Attempt> {
    let attempt = |what: &str, sql: &str| Attempt {
        name: "tried: create",
        what: what.to_owned(),
        sql: sql.to_owned(),
    };
    vec![
        attempt("creating a table", "CREATE TABLE safeguard_doctor ()"),
        attempt(
            "creating a temporary table",
            "CREATE TEMPORARY TABLE safeguard_doctor ()",
        ),
        attempt("running a block of code", "DO $$ BEGIN NULL; END $$"),
        attempt("creating a large object", "SELECT lo_create(0)"),
    ]
}

async fn tables(client: &Client) -> Result<Vec<String>, String> {
    let sql = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
          AND c.relkind IN ('r', 'p') AND has_schema_privilege(n.oid, 'USAGE') ORDER BY 1 LIMIT $1";
    let rows = client.query(sql, &[&TABLES_MAX]).await;
    let name = |row: &Row| row.get(0);
    rows.map(|rows| rows.iter().map(name).collect())
        .map_err(|error| format!("the tables are not listed: {}", told(&error)))
}

enum Outcome {
    Refused,
    Done,
    /// Neither: it says nothing about what is allowed.
    Unclear(String),
}

async fn try_each(client: &Client, name: &'static str, attempts: &[&Attempt]) -> Check {
    let (mut done, mut unclear) = (Vec::new(), Vec::new());
    for attempt in attempts {
        match try_one(client, &attempt.sql).await {
            Outcome::Refused => {}
            Outcome::Done => done.push(attempt.what.as_str()),
            Outcome::Unclear(why) => unclear.push(format!("{}: {why}", attempt.what)),
        }
    }
    if !done.is_empty() {
        return bad(
            name,
            format!("not refused: {} (rolled back)", done.join(", ")),
            "`safeguard db harden` takes it away; `safeguard proxy` refuses it as well",
        );
    }
    if let Some(first) = unclear.first() {
        let found = format!(
            "{} of {} could not be tried: {first}",
            unclear.len(),
            attempts.len()
        );
        return bad(name, found, "mend that, and run it again");
    }
    good(name, format!("refused: {0} of {0} attempts", attempts.len()))
}

/// Tries what must fail; whatever comes of it is rolled back.
async fn try_one(client: &Client, sql: &str) -> Outcome {
    if let Err(error) = begin(client).await {
        // Whoever is refused a transaction was not refused what would have been tried in it.
        return Outcome::Unclear(told(&error));
    }
    let tried = client.batch_execute(sql).await;
    let rolled_back = client.batch_execute("ROLLBACK").await;
    match (tried, rolled_back) {
        (Ok(()), _) => Outcome::Done,
        (Err(error), Ok(())) => match error.code() {
            Some(code) if REFUSALS.contains(&code.code()) => Outcome::Refused,
            Some(_) | None => Outcome::Unclear(told(&error)),
        },
        (Err(_), Err(error)) => Outcome::Unclear(told(&error)),
    }
}

/// Begins a transaction that waits for no lock for long. A proxy lets nobody raise a timeout that is shorter.
async fn begin(client: &Client) -> Result<(), tokio_postgres::Error> {
    let row = client.query_one("SHOW lock_timeout", &[]).await?;
    let is_short = matches!(milliseconds(row.get(0)), Some(1..=LOCK_LONGEST_MS));
    client.batch_execute("BEGIN").await?;
    if is_short {
        return Ok(());
    }
    client
        .batch_execute(&format!("SET LOCAL lock_timeout = {LOCK_LONGEST_MS}"))
        .await
}

/// Timeouts that this session may switch off. PostgreSQL lets every role do so; a proxy in front of it does not.
pub async fn lifted(client: &Client, names: &[String]) -> Result<Vec<String>, String> {
    let mut lifted = Vec::new();
    for name in names {
        match try_one(client, &format!("SET LOCAL {name} = 0")).await {
            Outcome::Refused => {}
            Outcome::Done => lifted.push(name.clone()),
            Outcome::Unclear(why) => return Err(why),
        }
    }
    Ok(lifted)
}

/// Network segments are crossed, or not, by trying.
pub fn reach(addresses: &[String]) -> Vec<Check> {
    if addresses.is_empty() {
        return vec![care(
            "network",
            "nothing was tried",
            "name what must not be reached from here, such as the database past the proxy, with `--must-not-reach HOST:PORT`",
        )];
    }
    addresses.iter().map(|address| reach_one(address)).collect()
}

fn reach_one(address: &str) -> Check {
    let resolved = match address.to_socket_addrs() {
        Ok(resolved) => resolved,
        // A name that is not known here is a segment that is not crossed, or a typing error: nobody can tell.
        Err(error) => {
            return care(
                "network",
                format!("{address} is not known here: {error}"),
                "name it by its number",
            );
        }
    };
    let mut why = String::from("it has no address");
    for socket in resolved {
        match TcpStream::connect_timeout(&socket, REACH_LONGEST) {
            Ok(_) => {
                return bad(
                    "network",
                    format!("{address} answers from here"),
                    "close the way with a firewall or a network policy",
                );
            }
            Err(error) => why = error.to_string(),
        }
    }
    good(
        "network",
        format!("{address} can not be reached from here: {why}"),
    )
}
