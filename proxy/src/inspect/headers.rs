//! What the head of a request must say for its body to be read, and that it agrees with it.

use std::borrow::Cow;

use base64::Engine as _;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method};

use super::fault::Fault;
use super::message::Parsed;

/// The revision that knows batches; also what a request without the header speaks.
const BATCH_REVISION: &str = "2025-03-26";

/// Checks what can be known before the body is read. `limit` bounds the body, in bytes.
///
/// # Errors
/// The [`Fault`] that the request is refused with.
pub(super) fn check(method: &Method, headers: &HeaderMap, limit: u64) -> Result<(), Fault> {
    match *method {
        Method::GET | Method::DELETE => return Ok(()),
        Method::POST => (),
        _ => return Err(Fault::HttpMethod),
    }
    if !is_plain_json(headers) {
        return Err(Fault::MediaType);
    }
    match declared_length(headers) {
        Some(length) if length > limit => Err(Fault::TooLarge { limit }),
        _ => Ok(()),
    }
}

/// The body's length as declared, in bytes.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether an array may be a body: judged for each request on its own, as a proxy that was
/// restarted knows nothing of what a session negotiated.
pub(super) fn batches_allowed(headers: &HeaderMap) -> bool {
    headers
        .get_all("mcp-protocol-version")
        .iter()
        .all(|version| version == BATCH_REVISION)
}

/// Checks that `Mcp-Method` and `Mcp-Name`, where they were sent, say what the body says.
/// Hops in front may have routed by them.
///
/// # Errors
/// [`Fault::HeaderMismatch`] with the header's name.
pub(super) fn agree(headers: &HeaderMap, parsed: &Parsed<'_>) -> Result<(), Fault> {
    let (method, name) = match parsed {
        Parsed::One(message) => (message.method.as_deref(), message.name.as_deref()),
        Parsed::Batch(_) => (None, None),
    };
    for (header, meant) in [("mcp-method", method), ("mcp-name", name)] {
        let mut values = headers.get_all(header).iter();
        let Some(value) = values.next() else {
            continue;
        };
        let said = decode(value.as_bytes());
        if values.next().is_some() || said.is_none() || said.as_deref() != meant {
            return Err(Fault::HeaderMismatch { header });
        }
    }
    Ok(())
}

/// `application/json`, in UTF-8 where a charset is named, named once, and not encoded: readers
/// that look at the charset, or don't look at the type, would read something else.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(media_type), None) = (types.next(), types.next()) else {
        return false;
    };
    let Ok(media_type) = media_type.to_str() else {
        return false;
    };
    let mut parts = media_type.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    let is_encoded = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    is_json && is_utf8 && !is_encoded
}

/// A mirrored value: as it stands, or what is in `=?base64?…?=` (MCP 2026-07-28, streamable
/// HTTP). `None` where it can't be read.
fn decode(value: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(value).ok()?;
    let Some(encoded) = text
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
    else {
        return Some(Cow::Borrowed(text));
    };
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::message::parse;
    use http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::try_from(*name).unwrap(),
                    HeaderValue::try_from(*value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn only_json_in_utf8_is_read() {
        for (pairs, expected) in [
            (&[("content-type", "application/json")][..], Ok(())),
            (
                &[("content-type", "Application/JSON; charset=\"UTF-8\"; v=1")],
                Ok(()),
            ),
            (
                &[
                    ("content-type", "application/json"),
                    ("content-encoding", "identity"),
                ],
                Ok(()),
            ),
            (&[], Err(Fault::MediaType)),
            (&[("content-type", "text/plain")], Err(Fault::MediaType)),
            (
                &[("content-type", "application/json-patch+json")],
                Err(Fault::MediaType),
            ),
            (
                &[("content-type", "text/plain; x=application/json")],
                Err(Fault::MediaType),
            ),
            (
                &[("content-type", "application/json; charset=utf-16")],
                Err(Fault::MediaType),
            ),
            (
                &[
                    ("content-type", "application/json"),
                    ("content-type", "text/plain"),
                ],
                Err(Fault::MediaType),
            ),
            (
                &[
                    ("content-type", "application/json"),
                    ("content-encoding", "gzip"),
                ],
                Err(Fault::MediaType),
            ),
        ] {
            assert_eq!(
                check(&Method::POST, &headers(pairs), 10),
                expected,
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn a_declared_length_over_the_limit_is_refused_unread() {
        let declared = |length| {
            headers(&[
                ("content-type", "application/json"),
                ("content-length", length),
            ])
        };
        assert_eq!(check(&Method::POST, &declared("10"), 10), Ok(()));
        assert_eq!(
            check(&Method::POST, &declared("11"), 10),
            Err(Fault::TooLarge { limit: 10 })
        );
    }

    #[test]
    fn mcp_is_spoken_by_three_http_methods() {
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(check(&method, &HeaderMap::new(), 0), Ok(()));
        }
        for method in [
            Method::HEAD,
            Method::PUT,
            Method::PATCH,
            Method::OPTIONS,
            Method::CONNECT,
        ] {
            assert_eq!(check(&method, &HeaderMap::new(), 0), Err(Fault::HttpMethod));
        }
    }

    #[test]
    fn batches_belong_to_one_revision() {
        assert!(batches_allowed(&HeaderMap::new()));
        assert!(batches_allowed(&headers(&[(
            "mcp-protocol-version",
            "2025-03-26"
        )])));
        assert!(!batches_allowed(&headers(&[(
            "mcp-protocol-version",
            "2025-06-18"
        )])));
        assert!(!batches_allowed(&headers(&[
            ("mcp-protocol-version", "2025-03-26"),
            ("mcp-protocol-version", "2025-06-18"),
        ])));
    }

    #[test]
    fn mirrored_headers_must_say_what_the_body_says() {
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"dé"}}"#;
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let method = Err(Fault::HeaderMismatch {
            header: "mcp-method",
        });
        let name = Err(Fault::HeaderMismatch { header: "mcp-name" });
        for (body, pairs, expected) in [
            (call, &[][..], Ok(())),
            (call, &[("mcp-method", "tools/call")], Ok(())),
            (call, &[("mcp-method", "Tools/Call")], method),
            (call, &[("mcp-method", "tools/list")], method),
            (
                call,
                &[("mcp-method", "tools/call"), ("mcp-method", "tools/call")],
                method,
            ),
            (call, &[("mcp-name", "=?base64?ZMOp?=")], Ok(())),
            (call, &[("mcp-name", "=?base64?ZMO?=")], name),
            (call, &[("mcp-name", "de")], name),
            (list, &[("mcp-name", "x")], name),
        ] {
            let parsed = parse(body.as_bytes(), false).unwrap();
            assert_eq!(
                agree(&headers(pairs), &parsed),
                expected,
                "{body} {pairs:?}"
            );
        }
    }
}
