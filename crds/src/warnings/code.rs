//! The closed list of warnings.

/// Declares the codes: spelling, and when it is told.
macro_rules! codes {
    ($($variant:ident = $word:literal, $when:literal;)+) => {
        /// One kind of warning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum WarningCode {
            $(#[doc = $when] $variant),+
        }

        impl WarningCode {
            /// Every code, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The spelling: stable, snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// When it is told.
            pub const fn when(self) -> &'static str {
                match self { $(Self::$variant => $when),+ }
            }
        }
    };
}

codes! {
    HeadersFromAnywhere = "headers_from_anywhere", "a server believes identity headers from whoever reaches its pods";
    EveryoneIsAnonymous = "everyone_is_anonymous", "a server with `auth.mode: none` takes every caller for the same person";
    SessionsOfNobody = "sessions_of_nobody", "a server requires sessions, and `auth.mode: none` lets nobody present one";
    SessionsNotSticky = "sessions_not_sticky", "a server has several replicas and isn't stateless";
    ConsentCanBeOmitted = "consent_can_be_omitted", "a server has tools that write or destroy and requires no session";
    DefaultAllowSkipsTrust = "default_allow_skips_trust", "a server allows where no grant speaks";
    NoTools = "no_tools", "a governed server declares no tool";
    GatewayOff = "gateway_off", "a server declares tools, and nothing decides on calls";
    SessionLimitsNotEnforced = "session_limits_not_enforced", "a server gives limits of sessions that nothing enforces";
    SessionHeaderDiffers = "session_header_differs", "a server names two headers for sessions";
    IngressPathUnused = "ingress_path_unused", "a server gives a path beside a prefix, and the prefix wins";
    UpstreamElsewhere = "upstream_elsewhere", "a server's gateway sends requests to a port where the server doesn't listen";
    SecretNotFound = "secret_not_found", "a server names a Secret that the manifests beside it don't have (`validate` alone: the webhook may not look at Secrets)";
    SecretKeyMissing = "secret_key_missing", "a server names a key that the Secret in the manifests doesn't have (`validate` alone)";
    DeletedWithGrants = "deleted_with_grants", "a server is deleted that a grant still names";
    ServerNotFound = "server_not_found", "a grant or session names a server that isn't there";
    NamespaceNotTrusted = "namespace_not_trusted", "a grant or session is in a namespace that its server doesn't trust; nothing else is told then";
    GrantForEveryone = "grant_for_everyone", "a grant has an empty subject";
    NoSideEffects = "no_side_effects", "a grant allows no side effect, and so no call";
    DenyOnlyGrant = "deny_only_grant", "a grant has rules, and none of them allows";
    UnknownTool = "unknown_tool", "a rule names a tool that the server doesn't declare (an error in `validate`)";
    RuleSideEffectNotAllowed = "rule_side_effect_not_allowed", "a rule allows a tool whose side effect the grant doesn't allow";
    RuleNeverApplies = "rule_never_applies", "a rule allows a tool that the grant's trust never reaches, or that another grant denies";
    MaxTrustTooLow = "max_trust_too_low", "a grant's trust is below what each of its tools requires";
    NoToolMatches = "no_tool_matches", "no declared tool has a side effect that the grant allows";
    GrantsOverlap = "grants_overlap", "another grant allows the same caller the same tool";
    ExpiresInPast = "expires_in_past", "a session is over already";
    LifetimeAboveMax = "lifetime_above_max", "a session lasts longer than the server's `session.maxLifetime`";
    SessionNeverPresented = "session_never_presented", "a session is for a server with `auth.mode: none`, where none is looked at";
    TokenNotMounted = "token_not_mounted", "a session's token is in a Secret that isn't mounted";
    UnsupportedAuthMode = "unsupported_auth_mode", "the gateway doesn't know the mode yet and denies";
    UnsupportedCanary = "unsupported_canary", "the canary has no image of its own yet";
    UnsupportedAnalytics = "unsupported_analytics", "audit events are sent nowhere yet";
    UnsupportedIngressClass = "unsupported_ingress_class", "the class gets an Ingress and none of its annotations";
    UnsupportedProvisionedRegistry = "unsupported_provisioned_registry", "the platform has no registry of its own";
}

impl std::fmt::Display for WarningCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
