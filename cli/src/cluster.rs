//! Which cluster a command is about.

use std::path::PathBuf;

use anyhow::Context as _;
use crds::{Settings, names};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};

use crate::output::ClusterUnreachable;

/// Flags of every command that asks a cluster.
#[derive(Debug, clap::Args)]
pub(crate) struct ClusterArgs {
    /// Kubeconfig to use
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl ClusterArgs {
    /// A client of a cluster that answers.
    pub(crate) async fn connect(&self) -> anyhow::Result<kube::Client> {
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..Default::default()
        };
        let config = match &self.kubeconfig {
            Some(path) => {
                let file = Kubeconfig::read_from(path)
                    .with_context(|| format!("reading kubeconfig {}", path.display()))?;
                kube::Config::from_custom_kubeconfig(file, &options).await?
            }
            None => kube::Config::from_kubeconfig(&options).await?,
        };
        let client = kube::Client::try_from(config)?;
        client
            .apiserver_version()
            .await
            .map_err(ClusterUnreachable)?;
        Ok(client)
    }
}

/// The settings that the roles go by; `None` where there are none yet.
pub(crate) async fn settings_in_force(client: &Client) -> anyhow::Result<Option<Settings>> {
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), names::PLATFORM_NAMESPACE);
    config_maps
        .get_opt(names::SETTINGS_CONFIG_MAP)
        .await
        .context("reading the settings in force")?
        .and_then(|map| map.data)
        .and_then(|mut data| data.remove(names::SETTINGS_KEY))
        .map(|text| serde_saphyr::from_str(&text).context("the settings in force can't be read"))
        .transpose()
}
