//! Sessions: whether they count, and how they are written.

use crate::{MCPAgentSession, Server, Session, names, parse_session};

use super::item::{ItemReason, ItemState, foreign, refers_to, team};

/// A session's state and what is written of it. `None` where it names another server.
pub(super) fn state(
    server: &Server,
    object: &MCPAgentSession,
) -> Option<(ItemState, Option<policy::Session>)> {
    if !refers_to(&object.metadata, &object.spec.server_ref, server) {
        return None;
    }
    if let Some(foreign) = foreign(&object.metadata, server) {
        return Some((foreign, None));
    }
    Some(match parse_session(object) {
        Ok(session) => {
            let (reason, message) = reason_of(&session, server);
            let state = ItemState {
                included: true,
                expires_at: session.expires_at,
                ..ItemState::new(&object.metadata, reason, message)
            };
            (state, Some(written(&session, server)))
        }
        // A session that isn't in the document is denied where it is presented.
        Err(problems) => (
            ItemState::new(&object.metadata, ItemReason::Invalid, problems.to_string()),
            None,
        ),
    })
}

fn reason_of(session: &Session, server: &Server) -> (ItemReason, String) {
    let secret = names::upstream_tokens_secret(&server.name);
    match &session.upstream_token {
        _ if session.revoked => (ItemReason::Revoked, "spec.revoked is true".into()),
        Some(token) if token.name != secret => (
            ItemReason::TokenNotMounted,
            format!("tokens come from Secret {secret} alone; calls with this session are denied"),
        ),
        _ => (ItemReason::Active, String::new()),
    }
}

fn written(session: &Session, server: &Server) -> policy::Session {
    let token = session.upstream_token.as_ref();
    policy::Session {
        name: session.name.clone(),
        namespace: session.namespace.clone(),
        human_id: session.subject.human_id.clone(),
        agent_id: session.subject.agent_id.clone(),
        team_id: team(&session.subject, server).to_owned(),
        consented_trust: session.consented_trust.to_string(),
        revoked: session.revoked,
        // Whole seconds, downwards: a session never outlives its end.
        expires_at: session
            .expires_at
            .map(|end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            .unwrap_or_default(),
        policy_version: session.policy_version.clone(),
        upstream_token_ref: token
            .map(|token| format!("{}/{}", token.name, token.key))
            .unwrap_or_default(),
        created_at: String::new(),
    }
}
