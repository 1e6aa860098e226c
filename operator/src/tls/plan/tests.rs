use super::*;
use certs::{issue_ca, issue_leaf};

mod history;

const ENOUGH: Duration = Duration::from_secs(30);
const NOW: &str = "2026-01-01T00:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn pair(ca: &Issued, now: Timestamp) -> Issued {
    issue_leaf(ca, &["w".into()], now).unwrap()
}

fn leaf(ca: &Issued, now: Timestamp, previous: &str) -> Leaf {
    Leaf {
        certificate: pair(ca, now).certificate,
        authority: ca.certificate.clone(),
        previous: previous.into(),
        since: Some(now),
        trust: Trust::Accepted,
    }
}

fn provided(ca: &Issued, now: Timestamp) -> Provided {
    Provided {
        pair: pair(ca, now),
        authority: ca.certificate.clone(),
    }
}

/// As after `provided` was taken into service.
fn adopted(provided: &Provided, previous: &str, now: Timestamp) -> Leaf {
    Leaf {
        certificate: provided.pair.certificate.clone(),
        authority: provided.authority.clone(),
        previous: previous.into(),
        since: Some(now),
        trust: Trust::Accepted,
    }
}

fn announced(mut seen: Seen, now: Timestamp) -> Seen {
    let bundle = bundle(&seen, now);
    seen.bundles = vec![Some(bundle.clone()), Some(bundle)];
    seen
}

/// Our own CA and a leaf under it, announced, at [`NOW`].
fn at_rest() -> (Issued, Seen) {
    let now = time(NOW);
    let ca = issue_ca(now).unwrap();
    let seen = Seen {
        served: Some(leaf(&ca, now, "")),
        authority: Some(ca.clone()),
        ..Seen::default()
    };
    (ca, announced(seen, now))
}

fn step(seen: &Seen, announced_for: Duration, now: &str) -> Step {
    plan(seen, announced_for, ENOUGH, time(now))
}

#[test]
fn from_nothing_it_takes_a_ca_a_bundle_and_a_leaf() {
    let now = time(NOW);
    let mut seen = Seen {
        bundles: vec![None, None],
        ..Seen::default()
    };
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::NewAuthority);
    let ca = issue_ca(now).unwrap();
    seen.authority = Some(ca.clone());
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Announce);
    seen = announced(seen, now);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::NewLeaf);
    seen.served = Some(leaf(&ca, now, ""));
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Wait(LOOK));
}

#[test]
fn a_leaf_is_renewed_by_the_same_ca_without_waiting() {
    let (_, seen) = at_rest();
    let at = |now| step(&seen, Duration::ZERO, now);
    assert_eq!(at("2026-01-20T00:00:00Z"), Step::Wait(LOOK));
    assert_eq!(at("2026-01-22T00:00:00Z"), Step::NewLeaf);
}

#[test]
fn what_is_asked_for_is_due() {
    let (_, seen) = at_rest();
    let leaf = Seen {
        rotate_leaf: true,
        ..seen.clone()
    };
    assert_eq!(step(&leaf, Duration::ZERO, NOW), Step::NewLeaf);
    let authority = Seen {
        rotate_authority: true,
        ..seen
    };
    assert_eq!(step(&authority, Duration::ZERO, NOW), Step::NewAuthority);
}

#[test]
fn a_configuration_applied_anew_gets_its_bundle_back() {
    let (_, mut seen) = at_rest();
    seen.bundles.push(None);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Announce);
}

#[test]
fn a_new_ca_serves_only_after_both_were_announced_and_the_old_one_stays_a_while() {
    let now = time(NOW);
    let (old, mut seen) = at_rest();
    let new = issue_ca(now).unwrap();
    seen.authority = Some(new.clone());
    let both = join(&[&new.certificate, &old.certificate]);
    assert_eq!(bundle(&seen, now), both);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Announce);
    seen = announced(seen, now);
    let some = Duration::from_secs(10);
    assert_eq!(step(&seen, some, NOW), Step::Wait(ENOUGH - some));
    assert_eq!(step(&seen, ENOUGH, NOW), Step::NewLeaf);
    let previous = previous(&seen, &new.certificate, now);
    seen.served = Some(leaf(&new, now, &previous));
    assert_eq!(bundle(&seen, now), both, "replicas may still serve the old");
    let later = time("2026-01-01T02:00:00Z");
    assert_eq!(bundle(&seen, later), join(&[&new.certificate]));
}

