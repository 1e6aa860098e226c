//! The command line.

use std::fs::{self, File};
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};

use crate::external::Unreachable;
use crate::images::{self, everything, go_everything};
use crate::oci::{self, Config, Name, Tree};
use crate::progress::say;
use crate::record::Record;
use crate::{cert_manager, checkout, containerd, down, external, health, smoke, up};

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
    /// e2e/kube and kept in $MCP_CACHE (default ~/.cache/mcp-runtime). A cluster that is here but can't be used is
    /// replaced. With MCP_CLUSTER=kubeconfig nothing is booted: .cluster/env gets the cluster of $KUBECONFIG, and
    /// $MCP_URL as its ingress controller's address. Prints `booting` before it boots one: who takes down what it
    /// booted and nothing else reads that.
    Up,
    /// Tell by the exit code whether there is a cluster that can be used: 0, else 3, and why on stderr.
    Status,
    /// Take the cluster down, whichever checkout booted it, and remove every trace of it.
    Down,
    /// Get and build everything that `up` and the other verbs need, without booting anything.
    ///
    /// For the background while other things compile. It goes to $MCP_CACHE.
    Prepare,
    /// Try the running cluster: pods, Services, logs, exec, Ingress, RBAC, and how soon a touched pod sees its ConfigMap.
    Smoke,
    /// Load an image archive (OCI or docker save) into the cluster.
    ///
    /// Pods use it by the name that the archive gives it, with imagePullPolicy IfNotPresent or Never.
    Load {
        /// The archive.
        archive: PathBuf,
    },
    /// Run cert-manager's controller in the cluster, for the tests that need one.
    ///
    /// Built from e2e/cert-manager; its resource definitions are those of its module.
    CertManager {
        /// Build it and no more: for the background while other things compile.
        #[arg(long)]
        prepare: bool,
    },
    /// Write an image from files: an OCI archive of one layer, the same bytes for the same files.
    ///
    /// It starts from nothing but /etc/passwd, /etc/group, /etc/nsswitch.conf and /tmp.
    Image(ImageArguments),
    /// Write the image mcp-server-everything:dev, npm's reference MCP server: port 8088 (PORT), path /mcp.
    ImageEverything {
        #[command(flatten)]
        output: Output,
    },
    /// Write the image mcp-go-everything:dev, the official Go SDK's conformance server: port 8088, stateless.
    ///
    /// A pod's `args: ["-stateless=false"]` gives it sessions.
    ImageGoEverything {
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Args)]
struct ImageArguments {
    /// Its name with a tag; a short one is completed with docker.io/library/.
    #[arg(long = "ref", value_name = "NAME:TAG")]
    name: Name,
    /// A file or folder to put in, by its path in the image; may be repeated.
    #[arg(long, value_name = "/PATH=SOURCE", value_parser = addition)]
    add: Vec<(PathBuf, PathBuf)>,
    /// A folder whose content becomes the image's root; may be repeated.
    #[arg(long, value_name = "FOLDER")]
    tree: Vec<PathBuf>,
    /// Numbers, as Kubernetes' runAsNonRoot wants them.
    #[arg(long, value_name = "UID[:GID]", default_value = "65532:65532")]
    user: String,
    /// The program and its fixed arguments, one each.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    entrypoint: Vec<String>,
    /// Arguments that a pod's args replace, one each.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    cmd: Vec<String>,
    /// An environment variable; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// The folder that it starts in.
    #[arg(long, value_name = "/PATH", default_value = "/")]
    workdir: String,
    /// The archive to write; its path goes to stdout.
    #[arg(short, long, value_name = "FILE.tar")]
    output: PathBuf,
}

#[derive(Args)]
struct Output {
    /// Where to copy the archive; without it, the cached archive's own path goes to stdout.
    #[arg(short, long, value_name = "FILE.tar")]
    output: Option<PathBuf>,
}

