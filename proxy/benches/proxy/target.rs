//! What is measured: each a process of its own, ended with the bench.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running target.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    process: Option<Child>,
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill().ok();
            process.wait().ok();
        }
    }
}

/// Keeps this process on one core, where there is more than one.
pub(crate) fn pin(core: usize) {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() < 2) {
        return;
    }
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        eprintln!("not pinned to core {core}: {error}");
    }
}

impl Target {
    /// The server behind all targets.
    pub(crate) async fn backend() -> Self {
        let address = free();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["backend", &address.to_string()]);
        Self::start("backend", address, command, None).await
    }

    /// No proxy.
    pub(crate) fn direct(backend: &Self) -> Self {
        Self {
            name: "direct",
            address: backend.address,
            process: None,
            _folder: None,
        }
    }

    /// The proxy that decides nothing.
    pub(crate) async fn floor(backend: &Self) -> Self {
        let address = free();
        let mut command = on_its_own_core(&std::env::current_exe().unwrap().display().to_string());
        command.args(["floor", &address.to_string(), &backend.address.to_string()]);
        Self::start("floor", address, command, None).await
    }

    /// Ours, with 1,000 sessions and 100 grants, its events going where they cost least.
    pub(crate) async fn proxy(backend: &Self) -> Self {
        let address = free();
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy.json");
        std::fs::write(&policy, document()).unwrap();
        let mut command = on_its_own_core(env!("CARGO_BIN_EXE_mcp-proxy"));
        command.args([
            "--policy",
            &policy.display().to_string(),
            "--upstream",
            &format!("http://{}", backend.address),
            "--listen",
            &address.to_string(),
            "--admin-listen",
            &free().to_string(),
            "--log-level",
            "error",
        ]);
        Self::start("mcp-proxy", address, command, Some(folder)).await
    }

    async fn start(
        name: &'static str,
        address: SocketAddr,
        mut command: Command,
        folder: Option<tempfile::TempDir>,
    ) -> Self {
        let process = command.stdout(Stdio::null()).spawn().unwrap();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Self {
            name,
            address,
            process: Some(process),
            _folder: folder,
        }
    }

    /// Resident memory in KiB, as the kernel counts it.
    pub(crate) fn resident_kib(&self) -> Option<u64> {
        let process = self.process.as_ref()?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.trim().parse().ok()
    }
}

/// A program that runs on the second core, where there is one.
fn on_its_own_core(program: &str) -> Command {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() < 2) {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "1", program]);
    command
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn document() -> String {
    let mut grants = String::new();
    let mut sessions = String::new();
    for number in 0..100 {
        let human = if number == 50 {
            "ann".to_owned()
        } else {
            format!("human-{number}")
        };
        write!(
            grants,
            r#"{{"name":"g-{number}","namespace":"bench","human_id":"{human}","max_trust":"high","allowed_side_effects":["read"]}},"#
        )
        .unwrap();
    }
    for number in 0..1000 {
        let human = if number == 500 {
            "ann".to_owned()
        } else {
            format!("human-{number}")
        };
        write!(
            sessions,
            r#"{{"name":"s-{number}","namespace":"bench","human_id":"{human}","consented_trust":"high"}},"#
        )
        .unwrap();
    }
    format!(
        r#"{{"schema_version":"v1","server":{{"name":"bench","namespace":"bench"}},"auth":{{"mode":"header"}},"tools":[{{"name":"echo","side_effect":"read"}}],"grants":[{}],"sessions":[{}]}}"#,
        grants.trim_end_matches(','),
        sessions.trim_end_matches(',')
    )
}
