//! A document that was read and found whole, indexed for decisions.

mod auth;
mod build;
mod denials;
mod duration;
mod error;
mod grants;
mod methods;
mod sessions;
mod values;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::document::Server;
use crate::{ItemId, SideEffect, Trust};
use grants::Grants;
use sessions::Sessions;

pub use auth::{AuthMode, AuthSettings};
pub use duration::parse_duration;
pub use error::PolicyError;
pub(crate) use grants::{Grant, Rule};
pub(crate) use methods::Governance;
pub(crate) use sessions::Session;

/// A valid policy, indexed by subject and session: a decision costs the same at ten
/// sessions and at a hundred thousand.
#[derive(Clone, Debug)]
pub struct Policy {
    revision: Arc<str>,
    /// The server's, where names without one belong.
    namespace: Arc<str>,
    server: Server,
    auth: AuthSettings,
    observe: bool,
    default_allow: bool,
    governs_all: bool,
    lists_all: bool,
    policy_version: Option<Arc<str>>,
    session: SessionSettings,
    tools: HashMap<Arc<str>, Tool>,
    prompts: HashMap<Arc<str>, Needs>,
    resources: HashMap<Arc<str>, Needs>,
    pub(crate) grants: Grants,
    pub(crate) sessions: Sessions,
}

/// The document's `session` section; limits are there only where they are enforced.
#[derive(Clone, Debug)]
pub(crate) struct SessionSettings {
    pub(crate) required: bool,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    upstream_token_header: Arc<str>,
}

/// A declared tool.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) required_trust: Trust,
    pub(crate) side_effect: Option<SideEffect>,
    pub(crate) risk_level: Option<Arc<str>>,
}

/// What reading a prompt or resource takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) required_trust: Trust,
    pub(crate) side_effect: SideEffect,
}

impl Policy {
    /// The document's revision, `sha256:<hex>`, as stamped or as computed.
    pub fn revision(&self) -> &Arc<str> {
        &self.revision
    }

    /// The document's schema version: `v1`.
    pub const fn schema_version(&self) -> &'static str {
        "v1"
    }

    /// The server the policy is for.
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// How callers are identified, defaults filled in.
    pub const fn auth(&self) -> &AuthSettings {
        &self.auth
    }

    /// The document's policyVersion, a label.
    pub const fn policy_version(&self) -> Option<&Arc<str>> {
        self.policy_version.as_ref()
    }

    /// Whether denials are reported instead of carried out (where the table lets them).
    pub const fn observes(&self) -> bool {
        self.observe
    }

    /// Whether every exchange must present a session.
    pub const fn requires_session(&self) -> bool {
        self.session.required
    }

    /// Whether lists show just what the subject could call.
    pub const fn filters_lists(&self) -> bool {
        !self.observe && !self.lists_all
    }

    /// The header in which a session's own token goes upstream.
    pub const fn upstream_token_header(&self) -> &Arc<str> {
        &self.session.upstream_token_header
    }

    /// `secret/key` of the token that goes upstream for a session, if it has one.
    pub fn upstream_token_ref(&self, session: &ItemId) -> Option<&Arc<str>> {
        self.sessions
            .get(&session.namespace, &session.name)?
            .upstream_token_ref
            .as_ref()
    }

    /// How many grants it holds, disabled ones too.
    pub fn grant_count(&self) -> usize {
        self.grants.len()
    }

    /// How many sessions it holds, revoked and expired ones too.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Whether it holds a session, presented as `name` or `namespace/name`.
    pub fn holds_session(&self, presented: &str) -> bool {
        self.session(presented).is_some()
    }

    /// The names of the declared tools, in no order.
    pub fn tool_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.tools.keys()
    }

    pub(crate) fn default_allow(&self) -> bool {
        self.default_allow
    }

    pub(crate) fn session_settings(&self) -> &SessionSettings {
        &self.session
    }

    pub(crate) fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.get(name)
    }

    pub(crate) fn has_inventory(&self) -> bool {
        !self.tools.is_empty()
    }

    /// A session as a caller presents it: `name` in the server's namespace, or
    /// `namespace/name`.
    pub(crate) fn session(&self, presented: &str) -> Option<&Session> {
        match presented.split_once('/') {
            Some((namespace, name)) => self.sessions.get(namespace, name),
            None => self.sessions.get(&self.namespace, presented),
        }
    }
}
