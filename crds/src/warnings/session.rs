//! Warnings about sessions, by themselves and beside their server.

use jiff::{SignedDuration, Timestamp};

use super::{Lookup, SERVER_NOT_FOUND, WarningCode, not_trusted, warning};
use crate::{Server, Session, Warning, names, server::access::MAX_LIFETIME, words::AuthMode};

/// Warnings about a session, as of `now`, beside its server as far as it is known.
pub fn session_warnings(session: &Session, server: Lookup<'_>, now: Timestamp) -> Vec<Warning> {
    if !server.trusts(&session.namespace, &session.server_namespace) {
        return vec![not_trusted()];
    }
    let mut told = Vec::new();
    if session.expires_at.is_some_and(|end| end <= now) {
        told.push(warning(
            WarningCode::ExpiresInPast,
            "spec.expiresAt is past: every call with this session is denied",
        ));
    }
    told.extend(token(session));
    match server {
        Lookup::Unknown => {}
        Lookup::Missing => told.push(warning(WarningCode::ServerNotFound, SERVER_NOT_FOUND)),
        Lookup::Found(server) => told.extend(beside(session, server, now)),
    }
    told
}

fn token(session: &Session) -> Option<Warning> {
    let secret = names::upstream_tokens_secret(&session.server);
    let token = session.upstream_token.as_ref()?;
    (token.name != secret).then(|| {
        warning(
            WarningCode::TokenNotMounted,
            format!(
                "spec.upstreamTokenSecretRef.name is {}: only Secret {secret} is mounted, and every call with this \
                 session is denied; put the token there and name that",
                token.name
            ),
        )
    })
}

fn beside(session: &Session, server: &Server, now: Timestamp) -> Option<Warning> {
    if server.gateway.is_some() && server.auth.mode == AuthMode::None {
        return Some(warning(
            WarningCode::SessionNeverPresented,
            format!(
                "spec.serverRef: MCPServer {} has auth.mode none, where no session is looked at",
                server.name
            ),
        ));
    }
    let most = &server.session.max_lifetime;
    let longest = SignedDuration::try_from(policy::parse_duration(most)?).ok()?;
    let begins = session.created.unwrap_or(now);
    let lasts_longer = match session.expires_at {
        Some(end) => end.duration_since(begins) > longest,
        // Everyone has the default, who may never have thought of it.
        None => most != MAX_LIFETIME,
    };
    lasts_longer.then(|| {
        warning(
            WarningCode::LifetimeAboveMax,
            format!(
                "spec.expiresAt lets the session last longer than session.maxLifetime {most} of MCPServer {}",
                server.name
            ),
        )
    })
}
