//! Which headers pass, which are taken off, which are set. Pure over the header map.

use std::net::IpAddr;

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::rules::DEFAULT_IDENTITY_HEADERS;
use crate::{Caller, Rules};

/// What the connection in front knows about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    /// Who connected.
    pub peer: IpAddr,
    /// How many hops in front write `X-Forwarded-*` that is to be believed.
    pub trusted_hops: usize,
}

/// Takes off what concerns one connection only (RFC 9110 section 7.6.1), on requests as on
/// answers: no upgrade is passed on, as nobody decides what goes through a tunnel.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    remove(headers, |name| {
        matches!(
            name,
            "connection"
                | "keep-alive"
                | "proxy-connection"
                | "proxy-authenticate"
                | "proxy-authorization"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
                | "http2-settings"
                | "expect"
        )
    });
    for name in nominated {
        headers.remove(name);
    }
}

/// Makes a caller's headers into the server's: identity as it was decided on, no token, and
/// `X-Forwarded-*` of our own on top of what trusted hops wrote. `Host` stays.
pub(crate) fn for_upstream(headers: &mut HeaderMap, rules: &Rules, caller: &Caller, hop: Hop) {
    remove(headers, |name| is_reserved(name, rules));
    set_identity(headers, rules, caller);
    set_forwarded(headers, hop);
}

/// Identity and tokens under any spelling that a server could take for theirs: many turn `-`
/// into `_` (as CGI does), so a header that differs in that is the same header.
fn is_reserved(name: &str, rules: &Rules) -> bool {
    let same = |reserved: &HeaderName| {
        let reserved = reserved.as_str();
        reserved.len() == name.len()
            && reserved
                .bytes()
                .zip(name.bytes())
                .all(|(a, b)| a == b || (matches!(a, b'-' | b'_') && matches!(b, b'-' | b'_')))
    };
    DEFAULT_IDENTITY_HEADERS.iter().any(same)
        || rules.identity.all().into_iter().any(same)
        || rules.token_headers.iter().any(same)
}

fn set_identity(headers: &mut HeaderMap, rules: &Rules, caller: &Caller) {
    let Ok(identity) = &caller.identity else {
        return;
    };
    if rules.is_anonymous() {
        return;
    }
    let names = &rules.identity;
    for (name, text) in [
        (&names.human, &identity.human),
        (&names.agent, &identity.agent),
        (&names.team, &identity.team),
        (&names.session, &caller.session),
    ] {
        if let Some(value) = text.value().filter(|_| !text.is_empty()) {
            headers.insert(name, value.clone());
        }
    }
}

fn set_forwarded(headers: &mut HeaderMap, hop: Hop) {
    const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
    const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
    const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
    let chain = forwarded_for(headers, hop);
    let trusted = hop.trusted_hops > 0;
    remove(headers, |name| {
        matches!(name, "forwarded" | "x-forwarded-for")
            || (!trusted && (name.starts_with("x-forwarded-") || name == "x-real-ip"))
            || name.starts_with("x_forwarded")
    });
    if let Ok(chain) = HeaderValue::try_from(chain) {
        headers.insert(FOR, chain);
    }
    if let Some(host) = headers.get(header::HOST).cloned() {
        headers.entry(HOST).or_insert(host);
    }
    headers
        .entry(PROTO)
        .or_insert(HeaderValue::from_static("http"));
}

/// The addresses that trusted hops wrote, then the peer's.
fn forwarded_for(headers: &HeaderMap, hop: Hop) -> String {
    let peer = hop.peer.to_canonical().to_string();
    if hop.trusted_hops == 0 {
        return peer;
    }
    let claimed: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|address| !address.is_empty())
        .collect();
    let untrusted = claimed.len().saturating_sub(hop.trusted_hops);
    let mut chain: Vec<&str> = claimed.into_iter().skip(untrusted).collect();
    chain.push(&peer);
    chain.join(", ")
}

