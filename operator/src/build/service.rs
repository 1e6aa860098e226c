//! What clients inside the cluster connect to.

use crds::{Server, names};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::deployment::governed;
use super::meta::{Pairs, meta, pairs};

pub(super) fn build_service(server: &Server) -> Service {
    let mut metadata = meta(server, &server.name);
    if server.gateway.is_some() {
        let port = names::PROXY_METRICS_PORT.to_string();
        metadata.annotations = Some(pairs([
            ("prometheus.io/scrape", "true"),
            ("prometheus.io/port", &port),
            ("prometheus.io/path", "/metrics"),
        ]));
    }
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(selector(server)),
            ports: Some(ports(server)),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// With the gateway on only pods that admission let through as governed ones are behind it; the
/// server's label alone may be on any pod.
pub(super) fn selector(server: &Server) -> Pairs {
    match server.gateway {
        Some(_) => governed(server),
        None => pairs([
            (names::LABEL_APP, &server.name),
            (names::LABEL_MANAGED_BY, names::MANAGED_BY),
        ]),
    }
}

fn ports(server: &Server) -> Vec<ServicePort> {
    let http = ServicePort {
        name: Some("http".into()),
        port: server.service_port,
        protocol: Some("TCP".into()),
        target_port: Some(match server.gateway {
            // By name: a pod without the proxy's port gets no traffic.
            Some(_) => IntOrString::String(names::PROXY_PORT_NAME.into()),
            None => IntOrString::Int(server.port),
        }),
        ..ServicePort::default()
    };
    let metrics = server.gateway.as_ref().map(|_| ServicePort {
        name: Some("metrics".into()),
        port: names::PROXY_METRICS_PORT,
        protocol: Some("TCP".into()),
        target_port: Some(IntOrString::Int(names::PROXY_METRICS_PORT)),
        ..ServicePort::default()
    });
    std::iter::once(http).chain(metrics).collect()
}
