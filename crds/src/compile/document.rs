//! The document's part that the server alone decides.

use policy::{Auth, Document, PolicySection, SessionSection};

use crate::{Server, Settings, parsed::Tool};

/// The document without grants, sessions and revision.
pub(super) fn of_server(server: &Server, settings: &Settings) -> Document {
    Document {
        schema_version: "v1".to_owned(),
        server: policy::Server {
            name: server.name.clone(),
            namespace: server.namespace.clone(),
            team_id: server.team_id.clone(),
            cluster: settings.cluster_name.trim().to_owned(),
        },
        auth: Some(auth(server)),
        policy: Some(PolicySection {
            mode: server.policy.mode.to_string(),
            default_decision: server.policy.default_decision.to_string(),
            enforce_on: server.policy.enforce_on.clone(),
            policy_version: server.policy.policy_version.clone(),
            ..PolicySection::default()
        }),
        session: Some(SessionSection {
            required: server.session.required,
            store: server.session.store.clone(),
            header_name: server.session.header_name.clone(),
            max_lifetime: server.session.max_lifetime.clone(),
            idle_timeout: server.session.idle_timeout.clone(),
            upstream_token_header: server.session.upstream_token_header.clone(),
            ..SessionSection::default()
        }),
        tools: server.tools.iter().map(tool).collect(),
        ..Document::default()
    }
}

fn auth(server: &Server) -> Auth {
    let auth = &server.auth;
    Auth {
        mode: auth.mode.to_string(),
        human_id_header: auth.human_id_header.clone(),
        agent_id_header: auth.agent_id_header.clone(),
        team_id_header: auth.team_id_header.clone(),
        session_id_header: auth.session_id_header.clone(),
        token_header: auth.token_header.clone(),
        issuer_url: auth.issuer_url.clone(),
        audience: auth.audience.clone(),
        trust_domain: auth.trust_domain.clone(),
        ..Auth::default()
    }
}

fn tool(tool: &Tool) -> policy::Tool {
    policy::Tool {
        name: tool.name.clone(),
        description: tool.description.clone(),
        required_trust: tool.required_trust.to_string(),
        side_effect: tool.side_effect.to_string(),
        risk_level: tool
            .risk_level
            .map(|level| level.to_string())
            .unwrap_or_default(),
        labels: tool.labels.clone(),
        ..policy::Tool::default()
    }
}
