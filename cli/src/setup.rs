//! `mcp-runtime setup`: puts the platform into a cluster, in the order in which nothing that
//! runs is refused: resources, policies (old and new image), roles, and the webhooks last.

mod apply;
mod manifests;
mod probe;
mod progress;
mod settings;
mod wait;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::output::ClusterUnreachable;
use apply::Applier;
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
    /// Kubeconfig to use
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// How long to wait for each step, in seconds
    #[arg(long, default_value_t = 180, value_name = "SECONDS")]
    timeout: u64,
}

/// Runs the steps, saying each with the time it took on stderr.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = connect(&args).await?;
    let deadline = Duration::from_secs(args.timeout);
    let steps = Progress::default();
    let applier = Applier::new(client.clone());

    let found = settings::current(&client).await?;
    let settings = settings::wanted(&args, found)?;
    let objects = manifests::all(&settings, &args.image)?;

    steps.run("resources", applier.apply(&objects.crds)).await?;
    steps
        .run(
            "resources established",
            wait::crds_established(&client, deadline),
        )
        .await?;
    steps
        .run("namespaces and roles", applier.apply(&objects.base))
        .await?;
    steps
        .run("admission policies", applier.apply(&objects.policies))
        .await?;
    steps
        .run(
            "policies in force",
            wait::policies_in_force(&client, &settings, deadline),
        )
        .await?;
    steps
        .run("webhook and operator", applier.apply(&objects.workloads))
        .await?;
    steps
        .run("webhook configurations", applier.apply(&objects.webhooks))
        .await?;
    steps
        .run(
            "operator ready",
            wait::rolled_out(&client, "mcp-runtime-operator", deadline),
        )
        .await?;
    steps
        .run(
            "webhook ready",
            wait::rolled_out(&client, "mcp-runtime-webhook", deadline),
        )
        .await?;
    steps
        .run(
            "admission answers",
            wait::admission_answers(&client, deadline),
        )
        .await?;
    steps.finish(&args.image);
    Ok(ExitCode::SUCCESS)
}

async fn connect(args: &Args) -> anyhow::Result<kube::Client> {
    let options = KubeConfigOptions {
        context: args.context.clone(),
        ..Default::default()
    };
    let config = match &args.kubeconfig {
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
