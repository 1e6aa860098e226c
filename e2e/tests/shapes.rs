//! Pods of every shape that people have, under an external server.

use injector::{Injection, inject};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, Patch, PatchParams};
use mcp_e2e::objects::{parse, refusal};
use mcp_e2e::{Cluster, Namespace, conditions, judge, server, wait};
use serde_json::{Value, json};

/// A pod of server `theirs`.
fn pod(name: &str) -> anyhow::Result<Value> {
    let pod = &parse(&server::pod(name, &server::labels("theirs")))?[0];
    Ok(serde_json::to_value(pod)?)
}

/// A controller of this kind with one pod.
fn controller(kind: &str, extra: Value) -> anyhow::Result<Value> {
    let pod = pod("x")?;
    let name = kind.to_lowercase();
    let mut labels = pod["metadata"]["labels"].clone();
    labels["app"] = json!(name);
    let mut spec = json!({
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": labels}, "spec": pod["spec"]},
    });
    for (member, value) in extra.as_object().into_iter().flatten() {
        spec[member] = value.clone();
    }
    Ok(json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}))
}

/// An init container: a native sidecar that waits, or one that ends at once.
fn init(name: &str, image: &str, sidecar: bool) -> Value {
    let mut container = json!({
        "name": name,
        "image": image,
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
    });
    if sidecar {
        // The platform's own webhook without a cluster: it listens and waits.
        container["restartPolicy"] = json!("Always");
        container["image"] = json!(server::STATELESS_IMAGE);
        container["args"] = json!(["-http", "127.0.0.1:7777"]);
        container["command"] = json!(["/everything-server"]);
    } else {
        container["command"] = json!(["/mcp-runtime", "--help"]);
    }
    container
}

/// The pods that are let through.
async fn shapes(namespace: &Namespace, image: &str) -> anyhow::Result<Vec<Value>> {
    let mut shapes = vec![
        controller("Deployment", json!({"replicas": 1}))?,
        controller(
            "StatefulSet",
            json!({"replicas": 1, "serviceName": "theirs"}),
        )?,
        controller("DaemonSet", json!({}))?,
    ];
    let mut generated = pod("x")?;
    generated["metadata"]["name"] = Value::Null;
    generated["metadata"]["generateName"] = json!("generated-");
    shapes.push(generated);

    let mut after = pod("sidecar-after")?;
    after["spec"]["initContainers"] =
        json!([init("log", image, true), init("prepare", image, false)]);
    shapes.push(after);

    // It comes with its proxy, and somebody put a sidecar before that.
    let settings = namespace.cluster.settings().await?;
    let theirs = namespace.api::<crds::MCPServer>().get("theirs").await?;
    let theirs = crds::parse(&theirs, &settings).unwrap();
    let mut before = pod("sidecar-before")?;
    let Injection::Patch { ops, .. } = inject(&before, &theirs, &settings)? else {
        anyhow::bail!("not injected");
    };
    json_patch::patch(&mut before, &ops)?;
    let containers = before["spec"]["initContainers"].as_array_mut().unwrap();
    containers.insert(0, init("log", image, true));
    shapes.push(before);

    let mut whole = pod("pod-level-resources")?;
    whole["spec"]["resources"] = json!({
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"cpu": "2", "memory": "1Gi"},
    });
    shapes.push(whole);

    let mut secrets = pod("pull-secrets")?;
    secrets["spec"]["imagePullSecrets"] = json!([{"name": "registry"}]);
    shapes.push(secrets);
    Ok(shapes)
}

fn is_ready(pod: &Value) -> bool {
    conditions::holds(&pod["status"], "Ready")
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_every_shape_run_behind_the_proxy() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "shapes").await?;
    let image = cluster.proxy_image().await?;
    namespace.external_server("theirs").await?;
    let shapes = shapes(&namespace, &image).await?;
    for shape in &shapes {
        namespace.create_all(&shape.to_string()).await?;
    }
    let pods = wait::until_is(
        "every shape to be ready",
        || namespace.pods_as_json(),
        |pods| pods.len() == shapes.len() && pods.iter().all(is_ready),
    )
    .await?;
    for pod in &pods {
        assert_eq!(judge::flaws(pod, &image), Vec::<String>::new(), "{pod}");
        let init = &pod["spec"]["initContainers"];
        let before = pod["metadata"]["name"] == "sidecar-before";
        assert_eq!(init[usize::from(before)]["name"], "mcp-proxy", "{init}");
    }
    ephemeral(&namespace, "pull-secrets", &image).await?;
    namespace.delete().await
}

