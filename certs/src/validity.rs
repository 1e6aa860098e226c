//! From when until when a certificate holds, and when to replace it.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// A certificate's period, both ends inclusive (RFC 5280, 4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second it holds.
    pub not_before: Timestamp,
    /// The last.
    pub not_after: Timestamp,
}

/// A certificate can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not PEM, or no `CERTIFICATE` block in it.
    #[error("reading a certificate from PEM")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// Not X.509.
    #[error("reading an X.509 certificate")]
    Der(#[source] x509_parser::nom::Err<x509_parser::error::X509Error>),
    /// Its dates are outside of what we can represent.
    #[error("reading a certificate's dates")]
    Dates(#[source] jiff::Error),
}

impl Validity {
    /// Of the first certificate in `pem`.
    ///
    /// # Errors
    /// [`ReadError`] when there is none that can be read.
    pub fn of_pem(pem: &[u8]) -> Result<Self, ReadError> {
        let der = CertificateDer::from_pem_slice(pem).map_err(ReadError::Pem)?;
        Self::of_der(&der)
    }

    /// Of a DER certificate.
    ///
    /// # Errors
    /// [`ReadError`] when it can't be read.
    pub fn of_der(der: &[u8]) -> Result<Self, ReadError> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).map_err(ReadError::Der)?;
        let validity = certificate.validity();
        let time = |seconds| Timestamp::from_second(seconds).map_err(ReadError::Dates);
        Ok(Self {
            not_before: time(validity.not_before.timestamp())?,
            not_after: time(validity.not_after.timestamp())?,
        })
    }

    /// Whether it holds at `now`.
    pub fn contains(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// Whether a third of its life or less is left at `now`; also before it begins, since a clock
    /// that stepped back is no reason to keep what nobody accepts.
    ///
    /// Wall clock against wall clock: a machine that slept through the date notices on waking.
    pub fn renewal_due(&self, now: Timestamp) -> bool {
        let life = self.not_after.duration_since(self.not_before);
        now < self.not_before || self.not_after.duration_since(now) <= life / 3
    }

    /// Whether a tenth of its life or less is left at `now`: whoever renews it should have long since.
    pub fn nearly_over(&self, now: Timestamp) -> bool {
        let life = self.not_after.duration_since(self.not_before);
        self.not_after.duration_since(now) <= life / 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LEAF_DAYS, issue_ca, issue_leaf, service_names};
    use jiff::SignedDuration;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_leaf_holds_for_its_days_and_is_due_in_the_last_third() {
        let now = time("2026-01-02T03:04:05Z");
        let ca = issue_ca(now).unwrap();
        let leaf = issue_leaf(&ca, &service_names("s", "n"), now).unwrap();
        let validity = Validity::of_pem(leaf.certificate.as_bytes()).unwrap();
        assert_eq!(
            validity,
            Validity {
                not_before: time("2026-01-02T02:59:05Z"),
                not_after: time("2026-02-01T02:59:05Z"),
            }
        );
        assert!(validity.contains(now));
        assert!(!validity.contains(validity.not_after + SignedDuration::from_secs(1)));
        let life = SignedDuration::from_hours(24 * i64::from(LEAF_DAYS));
        let due = |elapsed: SignedDuration| validity.renewal_due(validity.not_before + elapsed);
        assert!(!due(life * 2 / 3 - SignedDuration::from_secs(1)));
        assert!(due(life * 2 / 3));
        assert!(due(life * 2));
        assert!(due(SignedDuration::from_secs(-1)));
    }

    #[test]
    fn it_is_nearly_over_in_the_last_tenth() {
        let validity = Validity {
            not_before: time("2026-01-01T00:00:00Z"),
            not_after: time("2026-01-11T00:00:00Z"),
        };
        assert!(!validity.nearly_over(time("2026-01-09T23:59:59Z")));
        assert!(validity.nearly_over(time("2026-01-10T00:00:00Z")));
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        assert!(matches!(Validity::of_pem(b""), Err(ReadError::Pem(_))));
        let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = Validity::of_pem(text.as_bytes()).unwrap_err();
        assert!(matches!(error, ReadError::Der(_)), "{error:?}");
    }
}
