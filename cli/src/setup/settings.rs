//! Which settings the platform gets: what it has, then the file, then the flags.

use anyhow::Context as _;
use crds::{IngressReadiness, Settings, WebhookTls, names};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};

use super::Args;
use crate::cluster::settings_in_force;
use crate::input;

/// What the cluster has now.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The settings of the last `setup`, if any.
    pub(super) settings: Option<Settings>,
    /// Images of proxies that pods run or servers ask for: they stay allowed until nothing needs
    /// them.
    pub(super) needed_images: Vec<String>,
}

/// Reads the settings in force and the proxy images in use.
pub(super) async fn current(client: &Client) -> anyhow::Result<Found> {
    let settings = settings_in_force(client).await?;
    let governed = format!("{}={}", names::LABEL_GATEWAY, names::GATEWAY_REQUIRED);
    let pods = Api::<Pod>::all(client.clone())
        .list(&ListParams::default().labels(&governed))
        .await
        .context("listing governed pods")?;
    let mut needed_images: Vec<String> = pods.items.iter().filter_map(proxy_image).collect();
    needed_images.extend(asked_for(client).await?);
    needed_images.sort();
    needed_images.dedup();
    Ok(Found {
        settings,
        needed_images,
    })
}

/// What servers name as `gateway.image`; nothing where there are no servers yet.
async fn asked_for(client: &Client) -> anyhow::Result<Vec<String>> {
    let servers = Api::<DynamicObject>::all_with(
        client.clone(),
        &ApiResource::from_gvk(&GroupVersionKind::gvk(
            names::GROUP,
            names::VERSION,
            "MCPServer",
        )),
    );
    let servers = match servers.list(&ListParams::default()).await {
        Ok(servers) => servers.items,
        Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
        Err(error) => return Err(error).context("listing MCPServers"),
    };
    let image = |server: &DynamicObject| {
        let image = server.data.pointer("/spec/gateway/image")?.as_str()?;
        Some(image.to_owned()).filter(|image| !image.is_empty())
    };
    Ok(servers.iter().filter_map(image).collect())
}

fn proxy_image(pod: &Pod) -> Option<String> {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    if matches!(phase, Some("Succeeded" | "Failed")) {
        return None;
    }
    let containers = pod.spec.as_ref()?.init_containers.as_ref()?;
    let proxy = containers
        .iter()
        .find(|container| container.name == names::PROXY_CONTAINER)?;
    proxy.image.clone()
}

/// The settings to install.
pub(super) fn wanted(args: &Args, found: Found) -> anyhow::Result<Settings> {
    let mut settings = match &args.settings {
        Some(path) => input::settings(path)?,
        None => found.settings.unwrap_or_default(),
    };
    let image = args.proxy_image.as_ref().unwrap_or(&args.image);
    settings.proxy_images = image_list(image, found.needed_images);
    if let Some(name) = &args.cluster_name {
        settings.cluster_name.clone_from(name);
    }
    if let Some(host) = &args.default_ingress_host {
        settings.default_ingress_host.clone_from(host);
    }
    match args.ingress_readiness.as_deref() {
        Some("strict") => settings.ingress_readiness = IngressReadiness::Strict,
        Some("permissive") => settings.ingress_readiness = IngressReadiness::Permissive,
        _ => {}
    }
    match args.tls.as_deref() {
        Some("self-signed") => settings.webhook_tls = WebhookTls::SelfSigned,
        Some("cert-manager") => settings.webhook_tls = WebhookTls::CertManager,
        _ => {}
    }
    Ok(settings)
}

/// The new image first, then those that are still needed.
fn image_list(new: &str, needed: Vec<String>) -> Vec<String> {
    let mut images = vec![new.to_owned()];
    images.extend(needed.into_iter().filter(|image| image != new));
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_allows_the_new_image_and_those_that_still_run() {
        assert_eq!(
            image_list("proxy:2", vec!["proxy:1".into(), "proxy:2".into()]),
            ["proxy:2", "proxy:1"]
        );
    }

    #[test]
    fn an_image_that_nothing_needs_leaves_the_list() {
        assert_eq!(image_list("proxy:2", Vec::new()), ["proxy:2"]);
    }
}
