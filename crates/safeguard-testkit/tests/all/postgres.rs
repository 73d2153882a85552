//! A PostgreSQL server of its own, as tests talk to it.

use std::path::Path;
use std::process::{Command, Output};

use safeguard_testkit::postgres::{self, Server};

use crate::live::up::binary;

pub struct Postgres {
    server: Server,
    pub port: u16,
}

impl Postgres {
    pub fn start() -> Postgres {
        let server = Server::start(&[]).expect("PostgreSQL starts");
        let port = server.port;
        Postgres { server, port }
    }

    pub fn url(&self, user: &str, database: &str) -> String {
        self.server.url(user, database)
    }

    /// Runs SQL as somebody, until the first error.
    pub fn psql(&self, user: &str, database: &str, sql: &str) -> Output {
        psql(&self.url(user, database), "", sql)
    }

    /// What it answers, and it must.
    pub fn must(&self, user: &str, database: &str, sql: &str) -> String {
        let output = self.psql(user, database, sql);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{user}: {sql}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What it is refused with, and it must be.
    pub fn refused(&self, user: &str, database: &str, sql: &str) -> String {
        let output = self.psql(user, database, sql);
        assert!(!output.status.success(), "{user} may: {sql}");
        String::from_utf8_lossy(&output.stderr).trim().to_owned()
    }

    /// Runs safeguard in this server's folder.
    pub fn safeguard(&self, words: &[&str]) -> Output {
        Command::new(binary("safeguard"))
            .args(words)
            .current_dir(self.folder())
            .env("NO_COLOR", "1")
            .output()
            .expect("safeguard runs")
    }

    pub fn folder(&self) -> &Path {
        self.server.folder()
    }
}

/// Runs SQL at an address, until the first error.
pub fn psql(url: &str, password: &str, sql: &str) -> Output {
    postgres::psql(url, password, sql).expect("psql runs")
}
