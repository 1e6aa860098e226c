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
