//! What every exchange of one running proxy shares.

use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::{AuditLog, Origin};
use crate::drain::Drain;
use crate::forward::Pool;
use crate::metrics::Metrics;
use crate::policy_source::PolicySource;
use crate::session_idle::SessionIdle;

/// Tells the time; a test gives another.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// One running proxy.
pub struct Proxy {
    /// Taken off the front of paths.
    pub strip_prefix: String,
    /// Hops in front whose `X-Forwarded-*` is believed.
    pub trusted_hops: usize,
    /// What events say of where they come from.
    pub origin: Origin,
    /// The policy in force.
    pub policy: Arc<PolicySource>,
    /// Connections to the server.
    pub pool: Arc<Pool>,
    /// Where events go.
    pub audit: AuditLog,
    /// What is counted.
    pub metrics: Metrics,
    /// When sessions were last served.
    pub session_idle: Arc<SessionIdle>,
    /// Whether the end has come.
    pub drain: Drain,
    /// The time.
    pub clock: Clock,
}

impl Proxy {
    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
