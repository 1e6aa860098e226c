//! What is counted: requests by endpoint and outcome, how long they took, until when the
//! certificate holds.

use std::fmt::Write as _;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Seconds: from 50 µs, about what a review takes, to the API server's patience.
const BUCKETS: [f64; 15] = [
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0,
    5.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    endpoint: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    endpoint: &'static str,
}

/// What became of an event for a refused pod's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EventOutcome {
    /// Created or counted up.
    Written,
    /// The API server didn't take it.
    Failed,
    /// There was no room for it.
    Dropped,
}

impl EncodeLabelValue for EventOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(match self {
            Self::Written => "written",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: EventOutcome,
}

/// The webhook's metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Answered, Counter>,
    seconds: Family<Endpoint, Histogram, fn() -> Histogram>,
    not_after: Gauge<i64, AtomicI64>,
    events: Family<ByOutcome, Counter>,
}

impl Metrics {
    /// Registers them under the prefix `mcp_webhook`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            not_after: Gauge::default(),
            events: Family::default(),
        };
        let registry = registry.sub_registry_with_prefix("mcp_webhook");
        registry.register(
            "requests",
            "Reviews answered, by endpoint and outcome",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "duration",
            "Time from a review's last byte to its answer",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        registry.register(
            "certificate_not_after_timestamp_seconds",
            "Unix time at which the serving certificate ends; 0 without one",
            metrics.not_after.clone(),
        );
        registry.register(
            "events",
            "Events for the owners of refused pods, by what became of them",
            metrics.events.clone(),
        );
        metrics
    }

    pub(crate) fn event(&self, outcome: EventOutcome) {
        self.events.get_or_create(&ByOutcome { outcome }).inc();
    }

    pub(crate) fn answered(&self, endpoint: &'static str, code: &'static str, took: Duration) {
        self.requests
            .get_or_create(&Answered { endpoint, code })
            .inc();
        self.seconds
            .get_or_create(&Endpoint { endpoint })
            .observe(took.as_secs_f64());
    }

    pub(crate) fn certificate(&self, not_after: jiff::Timestamp) {
        self.not_after.set(not_after.as_second());
    }
}
