//! The webhook's certificate, as far as `setup` has a part in it: cert-manager's objects come
//! before the operator is told of them and go when it needs them no more.

use std::time::Duration;

use anyhow::{Context as _, bail};
use crds::{WebhookTls, names};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client, ResourceExt as _};

/// cert-manager's API as our manifests use it.
const API: &str = "cert-manager.io/v1";
const LOOK: Duration = Duration::from_millis(250);

/// Refuses what can't work before anything is written.
pub(super) async fn can_issue(client: &Client, tls: WebhookTls) -> anyhow::Result<()> {
    if tls == WebhookTls::CertManager && !is_installed(client).await? {
        bail!(
            "cert-manager isn't in this cluster (nothing serves {API}); install it (https://cert-manager.io/docs/installation/) or use --tls self-signed"
        );
    }
    Ok(())
}

async fn is_installed(client: &Client) -> anyhow::Result<bool> {
    match client.list_api_group_resources(API).await {
        Ok(found) => {
            let kinds = ["Certificate", "Issuer"];
            let has = |kind: &&str| found.resources.iter().any(|known| known.kind == **kind);
            Ok(kinds.iter().all(has))
        }
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error).with_context(|| format!("asking the cluster about {API}")),
    }
}

/// The certificate that the webhook serves is from whom it is to be.
pub(super) async fn is_served(
    client: &Client,
    tls: WebhookTls,
    deadline: Duration,
) -> anyhow::Result<()> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), names::PLATFORM_NAMESPACE);
    let served = async {
        loop {
            let secret = secrets.get_opt(names::WEBHOOK_TLS_SECRET).await?;
            if secret.is_some_and(|secret| issuer(&secret) == tls.as_str()) {
                return Ok::<(), kube::Error>(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let see = match tls {
        WebhookTls::SelfSigned => "logs -l app.kubernetes.io/name=mcp-runtime-operator",
        WebhookTls::CertManager => "describe certificate,certificaterequest",
    };
    tokio::time::timeout(deadline, served)
        .await
        .with_context(|| {
            format!(
                "no certificate from {} is served after {deadline:?}; see: kubectl -n {} {see}",
                tls.as_str(),
                names::PLATFORM_NAMESPACE
            )
        })??;
    Ok(())
}

/// Who issued what is served; a Secret that says nothing is from before there was a choice.
fn issuer(secret: &Secret) -> &str {
    secret
        .annotations()
        .get(names::ANNOTATION_CERTIFICATE_FROM)
        .map_or(WebhookTls::SelfSigned.as_str(), String::as_str)
}

/// Deletes cert-manager's objects of ours, and the Secrets they filled, where there are any.
pub(super) async fn remove(client: &Client, objects: &[DynamicObject]) -> anyhow::Result<()> {
    if !is_installed(client).await? {
        return Ok(());
    }
    let secrets: Api<Secret> = Api::namespaced(client.clone(), names::PLATFORM_NAMESPACE);
    for object in objects {
        let kind = object.types.as_ref().context("an object without kind")?;
        let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(kind)?);
        let namespace = object.namespace().context("an object without namespace")?;
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
        delete(&api, &object.name_any()).await?;
    }
    for object in objects {
        if let Some(secret) = object.data.pointer("/spec/secretName") {
            delete(&secrets, secret.as_str().unwrap_or_default()).await?;
        }
    }
    Ok(())
}

async fn delete<K>(api: &Api<K>, name: &str) -> anyhow::Result<()>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    match api.delete(name, &DeleteParams::background()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error).with_context(|| format!("deleting {name}")),
    }
}