#[test]
fn a_leaf_renewed_soon_after_its_ca_keeps_the_ca_before() {
    let now = time(NOW);
    let (old, mut seen) = at_rest();
    let new = issue_ca(now).unwrap();
    seen.authority = Some(new.clone());
    seen.served = Some(leaf(&new, now, &old.certificate));
    let kept = previous(&seen, &new.certificate, now);
    assert_eq!(kept, join(&[&old.certificate]));
    let later = time("2026-01-01T02:00:00Z");
    assert_eq!(previous(&seen, &new.certificate, later), "");
}

#[test]
fn cert_managers_pair_serves_after_both_were_announced_and_so_does_ours_on_the_way_back() {
    let now = time(NOW);
    let (own, mut seen) = at_rest();
    let theirs = issue_ca(now).unwrap();
    let pair = provided(&theirs, now);
    seen.wanted = WebhookTls::CertManager;
    seen.provided = Some(pair.clone());
    let both = join(&[&theirs.certificate, &own.certificate]);
    assert_eq!(bundle(&seen, now), both);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Announce);
    seen = announced(seen, now);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Wait(ENOUGH));
    assert_eq!(step(&seen, ENOUGH, NOW), Step::Adopt);
    seen.served = Some(adopted(&pair, &own.certificate, now));
    assert_eq!(step(&seen, ENOUGH, NOW), Step::Wait(LOOK));

    seen.wanted = WebhookTls::SelfSigned;
    seen.provided = None;
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Announce);
    seen = announced(seen, now);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Wait(ENOUGH));
    assert_eq!(step(&seen, ENOUGH, NOW), Step::NewLeaf);
}

#[test]
fn the_ca_before_stays_as_long_beside_a_leaf_that_was_issued_long_before_it_served() {
    let (own, seen) = at_rest();
    let theirs = issue_ca(time(NOW)).unwrap();
    let pair = provided(&theirs, time(NOW));
    let then = time("2026-01-03T00:00:00Z");
    let seen = Seen {
        wanted: WebhookTls::CertManager,
        served: Some(adopted(&pair, &own.certificate, then)),
        provided: Some(pair),
        ..seen
    };
    let both = join(&[&theirs.certificate, &own.certificate]);
    assert_eq!(bundle(&seen, then), both);
}

#[test]
fn cert_managers_renewal_is_taken_at_once_under_the_same_ca_and_in_two_phases_under_another() {
    let now = time(NOW);
    let theirs = issue_ca(now).unwrap();
    let first = provided(&theirs, now);
    let seen = Seen {
        wanted: WebhookTls::CertManager,
        served: Some(adopted(&first, "", now)),
        provided: Some(provided(&theirs, now)),
        ..Seen::default()
    };
    let seen = announced(seen, now);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Adopt);
    let other = issue_ca(now).unwrap();
    let seen = Seen {
        provided: Some(provided(&other, now)),
        ..seen
    };
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Announce);
    let seen = announced(seen, now);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Wait(ENOUGH));
}

#[test]
fn without_cert_managers_pair_what_is_served_goes_on_until_it_is_nearly_over() {
    let (_, mut seen) = at_rest();
    seen.wanted = WebhookTls::CertManager;
    let at = |seen: &Seen, now: &str| step(&announced(seen.clone(), time(now)), ENOUGH, now);
    assert_eq!(at(&seen, NOW), Step::Wait(LOOK));
    assert_eq!(at(&seen, "2026-01-26T00:00:00Z"), Step::Wait(LOOK));
    assert_eq!(at(&seen, "2026-01-28T00:00:00Z"), Step::NewLeaf);
    seen.served = None;
    assert_eq!(
        at(&seen, NOW),
        Step::NewLeaf,
        "a new platform waits for nobody"
    );
}

