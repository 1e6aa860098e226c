//! What became of one grant or session, and what both kinds are asked first.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{Server, grant::ServerRef, parsed::SubjectIds, warnings::NOT_TRUSTED};

/// What became of one grant or session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemState {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Generation that was compiled.
    pub generation: i64,
    /// Why it is in the document, or isn't.
    pub reason: ItemReason,
    /// One sentence for people.
    pub message: String,
    /// It is in the document.
    pub included: bool,
    /// When a session ends; [`ItemState::reason_at`] minds it.
    pub expires_at: Option<Timestamp>,
    /// How many declared tools a grant allows.
    pub matched_tools: i64,
}

/// Why a grant or session is in force, or isn't. The spelling is the condition's reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemReason {
    /// In force.
    Active,
    /// A grant with `disabled: true`.
    Disabled,
    /// A session with `revoked: true`.
    Revoked,
    /// A session past its end.
    Expired,
    /// Its server isn't there.
    ServerNotFound,
    /// In force, with a rule for a tool that the server doesn't declare.
    UnknownTool,
    /// From a namespace that the server doesn't trust.
    NamespaceNotTrusted,
    /// A session whose token can't be mounted; its calls are denied.
    TokenNotMounted,
    /// It can't be read.
    Invalid,
}

impl ItemReason {
    /// The spelling in conditions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Disabled => "Disabled",
            Self::Revoked => "Revoked",
            Self::Expired => "Expired",
            Self::ServerNotFound => "ServerNotFound",
            Self::UnknownTool => "UnknownTool",
            Self::NamespaceNotTrusted => "NamespaceNotTrusted",
            Self::TokenNotMounted => "TokenNotMounted",
            Self::Invalid => "Invalid",
        }
    }
}

impl ItemState {
    /// The reason as of `now`: a session past its end is `Expired`, unless it was revoked before.
    pub fn reason_at(&self, now: Timestamp) -> ItemReason {
        let ended = self.expires_at.is_some_and(|end| end <= now);
        match self.reason {
            ItemReason::Active | ItemReason::TokenNotMounted if ended => ItemReason::Expired,
            reason => reason,
        }
    }

    pub(super) fn id(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }

    pub(super) fn new(
        metadata: &ObjectMeta,
        reason: ItemReason,
        message: impl Into<String>,
    ) -> Self {
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
            generation: metadata.generation.unwrap_or_default(),
            reason,
            message: message.into(),
            included: false,
            expires_at: None,
            matched_tools: 0,
        }
    }
}

/// Whether the object names this server.
pub(super) fn refers_to(metadata: &ObjectMeta, reference: &ServerRef, server: &Server) -> bool {
    let given = reference
        .namespace
        .as_deref()
        .filter(|namespace| !namespace.is_empty());
    reference.name == server.name
        && given.or(metadata.namespace.as_deref()) == Some(server.namespace.as_str())
}

/// Objects of other namespaces don't count, and their authors learn nothing of the server, not even that it is.
pub(super) fn foreign(metadata: &ObjectMeta, server: &Server) -> Option<ItemState> {
    (metadata.namespace.as_deref() != Some(server.namespace.as_str()))
        .then(|| ItemState::new(metadata, ItemReason::NamespaceNotTrusted, NOT_TRUSTED))
}

/// A subject that names no team is of the server's team, where the server has one.
pub(super) fn team<'a>(subject: &'a SubjectIds, server: &'a Server) -> &'a str {
    if subject.team_id.is_empty() {
        &server.team_id
    } else {
        &subject.team_id
    }
}
