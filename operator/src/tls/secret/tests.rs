use super::*;
use certs::{issue_ca, issue_leaf};

const NAME: &str = "w.n.svc";

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn leaf(ca: &Issued) -> Issued {
    issue_leaf(ca, &[NAME.to_owned()], now()).unwrap()
}

/// Certificate, key and CA.
fn secret(certificate: &str, key: &str, authority: &str) -> Secret {
    let parts = [
        (CERTIFICATE, certificate),
        (KEY, key),
        (AUTHORITY, authority),
    ];
    let parts = parts.map(|(part, text)| (part, text.to_owned()));
    tls_secret(("n", "s"), parts, std::iter::empty())
}

#[test]
fn a_ca_is_one_with_its_own_key_alone() {
    let (ca, other) = (issue_ca(now()).unwrap(), issue_ca(now()).unwrap());
    let read = |certificate: &str, key: &str| authority(&secret(certificate, key, ""));
    assert_eq!(read(&ca.certificate, &ca.key), Some(ca.clone()));
    assert_eq!(read(&ca.certificate, &other.key), None);
    assert_eq!(read(&ca.certificate, "x"), None);
    assert_eq!(read("x", &ca.key), None);
    let leaf = leaf(&ca);
    assert_eq!(read(&leaf.certificate, &leaf.key), None);
    assert_eq!(authority(&Secret::default()), None);
}

#[test]
fn what_is_served_is_judged_as_its_clients_do() {
    let (ca, other) = (issue_ca(now()).unwrap(), issue_ca(now()).unwrap());
    let pair = leaf(&ca);
    let judged = |key: &str, authority: &str, name: &str| {
        served(&secret(&pair.certificate, key, authority), name, now()).trust
    };
    assert_eq!(judged(&pair.key, &ca.certificate, NAME), Trust::Accepted);
    assert_eq!(judged(&pair.key, &other.certificate, NAME), Trust::Refused);
    assert_eq!(
        judged(&pair.key, &ca.certificate, "v.n.svc"),
        Trust::Refused
    );
    assert_eq!(judged(&other.key, &ca.certificate, NAME), Trust::Unusable);
    assert_eq!(judged("x", &ca.certificate, NAME), Trust::Unusable);
    assert_eq!(judged(&pair.key, "", NAME), Trust::Unusable);
}

#[test]
fn a_leaf_that_was_signed_with_another_ones_key_is_refused() {
    let (ca, other) = (issue_ca(now()).unwrap(), issue_ca(now()).unwrap());
    let Issued { certificate, key } = leaf(&other);
    let found = served(&secret(&certificate, &key, &ca.certificate), NAME, now());
    assert_eq!(found.trust, Trust::Refused);
}

#[test]
fn what_cert_manager_issued_counts_where_clients_accept_it() {
    let ca = issue_ca(now()).unwrap();
    let pair = leaf(&ca);
    let read = |key: &str| {
        let secret = secret(&pair.certificate, key, &ca.certificate);
        provided(&secret, NAME, now()).map(|provided| provided.pair)
    };
    assert_eq!(read(&pair.key), Some(pair.clone()));
    assert_eq!(read(&ca.key), None);
}

#[test]
fn a_wish_is_answered_once() {
    let asking = |asked: &str, answered: &str| {
        let annotations = [
            (names::ANNOTATION_ROTATE, asked),
            (names::ANNOTATION_ROTATED, answered),
        ];
        is_asked(&tls_secret(("n", "s"), [], annotations.into_iter()))
    };
    assert!(asking("2", "1"));
    assert!(!asking("2", "2"));
    assert!(!is_asked(&Secret::default()));
}
