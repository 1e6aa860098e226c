use std::sync::Arc;
use std::time::Instant;

use crds::{MCPServer, Settings};
use jiff::Timestamp;
use serde_json::Value;

use super::{Desired, build};
use crate::golden::{Case, of_kind};
use crate::render::{Now, render};

fn settings() -> Settings {
    Settings {
        proxy_images: vec!["mcp-runtime:dev".into()],
        ..Settings::default()
    }
}

fn objects(case: &Case, settings: &Settings) -> Vec<Value> {
    let input = case.input();
    let server: MCPServer = of_kind(&input, "MCPServer").remove(0);
    let server = crds::parse(&server, settings).unwrap();
    let grants: Vec<_> = of_kind(&input, "MCPAccessGrant")
        .into_iter()
        .map(Arc::new)
        .collect();
    let sessions: Vec<_> = of_kind(&input, "MCPAgentSession")
        .into_iter()
        .map(Arc::new)
        .collect();
    let compiled = crds::compile(&server, &grants, &sessions, settings);
    let now = Now {
        wall: Timestamp::from_second(1_767_225_600).unwrap(),
        instant: Instant::now(),
    };
    let rendered = server
        .gateway
        .as_ref()
        .map(|_| render(&compiled.document, None, None, now));
    let desired = build(&server, rendered.as_ref(), None, settings);
    let Desired {
        service_account,
        policy,
        network_policy,
        deployment,
        canary,
        service,
        ingress,
    } = desired;
    let values = [
        serde_json::to_value(service_account),
        serde_json::to_value(policy),
        serde_json::to_value(network_policy),
        serde_json::to_value(deployment),
        serde_json::to_value(canary),
        serde_json::to_value(service),
        serde_json::to_value(ingress.unwrap()),
    ];
    values
        .map(Result::unwrap)
        .into_iter()
        .filter(|value| !value.is_null())
        .collect()
}

fn golden(name: &str, settings: &Settings) {
    let case = Case::new(name);
    case.expect(&objects(&case, settings));
}

#[test]
fn the_smallest_server_gets_the_go_projects_objects() {
    golden("build/smallest", &settings());
}

#[test]
fn a_governed_server_gets_labels_a_policy_and_a_drain() {
    golden("build/governed", &settings());
}

#[test]
fn every_field_of_the_workload_has_its_place() {
    let settings = Settings {
        default_ingress_entrypoints: "websecure".into(),
        default_ingress_tls: true,
        ..settings()
    };
    golden("build/full", &settings);
}

#[test]
fn a_canary_has_its_share_of_the_replicas() {
    golden("build/canary", &settings());
}

#[test]
fn an_external_workload_gets_no_deployment() {
    golden("build/external", &settings());
}

#[test]
fn who_may_call_and_be_called_is_listed_and_what_the_proxy_needs_is_added() {
    golden("build/bordered", &settings());
}

#[test]
fn without_a_gateway_a_policy_restricts_the_way_out_alone() {
    golden("build/outward", &settings());
}

#[test]
fn an_address_in_a_url_is_a_network_of_its_own() {
    for (url, peer, port) in [
        ("http://203.0.113.7/events", "203.0.113.7/32", 80),
        ("https://[2001:db8::1]:8443/", "2001:db8::1/128", 8443),
    ] {
        let mut input = Case::new("build/bordered").input();
        input[0]["spec"]["analytics"]["ingestURL"] = url.into();
        let server: MCPServer = of_kind(&input, "MCPServer").remove(0);
        let server = crds::parse(&server, &settings()).unwrap();
        let policy = build(&server, None, None, &settings())
            .network_policy
            .unwrap();
        let egress = policy.spec.unwrap().egress.unwrap();
        let rule = serde_json::json!({
            "to": [{ "ipBlock": { "cidr": peer } }],
            "ports": [{ "port": port, "protocol": "TCP" }],
        });
        let found = egress
            .iter()
            .map(|rule| serde_json::to_value(rule).unwrap());
        assert!(found.into_iter().any(|found| found == rule), "{url}");
    }
}

#[test]
fn no_deployment_has_a_proxy_among_its_containers() {
    for name in [
        "smallest", "governed", "full", "canary", "external", "bordered", "outward",
    ] {
        for object in objects(&Case::new(&format!("build/{name}")), &settings()) {
            let pod = &object["spec"]["template"]["spec"];
            assert!(pod["initContainers"].is_null(), "{name}");
            let containers = pod["containers"].as_array().map_or(0, Vec::len);
            assert!(containers <= 1, "{name}");
            assert_ne!(pod["containers"][0]["name"], "mcp-proxy", "{name}");
        }
    }
}
