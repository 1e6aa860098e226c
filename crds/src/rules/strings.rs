//! Rules about single strings of a server.

use super::{Reason, Rule, unless};
use crate::text as shape;

pub(super) const SERVER: &[Rule] = &[
    Rule {
        nodes: &["spec.teamID"],
        ..TEAM_ID
    },
    Rule {
        nodes: &[
            "spec.tools[].name",
            "spec.prompts[].name",
            "spec.mcpResources[].name",
            "spec.tasks[].name",
        ],
        ..NAME_BLANK
    },
    Rule {
        nodes: &[
            "spec.secretEnvVars[].secretKeyRef.name",
            "spec.analytics.apiKeySecretRef.name",
            "spec.imagePullSecrets[]",
        ],
        ..SECRET_NAME
    },
    Rule {
        nodes: &[
            "spec.secretEnvVars[].secretKeyRef.key",
            "spec.analytics.apiKeySecretRef.key",
        ],
        ..SECRET_KEY
    },
    Rule {
        code: "header_invalid",
        nodes: &[
            "spec.auth.humanIDHeader",
            "spec.auth.agentIDHeader",
            "spec.auth.teamIDHeader",
            "spec.auth.sessionIDHeader",
            "spec.auth.tokenHeader",
            "spec.session.headerName",
            "spec.session.upstreamTokenHeader",
        ],
        field: "",
        cel: Some("self == '' || self.matches('^[A-Za-z0-9_-]+$')"),
        breach: |node| unless(node, shape::is_header),
        message: "that isn't a header's name",
        remedy: "write letters, digits, '-' and '_', such as X-MCP-Human-ID",
        reason: Reason::Invalid,
    },
    Rule {
        code: "url_invalid",
        nodes: &["spec.auth.issuerURL", "spec.analytics.ingestURL"],
        field: "",
        cel: Some(
            "self == '' || self.matches('^https?://[A-Za-z0-9.:_\\\\[\\\\]-]+([/?][!-~]*)?$')",
        ),
        breach: |node| unless(node, shape::is_http_url),
        message: "that isn't an http or https URL; user and password don't belong into it",
        remedy: "write a URL such as https://login.example.com/realms/team",
        reason: Reason::Invalid,
    },
    Rule {
        code: "trust_domain_invalid",
        nodes: &["spec.auth.trustDomain"],
        field: "",
        cel: Some("self == '' || self.matches('^[a-z0-9._-]+$')"),
        breach: |node| unless(node, shape::is_trust_domain),
        message: "that isn't a SPIFFE trust domain; scheme and path don't belong to it",
        remedy: "write lower-case letters, digits, '.', '-' and '_', such as example.org",
        reason: Reason::Invalid,
    },
    Rule {
        code: "duration_invalid",
        nodes: &["spec.session.maxLifetime", "spec.session.idleTimeout"],
        field: "",
        cel: Some(
            "self == '' || (self.matches('^([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h)\
             (([0-9]+([.][0-9]*)?|[.][0-9]+)(ns|us|\u{b5}s|\u{3bc}s|ms|s|m|h))*$') && self.matches('[1-9]'))",
        ),
        breach: |node| unless(node, shape::is_duration),
        message: "that isn't a duration above nought",
        remedy: "write numbers with units h, m, s or ms, such as 24h or 1h30m",
        reason: Reason::Invalid,
    },
];

/// A team's id.
pub(super) const TEAM_ID: Rule = Rule {
    code: "team_id_has_space",
    nodes: &[],
    field: "",
    cel: Some("!self.matches('[ \\\\t\\\\r\\\\n]')"),
    breach: |node| unless(node, shape::has_no_space),
    message: "teamID must be a stable identifier without white space",
    remedy: "write the team's id, such as 7d0a0b8f-7c25-4761-a632-3cf0108e31d6 or team-a",
    reason: Reason::Invalid,
};

/// A name that isn't an object's.
pub(super) const NAME_BLANK: Rule = Rule {
    code: "name_blank",
    nodes: &[],
    field: "",
    cel: Some("self == '' || self.trim() != ''"),
    breach: |node| unless(node, |text| !text.trim().is_empty()),
    message: "the name is blank",
    remedy: "write the name that the server itself gives",
    reason: Reason::Required,
};

/// The name of a Secret.
pub(super) const SECRET_NAME: Rule = Rule {
    code: "secret_name_invalid",
    nodes: &[],
    field: "",
    cel: Some(
        "self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
    ),
    breach: |node| unless(node, shape::is_subdomain),
    message: "that can't be the name of a Secret",
    remedy: "write the name of a Secret in this namespace",
    reason: Reason::Invalid,
};

/// A key of a Secret.
pub(super) const SECRET_KEY: Rule = Rule {
    code: "secret_key_invalid",
    nodes: &[],
    field: "",
    cel: Some(
        "self == '' || (self.matches('^[-._a-zA-Z0-9]+$') && self != '.' && !self.startsWith('..'))",
    ),
    breach: |node| unless(node, shape::is_key),
    message: "that can't be a key of a Secret",
    remedy: "write a key such as api-key",
    reason: Reason::Invalid,
};
