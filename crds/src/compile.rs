//! Server, grants and sessions become the policy document that proxies read.

mod document;
mod grant;
mod item;
mod session;

use std::sync::Arc;

pub use item::{ItemReason, ItemState};

use crate::{MCPAccessGrant, MCPAgentSession, Server, Settings};

/// A document, and what became of each grant and session that names the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// With its revision; `generated_at` is empty and outside it.
    pub document: policy::Document,
    /// One for each grant that names the server, by namespace and name.
    pub grants: Vec<ItemState>,
    /// One for each session that names the server, by namespace and name.
    pub sessions: Vec<ItemState>,
    /// What nothing acts on yet, one sentence each; some of it denies every call.
    pub unsupported: Vec<String>,
}

/// Compiles the document. Grants and sessions that name another server are passed over; a bad one is reported
/// on its own state and never keeps the others out. The same objects give the same document in any order, and
/// without members of ours the revision is the one that the Go project's operator gives.
pub fn compile(
    server: &Server,
    grants: &[Arc<MCPAccessGrant>],
    sessions: &[Arc<MCPAgentSession>],
    settings: &Settings,
) -> Compiled {
    let mut document = document::of_server(server, settings);
    let mut grants: Vec<_> = grants
        .iter()
        .filter_map(|grant| grant::state(server, grant))
        .collect();
    let mut sessions: Vec<_> = sessions
        .iter()
        .filter_map(|session| session::state(server, session))
        .collect();
    grants.sort_by(|(a, _), (b, _)| a.id().cmp(&b.id()));
    sessions.sort_by(|(a, _), (b, _)| a.id().cmp(&b.id()));
    let (grants, written): (Vec<_>, Vec<_>) = grants.into_iter().unzip();
    document.grants = written.into_iter().flatten().collect();
    let (sessions, written): (Vec<_>, Vec<_>) = sessions.into_iter().unzip();
    document.sessions = written.into_iter().flatten().collect();
    document.revision = document.compute_revision();
    Compiled {
        document,
        grants,
        sessions,
        unsupported: server.unsupported.iter().map(ToString::to_string).collect(),
    }
}
