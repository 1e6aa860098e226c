//! What owns a refused pod is told why.

use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use mcp_e2e::{Cluster, Namespace, objects, server, wait};
use serde_json::{Value, json};

const NOWHERE: &str = "{mcpruntime.org/gateway: required, mcpruntime.org/server: nowhere}";

/// The webhook's events: kind and name of what they are about, reason, note.
async fn told(namespace: &Namespace) -> anyhow::Result<Vec<[String; 4]>> {
    let ours = ListParams::default().fields("reportingController=mcp-runtime-webhook");
    let events = namespace.api::<Event>().list(&ours).await?;
    Ok(events
        .items
        .into_iter()
        .map(|event| {
            let about = event.regarding.unwrap_or_default();
            [about.kind, about.name, event.reason, event.note].map(Option::unwrap_or_default)
        })
        .collect())
}

/// An object of `kind` whose pods name a server that isn't there.
fn refused(api_version: &str, kind: &str, name: &str) -> Value {
    let mut pod: Value = serde_saphyr::from_str(&server::pod("x", NOWHERE)).unwrap();
    let labels = pod["metadata"]["labels"].take();
    let mut spec = json!({
        "template": {"metadata": {"labels": labels}, "spec": pod["spec"]},
    });
    match kind {
        "Job" => spec["template"]["spec"]["restartPolicy"] = json!("Never"),
        _ => spec["selector"] = json!({"matchLabels": labels}),
    }
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// A pod that says it is a Job's.
fn owned(owner: &str) -> String {
    let mut pod: Value = serde_saphyr::from_str(&server::pod(owner, NOWHERE)).unwrap();
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": owner,
        "uid": format!("00000000-0000-0000-0000-{:012}", owner.len()),
        "controller": true,
    }]);
    pod.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workload_of_a_refused_pod_gets_an_event_and_a_dry_run_none() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "events").await?;
    namespace.refused(&owned("dry")).await?;
    for object in [
        refused("apps/v1", "Deployment", "shop"),
        refused("batch/v1", "Job", "import"),
    ] {
        namespace.create_all(&object.to_string()).await?;
    }
    let created = namespace.create_all(&owned("wet-run")).await;
    let (status, message) = objects::refusal(&created.unwrap_err()).unwrap();
    assert_eq!(status, 403, "{message}");

    let note = format!(
        "ServerNotFound: metadata.labels[mcpruntime.org/server]: \"nowhere\": there is no MCPServer \
         of this name in namespace {}; apply the MCPServer first, or correct the label",
        namespace.name
    );
    let event = |kind: &str, name: &str| [kind, name, "ServerNotFound", &note].map(str::to_owned);
    let mut expected = vec![
        event("Deployment", "shop"),
        event("Job", "import"),
        event("Job", "wet-run"),
    ];
    expected.sort();
    wait::until_is(
        "one event for each workload, none for the dry run",
        || async {
            let mut told = told(&namespace).await?;
            told.sort();
            // Two replicas of the webhook may each have told.
            told.dedup();
            Ok(told)
        },
        |told| *told == expected,
    )
    .await?;
    namespace.delete().await
}
