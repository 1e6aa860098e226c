//! Pods nobody would write.

use json_patch::PatchOperation;
use std::sync::LazyLock;

use mcp_injector::{Code, Injection, inject};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::files::{server, settings};

static SERVER: LazyLock<crds::Server> = LazyLock::new(|| server("batch"));

/// Any JSON, with names that need escaping and names that pods have.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z/~$ü]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..4)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z/~.]{1,8}",
        prop::sample::select(vec![
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
        ])
        .prop_map(str::to_owned),
    ]
}

fn maybe(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop_oneof![Just(None), Just(Some(Value::Null)), value.prop_map(Some)].boxed()
}

fn container(prefix: &'static str) -> impl Strategy<Value = Value> {
    let restart = prop_oneof![Just(None), Just(Some("Always"))];
    (
        0..1000_u32,
        1..65_536_i64,
        restart,
        maybe(anything()),
        anything(),
    )
        .prop_map(move |(n, port, restart, lifecycle, extra)| {
            let mut container = json!({
                "name": format!("{prefix}{n}"),
                "image": "x",
                "ports": [{ "containerPort": port }],
                "tomorrow": extra,
            });
            if let Some(restart) = restart {
                container["restartPolicy"] = restart.into();
            }
            if let Some(lifecycle) = lifecycle {
                container["lifecycle"] = lifecycle;
            }
            container
        })
}

/// A governed pod of server `batch`, with odd neighbours.
fn pod() -> impl Strategy<Value = Value> {
    let annotations = prop::collection::vec(("[a-z/~.]{1,12}", "[a-z\u{fc}]{0,5}"), 0..4)
        .prop_map(|members| {
            members
                .into_iter()
                .collect::<std::collections::BTreeMap<_, _>>()
        })
        .prop_map(|members| json!(members));
    let list =
        |item: BoxedStrategy<Value>| maybe(prop::collection::vec(item, 0..4).prop_map(Value::from));
    let volume = (0..1000_u32).prop_map(|n| json!({"name": format!("v{n}"), "emptyDir": {}}));
    (
        maybe(annotations),
        prop::collection::vec(container("c"), 1..5),
        list(container("i").boxed()),
        list(volume.boxed()),
        prop_oneof![Just(None), Just(Some(7_u32))],
        anything(),
    )
        .prop_map(|(annotations, containers, init, volumes, drain, extra)| {
            let mut pod = json!({
                "metadata": {"labels": {
                    "mcpruntime.org/server": "batch",
                    "mcpruntime.org/gateway": "required",
                }},
                "spec": {"containers": containers, "tomorrow": extra},
            });
            if let Some(annotations) = annotations {
                pod["metadata"]["annotations"] = annotations;
            }
            if let Some(drain) = drain {
                pod["metadata"]["annotations"]["mcpruntime.org/drain-seconds"] =
                    drain.to_string().into();
            }
            if let Some(init) = init {
                pod["spec"]["initContainers"] = init;
            }
            if let Some(volumes) = volumes {
                pod["spec"]["volumes"] = volumes;
            }
            pod
        })
}

/// Whether everything in `before` is in `after`: members, and items in their order.
fn keeps(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::Null, _) => true,
        (Value::Object(before), Value::Object(after)) => before
            .iter()
            .all(|(name, value)| after.get(name).is_some_and(|found| keeps(value, found))),
        (Value::Array(before), Value::Array(after)) => {
            let mut rest = after.iter();
            before
                .iter()
                .all(|item| rest.any(|found| keeps(item, found)))
        }
        _ => before == after,
    }
}

proptest! {
    #[test]
    fn any_json_at_all_gets_an_answer(value in anything()) {
        let _ = inject(&value, &SERVER, &settings());
    }

    #[test]
    fn any_json_under_the_labels_gets_an_answer(mut pod in pod(), odd in anything(), at in key()) {
        pod["spec"][at] = odd;
        let _ = inject(&pod, &SERVER, &settings());
    }

    #[test]
    fn a_patch_adds_applies_keeps_and_is_final(pod in pod()) {
        let (server, settings) = (&*SERVER, settings());
        match inject(&pod, server, &settings).unwrap() {
            Injection::Patch { code, ops } => {
                prop_assert_eq!(code, Code::Injected);
                prop_assert!(ops.iter().all(|op| matches!(op, PatchOperation::Add(_))));
                let mut after = pod.clone();
                json_patch::patch(&mut after, &ops).unwrap();
                prop_assert!(keeps(&pod, &after), "{after}");
                let proxy = &after["spec"]["initContainers"][0]["name"];
                prop_assert_eq!(proxy, "mcp-proxy");
                let again = inject(&after, server, &settings).unwrap();
                prop_assert_eq!(again, Injection::Allow(Code::AlreadyInjected));
            }
            Injection::Deny(denial) => prop_assert_eq!(denial.code, Code::PortConflict),
            Injection::Allow(code) => prop_assert!(false, "{}", code),
        }
    }
}
