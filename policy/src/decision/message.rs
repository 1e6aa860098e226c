//! Decisions in words that a person can act on. Speaks of the caller's own call and session
//! only, never of grants: they would tell of others'.

use crate::{Decision, Reason, SideEffect, Trust};

impl Decision {
    /// One sentence for the caller: what stood against it, and what would help.
    pub fn message(&self) -> String {
        let basis = &self.basis;
        match (self.reason, basis.required_trust, basis.effective_trust) {
            (Reason::TrustTooLow, Some(required), Some(effective)) => {
                let session = basis.consented_trust == Some(effective);
                trust_too_low(
                    required,
                    effective,
                    session && basis.admin_trust > Some(effective),
                )
            }
            (Reason::SideEffectNotAllowed, _, _) => side_effect(basis.required_side_effect),
            _ => self.reason.message().to_owned(),
        }
    }
}

fn trust_too_low(required: Trust, effective: Trust, session: bool) -> String {
    let remedy = if session {
        "present a session that consents to more"
    } else {
        "ask for a grant with a higher maxTrust"
    };
    format!("This call needs trust {required}, and yours is {effective}: {remedy}.")
}

fn side_effect(required: Option<SideEffect>) -> String {
    let what = required.map_or("this", SideEffect::as_str);
    format!("No grant of yours allows {what} calls: ask for one with {what} in allowedSideEffects.")
}

impl Reason {
    /// One sentence for the caller, where nothing more is known than the reason.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed.",
            Self::OauthMetadata => "OAuth protected-resource metadata.",
            Self::CorsPreflight => "CORS preflight answered.",
            Self::Undecided => "The request ended before it was decided.",
            Self::PolicyUnavailable => "No valid policy is loaded yet: try again shortly.",
            Self::MissingIdentity => "The request names no caller: send the identity headers.",
            Self::MissingBearerToken => "The request has no bearer token: get one and send it.",
            Self::InvalidToken => "The bearer token isn't valid here: get a new one.",
            Self::MissingClientCertificate => "The connection has no client certificate.",
            Self::UntrustedProxy => "The request didn't come by the trusted proxy.",
            Self::MissingVerifiedIdentity => "The trusted proxy named no verified caller.",
            Self::InvalidSpiffeIdentity => "The caller's SPIFFE ID isn't of the form expected.",
            Self::OauthConfigMissing => "This server's OAuth settings are missing.",
            Self::OauthIssuerMissing => "This server's OAuth issuer isn't set.",
            Self::OauthProviderUnavailable => "The OAuth issuer's keys can't be had: try again.",
            Self::AuthModeUnsupported => {
                "This proxy doesn't know the server's auth.mode: upgrade it or change the mode."
            }
            Self::RpcInspectionFailed => {
                "The body isn't one JSON-RPC message that can be read one way only."
            }
            Self::UnsupportedMediaType => "Send the body as Content-Type: application/json.",
            Self::RequestTooLarge => "The body is over this server's limit.",
            Self::HeaderMismatch => "An MCP header says something else than the body.",
            Self::MethodNotAllowed => "Use POST, GET or DELETE.",
            Self::MissingSession => "This server requires a session: present one.",
            Self::SessionNotFound => "The session presented isn't one of yours: present another.",
            Self::SessionRevoked => "The session presented was revoked: get a new one.",
            Self::SessionExpired => "The session presented is over: get a new one.",
            Self::MethodNotGoverned => "This server takes no method that its policy can't decide.",
            Self::NoMatchingGrant => "No grant speaks of you: ask for one.",
            Self::ToolDenied => "A grant forbids you this tool.",
            Self::ToolNotGranted => "No grant of yours allows this: ask for one that does.",
            Self::ToolSideEffectUnknown => {
                "The server doesn't declare this tool with a side effect: declare it in its tools."
            }
            Self::SideEffectNotAllowed => {
                "No grant of yours allows this side effect: ask for one that does."
            }
            Self::TrustTooLow => "This call needs more trust than yours.",
            Self::UpstreamTokenUnavailable => "The session's upstream token isn't mounted.",
            Self::RateLimited => "Over the rate limit: wait as long as Retry-After says.",
            Self::TooManyRequestsInFlight => "Too many requests at once: wait for some to end.",
            Self::UpstreamUnavailable => "The MCP server can't be reached: try again.",
            Self::UpstreamTimeout => "The MCP server didn't answer in time.",
            Self::SessionBoundElsewhere => "The MCP session is another caller's: start your own.",
            Self::ToolChanged => "The tool isn't the one that was approved.",
            Self::Draining => "This proxy is going away: send the request again.",
            Self::OriginDenied => "Requests from this origin aren't allowed.",
            Self::OauthNotEnabled => "This server doesn't use OAuth.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Basis;

    fn too_low(admin: Trust, consented: Option<Trust>) -> String {
        let effective = consented.map_or(admin, |consented| consented.min(admin));
        let basis = Basis {
            required_trust: Some(Trust::High),
            admin_trust: Some(admin),
            consented_trust: consented,
            effective_trust: Some(effective),
            ..Basis::default()
        };
        Decision {
            reason: Reason::TrustTooLow,
            basis,
            ..Decision::default()
        }
        .message()
    }

    #[test]
    fn the_message_says_whether_session_or_grant_bounds_the_trust() {
        assert_eq!(
            too_low(Trust::High, Some(Trust::Low)),
            "This call needs trust high, and yours is low: present a session that consents to more."
        );
        for session in [None, Some(Trust::Medium), Some(Trust::High)] {
            assert_eq!(
                too_low(Trust::Medium, session),
                "This call needs trust high, and yours is medium: ask for a grant with a higher maxTrust."
            );
        }
    }

    #[test]
    fn every_reason_has_a_sentence_of_its_own() {
        let sentences: std::collections::HashSet<_> =
            Reason::ALL.iter().map(|reason| reason.message()).collect();
        assert_eq!(sentences.len(), Reason::ALL.len());
    }
}
