//! What the operator counts. Labels come from closed enums only.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// Everything is as it should be.
    Done,
    /// Something is on its way.
    Waiting,
    /// The server's spec can't be read.
    Invalid,
    /// Something failed and is tried again.
    Failed,
}

/// What kind of write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    /// Server-side apply of an object.
    Apply,
    /// A status.
    Status,
    /// One annotation, the policy touch above all.
    Annotate,
    /// Parts of what someone else made.
    Merge,
    /// A deletion.
    Delete,
    /// An event for people.
    Event,
}

impl Outcome {
    /// The spelling in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Waiting => "waiting",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
        }
    }
}

impl Verb {
    /// The spelling in metrics.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Status => "status",
            Self::Annotate => "annotate",
            Self::Merge => "merge",
            Self::Delete => "delete",
            Self::Event => "event",
        }
    }
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(self.as_str())
    }
}

impl EncodeLabelValue for Verb {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(self.as_str())
    }
}

/// How a pod's proxy stands to the one that would be injected now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ProxyState {
    Current,
    Outdated,
}

impl EncodeLabelValue for ProxyState {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(match self {
            Self::Current => "current",
            Self::Outdated => "outdated",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    state: ProxyState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByVerb {
    verb: Verb,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCertificate {
    /// `leaf` or `ca`.
    certificate: &'static str,
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    reconciles: Family<ByOutcome, Counter>,
    reconcile_seconds: Histogram,
    writes: Family<ByVerb, Counter>,
    policy_touches: Counter,
    policy_delivery_seconds: Histogram,
    watch_errors: Counter,
    leading: Gauge,
    proxies: Family<ByState, Gauge>,
    webhook_certificate: Family<ByCertificate, Gauge>,
}

impl Metrics {
    /// Registers everything under `mcp_operator_`.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            reconciles: Family::default(),
            reconcile_seconds: Histogram::new(exponential_buckets(0.0005, 2.0, 14)),
            writes: Family::default(),
            policy_touches: Counter::default(),
            policy_delivery_seconds: Histogram::new(exponential_buckets(0.025, 1.6, 16)),
            watch_errors: Counter::default(),
            leading: Gauge::default(),
            proxies: Family::default(),
            webhook_certificate: Family::default(),
        };
        let registry = registry.sub_registry_with_prefix("mcp_operator");
        registry.register(
            "reconciles",
            "Reconciles, by how they ended",
            metrics.reconciles.clone(),
        );
        registry.register_with_unit(
            "reconcile",
            "Time of one reconcile",
            Unit::Seconds,
            metrics.reconcile_seconds.clone(),
        );
        registry.register(
            "writes",
            "Writes sent to the API server",
            metrics.writes.clone(),
        );
        registry.register(
            "policy_touches",
            "Annotations written on pods so that they read their policy at once",
            metrics.policy_touches.clone(),
        );
        registry.register_with_unit(
            "policy_delivery",
            "From writing a policy to a pod's answer that it runs it",
            Unit::Seconds,
            metrics.policy_delivery_seconds.clone(),
        );
        registry.register(
            "watch_errors",
            "Interruptions of watches",
            metrics.watch_errors.clone(),
        );
        registry.register(
            "leading",
            "1 while this process holds the lease",
            metrics.leading.clone(),
        );
        registry.register(
            "proxies",
            "Pods by whether their proxy is the one that would be injected now",
            metrics.proxies.clone(),
        );
        metrics.proxies((0, 0), (0, 0));
        registry.register(
            "webhook_certificate_not_after_timestamp_seconds",
            "Unix time at which the webhook's certificate and its CA end",
            metrics.webhook_certificate.clone(),
        );
        metrics
    }

    /// When the webhook's certificate and its CA end; what there is none of isn't shown.
    pub(crate) fn webhook_certificate(
        &self,
        leaf: Option<Timestamp>,
        authority: Option<Timestamp>,
    ) {
        for (certificate, end) in [("leaf", leaf), ("ca", authority)] {
            let labels = ByCertificate { certificate };
            match end {
                Some(end) => {
                    let gauge = self.webhook_certificate.get_or_create(&labels);
                    gauge.set(end.as_second());
                }
                None => {
                    self.webhook_certificate.remove(&labels);
                }
            }
        }
    }

    pub(crate) fn reconciled(&self, outcome: Outcome, took: Duration) {
        self.reconciles.get_or_create(&ByOutcome { outcome }).inc();
        self.reconcile_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn wrote(&self, verb: Verb) {
        self.writes.get_or_create(&ByVerb { verb }).inc();
    }

    pub(crate) fn touched(&self) {
        self.policy_touches.inc();
    }

    pub(crate) fn delivered(&self, took: Duration) {
        self.policy_delivery_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn watch_failed(&self) {
        self.watch_errors.inc();
    }

    /// One server's current and outdated proxies were `before` and are `now`.
    pub(crate) fn proxies(&self, before: (usize, usize), now: (usize, usize)) {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let by = |state, before, now| {
            let gauge = self.proxies.get_or_create(&ByState { state });
            gauge.inc_by(count(now).saturating_sub(count(before)));
        };
        by(ProxyState::Current, before.0, now.0);
        by(ProxyState::Outdated, before.1, now.1);
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leading.set(i64::from(leads));
    }
}
