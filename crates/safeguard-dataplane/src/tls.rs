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
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::journal::blocking;
use crate::x509;

/// What was agreed on with the client.
pub const ALPN_H2: &[u8] = b"h2";
/// What the router speaks.
const ALPN_HTTP: &[&[u8]] = &[ALPN_H2, b"http/1.1"];
/// What a proxy in front of PostgreSQL speaks.
pub const ALPN_POSTGRESQL: &[u8] = b"postgresql";
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
    #[error("the certificates in `{path}` prove no clients")]
    Clients {
        path: PathBuf,
        #[source]
        source: VerifierBuilderError,
    },
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
            TlsError::Clients { .. } => {
                "name the certificate of the authority that signs those of the clients"
            }
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
    load(files, &Serves::Http).map(|_| ())
}

/// What is spoken through TLS.
#[derive(Debug, Clone)]
pub enum Serves {
    Http,
    /// Clients may show certificates, which must lead to one of those in the file.
    PostgreSql {
        client_authority: Option<PathBuf>,
    },
}

/// A listener's certificate in force.
pub struct Certificate {
    files: TlsFiles,
    serves: Serves,
    current: ArcSwap<Current>,
    loaded: Stamps,
}

struct Current {
    config: Arc<ServerConfig>,
    end_point: Option<Arc<[u8]>>,
}

impl Certificate {
    pub fn load(files: TlsFiles, serves: Serves) -> Result<Certificate, TlsError> {
        // What changes after this is seen as a change.
        let loaded = stamps(&files, &serves);
        let current = ArcSwap::from_pointee(load(&files, &serves)?);
        Ok(Certificate {
            files,
            serves,
            current,
            loaded,
        })
    }

    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.accept_bound(stream).await.map(|(stream, _)| stream)
    }

    /// Also returns what a login through the stream may bind to: the hash of the very certificate that was shown.
    pub async fn accept_bound(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<Arc<[u8]>>)> {
        let current = self.current.load_full();
        let stream = TlsAcceptor::from(Arc::clone(&current.config))
            .accept(stream)
            .await?;
        Ok((stream, current.end_point.clone()))
    }

    /// Takes a changed certificate into force, for ever. Connections that are open keep theirs; a certificate that can
    /// not be used changes nothing.
    pub async fn watch(self: Arc<Self>) {
        let mut turn = tokio::time::interval(LOOK_EVERY);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = self.loaded;
        loop {
            turn.tick().await;
            let (files, serves) = (self.files.clone(), self.serves.clone());
            // Certificate and key are two files: between the two changes they do not fit, and the second is a change too.
            let look = blocking(move || {
                let found = stamps(&files, &serves);
                Ok((found, (found != seen).then(|| load(&files, &serves))))
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

    fn take(&self, loaded: Option<Result<Current, TlsError>>) {
        let certificate = self.files.certificate.display();
        match loaded {
            None => {}
            Some(Ok(current)) => {
                self.current.store(Arc::new(current));
                tracing::info!(%certificate, "Certificate read again");
            }
            Some(Err(error)) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, source, "The changed certificate can not be used; the one before stays");
            }
        }
    }
}

/// Trusts what leads to one of the certificates in the file, as a client of a server; shows its own where there is one.
pub fn trust(authority: &Path, own: Option<&TlsFiles>) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Versions)?
        .with_root_certificates(roots(authority)?);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = identity(files)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|source| unfit(files, source))?
        }
    };
    Ok(Arc::new(config))
}

fn roots(authority: &Path) -> Result<RootCertStore, TlsError> {
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
    Ok(roots)
}

/// Changes whenever one of the files does.
type Stamps = [Option<Stamp>; 3];

fn stamps(files: &TlsFiles, serves: &Serves) -> Stamps {
    let authority = match serves {
        Serves::Http => None,
        Serves::PostgreSql { client_authority } => client_authority.as_ref(),
    };
    [Some(&files.certificate), Some(&files.key), authority].map(|path| {
        // A file that is gone is a change as well.
        let file = std::fs::metadata(path?).ok()?;
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

fn load(files: &TlsFiles, serves: &Serves) -> Result<Current, TlsError> {
    let (chain, key) = identity(files)?;
    let end_point = chain.first().and_then(x509::end_point).map(Arc::from);
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|source| unfit(files, source))?;
    let builder = match serves {
        Serves::PostgreSql {
            client_authority: Some(authority),
        } => builder.with_client_cert_verifier(clients_of(authority)?),
        Serves::PostgreSql {
            client_authority: None,
        }
        | Serves::Http => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|source| unfit(files, source))?;
    match serves {
        Serves::Http => config.alpn_protocols = ALPN_HTTP.iter().map(|one| one.to_vec()).collect(),
        Serves::PostgreSql { .. } => {
            config.alpn_protocols = vec![ALPN_POSTGRESQL.to_vec()];
            // As in PostgreSQL: nothing is resumed, so that each client's certificate is looked at anew.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
    }
    Ok(Current {
        config: Arc::new(config),
        end_point,
    })
}

/// Lets clients without a certificate in, and those whose own can be proved.
fn clients_of(authority: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authority)?), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|source| TlsError::Clients {
            path: authority.to_owned(),
            source,
        })
}

/// A certificate with those that lead to a known authority, and its key.
fn identity(files: &TlsFiles) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = CertificateDer::pem_slice_iter(&read(&files.certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| unreadable(&files.certificate, source))?;
    if chain.is_empty() {
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
    Ok((chain, key))
}

fn unfit(files: &TlsFiles, source: rustls::Error) -> TlsError {
    TlsError::Unfit {
        files: files.clone(),
        source,
    }
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
