//! Who may write what a proxy reads, and what the operator may do to pods.

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use mcp_e2e::{Cluster, Namespace, proxy, server, wait};
use serde_json::{Value, json};

/// A client of a user with ClusterRole `edit` in the namespace.
async fn editor(namespace: &Namespace) -> anyhow::Result<Cluster> {
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": {"name": "editor"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}],
    }))?;
    namespace
        .api::<RoleBinding>()
        .create(&PostParams::default(), &binding)
        .await?;
    let cluster = namespace
        .cluster
        .as_user("eve", &["system:authenticated"])
        .await?;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &namespace.name);
    let probe: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "evesown"}}))?;
    wait::until("eve's rights", || async {
        match maps.create(&PostParams::default(), &probe).await {
            Ok(_) => Ok(Some(())),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
            Err(error) => Err(error.into()),
        }
    })
    .await?;
    Ok(cluster)
}

fn code<T: std::fmt::Debug>(answer: Result<T, kube::Error>) -> (u16, String) {
    match answer {
        Err(kube::Error::Api(status)) => (status.code, status.message),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_editor_cannot_change_what_the_proxies_enforce() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "editor").await?;
    let pods = namespace.governed_server("weather", 1).await?;
    let revision = proxy::revision(&pods[0]).await?;
    let eve = editor(&namespace).await?;
    let maps: Api<ConfigMap> = Api::namespaced(eve.client.clone(), &namespace.name);
    let document = crds::names::policy_config_map("weather");

    // Every free shard name, with the keys that matter.
    for n in 0..crds::names::SESSION_SHARDS {
        let shard: ConfigMap = serde_json::from_value(json!({
            "metadata": {"name": crds::names::session_shard_config_map("weather", n)},
            "data": {"policy.json": "{}", "sessions.ndjson.gz": "x"},
        }))?;
        let (status, message) = code(maps.create(&PostParams::default(), &shard).await);
        assert!((400..500).contains(&status), "{status}");
        assert!(message.contains("operator"), "no remedy: {message}");
    }
    // The document itself.
    let patch = json!({"data": {"policy.json": "{}"}});
    let (status, message) = code(
        maps.patch(&document, &PatchParams::default(), &Patch::Merge(&patch))
            .await,
    );
    assert!(
        (400..500).contains(&status) && message.contains("operator"),
        "{status}: {message}"
    );
    // Deleting is free (garbage collection needs it), and without effect: the operator puts it
    // back, the mount keeps its content meanwhile.
    let before = maps.get(&document).await?.metadata.uid;
    maps.delete(&document, &DeleteParams::default()).await?;
    wait::until("the document to be back", || async {
        let found = maps.get_opt(&document).await?;
        Ok(found.filter(|map| map.metadata.uid != before).map(|_| ()))
    })
    .await?;
    assert_eq!(proxy::revision(&pods[0]).await?, revision);
    let answer = server::call(&pods[0], server::caller("session")).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_account_may_touch_pods_and_nothing_else() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "touch").await?;
    let pods = namespace.governed_server("weather", 1).await?;
    let operator = cluster
        .as_user(
            &crds::names::operator_username(),
            &[
                "system:serviceaccounts",
                "system:serviceaccounts:mcp-runtime",
                "system:authenticated",
            ],
        )
        .await?;
    let api: Api<Pod> = Api::namespaced(operator.client.clone(), &namespace.name);
    let patch = async |value: Value| {
        let params = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        // Merged by names, so that the pod stays one that only the policy refuses.
        api.patch(&pods[0].name, &params, &Patch::Strategic(&value))
            .await
    };
    patch(json!({"metadata": {"annotations": {"mcpruntime.org/policy-touch": "abc.1"}}})).await?;
    let nothing_else = "change nothing of a pod but annotation mcpruntime.org/policy-touch: \
                        spec, labels, owners or finalizers differ";
    for (refused, told) in [
        (
            json!({"metadata": {"annotations": {"other": "x"}}}),
            "change no annotation of a pod but mcpruntime.org/policy-touch",
        ),
        (
            json!({"metadata": {"labels": {"other": "x"}}}),
            nothing_else,
        ),
        (
            json!({"metadata": {"finalizers": ["example.org/x"]}}),
            nothing_else,
        ),
        (
            json!({"spec": {"containers": [{"name": "weather", "image": "other:v1"}]}}),
            nothing_else,
        ),
    ] {
        let (status, message) = code(patch(refused.clone()).await);
        assert_eq!(status, 403, "{refused}: {message}");
        assert!(message.contains(told), "{refused}: {message}");
    }
    namespace.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_governed_labels_neither_come_nor_go_on_a_running_pod() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "labels").await?;
    let pods = namespace.governed_server("weather", 1).await?;
    for (patch, told) in [
        (
            json!({"metadata": {"labels": {"mcpruntime.org/gateway": null}}}),
            "label mcpruntime.org/gateway can't be put on, taken off or changed",
        ),
        (
            json!({"metadata": {"labels": {"mcpruntime.org/server": "other"}}}),
            "label mcpruntime.org/server can't be put on, taken off or changed",
        ),
        (
            json!({"spec": {"initContainers": [{"name": "mcp-proxy", "image": "evil:v1"}]}}),
            "the image of mcp-proxy stays as it is or becomes one of the platform's",
        ),
    ] {
        let params = PatchParams::default();
        let answer = namespace
            .api::<Pod>()
            .patch(&pods[0].name, &params, &Patch::Strategic(&patch))
            .await;
        let (status, message) = code(answer);
        assert_eq!(status, 403, "{patch}: {message}");
        assert!(message.contains(told), "{patch}: {message}");
    }
    namespace.delete().await
}
