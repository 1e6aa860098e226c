//! Stage: who is calling, from the head of the request alone.
//! In: the rules and the headers.  Out: a [`Caller`]. Pure.

use http::{HeaderMap, HeaderName, HeaderValue};
use policy::{AuthMode, Reason, Subject};

use crate::Rules;

/// A header's value that is UTF-8; absent is the same as empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeaderText(Option<HeaderValue>);

/// The subject of an exchange, as authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The person.
    pub human: HeaderText,
    /// The agent.
    pub agent: HeaderText,
    /// The team.
    pub team: HeaderText,
}

/// Who is calling, and with which session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The subject, or why there is none.
    pub identity: Result<Identity, Reason>,
    /// The session as presented; empty where none is.
    pub session: HeaderText,
}

impl HeaderText {
    /// The text; empty where the header isn't there.
    pub(crate) fn as_str(&self) -> &str {
        self.0
            .as_ref()
            .and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
            .unwrap_or_default()
    }

    /// The value as it came, where there is one.
    pub(crate) fn value(&self) -> Option<&HeaderValue> {
        self.0.as_ref()
    }

    /// Whether there is no text.
    pub(crate) fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }
}

impl Identity {
    /// Everybody, where nobody is asked.
    fn anonymous() -> Self {
        Self {
            human: HeaderText(Some(HeaderValue::from_static("anonymous"))),
            ..Self::default()
        }
    }

    /// As the decision takes it.
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            human: self.human.as_str(),
            agent: self.agent.as_str(),
            team: self.team.as_str(),
        }
    }
}

impl Caller {
    /// Nobody, for this reason.
    pub(crate) fn unknown(reason: Reason) -> Self {
        Self {
            identity: Err(reason),
            session: HeaderText::default(),
        }
    }
}

/// Says who is calling. Without rules (no policy was loaded) nobody is known.
pub(crate) fn identify(rules: Option<&Rules>, headers: &HeaderMap) -> Caller {
    let Some(rules) = rules else {
        return Caller::unknown(Reason::MissingIdentity);
    };
    match rules.policy.auth().mode {
        AuthMode::None => Caller {
            identity: Ok(Identity::anonymous()),
            session: HeaderText::default(),
        },
        AuthMode::Header => from_headers(rules, headers),
        _ => Caller::unknown(Reason::AuthModeUnsupported),
    }
}

/// Identity as the headers claim it. A header given twice names nobody: the server could read
/// the other one.
fn from_headers(rules: &Rules, headers: &HeaderMap) -> Caller {
    let names = &rules.identity;
    let read = || {
        let session = only(headers, &names.session)?;
        let identity = Identity {
            human: only(headers, &names.human)?,
            agent: only(headers, &names.agent)?,
            team: only(headers, &names.team)?,
        };
        let named = identity.subject() != Subject::default();
        named.then_some(Caller {
            identity: Ok(identity),
            session,
        })
    };
    read().unwrap_or_else(|| Caller::unknown(Reason::MissingIdentity))
}

/// The header's value where it is there at most once and is UTF-8.
fn only(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderText> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Some(HeaderText::default());
    };
    let is_text = std::str::from_utf8(value.as_bytes()).is_ok();
    (values.next().is_none() && is_text).then(|| HeaderText(Some(value.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rules::rules;

    fn headers(pairs: &[(&'static str, &[u8])]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_bytes(value).unwrap(),
                )
            })
            .collect()
    }

    fn human(rules: &Rules, pairs: &[(&'static str, &[u8])]) -> Result<String, Reason> {
        identify(Some(rules), &headers(pairs))
            .identity
            .map(|identity| identity.subject().human.to_owned())
    }

    #[test]
    fn the_four_headers_say_who_calls_with_which_session() {
        let caller = identify(
            Some(&rules("auth: {mode: header}")),
            &headers(&[
                ("x-mcp-human-id", b"ann"),
                ("x-mcp-agent-id", b"ops"),
                ("x-mcp-team-id", "équipe".as_bytes()),
                ("x-mcp-agent-session", b"s-1"),
            ]),
        );
        let subject = Subject {
            human: "ann",
            agent: "ops",
            team: "équipe",
        };
        assert_eq!(caller.identity.unwrap().subject(), subject);
        assert_eq!(caller.session.as_str(), "s-1");
    }

    #[test]
    fn renamed_headers_are_read_and_the_default_names_are_not() {
        let renamed = rules("auth: {mode: header, human_id_header: X-User}");
        assert_eq!(human(&renamed, &[("x-user", b"ann")]), Ok("ann".into()));
        assert_eq!(
            human(&renamed, &[("x-mcp-human-id", b"ann")]),
            Err(Reason::MissingIdentity)
        );
    }

    #[test]
    fn headers_that_are_missing_empty_doubled_or_no_text_name_nobody() {
        let plain = rules("auth: {mode: header}");
        let cases: [&[(&str, &[u8])]; 7] = [
            &[],
            &[("x-mcp-human-id", b"")],
            &[("x-mcp-agent-session", b"s-1")],
            &[("x-mcp-human-id", b"ann"), ("x-mcp-human-id", b"bob")],
            &[("x-mcp-human-id", b"ann"), ("x-mcp-human-id", b"ann")],
            &[
                ("x-mcp-human-id", b"ann"),
                ("x-mcp-agent-session", b"a"),
                ("x-mcp-agent-session", b"b"),
            ],
            &[("x-mcp-human-id", b"ann\xff")],
        ];
        for pairs in cases {
            assert_eq!(
                human(&plain, pairs),
                Err(Reason::MissingIdentity),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn where_nobody_is_asked_everybody_is_anonymous_and_presents_no_session() {
        let caller = identify(
            Some(&rules("auth: {mode: none}")),
            &headers(&[("x-mcp-human-id", b"ann"), ("x-mcp-agent-session", b"s-1")]),
        );
        assert_eq!(caller.identity, Ok(Identity::anonymous()));
        assert!(caller.session.is_empty());
    }

    #[test]
    fn a_mode_this_proxy_lacks_knows_nobody() {
        for mode in ["oauth", "mtls", "kubernetes", "passkey"] {
            let lacking = rules(&format!(
                "auth: {{mode: {mode}, issuer_url: 'https://i', audience: a, trust_domain: t}}"
            ));
            assert_eq!(
                human(&lacking, &[("x-mcp-human-id", b"ann")]),
                Err(Reason::AuthModeUnsupported),
                "{mode}"
            );
        }
    }
}
