//! What was decided, and on what.

mod message;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Reason, SideEffect, Trust};

/// Whether the exchange may go on. Deny is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It may not.
    #[default]
    Deny,
    /// It may.
    Allow,
}

impl Effect {
    /// `allow` or `deny`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

/// A grant or session by its identity: namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name there.
    pub name: Arc<str>,
}

impl std::fmt::Display for ItemId {
    /// `namespace/name`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The facts a decision rests on; each is absent where its line wasn't reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// The grant that set the trust, or that forbade the tool.
    pub grant: Option<ItemId>,
    /// The session presented and found.
    pub session: Option<ItemId>,
    /// The trust the call needs.
    pub required_trust: Option<Trust>,
    /// The highest maxTrust among the grants that allow it.
    pub admin_trust: Option<Trust>,
    /// The presented session's consentedTrust.
    pub consented_trust: Option<Trust>,
    /// The lesser of the two.
    pub effective_trust: Option<Trust>,
    /// The tool's declared side effect.
    pub required_side_effect: Option<SideEffect>,
    /// The tool's declared or derived risk: `low`, `medium`, `high`. For information only.
    pub risk_level: Option<Arc<str>>,
    /// The policyVersion of the grant in `grant`, else the document's.
    pub policy_version: Option<Arc<str>>,
    /// The document's revision, `sha256:<hex>`.
    pub policy_revision: Option<Arc<str>>,
}

/// The verdict on one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Allow or deny, as the lines say; see `enforced`.
    pub effect: Effect,
    /// False in observe mode where the denial isn't carried out.
    pub enforced: bool,
    /// The reason of the line that decided.
    pub reason: Reason,
    /// The line of the decision table (1–13) that decided; absent before any.
    pub line: Option<u8>,
    /// The denial's HTTP status, also where it isn't enforced; absent for an allow.
    pub status: Option<u16>,
    /// What it rests on.
    pub basis: Basis,
}

impl Default for Decision {
    /// Deny, undecided, enforced.
    fn default() -> Self {
        Self {
            effect: Effect::Deny,
            enforced: true,
            reason: Reason::Undecided,
            line: None,
            status: Reason::Undecided.status(),
            basis: Basis::default(),
        }
    }
}

impl Decision {
    /// Whether the exchange goes on: allowed, or denied without being enforced.
    pub fn passes(&self) -> bool {
        self.effect == Effect::Allow || !self.enforced
    }
}
