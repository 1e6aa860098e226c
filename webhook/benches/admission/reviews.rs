//! What is asked: a server of 12 KB to be defaulted, the same with its defaults to be validated,
//! and a pod of 20 KB to be injected.

use json_patch::Patch;
use serde_json::{Value, json};

const UID: &str = "705ab4f5-6393-11e8-b7cc-42010a800002";

/// One scenario.
pub(crate) struct Review {
    pub(crate) scenario: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: String,
    /// The outcome that the webhook is to give.
    pub(crate) code: &'static str,
}

/// The three, in the order of an object's life.
pub(crate) fn all() -> Vec<Review> {
    let server = server(12_000);
    let review = |scenario, path, code, body: Value| Review {
        scenario,
        path,
        body: body.to_string(),
        code,
    };
    vec![
        review("default_12k", "/default", "Defaulted", of_server(&server)),
        review(
            "validate_12k",
            "/validate",
            "Valid",
            of_server(&defaulted(server)),
        ),
        review("inject_20k", "/inject", "Injected", of_pod(pod(20_000))),
    ]
}

/// What `setup` would install, as far as these reviews ask for it.
pub(crate) fn settings() -> crds::Settings {
    crds::Settings {
        proxy_images: vec!["registry.example.org/mcp-runtime:v1".into()],
        cluster_name: "bench".into(),
        ..crds::Settings::default()
    }
}

/// The server of the pod, and what owns the pod.
pub(crate) fn objects() -> String {
    let owned = |kind: &str, name: &str, uid: &str, owner: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": kind,
            "metadata": {"name": name, "namespace": "demo", "uid": uid, "ownerReferences": [owner]},
        })
    };
    let server = json!({
        "apiVersion": "mcpruntime.org/v1alpha1", "kind": "MCPServer",
        "metadata": {"name": "everything", "namespace": "demo", "uid": "server"},
        "spec": {"image": "everything:dev", "gateway": {"enabled": true}},
    });
    let by_server = json!({
        "apiVersion": "mcpruntime.org/v1alpha1", "kind": "MCPServer",
        "name": "everything", "uid": "server", "controller": true,
    });
    let by_deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "name": "everything", "uid": "deployment", "controller": true,
    });
    [
        server,
        owned("Deployment", "everything", "deployment", by_server),
        owned("ReplicaSet", "everything-1", "replica-set", by_deployment),
    ]
    .map(|object| object.to_string())
    .join("\n---\n")
}

fn review(kind: Value, resource: Value, name: &str, user: &str, object: Value) -> Value {
    json!({
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": UID,
            "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
            "name": name, "namespace": "demo", "operation": "CREATE",
            "userInfo": {
                "username": user, "uid": "u-1",
                "groups": ["system:serviceaccounts", "system:authenticated"],
            },
            "object": object, "oldObject": null, "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "kubectl"},
        },
    })
}

fn of_server(server: &Value) -> Value {
    let group = "mcpruntime.org";
    review(
        json!({"group": group, "version": "v1alpha1", "kind": "MCPServer"}),
        json!({"group": group, "version": "v1alpha1", "resource": "mcpservers"}),
        "weather",
        "ann@example.org",
        server.clone(),
    )
}

fn of_pod(pod: Value) -> Value {
    review(
        json!({"group": "", "version": "v1", "kind": "Pod"}),
        json!({"group": "", "version": "v1", "resource": "pods"}),
        "",
        "system:serviceaccount:kube-system:replicaset-controller",
        pod,
    )
}

/// A server of about so many bytes: most of a large one is its tools.
fn server(bytes: usize) -> Value {
    let mut server = json!({
        "apiVersion": "mcpruntime.org/v1alpha1", "kind": "MCPServer",
        "metadata": {"name": "weather", "namespace": "demo", "labels": {"team": "forecasts"}},
        "spec": {
            "image": "registry.example.org/forecasts/weather:1.4.2",
            "replicas": 3, "port": 8088,
            "gateway": {"enabled": true},
            "auth": {"mode": "header"},
            "session": {"required": true},
            "envVars": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "eu-west-1"}],
            "secretEnvVars": [{"name": "API_KEY", "secretKeyRef": {"name": "weather", "key": "api-key"}}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "tools": [],
        },
    });
    for n in 0.. {
        let tool = json!({
            "name": format!("forecast_for_region_{n}"),
            "description": format!("The forecast of the next {n} days for a region, as text and as a table"),
            "requiredTrust": "low",
            "sideEffect": "read",
            "labels": {"owner": "forecasts"},
        });
        server["spec"]["tools"].as_array_mut().unwrap().push(tool);
        if server.to_string().len() >= bytes {
            break;
        }
    }
    server
}

/// As the API server sends it after `/default`.
fn defaulted(mut server: Value) -> Value {
    let adds = crds::default(crds::Kind::Server, &server, &settings());
    let adds = adds.into_iter();
    let ops = adds.map(|add| json!({"op": "add", "path": add.path, "value": add.value}));
    let patch: Patch = serde_json::from_value(ops.collect()).unwrap();
    json_patch::patch(&mut server, &patch).unwrap();
    server
}

/// A pod of about so many bytes, in containers of some 2 KB as real ones are.
fn pod(bytes: usize) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": "everything-1-",
            "labels": {
                "app": "everything",
                "mcpruntime.org/server": "everything",
                "mcpruntime.org/gateway": "required",
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet",
                "name": "everything-1", "uid": "replica-set", "controller": true,
            }],
        },
        "spec": {"containers": []},
    });
    for n in 0.. {
        let env: Vec<Value> = (0..24)
            .map(|v| json!({"name": format!("SETTING_{v}"), "value": format!("the value of setting {v}")}))
            .collect();
        let container = json!({
            "name": format!("container-{n}"),
            "image": format!("registry.example.org/team/image-{n}:v1.2.3"),
            "ports": [{"name": "http", "containerPort": 10_000 + n, "protocol": "TCP"}],
            "env": env,
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        });
        pod["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .push(container);
        if pod.to_string().len() >= bytes {
            break;
        }
    }
    pod
}
