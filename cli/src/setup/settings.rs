//! Which settings the platform gets: what it has, then the file, then the flags.

use anyhow::Context as _;
use crds::{IngressReadiness, Settings, names};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::ListParams;
use kube::{Api, Client};

use super::Args;

/// What the cluster has now.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The settings of the last `setup`, if any.
    pub(super) settings: Option<Settings>,
    /// Images of proxies that run now: they stay allowed until the last of them is gone.
    pub(super) running_proxies: Vec<String>,
}

/// Reads the settings in force and the proxy images in use.
pub(super) async fn current(client: &Client) -> anyhow::Result<Found> {
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), names::PLATFORM_NAMESPACE);
    let settings = config_maps
        .get_opt(names::SETTINGS_CONFIG_MAP)
        .await
        .context("reading the settings in force")?
        .and_then(|map| map.data)
        .and_then(|mut data| data.remove(names::SETTINGS_KEY))
        .map(|text| serde_saphyr::from_str(&text).context("the settings in force can't be read"))
        .transpose()?;
    let governed = format!("{}={}", names::LABEL_GATEWAY, names::GATEWAY_REQUIRED);
    let pods = Api::<Pod>::all(client.clone())
        .list(&ListParams::default().labels(&governed))
        .await
        .context("listing governed pods")?;
    let mut running_proxies: Vec<String> = pods.items.iter().filter_map(proxy_image).collect();
    running_proxies.sort();
    running_proxies.dedup();
    Ok(Found {
        settings,
        running_proxies,
    })
}

fn proxy_image(pod: &Pod) -> Option<String> {
    let containers = pod.spec.as_ref()?.init_containers.as_ref()?;
    let proxy = containers
        .iter()
        .find(|container| container.name == names::PROXY_CONTAINER)?;
    proxy.image.clone()
}

/// The settings to install.
pub(super) fn wanted(args: &Args, found: Found) -> anyhow::Result<Settings> {
    let mut settings = match &args.settings {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading {}", path.display()))?;
            serde_saphyr::from_str(&text).with_context(|| format!("in {}", path.display()))?
        }
        None => found.settings.unwrap_or_default(),
    };
    let image = args.proxy_image.as_ref().unwrap_or(&args.image);
    settings.proxy_images = image_list(image, found.running_proxies);
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
    Ok(settings)
}

/// The new image first, then those that still run.
fn image_list(new: &str, running: Vec<String>) -> Vec<String> {
    let mut images = vec![new.to_owned()];
    images.extend(running.into_iter().filter(|image| image != new));
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
    fn an_image_that_no_pod_runs_leaves_the_list() {
        assert_eq!(image_list("proxy:2", Vec::new()), ["proxy:2"]);
    }
}