/// Runs the command line's verb: 0 done, 1 it failed, 2 it wasn't understood, 3 there is no cluster.
pub fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("cluster: {error:#}"));
            ExitCode::from(if error.is::<Unreachable>() { 3 } else { 1 })
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Up => up(),
        Verb::Status => status(),
        Verb::Down => down(),
        Verb::Prepare => up::prepare(&checkout::find()?),
        Verb::Smoke => local().and_then(|()| smoke::smoke()),
        Verb::Load { archive } => load(&archive),
        Verb::CertManager { prepare: true } => {
            images::cert_manager::archive(&checkout::find()?).map(drop)
        }
        Verb::CertManager { prepare: false } => start_cert_manager(),
        Verb::Image(arguments) => image(arguments),
        Verb::ImageEverything { output } => {
            deliver(everything::archive(&checkout::find()?)?, output)
        }
        Verb::ImageGoEverything { output } => {
            deliver(go_everything::archive(&checkout::find()?)?, output)
        }
    }
}

fn load(archive: &Path) -> Result<()> {
    if external::is_wanted()? {
        bail!("MCP_CLUSTER=kubeconfig: push the image to a registry that your cluster pulls from");
    }
    local()?;
    containerd::import(archive)
}

fn start_cert_manager() -> Result<()> {
    if external::is_wanted()? {
        bail!(
            "MCP_CLUSTER=kubeconfig: install cert-manager in your cluster as its own documentation says"
        );
    }
    local()?;
    cert_manager::start(&checkout::find()?)
}

/// For what needs the local cluster.
fn local() -> Result<()> {
    if !health::is_there() {
        bail!(Unreachable(
            "no local cluster on this machine; boot one with `cluster up`".to_owned()
        ));
    }
    Ok(())
}

fn up() -> Result<()> {
    let checkout = checkout::find()?;
    if external::is_wanted()? {
        return external::adopt(&checkout);
    }
    let _alone = alone()?;
    up::up(&checkout)
}

fn status() -> Result<()> {
    if external::is_wanted()? {
        return external::answers();
    }
    local()?;
    let problems = health::problems(&Record::read()?.unwrap_or_default());
    if !problems.is_empty() {
        bail!(Unreachable(problems.join("; ")));
    }
    Ok(())
}

fn down() -> Result<()> {
    if external::is_wanted()? {
        return checkout::unlink(&checkout::find()?);
    }
    let _alone = alone()?;
    down::down()
}

fn image(arguments: ImageArguments) -> Result<()> {
    let output = arguments.output;
    let mut tree = Tree::minimal_root()?;
    for source in &arguments.tree {
        tree.add(Path::new("/"), source)?;
    }
    for (path, source) in &arguments.add {
        // What is named here is meant itself, even where it is reached by a link.
        let source =
            fs::canonicalize(source).with_context(|| format!("resolve {}", source.display()))?;
        tree.add(path, &source)?;
    }
    let config = Config {
        user: arguments.user,
        entrypoint: arguments.entrypoint,
        cmd: arguments.cmd,
        env: arguments.env,
        workdir: arguments.workdir,
    };
    let digest = oci::write(&arguments.name, &tree, &config, &output)?;
    say(&format!(
        "{} is {} at {digest}",
        output.display(),
        arguments.name
    ));
    result(&output)
}

/// Gives a cached archive: a copy where one is wanted, else its path.
fn deliver(archive: PathBuf, wanted: Output) -> Result<()> {
    let Some(output) = wanted.output else {
        return result(&archive);
    };
    if let Some(folder) = output
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    }
    fs::copy(&archive, &output)
        .with_context(|| format!("copy {} to {}", archive.display(), output.display()))?;
    result(&output)
}

fn result(path: &Path) -> Result<()> {
    writeln!(stdout(), "{}", path.display()).context("write the result")
}

fn addition(argument: &str) -> Result<(PathBuf, PathBuf), String> {
    let (path, source) = argument
        .split_once('=')
        .ok_or("write it as /path/in/image=path/here")?;
    Ok((path.into(), source.into()))
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
