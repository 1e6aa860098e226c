//! Who may call a server's pods, and whom they may call (networking.k8s.io/v1 NetworkPolicy), where
//! the cluster's network enforces it.
//!
//! Ports stand by number: several agents don't find the named port of a native sidecar. What comes
//! from the node itself, the kubelet's probes included, is allowed by the API's definition.

use crds::parsed::EgressRule;
use crds::words::AuthMode;
use crds::{Gateway, Server, names};
use hyper::Uri;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::net::IpAddr;

use super::meta::{Pairs, meta, pairs};
use super::service;

/// The label that the API server puts on every namespace (KEP-2161).
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// Where names are resolved.
const DNS: i32 = 53;
/// Ports of URLs that give none.
const HTTP: i32 = 80;
const HTTPS: i32 = 443;

/// `None` where nothing is restricted: no gateway and no `egress`.
pub(super) fn build_network_policy(server: &Server) -> Option<NetworkPolicy> {
    let ingress = server.gateway.as_ref().map(ingress);
    let egress = server.egress.as_deref().map(|rules| egress(server, rules));
    let mut types = Vec::new();
    types.extend(ingress.is_some().then(|| "Ingress".to_owned()));
    types.extend(egress.is_some().then(|| "Egress".to_owned()));
    (!types.is_empty()).then(|| NetworkPolicy {
        metadata: meta(server, &server.name),
        spec: Some(NetworkPolicySpec {
            // The pods behind the Service.
            pod_selector: Some(selector(service::selector(server))),
            policy_types: Some(types),
            ingress,
            egress,
        }),
    })
}

/// The gateway, and the proxy's health and metrics. Never the server's own port.
fn ingress(gateway: &Gateway) -> Vec<NetworkPolicyIngressRule> {
    let rule = |from, port| NetworkPolicyIngressRule {
        from,
        ports: Some(vec![tcp(port)]),
    };
    let mut monitoring = namespaces(&gateway.monitoring_namespaces);
    if let Some(monitoring) = &mut monitoring {
        // The operator asks there which policy is enforced.
        monitoring.insert(0, namespace(names::PLATFORM_NAMESPACE));
    }
    vec![
        rule(namespaces(&gateway.allow_from), gateway.port),
        rule(monitoring, names::PROXY_METRICS_PORT),
    ]
}

/// What the author lists, and what name resolution and the proxy need.
fn egress(server: &Server, rules: &[EgressRule]) -> Vec<NetworkPolicyEgressRule> {
    let dns = NetworkPolicyEgressRule {
        to: None,
        ports: Some(vec![port(DNS, "UDP"), port(DNS, "TCP")]),
    };
    let own = needed(server).filter_map(|url| Some(towards(&url.parse().ok()?)));
    std::iter::once(dns)
        .chain(own)
        .chain(rules.iter().map(listed))
        .collect()
}

/// URLs that the proxy calls.
fn needed(server: &Server) -> impl Iterator<Item = &str> {
    let governed = server.gateway.is_some();
    let issuer = (governed && server.auth.mode == AuthMode::Oauth)
        .then_some(server.auth.issuer_url.as_str());
    let sink = server
        .analytics
        .as_ref()
        .filter(|_| governed)
        .map(|analytics| analytics.ingest_url.as_str());
    issuer.into_iter().chain(sink)
}

/// A policy knows addresses and namespaces, no names. Behind a Service's name are pods of its
/// namespace, whose port only the Service knows; any other name may be anywhere.
fn towards(url: &Uri) -> NetworkPolicyEgressRule {
    let host = url.host().unwrap_or_default();
    if let Some(there) = service_namespace(host) {
        return NetworkPolicyEgressRule {
            to: Some(vec![namespace(there)]),
            ports: None,
        };
    }
    let https = url.scheme_str() == Some("https");
    let known = if https { HTTPS } else { HTTP };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    let to = address.ok().map(|address: IpAddr| {
        let whole = if address.is_ipv4() { 32 } else { 128 };
        vec![network(format!("{address}/{whole}"))]
    });
    NetworkPolicyEgressRule {
        to,
        ports: Some(vec![tcp(url.port_u16().map_or(known, i32::from))]),
    }
}

/// `NAME.NAMESPACE.svc`, with or without the cluster's domain.
fn service_namespace(host: &str) -> Option<&str> {
    let mut labels = host.trim_end_matches('.').split('.');
    let (_, namespace, svc) = (labels.next()?, labels.next()?, labels.next()?);
    (svc == "svc").then_some(namespace)
}

fn listed(rule: &EgressRule) -> NetworkPolicyEgressRule {
    let networks = rule.cidrs.iter().cloned().map(network);
    let to: Vec<_> = rule
        .namespaces
        .iter()
        .map(|name| namespace(name))
        .chain(networks)
        .collect();
    let ports = rule
        .ports
        .iter()
        .map(|one| port(one.port, one.protocol.as_str()));
    let ports: Vec<_> = ports.collect();
    // In a NetworkPolicy an absent list is everyone, or every port.
    NetworkPolicyEgressRule {
        to: Some(to).filter(|to| !to.is_empty()),
        ports: Some(ports).filter(|ports| !ports.is_empty()),
    }
}

/// `None` is anyone.
fn namespaces(names: &[String]) -> Option<Vec<NetworkPolicyPeer>> {
    (!names.is_empty()).then(|| names.iter().map(|name| namespace(name)).collect())
}

/// Every pod of a namespace.
fn namespace(name: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(selector(pairs([(NAMESPACE_NAME, name)]))),
        ..NetworkPolicyPeer::default()
    }
}

fn network(cidr: String) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        ip_block: Some(IPBlock { cidr, except: None }),
        ..NetworkPolicyPeer::default()
    }
}

fn selector(labels: Pairs) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels),
        ..LabelSelector::default()
    }
}

fn tcp(number: i32) -> NetworkPolicyPort {
    port(number, "TCP")
}

fn port(number: i32, protocol: &str) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number)),
        protocol: Some(protocol.to_owned()),
        end_port: None,
    }
}
