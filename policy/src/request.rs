//! One exchange as it was read: who, with which session, asking for what.

use std::time::Duration;

use crate::Reason;

/// Who is calling, as authenticated. Empty strings are absent fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Subject<'a> {
    /// The person.
    pub human: &'a str,
    /// The agent acting for the person.
    pub agent: &'a str,
    /// The team.
    pub team: &'a str,
}

/// What is asked of [`decide`](crate::decide).
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The authenticated subject, or why there is none (line 2).
    pub subject: Result<Subject<'a>, Reason>,
    /// What inspection of the message refused, if anything (line 3).
    pub inspection_failure: Option<Reason>,
    /// The session as presented: `name` in the server's namespace, or `namespace/name`.
    pub session: Option<&'a str>,
    /// How long ago this proxy last served the session; `None` is not known and never expires.
    pub session_idle: Option<Duration>,
    /// The JSON-RPC method; `None` for GET and DELETE.
    pub method: Option<&'a str>,
    /// The name of the tool, prompt or resource the method names.
    pub name: Option<&'a str>,
}

impl Default for Request<'_> {
    /// Nobody asking for nothing: denied.
    fn default() -> Self {
        Self {
            subject: Err(Reason::MissingIdentity),
            inspection_failure: None,
            session: None,
            session_idle: None,
            method: None,
            name: None,
        }
    }
}
