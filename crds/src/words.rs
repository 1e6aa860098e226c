//! The closed vocabularies of the manifests: one spelling each, in specs, documents and conditions.

use policy::{SideEffect, Trust};

/// Declares an enum whose variants each have one spelling.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every spelling, in the order of the schema.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The spelling in manifests and documents.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Reads a spelling; `None` where it isn't one of [`Self::WORDS`].
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// The protocol of a port.
    Protocol {
        /// RFC 9293.
        #[default]
        Tcp = "TCP",
        /// RFC 768.
        Udp = "UDP",
    }
}

words! {
    /// How the gateway identifies callers (`spec.auth.mode`).
    AuthMode {
        /// Nobody is identified; everyone is `anonymous`.
        None = "none",
        /// Identity headers, trusted as they come.
        #[default]
        Header = "header",
        /// Bearer tokens of an issuer.
        Oauth = "oauth",
        /// Verified client certificates with SPIFFE ids.
        Mtls = "mtls",
    }
}

words! {
    /// Whether denials are enforced (`spec.policy.mode`).
    PolicyMode {
        /// Denied calls don't reach the server.
        #[default]
        AllowList = "allow-list",
        /// Denied calls pass and are reported.
        Observe = "observe",
    }
}

words! {
    /// What holds where no grant speaks, and what a rule says of its tool.
    PolicyDecision {
        /// The call passes.
        Allow = "allow",
        /// The call is refused.
        #[default]
        Deny = "deny",
    }
}

words! {
    /// How pods are replaced (`spec.rollout.strategy`).
    RolloutStrategy {
        /// A few at a time.
        #[default]
        RollingUpdate = "RollingUpdate",
        /// All down, then all up.
        Recreate = "Recreate",
        /// Some replicas run the new version first.
        Canary = "Canary",
    }
}

words! {
    /// When a server's pods get a new proxy of the platform's (`spec.rollout.proxyUpgrade`).
    ProxyUpgrade {
        /// As soon as there is one, at the server's rollout settings.
        #[default]
        Auto = "auto",
        /// With the next rollout that something else causes.
        Manual = "manual",
    }
}

words! {
    /// Who runs the server's pods (`spec.workload`).
    Workload {
        /// A Deployment of ours.
        #[default]
        Managed = "managed",
        /// Labelled pods of somebody else's workload.
        External = "external",
    }
}

words! {
    /// How risky a tool is, for people's information (`spec.tools[].riskLevel`).
    RiskLevel {
        /// Hardly.
        #[default]
        Low = "low",
        /// Somewhat.
        Medium = "medium",
        /// Very.
        High = "high",
    }
}

/// The spellings of [`Trust`].
pub const TRUST_WORDS: &[&str] = &["low", "medium", "high"];
/// The spellings of [`SideEffect`].
pub const SIDE_EFFECT_WORDS: &[&str] = &["read", "write", "destructive"];

/// Reads a trust level.
pub fn trust(word: &str) -> Option<Trust> {
    [Trust::Low, Trust::Medium, Trust::High]
        .into_iter()
        .find(|trust| trust.as_str() == word)
}

/// Reads a side effect.
pub fn side_effect(word: &str) -> Option<SideEffect> {
    [SideEffect::Read, SideEffect::Write, SideEffect::Destructive]
        .into_iter()
        .find(|effect| effect.as_str() == word)
}
