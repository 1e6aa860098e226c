//! The certificate being served, replaceable while connections are open.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::validity::{ReadError, Validity};

/// A pair can't be served.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The chain isn't PEM.
    #[error("reading the certificate chain from PEM")]
    Chain(#[source] rustls_pki_types::pem::Error),
    /// The chain has no certificate.
    #[error("the certificate chain is empty")]
    Empty,
    /// The leaf isn't X.509.
    #[error("reading the leaf")]
    Leaf(#[source] ReadError),
    /// The key isn't PEM.
    #[error("reading the private key from PEM")]
    Key(#[source] rustls_pki_types::pem::Error),
    /// The key isn't usable, or not the certificate's.
    #[error("joining the certificate and its key")]
    Pair(#[source] rustls::Error),
    /// TLS can't be configured.
    #[error("configuring TLS")]
    Configure(#[source] rustls::Error),
}

/// What a listener serves; empty until the first [`load`](Self::load), and a connection that comes
/// before it ends in a TLS alert.
#[derive(Debug, Default)]
pub struct LiveCertificate {
    current: ArcSwapOption<CertifiedKey>,
}

impl LiveCertificate {
    /// Serves this pair from the next connection on; an error leaves the one before in force.
    ///
    /// # Errors
    /// [`LoadError`] when the texts don't make a pair.
    pub fn load(&self, chain_pem: &[u8], key_pem: &[u8]) -> Result<Validity, LoadError> {
        let chain = CertificateDer::pem_slice_iter(chain_pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(LoadError::Chain)?;
        let leaf = chain.first().ok_or(LoadError::Empty)?;
        let validity = Validity::of_der(leaf).map_err(LoadError::Leaf)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(LoadError::Key)?;
        let pair = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
            .map_err(LoadError::Pair)?;
        self.current.store(Some(Arc::new(pair)));
        Ok(validity)
    }
}

impl ResolvesServerCert for LiveCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.load_full()
    }
}

/// TLS 1.2 and 1.3 without client certificates, offering HTTP/2 and HTTP/1.1.
///
/// # Errors
/// [`LoadError::Configure`] when the crypto library refuses its own defaults.
pub fn server_config(certificate: Arc<LiveCertificate>) -> Result<ServerConfig, LoadError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(LoadError::Configure)?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Issued, issue_ca, issue_leaf};
    use jiff::{SignedDuration, Timestamp};
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

    const NAME: &str = "localhost";

    fn pair() -> (Issued, Issued) {
        let now = Timestamp::now();
        let ca = issue_ca(now).unwrap();
        let leaf = issue_leaf(&ca, &[NAME.to_owned()], now).unwrap();
        (ca, leaf)
    }

    fn load(live: &LiveCertificate, leaf: &Issued) {
        live.load(leaf.certificate.as_bytes(), leaf.key.as_bytes())
            .unwrap();
    }

    /// Echoes one byte at a time on every connection.
    async fn echo(live: Arc<LiveCertificate>) -> std::net::SocketAddr {
        let acceptor = TlsAcceptor::from(Arc::new(server_config(live).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    while let Ok(byte) = stream.read_u8().await {
                        stream.write_u8(byte).await?;
                        stream.flush().await?;
                    }
                    Ok::<_, std::io::Error>(())
                });
            }
        });
        address
    }

    async fn connect(
        address: std::net::SocketAddr,
        bundle: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        for ca in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
            roots.add(ca.unwrap()).unwrap();
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config))
            .connect(NAME.try_into().unwrap(), stream)
            .await
    }

    async fn answers(stream: &mut TlsStream<TcpStream>) -> bool {
        stream.write_u8(7).await.unwrap();
        stream.flush().await.unwrap();
        stream.read_u8().await.unwrap() == 7
    }

    #[tokio::test]
    async fn a_new_certificate_is_served_and_open_connections_live_on() {
        let live = Arc::new(LiveCertificate::default());
        let address = echo(live.clone()).await;
        let (old_ca, old) = pair();
        let (new_ca, new) = pair();

        load(&live, &old);
        let mut before = connect(address, &old_ca.certificate).await.unwrap();
        assert!(answers(&mut before).await);

        load(&live, &new);
        assert!(connect(address, &old_ca.certificate).await.is_err());
        let mut after = connect(address, &new_ca.certificate).await.unwrap();
        assert!(answers(&mut after).await);
        assert!(answers(&mut before).await);
    }

    #[tokio::test]
    async fn a_bundle_of_both_accepts_either_leaf() {
        let live = Arc::new(LiveCertificate::default());
        let address = echo(live.clone()).await;
        let (old_ca, old) = pair();
        let (new_ca, new) = pair();
        let bundle = crate::bundle::join(&[&old_ca.certificate, &new_ca.certificate]);
        for leaf in [old, new] {
            load(&live, &leaf);
            let mut stream = connect(address, &bundle).await.unwrap();
            assert!(answers(&mut stream).await);
        }
    }

    #[tokio::test]
    async fn without_a_certificate_connections_fail_and_the_listener_lives() {
        let live = Arc::new(LiveCertificate::default());
        let address = echo(live.clone()).await;
        let (ca, leaf) = pair();
        assert!(connect(address, &ca.certificate).await.is_err());
        load(&live, &leaf);
        assert!(connect(address, &ca.certificate).await.is_ok());
    }

    #[tokio::test]
    async fn an_expired_leaf_is_refused_by_clients() {
        let live = Arc::new(LiveCertificate::default());
        let address = echo(live.clone()).await;
        let ca = issue_ca(Timestamp::now()).unwrap();
        let long_ago = Timestamp::now() - SignedDuration::from_hours(24 * 31);
        load(&live, &issue_leaf(&ca, &[NAME.into()], long_ago).unwrap());
        let error = connect(address, &ca.certificate).await.unwrap_err();
        assert!(error.to_string().contains("expired"), "{error}");
    }

    #[test]
    fn a_bad_pair_leaves_the_one_before_in_force() {
        let live = LiveCertificate::default();
        let (_, first) = pair();
        let (_, other) = pair();
        load(&live, &first);
        let served = live.current.load_full().unwrap();
        let load = |chain: &str, key: &str| live.load(chain.as_bytes(), key.as_bytes());

        let error = load(&first.certificate, &other.key).unwrap_err();
        assert!(matches!(error, LoadError::Pair(_)), "{error:?}");
        let error = load("", &first.key).unwrap_err();
        assert!(matches!(error, LoadError::Empty), "{error:?}");
        let error = load(&first.certificate, "").unwrap_err();
        assert!(matches!(error, LoadError::Key(_)), "{error:?}");
        assert!(Arc::ptr_eq(&served, &live.current.load_full().unwrap()));
    }
}
