//! Every clause of every admission policy, on the real API server with the webhook's configuration
//! removed: with it, a pod that isn't intact is repaired or refused before a policy sees it. The
//! operator is stopped: what refuses is the API server, by itself.
//!
//! The cases are those that the crates' own tests run through their Rust twins.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use mcp_e2e::always::then_always;
use mcp_e2e::objects::dry_run;
use mcp_e2e::{Cluster, Namespace, cluster, objects, platform, server, wait};
use serde::Deserialize;
use serde_json::{Value, json};

const OPERATOR: &str = "system:serviceaccount:mcp-runtime:mcp-runtime-operator";

/// A case of either file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    change: json_patch::Patch,
    #[serde(default)]
    clause: Option<String>,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default, rename = "as")]
    account: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    subresource: Option<String>,
    #[serde(default)]
    bind: Option<String>,
    #[serde(default)]
    labels: Option<Value>,
    #[serde(default)]
    create: Option<Value>,
    #[serde(default)]
    message: Option<String>,
}

fn read<T: for<'de> Deserialize<'de>>(path: &str, image: &str) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(cluster::root().join(path))?;
    // The files name images of a platform that isn't this one.
    let text = text
        .replace("registry.example.org/mcp-runtime:v2", image)
        .replace("registry.example.org/mcp-runtime:v1", image);
    Ok(serde_saphyr::from_str(&text)?)
}

/// The intact pod, as the policies want it in this namespace.
fn intact(namespace: &Namespace, image: &str) -> anyhow::Result<Value> {
    let mut pod: Value = read("injector/tests/intact/pod.yaml", image)?;
    let env = pod["spec"]["initContainers"][0]["env"]
        .as_array_mut()
        .unwrap();
    for variable in env {
        if variable["name"] == "MCP_SERVER_NAMESPACE" {
            variable["value"] = json!(namespace.name);
        }
    }
    Ok(pod)
}

/// Whether the answer is the case's.
fn judge(case: &Case, answer: Result<(), kube::Error>) -> Result<(), String> {
    match (answer, &case.message) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(message)) => Err(format!("{}: accepted; expected: {message}", case.name)),
        (Err(kube::Error::Api(status)), Some(message)) if status.message.contains(message) => {
            Ok(())
        }
        (Err(error), _) => Err(format!(
            "{}: {error}; expected: {:?}",
            case.name, case.message
        )),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_clause_refuses_what_it_is_for() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    // Cases ask for host namespaces, which the restricted profile would refuse first.
    let namespace = Namespace::create_with_profile(&cluster, "clauses", "privileged").await?;
    let image = cluster.proxy_image().await?;
    let refusals = async {
        let removed = cluster
            .remove_webhook::<MutatingWebhookConfiguration>()
            .await?;
        then_always(all(&namespace, &image), cluster.restore_webhook(&removed)).await
    };
    let failures = cluster.without(platform::OPERATOR, refusals).await?;
    assert!(failures.is_empty(), "{failures:#?}");
    namespace.delete().await
}

async fn all(namespace: &Namespace, image: &str) -> anyhow::Result<Vec<String>> {
    let pods: Api<Pod> = namespace.api();
    let pod = intact(namespace, image)?;
    let typed: Pod = serde_json::from_value(pod.clone())?;
    wait::until("the removed webhook to be forgotten", || async {
        Ok(pods.create(&dry_run(), &typed).await.ok())
    })
    .await?;
    let mut failures = on_create(namespace, &pod, image).await?;
    failures.extend(on_update(namespace, pod, image).await?);
    Ok(failures)
}

/// No policy looks at these two doors for labels, because the API server lets none through.
#[tokio::test(flavor = "multi_thread")]
async fn labels_sent_with_a_resize_or_an_ephemeral_container_are_dropped() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "doors").await?;
    let plain = server::pod("plain", "{app: plain}");
    let mut plain: Value = serde_saphyr::from_str(&plain)?;
    plain["spec"]["schedulerName"] = json!("nobody");
    plain["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "5m"}});
    namespace.create_all(&plain.to_string()).await?;
    let params = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let labels = json!({"labels": {"mcpruntime.org/gateway": "required"}});
    let requests = json!({"requests": {"cpu": "6m"}});
    let debug = json!({
        "name": "debug",
        "image": "busybox:1",
        "securityContext": plain["spec"]["containers"][0]["securityContext"],
    });
    for (door, spec) in [
        (
            "resize",
            json!({"containers": [{"name": "app", "resources": requests}]}),
        ),
        (
            "ephemeralcontainers",
            json!({"ephemeralContainers": [debug]}),
        ),
    ] {
        let patch = Patch::Strategic(json!({"metadata": labels, "spec": spec}));
        let pods = namespace.api::<Pod>();
        let pod: Pod = pods
            .patch_subresource(door, "plain", &params, &patch)
            .await?;
        let labels = serde_json::to_value(pod.metadata.labels)?;
        assert_eq!(labels, json!({"app": "plain"}), "{door}");
    }
    namespace.delete().await
}

