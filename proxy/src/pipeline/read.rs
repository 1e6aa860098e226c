//! The body: off the wire, and read one way only.

use bytes::Bytes;
use http::request::Parts;
use hyper::body::Incoming;

use crate::inspect::{self, Fault, Inspected, Refusal};
use crate::{Caller, Rules};

/// Bytes of a body that are read of somebody who isn't known, to answer with its id.
const STRANGERS_LIMIT: u64 = 64 << 10;

/// Reads and inspects the body. Of somebody who isn't known little is read, for its id: what
/// is left unread counts as not understood, which decides nothing, as strangers are denied
/// before that is looked at.
pub(super) async fn read(
    rules: Option<&Rules>,
    caller: &Caller,
    head: &Parts,
    body: Incoming,
) -> (Bytes, Result<Inspected, Refusal>) {
    let limit = match rules {
        Some(rules) if caller.identity.is_ok() => rules.max_request_bytes,
        _ => match inspect::declared_length(&head.headers) {
            Some(length) if length <= STRANGERS_LIMIT => length,
            _ => return (Bytes::new(), Err(Fault::Incomplete.into())),
        },
    };
    if let Err(refusal) = inspect::inspect_head(&head.method, &head.headers, limit) {
        return (Bytes::new(), Err(refusal));
    }
    match inspect::receive(body, limit).await {
        Ok(body) => {
            let inspected = inspect::inspect(&head.method, &head.headers, &body);
            (body, inspected)
        }
        Err(fault) => (Bytes::new(), Err(fault.into())),
    }
}
