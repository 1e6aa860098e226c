//! Every shape a pod can have. `README.md` beside this lists them, each with its test.

use mcp_injector::{Code, Injection, uninject};
use serde_json::{Value, json};

use crate::files::{injected, patched, path, pod, read};

/// Injects, and sees that nothing else changed.
fn proxied(pod: &Value) -> Value {
    let after = patched(pod);
    assert_eq!(uninject(&after).unwrap().to_string(), pod.to_string());
    after
}

fn patch_bytes(pod: &Value) -> usize {
    match injected(pod) {
        Injection::Patch { ops, .. } => serde_json::to_vec(&ops).unwrap().len(),
        other => panic!("{other:?}"),
    }
}

fn names(containers: &Value) -> Vec<&str> {
    let containers = containers.as_array().unwrap();
    containers
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect()
}

#[test]
fn pods_of_every_controller_and_of_none_get_the_proxy() {
    let pods: Vec<Value> = serde_saphyr::from_multiple(&read("pods/controllers.yaml")).unwrap();
    assert_eq!(pods.len(), 5);
    for pod in pods {
        let after = proxied(&pod);
        let proxy = &after["spec"]["initContainers"][0];
        assert_eq!(
            (&proxy["name"], &proxy["restartPolicy"]),
            (&json!("mcp-proxy"), &json!("Always"))
        );
        assert_eq!(after["spec"]["restartPolicy"], pod["spec"]["restartPolicy"]);
        assert_eq!(
            after["metadata"]["finalizers"],
            pod["metadata"]["finalizers"]
        );
    }
}

#[test]
fn nothing_depends_on_a_name_that_a_pod_has_yet_to_get() {
    let generated = pod("plain");
    let mut named = generated.clone();
    let metadata = named["metadata"].as_object_mut().unwrap();
    metadata.remove("generateName");
    metadata.insert("name".into(), "everything-6d5f9c7b8-x2x4z".into());
    assert_eq!(injected(&named), injected(&generated));
}

#[test]
fn the_proxy_starts_before_sidecars_and_init_containers_of_others() {
    let mut pod = pod("plain");
    pod["spec"]["initContainers"] = json!([
        {"name": "mesh", "image": "mesh:1", "restartPolicy": "Always", "startupProbe": {"exec": {"command": ["/up"]}}},
        {"name": "fetch", "image": "fetch:1"},
        {"name": "tunnel", "image": "tunnel:1", "restartPolicy": "Always"},
    ]);
    let after = proxied(&pod);
    assert_eq!(
        names(&after["spec"]["initContainers"]),
        ["mcp-proxy", "mesh", "fetch", "tunnel"]
    );
}

#[test]
fn ephemeral_containers_stay_as_they_are() {
    let mut pod = pod("plain");
    pod["spec"]["ephemeralContainers"] =
        json!([{"name": "debug", "image": "sh:1", "targetContainerName": "everything"}]);
    assert_eq!(
        proxied(&pod)["spec"]["ephemeralContainers"],
        pod["spec"]["ephemeralContainers"]
    );
}

#[test]
fn pull_secrets_are_the_pods_own() {
    let mut pod = pod("plain");
    pod["spec"]["imagePullSecrets"] = json!([{"name": "registry"}]);
    assert_eq!(
        proxied(&pod)["spec"]["imagePullSecrets"],
        json!([{"name": "registry"}])
    );
}

#[test]
fn fields_newer_than_any_of_our_types_stay() {
    let mut pod = pod("plain");
    pod["spec"]["containers"][0]["restartPolicyRules"] =
        json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]);
    pod["spec"]["containers"][0]["ports"][0]["tomorrow"] = json!({"a": [null, 1.5]});
    pod["spec"]["initContainers"] =
        json!([{"name": "fetch", "image": "fetch:1", "tomorrow": null}]);
    pod["spec"]["aFieldOfTomorrow"] = json!({"x": {}});
    let after = proxied(&pod);
    assert_eq!(after["spec"]["containers"], pod["spec"]["containers"]);
    assert_eq!(
        after["spec"]["initContainers"][1],
        pod["spec"]["initContainers"][0]
    );
    assert_eq!(
        after["spec"]["aFieldOfTomorrow"],
        pod["spec"]["aFieldOfTomorrow"]
    );
}

