//! Waiting for conditions of the cluster, each with a deadline and the last thing seen.

use std::time::Duration;

use anyhow::{Context as _, bail};
use crds::{Settings, names};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::{Condition, await_condition, conditions};
use kube::{Api, Client};

use super::apply::plain;
use super::probe;

/// How often an answer is asked for that no watch can tell.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// The API server serves all three resources.
pub(super) async fn crds_established(client: &Client, deadline: Duration) -> anyhow::Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds::crds() {
        let name = crd.metadata.name.context("a resource without name")?;
        let established = await_condition(api.clone(), &name, conditions::is_crd_established());
        tokio::time::timeout(deadline, established)
            .await
            .with_context(|| format!("{name} wasn't established within {deadline:?}"))??;
    }
    Ok(())
}

/// Whether some pod of the Deployment takes work; false where there is none.
pub(super) async fn works(client: &Client, name: &str) -> anyhow::Result<bool> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), names::PLATFORM_NAMESPACE);
    let found = api.get_opt(name).await;
    let found = found.with_context(|| format!("reading Deployment {name}"))?;
    let status = found.and_then(|deployment| deployment.status);
    Ok(status.is_some_and(|status| status.available_replicas.unwrap_or(0) > 0))
}

/// The Deployment's newest template runs with every replica available.
pub(super) async fn rolled_out(
    client: &Client,
    name: &str,
    deadline: Duration,
) -> anyhow::Result<()> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), names::PLATFORM_NAMESPACE);
    let done = await_condition(api, name, is_rolled_out());
    tokio::time::timeout(deadline, done)
        .await
        .with_context(|| {
            format!("{name} isn't available after {deadline:?}; see: kubectl -n {} describe deployment,pods -l app.kubernetes.io/name={name}", names::PLATFORM_NAMESPACE)
        })??;
    Ok(())
}

fn is_rolled_out() -> impl Condition<Deployment> {
    |object: Option<&Deployment>| {
        object.is_some_and(|deployment| {
            let wanted = deployment
                .spec
                .as_ref()
                .and_then(|spec| spec.replicas)
                .unwrap_or(1);
            deployment.status.as_ref().is_some_and(|status| {
                status.observed_generation >= deployment.metadata.generation
                    && status.updated_replicas.unwrap_or(0) >= wanted
                    && status.available_replicas.unwrap_or(0) >= wanted
                    && status.replicas.unwrap_or(0) == status.updated_replicas.unwrap_or(0)
            })
        })
    }
}

/// The policies refuse a governed pod without proxy and accept one with each image of the list.
///
/// Asked by dry runs in the platform's own namespace, which the policies cover and the
/// injecting webhook doesn't.
pub(super) async fn policies_in_force(
    client: &Client,
    settings: &Settings,
    deadline: Duration,
) -> anyhow::Result<()> {
    let pods = pods(client);
    let bare = probe::bare_pod()?;
    let intact = probe::intact_pods(settings)?;
    let mut last = String::from("nothing was asked");
    let asked = async {
        loop {
            match (dry_run(&pods, &bare).await, refused(&pods, &intact).await) {
                (Err(_), None) => return,
                (Ok(_), _) => last = "a governed pod without proxy was accepted".into(),
                (_, Some(refusal)) => last = refusal,
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    if tokio::time::timeout(deadline, asked).await.is_err() {
        bail!("the admission policies aren't in force after {deadline:?}: {last}");
    }
    Ok(())
}

/// The first refusal of any of these.
async fn refused(api: &Api<DynamicObject>, objects: &[DynamicObject]) -> Option<String> {
    for object in objects {
        if let Err(refusal) = dry_run(api, object).await {
            return Some(refusal);
        }
    }
    None
}

/// A dry run comes back with what only `/default` fills in, and past `/validate`, whose failure
/// policy is Fail: the API server reaches the webhook and trusts its certificate.
pub(super) async fn admission_answers(client: &Client, deadline: Duration) -> anyhow::Result<()> {
    let kind = GroupVersionKind::gvk(names::GROUP, names::VERSION, "MCPServer");
    let servers: Api<DynamicObject> = Api::namespaced_with(
        client.clone(),
        names::PLATFORM_NAMESPACE,
        &ApiResource::from_gvk(&kind),
    );
    let server = probe::undefaulted_server()?;
    let mut last = String::from("nothing was asked");
    let asked = async {
        loop {
            match dry_run(&servers, &server).await {
                Ok(answer) if answer.data.pointer("/spec/publicPathPrefix").is_some() => return,
                Ok(_) => last = "accepted, but without the defaults that /default fills in".into(),
                Err(refusal) => last = refusal,
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    if tokio::time::timeout(deadline, asked).await.is_err() {
        bail!("the webhook doesn't answer the API server after {deadline:?}: {last}");
    }
    Ok(())
}

fn pods(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("", "v1", "Pod");
    Api::namespaced_with(
        client.clone(),
        names::PLATFORM_NAMESPACE,
        &ApiResource::from_gvk(&kind),
    )
}

async fn dry_run(
    api: &Api<DynamicObject>,
    object: &DynamicObject,
) -> Result<DynamicObject, String> {
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    api.create(&params, object)
        .await
        .map_err(|error| format!("{:#}", plain(error)))
}
