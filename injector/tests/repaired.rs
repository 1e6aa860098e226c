//! What webhooks that are called after us do, and what is mended.

use mcp_injector::{Code, Injection};
use serde_json::{Value, json};

use crate::files::{injected, patched, pod};

fn mended(pod: &Value) -> Value {
    let Injection::Patch { code, ops } = injected(pod) else {
        panic!("{:?}", injected(pod));
    };
    assert_eq!(code, Code::Repaired);
    let mut pod = pod.clone();
    json_patch::patch(&mut pod, &ops).unwrap();
    assert_eq!(injected(&pod), Injection::Allow(Code::AlreadyInjected));
    pod
}

fn init(pod: &mut Value) -> &mut Vec<Value> {
    pod["spec"]["initContainers"].as_array_mut().unwrap()
}

#[test]
fn a_dropped_restart_policy_is_put_back() {
    let full = patched(&pod("plain"));
    let mut stripped = full.clone();
    init(&mut stripped)[0]
        .as_object_mut()
        .unwrap()
        .remove("restartPolicy");
    assert_eq!(mended(&stripped), full);
}

#[test]
fn an_init_container_put_first_goes_behind_the_proxy() {
    let mut pod = patched(&pod("plain"));
    let secrets = json!({"name": "secrets", "image": "secrets:1", "unknown": [null]});
    init(&mut pod).insert(0, secrets.clone());
    let mut expected = pod.clone();
    init(&mut expected).swap(0, 1);
    assert_eq!(mended(&pod), expected);
}

#[test]
fn a_native_sidecar_put_first_may_stay() {
    let mut pod = patched(&pod("plain"));
    let mesh = json!({"name": "mesh", "image": "mesh:1", "restartPolicy": "Always"});
    init(&mut pod).insert(0, mesh);
    assert_eq!(injected(&pod), Injection::Allow(Code::AlreadyInjected));
}

#[test]
fn a_lost_annotation_is_written_again() {
    let full = patched(&pod("plain"));
    let mut bare = full.clone();
    bare["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    assert_eq!(mended(&bare), full);
}

#[test]
fn a_changed_variable_is_no_accident() {
    let mut pod = patched(&pod("plain"));
    init(&mut pod)[0]["env"][6]["value"] = "elsewhere".into();
    let Injection::Deny(denial) = injected(&pod) else {
        panic!("{:?}", injected(&pod));
    };
    assert_eq!(denial.code, Code::TamperedSidecar);
    assert!(denial.message.contains("MCP_CLUSTER_NAME"), "{denial}");
}

#[test]
fn a_container_added_on_the_proxys_port_is_named_and_not_the_proxy() {
    let mut pod = patched(&pod("plain"));
    let containers = pod["spec"]["containers"].as_array_mut().unwrap();
    containers.push(json!({"name": "taker", "image": "x", "ports": [{"containerPort": 9103}]}));
    let Injection::Deny(denial) = injected(&pod) else {
        panic!("{:?}", injected(&pod));
    };
    assert_eq!(denial.code, Code::PortConflict);
    assert_eq!(denial.field, "spec.containers[taker].ports");
}

#[test]
fn annotations_of_the_proxys_size_that_come_later_change_nothing() {
    for value in ["100m", "not a quantity"] {
        let mut pod = patched(&pod("plain"));
        pod["metadata"]["annotations"]["mcpruntime.org/proxy-cpu-request"] = value.into();
        assert_eq!(injected(&pod), Injection::Allow(Code::AlreadyInjected));
    }
}

#[test]
fn what_the_api_server_fills_in_is_no_change() {
    let mut pod = patched(&pod("plain"));
    let proxy = &mut init(&mut pod)[0];
    proxy["imagePullPolicy"] = "Always".into();
    proxy["terminationMessagePath"] = "/dev/termination-log".into();
    proxy["resources"]["limits"]["cpu"] = "1".into();
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        proxy[probe]["httpGet"]["scheme"] = "HTTP".into();
        proxy[probe]["successThreshold"] = 1.into();
    }
    pod["spec"]["volumes"][0]["projected"]["defaultMode"] = 420.into();
    pod["spec"]["volumes"][1]["secret"]["defaultMode"] = 420.into();
    assert_eq!(injected(&pod), Injection::Allow(Code::AlreadyInjected));
}
