//! What is measured, and the certificate that both show.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use certs::{issue_ca, issue_leaf};
use jiff::Timestamp;
use mcp_bench::load;
use mcp_bench::target::{Cores, Target, free, this_program};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::reviews;

/// The name in the certificate.
pub(crate) const NAME: &str = "mcp-runtime-webhook.mcp-runtime.svc";

/// What both targets show, in files, and the CA behind it.
pub(crate) struct Certificate {
    folder: tempfile::TempDir,
    ca: String,
}

impl Certificate {
    pub(crate) fn issue() -> Self {
        let ca = issue_ca(Timestamp::now()).unwrap();
        let leaf = issue_leaf(&ca, &[NAME.to_owned()], Timestamp::now()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tls.crt"), leaf.certificate).unwrap();
        std::fs::write(folder.path().join("tls.key"), leaf.key).unwrap();
        let ca = ca.certificate;
        Self { folder, ca }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// So many connections, their handshakes done.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        count: usize,
    ) -> Vec<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(self.client());
        let mut streams = Vec::new();
        for _ in 0..count {
            let stream = load::connect(address).await;
            let stream = connector.connect(NAME.try_into().unwrap(), stream).await;
            streams.push(stream.unwrap());
        }
        streams
    }

    /// As an API server connects to a webhook behind a Service.
    fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.ca.as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// The server that only parses.
pub(crate) fn floor(certificate: &Certificate, cores: Cores) -> Target {
    let [address] = free();
    let mut command = this_program();
    command.args([
        "floor",
        &address.to_string(),
        &certificate.file("tls.crt"),
        &certificate.file("tls.key"),
    ]);
    Target::start("floor", address, command, cores.target)
}

/// Ours, with the Deployment's arguments, which have it log a line of JSON for each review. The
/// lines go to /dev/null: making and writing them counts, what a container runtime does with them
/// doesn't, and a file would fill up with hundreds of megabytes.
pub(crate) fn webhook(certificate: &Certificate, cores: Cores) -> Target {
    let [address, metrics, health] = free();
    let settings = serde_saphyr::to_string(&reviews::settings()).unwrap();
    std::fs::write(certificate.file("settings.yaml"), settings).unwrap();
    std::fs::write(certificate.file("objects.yaml"), reviews::objects()).unwrap();
    let mut command = Command::new(program());
    command
        .env_remove("LOG_LEVEL")
        .args(["webhook", "--log-format=json"])
        .stderr(Stdio::null());
    for (flag, value) in [
        ("--listen", address.to_string()),
        ("--metrics-listen", metrics.to_string()),
        ("--health-listen", health.to_string()),
        ("--tls-cert", certificate.file("tls.crt")),
        ("--tls-key", certificate.file("tls.key")),
        ("--settings", certificate.file("settings.yaml")),
        ("--objects", certificate.file("objects.yaml")),
    ] {
        command.args([flag, &value]);
    }
    let mut target = Target::start("mcp-runtime", address, command, cores.target);
    // `make build` copies the program out of the folder that tells.
    if let Ok(profile) = std::env::var("MCP_PROFILE") {
        target.profile = profile;
    }
    target
}

/// The program that `make build` puts into bin/.
fn program() -> PathBuf {
    let program = std::env::var_os("MCP_RUNTIME").expect("MCP_RUNTIME names the program");
    std::fs::canonicalize(program).expect("MCP_RUNTIME names a program")
}
