//! The cluster under test, as `.cluster/env` or the user's kubeconfig names it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};

/// A running cluster.
#[derive(Clone)]
pub struct Cluster {
    /// A client with the administrator's rights.
    pub client: Client,
    /// Where the kubeconfig lies, for kubectl and SDK scripts.
    pub kubeconfig: PathBuf,
    /// `http://HOST:PORT` of the ingress controller, from outside of the cluster.
    pub url: String,
}

/// The checkout's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

impl Cluster {
    /// Connects to the cluster of `.cluster/env`, or of `KUBECONFIG` and `MCP_URL`.
    ///
    /// # Errors
    /// When there is none: says to run `make cluster`.
    pub async fn connect() -> anyhow::Result<Self> {
        let env = environment();
        let get = |name: &str| {
            env.get(name)
                .cloned()
                .or_else(|| std::env::var(name).ok())
                .ok_or_else(|| {
                    anyhow!("{name} is neither in .cluster/env nor set; run `make cluster`")
                })
        };
        let kubeconfig = PathBuf::from(get("KUBECONFIG")?);
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Ok(Self {
            client: client(&kubeconfig).await?,
            kubeconfig,
            url: get("MCP_URL")?,
        })
    }

    /// An address of this machine that the API server reaches.
    ///
    /// # Errors
    /// When `NODE_IP` names none: the cluster is elsewhere.
    pub fn node_ip(&self) -> anyhow::Result<IpAddr> {
        let env = environment();
        let text = env.get("NODE_IP").cloned();
        let text = text.or_else(|| std::env::var("NODE_IP").ok());
        let text = text.context("NODE_IP is neither in .cluster/env nor set")?;
        text.parse().with_context(|| format!("NODE_IP={text}"))
    }

    /// The same cluster as somebody else sees it, by impersonation.
    ///
    /// # Errors
    /// When the kubeconfig can't be read.
    pub async fn as_user(&self, user: &str, groups: &[&str]) -> anyhow::Result<Self> {
        let mut config = config(&self.kubeconfig).await?;
        config.auth_info.impersonate = Some(user.to_owned());
        config.auth_info.impersonate_groups =
            Some(groups.iter().map(|group| (*group).to_owned()).collect());
        Ok(Self {
            client: Client::try_from(config)?,
            ..self.clone()
        })
    }
}

impl Cluster {
    /// The same cluster by a client of its own that repeats no call.
    ///
    /// # Errors
    /// When the kubeconfig can't be read.
    pub async fn without_retry(&self) -> anyhow::Result<Self> {
        let mut config = config(&self.kubeconfig).await?;
        config.default_retry = false;
        Ok(Self {
            client: Client::try_from(config)?,
            ..self.clone()
        })
    }
}

async fn client(kubeconfig: &Path) -> anyhow::Result<Client> {
    Ok(Client::try_from(config(kubeconfig).await?)?)
}

async fn config(kubeconfig: &Path) -> anyhow::Result<kube::Config> {
    let file = Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("reading {}", kubeconfig.display()))?;
    Ok(kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?)
}

fn environment() -> HashMap<String, String> {
    let text = std::fs::read_to_string(root().join(".cluster/env")).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.trim_start_matches("export ").split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}
