//! How callers are identified, with every default filled in.

use std::sync::Arc;

use crate::Document;

/// The way a caller's identity is established.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// It isn't: everybody is `anonymous`, and no session is ever presented.
    None,
    /// Identity headers, believed as they come.
    Header,
    /// OAuth bearer tokens.
    Oauth,
    /// Client certificates with a SPIFFE ID, verified by the hop in front.
    Mtls,
    /// Service-account tokens of the cluster.
    Kubernetes,
    /// A word this program doesn't know.
    Unsupported(Arc<str>),
}

impl AuthMode {
    fn parse(word: &str) -> Self {
        match word {
            "none" => Self::None,
            "" | "header" => Self::Header,
            "oauth" => Self::Oauth,
            "mtls" => Self::Mtls,
            "kubernetes" => Self::Kubernetes,
            other => Self::Unsupported(other.into()),
        }
    }

    /// The word used in documents and manifests.
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Header => "header",
            Self::Oauth => "oauth",
            Self::Mtls => "mtls",
            Self::Kubernetes => "kubernetes",
            Self::Unsupported(word) => word,
        }
    }

    /// Whether the proxy of this version can authenticate so. The one place that says it:
    /// `decide` denies the other modes, whoever asks, so that an explanation given away
    /// from the proxy is the proxy's own.
    pub const fn is_implemented(&self) -> bool {
        matches!(self, Self::None | Self::Header)
    }

    /// Whether a session that isn't live answers 403 instead of 401. With a token that is
    /// good, a client would take 401 for "log in again", and do so for every call.
    pub(crate) const fn session_denials_are_forbidden(&self) -> bool {
        matches!(self, Self::Oauth | Self::Kubernetes)
    }
}

/// The document's `auth` section with the defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthSettings {
    /// How callers are identified; `header` where the document says nothing.
    pub mode: AuthMode,
    /// Header with the person's id.
    pub human_id_header: Arc<str>,
    /// Header with the agent's id.
    pub agent_id_header: Arc<str>,
    /// Header with the team's id.
    pub team_id_header: Arc<str>,
    /// Header that presents a session: `session.header_name` where it was changed from the
    /// default, else `auth.session_id_header`. (The Go project's webhook writes the default
    /// into every `session.header_name` and reads `auth.session_id_header` only.)
    pub session_id_header: Arc<str>,
    /// Header with the bearer token.
    pub token_header: Arc<str>,
    /// OAuth issuer; empty where none.
    pub issuer_url: Arc<str>,
    /// Audience that a token must have; empty where none.
    pub audience: Arc<str>,
    /// SPIFFE trust domain; empty where none.
    pub trust_domain: Arc<str>,
    /// The token's claim that names a session.
    pub session_claim: Option<Arc<str>>,
    /// Whether the caller's token goes upstream.
    pub forward_token: bool,
}

const SESSION_HEADER: &str = "X-MCP-Agent-Session";

impl AuthSettings {
    pub(super) fn of(document: &Document) -> Self {
        let auth = document.auth.clone().unwrap_or_default();
        let renamed = document
            .session
            .as_ref()
            .map_or("", |session| session.header_name.as_str());
        let session_id_header = match (renamed, auth.session_id_header.as_str()) {
            ("" | SESSION_HEADER, "") => SESSION_HEADER,
            ("" | SESSION_HEADER, header) | (header, _) => header,
        };
        Self {
            mode: AuthMode::parse(&auth.mode),
            human_id_header: or(&auth.human_id_header, "X-MCP-Human-ID"),
            agent_id_header: or(&auth.agent_id_header, "X-MCP-Agent-ID"),
            team_id_header: or(&auth.team_id_header, "X-MCP-Team-ID"),
            session_id_header: session_id_header.into(),
            token_header: or(&auth.token_header, "Authorization"),
            issuer_url: auth.issuer_url.as_str().into(),
            audience: auth.audience.as_str().into(),
            trust_domain: auth.trust_domain.as_str().into(),
            session_claim: (!auth.session_claim.is_empty())
                .then(|| auth.session_claim.as_str().into()),
            forward_token: auth.forward_token,
        }
    }

    /// Every header that carries identity, with the document's path of its name.
    pub(super) fn headers(&self) -> [(&'static str, &Arc<str>); 5] {
        [
            ("auth.human_id_header", &self.human_id_header),
            ("auth.agent_id_header", &self.agent_id_header),
            ("auth.team_id_header", &self.team_id_header),
            ("auth.session_id_header", &self.session_id_header),
            ("auth.token_header", &self.token_header),
        ]
    }
}

/// The value, or the default where it is empty.
pub(super) fn or(value: &str, default: &str) -> Arc<str> {
    if value.is_empty() {
        default.into()
    } else {
        value.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Auth, SessionSection};

    fn session_header(auth: &str, session: &str) -> String {
        let document = Document {
            auth: Some(Auth {
                session_id_header: auth.into(),
                ..Auth::default()
            }),
            session: Some(SessionSection {
                header_name: session.into(),
                ..SessionSection::default()
            }),
            ..Document::default()
        };
        AuthSettings::of(&document).session_id_header.to_string()
    }

    #[test]
    fn a_session_header_renamed_in_either_place_is_used() {
        assert_eq!(session_header("", ""), "X-MCP-Agent-Session");
        assert_eq!(session_header("X-Old", ""), "X-Old");
        assert_eq!(session_header("X-Old", "X-MCP-Agent-Session"), "X-Old");
        assert_eq!(session_header("X-Old", "X-New"), "X-New");
        assert_eq!(session_header("", "X-New"), "X-New");
    }

    #[test]
    fn a_word_of_a_later_version_is_kept_and_not_implemented() {
        let document = Document {
            auth: Some(Auth {
                mode: "passkey".into(),
                ..Auth::default()
            }),
            ..Document::default()
        };
        let mode = AuthSettings::of(&document).mode;
        assert_eq!(mode, AuthMode::Unsupported("passkey".into()));
        assert!(!mode.is_implemented());
    }
}
