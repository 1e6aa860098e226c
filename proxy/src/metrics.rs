//! What is counted, under the Go project's names where it has one. Labels come from closed
//! lists only.

use std::time::Duration;

use http::Method;
use policy::{Effect, Reason};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::audit::Counts;

/// Upper bounds of the duration's buckets in seconds: the usual ones, and finer below.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// JSON-RPC methods that have a label of their own.
const RPC_METHODS: [&str; 25] = [
    "initialize",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/progress",
    "ping",
    "server/discover",
    "subscriptions/listen",
    "tools/list",
    "tools/call",
    "call_tool",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "logging/setLevel",
    "tasks/list",
    "tasks/get",
    "tasks/result",
    "tasks/update",
    "tasks/cancel",
    "notifications/roots/list_changed",
];

/// The label of a method: itself where it is known, `other`, or `none` without one.
pub(crate) fn rpc_method_label(method: Option<&str>) -> &'static str {
    let Some(method) = method else {
        return "none";
    };
    RPC_METHODS
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

fn http_method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        _ => "OTHER",
    }
}

/// What is known of an exchange at its end.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// HTTP method.
    pub method: &'a Method,
    /// A label from [`rpc_method_label`].
    pub rpc_method: &'static str,
    /// What was decided.
    pub decision: Effect,
    /// Why.
    pub reason: Reason,
    /// The HTTP status answered.
    pub status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExchangeLabels {
    method: &'static str,
    rpc_method: &'static str,
    decision: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    decision: &'static str,
    reason: &'static str,
    rpc_method: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RevisionLabels {
    revision: String,
    schema_version: &'static str,
}

/// What is true of the proxy at the moment it is asked.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Labels of every sample: server, namespace, cluster, team.
    pub labels: Vec<(&'static str, String)>,
    /// The revision in force.
    pub revision: Option<String>,
    /// What became of audit events.
    pub audit: Counts,
    /// Whether the proxy takes no more requests.
    pub draining: bool,
}

/// The counters of one proxy.
#[derive(Clone)]
pub struct Metrics {
    requests: Family<ExchangeLabels, Counter>,
    durations: Family<ExchangeLabels, Histogram, fn() -> Histogram>,
    request_bytes: Family<ExchangeLabels, Counter>,
    response_bytes: Family<ExchangeLabels, Counter>,
    decisions: Family<DecisionLabels, Counter>,
    inflight: Gauge,
    reloads: Family<ResultLabel, Counter>,
    reload_results: Family<ResultLabel, Counter>,
    last_reload: Gauge,
    reload_failing: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            request_bytes: Family::default(),
            response_bytes: Family::default(),
            decisions: Family::default(),
            inflight: Gauge::default(),
            reloads: Family::default(),
            reload_results: Family::default(),
            last_reload: Gauge::default(),
            reload_failing: Gauge::default(),
        }
    }
}

impl Metrics {
    /// An exchange began.
    pub fn opened(&self) {
        self.inflight.inc();
    }

    /// Something was decided: an exchange, or one message of a batch.
    pub fn decided(&self, measured: &Measured<'_>) {
        self.decisions
            .get_or_create(&DecisionLabels {
                decision: measured.decision.as_str(),
                reason: measured.reason.as_str(),
                rpc_method: measured.rpc_method,
            })
            .inc();
    }

    /// An exchange ended; `bytes` are the bodies' of request and answer.
    pub fn closed(&self, measured: &Measured<'_>, took: Duration, bytes: (u64, u64)) {
        let labels = ExchangeLabels {
            method: http_method_label(measured.method),
            rpc_method: measured.rpc_method,
            decision: measured.decision.as_str(),
            status: measured.status,
        };
        self.inflight.dec();
        self.requests.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        self.request_bytes.get_or_create(&labels).inc_by(bytes.0);
        self.response_bytes.get_or_create(&labels).inc_by(bytes.1);
    }

    /// The policy was read anew; `now` is in seconds since 1970.
    pub fn reloaded(&self, good: bool, now: i64) {
        let (older, newer) = if good {
            ("success", "success")
        } else {
            ("error", "failure")
        };
        self.reloads
            .get_or_create(&ResultLabel { result: older })
            .inc();
        self.reload_results
            .get_or_create(&ResultLabel { result: newer })
            .inc();
        self.reload_failing.set(i64::from(!good));
        if good {
            self.last_reload.set(now);
        }
    }

    /// All of it as OpenMetrics text.
    ///
    /// # Errors
    /// When the encoder fails, which it does for no reason of ours.
    pub fn encode(&self, moment: &Moment) -> Result<String, std::fmt::Error> {
        let labels = moment.labels.iter();
        let labels = labels.map(|(name, value)| ((*name).into(), value.clone().into()));
        let mut registry = Registry::with_labels(labels);
        self.register(&mut registry, moment);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }

