//! `spec.workload: external`: pods that somebody else runs, behind a server's gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crds::MCPServer;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::DeleteParams;
use mcp_e2e::{Cluster, Namespace, cluster, conditions, denied, mcp, sdk, server, wait};
use serde_json::{Value, json};

const OTHER: &str =
    "{team: theirs, mcpruntime.org/gateway: required, mcpruntime.org/server: weather}";

/// The example of the documentation; hostless routes are the whole cluster's, so it gets a name
/// of this process's own.
fn example(name: &str) -> String {
    let path = cluster::root().join("deploy/examples/external.yaml");
    std::fs::read_to_string(path)
        .unwrap()
        .replace("library", name)
        .replacen(
            "spec:\n",
            &format!("spec:\n  publicPathPrefix: {name}\n"),
            1,
        )
}

/// A Deployment of the user's, with `pod` as its template.
fn deployment(name: &str, replicas: u32, pod: &str) -> String {
    let mut template: Value = serde_saphyr::from_str(pod).unwrap();
    let labels = template["metadata"]["labels"].take();
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {
                    "labels": labels,
                    "annotations": {"mcpruntime.org/drain-seconds": "5"},
                },
                "spec": template["spec"],
            },
        },
    })
    .to_string()
}

/// Waits for a phase.
async fn phase(namespace: &Namespace, name: &str, wanted: &str) -> anyhow::Result<Value> {
    wait::until_is(
        &format!("{name} in phase {wanted}"),
        || namespace.status(name),
        |status| status["phase"] == wanted,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_of_the_users_own_joins_the_server() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "external").await?;
    let name = format!("library{}", std::process::id());
    namespace.create_all(&example(&name)).await?;
    let pods = namespace.await_governed_pods(&name, 1).await?;
    let status = namespace.await_enforced(&name).await?;
    let ready = conditions::of(&status, "DeploymentReady");
    assert_eq!(ready["status"], "True", "{ready}");
    assert_eq!(ready["reason"], "External", "{ready}");
    assert_eq!(status["replicas"], 1, "{status}");
    let ours = namespace.api::<Deployment>().get_opt(&name).await?;
    assert!(ours.is_none(), "a Deployment was made");

    let url = format!("{}/{name}/mcp", cluster.url);
    let session = format!("{name}-session");
    let call = ["call", url.as_str(), "echo", r#"{"message": "hello"}"#];
    let allowed = wait::until_is(
        "the route at the ingress controller",
        || sdk::client(server::caller(&session), &call),
        |answer: &Value| answer["text"].is_string(),
    )
    .await?;
    assert_eq!(allowed["text"], "Echo: hello", "{allowed}");
    let denied = sdk::client(server::caller("nobody"), &call).await?;
    assert!(denied.to_string().contains("session_not_found"), "{denied}");

    namespace.revoke(&session).await?;
    denied::everywhere(&pods, &session, "session_revoked").await?;
    let denied = sdk::client(server::caller(&session), &call).await?;
    assert!(denied.to_string().contains("session_revoked"), "{denied}");

    // A pod by hand joins too.
    let labels = OTHER.replace("weather", &name);
    namespace
        .create_all(&server::pod("by-hand", &labels))
        .await?;
    namespace.await_governed_pods(&name, 2).await?;
    let status = namespace.await_enforced(&name).await?;
    assert_eq!(status["replicas"], 2, "{status}");
    namespace
        .api::<Pod>()
        .delete("by-hand", &DeleteParams::default())
        .await?;
    let none = json!({"spec": {"replicas": 0}});
    namespace
        .patch::<Deployment>(&format!("{name}-pods"), none)
        .await?;
    let status = phase(&namespace, &name, "Pending").await?;
    assert_eq!(
        conditions::of(&status, "DeploymentReady")["status"],
        "False"
    );
    namespace.delete().await
}

/// Calls the server's Service, one connection a call, until told to stop.
async fn call_on(address: SocketAddr, stop: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let (mut calls, mut failures) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        calls += 1;
        let caller = server::caller("session");
        match mcp::call_tool(address, caller, server::TOOL, json!({})).await {
            Ok(answer) if answer.status == 200 => (),
            Ok(answer) => failures.push(format!("{}: {}", answer.status, answer.body)),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    (calls, failures)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_changes_hands_and_back_while_it_is_called() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "handover").await?;
    let made = namespace.governed_server("weather", 1).await?;
    let service = namespace.api::<Service>().get("weather").await?;
    let address = service.spec.and_then(|spec| spec.cluster_ip).unwrap();
    let address = SocketAddr::new(address.parse()?, 80);
    let stop = Arc::new(AtomicBool::new(false));
    let caller = tokio::spawn(call_on(address, Arc::clone(&stop)));

    let deployments = namespace.api::<Deployment>();
    namespace
        .patch::<MCPServer>("weather", json!({"spec": {"workload": "external"}}))
        .await?;
    wait::until_is(
        "DeploymentReady False/NoPods",
        || namespace.status("weather"),
        |status| conditions::of(status, "DeploymentReady")["reason"] == "NoPods",
    )
    .await?;
    assert_eq!(namespace.ready_pods("weather").await?, made);
    namespace
        .create_all(&deployment(
            "theirs",
            2,
            &server::pod("theirs", OTHER).replace(
                "      securityContext:",
                "      readinessProbe: {tcpSocket: {port: 8088}, periodSeconds: 1}\n      securityContext:",
            ),
        ))
        .await?;
    wait::until("the operator's Deployment to go", || async {
        let found = deployments.get_opt("weather").await?;
        Ok(found.is_none().then_some(()))
    })
    .await?;
    let pods = namespace.await_governed_pods("weather", 2).await?;
    assert!(!pods.contains(&made[0]), "{pods:?}");
    let status = namespace.await_enforced("weather").await?;
    assert_eq!(
        conditions::of(&status, "DeploymentReady")["reason"],
        "External"
    );

    namespace
        .patch::<MCPServer>("weather", json!({"spec": {"workload": "managed"}}))
        .await?;
    namespace.await_pods("weather", 1).await?;
    let (status, message) = namespace.refused(&server::pod("late", OTHER)).await?;
    assert_eq!(status, 403, "{message}");
    assert!(message.contains("NotThisServersPod"), "{message}");
    deployments
        .delete("theirs", &DeleteParams::default())
        .await?;
    wait::until_is(
        "the operator's pod alone",
        || namespace.governed_pods("weather"),
        |pods| pods.len() == 1,
    )
    .await?;
    let status = namespace.await_enforced("weather").await?;
    assert_eq!(
        conditions::of(&status, "DeploymentReady")["reason"],
        "Available"
    );

    stop.store(true, Ordering::Relaxed);
    let (calls, failures) = caller.await?;
    println!("calls during two changes of hands: {calls}");
    assert!(calls > 0 && failures.is_empty(), "{calls}: {failures:?}");
    namespace.delete().await
}
