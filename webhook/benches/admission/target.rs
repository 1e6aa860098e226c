//! What is measured: each a process of its own, ended with the bench.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use certs::{issue_ca, issue_leaf};
use jiff::Timestamp;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

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

    /// As an API server connects to a webhook behind a Service.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
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

/// A running target.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Drop for Target {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Keeps this process on one core, where there is more than one.
pub(crate) fn pin(core: usize) {
    if cores() < 2 {
        return;
    }
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        eprintln!("not pinned to core {core}: {error}");
    }
}

impl Target {
    /// The server that only parses.
    pub(crate) async fn floor(certificate: &Certificate) -> Self {
        let address = free();
        let mut command = on_its_own_core(&std::env::current_exe().unwrap().display().to_string());
        command.args([
            "floor",
            &address.to_string(),
            &certificate.file("tls.crt"),
            &certificate.file("tls.key"),
        ]);
        Self::start("floor", address, command).await
    }

    /// Ours, as it is shipped.
    pub(crate) async fn webhook(certificate: &Certificate) -> Self {
        let address = free();
        let settings = serde_saphyr::to_string(&reviews::settings()).unwrap();
        std::fs::write(certificate.file("settings.yaml"), settings).unwrap();
        std::fs::write(certificate.file("objects.yaml"), reviews::objects()).unwrap();
        let mut command = on_its_own_core(&program().display().to_string());
        command.args(["webhook", "--log-level", "error"]);
        for (flag, value) in [
            ("--listen", address.to_string()),
            ("--metrics-listen", free().to_string()),
            ("--health-listen", free().to_string()),
            ("--tls-cert", certificate.file("tls.crt")),
            ("--tls-key", certificate.file("tls.key")),
            ("--settings", certificate.file("settings.yaml")),
            ("--objects", certificate.file("objects.yaml")),
        ] {
            command.args([flag, &value]);
        }
        Self::start("mcp-runtime", address, command).await
    }

    async fn start(name: &'static str, address: SocketAddr, mut command: Command) -> Self {
        let process = command.stdout(Stdio::null()).spawn().unwrap();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self {
            name,
            address,
            process,
        }
    }

    /// Resident memory in KiB, as the kernel counts it.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
        kib.trim().parse().unwrap()
    }
}

/// The program that `make build` puts into bin/.
fn program() -> PathBuf {
    let program = std::env::var_os("MCP_RUNTIME").expect("MCP_RUNTIME names the program");
    std::fs::canonicalize(program).expect("MCP_RUNTIME names a program")
}

/// A program that runs on the second core, where there is one.
fn on_its_own_core(program: &str) -> Command {
    if cores() < 2 {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "1", program]);
    command
}

/// Of the machine: the standard library counts those that a process is kept on.
fn cores() -> usize {
    std::fs::read_to_string("/proc/cpuinfo").map_or(1, |text| text.matches("processor\t").count())
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
