//! Carries a verdict out: an answer of ours, or the server's.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::header::ACCEPT_ENCODING;
use http::request::Parts;
use policy::Decision;

use crate::audit::Record;
use crate::batch::{Split, merge, split};
use crate::forward::Hop;
use crate::inspect::{Inspected, Refusal};
use crate::{Body, Caller, Rules, Text, Verdict, answer, forward};

/// A request that was decided on.
pub(super) struct Decided {
    pub(super) head: Parts,
    pub(super) hop: Hop,
    pub(super) caller: Caller,
    pub(super) body: Bytes,
    pub(super) inspected: Result<Inspected, Refusal>,
    pub(super) verdict: Verdict,
}

/// Denies, or forwards what is allowed. Nothing goes up but by an arm that says why it may.
pub(super) async fn deliver(
    record: Record,
    rules: Option<&Rules>,
    decided: Decided,
) -> Response<Body> {
    let id = decided.id().cloned();
    let denied = Decision::default();
    match (&decided.verdict, &decided.inspected, rules) {
        (Verdict::One(decision), Ok(_), Some(rules)) if decision.passes() => {
            let body = decided.body.clone();
            forward(record, rules, decided, body, &[]).await
        }
        (Verdict::One(decision), inspected, _) if !decision.passes() => {
            answer::denial(record, decision, id.as_ref(), inspected.as_ref().err())
        }
        (Verdict::Each(decisions), Ok(Inspected::Batch(messages)), Some(rules)) => {
            let Split { body, errors } = split(&record, &decided.body, messages, decisions);
            match body {
                Some(body) => forward(record, rules, decided, body, &errors).await,
                None => {
                    let first = decisions.first().unwrap_or(&denied);
                    answer::batch_denial(record, &errors, first)
                }
            }
        }
        _ => answer::denial(record, &denied, id.as_ref(), None),
    }
}

/// Sends `body` up; `errors` are answered besides what the server answers.
async fn forward(
    mut record: Record,
    rules: &Rules,
    decided: Decided,
    body: Bytes,
    errors: &[Vec<u8>],
) -> Response<Body> {
    let proxy = Arc::clone(record.proxy());
    let id = decided.id().cloned();
    let (mut head, caller) = (decided.head, decided.caller);
    proxy
        .session_idle
        .serve(rules, caller.session.as_str(), proxy.now());
    if !errors.is_empty() {
        // Errors can't be put into an answer that is encoded.
        head.headers.remove(ACCEPT_ENCODING);
    }
    match forward::send(&proxy, rules, &caller, head, decided.hop, body).await {
        Ok((response, lease)) if errors.is_empty() => {
            forward::pass_on(record, response, lease, None)
        }
        Ok((response, lease)) => merge(record, response, lease, errors).await,
        Err(error) => {
            let text = crate::error_chain(&error);
            // The event and the metrics tell of it; a line for each call could stop the proxy.
            tracing::debug!(error = text, "no answer from the server");
            record.failed(error.reason());
            answer::stop(record, error.reason(), id.as_ref())
        }
    }
}

impl Decided {
    /// The id to answer to, where there is one.
    fn id(&self) -> Option<&Text> {
        match &self.inspected {
            Ok(Inspected::One(message)) => message.id.as_ref(),
            Ok(_) => None,
            Err(refusal) => refusal.id.as_ref(),
        }
    }
}
