//! What is filled in, and what a spec means after it.

use mcp_crds::{Kind, Manifest, Settings, default, parse, read};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::files::{documents, folder, settings};

/// The object with the additions in it, applied as the API server applies a patch.
fn filled(kind: Kind, object: &Value, settings: &Settings) -> Value {
    let adds: Vec<_> = default(kind, object, settings)
        .into_iter()
        .map(|add| json!({"op": "add", "path": add.path, "value": add.value}))
        .collect();
    let patch: json_patch::Patch = serde_json::from_value(adds.into()).unwrap();
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch).unwrap();
    object
}

fn server(spec: Value) -> Value {
    json!({
        "apiVersion": "mcpruntime.org/v1alpha1",
        "kind": "MCPServer",
        "metadata": {"name": "payments", "namespace": "team-a"},
        "spec": spec,
    })
}

/// The fixtures are what the Go project's defaulter made of the same manifests.
#[test]
fn defaults_are_the_go_projects() {
    for name in ["small", "team"] {
        let document = documents(&folder(&format!("tests/compile/{name}.yaml"))).remove(0);
        let ours = filled(Kind::Server, &document, &Settings::default());
        let text =
            std::fs::read_to_string(folder(&format!("tests/compile/{name}.spec.json"))).unwrap();
        let mut go: Value = serde_json::from_str(&text).unwrap();
        // Go writes the empty value of what isn't a pointer.
        go.as_object_mut().unwrap().remove("resources");
        assert_eq!(ours["spec"], go, "{name}");
    }
}

#[test]
fn a_minimal_server_is_filled_in_whole() {
    let object = server(json!({"image": "registry.example.com/payments-mcp"}));
    assert_eq!(
        filled(Kind::Server, &object, &Settings::default())["spec"],
        json!({
            "image": "registry.example.com/payments-mcp",
            "imageTag": "latest",
            "replicas": 1,
            "port": 8088,
            "servicePort": 80,
            "ingressClass": "traefik",
            "publicPathPrefix": "payments",
            "ingressPath": "/payments/mcp",
        })
    );
}

#[test]
fn the_platforms_host_goes_to_servers_that_give_neither_host_nor_prefix() {
    let settings = Settings {
        default_ingress_host: "mcp.example.com".into(),
        ..Settings::default()
    };
    let host =
        |spec: Value| filled(Kind::Server, &server(spec), &settings)["spec"]["ingressHost"].clone();
    assert_eq!(host(json!({})), "mcp.example.com");
    assert_eq!(host(json!({"publicPathPrefix": "pay"})), Value::Null);
    assert_eq!(
        host(json!({"ingressHost": "pay.example.com"})),
        "pay.example.com"
    );
}

#[test]
fn a_host_without_a_prefix_keeps_the_authors_path() {
    let route = |spec: Value| {
        let mut spec = spec;
        spec["image"] = "registry.example.com/payments-mcp".into();
        let ingress = parsed(&server(spec), &settings()).ingress;
        (ingress.host, ingress.path)
    };
    let of = |host: &str, path: &str| (host.to_owned(), path.to_owned());
    assert_eq!(
        route(json!({"ingressHost": "pay.example.com", "ingressPath": "/v1/mcp/"})),
        of("pay.example.com", "/v1/mcp")
    );
    assert_eq!(
        route(json!({"ingressHost": "pay.example.com"})),
        of("pay.example.com", "/payments/mcp")
    );
    assert_eq!(
        route(
            json!({"ingressHost": "pay.example.com", "ingressPath": "/v1", "publicPathPrefix": "/a/b/"})
        ),
        of("pay.example.com", "/a/b/mcp")
    );
    assert_eq!(
        route(json!({"ingressPath": "/v1"})),
        of("", "/payments/mcp")
    );
    assert_eq!(
        route(json!({"ingressHost": "pay.example.com", "ingressPath": "/"})),
        of("pay.example.com", "/")
    );
}

