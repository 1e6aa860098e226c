//! One answer line; its words are the audit event's.

use std::sync::Arc;

use policy::{Decision, Effect, Explanation, Reason, SideEffect, Step, Trust};
use serde::Serialize;
use serde_json::Value;

/// What was decided. Members without a value are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    decision: Effect,
    enforced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_grant: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_grant_namespace: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_session: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_session_namespace: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_trust: Option<Trust>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_trust: Option<Trust>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consented_trust: Option<Trust>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_trust: Option<Trust>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_side_effect: Option<SideEffect>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_level: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_version: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_revision: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Step>>,
}

impl Answer {
    /// Of a decision alone.
    pub(super) fn of(id: Option<Value>, decision: Decision) -> Self {
        let basis = decision.basis;
        let grant = basis
            .grant
            .map(|grant| (grant.name, grant.namespace))
            .unzip();
        let session = basis
            .session
            .map(|session| (session.name, session.namespace))
            .unzip();
        Self {
            id,
            decision: decision.effect,
            enforced: decision.enforced,
            status: decision.status,
            reason: decision.reason,
            line: decision.line,
            matched_grant: grant.0,
            matched_grant_namespace: grant.1,
            matched_session: session.0,
            matched_session_namespace: session.1,
            required_trust: basis.required_trust,
            admin_trust: basis.admin_trust,
            consented_trust: basis.consented_trust,
            effective_trust: basis.effective_trust,
            required_side_effect: basis.required_side_effect,
            risk_level: basis.risk_level,
            policy_version: basis.policy_version,
            policy_revision: basis.policy_revision,
            steps: None,
        }
    }

    /// With the steps that led to it.
    pub(super) fn with_steps(id: Option<Value>, explanation: Explanation) -> Self {
        Self {
            steps: Some(explanation.steps),
            ..Self::of(id, explanation.decision)
        }
    }
}
