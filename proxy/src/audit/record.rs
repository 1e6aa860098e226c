//! Follows one exchange and says at its end, whatever that end is, what happened.

use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{Method, Uri};
use policy::{Decision, Effect, Event, Payload, Reason};
use uuid::{NoContext, Uuid};

use super::trace::trace_id;
use crate::inspect::{Inspected, Message, Refusal};
use crate::metrics::{Measured, rpc_method_label};
use crate::{Caller, Proxy, Rules, Verdict};

/// The status of an exchange whose client went away before it was answered.
const CLIENT_GONE: u16 = 499;

/// What events say of where they come from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `source` of every event.
    pub source: Arc<str>,
    /// `event_type` of an exchange's event.
    pub event_type: Arc<str>,
    /// `event_type` of an event for a stream that is still open.
    pub stream_opened: Arc<str>,
    /// The server's name while no policy was loaded.
    pub server: Arc<str>,
    /// The server's namespace while no policy was loaded.
    pub namespace: Arc<str>,
    /// The cluster's name where the policy doesn't say.
    pub cluster: Arc<str>,
}

/// One exchange. Its events are sent when it is dropped: when the answer was sent whole, when
/// a stream ended, when the client went away.
pub(crate) struct Record {
    proxy: Arc<Proxy>,
    rules: Option<Arc<Rules>>,
    method: Method,
    uri: Uri,
    trace_id: Option<String>,
    started: Instant,
    caller: Option<Caller>,
    status: u16,
    bytes_in: usize,
    bytes_out: u64,
    entries: Vec<Entry>,
}

/// One decision: the exchange's, or that of one message of a batch.
struct Entry {
    id: Uuid,
    rpc_method: Option<String>,
    name: Option<String>,
    bytes_in: usize,
    decision: Decision,
}

impl Record {
    /// Begins to follow an exchange whose head has arrived.
    pub(crate) fn open(proxy: &Arc<Proxy>, rules: Option<Arc<Rules>>, head: &Parts) -> Self {
        proxy.metrics.opened();
        proxy.drain.begin(&head.method);
        Self {
            proxy: Arc::clone(proxy),
            rules,
            method: head.method.clone(),
            uri: head.uri.clone(),
            trace_id: trace_id(&head.headers),
            started: Instant::now(),
            caller: None,
            status: CLIENT_GONE,
            bytes_in: 0,
            bytes_out: 0,
            entries: Vec::new(),
        }
    }

    /// The proxy it is an exchange of.
    pub(crate) fn proxy(&self) -> &Arc<Proxy> {
        &self.proxy
    }

    /// Who is calling.
    pub(crate) fn called_by(&mut self, caller: &Caller) {
        self.caller = Some(caller.clone());
    }

    /// The body's length.
    pub(crate) fn received(&mut self, bytes: usize) {
        self.bytes_in = bytes;
    }

    /// What was decided, on what.
    pub(crate) fn decided(&mut self, inspected: &Result<Inspected, Refusal>, verdict: &Verdict) {
        match (verdict, inspected) {
            (Verdict::Each(decisions), Ok(Inspected::Batch(messages))) => {
                for (message, decision) in messages.iter().zip(decisions) {
                    self.enter(Some(message), message.text.bytes().len(), decision);
                }
            }
            (Verdict::One(decision), Ok(Inspected::One(message))) => {
                self.enter(Some(message), self.bytes_in, decision);
            }
            (Verdict::One(decision), _) => self.enter(None, self.bytes_in, decision),
            (Verdict::Each(_), _) => self.enter(None, self.bytes_in, &Decision::default()),
        }
    }

    /// Something before or after the decision ended the exchange.
    pub(crate) fn stopped(&mut self, reason: Reason) {
        let decision = Decision {
            reason,
            effect: match reason.status() {
                None => Effect::Allow,
                Some(_) => Effect::Deny,
            },
            status: reason.status(),
            ..Decision::default()
        };
        self.enter(None, self.bytes_in, &decision);
    }

