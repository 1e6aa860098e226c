//! From manifests to the policy document.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use mcp_crds::{
    Compiled, ItemReason, MCPAccessGrant, MCPAgentSession, Manifest, Server, compile, parse, read,
};
use policy::{Document, Policy};
use serde_json::{Value, json};

use crate::files::{folder, manifests, settings, yaml_files};

#[derive(Default)]
struct Objects {
    servers: Vec<Server>,
    grants: Vec<Arc<MCPAccessGrant>>,
    sessions: Vec<Arc<MCPAgentSession>>,
}

fn objects(manifests: Vec<Manifest>) -> Objects {
    let mut objects = Objects::default();
    for manifest in manifests {
        match manifest {
            Manifest::Server(mut server) => {
                placed(&mut server.metadata);
                objects.servers.push(parse(&server, &settings()).unwrap());
            }
            Manifest::Grant(mut grant) => {
                placed(&mut grant.metadata);
                objects.grants.push(Arc::from(grant));
            }
            Manifest::Session(mut session) => {
                placed(&mut session.metadata);
                objects.sessions.push(Arc::from(session));
            }
        }
    }
    objects
}

/// Applied without a namespace of its own, an object lands in that of the context.
fn placed(metadata: &mut ObjectMeta) {
    metadata
        .namespace
        .get_or_insert_with(|| "mcp-servers".into());
}

fn compiled(objects: &Objects) -> Compiled {
    compile(
        &objects.servers[0],
        &objects.grants,
        &objects.sessions,
        &settings(),
    )
}

/// The fixtures are what the Go project's operator rendered from the same manifests.
#[test]
fn without_additions_of_ours_the_document_and_its_revision_are_the_go_projects() {
    for name in ["small", "team"] {
        let ours = compiled(&objects(manifests(&folder(&format!(
            "tests/compile/{name}.yaml"
        )))));
        let text = std::fs::read(folder(&format!("tests/compile/{name}.document.json"))).unwrap();
        let go = Document::parse(&text).unwrap().document;
        assert_eq!(ours.document, go, "{name}");
    }
}

#[test]
fn every_servers_document_is_a_policy() {
    for path in yaml_files("../deploy/examples") {
        let objects = objects(manifests(&path));
        for server in &objects.servers {
            let document =
                compile(server, &objects.grants, &objects.sessions, &settings()).document;
            let policy = Policy::try_from(&document);
            assert!(
                policy.is_ok(),
                "{} {}: {:?}",
                path.display(),
                server.name,
                policy.err()
            );
        }
    }
}

#[test]
fn the_order_of_the_objects_changes_nothing() {
    let there = objects(manifests(&folder("tests/compile/team.yaml")));
    let mut back = objects(manifests(&folder("tests/compile/team.yaml")));
    back.grants.reverse();
    back.sessions.reverse();
    assert_eq!(compiled(&there), compiled(&back));
}

fn team() -> Objects {
    objects(manifests(&folder("tests/compile/team.yaml")))
}

fn with_grant(mut objects: Objects, metadata: Value, spec: Value) -> Objects {
    let grant = json!({"metadata": metadata, "spec": spec});
    objects
        .grants
        .push(Arc::new(serde_json::from_value(grant).unwrap()));
    objects
}

fn with_session(mut objects: Objects, metadata: Value, spec: Value) -> Objects {
    let session = json!({"metadata": metadata, "spec": spec});
    objects
        .sessions
        .push(Arc::new(serde_json::from_value(session).unwrap()));
    objects
}

fn here(name: &str) -> Value {
    json!({"name": name, "namespace": "team-a"})
}

fn reason_of(compiled: &Compiled, name: &str) -> (ItemReason, bool) {
    let mut states = compiled.grants.iter().chain(&compiled.sessions);
    let state = states.find(|state| state.name == name).unwrap();
    (state.reason, state.included)
}

