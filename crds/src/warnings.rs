//! What is valid and probably not meant, or not acted on yet.

mod code;
mod grant;
mod session;

use policy::SideEffect;

use crate::{
    Gateway, Server, Warning,
    server::access::{IDLE_TIMEOUT, MAX_LIFETIME},
    text::loopback_port,
    words::{AuthMode, PolicyDecision},
};

pub use code::WarningCode;
pub use grant::{deleted_with_grants, grant_warnings};
pub(crate) use grant::{reached, unknown_remedy, unknown_rules};
pub use session::session_warnings;

/// Said of grants and sessions of other namespaces, in warnings and in their status.
pub(crate) const NOT_TRUSTED: &str =
    "no server there trusts this namespace; create the object in the server's own namespace";
const SERVER_NOT_FOUND: &str =
    "spec.serverRef.name: there is no such MCPServer yet; nothing comes of this before there is";

/// What is known of the server that a grant or session names.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'a> {
    /// Nothing: it couldn't be looked up, or can't be read.
    Unknown,
    /// There is none.
    Missing,
    /// This one.
    Found(&'a Server),
}

impl Lookup<'_> {
    /// Objects of `namespace` count for a server in `of`. Where they don't, nothing is told of the server, not
    /// even whether it is there.
    fn trusts(self, namespace: &str, of: &str) -> bool {
        namespace == of || matches!(self, Self::Found(server) if server.trusts(namespace))
    }
}

/// Warnings about a server.
pub fn warnings(server: &Server) -> Vec<Warning> {
    let unsupported = server.unsupported.iter().map(|unsupported| Warning {
        code: unsupported.code.as_str(),
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
            WarningCode::HeadersFromAnywhere,
            "spec.auth.mode: header believes whoever can reach the pods; write into spec.gateway.allowFrom the namespaces of what sets the headers, such as the ingress controller's",
        ),
        (
            governed && server.auth.mode == AuthMode::None,
            WarningCode::EveryoneIsAnonymous,
            "spec.auth.mode: none makes every caller the human \"anonymous\"; only grants for that name, or for everyone, match",
        ),
        (
            governed && server.auth.mode == AuthMode::None && server.session.required,
            WarningCode::SessionsOfNobody,
            "spec.session.required: with auth.mode none nobody presents a session, so every call is denied",
        ),
        (
            server.replicas > 1 && !server.stateless,
            WarningCode::SessionsNotSticky,
            "spec.replicas is more than 1: MCP sessions kept in a pod's memory need the ingress's sticky cookie, which some clients don't send back; write stateless: true where the server keeps none",
        ),
        (
            governed
                && !server.session.required
                && server.tools.iter().any(|tool| changes(tool.side_effect)),
            WarningCode::ConsentCanBeOmitted,
            "spec.session.required is false: a caller that presents no session isn't held to what a person consented to, for tools that write or destroy too",
        ),
        (
            governed && server.policy.default_decision == PolicyDecision::Allow,
            WarningCode::DefaultAllowSkipsTrust,
            "spec.policy.defaultDecision: allow lets callers without a grant call declared tools at any trust, side effect and consent",
        ),
        (
            governed && server.tools.is_empty(),
            WarningCode::NoTools,
            "spec.tools is empty: the gateway denies every tool call, since no tool's side effect is known",
        ),
        (
            !governed && !server.tools.is_empty(),
            WarningCode::GatewayOff,
            "spec.gateway.enabled isn't true: nothing decides on calls, and trust and side effects of the tools are for the catalogue only",
        ),
        (
            governed
                && limits
                    .iter()
                    .zip([MAX_LIFETIME, IDLE_TIMEOUT])
                    .any(|(limit, default)| *limit != default),
            WarningCode::SessionLimitsNotEnforced,
            "spec.session.maxLifetime and idleTimeout are written into the policy and not enforced; expiresAt of each session is",
        ),
        (
            governed && server.session.header_name != server.auth.session_id_header,
            WarningCode::SessionHeaderDiffers,
            "spec.session.headerName and spec.auth.sessionIDHeader differ; sessions are taken from session.headerName",
        ),
        (
            server.ingress_path_unused,
            WarningCode::IngressPathUnused,
            "spec.ingressPath counts only with ingressHost and without publicPathPrefix, which a server that was created without either has from its name; the route is /{publicPathPrefix}/mcp; to use the path, write ingressHost and publicPathPrefix: \"\"",
        ),
        (
            server
                .gateway
                .as_ref()
                .is_some_and(|gateway| goes_elsewhere(gateway, server)),
            WarningCode::UpstreamElsewhere,
            "spec.gateway.upstreamURL names another port than spec.port, where the server listens: it is stored with the first port; write upstreamURL: \"\" to follow spec.port",
        ),
    ];
    let told = cases.into_iter().filter(|(told, ..)| *told);
    unsupported
        .chain(told.map(|(_, code, message)| warning(code, message)))
        .collect()
}

fn goes_elsewhere(gateway: &Gateway, server: &Server) -> bool {
    loopback_port(&gateway.upstream_url).is_some_and(|port| i32::from(port) != server.port)
}

/// Of a grant or session in a namespace that its server doesn't trust.
fn not_trusted() -> Warning {
    warning(
        WarningCode::NamespaceNotTrusted,
        format!("spec.serverRef.namespace: {NOT_TRUSTED}"),
    )
}

fn warning(code: WarningCode, message: impl Into<String>) -> Warning {
    Warning {
        code: code.as_str(),
        message: message.into(),
    }
}
