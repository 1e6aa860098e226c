//! Batches (MCP 2025-03-26): each message is decided on its own. What is denied is answered
//! here, what is allowed goes up as a smaller array, and the answers become one again.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use policy::{Decision, Reason};

use crate::audit::Record;
use crate::forward::{Lease, is_event_stream, pass_on, strip_hop_by_hop};
use crate::inspect::{Kind, Message};
use crate::{Body, answer};

/// Bytes of an answer that are held to put errors into it.
const MAX_ANSWER: usize = 64 << 20;

/// What becomes of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split {
    /// What goes up: the body itself where every message is allowed; `None` where none is.
    pub body: Option<Bytes>,
    /// One JSON-RPC error for each denied request, in order. Notifications get no answer.
    pub errors: Vec<Vec<u8>>,
}

/// Parts a batch by its decisions.
pub(crate) fn split(
    record: &Record,
    body: &Bytes,
    messages: &[Message],
    decisions: &[Decision],
) -> Split {
    let mut allowed = Vec::new();
    let mut errors = Vec::new();
    for (index, (message, decision)) in messages.iter().zip(decisions).enumerate() {
        if decision.passes() {
            allowed.push(message.text.bytes().as_ref());
        } else if message.kind == Kind::Request {
            let id = record.decision_id(index);
            errors.push(answer::error(decision, None, message.id.as_ref(), id));
        }
    }
    let body = match allowed.len() {
        0 => None,
        all if all == messages.len() => Some(body.clone()),
        _ => Some([&b"["[..], &allowed.join(&b","[..]), b"]"].concat().into()),
    };
    Split { body, errors }
}

/// Puts the errors of denied messages into the server's answer to the others.
pub(crate) async fn merge(
    mut record: Record,
    response: Response<Incoming>,
    lease: Lease,
    errors: &[Vec<u8>],
) -> Response<Body> {
    if !response.status().is_success() {
        return pass_on(record, response, lease, None);
    }
    if is_event_stream(response.headers()) {
        let mut events = Vec::new();
        for error in errors {
            events.extend_from_slice(b"event: message\ndata: ");
            events.extend_from_slice(error);
            events.extend_from_slice(b"\n\n");
        }
        return pass_on(record, response, lease, Some(events.into()));
    }
    let (mut head, upstream) = response.into_parts();
    let Ok(collected) = Limited::new(upstream, MAX_ANSWER).collect().await else {
        record.failed(Reason::UpstreamUnavailable);
        return answer::stop(record, Reason::UpstreamUnavailable, None);
    };
    lease.give_back();
    let body = join(&collected.to_bytes(), errors);
    strip_hop_by_hop(&mut head.headers);
    head.headers.remove(CONTENT_LENGTH);
    let json = HeaderValue::from_static("application/json");
    head.headers.insert(CONTENT_TYPE, json);
    record.answered(StatusCode::OK.as_u16());
    record.sent(body.len());
    let mut response = Response::new(Body::Whole(body));
    *response.headers_mut() = head.headers;
    response
}

/// The answer's messages, then the errors, as one array.
fn join(answer: &[u8], errors: &[Vec<u8>]) -> Bytes {
    let answer = answer.trim_ascii();
    let answers = answer
        .strip_prefix(b"[")
        .and_then(|inner| inner.strip_suffix(b"]"))
        .map_or(answer, <[u8]>::trim_ascii);
    let mut parts: Vec<&[u8]> = errors.iter().map(Vec::as_slice).collect();
    if !answers.is_empty() {
        parts.insert(0, answers);
    }
    [&b"["[..], &parts.join(&b","[..]), b"]"].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_after_the_servers_answers_in_one_array() {
        let errors = [b"{1}".to_vec(), b"{2}".to_vec()];
        for (answer, joined) in [
            (&b"[{a},{b}]"[..], &b"[{a},{b},{1},{2}]"[..]),
            (b" [ {a} ]\n", b"[{a},{1},{2}]"),
            (b"{a}", b"[{a},{1},{2}]"),
            (b"[]", b"[{1},{2}]"),
            (b"", b"[{1},{2}]"),
        ] {
            assert_eq!(join(answer, &errors), joined);
        }
    }
}
