//! Why an exchange ended as it did: the closed list, each with its HTTP status.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:expr;)*) => {
        /// Why an exchange ended as it did. The same word is the metric's label, the audit
        /// event's field, the JSON-RPC error's `data.reason`, the condition's and the CLI's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Reason {
            /// Every reason there is, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The one spelling, `snake_case`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The HTTP status of a denial with this reason; `None` for an allow.
            ///
            /// Session reasons answer 401 here; `decide` turns that into 403 where the
            /// token itself is good (oauth and kubernetes mode).
            pub const fn status(self) -> Option<u16> {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

reasons! {
    /// Nothing stood against it.
    Allowed = "allowed", None;
    /// OAuth protected-resource metadata was served.
    OauthMetadata = "oauth_metadata", None;
    /// A CORS preflight was answered.
    CorsPreflight = "cors_preflight", None;
    /// The default before any line of the decision applied.
    Undecided = "undecided", Some(403);
    /// No valid policy document was loaded yet.
    PolicyUnavailable = "policy_unavailable", Some(503);
    /// No identity in the request.
    MissingIdentity = "missing_identity", Some(401);
    /// OAuth: no bearer token.
    MissingBearerToken = "missing_bearer_token", Some(401);
    /// OAuth or kubernetes: the token doesn't verify.
    InvalidToken = "invalid_token", Some(401);
    /// mTLS: no client certificate.
    MissingClientCertificate = "missing_client_certificate", Some(401);
    /// mTLS: the hop in front isn't the pinned one.
    UntrustedProxy = "untrusted_proxy", Some(401);
    /// mTLS: the trusted hop named no caller.
    MissingVerifiedIdentity = "missing_verified_identity", Some(401);
    /// mTLS: the SPIFFE ID isn't of the form expected.
    InvalidSpiffeIdentity = "invalid_spiffe_identity", Some(401);
    /// OAuth mode without configuration.
    OauthConfigMissing = "oauth_config_missing", Some(503);
    /// OAuth mode without an issuer.
    OauthIssuerMissing = "oauth_issuer_missing", Some(503);
    /// The issuer's keys can't be had.
    OauthProviderUnavailable = "oauth_provider_unavailable", Some(503);
    /// This proxy doesn't implement the document's auth mode.
    AuthModeUnsupported = "auth_mode_unsupported", Some(503);
    /// The message can't be read one way only.
    RpcInspectionFailed = "rpc_inspection_failed", Some(400);
    /// The body isn't JSON by its Content-Type.
    UnsupportedMediaType = "unsupported_media_type", Some(415);
    /// The body is over the limit.
    RequestTooLarge = "request_too_large", Some(413);
    /// A mirrored header disagrees with the body.
    HeaderMismatch = "header_mismatch", Some(400);
    /// An HTTP method that MCP doesn't use.
    MethodNotAllowed = "method_not_allowed", Some(405);
    /// A session is required and none was presented.
    MissingSession = "missing_session", Some(401);
    /// The presented session is unknown or another subject's.
    SessionNotFound = "session_not_found", Some(401);
    /// The presented session was revoked.
    SessionRevoked = "session_revoked", Some(401);
    /// The presented session is over.
    SessionExpired = "session_expired", Some(401);
    /// `enforceOn: all` and a method of no MCP revision.
    MethodNotGoverned = "method_not_governed", Some(403);
    /// No grant names this subject.
    NoMatchingGrant = "no_matching_grant", Some(403);
    /// A grant forbids this tool.
    ToolDenied = "tool_denied", Some(403);
    /// No grant of this subject allows the tool.
    ToolNotGranted = "tool_not_granted", Some(403);
    /// The server doesn't declare the tool's side effect.
    ToolSideEffectUnknown = "tool_side_effect_unknown", Some(403);
    /// No allowing grant lists the tool's side effect.
    SideEffectNotAllowed = "side_effect_not_allowed", Some(403);
    /// The effective trust is below what the tool requires.
    TrustTooLow = "trust_too_low", Some(403);
    /// The session's upstream token isn't mounted.
    UpstreamTokenUnavailable = "upstream_token_unavailable", Some(503);
    /// Over the rate limit.
    RateLimited = "rate_limited", Some(429);
    /// Too many requests at once.
    TooManyRequestsInFlight = "too_many_requests_in_flight", Some(429);
    /// The server can't be reached.
    UpstreamUnavailable = "upstream_unavailable", Some(502);
    /// The server didn't answer in time.
    UpstreamTimeout = "upstream_timeout", Some(504);
    /// The MCP session belongs to another subject.
    SessionBoundElsewhere = "session_bound_elsewhere", Some(404);
    /// The tool isn't the one that was approved.
    ToolChanged = "tool_changed", Some(403);
    /// This proxy is going away.
    Draining = "draining", Some(503);
    /// CORS: the origin isn't allowed.
    OriginDenied = "origin_denied", Some(403);
    /// OAuth metadata was asked of a server in another mode.
    OauthNotEnabled = "oauth_not_enabled", Some(404);
}

impl Reason {
    /// Whether it says why there is no authenticated subject (line 2).
    pub const fn is_authentication(self) -> bool {
        matches!(
            self,
            Self::MissingIdentity
                | Self::MissingBearerToken
                | Self::InvalidToken
                | Self::MissingClientCertificate
                | Self::UntrustedProxy
                | Self::MissingVerifiedIdentity
                | Self::InvalidSpiffeIdentity
                | Self::OauthConfigMissing
                | Self::OauthIssuerMissing
                | Self::OauthProviderUnavailable
                | Self::AuthModeUnsupported
        )
    }

    /// Whether it says why a message wasn't read (line 3).
    pub const fn is_inspection(self) -> bool {
        matches!(
            self,
            Self::RpcInspectionFailed
                | Self::UnsupportedMediaType
                | Self::RequestTooLarge
                | Self::HeaderMismatch
                | Self::MethodNotAllowed
        )
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
