//! The NetworkPolicy of a governed server, on a network that enforces it. What is closed is tried from
//! other pods: a node's own connections to its pods are allowed by the API's definition.

use crds::{MCPServer, names};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::DeleteParams;
use mcp_e2e::pods::ReadyPod;
use mcp_e2e::{Cluster, Namespace, server, wait};
use serde_json::json;

/// A pod that does nothing but wait for `kubectl exec`.
const CALLER: &str = "apiVersion: v1
kind: Pod
metadata:
  name: caller
  labels: {app: caller}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  securityContext:
    runAsNonRoot: true
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: caller
      image: mcp-cluster-probe:1
      imagePullPolicy: IfNotPresent
      args: [serve, ':8080', /]
      securityContext:
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL]}
";

/// What came of an attempt to talk HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Something answered, whatever it said.
    Open,
    /// Nothing came back, twice in a row.
    Closed,
}

/// Waits until a pod there may call.
async fn caller(namespace: &Namespace) -> anyhow::Result<()> {
    namespace.create_all(CALLER).await?;
    namespace.await_pods("caller", 1).await.map(drop)
}

/// Whether the caller in `from` gets an answer from a port of `pod`. On a busy machine one may come
/// too late, so it takes two that don't come to say that the way is closed.
async fn look(from: &Namespace, pod: &ReadyPod, port: i32) -> anyhow::Result<Way> {
    for _ in 0..2 {
        if is_answered(from, pod, port).await? {
            return Ok(Way::Open);
        }
    }
    Ok(Way::Closed)
}

async fn is_answered(from: &Namespace, pod: &ReadyPod, port: i32) -> anyhow::Result<bool> {
    let url = format!("http://{}:{port}/", pod.ip);
    let arguments = [
        "-n", &from.name, "exec", "caller", "--", "/probe", "get", &url,
    ];
    let ended = from.cluster.kubectl(&arguments, "").await?;
    // The probe tells a status that isn't 200 by its number.
    if ended.ok || ended.stderr.contains(&format!("probe: {url}: ")) {
        return Ok(true);
    }
    // Of the probe alone: kubectl has timeouts of its own.
    let unanswered = ended.stderr.lines().any(|line| {
        line.starts_with(&format!("probe: Get {url:?}: "))
            && line.contains("Client.Timeout exceeded")
    });
    anyhow::ensure!(unanswered, "neither answered nor silent: {ended:?}");
    Ok(false)
}

/// Waits until the way is as expected: a policy takes a moment to be enforced.
async fn expect(from: &Namespace, pod: &ReadyPod, port: i32, way: Way) -> anyhow::Result<()> {
    let what = format!("{way:?} way from {} to port {port}", from.name);
    wait::until_is(&what, || look(from, pod, port), |seen| *seen == way)
        .await
        .map(drop)
}

/// Takes the policy away, also when the operator put it back before it saw that it is to pause.
async fn without_policy(namespace: &Namespace) -> anyhow::Result<()> {
    let policies = namespace.api::<NetworkPolicy>();
    if policies.get_opt("weather").await?.is_some() {
        policies.delete("weather", &DeleteParams::default()).await?;
    }
    Ok(())
}

/// The pod of a governed server of one replica.
async fn first_pod(namespace: &Namespace) -> anyhow::Result<ReadyPod> {
    let mut pods = namespace.governed_server("weather", 1).await?;
    Ok(pods.remove(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_port_is_closed_to_other_pods_and_the_gateways_is_open() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let own = Namespace::create(&cluster, "network").await?;
    let other = Namespace::create(&cluster, "elsewhere").await?;
    caller(&own).await?;
    caller(&other).await?;
    let pod = first_pod(&own).await?;
    for from in [&own, &other] {
        expect(from, &pod, names::DEFAULT_GATEWAY_PORT, Way::Open).await?;
        expect(from, &pod, names::PROXY_METRICS_PORT, Way::Open).await?;
        expect(from, &pod, names::DEFAULT_PORT, Way::Closed).await?;
    }

    // The control: the same connections get through where there is no policy. A paused server's
    // isn't put back.
    let annotations = json!({"metadata": {"annotations": {names::ANNOTATION_PAUSED: "true"}}});
    own.patch::<MCPServer>("weather", annotations).await?;
    for from in [&own, &other] {
        let what = format!("a way from {} where there is no policy", from.name);
        wait::until_is(
            &what,
            || async {
                without_policy(&own).await?;
                look(from, &pod, names::DEFAULT_PORT).await
            },
            |seen| *seen == Way::Open,
        )
        .await?;
    }

    let annotations = json!({"metadata": {"annotations": {names::ANNOTATION_PAUSED: null}}});
    own.patch::<MCPServer>("weather", annotations).await?;
    for from in [&own, &other] {
        expect(from, &pod, names::DEFAULT_PORT, Way::Closed).await?;
    }
    other.delete().await?;
    own.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_namespaces_call_and_delivery_is_still_confirmed() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let own = Namespace::create(&cluster, "listed").await?;
    let listed = Namespace::create(&cluster, "caller").await?;
    caller(&own).await?;
    caller(&listed).await?;
    let pod = first_pod(&own).await?;
    let gateway = json!({"allowFrom": [listed.name], "monitoringNamespaces": [listed.name]});
    own.patch::<MCPServer>("weather", json!({"spec": {"gateway": gateway}}))
        .await?;
    for port in [names::DEFAULT_GATEWAY_PORT, names::PROXY_METRICS_PORT] {
        expect(&own, &pod, port, Way::Closed).await?;
        expect(&listed, &pod, port, Way::Open).await?;
    }
    for from in [&own, &listed] {
        expect(from, &pod, names::DEFAULT_PORT, Way::Closed).await?;
    }
    assert_eq!(own.ready_pods("weather").await?, [pod]);

    // A new policy revision is asked for on 9103, from the operator's namespace, which isn't listed.
    let before = own.await_enforced("weather").await?;
    own.create_all(&server::session("another", "weather"))
        .await?;
    wait::until_is(
        "the next revision to be enforced",
        || own.await_enforced("weather"),
        |status| status["enforcedPolicyRevision"] != before["enforcedPolicyRevision"],
    )
    .await?;
    listed.delete().await?;
    own.delete().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kubelet_still_probes_the_servers_port() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "probes").await?;
    caller(&namespace).await?;
    let old = first_pod(&namespace).await?;
    expect(&namespace, &old, names::DEFAULT_PORT, Way::Closed).await?;
    // The next pod comes under the policy from its beginning, and gets Ready by a probe of that port.
    let pods = namespace.api::<Pod>();
    pods.delete(&old.name, &DeleteParams::default()).await?;
    let new = wait::until_is(
        "another ready pod",
        || namespace.ready_pods("weather"),
        |ready| ready.len() == 1 && ready[0].name != old.name,
    )
    .await?;
    let pod = serde_json::to_value(pods.get(&new[0].name).await?)?;
    let probe = &pod["spec"]["containers"][0]["readinessProbe"]["tcpSocket"];
    assert_eq!(probe["port"], names::DEFAULT_PORT, "{pod}");
    expect(&namespace, &new[0], names::DEFAULT_PORT, Way::Closed).await?;
    namespace.delete().await
}
