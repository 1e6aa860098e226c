//! Server, grants and sessions become the policy document that proxies read.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{MCPAccessGrant, MCPAgentSession, Server, Settings};

/// A document, and what became of each grant and session that names the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// With its revision; `generated_at` is empty and outside it.
    pub document: policy::Document,
    /// One for each grant that names the server.
    pub grants: Vec<ItemState>,
    /// One for each session that names the server.
    pub sessions: Vec<ItemState>,
    /// What nothing acts on yet, one sentence each; some of it denies every call.
    pub unsupported: Vec<String>,
}

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
    /// When a session ends: from then on its state is `Expired`.
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

/// Compiles the document. Grants and sessions that name another server are passed over; a bad one is reported
/// on its own state and never keeps the others out. The same objects give the same document in any order.
pub fn compile(
    _server: &Server,
    _grants: &[Arc<MCPAccessGrant>],
    _sessions: &[Arc<MCPAgentSession>],
    _settings: &Settings,
) -> Compiled {
    Compiled::default()
}
