//! The next thing to do about the certificate: a pure function of what is stored and the time.

use std::time::Duration;

use certs::{Issued, Validity, bundle::join};
use crds::WebhookTls;
use jiff::{SignedDuration, Timestamp};

/// Replicas take a changed Secret from a watch, within a second or, after an interruption, within
/// minutes; until then they serve with the old leaf, whose CA has to be known.
const OLD_LEAF_FOR: SignedDuration = SignedDuration::from_hours(1);
/// How often to look, for want of anything to wait for. Wall clocks step, and machines sleep.
const LOOK: Duration = Duration::from_secs(300);

/// What is stored, and what is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Who is to issue.
    pub(super) wanted: WebhookTls,
    /// Our own CA; `None` where there is none, or nothing that leaves can be issued under.
    pub(super) authority: Option<Issued>,
    /// Somebody asks for another one.
    pub(super) rotate_authority: bool,
    pub(super) served: Option<Leaf>,
    /// Somebody asks for another one.
    pub(super) rotate_leaf: bool,
    /// What cert-manager issued, if a client would accept it.
    pub(super) provided: Option<Provided>,
    /// The PEM bundle of each webhook of both configurations.
    pub(super) bundles: Vec<Option<String>>,
}

/// The serving certificate, and the CAs it takes to trust it and those before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) certificate: String,
    /// The CA that signed it.
    pub(super) authority: String,
    /// The CAs of its predecessors; empty where those had the same, or there were none.
    pub(super) previous: String,
    /// Since when it is served, which may be long after it was issued; `None` counts as long ago.
    pub(super) since: Option<Timestamp>,
    pub(super) trust: Trust,
}

/// What replicas and their clients make of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// A client that trusts the CA beside it accepts it.
    Accepted,
    /// Replicas serve it and clients refuse it: it wasn't signed with the CA's key, it is for
    /// another name, or it is over.
    Refused,
    /// Something is missing, or the key isn't the certificate's: replicas can't take it, and go on
    /// with the one before.
    Unusable,
}

/// A pair that somebody else issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Provided {
    pub(super) pair: Issued,
    /// The CA that signed it.
    pub(super) authority: String,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    NewAuthority,
    /// Write the bundle into every webhook.
    Announce,
    /// Issue a leaf under our own CA and serve it.
    NewLeaf,
    /// Serve what cert-manager issued.
    Adopt,
    Wait(Duration),
}

/// Whose certificate is to be served now.
enum Source<'a> {
    Own,
    Provided(&'a Provided),
    /// The one that is: cert-manager's isn't there, and this one lasts.
    AsServed,
}

/// cert-manager's pair where it is wanted and lasts. Where it is wanted and doesn't, what is served
/// goes on for as long as it can, and then it is ours again: a platform without cert-manager, or
/// whose cert-manager has stopped, is still one that admits.
fn source(seen: &Seen, now: Timestamp) -> Source<'_> {
    let lasts = |pem: &str| validity(pem).is_some_and(|v| v.contains(now) && !v.nearly_over(now));
    let goes_on = |leaf: &Leaf| leaf.trust == Trust::Accepted && lasts(&leaf.certificate);
    match (seen.wanted, &seen.provided, &seen.served) {
        (WebhookTls::SelfSigned, ..) => Source::Own,
        (_, Some(provided), _) if lasts(&provided.pair.certificate) => Source::Provided(provided),
        (_, _, Some(served)) if goes_on(served) => Source::AsServed,
        _ => Source::Own,
    }
}

/// The bundle that every webhook is to have: the CA to come, the one in use, those before.
pub(super) fn bundle(seen: &Seen, now: Timestamp) -> String {
    let to_come = match source(seen, now) {
        Source::Own => seen.authority.as_ref().map_or("", |ca| &ca.certificate),
        Source::Provided(provided) => &provided.authority,
        Source::AsServed => "",
    };
    let in_use = seen.served.as_ref().map_or("", |leaf| &leaf.authority);
    join(&[to_come, in_use, still_in_use(seen, now)])
}

