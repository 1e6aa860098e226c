//! What of a status deserves an event on the server.

use std::time::Duration;

use crds::{ConditionType, MCPServerStatus, Truth};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType};

/// A proxy may be this far behind before someone is told.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// The longest note that an event takes, in bytes.
const LONGEST_NOTE: usize = 1024;

/// The events between two statuses; `looked` is when the earlier one was made, if that is known.
pub(crate) fn notable(
    previous: &MCPServerStatus,
    status: &MCPServerStatus,
    looked: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Event> {
    let entered = |phase: &str| {
        status.phase.as_deref() == Some(phase) && previous.phase.as_deref() != Some(phase)
    };
    let mut events = Vec::new();
    // A policy on its way to the pods is no news: each change of access would tell it.
    let only_behind = behind_since(previous).is_some();
    if entered("Ready") && !only_behind {
        let url = status.url.as_deref().map(|url| format!("ready at {url}"));
        let note = url.unwrap_or_else(|| "ready".to_owned());
        events.push(event(EventType::Normal, "Ready", "Reconcile", &note));
    }
    if let Some(stalled) = condition(status, ConditionType::Stalled).filter(|_| entered("Error")) {
        events.push(event(
            EventType::Warning,
            &stalled.reason,
            "Reconcile",
            &stalled.message,
        ));
    }
    events.extend(drift(previous, status));
    if let Some(policy) = condition(status, ConditionType::PolicyReady) {
        let before = condition(previous, ConditionType::PolicyReady);
        let refused = |condition: &Condition| condition.reason == "TouchRefused";
        let newly_refused = refused(policy) && !before.is_some_and(refused);
        let late = behind_since(status).is_some_and(|since| {
            let due = since + PATIENCE;
            due <= now && looked.is_none_or(|looked| looked < due)
        });
        if newly_refused || late {
            events.push(event(
                EventType::Warning,
                &policy.reason,
                "DeliverPolicy",
                &policy.message,
            ));
        }
    }
    events
}

/// The first outdated proxy, and that none is left.
fn drift(previous: &MCPServerStatus, status: &MCPServerStatus) -> Option<Event> {
    let outdated = |status: &MCPServerStatus| status.proxies.map_or(0, |proxies| proxies.outdated);
    match (outdated(previous), outdated(status)) {
        (0, 1..) => {
            let gateway = condition(status, ConditionType::GatewayReady)?;
            let note = &gateway.message;
            Some(event(
                EventType::Normal,
                "ProxiesOutdated",
                "UpgradeProxy",
                note,
            ))
        }
        (1.., 0) => {
            let note = "every pod has the proxy that is injected now";
            Some(event(
                EventType::Normal,
                "ProxiesCurrent",
                "UpgradeProxy",
                note,
            ))
        }
        _ => None,
    }
}

/// When to look again so that a proxy that stays behind isn't passed over in silence.
pub(crate) fn next_warning(status: &MCPServerStatus, now: Timestamp) -> Option<Duration> {
    let left = (behind_since(status)? + PATIENCE).duration_since(now);
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}

fn behind_since(status: &MCPServerStatus) -> Option<Timestamp> {
    let policy = condition(status, ConditionType::PolicyReady)?;
    let behind = policy.status == Truth::False.as_str() && policy.reason == "ProxyBehind";
    behind.then_some(policy.last_transition_time.0)
}

fn condition(status: &MCPServerStatus, kind: ConditionType) -> Option<&Condition> {
    status
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind.as_str())
}