    /// What was allowed came to nothing, for this reason.
    pub(crate) fn failed(&mut self, reason: Reason) {
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| entry.decision.passes())
        {
            entry.decision.reason = reason;
        }
    }

    /// The HTTP status that is answered.
    pub(crate) fn answered(&mut self, status: u16) {
        self.status = status;
    }

    /// These many bytes of the answer's body were sent.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.bytes_out += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// The event's id of decision `index`, which the caller is told.
    pub(crate) fn decision_id(&self, index: usize) -> Option<Uuid> {
        self.entries.get(index).map(|entry| entry.id)
    }

    /// Sends an event for a stream that goes on.
    pub(crate) fn stream_opened(&self) {
        for entry in &self.entries {
            let event = self.event(
                entry,
                self.new_id(),
                self.proxy.origin.stream_opened.clone(),
            );
            self.proxy.audit.push(event);
        }
    }

    fn enter(&mut self, message: Option<&Message>, bytes_in: usize, decision: &Decision) {
        let text = |text: &crate::Text| text.as_str().to_owned();
        self.entries.push(Entry {
            id: self.new_id(),
            rpc_method: message.and_then(|message| message.method.as_ref().map(text)),
            name: message.and_then(|message| message.name.as_ref().map(text)),
            bytes_in,
            decision: decision.clone(),
        });
    }

    fn new_id(&self) -> Uuid {
        let now = self.proxy.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanoseconds))
    }

    fn event(&self, entry: &Entry, id: Uuid, event_type: Arc<str>) -> Event {
        Event {
            event_id: id.to_string(),
            timestamp: self.proxy.now(),
            trace_id: self.trace_id.clone(),
            source: self.proxy.origin.source.clone(),
            event_type,
            payload: self.payload(entry),
        }
    }

    fn payload(&self, entry: &Entry) -> Payload {
        let origin = &self.proxy.origin;
        let mut payload = Payload {
            method: self.method.as_str().to_owned(),
            path: self.uri.path().to_owned(),
            status: self.status,
            latency_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            bytes_in: u64::try_from(entry.bytes_in).unwrap_or(u64::MAX),
            bytes_out: self.bytes_out,
            server: origin.server.clone(),
            namespace: origin.namespace.clone(),
            cluster: origin.cluster.clone(),
            rpc_method: entry.rpc_method.clone(),
            tool_name: match entry.rpc_method.as_deref() {
                Some("tools/call" | "call_tool") => entry.name.clone(),
                _ => None,
            },
            ..Payload::default()
        };
        if let Some(rules) = &self.rules {
            let server = &rules.server;
            payload.server = server.name.clone();
            payload.namespace = server.namespace.clone();
            payload.team_id = server.team.clone();
            if !server.cluster.is_empty() {
                payload.cluster = server.cluster.clone();
            }
        }
        if let Some(caller) = &self.caller {
            let subject = caller.identity.as_ref().map(|identity| identity.subject());
            let subject = subject.unwrap_or_default();
            payload.human_id = subject.human.to_owned();
            payload.agent_id = subject.agent.to_owned();
            payload.subject_team_id = subject.team.to_owned();
            payload.session_id = caller.session.as_str().to_owned();
        }
        payload.record(&entry.decision);
        payload
    }

    fn measured(&self, entry: &Entry) -> Measured<'_> {
        Measured {
            method: &self.method,
            rpc_method: rpc_method_label(entry.rpc_method.as_deref()),
            decision: entry.decision.effect,
            reason: entry.decision.reason,
            status: self.status,
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.entries.is_empty() {
            self.enter(None, self.bytes_in, &Decision::default());
        }
        for entry in &self.entries {
            let event = self.event(entry, entry.id, self.proxy.origin.event_type.clone());
            self.proxy.audit.push(event);
            self.proxy.metrics.decided(&self.measured(entry));
        }
        if let Some(entry) = self.entries.first() {
            let bytes = (
                u64::try_from(self.bytes_in).unwrap_or(u64::MAX),
                self.bytes_out,
            );
            self.proxy
                .metrics
                .closed(&self.measured(entry), self.started.elapsed(), bytes);
        }
        self.proxy.drain.end(&self.method);
    }
}
