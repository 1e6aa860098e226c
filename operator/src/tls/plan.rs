//! The next thing to do about the certificate: a pure function of what is stored and the time.

use std::time::Duration;

use certs::{Issued, Validity, bundle::join};
use jiff::{SignedDuration, Timestamp};

/// API servers learn of a changed webhook configuration by a watch; this is ample.
const ANNOUNCED_FOR: Duration = Duration::from_secs(30);
/// Kubelets bring a changed Secret to its pods within about two minutes; until then webhooks
/// serve with the old leaf, whose CA has to be known.
const OLD_LEAF_FOR: SignedDuration = SignedDuration::from_hours(1);
/// How often to look, for want of anything to wait for.
const LOOK: Duration = Duration::from_secs(3600);

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// `None` where there is none, or nothing that can be read.
    pub(super) authority: Option<Issued>,
    pub(super) leaf: Option<Leaf>,
    /// The PEM bundle of each webhook of both configurations.
    pub(super) bundles: Vec<Option<String>>,
}

/// The serving certificate, and the CAs it takes to trust it and the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) certificate: String,
    /// The CA that signed it.
    pub(super) authority: String,
    /// The CA of its predecessor; empty where that was the same, or there was none.
    pub(super) previous: String,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    NewAuthority,
    /// Write the bundle into every webhook.
    Announce,
    NewLeaf,
    Wait(Duration),
}

/// The bundle that every webhook is to have: the CA to come, the one in use, the one before.
pub(super) fn bundle(seen: &Seen, now: Timestamp) -> String {
    let authority = seen.authority.as_ref().map_or("", |ca| &ca.certificate);
    let leaf = seen.leaf.as_ref();
    let in_use = leaf.map_or("", |leaf| &leaf.authority);
    let before = leaf
        .filter(|leaf| is_young(leaf, now))
        .map_or("", |leaf| &leaf.previous);
    join(&[authority, in_use, before])
}

/// `announced_for`: how long every webhook has had [`bundle`].
pub(super) fn plan(seen: &Seen, announced_for: Duration, now: Timestamp) -> Step {
    let Some(authority) = &seen.authority else {
        return Step::NewAuthority;
    };
    let Some(authority_validity) = validity(&authority.certificate) else {
        return Step::NewAuthority;
    };
    if authority_validity.renewal_due(now) {
        return Step::NewAuthority;
    }
    let wanted = bundle(seen, now);
    if seen
        .bundles
        .iter()
        .any(|live| live.as_deref() != Some(&*wanted))
    {
        return Step::Announce;
    }
    let leaf = seen
        .leaf
        .as_ref()
        .and_then(|leaf| Some((leaf, validity(&leaf.certificate)?)));
    match leaf {
        // Nobody is served by what is not valid: there is nothing to keep.
        Some((leaf, validity)) if validity.contains(now) => {
            let same = leaf.authority == authority.certificate;
            match (same, validity.renewal_due(now)) {
                (true, true) => Step::NewLeaf,
                (true, false) => Step::Wait(LOOK),
                (false, _) => match ANNOUNCED_FOR.checked_sub(announced_for) {
                    Some(left) if !left.is_zero() => Step::Wait(left),
                    _ => Step::NewLeaf,
                },
            }
        }
        _ => Step::NewLeaf,
    }
}

fn is_young(leaf: &Leaf, now: Timestamp) -> bool {
    validity(&leaf.certificate).is_some_and(|v| now.duration_since(v.not_before) < OLD_LEAF_FOR)
}