fn event(type_: EventType, reason: &str, action: &str, note: &str) -> Event {
    let end = note.floor_char_boundary(LONGEST_NOTE);
    Event {
        type_,
        reason: reason.to_owned(),
        note: note.get(..end).map(str::to_owned),
        action: action.to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(phase: &str, policy: &str) -> MCPServerStatus {
        let text = format!(
            "phase: {phase}\nurl: http://h/p\nconditions:\n\
             - {{ type: Stalled, status: \"True\", reason: InvalidSpec, message: spec.port, lastTransitionTime: \"2026-01-01T00:00:00Z\" }}\n\
             - {{ type: PolicyReady, status: \"False\", reason: {policy}, message: pod x, lastTransitionTime: \"2026-01-01T00:00:00Z\" }}\n"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    fn reasons(
        from: &MCPServerStatus,
        to: &MCPServerStatus,
        looked: &str,
        now: &str,
    ) -> Vec<String> {
        let looked = Some(looked.parse().unwrap());
        let events = notable(from, to, looked, now.parse().unwrap());
        events.into_iter().map(|event| event.reason).collect()
    }

    #[test]
    fn becoming_ready_or_stalled_is_told_once() {
        let (pending, ready, error) = (
            status("Pending", "x"),
            status("Ready", "x"),
            status("Error", "x"),
        );
        let at = "2026-01-01T00:00:00Z";
        assert_eq!(reasons(&pending, &ready, at, at), ["Ready"]);
        assert_eq!(reasons(&ready, &ready, at, at), Vec::<String>::new());
        assert_eq!(reasons(&ready, &error, at, at), ["InvalidSpec"]);
        assert_eq!(reasons(&error, &error, at, at), Vec::<String>::new());
    }

    #[test]
    fn a_policy_that_has_arrived_is_not_told() {
        let (behind, ready) = (
            status("PartiallyReady", "ProxyBehind"),
            status("Ready", "Enforced"),
        );
        let at = "2026-01-01T00:00:00Z";
        assert_eq!(reasons(&behind, &ready, at, at), Vec::<String>::new());
    }

    #[test]
    fn a_proxy_that_stays_behind_is_told_after_a_minute_and_once() {
        let behind = status("PartiallyReady", "ProxyBehind");
        let told = |looked, now| reasons(&behind, &behind, looked, now);
        assert_eq!(
            told("2026-01-01T00:00:10Z", "2026-01-01T00:00:59Z"),
            Vec::<String>::new()
        );
        assert_eq!(
            told("2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z"),
            ["ProxyBehind"]
        );
        assert_eq!(
            told("2026-01-01T00:01:00Z", "2026-01-01T00:01:01Z"),
            Vec::<String>::new()
        );
        let next = |now: &str| next_warning(&behind, now.parse().unwrap());
        assert_eq!(next("2026-01-01T00:00:59Z"), Some(Duration::from_secs(1)));
        assert_eq!(next("2026-01-01T00:01:00Z"), None);
    }

    #[test]
    fn drift_is_told_when_it_begins_and_when_it_ends() {
        let with = |outdated| {
            MCPServerStatus {
            proxies: Some(crds::server::ProxyCounts {
                current: 2,
                outdated,
            }),
            conditions: serde_saphyr::from_str(
                "- { type: GatewayReady, status: \"True\", reason: r, message: m, lastTransitionTime: \"2026-01-01T00:00:00Z\" }",
            )
            .unwrap(),
            ..MCPServerStatus::default()
        }
        };
        let at = "2026-01-01T00:00:00Z";
        let told = |from, to| reasons(&with(from), &with(to), at, at);
        assert_eq!(told(0, 3), ["ProxiesOutdated"]);
        assert_eq!(told(3, 1), Vec::<String>::new());
        assert_eq!(told(1, 0), ["ProxiesCurrent"]);
        let new = reasons(&MCPServerStatus::default(), &with(0), at, at);
        assert_eq!(new, Vec::<String>::new());
    }

    #[test]
    fn a_refused_touch_is_told_at_once() {
        let (before, refused) = (status("Ready", "Enforced"), status("Ready", "TouchRefused"));
        let at = "2026-01-01T00:00:00Z";
        assert_eq!(reasons(&before, &refused, at, at), ["TouchRefused"]);
        assert_eq!(reasons(&refused, &refused, at, at), Vec::<String>::new());
    }

    #[test]
    fn a_note_is_cut_between_characters() {
        let long = event(EventType::Warning, "r", "a", &"é".repeat(600));
        assert_eq!(long.note.map(|note| note.len()), Some(1024));
    }
}
