//! Flags of the role, with the Go project's environment names.

use std::path::{Path, PathBuf};

use crds::{IngressReadiness, Settings, names};

/// Where the settings' ConfigMap is mounted.
const SETTINGS_FILE: &str = "/etc/mcp-runtime/settings.yaml";

/// Arguments of `mcp-runtime operator`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The platform's settings; the file that isn't there is one without settings
    #[arg(long, env = "MCP_SETTINGS", value_name = "FILE", default_value = SETTINGS_FILE)]
    pub settings: PathBuf,
    /// Address of /metrics
    #[arg(
        long,
        env = "METRICS_BIND_ADDRESS",
        value_name = "[HOST]:PORT",
        default_value = ":8080"
    )]
    pub metrics_bind_address: String,
    /// Address of /live and /ready
    #[arg(
        long,
        env = "HEALTH_PROBE_BIND_ADDRESS",
        value_name = "[HOST]:PORT",
        default_value = ":8081"
    )]
    pub health_probe_bind_address: String,
    /// Work only while holding the lease
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub leader_elect: bool,
    /// Namespace of the lease and of the webhook's certificate
    #[arg(long, env = "POD_NAMESPACE", default_value = names::PLATFORM_NAMESPACE)]
    pub namespace: String,
    /// Who holds the lease, as others see it
    #[arg(long, env = "POD_NAME", default_value = "operator")]
    pub identity: String,
    /// Issue the webhook's certificate and write its caBundle
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub webhook_certificate: bool,
    /// Seconds from the announcement of a new CA to the first certificate under it: what an API
    /// server may take to notice a changed webhook configuration
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    pub webhook_ca_wait: u64,
    /// Overrides proxyImages
    #[arg(long, env = "MCP_GATEWAY_PROXY_IMAGE", value_name = "IMAGE")]
    pub gateway_proxy_image: Option<String>,
    /// Overrides clusterName
    #[arg(long, env = "MCP_CLUSTER_NAME", value_name = "NAME")]
    pub cluster_name: Option<String>,
    /// Overrides defaultIngressHost
    #[arg(long, env = "MCP_DEFAULT_INGRESS_HOST", value_name = "HOST")]
    pub default_ingress_host: Option<String>,
    /// Overrides defaultIngressEntrypoints
    #[arg(long, env = "MCP_DEFAULT_INGRESS_ENTRYPOINTS", value_name = "LIST")]
    pub default_ingress_entrypoints: Option<String>,
    /// Overrides defaultIngressTls
    #[arg(long, env = "MCP_DEFAULT_INGRESS_TLS", value_name = "BOOL")]
    pub default_ingress_tls: Option<bool>,
    /// Overrides ingressReadiness: strict or permissive
    #[arg(long, env = "MCP_INGRESS_READINESS_MODE", value_name = "MODE", value_parser = readiness)]
    pub ingress_readiness_mode: Option<IngressReadiness>,
    /// Overrides provisionedRegistry
    #[arg(long, env = "PROVISIONED_REGISTRY_URL", value_name = "HOST")]
    pub provisioned_registry: Option<String>,
    /// Overrides ingestUrl
    #[arg(long, env = "MCP_SENTINEL_INGEST_URL", value_name = "URL")]
    pub ingest_url: Option<String>,
}

/// The settings can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("reading settings {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("settings {} aren't what they should be", path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: Box<serde_saphyr::Error>,
    },
}

impl Args {
    /// The settings of the file, with what flags and environment override.
    ///
    /// # Errors
    /// [`SettingsError`] when there is a file that can't be used.
    pub(crate) fn effective_settings(&self) -> Result<Settings, SettingsError> {
        let mut settings = read(&self.settings)?;
        let Self {
            gateway_proxy_image,
            cluster_name,
            default_ingress_host,
            ..
        } = self.clone();
        let Self {
            default_ingress_entrypoints,
            ingest_url,
            ..
        } = self.clone();
        set(
            &mut settings.proxy_images,
            gateway_proxy_image.map(|image| vec![image]),
        );
        set(&mut settings.cluster_name, cluster_name);
        set(&mut settings.default_ingress_host, default_ingress_host);
        set(
            &mut settings.default_ingress_entrypoints,
            default_ingress_entrypoints,
        );
        set(&mut settings.default_ingress_tls, self.default_ingress_tls);
        set(&mut settings.ingress_readiness, self.ingress_readiness_mode);
        set(
            &mut settings.provisioned_registry,
            self.provisioned_registry.clone(),
        );
        set(&mut settings.ingest_url, ingest_url);
        Ok(settings)
    }
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

fn read(path: &Path) -> Result<Settings, SettingsError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Settings::default());
        }
        Err(source) => {
            return Err(SettingsError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    serde_saphyr::from_str(&text).map_err(|source| SettingsError::Parse {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

fn readiness(word: &str) -> Result<IngressReadiness, String> {
    match word {
        "strict" => Ok(IngressReadiness::Strict),
        "permissive" => Ok(IngressReadiness::Permissive),
        other => Err(format!("{other:?} is neither strict nor permissive")),
    }
}

/// An address as the Go project writes it: `:8080` is every address of the machine.
pub(crate) fn address(text: &str) -> String {
    match text.strip_prefix(':') {
        Some(port) => format!("[::]:{port}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn args(extra: &[&str]) -> Args {
        Command::parse_from(["operator"].iter().chain(extra)).args
    }

    #[test]
    fn leader_election_is_on_unless_it_is_turned_off() {
        assert!(args(&[]).leader_elect);
        assert!(args(&["--leader-elect"]).leader_elect);
        assert!(!args(&["--leader-elect=false"]).leader_elect);
    }

    #[test]
    fn flags_override_the_file_member_by_member() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let text = "proxyImages: [a, b]\nclusterName: c\ndefaultIngressHost: h\n";
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        let args = args(&[
            "--settings",
            path,
            "--cluster-name",
            "d",
            "--ingress-readiness-mode",
            "permissive",
        ]);
        let expected = Settings {
            proxy_images: vec!["a".into(), "b".into()],
            cluster_name: "d".into(),
            default_ingress_host: "h".into(),
            ingress_readiness: IngressReadiness::Permissive,
            ..Settings::default()
        };
        assert_eq!(args.effective_settings().unwrap(), expected);
    }

    #[test]
    fn a_file_with_an_unknown_member_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"proxyImage: a\n").unwrap();
        let args = args(&["--settings", file.path().to_str().unwrap()]);
        assert!(matches!(
            args.effective_settings(),
            Err(SettingsError::Parse { .. })
        ));
    }

    #[test]
    fn an_address_without_a_host_is_every_address() {
        assert_eq!(address(":8080"), "[::]:8080");
        assert_eq!(address("127.0.0.1:0"), "127.0.0.1:0");
    }
}
