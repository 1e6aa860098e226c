//! Each warning, told by the least that deserves it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use mcp_crds::{
    Lookup, MCPAccessGrant, MCPAgentSession, MCPServer, grant_warnings, parse, parse_grant,
    parse_session, session_warnings, warnings,
};
use serde_json::{Value, json};

use crate::files::settings;

fn metadata() -> Value {
    json!({"name": "payments", "namespace": "team-a"})
}

/// Codes of the warnings about a server that is otherwise beyond reproach.
fn of_server(change: Value) -> BTreeSet<&'static str> {
    let mut spec = json!({
        "image": "registry.example.com/payments-mcp:1.4.2",
        "gateway": {"enabled": true},
        "auth": {"mode": "header"},
        "session": {"required": true},
        "tools": [{"name": "refund", "sideEffect": "write"}],
    });
    spec.as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    let object: MCPServer =
        serde_json::from_value(json!({"metadata": metadata(), "spec": spec})).unwrap();
    let server = parse(&object, &settings()).unwrap_or_else(|problems| panic!("{problems}"));
    warnings(&server)
        .into_iter()
        .map(|warning| warning.code)
        .filter(|code| *code != "headers_from_anywhere")
        .collect()
}

#[test]
fn a_server_is_warned_about_what_it_probably_doesnt_mean() {
    for (change, code) in [
        (
            json!({"auth": {"mode": "none"}, "tools": [{"name": "list", "sideEffect": "read"}], "session": {}}),
            "everyone_is_anonymous",
        ),
        (json!({"replicas": 2}), "sessions_not_sticky"),
        (
            json!({"session": {"required": false}}),
            "consent_can_be_omitted",
        ),
        (
            json!({"policy": {"defaultDecision": "allow"}}),
            "default_allow_skips_trust",
        ),
        (json!({"tools": []}), "no_tools"),
        (json!({"gateway": {"enabled": false}}), "gateway_off"),
        (
            json!({"session": {"required": true, "maxLifetime": "8h"}}),
            "session_limits_not_enforced",
        ),
        (
            json!({"session": {"required": true, "headerName": "X-Consent"}}),
            "session_header_differs",
        ),
        (json!({"ingressPath": "/v1"}), "ingress_path_unused"),
        (
            json!({"auth": {"mode": "oauth", "issuerURL": "https://a", "audience": "b"}}),
            "unsupported_auth_mode",
        ),
        (
            json!({"auth": {"mode": "mtls", "trustDomain": "example.org"}}),
            "unsupported_auth_mode",
        ),
        (json!({"analytics": {}}), "unsupported_analytics"),
        (
            json!({"ingressClass": "nginx"}),
            "unsupported_ingress_class",
        ),
        (
            json!({"useProvisionedRegistry": true}),
            "unsupported_provisioned_registry",
        ),
    ] {
        assert_eq!(
            of_server(change.clone()),
            BTreeSet::from([code]),
            "{change}"
        );
    }
    let canary = json!({"replicas": 2, "stateless": true, "rollout": {"strategy": "Canary", "canaryReplicas": 1}});
    assert_eq!(of_server(canary), BTreeSet::from(["unsupported_canary"]));
}

#[test]
fn a_server_that_means_what_it_says_is_not_warned_about() {
    assert_eq!(of_server(json!({})), BTreeSet::new());
    assert_eq!(
        of_server(json!({"replicas": 3, "stateless": true})),
        BTreeSet::new()
    );
    assert_eq!(
        of_server(json!({"gateway": {"enabled": false}, "tools": []})),
        BTreeSet::new()
    );
}

fn grant(spec: Value) -> mcp_crds::Grant {
    let mut all = json!({"serverRef": {"name": "payments"}, "subject": {"humanID": "ann"}, "allowedSideEffects": ["read"]});
    all.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    let object: MCPAccessGrant =
        serde_json::from_value(json!({"metadata": metadata(), "spec": all})).unwrap();
    parse_grant(&object).unwrap()
}

#[test]
fn a_grant_is_warned_about_what_it_probably_doesnt_mean() {
    for (change, codes) in [
        (json!({}), vec![]),
        (json!({"subject": {}}), vec!["grant_for_everyone"]),
        (json!({"allowedSideEffects": []}), vec!["no_side_effects"]),
        (json!({"allowedSideEffects": [], "disabled": true}), vec![]),
        (
            json!({"toolRules": [{"name": "refund", "decision": "deny"}]}),
            vec!["deny_only_grant"],
        ),
        (
            json!({"serverRef": {"name": "payments", "namespace": "team-b"}}),
            vec!["namespace_not_trusted"],
        ),
        (
            json!({"serverRef": {"name": "payments", "namespace": "team-a"}}),
            vec![],
        ),
    ] {
        let told: Vec<_> = grant_warnings(&grant(change.clone()), Lookup::Unknown, &[])
            .into_iter()
            .map(|warning| warning.code)
            .collect();
        assert_eq!(told, codes, "{change}");
    }
}

#[test]
fn a_session_is_warned_about_what_denies_its_calls() {
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    for (change, codes) in [
        (json!({}), vec![]),
        (
            json!({"expiresAt": "2026-06-01T00:00:00Z"}),
            vec!["expires_in_past"],
        ),
        (json!({"expiresAt": "2026-06-01T00:00:01Z"}), vec![]),
        (
            json!({"upstreamTokenSecretRef": {"name": "database", "key": "a"}}),
            vec!["token_not_mounted"],
        ),
        (
            json!({"upstreamTokenSecretRef": {"name": "payments-upstream-tokens", "key": "a"}}),
            vec![],
        ),
        (
            json!({"serverRef": {"name": "payments", "namespace": "team-b"}}),
            vec!["namespace_not_trusted"],
        ),
    ] {
        let mut spec = json!({"serverRef": {"name": "payments"}, "subject": {"humanID": "ann"}});
        spec.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let object: MCPAgentSession =
            serde_json::from_value(json!({"metadata": metadata(), "spec": spec})).unwrap();
        let told = session_warnings(&parse_session(&object).unwrap(), Lookup::Unknown, now);
        let told: Vec<_> = told.into_iter().map(|warning| warning.code).collect();
        assert_eq!(told, codes, "{change}");
    }
}
