//! The policies' list of proxy images without the one that is injected.

use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use kube::api::{Api, Patch, PatchParams};
use mcp_e2e::objects::refusal;
use mcp_e2e::{Cluster, Namespace, server, wait};
use serde_json::{Value, json};

use super::GOVERNED;

const POLICY: &str = "mcp-runtime-intact-proxy";

/// Puts `expression` in the place of the list; answers what was there.
async fn list(api: &Api<ValidatingAdmissionPolicy>, expression: &str) -> anyhow::Result<String> {
    let policy = api.get(POLICY).await?.spec.unwrap();
    let variables = policy.variables.unwrap();
    let at = variables.iter().position(|v| v.name == "images").unwrap();
    let change = json!([{
        "op": "replace",
        "path": format!("/spec/variables/{at}/expression"),
        "value": expression,
    }]);
    let patch: Patch<Value> = Patch::Json(serde_json::from_value(change)?);
    api.patch(POLICY, &PatchParams::default(), &patch).await?;
    Ok(variables[at].expression.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_injected_image_that_the_policy_does_not_list_is_refused() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let namespace = Namespace::create(&cluster, "images").await?;
    let external =
        server::server("weather", 1).replace("  image:", "  workload: external\n  image:");
    namespace.create_all(&external).await?;
    let pod = server::pod("governed", GOVERNED);
    namespace.dry_run(&pod).await?;
    let api: Api<ValidatingAdmissionPolicy> = Api::all(cluster.client.clone());
    let before = list(&api, "['registry.example.org/other:v1']").await?;
    let refused = wait::until("the policy's refusal", || async {
        Ok(namespace.dry_run(&pod).await.err())
    })
    .await;
    list(&api, &before).await?;
    let (status, message) = refusal(&refused?).unwrap();
    assert_eq!(status, 403, "{message}");
    assert!(
        message.contains("mcp-proxy's image isn't one of the platform's"),
        "{message}"
    );
    wait::until("the pod to be accepted again", || async {
        Ok(namespace.dry_run(&pod).await.ok())
    })
    .await?;
    namespace.delete().await
}
