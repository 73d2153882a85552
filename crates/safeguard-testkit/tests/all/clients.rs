//! Real clients through the guard: drivers and an ORM each of JavaScript and Python, by programs of their own beside this one.

use std::path::Path;
use std::process::Command;

use crate::postgres::Postgres;
use crate::proxy::{PASSWORD, Proxy};
use crate::repository::root;

const PROGRAMS: &str = "crates/safeguard-testkit/tests/clients";
const JAVASCRIPT: &[&str] = &["node_postgres.mjs", "drizzle.mjs"];
const PYTHON: &[&str] = &["psycopg_client.py", "asyncpg_client.py", "sqlalchemy_client.py"];

const SHOP: &str = "
CREATE TABLE articles (id int PRIMARY KEY, name text NOT NULL, price numeric(10,2), at timestamptz DEFAULT now(), tags text[], data jsonb);
INSERT INTO articles SELECT n, 'article ' || n, 10.5, now(), '{a,b}', '{\"n\": 1}' FROM generate_series(1, 100) n;
CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL);
";

#[test]
fn drivers_and_orms_work_as_they_are_used_to_and_are_refused_as_by_the_database() {
    let Some(installed) = std::env::var_os("SAFEGUARD_CLIENTS") else {
        println!("left out: `./test --long` installs the clients");
        return;
    };
    let installed = Path::new(&installed);
    let postgres = Postgres::start();
    postgres.must("postgres", "postgres", "CREATE DATABASE shop");
    postgres.must("postgres", "shop", SHOP);
    let proxy = Proxy::start(&postgres, &[("app", "service")], &[]);
    let url = proxy
        .url("app")
        .replace("app@", &format!("app:{}@", PASSWORD.replace(' ', "%20")));
    let python = installed.join("python/bin/python");
    let javascript = JAVASCRIPT.iter().map(|program| (Path::new("node"), program));
    for (runs, program) in javascript.chain(PYTHON.iter().map(|program| (python.as_path(), program))) {
        // Modules of JavaScript are looked for beside the program.
        let copy = installed.join(program);
        std::fs::copy(root().join(PROGRAMS).join(program), &copy).expect("a copy");
        let output = Command::new(runs)
            .arg(copy)
            .env("DATABASE_URL", &url)
            .output()
            .expect("it runs");
        let said = [output.stdout.as_slice(), &output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{program}: {said}");
        // What it says that it has left behind; what was refused or rolled back is not among it.
        let left = "SELECT count(*) || ' notes' FROM notes WHERE text NOT IN ('many', 'never')";
        assert_eq!(postgres.must("postgres", "shop", left), said.trim(), "{program}");
        let all = "SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM notes WHERE text IN ('many', 'never'))";
        assert_eq!(postgres.must("postgres", "shop", all), "100|0", "{program}");
        postgres.must("postgres", "shop", "TRUNCATE notes RESTART IDENTITY");
    }
}
