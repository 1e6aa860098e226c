//! What is valid and probably not meant, or not acted on yet.

use jiff::Timestamp;

use crate::{Grant, Server, Session, Warning};

/// Warnings about a server.
pub fn warnings(server: &Server) -> Vec<Warning> {
    server
        .unsupported
        .iter()
        .map(|unsupported| Warning {
            code: unsupported.code,
            message: format!("{}: {}", unsupported.field, unsupported.message),
        })
        .collect()
}

/// Warnings about a grant.
pub fn grant_warnings(_grant: &Grant) -> Vec<Warning> {
    Vec::new()
}

/// Warnings about a session, as of `now`.
pub fn session_warnings(_session: &Session, _now: Timestamp) -> Vec<Warning> {
    Vec::new()
}
