//! From one image of the platform to another while servers run, and back.

use std::net::SocketAddr;

use anyhow::Context as _;
use crds::MCPServer;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{Api, DeleteParams, ListParams};
use mcp_e2e::always::then_always;
use mcp_e2e::load::{self, Way};
use mcp_e2e::objects::{dry_run, refusal};
use mcp_e2e::pods::ReadyPod;
use mcp_e2e::{Cluster, Namespace, conditions, server, wait};
use serde_json::{Value, json};

/// To the server whose availability is watched.
const CALLS_A_SECOND: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_brings_the_new_proxy_and_refuses_nothing_that_runs() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "upgrade").await?;
    let old = cluster.proxy_image().await?;
    // e2e/install loads the same programs under this name.
    let new = format!("{old}-next");
    then_always(upgrade(&namespace, &old, &new), cluster.setup(&old)).await?;
    namespace.delete().await
}

async fn upgrade(namespace: &Namespace, old: &str, new: &str) -> anyhow::Result<()> {
    let cluster = &namespace.cluster;
    for (name, replicas, session) in [("auto", 2, "session"), ("manual", 1, "manual-session")] {
        let upgrades = format!("spec:\n  rollout: {{proxyUpgrade: {name}}}\n");
        let yaml = [
            server::server(name, replicas).replace("spec:\n", &upgrades),
            server::grant(&format!("{name}-grant"), name),
            server::session(session, name),
        ];
        namespace.create_all(&yaml.join("---\n")).await?;
    }
    let batch = "  workload: external\n  gateway:";
    let batch = server::server("batch", 1).replace("  gateway:", batch);
    namespace.create_all(&batch).await?;
    namespace.create_all(&job("batch")).await?;
    let auto = namespace.await_pods("auto", 2).await?;
    let manual = namespace.await_pods("manual", 1).await?;
    namespace.await_enforced("auto").await?;
    namespace.await_enforced("manual").await?;
    let job_pod = job_pod(namespace).await?;
    await_proxies(namespace, "auto", json!({"current": 2, "outdated": 0})).await?;

    let calls = load::start(through_service(namespace, "auto").await?, CALLS_A_SECOND);
    cluster.setup(new).await?;

    // While some pod has the old image, pods with either are let in.
    let images = cluster.settings().await?.proxy_images;
    assert_eq!(images.first().map(String::as_str), Some(new));
    assert!(images.iter().any(|image| image == old), "{images:?}");
    namespace
        .api::<Pod>()
        .create(&dry_run(), &sibling(&job_pod, old)?)
        .await
        .context("a pod with the old image")?;
    await_accepted(namespace, &sibling(&job_pod, new)?).await?;

    // Old pods are reached by revocation, changed, finished and deleted as before.
    namespace.revoke("manual-session").await?;
    wait::until_is(
        "the old pod to deny the revoked session",
        || async {
            let answer = server::call(&manual[0], server::caller("manual-session")).await?;
            Ok(answer.reason().map(str::to_owned))
        },
        |reason| reason.as_deref() == Some("session_revoked"),
    )
    .await?;
    namespace
        .patch::<Pod>(
            &manual[0].name,
            json!({"metadata": {"annotations": {"example.com/note": "old"}}}),
        )
        .await?;
    finish_job(namespace, &job_pod).await?;

    // The one server rolls by itself and answers all the while.
    await_image(namespace, "auto", 2, new).await?;
    await_proxies(namespace, "auto", json!({"current": 2, "outdated": 0})).await?;
    let calls = calls.end().await?;
    assert_eq!(calls.lost, Vec::<String>::new(), "{calls:?}");
    println!("an upgrade: {} calls, none lost", calls.answered);
    let rolled = namespace.ready_pods("auto").await?;
    assert!(auto.iter().all(|pod| !rolled.contains(pod)), "{rolled:?}");

    // The other says that it is outdated until something else rolls it.
    await_proxies(namespace, "manual", json!({"current": 0, "outdated": 1})).await?;
    assert_eq!(
        gateway_reason(namespace, "manual").await?,
        "ProxiesOutdated"
    );
    assert_eq!(namespace.ready_pods("manual").await?, manual);
    let change = json!({"spec": {"envVars": [{"name": "A", "value": "b"}]}});
    namespace.patch::<MCPServer>("manual", change).await?;
    await_image(namespace, "manual", 1, new).await?;
    await_proxies(namespace, "manual", json!({"current": 1, "outdated": 0})).await?;

    // Nothing runs the old image any more.
    await_refused_image(cluster, old).await?;
    wait::until_is(
        "the settings without the old image",
        || async { Ok(cluster.settings().await?.proxy_images) },
        |images| !images.iter().any(|image| image == old),
    )
    .await?;
    let old_again = sibling(&job_pod, old)?;
    let message = wait::until("a pod with the old image to be refused", || async {
        match namespace.api::<Pod>().create(&dry_run(), &old_again).await {
            Ok(_) => Ok(None),
            Err(error) => Ok(Some(refusal(&error.into()).context("no verdict")?.1)),
        }
    })
    .await?;
    assert!(message.contains("image"), "{message}");
    let sibling = sibling(&job_pod, new)?;
    let accepted = namespace.api::<Pod>().create(&dry_run(), &sibling).await;
    accepted.context("a pod with the new image")?;
    Ok(())
}

