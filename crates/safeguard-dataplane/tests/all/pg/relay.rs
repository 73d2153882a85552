//! TLS by hand: a client that begins as it likes, and a machine in the middle that has a certificate of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::wire::packet;
use crate::tls::Certified;

const TLS: u32 = 1234 << 16 | 5679;

/// A server: where it is, and by which certificate and name it is known.
#[derive(Clone)]
pub struct Known {
    pub address: SocketAddr,
    pub name: &'static str,
    pub certificate: CertificateDer<'static>,
}

/// How a client begins TLS.
#[derive(Clone, Copy)]
pub enum Begins {
    /// With a packet that asks for it.
    Asking,
    /// With its first byte.
    AtOnce,
}

pub async fn tls(known: &Known, begins: Begins, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(known.certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let mut stream = TcpStream::connect(known.address).await?;
    if matches!(begins, Begins::Asking) {
        stream.write_all(&packet(&TLS.to_be_bytes())).await?;
        assert_eq!(stream.read_u8().await?, b'S');
    }
    let name = ServerName::try_from(known.name).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Ends TLS on both sides, and passes on what both say; returns where.
pub async fn relay(target: Known, own: &Certified) -> SocketAddr {
    let chain = vec![own.der.clone()];
    let key = PrivateKeyDer::from_pem_file(&own.files.key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                client.read_exact(&mut [0; 8]).await?;
                client.write_all(b"S").await?;
                let mut client = acceptor.accept(client).await?;
                let mut server = tls(&target, Begins::Asking, &[]).await?;
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    address
}