/// The intact-proxy policy: each case is a change to the intact pod before it is created.
async fn on_create(namespace: &Namespace, pod: &Value, image: &str) -> anyhow::Result<Vec<String>> {
    let api = Api::<DynamicObject>::namespaced_with(
        namespace.cluster.client.clone(),
        &namespace.name,
        &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Pod")),
    );
    let cases: Vec<Case> = read("injector/tests/intact/cases.yaml", image)?;
    println!("clauses on creation: {} cases", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        assert_eq!(
            case.clause.is_some(),
            case.message.is_some(),
            "{}",
            case.name
        );
        let mut changed = pod.clone();
        json_patch::patch(&mut changed, &case.change)?;
        let object: DynamicObject = serde_json::from_value(changed)?;
        let answer = api.create(&dry_run(), &object).await.map(|_| ());
        failures.extend(judge(&case, answer).err());
    }
    Ok(failures)
}

/// The other policies: each case is a change to what is there, by somebody.
async fn on_update(namespace: &Namespace, pod: Value, image: &str) -> anyhow::Result<Vec<String>> {
    let operator = account(&namespace.cluster, OPERATOR).await?;
    let mut governed = pod;
    governed["metadata"]["name"] = json!("governed");
    governed["spec"]["schedulerName"] = json!("nobody");
    let mut plain = governed.clone();
    plain["metadata"]["name"] = json!("plain");
    plain["metadata"].as_object_mut().unwrap().remove("labels");
    plain["spec"]
        .as_object_mut()
        .unwrap()
        .remove("initContainers");
    let pods: Api<Pod> = namespace.api();
    for pod in [governed, plain] {
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?)
            .await?;
    }
    let document: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": "everything-gateway-policy"},
        "data": {"policy.json": "{}", "jwks.json": "{}"},
    }))?;
    let maps: Api<ConfigMap> = Api::namespaced(operator.client.clone(), &namespace.name);
    maps.create(&PostParams::default(), &document).await?;

    let cases: Vec<Case> = read("webhook/tests/policies.yaml", image)?;
    println!("clauses on change: {} cases", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        assert_eq!(
            case.policy.is_some(),
            case.message.is_some(),
            "{}",
            case.name
        );
        let who = match &case.account {
            Some(name) => account(&namespace.cluster, name).await?,
            None => namespace.cluster.clone(),
        };
        let answer = send(&who, namespace, &case).await?;
        failures.extend(judge(&case, answer).err());
    }
    Ok(failures)
}

async fn send(
    who: &Cluster,
    namespace: &Namespace,
    case: &Case,
) -> anyhow::Result<Result<(), kube::Error>> {
    if let Some(object) = &case.create {
        let object: DynamicObject = serde_json::from_value(object.clone())?;
        let api = objects::dynamic(who, &object, Some(&namespace.name)).await?;
        return Ok(api.create(&dry_run(), &object).await.map(|_| ()));
    }
    if let Some(pod) = &case.bind {
        let binding = json!({
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod, "labels": case.labels},
            "target": {"kind": "Node", "name": "some"},
        });
        let pods: Api<Pod> = Api::namespaced(who.client.clone(), &namespace.name);
        let params = dry_run();
        let answer = pods.create_subresource::<_, Value>("binding", pod, &params, &binding);
        return Ok(answer.await.map(|_| ()));
    }
    let params = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let patch: Patch<Value> = Patch::Json(case.change.clone());
    let target = case.to.as_deref().unwrap_or_default();
    if target == "document" {
        let maps: Api<ConfigMap> = Api::namespaced(who.client.clone(), &namespace.name);
        let answer = maps
            .patch("everything-gateway-policy", &params, &patch)
            .await;
        return Ok(answer.map(|_| ()));
    }
    let pods: Api<Pod> = Api::namespaced(who.client.clone(), &namespace.name);
    Ok(match case.subresource.as_deref() {
        Some("status") => pods.patch_status(target, &params, &patch).await.map(|_| ()),
        Some(other) => pods
            .patch_subresource(other, target, &params, &patch)
            .await
            .map(|_| ()),
        None => pods.patch(target, &params, &patch).await.map(|_| ()),
    })
}

/// The cluster as a ServiceAccount sees it; cases of accounts without rights get the
/// administrator's group besides, so that it is the policy that refuses.
async fn account(cluster: &Cluster, name: &str) -> anyhow::Result<Cluster> {
    let namespace = name.split(':').nth(2).unwrap_or_default();
    let group = format!("system:serviceaccounts:{namespace}");
    cluster
        .as_user(
            name,
            &[
                "system:serviceaccounts",
                &group,
                "system:authenticated",
                "system:masters",
            ],
        )
        .await
}
