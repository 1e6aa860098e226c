//! The command line.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

use crate::progress::say;
use crate::{checkout, containerd, down, up};

/// A real local Kubernetes cluster without a container engine; one a machine.
///
/// Boots etcd, kube-apiserver, kube-controller-manager, kube-scheduler, containerd, kubelet and kube-proxy as processes
/// of this machine. Run it as root, anywhere in a checkout. Progress is on stderr, results on stdout.
#[derive(Parser)]
#[command(name = "cluster", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Boot the cluster, or find that it is up; write .cluster/env and link .cluster/bin/kubectl.
    ///
    /// What is missing of the operating system's packages is installed with apt-get. The programs are built from
    /// e2e/kube and kept in $MCP_CACHE (default ~/.cache/mcp-runtime).
    Up,
    /// Take the cluster down, whichever checkout booted it, and remove every trace of it.
    Down,
    /// Load an image archive (OCI or docker save) into the cluster.
    Load {
        /// The archive.
        archive: PathBuf,
    },
}

/// Runs the command line's verb: 0 done, 1 it failed, 2 it wasn't understood.
pub fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("cluster: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Up => {
            let _alone = alone()?;
            up::up(&checkout::find()?)
        }
        Verb::Down => {
            let _alone = alone()?;
            down::down()
        }
        Verb::Load { archive } => containerd::import(&archive),
    }
}

/// Waits for other boots and tear-downs of this machine; the lock goes with the value.
fn alone() -> Result<File> {
    if !rustix::process::geteuid().is_root() {
        bail!("run it as root: it makes a bridge, mounts and control groups");
    }
    let path = "/run/lock/mcp-runtime-cluster";
    let file = File::create(path).with_context(|| format!("create {path}"))?;
    file.lock().with_context(|| format!("lock {path}"))?;
    Ok(file)
}
