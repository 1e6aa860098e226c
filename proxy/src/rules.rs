//! A policy as the stages use it: the decision, and what of the document concerns HTTP.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::InvalidHeaderName;
use policy::{AuthMode, Document, Policy};

use crate::inspect::DEFAULT_LIMIT;

/// Headers that carry identity where the document doesn't rename them. They never pass, even
/// where it does: a server that reads the default names must not read a caller's.
pub(crate) const DEFAULT_IDENTITY_HEADERS: [HeaderName; 5] = [
    HeaderName::from_static("x-mcp-human-id"),
    HeaderName::from_static("x-mcp-agent-id"),
    HeaderName::from_static("x-mcp-team-id"),
    HeaderName::from_static("x-mcp-agent-session"),
    HeaderName::from_static("x-mcp-verified-spiffe-id"),
];

/// One document in force.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Decides.
    pub policy: Policy,
    /// Where identity is read from and written to.
    pub identity: IdentityHeaders,
    /// The caller's and the upstream's tokens: removed from what goes upstream.
    pub token_headers: Vec<HeaderName>,
    /// Bytes of a request's body.
    pub max_request_bytes: u64,
    /// How long the server may take to begin its answer; `None` is without end.
    pub request_timeout: Option<Duration>,
    /// Whether it matters when a session was last used.
    pub tracks_idle: bool,
    /// The server as events and metrics name it.
    pub server: ServerNames,
}

/// The server the document speaks of.
#[derive(Clone, Debug)]
pub struct ServerNames {
    /// Its name.
    pub name: Arc<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its team; may be empty.
    pub team: Arc<str>,
    /// The cluster; may be empty.
    pub cluster: Arc<str>,
}

/// Names of the headers that carry identity.
#[derive(Clone, Debug)]
pub struct IdentityHeaders {
    /// The person.
    pub human: HeaderName,
    /// The agent.
    pub agent: HeaderName,
    /// The team.
    pub team: HeaderName,
    /// The session.
    pub session: HeaderName,
}

/// The document can't be put in force by a proxy.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A header's name isn't one.
    #[error("{name:?} is no header name")]
    HeaderName {
        /// As written.
        name: String,
        /// What the parser said.
        #[source]
        source: InvalidHeaderName,
    },
    /// A duration isn't one.
    #[error("limits.{member} {value:?} is no duration (such as 30s or 5m)")]
    Duration {
        /// Member of `limits`.
        member: &'static str,
        /// As written.
        value: String,
    },
}

impl Rules {
    /// What `document`, which `policy` was made from, asks of a proxy.
    ///
    /// # Errors
    /// [`RulesError`] where a member can't be understood.
    pub fn new(policy: Policy, document: &Document) -> Result<Self, RulesError> {
        let auth = policy.auth();
        let limits = document.limits.clone().unwrap_or_default();
        let session = document.session.clone().unwrap_or_default();
        let mut token_headers = vec![header_name(policy.upstream_token_header())?];
        if !auth.forward_token {
            token_headers.push(header_name(&auth.token_header)?);
        }
        Ok(Self {
            identity: IdentityHeaders {
                human: header_name(&auth.human_id_header)?,
                agent: header_name(&auth.agent_id_header)?,
                team: header_name(&auth.team_id_header)?,
                session: header_name(&auth.session_id_header)?,
            },
            token_headers,
            max_request_bytes: match limits.max_request_bytes {
                0 => DEFAULT_LIMIT,
                limit => limit,
            },
            request_timeout: duration("request_timeout", &limits.request_timeout)?,
            tracks_idle: session.enforce_limits && !session.idle_timeout.is_empty(),
            server: ServerNames {
                name: document.server.name.as_str().into(),
                namespace: document.server.namespace.as_str().into(),
                team: document.server.team_id.as_str().into(),
                cluster: document.server.cluster.as_str().into(),
            },
            policy,
        })
    }

    /// The same with another policy: what a newer document forbids, applied to this one.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self {
            policy,
            ..self.clone()
        }
    }

    /// Whether callers are identified at all.
    pub fn is_anonymous(&self) -> bool {
        self.policy.auth().mode == AuthMode::None
    }
}

impl IdentityHeaders {
    /// All four.
    pub fn all(&self) -> [&HeaderName; 4] {
        [&self.human, &self.agent, &self.team, &self.session]
    }
}

fn header_name(name: &str) -> Result<HeaderName, RulesError> {
    HeaderName::try_from(name).map_err(|source| RulesError::HeaderName {
        name: name.to_owned(),
        source,
    })
}

fn duration(member: &'static str, value: &str) -> Result<Option<Duration>, RulesError> {
    if value.is_empty() {
        return Ok(None);
    }
    policy::parse_duration(value)
        .map(Some)
        .ok_or_else(|| RulesError::Duration {
            member,
            value: value.to_owned(),
        })
}
