//! `deploy/platform/webhook.yaml` and the webhooks: what makes admission no reason for a cluster to stop.

use clap::Parser as _;
use mcp_webhook::{AdmissionObject, Args, admission_objects};
use serde_json::{Value, json};

use crate::app::{path, read};

fn manifest(kind: &str) -> Value {
    let text = read(&path("../../deploy/platform/webhook.yaml"));
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let found = documents.into_iter().find(|found| found["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind}"))
}

/// Every webhook of both configurations, under its name.
fn webhooks() -> Vec<(String, Value)> {
    let configurations = admission_objects(&crds::Settings::default());
    configurations
        .iter()
        .filter(|object| {
            matches!(
                object,
                AdmissionObject::Mutating(_) | AdmissionObject::Validating(_)
            )
        })
        .flat_map(|object| object.to_json().unwrap()["webhooks"].as_array().cloned())
        .flatten()
        .map(|webhook| (webhook["name"].as_str().unwrap().to_owned(), webhook))
        .collect()
}

#[test]
fn a_rollout_or_a_drained_node_leaves_a_replica_that_answers() {
    let deployment = &manifest("Deployment")["spec"];
    assert!(deployment["replicas"].as_u64() >= Some(2));
    assert_eq!(
        deployment["strategy"]["rollingUpdate"],
        json!({"maxUnavailable": 0, "maxSurge": 1})
    );
    assert_eq!(manifest("PodDisruptionBudget")["spec"]["minAvailable"], 1);
    let spread = &deployment["template"]["spec"]["topologySpreadConstraints"][0];
    assert_eq!(spread["topologyKey"], "kubernetes.io/hostname");
    // Each ReplicaSet for itself: during a rollout the old one's pods don't count.
    assert_eq!(spread["matchLabelKeys"], json!(["pod-template-hash"]));
}

/// The role's flags as they are where nothing is said.
#[derive(clap::Parser)]
struct Flags {
    #[command(flatten)]
    args: Args,
}

#[test]
fn a_replica_that_goes_has_time_to_serve_on_and_to_finish() {
    let pod = &manifest("Deployment")["spec"]["template"]["spec"];
    let args = pod["containers"][0]["args"].to_string();
    assert!(!args.contains("shutdown-delay"), "the default counts here");
    let serve_on = Flags::parse_from(["webhook"]).args.shutdown_delay;
    // `DRAIN` in server.rs, and something for what can't be planned.
    let (finish, spare) = (10, 5);
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace >= serve_on + finish + spare, "{grace}");
    let probe = &pod["containers"][0]["readinessProbe"];
    let told = |member: &str| probe[member].as_u64().unwrap();
    let noticed = told("periodSeconds") * told("failureThreshold");
    assert!(noticed < serve_on, "endpoints lose it after {noticed} s");
}

#[test]
fn no_webhook_is_waited_for_long_or_asked_for_what_is_not_ours() {
    for (name, webhook) in webhooks() {
        let timeout = webhook["timeoutSeconds"].as_u64();
        assert!(timeout.is_some_and(|seconds| seconds <= 5), "{name}");
        assert_eq!(webhook["matchPolicy"], "Equivalent", "{name}");
        // The event about a refused pod, which a dry run doesn't get.
        let tells = name == "inject.mcpruntime.org";
        let effects = if tells { "NoneOnDryRun" } else { "None" };
        assert_eq!(webhook["sideEffects"], effects, "{name}");
        assert_eq!(webhook["admissionReviewVersions"], json!(["v1"]), "{name}");
        for rule in webhook["rules"].as_array().unwrap() {
            assert!(!rule.to_string().contains('*'), "{name}: {rule}");
            assert_eq!(rule["scope"], "Namespaced", "{name}");
        }
    }
}

/// What keeps the cluster running is never a webhook's to hold up, nor are our own pods.
#[test]
fn nothing_in_namespaces_of_the_system_waits_for_a_webhook() {
    let webhooks = webhooks();
    assert_eq!(webhooks.len(), 4);
    for (name, webhook) in webhooks {
        let mut namespaces = vec!["kube-system", "kube-node-lease", "kube-public"];
        if name == "inject.mcpruntime.org" {
            namespaces.push("mcp-runtime");
        }
        assert_eq!(
            webhook["namespaceSelector"],
            json!({"matchExpressions": [{
                "key": "kubernetes.io/metadata.name",
                "operator": "NotIn",
                "values": namespaces,
            }]}),
            "{name}"
        );
    }
}

#[test]
fn of_kubernetes_own_kinds_governed_pods_alone_are_asked_about() {
    for (name, webhook) in webhooks() {
        let rules = webhook["rules"].as_array().unwrap();
        if rules
            .iter()
            .all(|rule| rule["apiGroups"] == json!(["mcpruntime.org"]))
        {
            continue;
        }
        assert_eq!(name, "inject.mcpruntime.org");
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0]["resources"], json!(["pods"]));
        assert_eq!(
            webhook["objectSelector"],
            json!({"matchLabels": {"mcpruntime.org/gateway": "required"}})
        );
    }
}

#[test]
fn the_intact_proxy_is_asked_for_in_every_namespace() {
    for object in admission_objects(&crds::Settings::default()) {
        if object.name() == "mcp-runtime-intact-proxy" {
            let text = object.to_json().unwrap().to_string();
            assert!(!text.contains("namespaceSelector"), "{text}");
        }
    }
}