    fn register(&self, registry: &mut Registry, moment: &Moment) {
        let mut add = Adder(registry);
        add.metric(
            "mcp_gateway_requests",
            "HTTP requests answered",
            &self.requests,
        );
        add.metric(
            "mcp_gateway_request_duration_seconds",
            "From a request's head to its answer's end",
            &self.durations,
        );
        add.metric(
            "mcp_gateway_request_bytes",
            "Bytes of requests' bodies",
            &self.request_bytes,
        );
        add.metric(
            "mcp_gateway_response_bytes",
            "Bytes of answers' bodies",
            &self.response_bytes,
        );
        add.metric(
            "mcp_gateway_policy_decisions",
            "Decisions, one for each message",
            &self.decisions,
        );
        add.metric(
            "mcp_gateway_inflight_requests",
            "Requests that aren't answered to the end",
            &self.inflight,
        );
        add.metric(
            "mcp_gateway_policy_reloads",
            "Times the policy was read anew",
            &self.reloads,
        );
        add.metric(
            "mcp_gateway_policy_reload",
            "Times the policy was read anew, by newer words",
            &self.reload_results,
        );
        add.metric(
            "mcp_gateway_policy_last_reload_success_timestamp_seconds",
            "When a good policy was last read",
            &self.last_reload,
        );
        add.metric(
            "mcp_gateway_policy_last_success_timestamp_seconds",
            "The same by its newer name",
            &self.last_reload,
        );
        add.metric(
            "mcp_proxy_policy_reload_failing",
            "1 while the policy file can't be put in force",
            &self.reload_failing,
        );
        add.metric(
            "mcp_proxy_audit_events_written",
            "Audit events written",
            &moment.audit.written,
        );
        add.metric(
            "mcp_proxy_audit_events_dropped",
            "Audit events lost",
            &moment.audit.dropped,
        );
        let draining: Gauge = Gauge::default();
        draining.set(i64::from(moment.draining));
        add.metric(
            "mcp_proxy_draining",
            "1 while the proxy goes away",
            &draining,
        );
        if let Some(revision) = &moment.revision {
            let info = Family::<RevisionLabels, Gauge>::default();
            info.get_or_create(&RevisionLabels {
                revision: revision.clone(),
                schema_version: "v1",
            })
            .set(1);
            add.metric(
                "mcp_gateway_policy_active_revision_info",
                "The revision in force; always 1",
                &info,
            );
        }
    }
}

struct Adder<'a>(&'a mut Registry);

impl Adder<'_> {
    fn metric(
        &mut self,
        name: &str,
        help: &str,
        metric: &(impl prometheus_client::registry::Metric + Clone),
    ) {
        self.0.register(name, help, metric.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_counted_under_the_names_dashboards_know() {
        let metrics = Metrics::default();
        let measured = Measured {
            method: &Method::POST,
            rpc_method: rpc_method_label(Some("tools/call")),
            decision: Effect::Deny,
            reason: Reason::TrustTooLow,
            status: 403,
        };
        metrics.opened();
        metrics.decided(&measured);
        metrics.closed(&measured, Duration::from_millis(2), (10, 20));
        metrics.reloaded(true, 1_700_000_000);
        let text = metrics
            .encode(&Moment {
                labels: vec![("server", "demo".to_owned())],
                revision: Some("sha256:ab".to_owned()),
                ..Moment::default()
            })
            .unwrap();
        let exchange =
            r#"{server="demo",method="POST",rpc_method="tools/call",decision="deny",status="403"}"#;
        for line in [
            format!("mcp_gateway_requests_total{exchange} 1"),
            format!("mcp_gateway_request_bytes_total{exchange} 10"),
            format!("mcp_gateway_response_bytes_total{exchange} 20"),
            format!("mcp_gateway_request_duration_seconds_count{exchange} 1"),
            r#"mcp_gateway_policy_decisions_total{server="demo",decision="deny",reason="trust_too_low",rpc_method="tools/call"} 1"#.to_owned(),
            r#"mcp_gateway_inflight_requests{server="demo"} 0"#.to_owned(),
            r#"mcp_gateway_policy_reloads_total{server="demo",result="success"} 1"#.to_owned(),
            r#"mcp_gateway_policy_active_revision_info{server="demo",revision="sha256:ab",schema_version="v1"} 1"#.to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn labels_of_methods_are_a_closed_list() {
        assert_eq!(rpc_method_label(Some("tools/call")), "tools/call");
        assert_eq!(rpc_method_label(Some("x/y")), "other");
        assert_eq!(rpc_method_label(None), "none");
        assert_eq!(
            http_method_label(&Method::from_bytes(b"BREW").unwrap()),
            "OTHER"
        );
    }
}