#[test]
fn what_is_expired_or_unreadable_is_replaced_at_once() {
    let (_, seen) = at_rest();
    assert_eq!(
        step(&seen, Duration::ZERO, "2026-03-01T00:00:00Z"),
        Step::NewLeaf
    );
    let mut broken = seen.clone();
    if let Some(leaf) = &mut broken.served {
        leaf.certificate = "x".into();
    }
    assert_eq!(step(&broken, Duration::ZERO, NOW), Step::NewLeaf);
    let broken = Seen {
        authority: Some(Issued {
            certificate: "x".into(),
            key: "y".into(),
        }),
        ..seen
    };
    assert_eq!(step(&broken, Duration::ZERO, NOW), Step::NewAuthority);
}

#[test]
fn a_ca_that_is_none_any_more_is_replaced_in_two_phases() {
    let now = time(NOW);
    let (old, seen) = at_rest();
    let mut seen = Seen {
        authority: None,
        ..seen
    };
    assert_eq!(step(&seen, ENOUGH, NOW), Step::NewAuthority);
    let new = issue_ca(now).unwrap();
    seen.authority = Some(new.clone());
    assert_eq!(
        bundle(&seen, now),
        join(&[&new.certificate, &old.certificate])
    );
    assert_eq!(step(&seen, ENOUGH, NOW), Step::Announce);
    seen = announced(seen, now);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Wait(ENOUGH));
    assert_eq!(step(&seen, ENOUGH, NOW), Step::NewLeaf);
}

fn judged(mut seen: Seen, trust: Trust) -> Seen {
    if let Some(leaf) = &mut seen.served {
        leaf.trust = trust;
    }
    seen
}

#[test]
fn a_pair_that_replicas_cannot_take_is_due_now_and_in_two_phases_under_another_ca() {
    let now = time(NOW);
    let (_, seen) = at_rest();
    let seen = judged(seen, Trust::Unusable);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::NewLeaf);
    let seen = Seen {
        authority: Some(issue_ca(now).unwrap()),
        ..seen
    };
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Announce);
    let seen = announced(seen, now);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Wait(ENOUGH));
    assert_eq!(step(&seen, ENOUGH, NOW), Step::NewLeaf);
}

#[test]
fn a_pair_that_clients_refuse_is_replaced_as_soon_as_the_new_ca_is_announced() {
    let now = time(NOW);
    let (_, seen) = at_rest();
    let seen = Seen {
        authority: Some(issue_ca(now).unwrap()),
        ..judged(seen, Trust::Refused)
    };
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::Announce);
    let seen = announced(seen, now);
    assert_eq!(step(&seen, Duration::ZERO, NOW), Step::NewLeaf);
}

#[test]
fn cert_managers_pair_is_served_anew_where_it_was_spoilt_and_ours_where_it_is_gone() {
    let now = time(NOW);
    let theirs = issue_ca(now).unwrap();
    let pair = provided(&theirs, now);
    let (_, seen) = at_rest();
    let seen = Seen {
        wanted: WebhookTls::CertManager,
        served: Some(adopted(&pair, "", now)),
        provided: Some(pair),
        ..seen
    };
    let seen = announced(seen, now);
    assert_eq!(step(&seen, ENOUGH, NOW), Step::Wait(LOOK));
    for trust in [Trust::Unusable, Trust::Refused] {
        let seen = judged(seen.clone(), trust);
        assert_eq!(step(&seen, ENOUGH, NOW), Step::Adopt);
        let seen = Seen {
            provided: None,
            ..seen
        };
        let seen = announced(seen, now);
        assert_eq!(step(&seen, ENOUGH, NOW), Step::NewLeaf);
    }
}
