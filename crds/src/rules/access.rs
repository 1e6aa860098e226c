//! Rules about grants and sessions.

use super::{
    Immutable, Reason, Rule, missing,
    strings::{NAME_BLANK, SECRET_KEY, SECRET_NAME, TEAM_ID},
    text, unless,
};
use crate::text as shape;

pub(super) const GRANT: &[Rule] = &[
    SERVER_NAME,
    SERVER_NAMESPACE,
    Rule {
        nodes: &["spec.subject.teamID"],
        ..TEAM_ID
    },
    Rule {
        nodes: &["spec.toolRules[].name"],
        ..NAME_BLANK
    },
];

pub(super) const SESSION: &[Rule] = &[
    SERVER_NAME,
    SERVER_NAMESPACE,
    Rule {
        code: "subject_empty",
        nodes: &["spec.subject"],
        field: "",
        cel: Some(
            "(has(self.humanID) && self.humanID.trim() != '') || (has(self.agentID) && self.agentID.trim() != '') || \
             (has(self.teamID) && self.teamID.trim() != '')",
        ),
        breach: |subject| {
            let fields = ["/humanID", "/agentID", "/teamID"];
            missing(
                fields
                    .iter()
                    .all(|field| text(subject, field).trim().is_empty()),
            )
        },
        message: "a session is somebody's",
        remedy: "write at least one of subject.humanID, subject.agentID and subject.teamID",
        reason: Reason::Required,
    },
    Rule {
        nodes: &["spec.subject.teamID"],
        ..TEAM_ID
    },
    Rule {
        nodes: &["spec.upstreamTokenSecretRef.name"],
        ..SECRET_NAME
    },
    Rule {
        nodes: &["spec.upstreamTokenSecretRef.key"],
        ..SECRET_KEY
    },
];

pub(super) const IMMUTABLE: &[Immutable] = &[
    Immutable {
        node: "spec.serverRef",
        message: "serverRef can't be changed; delete this object and create one for the other server",
    },
    Immutable {
        node: "spec.subject",
        message: "subject can't be changed; delete this object and create one for the other subject",
    },
];

const SERVER_NAME: Rule = Rule {
    code: "server_name_invalid",
    nodes: &["spec.serverRef.name"],
    field: "",
    cel: Some(
        "self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
    ),
    breach: |node| unless(node, shape::is_subdomain),
    message: "that can't be the name of an MCPServer",
    remedy: "write the name of a server, as kubectl get mcpservers shows it",
    reason: Reason::Invalid,
};

const SERVER_NAMESPACE: Rule = Rule {
    code: "namespace_invalid",
    nodes: &["spec.serverRef.namespace"],
    field: "",
    cel: Some("self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')"),
    breach: |node| unless(node, shape::is_label),
    message: "that can't be the name of a namespace",
    remedy: "leave it out for this object's own namespace, or write the server's",
    reason: Reason::Invalid,
};
