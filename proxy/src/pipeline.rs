//! One exchange, in this order:
//!
//! 1. [`forward::normalise`]: the head in one form, without what concerns the connection alone.
//! 2. [`outside`](outside::outside): what is answered before anybody is asked who they are.
//! 3. [`identify()`]: who is calling, from the head alone.
//! 4. [`read`](read::read): the body, read one way only or refused.
//! 5. [`authorize()`]: what the policy says of it.
//! 6. [`deliver`](deliver::deliver): denied, or forwarded as it came and answered as the server answers.
//!
//! From the first step on a [`Record`] follows along; whatever ends the exchange, it becomes
//! its audit event. One set of rules holds for the whole of it. Steps 3 and 5 are pure; 4 and
//! 6 wait for the network.

mod deliver;
mod outside;
mod read;

use std::net::IpAddr;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::audit::Record;
use crate::forward::Hop;
use crate::{Body, Proxy, answer, authorize, forward, identify};

use deliver::{Decided, deliver};
use outside::outside;
use read::read;

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
