//! TLS on the listeners for callers (RFC 8446, RFC 5246); the admin listener stays on the loopback and goes without.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::config::ServerError;

/// Greets callers.
#[derive(Clone)]
pub(crate) struct Acceptor(TlsAcceptor);

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Acceptor {
    /// Agree with a caller; give the socket and whether HTTP/2 is spoken on it. None when there is no agreement.
    pub(crate) async fn greet(&self, stream: TcpStream) -> Option<(TlsStream<TcpStream>, bool)> {
        let stream = self.0.accept(stream).await.ok()?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        Some((stream, is_http2))
    }
}

/// HTTP/2 as a TLS handshake names it.
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Where certificate and key are, as PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate, followed by those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Tls {
    /// Read both.
    ///
    /// # Errors
    /// [`ServerError::Tls`] when one cannot be read or they do not belong together.
    pub(crate) fn acceptor(&self) -> Result<Acceptor, ServerError> {
        let unusable = |path: &Path, error: &dyn std::fmt::Display| {
            ServerError::Tls(format!("{}: {error}", path.display()))
        };
        let certificates = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(&self.certificate, &error))?;
        if certificates.is_empty() {
            return Err(unusable(&self.certificate, &"no certificate is in there"));
        }
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unusable(&self.key, &error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&self.certificate, &error))?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(|error| unusable(&self.key, &error))?;
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Ok(Acceptor(TlsAcceptor::from(Arc::new(config))))
    }
}
