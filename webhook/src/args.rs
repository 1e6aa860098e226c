//! The role's flags.

use std::path::PathBuf;

/// Answers the API server's admission reviews
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address of /default, /validate and /inject, over TLS
    #[arg(long, default_value = "[::]:9443")]
    pub listen: String,
    /// Address of /metrics
    #[arg(long, default_value = "[::]:8080")]
    pub metrics_listen: String,
    /// Address of /live and /ready
    #[arg(long, default_value = "[::]:8081")]
    pub health_listen: String,
    /// The platform's settings; read again when the file changes
    #[arg(
        long,
        env = "MCP_SETTINGS",
        default_value = "/etc/mcp-runtime/settings.yaml"
    )]
    pub settings: PathBuf,
    /// Certificate chain, PEM; without it, Secret mcp-runtime-webhook-tls of the own namespace is watched
    #[arg(long, requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// A file or directory of manifests that stand for the cluster's objects; no cluster is asked
    #[arg(long, requires = "tls_cert")]
    pub objects: Option<PathBuf>,
    /// Seconds of serving on after SIGTERM, while the API server learns that this replica goes
    #[arg(long, default_value_t = 10)]
    pub shutdown_delay: u64,
}
