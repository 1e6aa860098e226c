//! Pods that get a proxy: the whole patch of each.

use mcp_injector::{Code, Injection, uninject};
use serde_json::{Value, json};

use crate::files::{golden, injected, patched, pod};

fn patch_of(name: &str) -> Value {
    match injected(&pod(name)) {
        Injection::Patch { code, ops } => json!({ "code": code.as_str(), "patch": ops }),
        other => panic!("{name}: {other:?}"),
    }
}

fn is_golden(name: &str) {
    golden(&format!("golden/{name}.yaml"), &patch_of(name));
}

#[test]
fn a_plain_pod_gets_the_proxy_its_volumes_and_annotations() {
    is_golden("plain");
}

#[test]
fn a_rich_pod_keeps_what_it_has() {
    is_golden("rich");
}

#[test]
fn null_lists_and_maps_count_as_absent() {
    is_golden("nulls");
}

#[test]
fn the_servers_own_settings_reach_the_container() {
    is_golden("notes");
}

#[test]
fn drain_seconds_give_the_containers_a_hook_and_the_pod_time() {
    is_golden("drain");
}

#[test]
fn the_proxy_has_the_cpu_and_memory_that_the_pods_annotations_say() {
    is_golden("sized");
}

#[test]
fn injecting_again_changes_nothing() {
    for name in ["plain", "rich", "nulls", "notes", "drain", "sized"] {
        let once = patched(&pod(name));
        assert_eq!(
            injected(&once),
            Injection::Allow(Code::AlreadyInjected),
            "{name}"
        );
    }
}

#[test]
fn what_was_injected_can_be_taken_out_again() {
    for name in ["plain", "rich", "nulls", "notes", "drain", "sized"] {
        let pod = pod(name);
        let back = uninject(&patched(&pod)).unwrap();
        assert_eq!(back.to_string(), pod.to_string(), "{name}");
    }
}

#[test]
fn a_pod_without_the_label_is_left_alone() {
    let mut plain = pod("plain");
    for value in [json!(null), json!("no"), json!("Required"), json!(true)] {
        plain["metadata"]["labels"]["mcpruntime.org/gateway"] = value;
        assert_eq!(injected(&plain), Injection::Allow(Code::NotGoverned));
    }
}

#[test]
fn a_volume_that_is_exactly_ours_is_not_added_twice() {
    let full = patched(&pod("plain"));
    let mut without_proxy = full.clone();
    without_proxy["spec"]["initContainers"] = json!([]);
    let again = patched(&without_proxy);
    assert_eq!(again["spec"], full["spec"]);
    assert_eq!(uninject(&again).unwrap(), without_proxy);
}

#[test]
fn without_an_image_in_the_settings_it_is_a_fault_and_no_denial() {
    let settings = crds::Settings::default();
    let server = crate::files::server("everything");
    let fault = mcp_injector::inject(&pod("plain"), &server, &settings).unwrap_err();
    assert!(matches!(fault, mcp_injector::Fault::NoImage), "{fault}");
}

#[test]
fn an_image_that_left_the_list_is_a_fault_and_no_denial() {
    let mut settings = crate::files::settings();
    let server = crate::files::server("notes");
    settings.proxy_images = vec!["registry.example.org/mcp-runtime:v2".into()];
    let fault = mcp_injector::inject(&pod("notes"), &server, &settings).unwrap_err();
    assert!(
        matches!(&fault, mcp_injector::Fault::NotIntact(breach) if breach.clause == "image"),
        "{fault}"
    );
}