#[test]
fn the_gateways_upstream_follows_the_servers_port() {
    let upstream = |spec: Value| {
        filled(Kind::Server, &server(spec), &Settings::default())["spec"]["gateway"]["upstreamURL"]
            .clone()
    };
    assert_eq!(
        upstream(json!({"gateway": {"enabled": true}})),
        "http://127.0.0.1:8088"
    );
    assert_eq!(
        upstream(json!({"gateway": {"enabled": true}, "port": 9000})),
        "http://127.0.0.1:9000"
    );
    assert_eq!(
        upstream(json!({"gateway": {"enabled": false}})),
        Value::Null
    );
}

#[test]
fn audit_events_are_named_after_the_server_and_go_to_the_platforms_ingest() {
    let settings = Settings {
        ingest_url: "http://ingest.example.com/events".into(),
        ..Settings::default()
    };
    let analytics = |analytics: Value| {
        filled(
            Kind::Server,
            &server(json!({"analytics": analytics})),
            &settings,
        )["spec"]["analytics"]
            .clone()
    };
    assert_eq!(
        analytics(json!({})),
        json!({"eventType": "mcp.request", "source": "payments-gateway", "ingestURL": "http://ingest.example.com/events"})
    );
    assert_eq!(
        analytics(json!({"disabled": true})),
        json!({"disabled": true, "eventType": "mcp.request"})
    );
}

#[test]
fn a_tagged_or_pinned_image_gets_no_tag() {
    let tag = |image: &str| {
        filled(
            Kind::Server,
            &server(json!({"image": image})),
            &Settings::default(),
        )["spec"]["imageTag"]
            .clone()
    };
    assert_eq!(tag("payments"), "latest");
    assert_eq!(tag("registry.example.com:5000/payments"), "latest");
    assert_eq!(tag("registry.example.com:5000/payments:v1"), Value::Null);
    assert_eq!(tag("payments@sha256:abc"), Value::Null);
}

#[test]
fn what_cannot_be_read_is_left_to_the_schema() {
    for object in [
        json!(null),
        json!([1]),
        json!({"spec": 7}),
        json!({"metadata": {"name": 3}, "spec": []}),
        server(
            json!({"port": "http", "gateway": {"enabled": true}, "auth": "header", "tools": {"name": "x"}}),
        ),
        server(json!({"analytics": [], "gateway": null, "rollout": false})),
    ] {
        let after = filled(Kind::Server, &object, &settings());
        assert!(is_within(&object, &after), "{object} became {after}");
    }
}

fn parsed(object: &Value, settings: &Settings) -> mcp_crds::Server {
    match read(object).unwrap() {
        Manifest::Server(server) => parse(&server, settings).unwrap(),
        other => panic!("{other:?} is no server"),
    }
}

/// Everything of `before` is in `after` as it was.
fn is_within(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => before.iter().all(|(name, member)| {
            after
                .get(name)
                .is_some_and(|after| is_within(member, after))
        }),
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len()
                && before
                    .iter()
                    .zip(after)
                    .all(|(before, after)| is_within(before, after))
        }
        (before, after) => before == after,
    }
}

/// Any JSON, with the names that specs have often enough to get somewhere.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "payments",
            "header",
            "read",
            "8088",
            "http://127.0.0.1:1",
            "25%",
            "~/"
        ])
        .prop_map(Value::from),
    ];
    let names = vec![
        "spec",
        "metadata",
        "name",
        "gateway",
        "enabled",
        "port",
        "auth",
        "mode",
        "tools",
        "sideEffect",
        "analytics",
        "rollout",
        "session",
        "subject",
        "serverRef",
        "image",
        "requiredTrust",
        "toolRules",
        "odd~/name",
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(names.clone()), inner), 0..6).prop_map(
                |members| members
                    .into_iter()
                    .map(|(name, member)| (name.to_owned(), member))
                    .collect()
            ),
        ]
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn defaulting_adds_only_and_a_second_time_nothing(kind in kind(), object in any_json()) {
        let once = filled(kind, &object, &settings());
        prop_assert!(is_within(&object, &once), "{object} became {once}");
        prop_assert_eq!(default(kind, &once, &settings()), vec![]);
    }

    #[test]
    fn reading_and_parsing_anything_never_panics(kind in kind(), mut object in any_json()) {
        if let Some(members) = object.as_object_mut() {
            members.insert("apiVersion".into(), "mcpruntime.org/v1alpha1".into());
            members.insert("kind".into(), kind.as_str().into());
        }
        // Whatever the type takes is parsed, also where the schema would have refused it.
        if let Ok(server) = serde_json::from_value::<mcp_crds::MCPServer>(object.clone()) {
            let _ = parse(&server, &settings());
        }
        if let Ok(grant) = serde_json::from_value::<mcp_crds::MCPAccessGrant>(object.clone()) {
            let _ = mcp_crds::parse_grant(&grant);
        }
        if let Ok(session) = serde_json::from_value::<mcp_crds::MCPAgentSession>(object.clone()) {
            let _ = mcp_crds::parse_session(&session);
        }
        let _ = read(&object);
    }
}

