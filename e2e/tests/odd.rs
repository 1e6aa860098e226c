//! Pods that the API server takes, mostly, and that nobody would write.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// So many, the same ones each time.
pub(crate) fn pods(count: usize) -> Vec<Value> {
    let mut runner = TestRunner::deterministic();
    let one = pod();
    (0..count)
        .map(|n| {
            let mut pod = one.new_tree(&mut runner).unwrap().current();
            pod["metadata"]["name"] = json!(format!("odd-{n}"));
            pod
        })
        .collect()
}

/// One of these for each member, at times none: `null` here leaves the member out, `"null"` is null.
fn member(values: Value) -> BoxedStrategy<Value> {
    let values: Vec<Value> = values.as_array().cloned().unwrap_or_default();
    prop_oneof![2 => Just(Value::Null), 3 => select(values)].boxed()
}

fn set(object: &mut Value, name: &str, value: Value) {
    match value {
        Value::Null => (),
        Value::String(text) if text == "null" => object[name] = Value::Null,
        value => object[name] = value,
    }
}

fn container() -> impl Strategy<Value = Value> {
    (
        member(json!(["null", [], [{"containerPort": 8080}], [{"containerPort": 8080, "name": "http", "tomorrow": []}], [{"containerPort": 8088, "protocol": "UDP"}]])),
        member(json!(["null", {}, {"requests": {"cpu": "7m"}}, {"limits": {"memory": "1Gi"}}, {"requests": {"example.com/odd": "1"}, "limits": {"example.com/odd": "1"}}])),
        member(json!(["null", [], [{"name": "A", "value": "$(B)"}, {"name": "A", "value": "ü\"\\"}], [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]])),
        member(json!(["null", {}, {"runAsUser": 0}, {"runAsUser": 1234, "capabilities": {"drop": ["ALL"], "add": []}}])),
        member(json!([["a", ""], []])),
        member(json!([{"tomorrow": null}, {"a/b~c": [{}, null, 2.5]}])),
    )
        .prop_map(|(ports, resources, env, security, args, odd)| {
            let mut container = json!({"image": "x"});
            for (name, value) in [
                ("ports", ports),
                ("resources", resources),
                ("env", env),
                ("securityContext", security),
                ("args", args),
                ("tomorrow", odd),
            ] {
                set(&mut container, name, value);
            }
            container
        })
}

/// Hooks are for containers and native sidecars alone.
fn hook() -> BoxedStrategy<Value> {
    member(json!([
        {},
        "null",
        {"preStop": {"sleep": {"seconds": 7}}},
        {"preStop": {"exec": {"command": ["/bye"]}}, "postStart": null},
        {"postStart": {"exec": {"command": ["/hello"]}}},
    ]))
}

/// Mostly a few, at times fifty, and once in a while none.
fn containers() -> impl Strategy<Value = Value> {
    let size = prop_oneof![1 => Just(0), 40 => 1..4_usize, 2 => 4..51_usize];
    (size, prop::collection::vec((container(), hook()), 3)).prop_map(|(size, kinds)| {
        let named = |(n, (kind, hook)): (usize, &(Value, Value))| {
            let mut container = kind.clone();
            container["name"] = json!(format!("c{n}"));
            set(&mut container, "lifecycle", hook.clone());
            container
        };
        kinds
            .iter()
            .cycle()
            .take(size)
            .enumerate()
            .map(named)
            .collect()
    })
}

fn init_containers() -> impl Strategy<Value = Value> {
    let one = (container(), any::<bool>(), hook());
    let some = prop::collection::vec(one, 0..4).prop_map(|kinds| {
        let named = |(n, (mut container, sidecar, hook)): (usize, (Value, bool, Value))| {
            container["name"] = json!(format!("i{n}"));
            if sidecar {
                container["restartPolicy"] = json!("Always");
                set(&mut container, "lifecycle", hook);
            }
            container
        };
        kinds.into_iter().enumerate().map(named).collect::<Value>()
    });
    prop_oneof![1 => Just(Value::Null), 1 => Just(json!("null")), 3 => some]
}

fn volumes() -> impl Strategy<Value = Value> {
    let kinds = vec![
        json!({"name": "data", "emptyDir": {}}),
        json!({"name": "more", "configMap": {"name": "x", "items": []}, "tomorrow": 1}),
        json!({"name": "nothing"}),
        json!({"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}),
    ];
    let some = subsequence(kinds, 0..=4).prop_map(Value::from);
    prop_oneof![1 => Just(Value::Null), 1 => Just(json!("null")), 3 => some]
}

fn annotations() -> impl Strategy<Value = Value> {
    let known = vec![
        ("example.com/b", json!("ü\"\\~1")),
        ("mcpruntime.org/injected-over", json!("[")),
        ("mcpruntime.org/drain-seconds", json!("45")),
        ("kubectl.kubernetes.io/default-container", json!("c0")),
    ];
    let some = subsequence(known, 0..=2).prop_map(|members| members.into_iter().collect::<Value>());
    prop_oneof![1 => Just(Value::Null), 1 => Just(json!("null")), 2 => some]
}

/// Members that decide about a pod, each with values of which some are refused.
fn rare() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        6 => Just(("tomorrow", json!({"": [{}, null, -0.5, 1e300]}))),
        1 => select(vec![
            ("hostNetwork", json!(true)),
            ("hostNetwork", json!(false)),
            ("hostPID", json!(true)),
            ("hostIPC", json!(true)),
            ("shareProcessNamespace", json!(true)),
            ("shareProcessNamespace", json!(false)),
            ("os", json!({"name": "linux"})),
            ("os", json!({"name": "windows"})),
            ("imagePullSecrets", json!([{"name": "pull"}, {"tomorrow": 1}])),
            ("securityContext", json!({"runAsUser": 65533})),
            ("securityContext", json!({"runAsNonRoot": false, "sysctls": []})),
            ("resources", json!({"limits": {"cpu": "2", "memory": "4Gi"}})),
            ("resources", json!({"requests": {"cpu": "1m"}})),
            ("readinessGates", json!([])),
            ("nodeSelector", json!({})),
            ("ephemeralContainers", json!([])),
            ("restartPolicy", json!("Never")),
            ("tolerations", json!([{"operator": "Exists"}])),
        ]),
    ]
}

fn pod() -> impl Strategy<Value = Value> {
    (
        annotations(),
        containers(),
        init_containers(),
        volumes(),
        // Room for each hook that sleeps: with less the API server takes the pod for the drain alone.
        member(json!([8, 17, 55, 600])),
        member(json!([true, false])),
        prop::collection::vec(rare(), 1..3),
        // At times one says that it listens on a port of the proxy's, or has its name.
        0..30_u8,
    )
        .prop_map(
            |(annotations, containers, init, volumes, grace, token, rare, odds)| {
                let mut pod =
                    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {}});
                set(&mut pod["metadata"], "annotations", annotations);
                let spec = &mut pod["spec"];
                spec["containers"] = containers;
                set(spec, "initContainers", init);
                set(spec, "volumes", volumes);
                set(spec, "terminationGracePeriodSeconds", grace);
                set(spec, "automountServiceAccountToken", token);
                for (name, value) in rare {
                    spec[name] = value;
                }
                if let Some(last) = spec["containers"]
                    .as_array_mut()
                    .and_then(|all| all.last_mut())
                {
                    match odds {
                        0 => last["ports"] = json!([{"containerPort": 9103}]),
                        1 => last["name"] = json!("mcp-proxy"),
                        _ => (),
                    }
                }
                pod
            },
        )
}
