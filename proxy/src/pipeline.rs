//! One exchange, in this order:
//!
//! 1. [`forward::normalise`]: the head in one form, without what concerns the connection alone.
//! 2. [`outside`]: what is answered before anybody is asked who they are.
//! 3. [`identify()`]: who is calling, from the head alone.
//! 4. [`read`]: the body, read one way only or refused.
//! 5. [`authorize()`]: what the policy says of it.
//! 6. [`deliver`]: denied, or forwarded as it came and answered as the server answers.
//!
//! From the first step on a [`Record`] follows along; whatever ends the exchange, it becomes
//! its audit event. One set of rules holds for the whole of it. Steps 3 and 5 are pure; 4 and
//! 6 wait for the network.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::request::Parts;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use policy::{AuthMode, Decision, Reason};

use crate::audit::Record;
use crate::batch::{merge, split};
use crate::forward::Hop;
use crate::inspect::{self, Fault, Inspected, Refusal};
use crate::{Body, Caller, Proxy, Rules, Verdict, answer, authorize, forward, identify};

/// Bytes of a body that are read of somebody who isn't known, to answer with its id.
const STRANGERS_LIMIT: u64 = 64 << 10;

/// Where OAuth clients look for metadata (RFC 9728 section 3).
const OAUTH_METADATA: &str = "/.well-known/oauth-protected-resource";

/// A request that was decided on.
struct Decided {
    head: Parts,
    hop: Hop,
    caller: Caller,
    body: Bytes,
    inspected: Result<Inspected, Refusal>,
    verdict: Verdict,
}

/// Answers one request.
pub(crate) async fn exchange(
    proxy: Arc<Proxy>,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    forward::normalise(&mut head);
    let shared = proxy.policy.rules();
    let rules = shared.as_deref();
    let mut record = Record::open(&proxy, shared.clone(), &head);
    if let Some(reason) = outside(&proxy, rules, &head) {
        record.stopped(reason);
        return answer::stop(record, reason, None);
    }
    let caller = identify(rules, &head.headers);
    record.called_by(&caller);
    let (body, inspected) = read(rules, &caller, &head, body).await;
    record.received(body.len());
    let now = proxy.now();
    let session = caller.session.as_str();
    let idle = rules.and_then(|rules| proxy.session_idle.idle(rules, session, now));
    let verdict = authorize(rules, &caller, &inspected, idle, now);
    record.decided(&inspected, &verdict);
    let trusted_hops = proxy.trusted_hops;
    let decided = Decided {
        head,
        hop: Hop { peer, trusted_hops },
        caller,
        body,
        inspected,
        verdict,
    };
    deliver(record, rules, decided).await
}

/// Why an exchange ends before anybody is asked who they are, if it does.
fn outside(proxy: &Proxy, rules: Option<&Rules>, head: &Parts) -> Option<Reason> {
    if proxy.drain.refuses(&head.method) {
        return Some(Reason::Draining);
    }
    let headers = &head.headers;
    let preflight = head.method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if preflight {
        return Some(Reason::OriginDenied);
    }
    let is_metadata = head
        .uri
        .path()
        .strip_prefix(OAUTH_METADATA)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match rules {
        Some(rules) if is_metadata && rules.policy.auth().mode == AuthMode::Oauth => {
            Some(Reason::AuthModeUnsupported)
        }
        Some(_) if is_metadata => Some(Reason::OauthNotEnabled),
        _ => None,
    }
}

/// Reads and inspects the body. Of somebody who isn't known little is read, for its id: what
/// is left unread counts as not understood, which decides nothing, as strangers are denied
/// before that is looked at.
async fn read(
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

/// Carries the verdict out.
async fn deliver(mut record: Record, rules: Option<&Rules>, decided: Decided) -> Response<Body> {
    let id = match &decided.inspected {
        Ok(Inspected::One(message)) => message.id.as_ref(),
        Ok(_) => None,
        Err(refusal) => refusal.id.as_ref(),
    };
    let (body, errors) = match (&decided.verdict, &decided.inspected) {
        (Verdict::One(decision), Ok(_)) if decision.passes() => (decided.body, Vec::new()),
        (Verdict::One(decision), inspected) => {
            return answer::denial(record, decision, id, inspected.as_ref().err());
        }
        (Verdict::Each(decisions), Ok(Inspected::Batch(messages))) => {
            let split = split(&record, &decided.body, messages, decisions);
            match (split.body, decisions.first()) {
                (Some(body), _) => (body, split.errors),
                (None, first) => {
                    let first = first.cloned().unwrap_or_default();
                    return answer::batch_denial(record, &split.errors, &first);
                }
            }
        }
        (Verdict::Each(_), _) => return answer::denial(record, &Decision::default(), id, None),
    };
    let Some(rules) = rules else {
        return answer::denial(record, &Decision::default(), id, None);
    };
    let mut head = decided.head;
    if !errors.is_empty() {
        head.headers.remove(ACCEPT_ENCODING);
    }
    let proxy = Arc::clone(record.proxy());
    let session = decided.caller.session.as_str();
    proxy.session_idle.serve(rules, session, proxy.now());
    match forward::send(&proxy, rules, &decided.caller, head, decided.hop, body).await {
        Ok((response, lease)) if errors.is_empty() => {
            forward::pass_on(record, response, lease, None)
        }
        Ok((response, lease)) => merge(record, response, lease, &errors).await,
        Err(error) => {
            tracing::warn!(
                error = crate::error_chain(&error),
                "no answer from the server"
            );
            record.failed(error.reason());
            answer::stop(record, error.reason(), id)
        }
    }
}
