//! What holds while parts of the platform are away.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use mcp_e2e::objects::refusal;
use mcp_e2e::platform::WEBHOOK;
use mcp_e2e::{server, wait};

use crate::steps::{Demo, denied};
use crate::transcript::{heading, say, show};

/// The session revoked while the webhook is stopped.
const OTHER: &str = "ann-cautious";

/// A pod of nobody's, governed or not.
fn pod(name: &str, governed: bool) -> String {
    let labels = if governed {
        "{mcpruntime.org/server: everything, mcpruntime.org/gateway: required}"
    } else {
        "{app: plain}"
    };
    server::pod(name, labels)
}

impl Demo {
    pub(crate) async fn leaves_other_pods_alone(&self) -> anyhow::Result<()> {
        heading("A pod without the label is left alone");
        let name = "plain";
        let ended = self.kubectl("apply -f -", &pod(name, false)).await?;
        ensure!(ended.ok, "an unlabelled pod was refused");
        let found = self.namespace.api::<Pod>().get(name).await?;
        let spec = serde_json::to_value(found.spec)?;
        ensure!(spec["initContainers"].is_null(), "something was injected");
        say("its containers: app, and nothing else");
        self.namespace
            .api::<Pod>()
            .delete(name, &DeleteParams::default())
            .await?;
        Ok(())
    }

    pub(crate) async fn holds_without_the_webhook(&self) -> anyhow::Result<()> {
        heading("With the webhook stopped a governed pod is refused, and a revoke still works");
        let cluster = &self.namespace.cluster;
        let pods = self.pods().await?;
        let outage = async {
            let ended = self.kubectl("apply -f -", &pod("governed", true)).await?;
            ensure!(
                !ended.ok && ended.stderr.contains("inject.mcpruntime.org"),
                "it was not refused"
            );
            let begun = Instant::now();
            let revoke =
                format!("patch mcpa {OTHER} --type merge -p {{\"spec\":{{\"revoked\":true}}}}");
            let patched = self.kubectl(&revoke, "").await?;
            ensure!(patched.ok, "the revoke was refused");
            for pod in &pods {
                let time = denied(pod, OTHER, begun).await?;
                say(&format!(
                    "{}: session_revoked {:.0} ms after the command was typed",
                    pod.name,
                    time.as_secs_f64() * 1000.0
                ));
            }
            anyhow::Ok(())
        };
        cluster.without(WEBHOOK, outage).await
    }

    pub(crate) async fn holds_without_its_configuration(&self) -> anyhow::Result<()> {
        heading("With the webhook's configuration removed the admission policy refuses");
        let cluster = &self.namespace.cluster;
        let removed = cluster
            .remove_webhook::<MutatingWebhookConfiguration>()
            .await?;
        say("$ kubectl delete mutatingwebhookconfiguration mcp-runtime");
        let refused = wait::until("the policy's refusal", || async {
            match self.namespace.dry_run(&pod("governed", true)).await {
                Ok(_) => anyhow::bail!("a governed pod without proxy was accepted"),
                Err(error) => {
                    let (_, message) = refusal(&error).context("no answer of the API server")?;
                    Ok(message
                        .contains("ValidatingAdmissionPolicy")
                        .then_some(message))
                }
            }
        })
        .await;
        cluster.restore_webhook(&removed).await?;
        say("$ kubectl apply -f - (a governed pod without proxy)");
        show(&refused?);
        Ok(())
    }
}