#[test]
fn a_server_means_the_same_whether_the_webhook_filled_it_in_or_not() {
    for path in crate::files::yaml_files("../deploy/examples") {
        for document in documents(&path) {
            if Kind::of(&document) == Some(Kind::Server) {
                let after = filled(Kind::Server, &document, &settings());
                assert_eq!(
                    parsed(&document, &settings()),
                    parsed(&after, &settings()),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn a_default_limit_gives_way_to_what_the_author_reserves() {
    let resources = |resources: Value| {
        let spec = json!({"image": "registry.example.com/payments-mcp", "resources": resources});
        serde_json::to_value(parsed(&server(spec), &settings()).resources).unwrap()
    };
    assert_eq!(
        resources(json!({})),
        json!({"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}})
    );
    assert_eq!(
        resources(json!({"requests": {"memory": "1Gi"}, "limits": {"cpu": "20m"}})),
        json!({"requests": {"cpu": "20m", "memory": "1Gi"}, "limits": {"cpu": "20m", "memory": "1Gi"}})
    );
}

#[test]
fn the_image_that_runs_has_the_registry_asked_for() {
    let image = |spec: Value, provisioned: &str| {
        let settings = Settings {
            provisioned_registry: provisioned.into(),
            ..settings()
        };
        parsed(&server(spec), &settings).image.unwrap()
    };
    let of = |image: &str| json!({"image": image});
    assert_eq!(image(of("team/payments"), ""), "team/payments:latest");
    assert_eq!(
        image(json!({"image": "team/payments", "imageTag": "v2"}), ""),
        "team/payments:v2"
    );
    assert_eq!(
        image(json!({"image": "payments:v1", "imageTag": "v2"}), ""),
        "payments:v1"
    );
    let overridden =
        |image: &str| json!({"image": image, "registryOverride": "mirror.example.com:5000/cache"});
    assert_eq!(
        image(overridden("payments:v1"), ""),
        "mirror.example.com:5000/cache/payments:v1"
    );
    assert_eq!(
        image(overridden("team/payments:v1"), ""),
        "mirror.example.com:5000/cache/team/payments:v1"
    );
    assert_eq!(
        image(overridden("quay.io/team/payments:v1"), ""),
        "mirror.example.com:5000/cache/team/payments:v1"
    );
    let provisioned = json!({"image": "localhost/payments:v1", "useProvisionedRegistry": true, "registryOverride": "x.example"});
    assert_eq!(
        image(provisioned.clone(), "registry.local:5000"),
        "registry.local:5000/payments:v1"
    );
    assert_eq!(image(provisioned, ""), "x.example/payments:v1");
}

#[test]
fn a_blank_field_means_the_same_as_none() {
    let blank = json!({
        "image": "registry.example.com/payments-mcp", "teamID": "", "ingressHost": "", "publicPathPrefix": "",
        "gateway": {"enabled": true, "image": "", "upstreamURL": ""}, "auth": {"audience": "", "humanIDHeader": ""},
    });
    let bare = json!({"image": "registry.example.com/payments-mcp", "gateway": {"enabled": true}});
    assert_eq!(
        parsed(&server(blank), &settings()),
        parsed(&server(bare), &settings())
    );
}