fn validity(pem: &str) -> Option<Validity> {
    Validity::of_pem(pem.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use certs::{issue_ca, issue_leaf};

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn leaf(ca: &Issued, now: Timestamp, previous: &str) -> Leaf {
        Leaf {
            certificate: issue_leaf(ca, &["w".into()], now).unwrap().certificate,
            authority: ca.certificate.clone(),
            previous: previous.into(),
        }
    }

    fn announced(mut seen: Seen, now: Timestamp) -> Seen {
        let bundle = bundle(&seen, now);
        seen.bundles = vec![Some(bundle.clone()), Some(bundle)];
        seen
    }

    #[test]
    fn from_nothing_it_takes_a_ca_a_bundle_and_a_leaf() {
        let now = time("2026-01-01T00:00:00Z");
        let mut seen = Seen {
            bundles: vec![None, None],
            ..Seen::default()
        };
        assert_eq!(plan(&seen, Duration::ZERO, now), Step::NewAuthority);
        let ca = issue_ca(now).unwrap();
        seen.authority = Some(ca.clone());
        assert_eq!(plan(&seen, Duration::ZERO, now), Step::Announce);
        seen = announced(seen, now);
        assert_eq!(plan(&seen, Duration::ZERO, now), Step::NewLeaf);
        seen.leaf = Some(leaf(&ca, now, ""));
        assert_eq!(plan(&seen, Duration::ZERO, now), Step::Wait(LOOK));
    }

    #[test]
    fn a_leaf_is_renewed_by_the_same_ca_without_waiting() {
        let now = time("2026-01-01T00:00:00Z");
        let ca = issue_ca(now).unwrap();
        let seen = Seen {
            leaf: Some(leaf(&ca, now, "")),
            authority: Some(ca),
            bundles: vec![],
        };
        let seen = announced(seen, now);
        assert_eq!(
            plan(&seen, Duration::ZERO, time("2026-01-20T00:00:00Z")),
            Step::Wait(LOOK)
        );
        assert_eq!(
            plan(&seen, Duration::ZERO, time("2026-01-22T00:00:00Z")),
            Step::NewLeaf
        );
    }

    #[test]
    fn a_configuration_applied_anew_gets_its_bundle_back() {
        let now = time("2026-01-01T00:00:00Z");
        let ca = issue_ca(now).unwrap();
        let seen = Seen {
            leaf: Some(leaf(&ca, now, "")),
            authority: Some(ca),
            bundles: vec![],
        };
        let mut seen = announced(seen, now);
        seen.bundles.push(None);
        assert_eq!(plan(&seen, Duration::ZERO, now), Step::Announce);
    }

    #[test]
    fn a_new_ca_serves_only_after_both_were_announced_and_the_old_one_stays_a_while() {
        let now = time("2026-01-01T00:00:00Z");
        let (old, new) = (issue_ca(now).unwrap(), issue_ca(now).unwrap());
        let mut seen = Seen {
            authority: Some(new.clone()),
            leaf: Some(leaf(&old, now, "")),
            bundles: vec![Some(join(&[&old.certificate]))],
        };
        let both = join(&[&new.certificate, &old.certificate]);
        assert_eq!(bundle(&seen, now), both);
        assert_eq!(plan(&seen, Duration::ZERO, now), Step::Announce);
        seen = announced(seen, now);
        let some = Duration::from_secs(10);
        assert_eq!(plan(&seen, some, now), Step::Wait(ANNOUNCED_FOR - some));
        assert_eq!(plan(&seen, ANNOUNCED_FOR, now), Step::NewLeaf);
        seen.leaf = Some(leaf(&new, now, &old.certificate));
        assert_eq!(
            bundle(&seen, now),
            both,
            "pods may still serve with the old leaf"
        );
        let later = time("2026-01-01T02:00:00Z");
        assert_eq!(bundle(&seen, later), join(&[&new.certificate]));
    }

    #[test]
    fn what_is_expired_or_unreadable_is_replaced_at_once() {
        let now = time("2026-01-01T00:00:00Z");
        let ca = issue_ca(now).unwrap();
        let seen = Seen {
            leaf: Some(leaf(&ca, now, "")),
            authority: Some(ca),
            bundles: vec![],
        };
        assert_eq!(
            plan(&seen, Duration::ZERO, time("2026-03-01T00:00:00Z")),
            Step::NewLeaf
        );
        let mut broken = seen.clone();
        if let Some(leaf) = &mut broken.leaf {
            leaf.certificate = "x".into();
        }
        assert_eq!(plan(&broken, Duration::ZERO, now), Step::NewLeaf);
        let broken = Seen {
            authority: Some(Issued {
                certificate: "x".into(),
                key: "y".into(),
            }),
            ..seen
        };
        assert_eq!(plan(&broken, Duration::ZERO, now), Step::NewAuthority);
    }
}