#[test]
fn a_pod_that_as_a_whole_asks_for_enough_gets_the_proxy() {
    let mut pod = pod("plain");
    pod["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "1", "memory": "1G"}});
    for requests in [
        json!({"cpu": "1050m", "memory": "2Gi"}),
        json!({"cpu": 2}),
        json!({"memory": "not a quantity"}),
        json!({}),
        json!(null),
    ] {
        pod["spec"]["resources"] = json!({"requests": requests});
        proxied(&pod);
    }
}

#[test]
fn the_proxy_asks_for_what_limit_ranges_and_quotas_want_said() {
    let resources = &proxied(&pod("plain"))["spec"]["initContainers"][0]["resources"];
    for (kind, resource) in [
        ("requests", "cpu"),
        ("requests", "memory"),
        ("limits", "cpu"),
        ("limits", "memory"),
    ] {
        assert!(resources[kind][resource].is_string(), "{kind} {resource}");
    }
}

#[test]
fn an_amount_without_an_annotation_is_the_servers() {
    let plain = proxied(&pod("plain"));
    for (name, kind, resource, value) in [
        ("proxy-cpu-request", "requests", "cpu", "500m"),
        ("proxy-cpu-limit", "limits", "cpu", "0.05"),
        ("proxy-memory-request", "requests", "memory", "268435456"),
        ("proxy-memory-limit", "limits", "memory", "2Gi"),
    ] {
        let mut pod = pod("plain");
        let annotation = format!("mcpruntime.org/{name}");
        pod["metadata"]["annotations"] = json!({ annotation.as_str(): value });
        let after = proxied(&pod);
        let mut expected = plain.clone();
        expected["metadata"]["annotations"][annotation] = value.into();
        expected["spec"]["initContainers"][0]["resources"][kind][resource] = value.into();
        assert_eq!(after, expected, "{name}");
    }
}

#[test]
fn a_pod_that_as_a_whole_asks_for_enough_for_the_annotated_proxy_gets_it() {
    let mut pod = pod("sized");
    pod["spec"]["resources"] = json!({"requests": {"cpu": "5m", "memory": "16Mi"}});
    proxied(&pod);
}

#[test]
fn the_proxy_meets_the_restricted_pod_security_standard() {
    let after = proxied(&pod("plain"));
    assert_eq!(
        after["spec"]["initContainers"][0]["securityContext"],
        json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsGroup": 65533,
            "runAsNonRoot": true,
            "runAsUser": 65533,
            "seccompProfile": {"type": "RuntimeDefault"},
        })
    );
    let allowed = ["configMap", "emptyDir", "projected", "secret"];
    for volume in after["spec"]["volumes"].as_array().unwrap() {
        let kind = volume
            .as_object()
            .unwrap()
            .keys()
            .find(|key| *key != "name")
            .unwrap();
        assert!(allowed.contains(&kind.as_str()), "{kind}");
    }
}

#[test]
fn a_very_large_pod_gets_the_same_patch_as_a_small_one() {
    let small = pod("plain");
    let mut large = small.clone();
    let env: Vec<Value> = (0..1500)
        .map(|n| json!({"name": format!("V{n}"), "value": "x".repeat(40)}))
        .collect();
    large["spec"]["containers"][0]["env"] = json!(env);
    for n in 0..200 {
        let container = json!({"name": format!("c{n}"), "image": "x", "ports": [{"containerPort": 10_000 + n}]});
        large["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .push(container);
    }
    assert!(large.to_string().len() > 100_000);
    proxied(&large);
    assert_eq!(patch_bytes(&large), patch_bytes(&small));
    assert!(patch_bytes(&small) < 6_000, "{}", patch_bytes(&small));
}

#[test]
fn a_proxy_that_was_taken_out_is_put_in_again_and_the_way_back_is_known() {
    let mut pod = proxied(&pod("drain"));
    pod["spec"]
        .as_object_mut()
        .unwrap()
        .shift_remove("initContainers");
    let after = proxied(&pod);
    assert_eq!(injected(&after), Injection::Allow(Code::AlreadyInjected));
}

#[test]
fn every_row_of_the_list_names_tests_that_exist() {
    let sources = ["tests", "src", "../cli/tests", "../cli/src/inject"];
    let mut known = String::new();
    for folder in sources {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "rs" || extension == "yaml")
            {
                known.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let list = std::fs::read_to_string(path("README.md")).unwrap();
    let rows: Vec<&str> = list
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2)
        .collect();
    assert!(rows.len() > 20);
    for row in rows {
        let cell = row.trim_matches(['|', ' ']).rsplit('|').next().unwrap();
        let tests: Vec<&str> = cell
            .split(';')
            .map(|test| test.trim().trim_matches('`'))
            .collect();
        for test in tests {
            let is_there = known.contains(&format!("fn {test}("))
                || known.contains(&format!("- name: {test}\n"))
                || known.contains(&format!("  name: {test}\n"));
            assert!(is_there, "{row}: no test {test:?}");
        }
    }
}
