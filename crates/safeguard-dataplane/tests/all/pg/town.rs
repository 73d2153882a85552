//! A database, the proxy in front of it, and logins of each kind.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::sync::Arc;

use safeguard_api::config::{GuardPolicy, Mode, Proxy, ProxyLimits, ProxyUpstream, ProxyUser};
use safeguard_api::guard::Principal;
use safeguard_api::{Environment, Span};
use safeguard_dataplane::pg::{self, InForce, ProxySettings, Standing};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::server::{PASSWORD, ROLE, server};

/// The password of every login, whose name is that of its principal.
pub const LOGIN_PASSWORD: &str = "open sesame";

pub struct Town {
    pub address: SocketAddr,
    pub database: String,
    pub in_force: Arc<InForce>,
    proxy: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Town {
    /// In production and enforcing.
    pub async fn new(sql: &str) -> Town {
        Town::with(sql, |_| ()).await
    }

    pub async fn with(sql: &str, change: impl FnOnce(&mut Proxy)) -> Town {
        Town::with_settings(sql, |settings| change(&mut settings.proxy)).await
    }

    pub async fn with_settings(sql: &str, change: impl FnOnce(&mut ProxySettings)) -> Town {
        let owned = sql.to_owned();
        let database = tokio::task::spawn_blocking(move || server().database(&owned))
            .await
            .unwrap();
        Town::in_front_of(database, change)
    }

    /// Of a database that is there already.
    pub fn in_front_of(database: String, change: impl FnOnce(&mut ProxySettings)) -> Town {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let users: BTreeMap<String, ProxyUser> = Principal::ALL
            .iter()
            .map(|&principal| {
                let user = ProxyUser {
                    principal,
                    person: Some("Kim Doe".to_owned()),
                    verifier: Some(pg::verifier(LOGIN_PASSWORD)),
                    certificate_name: None,
                    credential_longest: Span::hours(1),
                };
                (principal.to_string(), user)
            })
            .collect();
        let proxy = Proxy {
            listen: address,
            elsewhere: false,
            environment: Environment::Production,
            mode: None,
            undo_required: Some(false),
            upstream: ProxyUpstream {
                host: server().address.ip().to_string(),
                port: server().address.port(),
                database: database.clone(),
                user: ROLE.to_owned(),
                password_file: None,
                password_variable: None,
                tls_authority: None,
                certificate: None,
                key: None,
                cleartext_password: false,
            },
            users,
            tls: None,
            limits: ProxyLimits::default(),
        };
        let mut settings = ProxySettings {
            name: "shop".parse().unwrap(),
            proxy,
            mode: Mode::Enforce,
            socket,
            password: Some(PASSWORD.to_owned()),
            desk: None,
        };
        change(&mut settings);
        let in_force = Arc::new(InForce::new(Standing::default()));
        let (stop, stopped) = oneshot::channel::<()>();
        let running = pg::run(vec![settings], Arc::clone(&in_force), async move {
            drop(stopped.await);
        });
        Town {
            address,
            database,
            in_force,
            proxy: tokio::spawn(async move { running.await.unwrap() }),
            stop: Some(stop),
        }
    }

    pub fn set(&self, policy: GuardPolicy, frozen: bool) {
        self.in_force.set(Standing { policy, frozen });
    }

    /// Asks the proxy to end, and waits until it has.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        (&mut self.proxy).await.unwrap();
    }

    /// Ends the proxy where it stands, as the kernel would.
    pub async fn kill(&mut self) {
        self.proxy.abort();
        drop((&mut self.proxy).await);
    }

    /// Runs `psql -c`, which sends the whole text in one message.
    pub async fn psql(&self, user: &str, sql: &str) -> String {
        self.psql_with(user, &["-c", sql]).await
    }

    pub async fn psql_with(&self, user: &str, arguments: &[&str]) -> String {
        let output = self
            .psql_output(user, LOGIN_PASSWORD, &self.database, arguments)
            .await;
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8(said).unwrap().trim().to_owned()
    }

    pub async fn psql_output(
        &self,
        user: &str,
        password: &str,
        database: &str,
        arguments: &[&str],
    ) -> Output {
        let mut command = Command::new("psql");
        command
            .args([
                "-X",
                "-A",
                "-t",
                "-v",
                "VERBOSITY=verbose",
                "-h",
                "127.0.0.1",
                "-U",
                user,
                "-d",
                database,
                "-p",
            ])
            .arg(self.address.port().to_string())
            .args(arguments)
            .env("PGPASSWORD", password);
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// What the database holds, asked past the proxy.
    pub async fn truth(&self, sql: &str) -> String {
        let (database, sql) = (self.database.clone(), sql.to_owned());
        tokio::task::spawn_blocking(move || server().must(&database, &sql))
            .await
            .unwrap()
    }

    /// A driver's connection.
    pub async fn driver(&self, user: &str) -> tokio_postgres::Client {
        let mut config = tokio_postgres::Config::new();
        config
            .host("127.0.0.1")
            .port(self.address.port())
            .user(user)
            .password(LOGIN_PASSWORD)
            .dbname(&self.database);
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        client
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.proxy.abort();
    }
}

/// What an error says, as `SQLSTATE message`.
pub fn words(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |error| format!("{} {}", error.code().code(), error.message()),
    )
}
