//! Objects as stored become objects as meant, or the list of what is wrong with them.

use crate::{
    Grant, MCPAccessGrant, MCPAgentSession, MCPServer, Problem, Problems, Server, Session, Settings,
};

/// A server with every default resolved, or everything that is wrong with it.
///
/// # Errors
/// All problems, in the order of the fields.
pub fn parse(_object: &MCPServer, _settings: &Settings) -> Result<Server, Problems> {
    Err(unread())
}

/// A grant with its words typed.
///
/// # Errors
/// All problems, in the order of the fields.
pub fn parse_grant(_object: &MCPAccessGrant) -> Result<Grant, Problems> {
    Err(unread())
}

/// A session with its words typed.
///
/// # Errors
/// All problems, in the order of the fields.
pub fn parse_session(_object: &MCPAgentSession) -> Result<Session, Problems> {
    Err(unread())
}

fn unread() -> Problems {
    Problems(vec![Problem {
        code: "unread",
        field: "spec".into(),
        value: String::new(),
        message: "the object wasn't read".into(),
        remedy: "apply it again".into(),
    }])
}
