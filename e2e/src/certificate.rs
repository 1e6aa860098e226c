//! The webhook's certificate: who serves which, and having another one.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use crds::names;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{ListParams, Patch, PatchParams};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::platform::WEBHOOK;
use crate::{Cluster, proxy, wait};

/// As deploy/platform/webhook.yaml has it.
const HEALTH_PORT: u16 = 8081;

impl Cluster {
    /// `mcp-runtime certs rotate leaf|ca`, and then until every replica serves what is new.
    pub async fn rotate(&self, part: &str) -> anyhow::Result<()> {
        self.mcp_runtime_does(&["certs", "rotate", part]).await?;
        self.serves_everywhere().await
    }

    /// `mcp-runtime setup --tls MODE` with the image that is installed.
    pub async fn set_up_tls(&self, mode: &str) -> anyhow::Result<()> {
        let image = self.proxy_image().await?;
        self.mcp_runtime_does(&["setup", "--image", &image, "--tls", mode])
            .await?;
        self.serves_everywhere().await
    }

    async fn mcp_runtime_does(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let ended = self.mcp_runtime(arguments).await?;
        let (words, stderr) = (arguments.join(" "), ended.stderr);
        ensure!(ended.ok, "mcp-runtime {words}: {stderr}");
        Ok(())
    }

    /// `kubectl rollout restart` of the webhook, until its last old pod is gone.
    pub async fn roll_webhook(&self) -> anyhow::Result<()> {
        let now = jiff::Timestamp::now().to_string();
        self.change_webhook(json!({"spec": {"template": {"metadata": {"annotations": {
            "kubectl.kubernetes.io/restartedAt": now,
        }}}}}))
        .await
    }

    /// Strategically merges a change into the webhook's Deployment, and waits until it has rolled.
    pub async fn change_webhook(&self, patch: serde_json::Value) -> anyhow::Result<()> {
        let deployments = self.platform::<Deployment>();
        let changed = deployments
            .patch(WEBHOOK, &PatchParams::default(), &Patch::Strategic(&patch))
            .await?;
        wait::until("the webhook to have rolled", || async {
            let found = deployments.get(WEBHOOK).await?;
            let status = found.status.unwrap_or_default();
            let replicas = found.spec.and_then(|spec| spec.replicas);
            let pods = self.webhook_pods().await?;
            let rolled = status.observed_generation >= changed.metadata.generation
                && status.updated_replicas == replicas
                && status.available_replicas == replicas
                && i32::try_from(pods.len()).ok() == replicas;
            Ok(rolled.then_some(()))
        })
        .await
    }

    /// Asks for so many replicas of the webhook, and waits for none.
    pub async fn ask_for_webhooks(&self, replicas: u32) -> anyhow::Result<()> {
        let deployments = self.platform::<Deployment>();
        let patch = json!({"spec": {"replicas": replicas}});
        deployments
            .patch(WEBHOOK, &PatchParams::default(), &Patch::Merge(&patch))
            .await?;
        Ok(())
    }

    /// What each replica that isn't ready says on `/ready`; one that doesn't answer says nothing.
    pub async fn webhook_unreadiness(&self) -> anyhow::Result<Vec<String>> {
        let mut said = Vec::new();
        for pod in self.webhook_pods().await? {
            let Some(ip) = pod.status.and_then(|status| status.pod_ip) else {
                continue;
            };
            let health = SocketAddr::new(ip.parse()?, HEALTH_PORT);
            if let Ok((503, body)) = proxy::get(health, "/ready").await {
                said.push(body);
            }
        }
        Ok(said)
    }

    /// How often the webhook's containers were started again.
    pub async fn webhook_restarts(&self) -> anyhow::Result<i32> {
        let pods = self.webhook_pods().await?;
        let statuses = pods.into_iter().filter_map(|pod| pod.status);
        let containers = statuses.flat_map(|status| status.container_statuses.unwrap_or_default());
        Ok(containers.map(|container| container.restart_count).sum())
    }

    /// Until each running replica serves what the Secret holds, to a client that trusts its CA.
    pub async fn serves_everywhere(&self) -> anyhow::Result<()> {
        let secrets = self.platform::<Secret>();
        wait::until("every replica to serve the new certificate", || async {
            let data = secrets.get(names::WEBHOOK_TLS_SECRET).await?.data;
            let data = data.unwrap_or_default();
            let pem = |key: &str| data.get(key).map(|value| value.0.clone()).context("no key");
            let (leaf, authority) = (pem("tls.crt")?, pem("ca.crt")?);
            let leaf = CertificateDer::from_pem_slice(&leaf)?;
            for pod in self.webhook_pods().await? {
                let ip = pod.status.and_then(|status| status.pod_ip);
                let Some(ip) = ip else { return Ok(None) };
                // One that has gone meanwhile isn't asked again.
                match served(&ip, &authority).await {
                    Ok(found) if found == leaf => {}
                    _ => return Ok(None),
                }
            }
            Ok(Some(()))
        })
        .await
    }

    async fn webhook_pods(&self) -> anyhow::Result<Vec<Pod>> {
        let pods = self.platform::<Pod>();
        let labels = format!("app.kubernetes.io/name={WEBHOOK}");
        Ok(pods
            .list(&ListParams::default().labels(&labels))
            .await?
            .items)
    }
}

/// The leaf that a replica shows to who trusts `authority` alone.
async fn served(ip: &str, authority: &[u8]) -> anyhow::Result<CertificateDer<'static>> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(authority) {
        roots.add(root?)?;
    }
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(format!("{WEBHOOK}.{}.svc", names::PLATFORM_NAMESPACE))?;
    let port = u16::try_from(names::WEBHOOK_PORT)?;
    let stream = TcpStream::connect((ip, port)).await?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let certificates = stream.get_ref().1.peer_certificates();
    let leaf = certificates.and_then(|chain| chain.first());
    Ok(leaf.context("no certificate")?.clone().into_owned())
}
