//! The audit event: one for every exchange, allowed, denied or failed.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Decision, Effect, Reason, SideEffect, Trust};

/// One line of the audit log. Identifier and times are the caller's to give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// A UUIDv7 (RFC 9562); makes delivering it twice harmless.
    pub event_id: String,
    /// When the exchange ended.
    pub timestamp: Timestamp,
    /// W3C trace id, 32 hex digits; elements of a batch share their request's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Who writes: `<server>-gateway` unless set otherwise.
    pub source: Arc<str>,
    /// `mcp.request` unless set otherwise, `mcp.stream.opened` for a stream still open.
    pub event_type: Arc<str>,
    /// What happened.
    pub payload: Payload,
}

/// What happened in one exchange. Text members are empty where there is nothing to say;
/// the optional ones are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// HTTP method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// HTTP status answered.
    pub status: u16,
    /// Milliseconds from the request's head to the answer's end.
    pub latency_ms: u64,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// The server's name.
    pub server: Arc<str>,
    /// The server's namespace.
    pub namespace: Arc<str>,
    /// The server's team.
    pub team_id: Arc<str>,
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The authenticated person.
    pub human_id: String,
    /// The authenticated agent.
    pub agent_id: String,
    /// The authenticated team.
    pub subject_team_id: String,
    /// The session as presented.
    pub session_id: String,
    /// `allow` or `deny`.
    pub decision: Effect,
    /// False where a denial was only observed.
    pub enforced: bool,
    /// Why.
    pub reason: Reason,
    /// The policyVersion the decision rests on.
    pub policy_version: Arc<str>,
    /// The document's revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_revision: Option<Arc<str>>,
    /// JSON-RPC method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpc_method: Option<String>,
    /// Tool called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// Name of the grant the decision rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_grant: Option<Arc<str>>,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_grant_namespace: Option<Arc<str>>,
    /// Name of the session presented and found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_session: Option<Arc<str>>,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_session_namespace: Option<Arc<str>>,
    /// What the call needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_trust: Option<Trust>,
    /// What the tool does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_side_effect: Option<SideEffect>,
    /// The tool's risk, for information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_level: Option<Arc<str>>,
    /// What the grants give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_trust: Option<Trust>,
    /// What the session consents to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consented_trust: Option<Trust>,
    /// The lesser of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_trust: Option<Trust>,
    /// How many items a filtered list left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_items: Option<u64>,
}

impl Default for Payload {
    /// Nothing known, denied.
    fn default() -> Self {
        let nothing: Arc<str> = Arc::from("");
        Self {
            method: String::new(),
            path: String::new(),
            status: 0,
            latency_ms: 0,
            bytes_in: 0,
            bytes_out: 0,
            server: nothing.clone(),
            namespace: nothing.clone(),
            team_id: nothing.clone(),
            cluster: nothing.clone(),
            human_id: String::new(),
            agent_id: String::new(),
            subject_team_id: String::new(),
            session_id: String::new(),
            decision: Effect::Deny,
            enforced: true,
            reason: Reason::Undecided,
            policy_version: nothing,
            policy_revision: None,
            rpc_method: None,
            tool_name: None,
            matched_grant: None,
            matched_grant_namespace: None,
            matched_session: None,
            matched_session_namespace: None,
            required_trust: None,
            required_side_effect: None,
            risk_level: None,
            admin_trust: None,
            consented_trust: None,
            effective_trust: None,
            hidden_items: None,
        }
    }
}

impl Payload {
    /// Takes over what a decision says; `status` stays the caller's, who knows what was
    /// really answered.
    pub fn record(&mut self, decision: &Decision) {
        let basis = &decision.basis;
        self.decision = decision.effect;
        self.enforced = decision.enforced;
        self.reason = decision.reason;
        self.policy_version = basis.policy_version.clone().unwrap_or_else(|| "".into());
        self.policy_revision = basis.policy_revision.clone();
        self.matched_grant = basis.grant.as_ref().map(|grant| grant.name.clone());
        self.matched_grant_namespace = basis.grant.as_ref().map(|grant| grant.namespace.clone());
        self.matched_session = basis.session.as_ref().map(|session| session.name.clone());
        self.matched_session_namespace = basis
            .session
            .as_ref()
            .map(|session| session.namespace.clone());
        self.required_trust = basis.required_trust;
        self.required_side_effect = basis.required_side_effect;
        self.risk_level = basis.risk_level.clone();
        self.admin_trust = basis.admin_trust;
        self.consented_trust = basis.consented_trust;
        self.effective_trust = basis.effective_trust;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Basis, ItemId};

    fn event(payload: Payload) -> Event {
        Event {
            event_id: "01941f29-7c00-7000-8000-000000000000".into(),
            timestamp: "2026-01-01T00:00:00.25Z".parse().unwrap(),
            trace_id: None,
            source: "shop-gateway".into(),
            event_type: "mcp.request".into(),
            payload,
        }
    }

    #[test]
    fn an_event_has_the_words_of_the_go_projects() {
        let mut payload = Payload {
            method: "POST".into(),
            path: "/shop/mcp".into(),
            status: 403,
            server: "shop".into(),
            namespace: "team-a".into(),
            human_id: "ann".into(),
            session_id: "s1".into(),
            rpc_method: Some("tools/call".into()),
            tool_name: Some("drop".into()),
            ..Payload::default()
        };
        let item = |name: &str| {
            Some(ItemId {
                namespace: "team-a".into(),
                name: name.into(),
            })
        };
        payload.record(&Decision {
            reason: Reason::TrustTooLow,
            line: Some(12),
            status: Some(403),
            basis: Basis {
                grant: item("g1"),
                session: item("s1"),
                required_trust: Some(Trust::High),
                admin_trust: Some(Trust::High),
                consented_trust: Some(Trust::Low),
                effective_trust: Some(Trust::Low),
                required_side_effect: Some(SideEffect::Destructive),
                risk_level: Some("high".into()),
                policy_version: Some("v1".into()),
                policy_revision: Some("sha256:00".into()),
            },
            ..Decision::default()
        });
        assert_eq!(
            serde_json::to_value(event(payload)).unwrap(),
            json!({
                "event_id": "01941f29-7c00-7000-8000-000000000000",
                "timestamp": "2026-01-01T00:00:00.25Z",
                "source": "shop-gateway",
                "event_type": "mcp.request",
                "payload": {
                    "method": "POST", "path": "/shop/mcp", "status": 403, "latency_ms": 0,
                    "bytes_in": 0, "bytes_out": 0, "server": "shop", "namespace": "team-a",
                    "team_id": "", "cluster": "", "human_id": "ann", "agent_id": "",
                    "subject_team_id": "", "session_id": "s1", "decision": "deny",
                    "enforced": true, "reason": "trust_too_low", "policy_version": "v1",
                    "policy_revision": "sha256:00", "rpc_method": "tools/call",
                    "tool_name": "drop", "matched_grant": "g1",
                    "matched_grant_namespace": "team-a", "matched_session": "s1",
                    "matched_session_namespace": "team-a", "required_trust": "high",
                    "required_side_effect": "destructive", "risk_level": "high",
                    "admin_trust": "high", "consented_trust": "low", "effective_trust": "low",
                },
            })
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let event = event(Payload::default());
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
}
