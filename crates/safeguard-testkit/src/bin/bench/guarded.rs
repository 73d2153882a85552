//! A database, and what stands in front of it: `safeguard proxy run` as its guide has it, and pgbouncer.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use anyhow::{Context as _, ensure};
use safeguard_testkit::postgres::{Server, as_user, installed};

use crate::processes::{Running, free_address};

pub const DATABASE: &str = "bench";
/// The role in the database, and the login of pgbouncer, which passes it through.
pub const ROLE: &str = "guarded";
/// The proxy's own login: a service in production.
pub const LOGIN: &str = "checkout";
/// Of role and login.
pub const PASSWORD: &str = "correct horse";
/// For those that ask, with some that are about to leave, and psql's.
pub const SESSIONS_ASKING: usize = 200;

pub struct Database {
    pub server: Server,
    sessions_max: usize,
}

impl Database {
    /// With pgbench's tables, and room for so many sessions.
    pub fn start(sessions_max: usize) -> anyhow::Result<Database> {
        let server = Server::start(&[
            &format!("max_connections={sessions_max}"),
            // 100,000 rows and their index find room, and each session maps little.
            "shared_buffers=64MB",
            "max_locks_per_transaction=10",
            "autovacuum=off",
        ])?;
        let database = Database { server, sessions_max };
        database.must("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        let made = Command::new(installed("pgbench")?)
            .args(["--initialize", "--quiet", "--scale=1", "--host=127.0.0.1"])
            .arg(format!("--port={}", database.server.port))
            .args(["--username=postgres", DATABASE])
            .output()
            .context("cannot start pgbench")?;
        let said = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "pgbench made no tables: {}", said.trim());
        database.must(
            DATABASE,
            &format!(
                "CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}';
                 GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}"
            ),
        )?;
        // The role logs in as anywhere else. The first line that fits counts.
        let rules = database.server.folder().join("data/pg_hba.conf");
        let others = fs::read_to_string(&rules)?;
        let own = format!("host all {ROLE} 127.0.0.1/32 scram-sha-256\n");
        fs::write(&rules, own + &others)?;
        database.must(DATABASE, "SELECT pg_reload_conf()")?;
        Ok(database)
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.server.port).into()
    }

    fn must(&self, database: &str, sql: &str) -> anyhow::Result<()> {
        let output = self.server.psql("postgres", database, sql)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{sql}: {}", said.trim());
        Ok(())
    }
}

/// A process in front of the database.
pub struct Front {
    // The process ends before its folder goes.
    pub process: Running,
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Front {
    /// The real binary, enforcing. The quota of statements is raised, so that a faster machine does not meet it; it counts all the same.
    pub fn safeguard(database: &Database) -> anyhow::Result<Front> {
        let binary = std::env::current_exe()?.with_file_name("safeguard");
        ensure!(
            binary.is_file(),
            "there is no {}: build the whole workspace, as ./bench does",
            binary.display()
        );
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD)?;
        let configuration = folder.path().join("safeguard.toml");
        fs::write(
            &configuration,
            format!(
                "mode = \"enforce\"

[proxies.bench]
listen = \"{address}\"
environment = \"production\"

[proxies.bench.upstream]
host = \"127.0.0.1\"
port = {port}
database = \"{DATABASE}\"
user = \"{ROLE}\"
password_file = \"{password}\"

[proxies.bench.users.{LOGIN}]
principal = \"service\"
verifier = \"{verifier}\"

[proxies.bench.limits]
sessions_max = {sessions_max}

[guard.quotas.service]
statements_per_second = 1_000_000
",
                port = database.server.port,
                password = password.display(),
                verifier = safeguard_dataplane::pg::verifier(PASSWORD),
                sessions_max = database.sessions_max,
            ),
        )?;
        let mut command = Command::new(binary);
        command
            .args(["proxy", "run", "--config"])
            .arg(configuration)
            .current_dir(folder.path());
        let mut process = Running::start(command)?;
        process.wait_for(address)?;
        Ok(Front {
            process,
            address,
            _folder: folder,
        })
    }

    /// Debian's, pooling by session: one session of a client is one of the database, as with the proxy.
    pub fn pgbouncer(database: &Database) -> anyhow::Result<Front> {
        let folder = tempfile::tempdir()?;
        // It does not run as root, and its user has to read what is in there.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let address = free_address()?;
        let users = folder.path().join("users");
        fs::write(&users, format!("\"{ROLE}\" \"{PASSWORD}\"\n"))?;
        let configuration = folder.path().join("pgbouncer.ini");
        fs::write(
            &configuration,
            format!(
                "[databases]
{DATABASE} = host=127.0.0.1 port={port} dbname={DATABASE}
[pgbouncer]
listen_addr = {ip}
listen_port = {own_port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = session
max_client_conn = {SESSIONS_ASKING}
default_pool_size = {SESSIONS_ASKING}
",
                port = database.server.port,
                ip = address.ip(),
                own_port = address.port(),
                users = users.display(),
            ),
        )?;
        let mut command = as_user("pgbouncer".as_ref());
        command.arg(configuration);
        let mut process = Running::start(command)?;
        process.wait_for(address)?;
        Ok(Front {
            process,
            address,
            _folder: folder,
        })
    }
}