/// A Job whose pod belongs to a server, and runs until it is deleted.
fn job(server: &str) -> String {
    let labels = format!("{{mcpruntime.org/gateway: required, mcpruntime.org/server: {server}}}");
    let pod = server::pod("batch", &labels);
    let (_, spec) = pod.split_once("spec:\n").unwrap_or_default();
    let spec: String = spec.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: batch\nspec:\n  template:\n    \
         metadata:\n      labels: {labels}\n    spec:\n      restartPolicy: Never\n{spec}"
    )
}

async fn job_pod(namespace: &Namespace) -> anyhow::Result<Pod> {
    let labels = ListParams::default().labels("batch.kubernetes.io/job-name=batch");
    wait::until("the Job's pod to run", || async {
        let pods = namespace.api::<Pod>().list(&labels).await?.items;
        Ok(pods.into_iter().find(|pod| {
            let phase = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            phase == Some("Running")
        }))
    })
    .await
}

/// The Job's controller takes its finalizer off the pod, then the pod goes.
async fn finish_job(namespace: &Namespace, pod: &Pod) -> anyhow::Result<()> {
    let finalizers = pod.metadata.finalizers.clone().unwrap_or_default();
    assert_eq!(finalizers, ["batch.kubernetes.io/job-tracking"]);
    namespace
        .api::<Job>()
        .delete("batch", &DeleteParams::background())
        .await?;
    let name = pod.metadata.name.clone().unwrap_or_default();
    wait::until("the Job's pod to be gone", || async {
        let found = namespace.api::<Pod>().get_opt(&name).await?;
        Ok(found.is_none().then_some(()))
    })
    .await
}

/// A pod as its controller would make another, but with a proxy of this image.
fn sibling(pod: &Pod, image: &str) -> anyhow::Result<Pod> {
    let mut value = serde_json::to_value(pod)?;
    value["status"] = Value::Null;
    value["metadata"] = json!({
        "name": "sibling",
        "labels": {
            "mcpruntime.org/gateway": "required",
            "mcpruntime.org/server": "batch",
        },
    });
    value["spec"]["nodeName"] = Value::Null;
    value["spec"]["initContainers"][0]["image"] = json!(image);
    Ok(serde_json::from_value(value)?)
}

/// Waits while replicas of the webhook that are on their way out refuse an image newer than they are.
async fn await_accepted(namespace: &Namespace, pod: &Pod) -> anyhow::Result<()> {
    wait::until("a pod with the new image to be let in", || async {
        match namespace.api::<Pod>().create(&dry_run(), pod).await {
            Ok(_) => Ok(Some(())),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(None),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

async fn await_proxies(namespace: &Namespace, server: &str, counts: Value) -> anyhow::Result<()> {
    let what = format!("proxies of {server}: {counts}");
    wait::until_is(
        &what,
        || namespace.status(server),
        |status| status["proxies"] == counts,
    )
    .await
    .map(drop)
}

async fn gateway_reason(namespace: &Namespace, server: &str) -> anyhow::Result<String> {
    let status = namespace.status(server).await?;
    let reason = &conditions::of(&status, "GatewayReady")["reason"];
    Ok(reason.as_str().unwrap_or_default().to_owned())
}

/// Waits until exactly `count` pods of the server are ready, all with this image.
async fn await_image(
    namespace: &Namespace,
    server: &str,
    count: usize,
    image: &str,
) -> anyhow::Result<Vec<ReadyPod>> {
    wait::until_is(
        &format!("{count} pods of {server} with {image}"),
        || async {
            let mut images = Vec::new();
            for pod in namespace.ready_pods(server).await? {
                let Some(object) = namespace.api::<Pod>().get_opt(&pod.name).await? else {
                    continue;
                };
                let object = serde_json::to_value(object)?;
                images.push(object["spec"]["initContainers"][0]["image"].clone());
            }
            Ok(images)
        },
        |images| images.len() == count && images.iter().all(|found| found == image),
    )
    .await?;
    namespace.await_pods(server, count).await
}

/// Waits until no admission policy lets the image in any more.
async fn await_refused_image(cluster: &Cluster, image: &str) -> anyhow::Result<()> {
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(cluster.client.clone());
    wait::until(&format!("policies without {image}"), || async {
        let mut without = true;
        for name in [
            "mcp-runtime-intact-proxy",
            "mcp-runtime-intact-proxy-update",
        ] {
            let spec = policies.get(name).await?.spec.unwrap_or_default();
            let variables = spec.variables.unwrap_or_default();
            let images = variables.iter().find(|variable| variable.name == "images");
            let images = images.context("no list of images")?;
            without &= !images.expression.contains(&format!("'{image}'"));
        }
        Ok(without.then_some(()))
    })
    .await
}

/// Calls to the server's Service, each over a connection of its own.
async fn through_service(namespace: &Namespace, server: &str) -> anyhow::Result<Way> {
    let service = namespace.api::<Service>().get(server).await?;
    let spec = service.spec.context("a Service without spec")?;
    let ip = spec.cluster_ip.context("no address")?.parse()?;
    let port = u16::try_from(crds::names::DEFAULT_SERVICE_PORT)?;
    Ok(Way {
        name: "service",
        address: SocketAddr::new(ip, port),
        path: "/mcp".to_owned(),
        kept: false,
        tool: server::TOOL,
    })
}
