//! TLS in front of a listener: its certificate is read at start, and again whenever its files change.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use safeguard_api::config::TlsFiles;
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::journal::blocking;

/// What was agreed on with the client.
pub const ALPN_H2: &[u8] = b"h2";
/// What the router speaks.
pub const ALPN_HTTP: &[&[u8]] = &[ALPN_H2, b"http/1.1"];
/// What a proxy in front of PostgreSQL speaks.
pub const ALPN_POSTGRESQL: &[&[u8]] = &[b"postgresql"];
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a certificate can not be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{path}` has no {what} in PEM")]
    Missing { path: PathBuf, what: &'static str },
    #[error("`{path}` is not PEM")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("the versions of TLS can not be spoken")]
    Versions(#[source] rustls::Error),
    #[error("the key in `{}` does not fit the certificate in `{}`", files.key.display(), files.certificate.display())]
    Unfit {
        files: TlsFiles,
        #[source]
        source: rustls::Error,
    },
}

impl TlsError {
    /// What mends it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            TlsError::Read { .. } => "name a file that exists and that the user who runs safeguard may read",
            TlsError::Missing { .. } | TlsError::Unreadable { .. } => {
                "the certificate's file has `-----BEGIN CERTIFICATE-----`, the server's own first; the key's file has `-----BEGIN PRIVATE KEY-----`, without a password"
            }
            TlsError::Versions(_) => "this is a fault of safeguard's own",
            TlsError::Unfit { .. } => {
                "`openssl x509 -noout -pubkey -in CERTIFICATE` and `openssl pkey -pubout -in KEY` must print the same"
            }
        }
    }
}

/// Checks that the files can be used together.
///
/// # Errors
/// When a file can not be read, or its certificate and key do not belong together.
pub fn check_tls(files: &TlsFiles) -> Result<(), TlsError> {
    load(files, ALPN_HTTP).map(|_| ())
}

/// A listener's certificate in force.
pub struct Certificate {
    files: TlsFiles,
    protocols: &'static [&'static [u8]],
    current: ArcSwap<ServerConfig>,
    loaded: Stamps,
}

impl Certificate {
    /// Loads it, to agree on one of these protocols.
    pub fn load(files: TlsFiles, protocols: &'static [&'static [u8]]) -> Result<Certificate, TlsError> {
        // What changes after this is seen as a change.
        let loaded = stamps(&files);
        let current = ArcSwap::from(load(&files, protocols)?);
        Ok(Certificate {
            files,
            protocols,
            current,
            loaded,
        })
    }

    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.current.load_full()).accept(stream).await
    }

    /// Takes a changed certificate into force, for ever. Connections that are open keep theirs; a certificate that can
    /// not be used changes nothing.
    pub async fn watch(self: Arc<Self>) {
        let mut turn = tokio::time::interval(LOOK_EVERY);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = self.loaded;
        loop {
            turn.tick().await;
            let (files, protocols) = (self.files.clone(), self.protocols);
            // Certificate and key are two files: between the two changes they do not fit, and the second is a change too.
            let look = blocking(move || {
                let found = stamps(&files);
                Ok((found, (found != seen).then(|| load(&files, protocols))))
            });
            match look.await {
                Ok((found, loaded)) => {
                    seen = found;
                    self.take(loaded);
                }
                Err(error) => tracing::error!(%error, "Cannot look at a certificate"),
            }
        }
    }

    fn take(&self, loaded: Option<Result<Arc<ServerConfig>, TlsError>>) {
        let certificate = self.files.certificate.display();
        match loaded {
            None => {}
            Some(Ok(config)) => {
                self.current.store(config);
                tracing::info!(%certificate, "Certificate read again");
            }
            Some(Err(error)) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, source, "The changed certificate can not be used; the one before stays");
            }
        }
    }
}

/// Trusts what leads to one of the certificates in the file, as a client of a server.
pub fn trust(authority: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let unreadable = |source| unreadable(authority, source);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&read(authority)?) {
        let missing = |_| TlsError::Missing {
            path: authority.to_owned(),
            what: "certificate that can be trusted",
        };
        roots.add(certificate.map_err(unreadable)?).map_err(missing)?;
    }
    if roots.is_empty() {
        return Err(TlsError::Missing {
            path: authority.to_owned(),
            what: "certificate",
        });
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Versions)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Changes whenever one of the two files does.
type Stamps = [Option<Stamp>; 2];

fn stamps(files: &TlsFiles) -> Stamps {
    [&files.certificate, &files.key].map(|path| {
        // A file that is gone is a change as well.
        let file = std::fs::metadata(path).ok()?;
        Some(Stamp::of(&file))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    changed: (i64, i64),
    inode: u64,
    length: u64,
}

impl Stamp {
    fn of(file: &Metadata) -> Stamp {
        Stamp {
            changed: (file.ctime(), file.ctime_nsec()),
            inode: file.ino(),
            length: file.len(),
        }
    }
}

fn load(files: &TlsFiles, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(&read(&files.certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| unreadable(&files.certificate, source))?;
    if certificates.is_empty() {
        return Err(TlsError::Missing {
            path: files.certificate.clone(),
            what: "certificate",
        });
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|source| match source {
        pem::Error::NoItemsFound => TlsError::Missing {
            path: files.key.clone(),
            what: "private key",
        },
        source => unreadable(&files.key, source),
    })?;
    let unfit = |source| TlsError::Unfit {
        files: files.clone(),
        source,
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(unfit)?;
    config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
    Ok(Arc::new(config))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn unreadable(path: &Path, source: pem::Error) -> TlsError {
    TlsError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
