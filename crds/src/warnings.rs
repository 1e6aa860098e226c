//! What is valid and probably not meant, or not acted on yet.

use jiff::Timestamp;
use policy::SideEffect;

use crate::{
    Gateway, Grant, Server, Session, Warning, names,
    words::{AuthMode, PolicyDecision},
};

/// Warnings about a server.
pub fn warnings(server: &Server) -> Vec<Warning> {
    let unsupported = server.unsupported.iter().map(|unsupported| Warning {
        code: unsupported.code,
        message: unsupported.to_string(),
    });
    let governed = server.gateway.is_some();
    let from_anywhere = |gateway: &Gateway| gateway.allow_from.is_empty();
    let changes = |effect| effect != SideEffect::Read;
    let limits = [&server.session.max_lifetime, &server.session.idle_timeout];
    let cases = [
        (
            server.gateway.as_ref().is_some_and(from_anywhere)
                && server.auth.mode == AuthMode::Header,
            "headers_from_anywhere",
            "spec.auth.mode: header believes whoever can reach the pods; write into spec.gateway.allowFrom the namespaces of what sets the headers, such as the ingress controller's",
        ),
        (
            governed && server.auth.mode == AuthMode::None,
            "everyone_is_anonymous",
            "spec.auth.mode: none makes every caller the human \"anonymous\"; only grants for that name, or for everyone, match",
        ),
        (
            server.replicas > 1 && !server.stateless,
            "sessions_not_sticky",
            "spec.replicas is more than 1: MCP sessions kept in a pod's memory need the ingress's sticky cookie, which some clients don't send back; write stateless: true where the server keeps none",
        ),
        (
            governed
                && !server.session.required
                && server.tools.iter().any(|tool| changes(tool.side_effect)),
            "consent_can_be_omitted",
            "spec.session.required is false: a caller that presents no session isn't held to what a person consented to, for tools that write or destroy too",
        ),
        (
            governed && server.policy.default_decision == PolicyDecision::Allow,
            "default_allow_skips_trust",
            "spec.policy.defaultDecision: allow lets callers without a grant call declared tools at any trust, side effect and consent",
        ),
        (
            governed && server.tools.is_empty(),
            "no_tools",
            "spec.tools is empty: the gateway denies every tool call, since no tool's side effect is known",
        ),
        (
            !governed && !server.tools.is_empty(),
            "gateway_off",
            "spec.gateway.enabled isn't true: nothing decides on calls, and trust and side effects of the tools are for the catalogue only",
        ),
        (
            governed
                && limits
                    .iter()
                    .zip(["24h", "1h"])
                    .any(|(limit, default)| *limit != default),
            "session_limits_not_enforced",
            "spec.session.maxLifetime and idleTimeout are written into the policy and not enforced; expiresAt of each session is",
        ),
        (
            governed && server.session.header_name != server.auth.session_id_header,
            "session_header_differs",
            "spec.session.headerName and spec.auth.sessionIDHeader differ; sessions are taken from session.headerName",
        ),
        (
            server.ingress_path_unused,
            "ingress_path_unused",
            "spec.ingressPath counts only with ingressHost and without publicPathPrefix; the route is /{publicPathPrefix}/mcp",
        ),
    ];
    let told = cases.into_iter().filter(|(told, ..)| *told);
    unsupported
        .chain(told.map(|(_, code, message)| Warning {
            code,
            message: message.to_owned(),
        }))
        .collect()
}

/// Warnings about a grant by itself.
pub fn grant_warnings(grant: &Grant) -> Vec<Warning> {
    let subject = &grant.subject;
    let everyone = [&subject.human_id, &subject.agent_id, &subject.team_id]
        .iter()
        .all(|id| id.is_empty());
    let allows = |rule: &crate::parsed::ToolRule| rule.decision == PolicyDecision::Allow;
    let cases = [
        (
            everyone,
            "grant_for_everyone",
            "spec.subject is empty: the grant is for every authenticated caller, of the server's team where it has one",
        ),
        (
            !grant.disabled
                && grant.allowed_side_effects.is_empty()
                && grant.tool_rules.iter().any(allows),
            "no_side_effects",
            "spec.allowedSideEffects is empty: the grant allows no call at all; write those of its tools, such as [read]",
        ),
        (
            !grant.disabled && grant.allowed_side_effects.is_empty() && grant.tool_rules.is_empty(),
            "no_side_effects",
            "spec.allowedSideEffects is empty: the grant allows no call at all; write those it is meant for, such as [read]",
        ),
        (
            !grant.tool_rules.is_empty() && !grant.tool_rules.iter().any(allows),
            "deny_only_grant",
            "spec.toolRules only deny: with rules a grant allows just the tools that a rule allows, so this one allows none",
        ),
        (
            grant.server_namespace != grant.namespace,
            "other_namespace",
            OTHER_NAMESPACE,
        ),
    ];
    told(cases)
}

/// Warnings about a session, as of `now`.
pub fn session_warnings(session: &Session, now: Timestamp) -> Vec<Warning> {
    let mut warnings = told([
        (
            session.expires_at.is_some_and(|end| end <= now),
            "expires_in_past",
            "spec.expiresAt is past: every call with this session is denied",
        ),
        (
            session.server_namespace != session.namespace,
            "other_namespace",
            OTHER_NAMESPACE,
        ),
    ]);
    let secret = names::upstream_tokens_secret(&session.server);
    if let Some(token) = session
        .upstream_token
        .as_ref()
        .filter(|token| token.name != secret)
    {
        warnings.push(Warning {
            code: "token_not_mounted",
            message: format!(
                "spec.upstreamTokenSecretRef.name is {}: only Secret {secret} is mounted, and every call with this \
                 session is denied; put the token there and name that",
                token.name
            ),
        });
    }
    warnings
}

/// Warnings about a grant for a server in the same namespace: rules for tools that the server doesn't declare.
/// A warning only, since one commit may add both and be applied in either order.
pub fn unknown_tools(grant: &Grant, server: &Server) -> Vec<Warning> {
    unknown_rules(grant, server)
        .map(|tool| Warning {
            code: "unknown_tool",
            message: format!(
                "spec.toolRules: MCPServer {} declares no tool {tool}",
                server.name
            ),
        })
        .collect()
}

const OTHER_NAMESPACE: &str = "spec.serverRef.namespace is another namespace: it counts only where the server there trusts this one";

/// The tools of a grant's rules that the server doesn't declare.
pub(crate) fn unknown_rules<'a>(
    grant: &'a Grant,
    server: &Server,
) -> impl Iterator<Item = &'a str> {
    let rules = grant.tool_rules.iter().map(|rule| rule.name.as_str());
    rules.filter(|name| !server.tools.iter().any(|tool| tool.name == *name))
}

fn told<const N: usize>(cases: [(bool, &'static str, &'static str); N]) -> Vec<Warning> {
    let told = cases.into_iter().filter(|(told, ..)| *told);
    told.map(|(_, code, message)| Warning {
        code,
        message: message.to_owned(),
    })
    .collect()
}
