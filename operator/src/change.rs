//! Whether a new policy takes something away from someone.
//!
//! What does is written at once. What only gives is gathered for a moment, because a kubelet syncs
//! a pod at most about once a second: a busy server's new sessions mustn't stand in front of a
//! revocation.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use policy::{Document, Grant, Session};

/// How long what only gives is gathered.
pub(crate) const GATHER: Duration = Duration::from_secs(1);

/// When to write a new document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// At once.
    Now,
    /// Not before this has passed; more may come.
    Gather(Duration),
}

/// When to write `new` over `old`; `waiting` is since when something has been gathered.
pub(crate) fn pace(old: &Document, new: &Document, waiting: Option<Instant>, now: Instant) -> Pace {
    if !only_gives(old, new) {
        return Pace::Now;
    }
    let gathered = waiting.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
    match GATHER.checked_sub(gathered) {
        Some(left) if !left.is_zero() => Pace::Gather(left),
        _ => Pace::Now,
    }
}

/// True only where it is certain; a change of anything but grants and sessions isn't judged.
fn only_gives(old: &Document, new: &Document) -> bool {
    let rest = |document: &Document| Document {
        revision: String::new(),
        generated_at: String::new(),
        grants: Vec::new(),
        sessions: Vec::new(),
        ..document.clone()
    };
    rest(old) == rest(new) && grants_give(old, new) && sessions_give(old, new)
}

fn grants_give(old: &Document, new: &Document) -> bool {
    let key = |grant: &Grant| (grant.namespace.clone(), grant.name.clone());
    let mut fresh: BTreeMap<_, &Grant> =
        new.grants.iter().map(|grant| (key(grant), grant)).collect();
    let kept = old
        .grants
        .iter()
        .all(|grant| fresh.remove(&key(grant)) == Some(grant));
    // Where no grant at all allows everything, the first one limits; and a rule of a new grant
    // may deny a tool, or raise the trust it takes.
    let default_allow = new
        .policy
        .as_ref()
        .is_some_and(|policy| policy.default_decision == "allow");
    let gives = |grant: &&Grant| grant.disabled || (grant.tool_rules.is_empty() && !default_allow);
    kept && fresh.values().all(gives)
}

fn sessions_give(old: &Document, new: &Document) -> bool {
    let key = |session: &Session| (session.namespace.clone(), session.name.clone());
    let fresh: BTreeMap<_, &Session> = new
        .sessions
        .iter()
        .map(|session| (key(session), session))
        .collect();
    old.sessions.iter().all(|session| {
        fresh
            .get(&key(session))
            .is_some_and(|fresh| *fresh == session || is_extended(session, fresh))
    })
}

/// The same session with a later end.
fn is_extended(old: &Session, new: &Session) -> bool {
    let end = |session: &Session| session.expires_at.parse::<jiff::Timestamp>().ok();
    let longer = match (end(old), end(new)) {
        (Some(old), Some(new)) => new >= old,
        (Some(_), None) => new.expires_at.is_empty(),
        (None, _) => false,
    };
    longer
        && Session {
            expires_at: old.expires_at.clone(),
            ..new.clone()
        } == *old
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        serde_saphyr::from_str(text).unwrap()
    }

    const BASE: &str = r"
server: { name: s, namespace: d }
tools: [{ name: t, side_effect: read }]
grants: [{ name: g, namespace: d, max_trust: high, allowed_side_effects: [read] }]
sessions:
- { name: one, namespace: d, consented_trust: low, expires_at: 2026-01-02T00:00:00Z }
";

    fn changed(from: &str, to: &str) -> Document {
        assert!(BASE.contains(from));
        document(&BASE.replace(from, to))
    }

    #[test]
    fn what_takes_something_away_is_written_at_once() {
        let base = document(BASE);
        for (from, to) in [
            ("low,", "low, revoked: true,"),
            ("name: one", "name: two"),
            ("high", "medium"),
            ("[read] }", "[read], disabled: true }"),
            ("[read] }", "[] }"),
            ("2026-01-02", "2026-01-01"),
            ("side_effect: read", "side_effect: write"),
            ("grants:", "session: { required: true }\ngrants:"),
            (
                "}]\nsess",
                "}, { name: n, tool_rules: [{ name: t, decision: deny }] }]\nsess",
            ),
        ] {
            let new = changed(from, to);
            assert_eq!(
                pace(&base, &new, None, Instant::now()),
                Pace::Now,
                "{from} -> {to}"
            );
        }
    }

    #[test]
    fn what_only_gives_is_gathered_for_a_second_in_all() {
        let (base, now) = (document(BASE), Instant::now());
        for (from, to) in [
            ("sessions:", "sessions:\n- { name: more, namespace: d }"),
            ("2026-01-02", "2026-01-03"),
            (
                "}]\nsess",
                "}, { name: n, namespace: d, allowed_side_effects: [write] }]\nsess",
            ),
        ] {
            let new = changed(from, to);
            assert_eq!(
                pace(&base, &new, None, now),
                Pace::Gather(GATHER),
                "{from} -> {to}"
            );
            let since = now.checked_sub(GATHER * 3 / 4);
            assert_eq!(
                pace(&base, &new, since, now),
                Pace::Gather(GATHER / 4),
                "{from} -> {to}"
            );
            let since = now.checked_sub(GATHER);
            assert_eq!(pace(&base, &new, since, now), Pace::Now, "{from} -> {to}");
        }
    }

    #[test]
    fn a_grant_limits_where_none_at_all_allows_everything() {
        let allow = BASE.replace("grants:", "policy: { default_decision: allow }\ngrants:");
        let more = allow.replace("}]\nsess", "}, { name: n, namespace: d }]\nsess");
        let (old, new) = (document(&allow), document(&more));
        assert_ne!(old, new);
        assert_eq!(pace(&old, &new, None, Instant::now()), Pace::Now);
    }

    #[test]
    fn one_that_takes_away_does_not_wait_for_those_that_give() {
        let base = document(BASE);
        let both = document(
            &BASE
                .replace("low,", "low, revoked: true,")
                .replace("sessions:", "sessions:\n- { name: more, namespace: d }"),
        );
        assert_eq!(
            pace(&base, &both, Some(Instant::now()), Instant::now()),
            Pace::Now
        );
    }
}
