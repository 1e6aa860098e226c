//! What a user types and sees: kubectl of the cluster's version, and `mcp-runtime`.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context as _;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::Cluster;
use crate::cluster::root;
use crate::routes;

/// What a command printed and how it ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit code 0.
    pub ok: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Cluster {
    /// Runs kubectl with these arguments and this standard input.
    pub async fn kubectl(&self, arguments: &[&str], input: &str) -> anyhow::Result<Ended> {
        self.run(root().join(".cluster/bin/kubectl"), arguments, input)
            .await
    }

    /// Runs the checkout's `bin/mcp-runtime` against this cluster.
    pub async fn mcp_runtime(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        self.run(root().join("bin/mcp-runtime"), arguments, "")
            .await
    }

    async fn run(
        &self,
        program: PathBuf,
        arguments: &[&str],
        input: &str,
    ) -> anyhow::Result<Ended> {
        let mut child = Command::new(&program)
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A wait that gives up on it leaves nothing running.
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await?;
        }
        let output = child.wait_with_output().await?;
        Ok(Ended {
            ok: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// `kubectl apply -f -` in a namespace, where servers get a route of their own.
    pub async fn apply(&self, namespace: &str, yaml: &str) -> anyhow::Result<Ended> {
        let yaml = routes::of_their_own(namespace, yaml);
        self.kubectl(&["-n", namespace, "apply", "-f", "-"], &yaml)
            .await
    }
}
