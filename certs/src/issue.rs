//! New key pairs and the certificates over them, as PEM texts.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::validity::ReadError;

/// Days a CA is valid: its key lies in a Secret, so not for ever. Changing it takes two phases and
/// nobody's help; the last third leaves four months for it.
pub const CA_DAYS: u32 = 365;
/// Days a leaf is valid. Less than the last third of its CA's life, so that none outlives its CA;
/// its own last third is how long the operator may be away.
pub const LEAF_DAYS: u32 = 30;
/// How far validity starts in the past, for clocks that are behind ours.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A certificate and the key it is over, both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// One `CERTIFICATE` block.
    pub certificate: String,
    /// One `PRIVATE KEY` block (PKCS#8, ECDSA P-256).
    pub key: String,
}

impl fmt::Debug for Issued {
    /// Without the key: this ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// A certificate can't be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// No key pair.
    #[error("generating a key pair")]
    Generate(#[source] rcgen::Error),
    /// The names aren't ones a certificate can carry.
    #[error("describing a certificate for {names:?}")]
    Describe {
        /// As given.
        names: Vec<String>,
        /// What rcgen said.
        #[source]
        source: rcgen::Error,
    },
    /// The CA's key can't be read, or isn't of a kind that signs here.
    #[error("reading the CA's key")]
    CaKey(#[source] rcgen::Error),
    /// The CA's certificate can't be read.
    #[error("reading the CA's certificate")]
    CaCertificate(#[source] ReadError),
    /// The CA's certificate can't be taken as an issuer.
    #[error("taking the CA's name from its certificate")]
    CaName(#[source] rcgen::Error),
    /// It is a certificate that signs no others.
    #[error("the CA's certificate isn't a CA's")]
    NotACa,
    /// What it signs would be verified by nobody.
    #[error("the CA's key isn't its certificate's")]
    OtherKey,
    /// Signing failed.
    #[error("signing a certificate")]
    Sign(#[source] rcgen::Error),
    /// The time isn't one that X.509 can express.
    #[error("a certificate can't begin at {0}")]
    Time(Timestamp),
}

/// A self-signed CA, valid for [`CA_DAYS`], that may sign leaves and no further CAs.
///
/// Its name carries the day, so that an old and a new CA in one bundle are told apart by people too.
///
/// # Errors
/// [`IssueError`] when the crypto library refuses.
pub fn issue_ca(now: Timestamp) -> Result<Issued, IssueError> {
    let mut params = params(&[], CA_DAYS, now)?;
    let day = now.strftime("%Y-%m-%d");
    name(&mut params, &format!("mcp-runtime webhook CA {day}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().map_err(IssueError::Generate)?;
    let certificate = params.self_signed(&key).map_err(IssueError::Sign)?;
    Ok(Issued {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// Whether leaves can be issued under `ca`: it is a CA's certificate, and the key is its own.
///
/// # Errors
/// [`IssueError`] when they can't.
pub fn check_ca(ca: &Issued) -> Result<(), IssueError> {
    issuer(ca).map(drop)
}

/// rcgen would take the name of any certificate, and sign in that name with any key.
fn issuer(ca: &Issued) -> Result<Issuer<'static, KeyPair>, IssueError> {
    let key = KeyPair::from_pem(&ca.key).map_err(IssueError::CaKey)?;
    let der = CertificateDer::from_pem_slice(ca.certificate.as_bytes())
        .map_err(|source| IssueError::CaCertificate(ReadError::Pem(source)))?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der)
        .map_err(|source| IssueError::CaCertificate(ReadError::Der(source)))?;
    if !certificate.is_ca() {
        return Err(IssueError::NotACa);
    }
    let certified = &certificate.public_key().subject_public_key;
    if *certified.data != *key.public_key_raw() {
        return Err(IssueError::OtherKey);
    }
    Issuer::from_ca_cert_der(&der, key).map_err(IssueError::CaName)
}

/// A server's certificate for `names` under `ca`, valid for [`LEAF_DAYS`].
///
/// # Errors
/// [`IssueError`] when the CA isn't one ([`check_ca`]), a name isn't one, or the crypto library
/// refuses.
pub fn issue_leaf(ca: &Issued, names: &[String], now: Timestamp) -> Result<Issued, IssueError> {
    let mut params = params(names, LEAF_DAYS, now)?;
    if let Some(first) = names.first() {
        name(&mut params, first);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let issuer = issuer(ca)?;
    let key = KeyPair::generate().map_err(IssueError::Generate)?;
    let certificate = params.signed_by(&key, &issuer).map_err(IssueError::Sign)?;
    Ok(Issued {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// The DNS names under which the API server and others reach a Service.
///
/// The API server asks for `<service>.<namespace>.svc` (Kubernetes API, WebhookClientConfig).
pub fn service_names(service: &str, namespace: &str) -> Vec<String> {
    vec![
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}.svc.cluster.local"),
        format!("{service}.{namespace}"),
        service.to_owned(),
    ]
}

fn params(names: &[String], days: u32, now: Timestamp) -> Result<CertificateParams, IssueError> {
    let mut params =
        CertificateParams::new(names.to_vec()).map_err(|source| IssueError::Describe {
            names: names.to_vec(),
            source,
        })?;
    let start = u64::try_from((now - SKEW).as_second()).map_err(|_| IssueError::Time(now))?;
    // rcgen takes a type of the `time` crate; counting from its epoch spares us that crate.
    params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(start);
    params.not_after = params.not_before + Duration::from_secs(u64::from(days) * 86_400);
    Ok(params)
}

/// A common name has at most 64 characters (RFC 5280, ub-common-name); longer ones are left out,
/// as verifiers read the alternative names alone.
fn name(params: &mut CertificateParams, name: &str) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    if name.chars().count() <= 64 {
        params.distinguished_name.push(DnType::CommonName, name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_as_the_api_server_calls_it() {
        assert_eq!(
            service_names("mcp-runtime-webhook", "mcp-runtime"),
            [
                "mcp-runtime-webhook.mcp-runtime.svc",
                "mcp-runtime-webhook.mcp-runtime.svc.cluster.local",
                "mcp-runtime-webhook.mcp-runtime",
                "mcp-runtime-webhook",
            ]
        );
    }

    #[test]
    fn a_key_is_not_shown_in_logs() {
        let ca = issue_ca(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1)).unwrap();
        assert!(!format!("{ca:?}").contains("PRIVATE KEY"));
    }

    #[test]
    fn nothing_is_issued_under_what_is_no_ca_or_has_another_ones_key() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let (ca, other) = (issue_ca(now).unwrap(), issue_ca(now).unwrap());
        let leaf = issue_leaf(&ca, &["w".into()], now).unwrap();
        check_ca(&ca).unwrap();
        let with = |certificate: &str, key: &str| {
            let pair = Issued {
                certificate: certificate.into(),
                key: key.into(),
            };
            let error = check_ca(&pair).unwrap_err();
            let issued = issue_leaf(&pair, &["w".into()], now).unwrap_err();
            assert_eq!(issued.to_string(), error.to_string());
            error
        };
        let error = with(&ca.certificate, "x");
        assert!(matches!(error, IssueError::CaKey(_)), "{error:?}");
        let error = with("x", &ca.key);
        assert!(matches!(error, IssueError::CaCertificate(_)), "{error:?}");
        let error = with(&leaf.certificate, &leaf.key);
        assert!(matches!(error, IssueError::NotACa), "{error:?}");
        let error = with(&ca.certificate, &other.key);
        assert!(matches!(error, IssueError::OtherKey), "{error:?}");
    }

    #[test]
    fn a_name_that_is_no_name_is_refused() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let ca = issue_ca(now).unwrap();
        let error = issue_leaf(&ca, &["schön".into()], now).unwrap_err();
        assert!(matches!(error, IssueError::Describe { .. }), "{error:?}");
    }

    #[test]
    fn a_time_before_the_epoch_is_refused() {
        let error = issue_ca(Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(matches!(error, IssueError::Time(_)), "{error:?}");
    }
}
