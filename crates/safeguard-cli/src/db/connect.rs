//! A connection to PostgreSQL for a command: with TLS where an authority is named.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::failure::Failure;

const CONNECT_LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// The database as the credential reaches it, such as postgres://shop_app@db.example/shop; the password may be in PGPASSWORD
    #[arg(value_name = "URL", env = "SAFEGUARD_DATABASE_URL", hide_env_values = true)]
    pub url: String,
    /// PEM with the authorities that may have signed the server's certificate: the connection is encrypted
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

impl DatabaseArgs {
    /// Where it leads. What can not be read is told without the text, which may hold a password.
    pub fn parsed(&self) -> Result<Config, Failure> {
        let mut config: Config = self.url.parse().map_err(|_| {
            Failure::undecided("the address of the database is not understood")
                .hint("write it as postgres://user@host:port/database")
        })?;
        if config.get_password().is_none()
            && let Some(password) = std::env::var_os("PGPASSWORD")
        {
            let password = password.into_string();
            config.password(password.map_err(|_| Failure::undecided("PGPASSWORD is not UTF-8"))?);
        }
        config.application_name("safeguard");
        config.connect_timeout(CONNECT_LONGEST);
        Ok(config)
    }
}

/// Runs what needs a connection; all of it is over when this returns.
pub fn with<T>(
    args: &DatabaseArgs,
    config: &Config,
    work: impl AsyncFnOnce(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(async { work(&client(args, config).await?).await })
}

/// One more connection, with the TLS that `args` asks for.
pub async fn client(args: &DatabaseArgs, config: &Config) -> Result<Client, Failure> {
    match &args.ca {
        Some(ca) => connect(config, MakeRustlsConnect::new(encrypted(ca)?)).await,
        None => connect(config, NoTls).await,
    }
}

async fn connect<T>(config: &Config, tls: T) -> Result<Client, Failure>
where
    T: tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>,
    T::Stream: Send + 'static,
{
    let connecting = tokio::time::timeout(CONNECT_LONGEST, config.connect(tls));
    let answered = connecting.await.map_err(|_| {
        Failure::undecided(format!(
            "the database did not answer within {} s",
            CONNECT_LONGEST.as_secs()
        ))
    })?;
    let (client, connection) = answered.map_err(|error| {
        Failure::undecided(format!("cannot connect to the database: {}", told(&error)))
            .hint("check address, user and PGPASSWORD; a server that insists on TLS needs `--ca FILE`")
    })?;
    // It ends with the client; what went wrong is told by the query that it went wrong in.
    tokio::spawn(connection);
    Ok(client)
}

fn encrypted(ca: &Path) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    let named = format!("cannot read `{}`", ca.display());
    let certificates = CertificateDer::pem_file_iter(ca).context(named.clone())?;
    for certificate in certificates {
        let certificate = certificate.context(named.clone())?;
        roots.add(certificate).context(named.clone())?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS can not be set up")?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What the server says, with its code; the driver's own text names neither.
pub fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} (SQLSTATE {})", said.message(), said.code().code()),
        None => {
            let error: &dyn std::error::Error = error;
            let causes = std::iter::successors(Some(error), |error| error.source());
            let causes: Vec<String> = causes.map(ToString::to_string).collect();
            causes.join(": ")
        }
    }
}
