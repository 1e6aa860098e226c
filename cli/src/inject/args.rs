//! The arguments of the three commands.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::documents::{self, Document};

/// Manifests to look at.
#[derive(Debug, Args)]
pub(super) struct Input {
    /// Manifests, YAML or JSON; folders are read whole, - is stdin
    #[arg(short, long, value_name = "FILE|DIR|-", required = true, num_args = 1..)]
    filename: Vec<PathBuf>,
    /// Namespace of objects that name none
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    namespace: String,
}

impl Input {
    pub(super) fn read(&self) -> anyhow::Result<Vec<Document>> {
        documents::read(&self.filename, &self.namespace)
    }
}

/// What stands for the cluster.
#[derive(Debug, Args)]
pub(super) struct PlatformArgs {
    /// Manifests with the MCPServers that pods name, besides those in -f
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    pub(super) objects: Vec<PathBuf>,
    /// The platform's settings, as in ConfigMap mcp-runtime-settings; proxyImages names the proxy's image
    #[arg(long, value_name = "FILE")]
    pub(super) settings: Option<PathBuf>,
}

/// How objects are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// YAML documents
    #[default]
    Yaml,
    /// One JSON object a line
    Json,
}

/// How injected objects are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum InjectedFormat {
    /// YAML documents
    #[default]
    Yaml,
    /// One JSON object a line
    Json,
    /// For each document the changes alone, one RFC 6902 array a line
    Patch,
}

/// How explanations are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ExplainedFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line: code, result (patch, allow, deny), message, field
    Json,
}

/// Put the proxy into the pods of manifests, as the webhook would in the cluster.
///
/// Pods, and the pod templates of Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs and
/// CronJobs that are labelled mcpruntime.org/gateway: required get the proxy of the MCPServer
/// they name. All other documents are written as they are. Where one pod is refused, nothing is
/// written, and stderr says why.
///
/// Whether a pod belongs to a managed server's own Deployment (NotThisServersPod) is left out:
/// only the cluster knows who creates it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mcp-runtime inject -f app.yaml --objects servers/ --settings settings.yaml | kubectl apply -f -
  mcp-runtime inject -f pod.json --objects server.yaml --settings settings.yaml -o patch
Exit codes: 0 done, 1 a pod is refused, 2 usage or unreadable input.")]
pub(crate) struct InjectArgs {
    #[command(flatten)]
    pub(super) input: Input,
    #[command(flatten)]
    pub(super) platform: PlatformArgs,
    /// How objects are written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: InjectedFormat,
}

/// Take the proxy out of the pods of manifests again: the exact inverse of inject.
///
/// Documents without a proxy are written as they are. A container mcp-proxy that the injector
/// didn't stamp is somebody's own: it is refused, and nothing is written.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mcp-runtime uninject -f injected.yaml
  kubectl get pod everything-0 -o json | mcp-runtime uninject -f - -o json
Exit codes: 0 done, 1 a proxy isn't the injector's, 2 usage or unreadable input.")]
pub(crate) struct UninjectArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// How objects are written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: Format,
}

/// Say what the webhook would do with the pods of manifests, and why.
///
/// One answer for each document, in order. Codes are those of the webhook's denials, audit
/// annotations and metrics. Whether a pod belongs to a managed server's own Deployment
/// (NotThisServersPod) is left out: only the cluster knows who creates it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mcp-runtime explain-injection -f app.yaml --objects servers/ --settings settings.yaml
  mcp-runtime explain-injection -f - --objects server.yaml --settings settings.yaml -o json <pod.json
Exit codes: 0 nothing is refused, 1 a pod is refused, 2 usage or unreadable input.")]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(super) input: Input,
    #[command(flatten)]
    pub(super) platform: PlatformArgs,
    /// How answers are written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) output: ExplainedFormat,
}
