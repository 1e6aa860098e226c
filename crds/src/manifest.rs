//! Raw manifests: which kind they are, and whether they have the shape of it.

use kube::core::TypeMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    MCPAccessGrant, MCPAgentSession, MCPServer, Problem, Problems, names,
    nodes::Path,
    schema::{self, check},
};

/// One of the three kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

    /// The kind of a raw manifest; `None` where it is of another group, version or kind.
    pub fn of(document: &Value) -> Option<Self> {
        let types: TypeMeta = serde_json::from_value(document.clone()).ok()?;
        (types.api_version == format!("{}/{}", names::GROUP, names::VERSION))
            .then(|| Self::from_kind(&types.kind))
            .flatten()
    }
}

/// One of something for each kind.
pub(crate) struct PerKind<T> {
    server: T,
    grant: T,
    session: T,
}

impl<T> PerKind<T> {
    /// Makes all three.
    pub(crate) fn make(make: impl Fn(Kind) -> T) -> Self {
        Self {
            server: make(Kind::Server),
            grant: make(Kind::Grant),
            session: make(Kind::Session),
        }
    }

    /// That of a kind.
    pub(crate) fn of(&self, kind: Kind) -> &T {
        match kind {
            Kind::Server => &self.server,
            Kind::Grant => &self.grant,
            Kind::Session => &self.session,
        }
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

/// A manifest of one of the three kinds.
#[derive(Clone, Debug, PartialEq)]
pub enum Manifest {
    /// A server.
    Server(Box<MCPServer>),
    /// A grant.
    Grant(Box<MCPAccessGrant>),
    /// A session.
    Session(Box<MCPAgentSession>),
}

/// Reads a manifest as it came from a file: with what the API server would say of its shape, members that the
/// schema doesn't know included.
///
/// # Errors
/// Everything about its shape that is wrong.
pub fn read(document: &Value) -> Result<Manifest, Problems> {
    let kind = Kind::of(document).ok_or_else(|| Problems(vec![unknown_kind(document)]))?;
    let mut document = document.clone();
    prune_nulls(&mut document);
    let mut problems = Vec::new();
    check::check(schema::shape(kind), &document, &Path::Root, &mut problems);
    check::unknown(schema::shape(kind), &document, &Path::Root, &mut problems);
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    match kind {
        Kind::Server => typed(document).map(|server| Manifest::Server(Box::new(server))),
        Kind::Grant => typed(document).map(|grant| Manifest::Grant(Box::new(grant))),
        Kind::Session => typed(document).map(|session| Manifest::Session(Box::new(session))),
    }
}

/// Takes out nulls, which the API server prunes before anything else.
pub(crate) fn prune_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(prune_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        _ => {}
    }
}

/// The object as its type has it.
pub(crate) fn typed<T: DeserializeOwned>(document: Value) -> Result<T, Problems> {
    serde_json::from_value(document)
        .map_err(|error| Problems(vec![Problem::unreadable("", &error)]))
}

fn unknown_kind(document: &Value) -> Problem {
    let text = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    Problem {
        code: "unknown_kind",
        field: "kind".into(),
        value: format!("{}, Kind={}", text("apiVersion"), text("kind")),
        message: "this isn't a kind of mcp-runtime".into(),
        remedy: format!(
            "write apiVersion: {}/{} and kind: {}",
            names::GROUP,
            names::VERSION,
            Kind::ALL.map(Kind::as_str).join(", ")
        ),
    }
}