#[test]
fn each_item_says_why_it_is_in_force_or_isnt() {
    let compiled = compiled(&team());
    let states: Vec<_> = compiled
        .grants
        .iter()
        .chain(&compiled.sessions)
        .map(|state| {
            (
                state.name.as_str(),
                state.reason,
                state.matched_tools,
                state.message.as_str(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            (
                "a-contractor",
                ItemReason::Disabled,
                0,
                "spec.disabled is true"
            ),
            (
                "b-team",
                ItemReason::UnknownTool,
                2,
                "the server declares no tool delete_customer"
            ),
            ("a-ann", ItemReason::Active, 0, ""),
            ("b-bob", ItemReason::Revoked, 0, "spec.revoked is true"),
        ]
    );
}

#[test]
fn a_session_past_its_end_is_expired_unless_it_was_revoked() {
    let compiled = compiled(&team());
    let end: Timestamp = "2026-12-24T17:00:00Z".parse().unwrap();
    let [ann, bob] = compiled.sessions.as_slice() else {
        panic!("not two sessions")
    };
    assert_eq!(ann.expires_at, Some(end));
    assert_eq!(
        ann.reason_at(end - jiff::Span::new().nanoseconds(1)),
        ItemReason::Active
    );
    assert_eq!(ann.reason_at(end), ItemReason::Expired);
    assert_eq!(bob.reason_at(end), ItemReason::Revoked);
}

#[test]
fn objects_of_other_namespaces_dont_count_and_learn_nothing() {
    let before = compiled(&team()).document;
    let spec = json!({"serverRef": {"name": "payments", "namespace": "team-a"}, "subject": {"humanID": "eve"}});
    let foreign = json!({"name": "mine", "namespace": "team-b"});
    let objects = with_session(
        with_grant(team(), foreign.clone(), spec.clone()),
        foreign,
        spec,
    );
    let after = compiled(&objects);
    assert_eq!(after.document, before);
    for state in [&after.grants[2], &after.sessions[2]] {
        assert_eq!(
            (state.reason, state.included),
            (ItemReason::NamespaceNotTrusted, false)
        );
        assert!(!state.message.contains("payments"), "{}", state.message);
    }
}

#[test]
fn objects_for_other_servers_are_passed_over() {
    let spec = json!({"serverRef": {"name": "invoices"}, "subject": {"humanID": "eve"}});
    let objects = with_session(
        with_grant(team(), here("other"), spec.clone()),
        here("other"),
        spec,
    );
    assert_eq!(compiled(&objects), compiled(&team()));
}

#[test]
fn a_bad_session_is_left_out_and_keeps_nobody_else_out() {
    let spec = json!({"serverRef": {"name": "payments"}, "subject": {"humanID": "eve"}, "consentedTrust": "total"});
    let compiled = compiled(&with_session(team(), here("a-bad"), spec));
    assert_eq!(reason_of(&compiled, "a-bad"), (ItemReason::Invalid, false));
    let names: Vec<_> = compiled
        .document
        .sessions
        .iter()
        .map(|session| session.name.as_str())
        .collect();
    assert_eq!(names, ["a-ann", "b-bob"]);
    assert!(
        compiled
            .sessions
            .iter()
            .any(|state| state.message.contains("spec.consentedTrust"))
    );
}

#[test]
fn of_a_bad_grant_only_its_denials_stay_in_force() {
    let spec = json!({
        "serverRef": {"name": "payments"}, "subject": {"humanID": "ann@example.com"}, "maxTrust": "total",
        "allowedSideEffects": ["read"],
        "toolRules": [
            {"name": "list_invoices", "decision": "allow"},
            {"name": "refund_invoice", "decision": "deny"},
            {"name": "correct_invoice", "decision": "perhaps"},
        ],
    });
    let compiled = compiled(&with_grant(team(), here("a-bad"), spec));
    assert_eq!(reason_of(&compiled, "a-bad"), (ItemReason::Invalid, true));
    let deny = |name: &str| policy::ToolRule {
        name: name.into(),
        decision: "deny".into(),
        required_trust: String::new(),
    };
    assert_eq!(
        compiled.document.grants[0],
        policy::Grant {
            name: "a-bad".into(),
            namespace: "team-a".into(),
            human_id: "ann@example.com".into(),
            team_id: "7d0a0b8f-7c25-4761-a632-3cf0108e31d6".into(),
            max_trust: "low".into(),
            tool_rules: vec![deny("refund_invoice"), deny("correct_invoice")],
            ..policy::Grant::default()
        }
    );
    assert!(Policy::try_from(&compiled.document).is_ok());
}

#[test]
fn a_bad_grant_that_denies_nothing_is_left_out() {
    let spec = json!({"serverRef": {"name": "payments"}, "subject": {}, "maxTrust": "total", "allowedSideEffects": ["read"]});
    let compiled = compiled(&with_grant(team(), here("a-bad"), spec));
    assert_eq!(reason_of(&compiled, "a-bad"), (ItemReason::Invalid, false));
    assert_eq!(compiled.document.grants.len(), 2);
}

#[test]
fn a_token_from_any_other_secret_is_not_mounted() {
    let session = |name: &str| {
        json!({
            "serverRef": {"name": "payments"}, "subject": {"humanID": "eve"},
            "upstreamTokenSecretRef": {"name": name, "key": "token"},
        })
    };
    let objects = with_session(team(), here("c-strange"), session("database"));
    let compiled = compiled(&with_session(
        objects,
        here("d-right"),
        session("payments-upstream-tokens"),
    ));
    assert_eq!(
        reason_of(&compiled, "c-strange"),
        (ItemReason::TokenNotMounted, true)
    );
    assert_eq!(reason_of(&compiled, "d-right"), (ItemReason::Active, true));
    // The proxy denies what it can't find: the reference is written in both cases.
    let references: Vec<_> = compiled.document.sessions[2..]
        .iter()
        .map(|session| session.upstream_token_ref.as_str())
        .collect();
    assert_eq!(
        references,
        ["database/token", "payments-upstream-tokens/token"]
    );
}

#[test]
fn an_auth_mode_the_proxy_lacks_is_written_and_said_to_deny() {
    let objects = team();
    let compiled = compiled(&objects);
    assert_eq!(compiled.document.auth.unwrap().mode, "oauth");
    assert_eq!(
        compiled.unsupported,
        [
            "spec.auth.mode: the gateway doesn't know mode oauth yet and denies every call; header and none work"
        ]
    );
    assert!(objects.servers[0].unsupported[0].denies);
}

#[test]
fn the_revision_says_when_something_changed() {
    let before = compiled(&team()).document.revision;
    assert!(before.starts_with("sha256:") && before.len() == 71);
    let spec = json!({"serverRef": {"name": "payments"}, "subject": {"humanID": "eve"}});
    assert_ne!(
        compiled(&with_session(team(), here("new"), spec))
            .document
            .revision,
        before
    );
}

#[test]
fn injection_depends_on_the_image_the_port_and_the_resources_and_not_on_grants() {
    let objects = team();
    let server = &objects.servers[0];
    let hash = mcp_crds::injection_inputs(server, &settings());
    assert_eq!(hash.to_string().len(), 25);
    let mut other = settings();
    other.proxy_images.insert(0, "mcp-runtime:next".into());
    assert_ne!(mcp_crds::injection_inputs(server, &other), hash);
    // An older image that is allowed beside the first changes nothing.
    let mut older = settings();
    older.proxy_images.push("mcp-runtime:previous".into());
    assert_eq!(mcp_crds::injection_inputs(server, &older), hash);
    for change in [
        json!({"gateway": {"enabled": true, "port": 8191}}),
        json!({"gateway": {"enabled": true, "stripPrefix": "/payments"}}),
        json!({"gateway": {"enabled": true, "resources": {"limits": {"memory": "96Mi"}}}}),
        json!({"gateway": {"enabled": true}, "port": 9001}),
        json!({"gateway": {"enabled": true}}),
    ] {
        assert_ne!(
            mcp_crds::injection_inputs(&changed(change), &settings()),
            hash
        );
    }
    assert_eq!(
        mcp_crds::injection_inputs(&changed(json!({"description": "a"})), &settings()),
        mcp_crds::injection_inputs(&changed(json!({"replicas": 3})), &settings()),
    );
}

#[test]
fn a_new_proxy_of_the_platform_is_told_from_a_change_of_the_server() {
    let server = changed(json!({"gateway": {"enabled": true}}));
    let inputs = mcp_crds::injection_inputs;
    let before = inputs(&server, &settings()).to_string();
    let mut upgraded = settings();
    upgraded.proxy_images.insert(0, "mcp-runtime:next".into());
    upgraded.cluster_name = "renamed".into();
    let after = inputs(&server, &upgraded);
    assert_ne!(after.to_string(), before);
    assert!(after.is_of_this_server(&before));
    let other = changed(json!({"gateway": {"enabled": true, "port": 8191}}));
    assert!(!inputs(&other, &upgraded).is_of_this_server(&before));
    assert!(!after.is_of_this_server("cf0b3c32d207d9a3"));
}

#[test]
fn roles_are_alike_when_they_inject_alike() {
    let role = mcp_crds::platform_inputs;
    let mut tolerant = settings();
    tolerant.proxy_images.push("mcp-runtime:previous".into());
    assert_eq!(role(&tolerant), role(&settings()));
    let mut upgraded = settings();
    upgraded.proxy_images.insert(0, "mcp-runtime:next".into());
    assert_ne!(role(&upgraded), role(&settings()));
    let mut hosted = settings();
    hosted.default_ingress_host = "mcp.example.net".into();
    assert_ne!(role(&hosted), role(&settings()));
}

fn changed(mut spec: Value) -> Server {
    spec["image"] = "registry.example.com/payments-mcp:1.4.2".into();
    let object = json!({
        "apiVersion": "mcpruntime.org/v1alpha1", "kind": "MCPServer",
        "metadata": {"name": "payments", "namespace": "team-a"}, "spec": spec,
    });
    match read(&object).unwrap() {
        Manifest::Server(server) => parse(&server, &settings()).unwrap(),
        other => panic!("{other:?} is no server"),
    }
}
