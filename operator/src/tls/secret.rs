//! What the Secrets say, and how ours look. Nothing in them is believed before it was tried: a key
//! that is lost or another's makes a CA none, and a pair that no client would accept isn't one.

use std::collections::BTreeMap;

use certs::{Issued, TrustError, check_ca, verify};
use crds::names;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;

use super::plan::{Leaf, Provided, Trust};
use crate::chain::Chain;

/// A Secret of type `kubernetes.io/tls` has these.
pub(super) const CERTIFICATE: &str = "tls.crt";
pub(super) const KEY: &str = "tls.key";
/// The CA that signed the certificate.
pub(super) const AUTHORITY: &str = "ca.crt";
/// The CAs of the certificates before.
pub(super) const PREVIOUS: &str = "previous-ca.crt";
/// Annotation: since when the certificate is served.
pub(super) const SINCE: &str = "mcpruntime.org/served-since";

/// Our own CA, if leaves can be issued under it.
pub(super) fn authority(secret: &Secret) -> Option<Issued> {
    let pair = issued(secret);
    let Err(error) = check_ca(&pair) else {
        return Some(pair);
    };
    let secret = names::CA_SECRET;
    tracing::warn!(secret, error = %Chain(&error), "not a CA; where it is needed, it is replaced");
    None
}

/// What is served, and what clients that ask for `name` make of it.
pub(super) fn served(secret: &Secret, name: &str, now: Timestamp) -> Leaf {
    let (pair, authority) = (issued(secret), text(secret, AUTHORITY));
    let verified = verify(&pair, &authority, name, now);
    if let Err(error) = &verified {
        let secret = names::WEBHOOK_TLS_SECRET;
        tracing::warn!(secret, error = %Chain(error), "not to be served any longer");
    }
    Leaf {
        trust: trust(&verified),
        certificate: pair.certificate,
        authority,
        previous: text(secret, PREVIOUS),
        since: annotation(secret, SINCE).and_then(|since| since.parse().ok()),
    }
}

fn trust(verified: &Result<(), TrustError>) -> Trust {
    match verified {
        Ok(()) => Trust::Accepted,
        Err(TrustError::Refused { .. }) => Trust::Refused,
        Err(_) => Trust::Unusable,
    }
}

/// What cert-manager issued, unless clients that ask for `name` wouldn't accept it.
pub(super) fn provided(secret: &Secret, name: &str, now: Timestamp) -> Option<Provided> {
    let provided = Provided {
        pair: issued(secret),
        authority: text(secret, AUTHORITY),
    };
    let Err(error) = verify(&provided.pair, &provided.authority, name, now) else {
        return Some(provided);
    };
    let secret = names::WEBHOOK_CM_TLS_SECRET;
    tracing::warn!(secret, error = %Chain(&error), "not served");
    None
}

/// What somebody asks for who wants another one.
pub(super) fn asked(secret: &Secret) -> Option<&str> {
    annotation(secret, names::ANNOTATION_ROTATE)
}

/// Somebody wants another one than the one that answered the last wish.
pub(super) fn is_asked(secret: &Secret) -> bool {
    let asked = asked(secret);
    asked.is_some() && asked != annotation(secret, names::ANNOTATION_ROTATED)
}

/// One of our Secrets, as it is applied.
pub(super) fn tls_secret<'a, const N: usize>(
    (namespace, name): (&str, &str),
    parts: [(&str, String); N],
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
) -> Secret {
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let data: BTreeMap<String, ByteString> = parts
        .into_iter()
        .map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes())))
        .collect();
    let managed = (names::LABEL_MANAGED_BY, names::MANAGED_BY);
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            labels: Some([owned(managed)].into()),
            annotations: Some(annotations.map(owned).collect()),
            ..ObjectMeta::default()
        },
        type_: Some("kubernetes.io/tls".into()),
        data: Some(data),
        ..Secret::default()
    }
}

fn annotation<'a>(secret: &'a Secret, name: &str) -> Option<&'a str> {
    let found = secret.metadata.annotations.as_ref()?.get(name)?;
    Some(found)
}

fn issued(secret: &Secret) -> Issued {
    Issued {
        certificate: text(secret, CERTIFICATE),
        key: text(secret, KEY),
    }
}

fn text(secret: &Secret, key: &str) -> String {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    bytes
        .map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