/// The CAs to keep when the next leaf is under `authority`: some replica may still serve a leaf
/// of before, be it one under the same CA whose predecessor was under another.
pub(super) fn previous(seen: &Seen, authority: &str, now: Timestamp) -> String {
    let in_use = seen.served.as_ref().map_or("", |leaf| &leaf.authority);
    let in_use = if in_use == authority { "" } else { in_use };
    join(&[in_use, still_in_use(seen, now)])
}

/// `announced_for`: how long every webhook has had [`bundle`]; `enough`: how long is enough for
/// every API server to know of it.
pub(super) fn plan(seen: &Seen, announced_for: Duration, enough: Duration, now: Timestamp) -> Step {
    let source = source(seen, now);
    if matches!(source, Source::Own) && authority_due(seen, now) {
        return Step::NewAuthority;
    }
    let wanted = bundle(seen, now);
    let lacks = |live: &Option<String>| live.as_deref() != Some(&*wanted);
    if seen.bundles.iter().any(lacks) {
        return Step::Announce;
    }
    let (authority, step) = match (&source, &seen.authority) {
        (Source::Provided(provided), _) => (&provided.authority, Step::Adopt),
        (Source::Own, Some(authority)) => (&authority.certificate, Step::NewLeaf),
        (Source::Own, None) | (Source::AsServed, _) => return Step::Wait(LOOK),
    };
    // Nobody is served by what isn't accepted: there is nothing to keep.
    let Some((leaf, validity)) = in_service(seen, now) else {
        return step;
    };
    let due = match source {
        _ if leaf.trust == Trust::Unusable => true,
        Source::Provided(provided) => provided.pair.certificate != leaf.certificate,
        _ => validity.renewal_due(now) || seen.rotate_leaf,
    };
    match (leaf.authority == *authority, due) {
        (true, true) => step,
        (true, false) => Step::Wait(LOOK),
        (false, _) => match enough.checked_sub(announced_for) {
            Some(left) if !left.is_zero() => Step::Wait(left),
            _ => step,
        },
    }
}

/// What is served, unless clients refuse it. A pair that replicas can't take stands for the one
/// before.
fn in_service(seen: &Seen, now: Timestamp) -> Option<(&Leaf, Validity)> {
    let leaf = seen.served.as_ref()?;
    let validity = validity(&leaf.certificate)?;
    let accepted = leaf.trust != Trust::Refused && validity.contains(now);
    accepted.then_some((leaf, validity))
}

/// When the serving certificate and the CA it is under end.
pub(super) fn ends(seen: &Seen) -> (Option<Timestamp>, Option<Timestamp>) {
    let end = |pem: &String| validity(pem).map(|validity| validity.not_after);
    let served = seen.served.as_ref();
    (
        served.and_then(|leaf| end(&leaf.certificate)),
        served.and_then(|leaf| end(&leaf.authority)),
    )
}

fn authority_due(seen: &Seen, now: Timestamp) -> bool {
    let validity = seen
        .authority
        .as_ref()
        .and_then(|ca| validity(&ca.certificate));
    seen.rotate_authority || validity.is_none_or(|validity| validity.renewal_due(now))
}

/// The CAs of leaves that some replica may still serve.
fn still_in_use(seen: &Seen, now: Timestamp) -> &str {
    let young = |leaf: &&Leaf| {
        let since = leaf.since;
        since.is_some_and(|since| now.duration_since(since) < OLD_LEAF_FOR)
    };
    let leaf = seen.served.as_ref().filter(young);
    leaf.map_or("", |leaf| &leaf.previous)
}

fn validity(pem: &str) -> Option<Validity> {
    Validity::of_pem(pem.as_bytes()).ok()
}

#[cfg(test)]
mod tests;