/// Debugging a governed pod stops short of its proxy.
async fn ephemeral(namespace: &Namespace, pod: &str, image: &str) -> anyhow::Result<()> {
    let pods = namespace.api::<Pod>();
    let add = async |target: &str| {
        let mut container = init("debug", image, false);
        container["targetContainerName"] = json!(target);
        let patch = json!({"spec": {"ephemeralContainers": [container]}});
        let patch: Patch<Value> = Patch::Strategic(patch);
        pods.patch_ephemeral_containers(pod, &PatchParams::default(), &patch)
            .await
    };
    let refused = anyhow::Error::from(add("mcp-proxy").await.unwrap_err());
    let (status, message) = refusal(&refused).unwrap();
    assert_eq!(status, 403, "{message}");
    assert!(
        message.contains("an ephemeral container can't have mcp-proxy as its target"),
        "{message}"
    );
    add("app").await?;
    wait::until("the ephemeral container to run", || async {
        let pod = serde_json::to_value(pods.get(pod).await?)?;
        let state = &pod["status"]["ephemeralContainerStatuses"][0]["state"];
        let ran = !state["running"].is_null() || !state["terminated"].is_null();
        Ok(ran.then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_governed_pod_on_the_nodes_network_is_refused() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    // The restricted profile would refuse it too, after us.
    let namespace = Namespace::create_with_profile(&cluster, "hostnet", "privileged").await?;
    namespace.external_server("theirs").await?;
    let mut pod = pod("host")?;
    pod["spec"]["hostNetwork"] = json!(true);
    let (status, message) = namespace.refused(&pod.to_string()).await?;
    assert_eq!(status, 403, "{message}");
    assert!(
        message.contains("HostNetwork: spec.hostNetwork"),
        "{message}"
    );
    namespace.delete().await
}

/// A namespace with bounds: containers without resources get the defaults, the proxy has its own,
/// and what is too much is told with the figures.
#[tokio::test(flavor = "multi_thread")]
async fn limits_and_quotas_of_a_namespace_count_the_proxy() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "bounds").await?;
    let image = cluster.proxy_image().await?;
    namespace.external_server("theirs").await?;
    let range = |max: &str| {
        json!({
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "range"},
            "spec": {"limits": [{
                "type": "Container",
                "max": {"memory": max},
                "default": {"cpu": "100m", "memory": "16Mi"},
                "defaultRequest": {"cpu": "10m", "memory": "16Mi"},
            }]},
        })
    };
    namespace.create_all(&range("1Gi").to_string()).await?;
    let governed = pod("governed")?.to_string();
    let created = wait::until_is(
        "the defaults",
        || namespace.dry_run(&governed),
        |pod: &DynamicObject| {
            pod.data["spec"]["containers"][0]["resources"]["limits"]["memory"] == "16Mi"
        },
    )
    .await?;
    assert_eq!(
        judge::flaws(&serde_json::to_value(&created)?, &image),
        Vec::<String>::new()
    );
    let proxy = created.data["spec"]["initContainers"][0]["resources"].clone();
    println!("the proxy under a LimitRange: {proxy}");

    namespace
        .patch::<k8s_openapi::api::core::v1::LimitRange>("range", range("16Mi"))
        .await?;
    let told = told(&namespace, &governed).await?;
    println!("too little for the proxy: {told}");
    let limit = proxy["limits"]["memory"].as_str().unwrap();
    assert!(
        told.contains("maximum memory usage per Container is 16Mi"),
        "{told}"
    );
    assert!(told.contains(&format!("limit is {limit}")), "{told}");
    namespace
        .patch::<k8s_openapi::api::core::v1::LimitRange>("range", range("1Gi"))
        .await?;

    let quota = json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "quota"},
        "spec": {"hard": {"requests.cpu": "10m"}},
    });
    namespace.create_all(&quota.to_string()).await?;
    let told = told_otherwise(&namespace, &governed, "exceeded quota").await?;
    println!("too little for both: {told}");
    assert!(told.contains("requested: requests.cpu="), "{told}");
    assert!(told.contains("limited: requests.cpu=10m"), "{told}");
    namespace.delete().await
}

/// The refusal, once there is one.
async fn told(namespace: &Namespace, pod: &str) -> anyhow::Result<String> {
    told_otherwise(namespace, pod, "maximum memory usage").await
}

/// The refusal that says so, once there is one.
async fn told_otherwise(namespace: &Namespace, pod: &str, what: &str) -> anyhow::Result<String> {
    wait::until(&format!("a refusal that says {what}"), || async {
        let refused = namespace.dry_run(pod).await.err();
        let said = refused.as_ref().and_then(refusal);
        Ok(said
            .map(|(_, message)| message)
            .filter(|m| m.contains(what)))
    })
    .await
}