/// Removes every header whose (lower-case) name is to go.
fn remove(headers: &mut HeaderMap, goes: impl Fn(&str) -> bool) {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| goes(name.as_str()))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identify::identify;
    use crate::test_rules::rules;

    fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::try_from(*value).unwrap());
        }
        headers
    }

    /// What reaches the server, without `X-Forwarded-*`, as sorted `name: value` lines.
    fn upstream(rules: &Rules, pairs: &[(&'static str, &str)], trusted_hops: usize) -> Vec<String> {
        let mut headers = map(pairs);
        let caller = identify(Some(rules), &headers);
        let hop = Hop {
            peer: [10, 0, 0, 9].into(),
            trusted_hops,
        };
        for_upstream(&mut headers, rules, &caller, hop);
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    const OURS: [&str; 2] = ["x-forwarded-for: 10.0.0.9", "x-forwarded-proto: http"];

    #[test]
    fn identity_goes_up_as_it_was_decided_on() {
        assert_eq!(
            upstream(
                &rules("auth: {mode: header, human_id_header: X-User}"),
                &[
                    ("x-user", "ann"),
                    ("x-mcp-human-id", "root"),
                    ("x_mcp_human_id", "root"),
                    ("x-mcp-agent-session", "s-1"),
                    ("x-mcp-verified-spiffe-id", "spiffe://x"),
                    ("mcp-session-id", "abc"),
                ],
                0
            ),
            [
                &["mcp-session-id: abc"][..],
                &OURS,
                &["x-mcp-agent-session: s-1", "x-user: ann"]
            ]
            .concat()
        );
    }

    #[test]
    fn in_mode_none_no_identity_goes_up_at_all() {
        let pairs = [("x-mcp-human-id", "ann"), ("x-mcp-agent-session", "s-1")];
        assert_eq!(upstream(&rules("auth: {mode: none}"), &pairs, 0), OURS);
    }

    #[test]
    fn tokens_stay_here_unless_they_are_to_be_forwarded() {
        let pairs = [
            ("x-mcp-human-id", "ann"),
            ("authorization", "Bearer t"),
            ("x-up", "u"),
            ("x_up", "u"),
        ];
        let kept = upstream(&rules("session: {upstream_token_header: X-Up}"), &pairs, 0);
        assert_eq!(kept, [&OURS[..], &["x-mcp-human-id: ann"]].concat());
        let forwarded = upstream(
            &rules("auth: {forward_token: true}\nsession: {upstream_token_header: X-Up}"),
            &pairs,
            0,
        );
        assert_eq!(
            forwarded,
            [
                &["authorization: Bearer t"][..],
                &OURS,
                &["x-mcp-human-id: ann"]
            ]
            .concat()
        );
    }

    #[test]
    fn forwarded_headers_are_believed_as_far_as_hops_are_trusted() {
        let none = rules("auth: {mode: none}");
        let pairs = [
            ("host", "a.example"),
            ("forwarded", "for=1.1.1.1"),
            ("x-forwarded-for", "1.1.1.1, 2.2.2.2"),
            ("x-forwarded-for", "3.3.3.3"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "public.example"),
            ("x-real-ip", "1.1.1.1"),
        ];
        assert_eq!(
            upstream(&none, &pairs, 0),
            [
                "host: a.example",
                "x-forwarded-for: 10.0.0.9",
                "x-forwarded-host: a.example",
                "x-forwarded-proto: http"
            ]
        );
        assert_eq!(
            upstream(&none, &pairs, 2),
            [
                "host: a.example",
                "x-forwarded-for: 2.2.2.2, 3.3.3.3, 10.0.0.9",
                "x-forwarded-host: public.example",
                "x-forwarded-proto: https",
                "x-real-ip: 1.1.1.1",
            ]
        );
    }

    #[test]
    fn what_concerns_one_connection_stays_on_it() {
        let mut headers = map(&[
            ("connection", "close, X-Private"),
            ("connection", "upgrade"),
            ("x-private", "1"),
            ("upgrade", "websocket"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("accept", "text/event-stream"),
        ]);
        strip_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("accept", "text/event-stream")]));
    }
}
