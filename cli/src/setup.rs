//! `mcp-runtime setup`: puts the platform into a cluster, in the order in which nothing that
//! runs is refused: resources, policies (old and new image), webhook, operator.

mod apply;
mod certificate;
mod manifests;
mod probe;
mod progress;
mod settings;
mod wait;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crds::{Settings, WebhookTls};
use kube::api::DynamicObject;

use crate::admission::Configurations;
use crate::cluster::ClusterArgs;
use apply::Applier;
use manifests::{OPERATOR, Objects, WEBHOOK};
use progress::Progress;

/// Install or upgrade the platform. Safe to run again: it changes only what differs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Image of the platform and, unless --proxy-image says otherwise, of the sidecar
    #[arg(long, env = "MCP_RUNTIME_IMAGE", value_name = "REF")]
    image: String,
    /// Image of the sidecar
    #[arg(long, env = "MCP_GATEWAY_PROXY_IMAGE", value_name = "REF")]
    proxy_image: Option<String>,
    /// Settings to begin with (see docs/settings.md); the flags here win over it
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Name of the cluster in documents and audit events
    #[arg(long, env = "MCP_CLUSTER_NAME", value_name = "NAME")]
    cluster_name: Option<String>,
    /// Host of servers that give neither host nor path prefix
    #[arg(long, env = "MCP_DEFAULT_INGRESS_HOST", value_name = "HOST")]
    default_ingress_host: Option<String>,
    /// When an Ingress counts as ready: with an address (strict) or with rules (permissive)
    #[arg(long, env = "MCP_INGRESS_READINESS_MODE", value_name = "MODE", value_parser = ["strict", "permissive"])]
    ingress_readiness: Option<String>,
    /// Who issues the webhook's certificate: the operator (self-signed) or cert-manager
    #[arg(long, value_name = "MODE", value_parser = ["self-signed", "cert-manager"])]
    tls: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// How long to wait for each step, in seconds
    #[arg(long, default_value_t = 180, value_name = "SECONDS")]
    timeout: u64,
}

/// Runs the steps, saying each with the time it took on stderr.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = args.cluster.connect().await?;
    let found = settings::current(&client).await?;
    let settings = settings::wanted(&args, found)?;
    certificate::can_issue(&client, settings.webhook_tls).await?;
    let setup = Setup {
        applier: Applier::new(client.clone()),
        steps: Progress::default(),
        deadline: Duration::from_secs(args.timeout),
        objects: manifests::all(&settings, &args.image)?,
        settings,
        client,
    };
    setup.admission().await?;
    setup.roles().await?;
    setup.asked().await?;
    setup.steps.finish(&args.image);
    Ok(ExitCode::SUCCESS)
}

/// One run: what is applied, and with what.
struct Setup {
    client: kube::Client,
    applier: Applier,
    steps: Progress,
    deadline: Duration,
    settings: Settings,
    objects: Objects,
}

impl Setup {
    /// What the API server itself checks. The policies know every image, old and new, before
    /// anybody injects the new one.
    async fn admission(&self) -> anyhow::Result<()> {
        let Self { client, .. } = self;
        self.apply("resources", &self.objects.crds).await?;
        let established = wait::crds_established(client, self.deadline);
        self.steps.run("resources established", established).await?;
        self.apply("namespaces and roles", &self.objects.base)
            .await?;
        if self.settings.webhook_tls == WebhookTls::CertManager {
            self.apply("cert-manager's certificate", &self.objects.certificate)
                .await?;
        }
        self.apply("admission policies", &self.objects.policies)
            .await?;
        let in_force = wait::policies_in_force(client, &self.settings, self.deadline);
        self.steps.run("policies in force", in_force).await
    }

    /// The webhook, and once all of it injects the new image the operator, which then rolls pods.
    ///
    /// A webhook that isn't there yet waits for the operator's certificate: then both at once.
    async fn roles(&self) -> anyhow::Result<()> {
        let upgrade = wait::works(&self.client, WEBHOOK).await?;
        self.apply("settings", &self.objects.settings).await?;
        self.apply("webhook", &self.objects.webhook).await?;
        if upgrade {
            self.rolled_out("webhook ready", WEBHOOK).await?;
        }
        self.apply("operator", &self.objects.operator).await?;
        self.apply("webhook configurations", &self.objects.configurations)
            .await?;
        self.rolled_out("operator ready", OPERATOR).await?;
        if !upgrade {
            self.rolled_out("webhook ready", WEBHOOK).await?;
        }
        Ok(())
    }

    /// It works, by the certificate that was asked for.
    async fn asked(&self) -> anyhow::Result<()> {
        let (client, tls) = (&self.client, self.settings.webhook_tls);
        let step = format!("certificate from {}", tls.as_str());
        let served = certificate::is_served(client, tls, self.deadline);
        self.steps.run(&step, served).await?;
        // What was disabled in an emergency is over with the repair.
        Configurations::of(client).switch_on().await?;
        let answers = wait::admission_answers(client, self.deadline);
        self.steps.run("admission answers", answers).await?;
        match tls {
            WebhookTls::SelfSigned => certificate::remove(client, &self.objects.certificate).await,
            WebhookTls::CertManager => Ok(()),
        }
    }

    async fn apply(&self, step: &str, objects: &[DynamicObject]) -> anyhow::Result<()> {
        self.steps.run(step, self.applier.apply(objects)).await
    }

    async fn rolled_out(&self, step: &str, name: &str) -> anyhow::Result<()> {
        let done = wait::rolled_out(&self.client, name, self.deadline);
        self.steps.run(step, done).await
    }
}
