//! Stage: what was allowed goes to the server, byte for byte, and its answer comes back as it
//! is sent.
//! In: the head, the inspected bytes.  Out: the server's answer, streamed.

mod events;
mod headers;
mod pool;
mod upstream;

use bytes::Bytes;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, TRANSFER_ENCODING,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use policy::Reason;

use crate::audit::Record;
use crate::{Body, Caller, Proxy, Rules};

pub(crate) use events::{COMMENT, Liveness};
pub(crate) use headers::{Hop, for_upstream, strip_hop_by_hop};
pub(crate) use pool::{ExchangeError, Lease, Pool};
pub use upstream::{Upstream, UpstreamError};

impl ExchangeError {
    /// The reason it is answered and audited with.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Connect(_) | Self::Ask(_) | Self::Upgraded => Reason::UpstreamUnavailable,
            Self::Timeout => Reason::UpstreamTimeout,
        }
    }
}

/// Brings a head into the one form the stages read: without what concerns the connection
/// alone, with `Host` and one `Cookie` whatever the version of HTTP (RFC 9113 section 8.2.3).
pub(crate) fn normalise(head: &mut Parts) {
    strip_hop_by_hop(&mut head.headers);
    if let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::try_from(authority.as_str())
    {
        head.headers.insert(HOST, host);
    }
    let cookies: Vec<&[u8]> = head
        .headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        head.headers.insert(COOKIE, joined);
    }
}

/// Sends a request up and waits for the head of its answer.
///
/// # Errors
/// [`ExchangeError`] when there is none.
pub(crate) async fn send(
    proxy: &Proxy,
    rules: &Rules,
    caller: &Caller,
    mut head: Parts,
    hop: Hop,
    body: Bytes,
) -> Result<(Response<Incoming>, Lease), ExchangeError> {
    for_upstream(&mut head.headers, rules, caller, hop);
    let upstream = proxy.pool.upstream();
    // Its form on the wire is the proxy's to choose: the length is that of the bytes sent.
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(TRANSFER_ENCODING);
    if !head.headers.contains_key(HOST)
        && let Ok(host) = HeaderValue::try_from(upstream.authority.as_str())
    {
        head.headers.insert(HOST, host);
    }
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = head.method;
    *request.headers_mut() = head.headers;
    if let Some(target) = upstream.target(&head.uri, &proxy.strip_prefix) {
        *request.uri_mut() = Uri::from(target);
    }
    let exchange = proxy.pool.exchange(request);
    let answer = match rules.request_timeout {
        Some(limit) => tokio::time::timeout(limit, exchange)
            .await
            .map_err(|_| ExchangeError::Timeout)?,
        None => exchange.await,
    };
    match answer {
        // Nobody asked for it: upgrades aren't passed on.
        Ok((response, _)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            Err(ExchangeError::Upgraded)
        }
        answer => answer,
    }
}

/// Passes the server's answer on as it comes. `first` is sent before an event stream's own
/// bytes.
pub(crate) fn pass_on(
    mut record: Record,
    response: Response<Incoming>,
    lease: Lease,
    first: Option<Bytes>,
) -> Response<Body> {
    let (mut head, upstream) = response.into_parts();
    strip_hop_by_hop(&mut head.headers);
    let is_events = is_event_stream(&head.headers);
    if is_events {
        head.headers.remove(CONTENT_LENGTH);
    }
    record.answered(head.status.as_u16());
    let body = Body::streamed(record, upstream, lease, is_events, first);
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    *response.version_mut() = Version::HTTP_11;
    response
}

/// Whether an answer is an event stream that comments may be put into.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/event-stream"))
        && !headers.contains_key(CONTENT_ENCODING)
}
