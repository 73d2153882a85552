//! What TLS says about a connection, which a login may rest on.

use std::sync::Arc;

use tokio_rustls::rustls::CommonState;

use crate::x509;

/// Nothing is known of a connection in the clear.
#[derive(Debug, Default)]
pub struct Channel {
    /// The hash of the server's certificate, to which both sides of a login bind it (`tls-server-end-point`); none where its
    /// signature names no hash.
    pub end_point: Option<Arc<[u8]>>,
    /// The names of the client's certificate, which was verified; none where it has shown none.
    names: Vec<String>,
}

impl Channel {
    /// From a client, to whom a certificate with this hash was shown.
    pub fn from_client(tls: &CommonState, end_point: Option<Arc<[u8]>>) -> Channel {
        let shown = tls.peer_certificates().and_then(<[_]>::first);
        Channel {
            end_point,
            names: shown.map(x509::names).unwrap_or_default(),
        }
    }

    /// To a server, which has shown its certificate.
    pub fn to_server(tls: &CommonState) -> Channel {
        let shown = tls.peer_certificates().and_then(<[_]>::first);
        Channel {
            end_point: shown.and_then(x509::end_point).map(Arc::from),
            names: Vec::new(),
        }
    }

    /// Whether the client's certificate has this very name.
    pub fn is_of(&self, name: &str) -> bool {
        self.names.iter().any(|one| one == name)
    }
}
