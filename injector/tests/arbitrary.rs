//! Pods nobody would write, and any JSON at all.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::files::{patched, yaml};

/// Names that pods have, and names that need escaping.
fn key() -> impl Strategy<Value = String> {
    const KNOWN: [&str; 16] = [
        "metadata",
        "spec",
        "labels",
        "annotations",
        "name",
        "containers",
        "initContainers",
        "volumes",
        "ports",
        "env",
        "securityContext",
        "restartPolicy",
        "lifecycle",
        "preStop",
        "mcpruntime.org/injected",
        "mcpruntime.org/injected-over",
    ];
    prop_oneof!["[a-z/~.]{1,8}", select(&KNOWN[..]).prop_map(str::to_owned)]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!(2.5)),
        "[a-z/~$ü]{0,6}".prop_map(Value::from),
    ]
}

/// Any JSON.
pub(crate) fn anything() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(prop::collection::vec((key(), inner), 0..4)),
        ]
    })
}

fn members(list: impl Strategy<Value = Vec<(String, Value)>>) -> impl Strategy<Value = Value> {
    list.prop_map(|list| list.into_iter().collect::<Map<_, _>>().into())
}

/// Missing, null, or one of `strategy`.
fn maybe(strategy: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Value::Null)),
        3 => strategy.prop_map(Some),
    ]
    .boxed()
}

fn one_of(values: Value) -> impl Strategy<Value = Value> {
    let values: Vec<Value> = values.as_array().cloned().unwrap_or_default();
    select(values)
}

fn set(object: &mut Value, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object[name] = value;
    }
}

/// Every mixture of these members; made once, because making values is what takes time.
fn kinds() -> Vec<Value> {
    let members = [
        ("restartPolicy", json!([null, "Always"])),
        ("tomorrow", json!([null, {"a/b~": [null, 2.5]}])),
        (
            "ports",
            json!([null, [{"containerPort": 8080}], [{"containerPort": 1, "name": "x"}]]),
        ),
        (
            "resources",
            json!([null, {"requests": {"cpu": "70m", "odd/x": 1}}, {"limits": {"cpu": "1"}}]),
        ),
        (
            "lifecycle",
            json!([
                null,
                {},
                {"preStop": null},
                {"preStop": {"sleep": {"seconds": 7}}},
                {"preStop": {"exec": {"command": ["/bye"]}}},
                {"postStart": {"exec": {"command": ["/hello"]}}, "preStop": null},
                {"postStart": {}},
                "odd",
            ]),
        ),
    ];
    let mut kinds = vec![json!({"name": "", "image": "x"})];
    for (name, values) in members {
        let with = |kind: &Value, value: &Value| {
            let mut kind = kind.clone();
            kind[name] = value.clone();
            kind
        };
        let values = values.as_array().cloned().unwrap_or_default();
        let more: Vec<_> = kinds
            .iter()
            .flat_map(|kind| values.iter().map(|value| with(kind, value)))
            .collect();
        kinds.extend(more);
    }
    kinds
}

/// Mostly a few, at times up to fifty; one of two hundred has none; at times one on a port of ours.
fn containers(prefix: &'static str) -> impl Strategy<Value = Value> {
    let size = prop_oneof![30 => 1..4_usize, 1 => 1..51_usize];
    let kinds = prop::collection::vec(select(kinds()), 3);
    (size, kinds, 0..200_u8).prop_map(move |(size, kinds, rare)| {
        let size = if rare == 0 { 0 } else { size };
        let named = |(n, kind): (usize, &Value)| {
            let mut container = kind.clone();
            container["name"] = format!("{prefix}{n}").into();
            container
        };
        let all = kinds.iter().cycle().take(size).enumerate();
        let mut all: Vec<Value> = all.map(named).collect();
        if let (1..3, Some(last)) = (rare, all.last_mut()) {
            last["ports"] = json!([{"containerPort": 9103}]);
        }
        all.into()
    })
}

/// Volumes of others, at times with one or both of ours as injection makes them.
fn volumes() -> impl Strategy<Value = Value> {
    let ours = patched(&yaml("pods/batch.yaml"))["spec"]["volumes"].clone();
    let kinds = vec![
        json!({"name": "data", "emptyDir": {}}),
        json!({"name": "more", "tomorrow": [null, 2.5]}),
        ours[0].clone(),
        ours[1].clone(),
    ];
    prop::sample::subsequence(kinds, 0..=4).prop_map(Value::from)
}

fn annotations() -> impl Strategy<Value = Value> {
    let known = [
        ("mcpruntime.org/injected", json!("0.0.9@feed")),
        (
            "mcpruntime.org/injected-over",
            json!("{\"spec.volumes\":[]}"),
        ),
        ("mcpruntime.org/injected-over", json!("[")),
        ("a/b~c", json!("ü\"\\")),
        ("mcpruntime.org/drain-seconds", json!("7")),
        ("mcpruntime.org/drain-seconds", json!("45")),
        ("mcpruntime.org/proxy-cpu-request", json!("5m")),
        ("mcpruntime.org/proxy-cpu-request", json!("1")),
        ("mcpruntime.org/proxy-cpu-limit", json!("2.5")),
        ("mcpruntime.org/proxy-memory-request", json!("32Mi")),
        ("mcpruntime.org/proxy-memory-limit", json!("1e9")),
        ("mcpruntime.org/proxy-memory-limit", json!("lots")),
        ("kubectl.kubernetes.io/default-container", json!("c0")),
        ("kubectl.kubernetes.io/default-container", json!("other")),
        ("kubectl.kubernetes.io/default-container", Value::Null),
    ];
    let known = known.map(|(name, value)| (name.to_owned(), value));
    members(prop::sample::subsequence(known.to_vec(), 0..=5))
}

/// Members of a spec that no type of ours has.
fn odd() -> impl Strategy<Value = (&'static str, Value)> {
    select(vec![
        ("tomorrow", Value::Null),
        ("a/b~c", json!({"": [{}, null, -0.5, 1e300]})),
        ("ephemeralContainers", json!([{"name": "debug"}])),
        ("imagePullSecrets", json!([{"name": "mcp-policy"}])),
        ("hostNetwork", json!(false)),
        ("os", json!({"name": "linux"})),
        ("~1", json!([[], "mcp-proxy"])),
    ])
}

/// A governed pod of server `batch` without a proxy, with odd neighbours.
pub(crate) fn pod() -> impl Strategy<Value = Value> {
    let grace = one_of(json!([0, 17, 30, 55, 600]));
    let resources = (0..2000_u32).prop_map(|m| json!({"requests": {"cpu": format!("{m}m")}}));
    let rare = prop_oneof![9 => Just(None), 1 => resources.prop_map(Some)];
    (
        maybe(annotations()),
        containers("c"),
        maybe(containers("i")),
        maybe(volumes()),
        maybe(grace),
        rare,
        odd(),
        any::<bool>(),
    )
        .prop_map(
            |(annotations, containers, init, volumes, grace, resources, (name, odd), last)| {
                let mut pod = json!({
                    "metadata": {"labels": {
                        "mcpruntime.org/server": "batch",
                        "mcpruntime.org/gateway": "required",
                    }},
                    "spec": {},
                });
                set(&mut pod["metadata"], "annotations", annotations);
                let spec = &mut pod["spec"];
                if last {
                    spec["containers"] = containers.clone();
                }
                spec[name] = odd;
                set(spec, "terminationGracePeriodSeconds", grace);
                set(spec, "initContainers", init);
                set(spec, "volumes", volumes);
                set(spec, "resources", resources);
                spec["containers"] = containers;
                pod
            },
        )
}
