//! Real clients through the guard: drivers of four languages, an ORM each of JavaScript and Python, by programs of their own
//! beside this one, and pgbench.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::postgres::Postgres;
use crate::proxy::{PASSWORD, Proxy};
use crate::repository::root;

const PROGRAMS: &str = "crates/safeguard-testkit/tests/clients";
const JAVASCRIPT: &[&str] = &["node_postgres.mjs", "drizzle.mjs"];
const JAVA: &str = "JdbcClient.java";
/// Debian's driver, where `.ci/machine.sh` has put it.
const JDBC: &str = "postgresql.jar";
/// Built beside the others that are installed.
const SQLX: &str = "sqlx/debug/sqlx-client";
const PYTHON: &[&str] = &["psycopg_client.py", "asyncpg_client.py", "sqlalchemy_client.py"];

const SHOP: &str = "
CREATE TABLE articles (id int PRIMARY KEY, name text NOT NULL, price numeric(10,2), at timestamptz DEFAULT now(), tags text[], data jsonb);
INSERT INTO articles SELECT n, 'article ' || n, 10.5, now(), '{a,b}', '{\"n\": 1}' FROM generate_series(1, 100) n;
CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL);
";

#[test]
fn drivers_and_orms_work_as_they_are_used_to_and_are_refused_as_by_the_database() {
    let Some(installed) = installed() else { return };
    let postgres = Postgres::start();
    postgres.must("postgres", "postgres", "CREATE DATABASE shop");
    postgres.must("postgres", "shop", SHOP);
    let proxy = Proxy::start(&postgres, &[("app", "service")], &[]);
    let url = proxy
        .url("app")
        .replace("app@", &format!("app:{}@", PASSWORD.replace(' ', "%20")));
    let all = "SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM notes WHERE text IN ('many', 'never'))";
    for (mut client, program) in clients(&installed) {
        let output = client.env("DATABASE_URL", &url).output().expect("it runs");
        let said = [output.stdout.as_slice(), &output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{program}: {said}");
        // What it says that it has left behind; what was refused or rolled back is not among it.
        let left = "SELECT count(*) || ' notes' FROM notes WHERE text NOT IN ('many', 'never')";
        assert_eq!(postgres.must("postgres", "shop", left), said.trim(), "{program}");
        assert_eq!(postgres.must("postgres", "shop", all), "100|0", "{program}");
        postgres.must("postgres", "shop", "TRUNCATE notes RESTART IDENTITY");
    }
    for mode in ["simple", "extended", "prepared"] {
        let output = Command::new("pgbench")
            .args([
                "--no-vacuum",
                "--client=4",
                "--jobs=2",
                "--transactions=25",
                "--protocol",
                mode,
                "--file",
            ])
            .arg(root().join(PROGRAMS).join("pgbench.sql"))
            .arg(&url)
            .output()
            .expect("pgbench runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pgbench, {mode}: {said}");
        let written = "SELECT count(*) FROM notes WHERE text = 'of pgbench'";
        assert_eq!(
            postgres.must("postgres", "shop", written),
            "100",
            "pgbench, {mode}: {said}"
        );
        postgres.must("postgres", "shop", "TRUNCATE notes RESTART IDENTITY");
    }
}

/// Where the clients are, if they are there.
pub fn installed() -> Option<PathBuf> {
    let installed = std::env::var_os("SAFEGUARD_CLIENTS");
    if installed.is_none() {
        println!("left out: `./test --long` installs the clients");
    }
    installed.map(PathBuf::from)
}

/// A program of JavaScript or Python, with what it is run by.
pub fn program(installed: &Path, name: &str) -> Command {
    // Modules of JavaScript are looked for beside the program.
    let copy = installed.join(name);
    std::fs::copy(root().join(PROGRAMS).join(name), &copy).expect("a copy");
    let mut command = match copy.extension().is_some_and(|extension| extension == "py") {
        true => Command::new(installed.join("python/bin/python")),
        false => Command::new("node"),
    };
    command.arg(copy);
    command
}

/// Each with what it is called.
fn clients(installed: &Path) -> Vec<(Command, &'static str)> {
    let mut java = Command::new("java");
    java.arg("--class-path")
        .arg(installed.join(JDBC))
        .arg(root().join(PROGRAMS).join(JAVA));
    let mut clients = vec![(Command::new(installed.join(SQLX)), "sqlx"), (java, JAVA)];
    let scripts = JAVASCRIPT.iter().chain(PYTHON);
    clients.extend(scripts.map(|&name| (program(installed, name), name)));
    clients
}
