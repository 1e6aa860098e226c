//! Whether a client would accept a pair, asked before it is served: what somebody else issued is
//! taken on their word by nobody.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls::server::VerifierBuilderError;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName, UnixTime};

use crate::issue::Issued;

/// No client would accept a pair.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// One of the three texts isn't PEM.
    #[error("reading {what} from PEM")]
    Pem {
        /// Which one.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// There is no certificate in the chain.
    #[error("the certificate chain is empty")]
    Empty,
    /// The key isn't usable, or not the certificate's.
    #[error("joining the certificate and its key")]
    Pair(#[source] rustls::Error),
    /// The CA can't be one.
    #[error("taking {0} as a CA")]
    Authority(&'static str, #[source] rustls::Error),
    /// There is no CA.
    #[error("there is no CA to trust")]
    NoAuthority(#[source] VerifierBuilderError),
    /// The name isn't one that a certificate is for.
    #[error("reading the name {name}")]
    Name {
        /// As given.
        name: String,
        /// What is wrong with it.
        #[source]
        source: InvalidDnsNameError,
    },
    /// The time is before 1970.
    #[error("{0} isn't a time that certificates know")]
    Time(Timestamp),
    /// The certificate isn't under the CA, isn't for the name, or doesn't hold now.
    #[error("verifying the certificate for {name}")]
    Refused {
        /// The name asked for.
        name: String,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// Whether a client that trusts `authority` alone, and asks for `name` at `now`, accepts `pair`.
///
/// # Errors
/// [`TrustError`] when it doesn't, or the texts don't make a pair.
pub fn verify(
    pair: &Issued,
    authority: &str,
    name: &str,
    now: Timestamp,
) -> Result<(), TrustError> {
    let chain = certificates("the certificate chain", &pair.certificate)?;
    let pem = |source| TrustError::Pem {
        what: "the private key",
        source,
    };
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).map_err(pem)?;
    let (leaf, intermediates) = chain.split_first().ok_or(TrustError::Empty)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    CertifiedKey::from_der(chain.clone(), key, &provider).map_err(TrustError::Pair)?;
    let mut roots = RootCertStore::empty();
    for root in certificates("the CA", authority)? {
        let added = roots.add(root);
        added.map_err(|source| TrustError::Authority("a certificate of ca.crt", source))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let asked = ServerName::try_from(name).map_err(|source| TrustError::Name {
        name: name.to_owned(),
        source,
    })?;
    let seconds = u64::try_from(now.as_second()).map_err(|_| TrustError::Time(now))?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    verifier
        .map_err(TrustError::NoAuthority)?
        .verify_server_cert(leaf, intermediates, &asked, &[], at)
        .map(drop)
        .map_err(|source| TrustError::Refused {
            name: name.to_owned(),
            source,
        })
}

fn certificates(what: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|source| TrustError::Pem { what, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{issue_ca, issue_leaf};
    use jiff::SignedDuration;

    const NAME: &str = "webhook.platform.svc";

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn pair() -> (Issued, Issued) {
        let ca = issue_ca(now()).unwrap();
        let leaf = issue_leaf(&ca, &[NAME.to_owned()], now()).unwrap();
        (ca, leaf)
    }

    #[test]
    fn a_leaf_under_its_ca_is_accepted_for_its_name() {
        let (ca, leaf) = pair();
        verify(&leaf, &ca.certificate, NAME, now()).unwrap();
    }

    #[test]
    fn another_ca_name_or_time_is_refused() {
        let ((ca, leaf), (other, _)) = (pair(), pair());
        let later = now() + SignedDuration::from_hours(24 * 40);
        for (authority, name, now) in [
            (&other.certificate, NAME, now()),
            (&ca.certificate, "another.platform.svc", now()),
            (&ca.certificate, NAME, later),
        ] {
            let error = verify(&leaf, authority, name, now).unwrap_err();
            assert!(matches!(error, TrustError::Refused { .. }), "{error:?}");
        }
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let ((ca, leaf), (_, other)) = (pair(), pair());
        let mixed = Issued {
            key: other.key,
            ..leaf
        };
        let error = verify(&mixed, &ca.certificate, NAME, now()).unwrap_err();
        assert!(matches!(error, TrustError::Pair(_)), "{error:?}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let (ca, leaf) = pair();
        let none = Issued {
            certificate: String::new(),
            ..leaf.clone()
        };
        let error = verify(&none, &ca.certificate, NAME, now()).unwrap_err();
        assert!(matches!(error, TrustError::Empty), "{error:?}");
        let error = verify(&leaf, "", NAME, now()).unwrap_err();
        assert!(matches!(error, TrustError::NoAuthority(_)), "{error:?}");
    }
}
