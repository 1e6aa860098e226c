//! Fills in what an object leaves out, on raw JSON: it adds what is absent, touches nothing that is there and
//! passes over what it can't read.

use serde_json::{Value, json};

use crate::Settings;

/// One of the three kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `MCPServer`.
    Server,
    /// `MCPAccessGrant`.
    Grant,
    /// `MCPAgentSession`.
    Session,
}

impl Kind {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Server, Self::Grant, Self::Session];

    /// The kind as manifests spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "MCPServer",
            Self::Grant => "MCPAccessGrant",
            Self::Session => "MCPAgentSession",
        }
    }

    /// Reads a manifest's kind.
    pub fn from_kind(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == kind)
    }
}

/// One addition: an RFC 6902 `add`.
#[derive(Clone, Debug, PartialEq)]
pub struct Add {
    /// JSON pointer (RFC 6901) of a member that isn't there.
    pub path: String,
    /// What it becomes.
    pub value: Value,
}

/// What `object` leaves out, in an order in which the additions can be applied. Never fails: what it can't read
/// is left to the schema. Applying the result and asking again gives nothing.
pub fn default(kind: Kind, object: &Value, settings: &Settings) -> Vec<Add> {
    let mut adds = Vec::new();
    if kind != Kind::Server {
        return adds;
    }
    let (Some(name), Some(spec)) = (
        object.pointer("/metadata/name").and_then(Value::as_str),
        object.get("spec").and_then(Value::as_object),
    ) else {
        return adds;
    };
    let mut add = |member: &str, value: Value| {
        if !spec.contains_key(member) {
            adds.push(Add {
                path: format!("/spec/{member}"),
                value,
            });
        }
    };
    let has = |member: &str| spec.contains_key(member);
    if !has("ingressHost") && !has("publicPathPrefix") {
        add("publicPathPrefix", json!(name));
        if !settings.default_ingress_host.is_empty() {
            add("ingressHost", json!(settings.default_ingress_host));
        }
    }
    add("ingressPath", json!(format!("/{name}/mcp")));
    adds
}
