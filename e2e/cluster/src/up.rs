//! Booting the cluster.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::components::{self, Component};
use crate::process::Process;
use crate::progress::{say, seconds, step};
use crate::record::{Record, boot_id};
use crate::{
    checkout, containerd, dns, down, exec, firewall, health, images, kube, kubectl, network,
    packages, place, probe, sysctl, traefik, wait,
};

/// How long a component may take to answer, on a machine that is busy compiling besides.
const PATIENCE: Duration = Duration::from_secs(120);

/// Boots the cluster, or finds it up; then links it into the checkout.
///
/// # Errors
/// A step fails; where a component is to blame, the error ends with its log's last lines.
pub fn up(checkout: &Path) -> Result<()> {
    let started = Instant::now();
    if let Some(record) = usable()? {
        say("           the cluster is up already");
        return adopt(record, checkout);
    }
    // What was written for an earlier cluster says nothing of this one.
    checkout::unlink(checkout)?;
    // Before anything is there to be taken down.
    writeln!(stdout(), "booting").context("write the result")?;
    step("operating system's packages", packages::install)?;
    let built = step("Kubernetes programs", || kube::build(checkout))?;
    let archives = step("platform's images", || images::platform(checkout, &built))?;
    let mut boot = step("folders and credentials", || Boot::begin(&built))?;
    step("network", network::create)?;
    boot.until(components::etcd(), etcd_answers)?;
    boot.until(components::apiserver(), health::api_server)?;
    let controllers = boot.start(components::controller_manager())?;
    boot.start(components::scheduler())?;
    boot.start(components::kube_proxy())?;
    boot.until(components::netpol(), firewall::enforces)?;
    boot.until(components::containerd(), containerd::answers)?;
    step("images loaded", || {
        archives
            .iter()
            .try_for_each(|archive| containerd::import(archive))
    })?;
    boot.until(components::kubelet(), health::node)?;
    step("ServiceAccount default", || {
        controllers.answers(default_account)
    })?;
    step("CoreDNS and Traefik", addons)?;
    boot.record.complete = true;
    adopt(boot.record, checkout)?;
    say(&format!("{:>7} s  in all", seconds(started.elapsed())));
    Ok(())
}

/// Gets and builds everything that a boot and the tests' images need, without a boot.
///
/// # Errors
/// A package can't be had or doesn't build.
pub fn prepare(checkout: &Path) -> Result<()> {
    step("operating system's packages", packages::install)?;
    let built = step("Kubernetes programs", || kube::build(checkout))?;
    step("platform's images", || images::platform(checkout, &built))?;
    step("image mcp-server-everything", || {
        images::everything::archive(checkout)
    })?;
    step("image mcp-go-everything", || {
        images::go_everything::archive(checkout)
    })?;
    Ok(())
}

/// The record of a cluster in good health; the remains of another are removed.
fn usable() -> Result<Option<Record>> {
    if let Some(record) = Record::read()? {
        let problems = health::problems(&record);
        if problems.is_empty() {
            return Ok(Some(record));
        }
        say(&format!(
            "           a cluster is here but can't be used: {}",
            problems.join("; ")
        ));
    } else if !Path::new(place::ROOT).exists() && !network::exists() {
        return Ok(None);
    }
    down::down()?;
    Ok(None)
}

/// Makes the cluster known to a checkout, and the checkout to `down`.
fn adopt(mut record: Record, checkout: &Path) -> Result<()> {
    checkout::link(checkout)?;
    record.checkouts.insert(checkout.to_owned());
    record.write()?;
    say(&format!(
        "           KUBECONFIG={}",
        place::kubeconfig().display()
    ));
    say(&format!(
        "           MCP_URL={}  NODE_IP={}  (in .cluster/env)",
        place::MCP_URL,
        place::NODE_IP
    ));
    Ok(())
}

/// A boot under way.
struct Boot {
    record: Record,
}

impl Boot {
    fn begin(built: &Path) -> Result<Self> {
        for folder in ["logs", "credentials", "pod-logs"] {
            let folder = place::path(folder);
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        }
        let record = Record {
            boot_id: boot_id()?,
            checkouts: BTreeSet::new(),
            processes: Vec::new(),
            sysctls: sysctl::remember(),
            chains: firewall::chains()?,
            folders: down::folders_to_come(),
            complete: false,
        };
        record.write()?;
        kube::place(built)?;
        crate::cgroups::create()?;
        for (name, content) in [
            ("containerd.toml", include_str!("../config/containerd.toml")),
            ("kubelet.yaml", include_str!("../config/kubelet.yaml")),
            ("kube-proxy.yaml", include_str!("../config/kube-proxy.yaml")),
        ] {
            fs::write(place::path(name), content).with_context(|| format!("write {name}"))?;
        }
        let dir = place::path("credentials").display().to_string();
        let flags = [
            ("dir", dir.as_str()),
            ("server", place::API_SERVER),
            ("node", place::NODE),
            ("node-ip", place::NODE_IP),
            ("service-ip", place::API_SERVICE_IP),
        ];
        let args: Vec<String> = flags
            .iter()
            .map(|(flag, value)| format!("--{flag}={value}"))
            .collect();
        exec::output(place::program("credentials"), &args)?;
        Ok(Self { record })
    }

    /// Starts a component.
    fn start(&mut self, component: Component) -> Result<Started> {
        let name = component.name;
        let log = place::log(name);
        let process = Process::start(name, &mut component.command(), &log)?;
        self.record.processes.push(process.clone());
        self.record.write()?;
        Ok(Started { process, log })
    }

    /// Starts a component and waits until `ready` has nothing to say against it.
    fn until(
        &mut self,
        component: Component,
        ready: impl Fn() -> Result<(), String>,
    ) -> Result<()> {
        step(component.name, || self.start(component)?.answers(ready))
    }
}

/// A component that runs, or did.
struct Started {
    process: Process,
    log: PathBuf,
}

impl Started {
    fn answers(&self, ready: impl Fn() -> Result<(), String>) -> Result<()> {
        let outcome = wait::until(&format!("{} ready", self.process.name), PATIENCE, || {
            if !self.process.is_alive() {
                bail!("{} has ended", self.process.name);
            }
            Ok(ready())
        });
        outcome.with_context(|| exec::tail(&self.log, 20))
    }
}

/// What comes with the cluster as pods.
fn addons() -> Result<()> {
    kubectl::apply(dns::MANIFEST, "kube-system")?;
    kubectl::apply(traefik::MANIFEST, "traefik")?;
    wait::until("an answer", PATIENCE, || Ok(health::addons()))
}

fn etcd_answers() -> Result<(), String> {
    match probe::get(place::ETCD, "/health") {
        Ok((200, _)) => Ok(()),
        Ok((status, body)) => Err(format!("{status}: {body}")),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Pods can be created once the namespace's account is there.
fn default_account() -> Result<(), String> {
    let account = [
        "get",
        "serviceaccount",
        "default",
        "--namespace=default",
        "--request-timeout=5s",
    ];
    kubectl::run(&account)
        .map(drop)
        .map_err(|error| format!("{error:#}"))
}
