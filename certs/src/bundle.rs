//! A caBundle: the CAs that API servers accept, one PEM block after the other.
//!
//! A change of CA is: `old ‖ new` published, seen by every API server, the leaf switched, and
//! only then `new` alone. At no moment is a served leaf under a CA that isn't published.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// The blocks of `parts`, in order, each certificate once.
///
/// What can't be read isn't carried over: the API server refuses a bundle with rubbish in it.
pub fn join(parts: &[&str]) -> String {
    let mut seen: Vec<CertificateDer<'static>> = Vec::new();
    let mut text = String::new();
    for block in parts.iter().flat_map(|part| blocks(part)) {
        let Ok(der) = CertificateDer::from_pem_slice(block.as_bytes()) else {
            continue;
        };
        if !seen.contains(&der) {
            seen.push(der);
            text.push_str(block);
            text.push('\n');
        }
    }
    text
}

/// Whether every certificate of `wanted` is in `bundle`; false where `wanted` has none.
pub fn contains(bundle: &str, wanted: &str) -> bool {
    let there = certificates(bundle);
    let wanted = certificates(wanted);
    !wanted.is_empty() && wanted.iter().all(|der| there.contains(der))
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .filter_map(Result::ok)
        .collect()
}

/// The texts from `-----BEGIN CERTIFICATE-----` to its end line.
fn blocks(pem: &str) -> Vec<&str> {
    const END: &str = "-----END CERTIFICATE-----";
    pem.split_inclusive(END)
        .filter_map(|part| {
            part.find("-----BEGIN CERTIFICATE-----")
                .map(|at| (part, at))
        })
        .filter_map(|(part, at)| part.get(at..))
        .filter(|block| block.ends_with(END))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue_ca;
    use jiff::Timestamp;

    fn ca(day: &str) -> String {
        let now: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        issue_ca(now).unwrap().certificate
    }

    #[test]
    fn old_and_new_are_both_there_in_order() {
        let (old, new) = (ca("2026-01-01"), ca("2026-07-01"));
        let bundle = join(&[&old, &new]);
        assert_eq!(bundle, format!("{}\n{}\n", old.trim(), new.trim()));
        assert!(contains(&bundle, &old) && contains(&bundle, &new));
        assert!(!contains(&old, &new));
    }

    #[test]
    fn joining_again_changes_nothing() {
        let (old, new) = (ca("2026-01-01"), ca("2026-07-01"));
        let bundle = join(&[&old, &new]);
        assert_eq!(join(&[&bundle, &new, &old]), bundle);
    }

    #[test]
    fn rubbish_is_left_out() {
        let good = ca("2026-01-01");
        let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        assert_eq!(
            join(&["x", broken, &good, "-----BEGIN CERTIFICATE-----"]),
            join(&[&good])
        );
    }

    #[test]
    fn nothing_is_in_no_bundle() {
        assert!(!contains("", ""));
        assert!(!contains(&ca("2026-01-01"), ""));
    }
}
