//! Whether a new policy only gives: nobody loses by it what they had.
//!
//! True only where it is certain; a change of anything but grants and sessions isn't judged.

use std::collections::BTreeMap;

use crds::words;
use policy::{Document, Grant, Session};

/// Whether `new` allows at least what `old` did.
pub(crate) fn only_gives(old: &Document, new: &Document) -> bool {
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
    // Where no grant at all allows everything, the first one limits.
    let default_allow = new
        .policy
        .as_ref()
        .is_some_and(|policy| policy.default_decision == "allow");
    let begins_to_count = |grant: &Grant| {
        // A rule may deny a tool, or raise the trust it takes.
        !grant.disabled && (default_allow || !grant.tool_rules.is_empty())
    };
    let kept = old.grants.iter().all(|old| {
        fresh.remove(&key(old)).is_some_and(|new| {
            let enabled = old.disabled && begins_to_count(new);
            grant_gives(old, new) && !enabled
        })
    });
    kept && !fresh.values().any(|grant| begins_to_count(grant))
}

/// The same grant with more trust or effects, or enabled; its label doesn't count.
fn grant_gives(old: &Grant, new: &Grant) -> bool {
    let all = |effect| new.allowed_side_effects.contains(effect);
    let more = at_least(&old.max_trust, &new.max_trust)
        && old.allowed_side_effects.iter().all(all)
        && (old.disabled || !new.disabled);
    let rest = Grant {
        max_trust: old.max_trust.clone(),
        allowed_side_effects: old.allowed_side_effects.clone(),
        disabled: old.disabled,
        policy_version: old.policy_version.clone(),
        ..new.clone()
    };
    more && rest == *old
}

fn sessions_give(old: &Document, new: &Document) -> bool {
    let key = |session: &Session| (session.namespace.clone(), session.name.clone());
    let fresh: BTreeMap<_, &Session> = new
        .sessions
        .iter()
        .map(|session| (key(session), session))
        .collect();
    let mut kept = old.sessions.iter();
    kept.all(|old| {
        fresh
            .get(&key(old))
            .is_some_and(|new| session_gives(old, new))
    })
}

/// The same session with more trust, a later end, or no longer revoked; its label doesn't count.
fn session_gives(old: &Session, new: &Session) -> bool {
    let more = at_least(&old.consented_trust, &new.consented_trust)
        && ends_no_sooner(&old.expires_at, &new.expires_at)
        && (old.revoked || !new.revoked);
    let rest = Session {
        consented_trust: old.consented_trust.clone(),
        expires_at: old.expires_at.clone(),
        revoked: old.revoked,
        policy_version: old.policy_version.clone(),
        ..new.clone()
    };
    more && rest == *old
}

/// Both are trust levels (none is low) and `new` is no less.
fn at_least(old: &str, new: &str) -> bool {
    let trust = |word: &str| words::trust(if word.is_empty() { "low" } else { word });
    old == new || matches!((trust(old), trust(new)), (Some(old), Some(new)) if new >= old)
}

/// Both are times (none is never) and `new` is no earlier.
fn ends_no_sooner(old: &str, new: &str) -> bool {
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    old == new
        || new.is_empty()
        || matches!((time(old), time(new)), (Some(old), Some(new)) if new >= old)
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
grants:
- { name: g, namespace: d, max_trust: medium, allowed_side_effects: [read] }
- { name: off, namespace: d, disabled: true }
- { name: rules, namespace: d, disabled: true, tool_rules: [{ name: t, decision: deny }] }
sessions:
- { name: one, namespace: d, consented_trust: medium, expires_at: 2026-01-02T00:00:00Z }
- { name: two, namespace: d, revoked: true }
";

    /// Every case replaces exactly one place.
    fn gives(from: &str, to: &str) -> bool {
        assert_eq!(BASE.matches(from).count(), 1, "{from}");
        let (old, new) = (document(BASE), document(&BASE.replace(from, to)));
        assert_ne!(old, new, "{from} -> {to}");
        only_gives(&old, &new)
    }

    #[test]
    fn what_takes_something_away_does_not_only_give() {
        for (from, to) in [
            ("consented_trust: medium", "consented_trust: low"),
            (
                "consented_trust: medium",
                "revoked: true, consented_trust: medium",
            ),
            (
                "consented_trust: medium",
                "human_id: ann, consented_trust: medium",
            ),
            ("name: one", "name: other"),
            ("2026-01-02", "2026-01-01"),
            ("max_trust: medium", "max_trust: low"),
            ("max_trust: medium", "disabled: true, max_trust: medium"),
            ("max_trust: medium", "human_id: ann, max_trust: medium"),
            ("[read] }", "[] }"),
            ("- { name: off, namespace: d, disabled: true }\n", ""),
            (
                "namespace: d, disabled: true, tool_rules",
                "namespace: d, tool_rules",
            ),
            (
                "sessions:",
                "- { name: n, tool_rules: [{ name: t, decision: deny }] }\nsessions:",
            ),
            ("side_effect: read", "side_effect: write"),
            ("grants:", "session: { required: true }\ngrants:"),
        ] {
            assert!(!gives(from, to), "{from} -> {to}");
        }
    }

    #[test]
    fn more_trust_more_time_and_more_of_them_only_give() {
        for (from, to) in [
            ("consented_trust: medium", "consented_trust: high"),
            (
                "consented_trust: medium",
                "policy_version: v2, consented_trust: medium",
            ),
            ("2026-01-02", "2026-01-03"),
            (", expires_at: 2026-01-02T00:00:00Z", ""),
            ("revoked: true", "revoked: false"),
            ("sessions:", "sessions:\n- { name: more, namespace: d }"),
            ("max_trust: medium", "max_trust: high"),
            ("max_trust: medium", "policy_version: v2, max_trust: medium"),
            ("[read] }", "[read, write] }"),
            (
                "name: off, namespace: d, disabled: true",
                "name: off, namespace: d",
            ),
            (
                "sessions:",
                "- { name: n, namespace: d, allowed_side_effects: [write] }\nsessions:",
            ),
        ] {
            assert!(gives(from, to), "{from} -> {to}");
        }
    }

    #[test]
    fn a_grant_limits_where_none_at_all_allows_everything() {
        let allow = BASE.replace("tools:", "policy: { default_decision: allow }\ntools:");
        let more = allow.replace("sessions:", "- { name: n, namespace: d }\nsessions:");
        assert!(!only_gives(&document(&allow), &document(&more)));
        let enabled = allow.replace(
            "name: off, namespace: d, disabled: true",
            "name: off, namespace: d",
        );
        assert!(!only_gives(&document(&allow), &document(&enabled)));
    }
}
